//! What a guardrail is compiled from: the members of AWS's CreateGuardrail as plain types.

/// Policies of a guardrail. An empty list is a policy that is not configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// `topicPolicyConfig.topicsConfig`.
    pub topics: Vec<Topic>,
    /// `contentPolicyConfig.filtersConfig`.
    pub filters: Vec<ContentFilter>,
    /// `wordPolicyConfig.wordsConfig`.
    pub words: Vec<Word>,
    /// `wordPolicyConfig.managedWordListsConfig`.
    pub managed_word_lists: Vec<ManagedWordList>,
    /// `sensitiveInformationPolicyConfig.piiEntitiesConfig`.
    pub pii_entities: Vec<PiiEntity>,
    /// `sensitiveInformationPolicyConfig.regexesConfig`.
    pub regexes: Vec<CustomRegex>,
    /// `contextualGroundingPolicyConfig.filtersConfig`.
    pub grounding: Vec<GroundingFilter>,
}

/// What to do with a finding, per direction. `action` holds for both; `input_action` and `output_action` override it;
/// an enabled flag of `false` skips the evaluation of that direction, an absent one means enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule<A> {
    /// For both directions.
    pub action: A,
    /// For input only.
    pub input_action: Option<A>,
    /// For output only.
    pub output_action: Option<A>,
    /// `false`: input is not evaluated.
    pub input_enabled: Option<bool>,
    /// `false`: output is not evaluated.
    pub output_enabled: Option<bool>,
}

impl<A: Copy> Rule<A> {
    /// The same action in both directions.
    pub fn both(action: A) -> Self {
        Self { action, input_action: None, output_action: None, input_enabled: None, output_enabled: None }
    }

    /// The action for a text from `source`; nothing when that direction is not evaluated.
    pub fn for_source(&self, source: Source) -> Option<A> {
        let (enabled, own) = match source {
            Source::Output => (self.output_enabled, self.output_action),
            Source::Input | Source::ToolResult | Source::Passage => (self.input_enabled, self.input_action),
        };
        (enabled != Some(false)).then(|| own.unwrap_or(self.action))
    }
}

/// Where a text comes from. Tool results and passages are material that others wrote: policies treat them as input,
/// the prompt attack filter by thresholds of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// What the user says.
    Input,
    /// What the model says.
    Output,
    /// What a tool gave back.
    ToolResult,
    /// What a knowledge base gave back.
    Passage,
}

/// `BLOCK` or `NONE` (report only).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockAction {
    /// The text does not pass.
    Block,
    /// The finding is reported, the text passes.
    None,
}

/// `BLOCK`, `ANONYMIZE` or `NONE` (report only).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SensitiveAction {
    /// The text does not pass.
    Block,
    /// The value is replaced by `{TYPE}`.
    Anonymize,
    /// The finding is reported, the text passes.
    None,
}

/// A denied topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    /// 1 to 100 characters; reported in findings.
    pub name: String,
    /// What the topic is about.
    pub definition: String,
    /// Phrases that belong to the topic, at most five on AWS.
    pub examples: Vec<String>,
    /// What to do.
    pub rule: Rule<BlockAction>,
}

/// A content filter with a strength per direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentFilter {
    /// The category.
    pub r#type: FilterType,
    /// Which confidence blocks input.
    pub input_strength: Strength,
    /// Which confidence blocks output.
    pub output_strength: Strength,
    /// What to do.
    pub rule: Rule<BlockAction>,
}

impl ContentFilter {
    /// The strength for a source; tool results and passages take that of input.
    pub fn strength(&self, source: Source) -> Strength {
        if source == Source::Output { self.output_strength } else { self.input_strength }
    }
}

/// A custom word or phrase.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// 1 to 100 characters.
    pub text: String,
    /// What to do.
    pub rule: Rule<BlockAction>,
}

/// A word list that the server keeps; AWS has one, `PROFANITY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagedWordList {
    /// What to do.
    pub rule: Rule<BlockAction>,
}

/// One of the entity types with its action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PiiEntity {
    /// The type.
    pub r#type: PiiType,
    /// What to do.
    pub rule: Rule<SensitiveAction>,
}

/// A custom pattern; no look-around, so that matching stays linear.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomRegex {
    /// The name, which is also the placeholder: `{name}`.
    pub name: String,
    /// The pattern.
    pub pattern: String,
    /// What to do.
    pub rule: Rule<SensitiveAction>,
}

/// A grounding filter: below the threshold the answer is flagged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroundingFilter {
    /// Grounding or relevance.
    pub r#type: GroundingType,
    /// 0 to 0.99.
    pub threshold: f64,
    /// `None` (report only) or `Block`.
    pub action: BlockAction,
    /// `false`: not evaluated.
    pub enabled: bool,
}

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $type { $(#[doc = concat!("`", $name, "`")] $variant,)+ }

        impl $type {
            /// All of them, in AWS's order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The one with this name on the wire.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

names! {
    /// Categories of content filters.
    FilterType {
        Insults = "INSULTS",
        Hate = "HATE",
        Sexual = "SEXUAL",
        Violence = "VIOLENCE",
        Misconduct = "MISCONDUCT",
        PromptAttack = "PROMPT_ATTACK",
    }
}

names! {
    /// How much a filter lets through: `LOW` blocks only what it is sure of, `HIGH` also what it is little sure of.
    Strength {
        None = "NONE",
        Low = "LOW",
        Medium = "MEDIUM",
        High = "HIGH",
    }
}

names! {
    /// How sure a detector is.
    Confidence {
        None = "NONE",
        Low = "LOW",
        Medium = "MEDIUM",
        High = "HIGH",
    }
}

impl Strength {
    /// AWS's matrix: `LOW` blocks `HIGH`; `MEDIUM` blocks `HIGH` and `MEDIUM`; `HIGH` blocks all but `NONE`.
    pub fn blocks(self, confidence: Confidence) -> bool {
        match self {
            Self::None => false,
            Self::Low => confidence >= Confidence::High,
            Self::Medium => confidence >= Confidence::Medium,
            Self::High => confidence >= Confidence::Low,
        }
    }
}

names! {
    /// What a grounding filter asks.
    GroundingType {
        Grounding = "GROUNDING",
        Relevance = "RELEVANCE",
    }
}

names! {
    /// The sensitive entity types of AWS, all 31.
    PiiType {
        Address = "ADDRESS",
        Age = "AGE",
        AwsAccessKey = "AWS_ACCESS_KEY",
        AwsSecretKey = "AWS_SECRET_KEY",
        CaHealthNumber = "CA_HEALTH_NUMBER",
        CaSocialInsuranceNumber = "CA_SOCIAL_INSURANCE_NUMBER",
        CreditDebitCardCvv = "CREDIT_DEBIT_CARD_CVV",
        CreditDebitCardExpiry = "CREDIT_DEBIT_CARD_EXPIRY",
        CreditDebitCardNumber = "CREDIT_DEBIT_CARD_NUMBER",
        DriverId = "DRIVER_ID",
        Email = "EMAIL",
        InternationalBankAccountNumber = "INTERNATIONAL_BANK_ACCOUNT_NUMBER",
        IpAddress = "IP_ADDRESS",
        LicensePlate = "LICENSE_PLATE",
        MacAddress = "MAC_ADDRESS",
        Name = "NAME",
        Password = "PASSWORD",
        Phone = "PHONE",
        Pin = "PIN",
        SwiftCode = "SWIFT_CODE",
        UkNationalHealthServiceNumber = "UK_NATIONAL_HEALTH_SERVICE_NUMBER",
        UkNationalInsuranceNumber = "UK_NATIONAL_INSURANCE_NUMBER",
        UkUniqueTaxpayerReferenceNumber = "UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER",
        Url = "URL",
        Username = "USERNAME",
        UsBankAccountNumber = "US_BANK_ACCOUNT_NUMBER",
        UsBankRoutingNumber = "US_BANK_ROUTING_NUMBER",
        UsIndividualTaxIdentificationNumber = "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER",
        UsPassportNumber = "US_PASSPORT_NUMBER",
        UsSocialSecurityNumber = "US_SOCIAL_SECURITY_NUMBER",
        VehicleIdentificationNumber = "VEHICLE_IDENTIFICATION_NUMBER",
    }
}
