//! What a function is called by: name, partial ARN or ARN, each also with a qualifier.

use super::errors;
use crate::Settings;
use crate::errors::{OpResult, validation};

/// The one version there is.
pub(super) const LATEST: &str = "$LATEST";
/// Longest name of a function, in characters.
const NAME_CHARS_MAX: usize = 64;

/// A function as a caller names it. Region and account select nothing: whatever region a template was written for, the
/// function of that name answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FunctionName {
    /// The bare name.
    pub(super) name: String,
    /// The version or alias that is wanted.
    pub(super) qualifier: Option<String>,
    region: Option<String>,
    account: Option<String>,
}

impl FunctionName {
    /// Reads a name; `None` when it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(9, ':').collect();
        let (region, account, rest) = match parts.as_slice() {
            ["arn", partition, "lambda", region, account, "function", rest @ ..] if partition.starts_with("aws") => {
                (Some(*region), Some(*account), rest)
            }
            [account, "function", rest @ ..] if is_account(account) => (None, Some(*account), rest),
            rest => (None, None, rest),
        };
        let (name, qualifier) = match rest {
            [name] => (*name, None),
            [name, qualifier] => (*name, Some(*qualifier)),
            _ => return None,
        };
        let is_plain =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let qualifier_is_plain = qualifier.is_none_or(|qualifier| qualifier == LATEST || is_plain(qualifier));
        let own = |text: Option<&str>| text.map(str::to_owned);
        (is_plain(name) && qualifier_is_plain).then(|| Self {
            name: name.to_owned(),
            qualifier: own(qualifier),
            region: own(region),
            account: own(account),
        })
    }

    /// The ARN without qualifier; what the name leaves open is filled in.
    pub(super) fn arn(&self, settings: &Settings) -> String {
        let region = self.region.as_deref().unwrap_or(&settings.region);
        let account = self.account.as_deref().unwrap_or(&settings.account_id);
        format!("arn:aws:lambda:{region}:{account}:function:{}", self.name)
    }

    /// Whether a version is wanted that is not there.
    pub(super) fn wants_other_version(&self) -> bool {
        self.qualifier.as_deref().is_some_and(|qualifier| qualifier != LATEST)
    }
}

/// The name in a request, with the qualifier that may come beside it.
pub(super) fn read(function_name: &str, qualifier: Option<&str>) -> OpResult<FunctionName> {
    let mut name = FunctionName::parse(function_name)
        .ok_or_else(|| errors::invalid(format!("{function_name} is not the name of a function.")))?;
    match (name.qualifier.as_deref(), qualifier) {
        (Some(inner), Some(beside)) if inner != beside => {
            Err(errors::invalid("The derived qualifier from the function name does not match the specified qualifier."))
        }
        (None, Some(beside)) => {
            name.qualifier = Some(beside.to_owned());
            Ok(name)
        }
        _ => Ok(name),
    }
}

/// The name of a function that is to be made, in our own region and account.
pub(super) fn read_new(function_name: &str) -> OpResult<FunctionName> {
    let name = read(function_name, None)?;
    if name.qualifier.is_some() {
        return Err(errors::invalid("The name of a new function has no qualifier."));
    }
    if name.name.len() > NAME_CHARS_MAX {
        return Err(validation(format!(
            "1 validation error detected: Value '{}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to {NAME_CHARS_MAX}",
            name.name
        )));
    }
    Ok(FunctionName { region: None, account: None, ..name })
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        let check = |text: &str, beside: Option<&str>, expected: Result<(&str, Option<&str>, &str), &str>| {
            let settings = Settings::default();
            let found = read(text, beside).map(|name| (name.name.clone(), name.qualifier.clone(), name.arn(&settings)));
            let expected =
                expected.map(|(name, qualifier, arn)| (name.to_owned(), qualifier.map(str::to_owned), arn.to_owned()));
            assert_eq!(found.map_err(|error| error.code), expected, "{text} {beside:?}");
        };
        let home = "arn:aws:lambda:us-east-1:000000000000:function:orders";
        let far = "arn:aws:lambda:eu-west-1:123456789012:function:orders";
        check("orders", None, Ok(("orders", None, home)));
        check("orders", Some("live"), Ok(("orders", Some("live"), home)));
        check("orders:$LATEST", None, Ok(("orders", Some(LATEST), home)));
        check("orders:7", Some("7"), Ok(("orders", Some("7"), home)));
        check(far, None, Ok(("orders", None, far)));
        check(&format!("{far}:live"), None, Ok(("orders", Some("live"), far)));
        check(&far.replace("aws", "aws-us-gov"), None, Ok(("orders", None, far)));
        check("123456789012:function:orders", None, Ok(("orders", None, &far.replace("eu-west-1", "us-east-1"))));
        check(
            "123456789012:function:orders:2",
            None,
            Ok(("orders", Some("2"), &far.replace("eu-west-1", "us-east-1"))),
        );
        check("function", None, Ok(("function", None, &home.replace("orders", "function"))));
        let invalid = Err("InvalidParameterValueException");
        check("orders:7", Some("8"), invalid);
        for broken in
            ["", ":", "a b", "../orders", "örders", "orders:1:2", "orders:", "orders:$OLD", "12:function:orders"]
        {
            check(broken, None, invalid);
        }
        check("arn:aws:lambda:us-east-2:123456789012:layer:orders", None, invalid);
        check("arn:aws:s3:us-east-2:123456789012:function:orders", None, invalid);
        check(&format!("{far}:live:more"), None, invalid);
    }

    #[test]
    fn new_functions_have_short_plain_names() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let found = read_new(text).map(|name| name.arn(&Settings::default())).map_err(|error| error.code);
            let expected = expected.map(|name| format!("arn:aws:lambda:us-east-1:000000000000:function:{name}"));
            assert_eq!(found, expected, "{text}");
        };
        let longest = "x".repeat(64);
        check("arn:aws:lambda:eu-west-1:123456789012:function:orders", Ok("orders"));
        check("orders:1", Err("InvalidParameterValueException"));
        check(&longest, Ok(&longest));
        check(&format!("{longest}x"), Err("ValidationException"));
    }
}
