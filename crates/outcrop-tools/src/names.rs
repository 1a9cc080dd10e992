//! What a Lambda function is called by.

use std::fmt;

/// A function as a caller names it, taken apart. The qualifier (version or alias) is kept but selects nothing: there
/// is one code per name here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FunctionName {
    region: Option<String>,
    account: Option<String>,
    name: String,
    qualifier: Option<String>,
}

impl FunctionName {
    /// Reads all four forms of AWS: `name`, `account:function:name`, the ARN, each also with `:qualifier`.
    ///
    /// `None` when it is none of these or the name is not 1 to 140 characters of `[A-Za-z0-9-_]`.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(9, ':').collect();
        let (region, account, rest) = match parts.as_slice() {
            ["arn", partition, "lambda", region, account, "function", rest @ ..] if partition.starts_with("aws") => {
                (Some(*region), Some(*account), rest)
            }
            [account, "function", rest @ ..] => (None, Some(*account), rest),
            rest => (None, None, rest),
        };
        let (name, qualifier) = match rest {
            [name] => (*name, None),
            [name, qualifier] => (*name, Some(*qualifier)),
            _ => return None,
        };
        let speaks = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 140 || !name.chars().all(speaks) {
            return None;
        }
        let own = |text: Option<&str>| text.map(str::to_owned);
        Some(Self { region: own(region), account: own(account), name: name.to_owned(), qualifier: own(qualifier) })
    }

    /// The bare name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version or alias asked for, if any.
    pub fn qualifier(&self) -> Option<&str> {
        self.qualifier.as_deref()
    }

    /// The ARN without qualifier; what the name leaves open is filled in.
    pub fn arn(&self, home: &Home) -> String {
        let region = self.region.as_deref().unwrap_or(&home.region);
        let account = self.account.as_deref().unwrap_or(&home.account_id);
        format!("arn:aws:lambda:{region}:{account}:function:{}", self.name)
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// Region and account that this server plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Such as `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_forms() {
        let home = Home { region: "eu-west-1".into(), account_id: "000000000000".into() };
        let check = |text: &str, expected: Option<(&str, Option<&str>, &str)>| {
            let found = FunctionName::parse(text);
            let found = found.as_ref().map(|name| (name.name(), name.qualifier(), name.arn(&home)));
            let expected = expected.map(|(name, qualifier, arn)| (name, qualifier, arn.to_owned()));
            assert_eq!(found, expected, "{text}");
        };
        let home_arn = "arn:aws:lambda:eu-west-1:000000000000:function:orders";
        let far_arn = "arn:aws:lambda:us-east-2:123456789012:function:orders";
        check("orders", Some(("orders", None, home_arn)));
        check("orders:7", Some(("orders", Some("7"), home_arn)));
        check("orders:$LATEST", Some(("orders", Some("$LATEST"), home_arn)));
        check(far_arn, Some(("orders", None, far_arn)));
        check(&format!("{far_arn}:live"), Some(("orders", Some("live"), far_arn)));
        check("123456789012:function:orders", Some(("orders", None, &far_arn.replace("us-east-2", "eu-west-1"))));
        for broken in [
            "",
            ":",
            "a b",
            "orders:1:2",
            "arn:aws:lambda:us-east-2:123456789012:layer:orders",
            "arn:aws:s3:::bucket",
            "arn:aws:lambda:us-east-2:123456789012:function:orders:live:more",
            "../orders",
            "örders",
            &"x".repeat(141),
        ] {
            check(broken, None);
        }
    }
}
