//! A secret that does not print.

use std::fmt;

/// A provider's key. Prints as dots; the text leaves it only into a header marked as sensitive.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes the text, without the blanks and line ends that files end with.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The text itself: for a header, or to be taken out of what is shown; never for a message.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The text with the key replaced by dots: providers like to quote it in their errors.
    pub(crate) fn redact(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "••••") }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_prints() {
        let key = ApiKey::new("sk-secret\n");
        assert_eq!(format!("{key:?} {:?}", Some(&key)), "•••• Some(••••)");
        assert_eq!(key.redact("incorrect key sk-secret given"), "incorrect key •••• given");
        assert_eq!(key.reveal(), "sk-secret");
    }
}
