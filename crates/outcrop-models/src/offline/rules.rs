//! Rules of the agent's instruction that the planner can keep: what goes to whom above an amount, what needs a yes.

use super::clauses::sentences;
use super::entities::{Kind, entities};
use super::tool::{Tool, Type, stems};
use super::words::{same, words};
use regex::Regex;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// Most of an instruction that is read for rules, in bytes.
const INSTRUCTION_BYTES_MAX: usize = 40_000;

/// What the instruction demands.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    thresholds: Vec<Threshold>,
    consents: Vec<Vec<String>>,
    lookups: Vec<Vec<String>>,
    fallbacks: Vec<Vec<String>>,
    identifies: Vec<Vec<String>>,
}

/// "For refunds > $500, always escalate to a human."
#[derive(Clone, Debug)]
pub(super) struct Threshold {
    /// As written, for the rationale.
    pub(super) text: String,
    subject: Vec<String>,
    limit: f64,
    inclusive: bool,
    below: bool,
    action: Vec<String>,
}

static COMPARISON: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)>=|<=|≥|≤|>|<|\b(?:over|above|more than|greater than|larger than|higher than|exceed(?:s|ing)?|at least|or more|below|under|less than|at most)\b")
        .expect("the pattern is written here and tested")
});
static CONSENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:never|not|only|always|must|before|first|ask|get)\b.*\b(?:consent|confirmation|permission|approval|agree(?:s|d|ment)?|confirm(?:s|ed)?)\b|\b(?:consent|confirm|confirmation|permission|approval|agreement)\b.*\b(?:before|first|required|needed)\b|\bask\b.*\bbefore\b")
        .expect("the pattern is written here and tested")
});
static LOOKUP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:^\W*(?:always\s+|please\s+)?|\byou\s+(?:should|must|have\s+to|need\s+to)\s+(?:always\s+|first\s+)?)(?:look|check|fetch|retrieve)\b.*\bbefore\b")
        .expect("the pattern is written here and tested")
});

/// "You have to authenticate the user by e-mail", "always verify who is calling first".
static IDENTIFY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:authenticate|identify|verify|establish|confirm|check|locate|look\s+up|find)\b[^.]*\b(?:identity|users?|customers?|callers?|clients?|members?|patients?|accounts?|guests?|who)\b")
        .expect("the pattern is written here and tested")
});
static FIRST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:authenticat|identity|identify|verify)\w*|\b(?:at\s+the\s+(?:beginning|start)|first|before\s+(?:any|help|do|you))")
        .expect("the pattern is written here and tested")
});
static ORDERS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W*(?:always|first|authenticate|identify|verify|before)\b|\b(?:must|have\s+to|has\s+to|need\s+to|should|always)\b")
        .expect("the pattern is written here and tested")
});

static FALLBACK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:if|when|whenever)\b[^,]{0,60}\b(?:can(?:not|\s+not|['’]?t)|unable|not\s+able|don['’]?t\s+know)\b[^,]{0,60}?(?:,\s*|\bthen\s+)(.+)$|^(.+?)\s+(?:if|when|whenever)\s+you\s+(?:can(?:not|['’]?t)|are\s+unable|don['’]?t\s+know)\b")
        .expect("the pattern is written here and tested")
});

impl Rules {
    /// Reads the rules out of the system prompt.
    pub(super) fn new(system: &[String]) -> Self {
        let mut rules = Self::default();
        let mut left = INSTRUCTION_BYTES_MAX;
        for block in system {
            let block = super::words::cut(block, left);
            left -= block.len();
            for sentence in block.lines().flat_map(sentences) {
                rules.read(sentence.trim_start_matches(['-', '*', '•', ' ']));
            }
        }
        rules
    }

    fn read(&mut self, sentence: &str) {
        if let Some(threshold) = threshold(sentence) {
            self.thresholds.push(threshold);
        }
        if CONSENT.is_match(sentence) {
            self.consents.push(stems(sentence));
        }
        if let Some(found) = FALLBACK.captures(sentence)
            && let Some(action) = found.iter().skip(1).flatten().next()
        {
            self.fallbacks.push(stems(action.as_str()));
        }
        if IDENTIFY.is_match(sentence) && FIRST.is_match(sentence) && ORDERS.is_match(sentence) {
            self.identifies.push(stems(sentence));
        }
        if LOOKUP.is_match(sentence) {
            let until = sentence.to_lowercase().find(" before").unwrap_or(sentence.len());
            self.lookups.push(stems(sentence.get(..until).unwrap_or(sentence)));
        }
    }

    /// The rule that takes a call with these arguments away from a tool, and the tool that gets it.
    pub(super) fn diversion(
        &self,
        tools: &[Tool],
        tool: usize,
        arguments: &Map<String, Value>,
    ) -> Option<(&Threshold, Option<usize>)> {
        let subject = &tools[tool];
        let rule = self.thresholds.iter().find(|rule| rule.concerns(subject) && rule.is_reached(subject, arguments))?;
        let instead = (0..tools.len()).filter(|&other| other != tool).find(|&other| {
            tools[other]
                .name_stems
                .iter()
                .any(|stem| rule.action.iter().any(|action| same(action, stem)) && !subject.name_stems.contains(stem))
        });
        Some((rule, instead))
    }

    /// The tool that the instruction names for what nothing else can do.
    pub(super) fn fallback(&self, tools: &[Tool]) -> Option<usize> {
        let named = |tool: &Tool| {
            tool.is_guarded()
                && self
                    .fallbacks
                    .iter()
                    .any(|action| tool.deeds.iter().any(|deed| action.iter().any(|stem| stem == deed)))
        };
        tools.iter().position(named)
    }

    /// The tools that find out who the user is, where the instruction wants that to be known first: they read, they are
    /// named after the person and what they ask for is no record's ID.
    pub(super) fn identifying(&self, tools: &[Tool]) -> Vec<usize> {
        let persons = ["user", "customer", "caller", "client", "member", "patient", "account", "guest", "identity"];
        let finds = |tool: &Tool| {
            let named = |words: &[&str]| {
                let parts = super::words::name_parts(&tool.short);
                parts.iter().any(|part| words.iter().any(|word| super::words::stem(word) == super::words::stem(part)))
            };
            let person = persons.iter().any(|person| {
                let stem = super::words::stem(person);
                named(&[person]) && self.identifies.iter().any(|rule| rule.iter().any(|word| same(word, &stem)))
            });
            let verb =
                named(&["find", "lookup", "look", "identify", "authenticate", "verify", "locate", "search", "get"]);
            let mut required = tool.required().peekable();
            !tool.is_guarded() && person && verb && required.peek().is_some() && required.all(|one| !one.is_id())
        };
        if self.identifies.is_empty() {
            return Vec::new();
        }
        (0..tools.len()).filter(|&index| finds(&tools[index])).collect()
    }

    /// Whether the user has to agree before the tool is used.
    pub(super) fn needs_consent(&self, tool: &Tool) -> bool {
        if !tool.is_guarded() {
            return false;
        }
        let own = |stems: &[String]| tool.deeds.iter().any(|deed| stems.iter().any(|stem| same(stem, deed)));
        self.consents.iter().any(|consent| own(consent))
            || tool.parameters.iter().any(|parameter| parameter.required && parameter.is_consent())
            || sentences(&tool.description).into_iter().any(|sentence| CONSENT.is_match(sentence))
    }

    /// Whether what is to be changed has to be looked up first, and by words of which thing.
    pub(super) fn looks_up_first(&self, tool: &Tool) -> bool {
        tool.is_guarded()
            && self.lookups.iter().any(|things| {
                tool.name_stems
                    .iter()
                    .chain(tool.parameters.iter().flat_map(|p| &p.stems))
                    .any(|stem| stem != "id" && things.contains(stem))
            })
    }
}

fn threshold(sentence: &str) -> Option<Threshold> {
    let found = COMPARISON.find(sentence)?;
    let after = &sentence[found.end()..];
    let number = entities(after).into_iter().find(|entity| matches!(entity.kind, Kind::Number | Kind::Money))?;
    // Only what stands right behind the comparison is its limit.
    if !after[..number.start].trim().is_empty() {
        return None;
    }
    let rest = after[number.end..].trim_start_matches(|c: char| !c.is_alphabetic());
    let before = &sentence[..found.start()];
    let (subject, action) = if stems(rest).is_empty() { split_action_first(before)? } else { (before, rest) };
    let sign = found.as_str().to_lowercase();
    Some(Threshold {
        text: sentence.trim_end_matches(['.', '!']).to_owned(),
        subject: stems(subject),
        limit: number.number?,
        inclusive: matches!(sign.as_str(), ">=" | "<=" | "≥" | "≤" | "at least" | "or more" | "at most"),
        below: matches!(sign.as_str(), "<" | "<=" | "≤" | "below" | "under" | "less than" | "at most"),
        action: stems(action),
    })
}

/// "Escalate refunds above $500": the action comes before the subject.
fn split_action_first(before: &str) -> Option<(&str, &str)> {
    let all = words(before);
    let first = all.iter().find(|word| word.is_content() && !matches!(word.text.as_str(), "always" | "never"))?;
    let forbids = before.to_lowercase().contains("never") || before.to_lowercase().contains("not ");
    if forbids { None } else { Some((&before[first.end..], &before[first.start..first.end])) }
}

impl Threshold {
    fn concerns(&self, tool: &Tool) -> bool {
        tool.deeds.iter().chain(&tool.name_stems).any(|own| self.subject.iter().any(|stem| same(stem, own)))
    }

    fn is_reached(&self, tool: &Tool, arguments: &Map<String, Value>) -> bool {
        let amounts = tool.parameters.iter().filter(|parameter| {
            matches!(parameter.kind, Type::Number | Type::Integer | Type::String | Type::Any) && !parameter.is_id()
        });
        let amounts = amounts.filter_map(|parameter| {
            let value = arguments.get(&parameter.name)?;
            value.as_f64().or_else(|| {
                value
                    .as_str()
                    .filter(|_| parameter.named(&["amount", "total", "sum", "value", "price"]))
                    .and_then(super::entities::number)
            })
        });
        amounts.into_iter().any(|amount| match (self.below, self.inclusive) {
            (false, false) => amount > self.limit,
            (false, true) => amount >= self.limit,
            (true, false) => amount < self.limit,
            (true, true) => amount <= self.limit,
        })
    }
}
