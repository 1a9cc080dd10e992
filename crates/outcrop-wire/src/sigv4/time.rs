//! The two forms of time in signatures: `20260101T120000Z` and, in a `Date` header, HTTP's.

use crate::Timestamp;

/// `20260101T120000Z`. The year 9999 stands for what is beyond.
pub(super) fn basic(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos())).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Reads `20260101T120000Z`, exactly.
pub(super) fn parse_basic(text: &str) -> Option<Timestamp> {
    let is_form = text.len() == 16
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !is_form {
        return None;
    }
    // With the hyphens and colons it is the form that the other reader knows.
    let (date, time) = (&text[..8], &text[9..15]);
    Timestamp::parse(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..],
        &time[..2],
        &time[2..4],
        &time[4..]
    ))
}

/// Reads a `Date` header: HTTP's form, or the basic one, which some clients put there.
pub(super) fn parse_date_header(text: &str) -> Option<Timestamp> {
    parse_basic(text).or_else(|| {
        let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        i64::try_from(at.as_nanosecond()).ok().map(Timestamp::from_nanos)
    })
}
