//! Parameters behind the path, for Outcrop's own operations.

use crate::errors::{self, OpResult};
use percent_encoding::percent_decode_str;

/// Items of a page when nobody says.
const PAGE_DEFAULT: usize = 100;

/// What a request says behind its path.
#[derive(Debug, Default)]
pub(super) struct Query {
    given: Vec<(String, String)>,
}

impl Query {
    /// Reads a query; a parameter that the operation does not know is refused.
    pub(super) fn read(query: &str, known: &[&str]) -> OpResult<Self> {
        let mut given = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if !known.contains(&name.as_str()) {
                let known = known.join(", ");
                return Err(errors::invalid_field(&name, format!("There is no parameter {name}; there are {known}.")));
            }
            given.push((name, value));
        }
        Ok(Self { given })
    }

    /// A parameter that is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.given.iter().find(|(given, _)| given == name)?;
        Some(found.1.as_str()).filter(|text| !text.is_empty())
    }

    /// A parameter that is a number from 1 on.
    pub(super) fn number<T: std::str::FromStr + Default + PartialOrd>(&self, name: &str) -> OpResult<Option<T>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| *number > T::default());
        let refused = || errors::invalid_field(name, format!("{name} is a number from 1 on, not {text}."));
        number.map(Some).ok_or_else(refused)
    }

    /// How many items a page is to have, at most so many.
    pub(super) fn page(&self, most: usize) -> OpResult<usize> {
        Ok(self.number("maxResults")?.unwrap_or(PAGE_DEFAULT.min(most)).min(most))
    }

    /// Where a page goes on: the number that the page before told.
    pub(super) fn after<T: std::str::FromStr>(&self) -> OpResult<Option<T>> {
        self.text("nextToken").map(|token| token.parse().map_err(|_| errors::bad_token())).transpose()
    }
}

/// A part of a path or a query as it was before it was encoded.
pub(super) fn decoded(text: &str) -> OpResult<String> {
    let text = text.replace('+', "%20");
    let decoded = percent_decode_str(&text).decode_utf8().map(std::borrow::Cow::into_owned);
    decoded.map_err(|_| errors::validation("The path or the query is not UTF-8."))
}
