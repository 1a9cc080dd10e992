//! Takes secrets out of what is shown: what stands under a name that names one, what has the form of one, and what the
//! configuration holds itself.
//!
//! A text that is JSON is looked into, as deep as JSON stands in texts of JSON; other texts are read once from the start
//! to the end, and no form looks further ahead than it takes away, so the work grows with the text and no faster. What is
//! a secret without a name and without a known form is not found: this is a net, not a wall.

use outcrop_wire::sigv4::Secret;
use serde_json::Value;

/// Stands in place of a secret.
pub const REMOVED: &str = "••••";
/// Texts of JSON in texts of JSON that are looked into.
const DEPTH_MAX: usize = 8;
/// Shortest configured secret that is looked for: shorter ones would take words apart.
const KNOWN_BYTES_MIN: usize = 4;
/// Shortest value of an attribute that is looked for.
const VALUE_BYTES_MIN: usize = 6;
/// Longest name, in letters and digits.
const NAME_CHARS_MAX: usize = 64;

/// What is known to be secret.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// The longest first: one may be part of another.
    known: Vec<Secret>,
}

impl Secrets {
    /// With these secrets of the configuration beside the known names and forms.
    pub fn new(known: impl IntoIterator<Item = Secret>) -> Self {
        let mut known: Vec<Secret> =
            known.into_iter().filter(|secret| secret.reveal().len() >= KNOWN_BYTES_MIN).collect();
        known.sort_by(|one, other| {
            let by_length = other.reveal().len().cmp(&one.reveal().len());
            by_length.then_with(|| one.reveal().cmp(other.reveal()))
        });
        known.dedup_by(|one, other| one.reveal() == other.reveal());
        Self { known }
    }

    /// With further ones: the values of these attributes whose names say that they are secret. Short ones, such as a
    /// number of four digits, are taken out where their names stand and not everywhere.
    pub fn with_attributes<'a>(&self, attributes: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let secret =
            attributes.into_iter().filter(|(name, value)| value.len() >= VALUE_BYTES_MIN && names_secret(name));
        let secret: Vec<Secret> = secret.map(|(_, value)| Secret::new(value)).collect();
        if secret.is_empty() { self.clone() } else { Self::new(self.known.iter().cloned().chain(secret)) }
    }

    /// With further ones: values that a guardrail took out.
    pub fn with_values<'a>(&self, values: impl IntoIterator<Item = &'a str>) -> Self {
        let values: Vec<Secret> = values.into_iter().map(Secret::new).collect();
        if values.is_empty() { self.clone() } else { Self::new(self.known.iter().cloned().chain(values)) }
    }

    /// Takes secrets out of a document.
    pub fn remove(&self, value: &mut Value) {
        self.remove_in(value, 0);
    }

    /// The text without its secrets.
    pub fn without(&self, text: &str) -> String {
        self.text(text, 0).unwrap_or_else(|| text.to_owned())
    }

    /// True when something was removed.
    fn remove_in(&self, value: &mut Value, depth: usize) -> bool {
        match value {
            Value::String(text) => match self.text(text, depth) {
                Some(cleaned) => {
                    *text = cleaned;
                    true
                }
                None => false,
            },
            Value::Array(items) => items.iter_mut().fold(false, |any, item| self.remove_in(item, depth) | any),
            Value::Object(members) => {
                // `{"name": "password", "value": …}`, as parameters of tools are written.
                let named = ["name", "Name", "key", "Key"]
                    .iter()
                    .find_map(|member| members.get(*member)?.as_str())
                    .is_some_and(names_secret);
                members.iter_mut().fold(false, |any, (name, member)| {
                    let is_its_value = named && name.eq_ignore_ascii_case("value");
                    let removed = match is_its_value || names_secret(name) {
                        true => blank(member),
                        false => self.remove_in(member, depth),
                    };
                    removed | any
                })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// The text without its secrets; `None` when it has none.
    fn text(&self, text: &str, depth: usize) -> Option<String> {
        if depth < DEPTH_MAX
            && text.trim_start().starts_with(['{', '['])
            && let Ok(mut inner) = serde_json::from_str::<Value>(text)
        {
            return self.remove_in(&mut inner, depth + 1).then(|| inner.to_string());
        }
        let known = self.known.iter().fold(None, |cleaned: Option<String>, secret| {
            let before = cleaned.as_deref().unwrap_or(text);
            if before.contains(secret.reveal()) { Some(before.replace(secret.reveal(), REMOVED)) } else { cleaned }
        });
        let by_form = forms(known.as_deref().unwrap_or(text));
        by_form.or(known)
    }
}

/// Whether a name says that its value is a secret. Case and what separates words do not count.
pub fn names_secret(name: &str) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric();
    let name: String = name
        .bytes()
        .filter(is_letter)
        .take(NAME_CHARS_MAX + 1)
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    if name.len() > NAME_CHARS_MAX {
        return false;
    }
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if ["secretary", "secretariat"].iter().any(|word| name.contains(word)) {
        return false;
    }
    // What is said about a secret, and tokens that only name a place in a list or a request.
    if ends(&[
        "arn", "name", "policy", "length", "count", "url", "uri", "hint", "type", "required", "at", "expiry", "id",
    ]) || ends(&["nexttoken", "pagetoken", "continuationtoken", "paginationtoken", "clienttoken", "requesttoken"])
    {
        return false;
    }
    ["pass", "pwd", "auth", "jwt", "otp", "pin", "cvv", "cvc", "xamzsignature"].contains(&name.as_str())
        || ends(&["token", "authorization", "cookie", "pwd", "signingkey", "encryptionkey", "sessionkey"])
        || ["password", "passwd", "passphrase", "secret", "credential", "apikey", "privatekey", "accesskey"]
            .iter()
            .any(|word| name.contains(word))
}

/// Takes away every text and number.
fn blank(value: &mut Value) -> bool {
    match value {
        Value::String(text) if text.is_empty() || text == REMOVED => false,
        Value::String(_) | Value::Number(_) => {
            *value = REMOVED.into();
            true
        }
        Value::Array(items) => items.iter_mut().fold(false, |any, item| blank(item) | any),
        Value::Object(members) => members.values_mut().fold(false, |any, member| blank(member) | any),
        Value::Null | Value::Bool(_) => false,
    }
}

/// The text without what has the form of a secret; `None` when there is nothing of the kind.
fn forms(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut cleaned, mut copied, mut at) = (String::new(), 0, 0);
    while at < bytes.len() {
        match found(text, at) {
            // A match begins and ends at ASCII, so at the boundary of a character.
            Some((from, to)) if from >= copied && to > from => {
                cleaned.push_str(&text[copied..from]);
                cleaned.push_str(REMOVED);
                (copied, at) = (to, to);
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return None;
    }
    cleaned.push_str(&text[copied..]);
    Some(cleaned)
}

/// A secret that begins, or whose mark stands, at this place.
fn found(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    match bytes[at] {
        b':' if bytes[at..].starts_with(b"://") => return in_address(bytes, at + 3),
        b':' | b'=' => return named_in_text(text, at),
        b'-' if bytes[at..].starts_with(b"-----BEGIN ") => return private_key(text, at),
        byte if !byte.is_ascii_alphanumeric() && byte != b'/' && byte != b'+' => return None,
        _ => {}
    }
    let before = at.checked_sub(1).map(|before| bytes[before]);
    if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        return None;
    }
    bearer(bytes, at)
        .or_else(|| prefixed(bytes, at))
        .or_else(|| access_key_id(bytes, at))
        .or_else(|| web_token(bytes, at))
        .or_else(|| secret_access_key(bytes, at))
}

/// How many bytes from a place on are of a kind.
fn run(bytes: &[u8], from: usize, is_of_kind: impl Fn(u8) -> bool) -> usize {
    bytes.get(from..).unwrap_or_default().iter().take_while(|byte| is_of_kind(**byte)).count()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn has_digit(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_digit)
}

/// Beginnings that vendors give their keys, with how many letters, digits, `_` and `-` follow at least.
const PREFIXES: &[(&str, usize)] = &[
    ("sk-", 20),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("rk_test_", 16),
    ("whsec_", 16),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghu_", 30),
    ("ghs_", 30),
    ("ghr_", 30),
    ("github_pat_", 22),
    ("glpat-", 20),
    ("xoxa-", 10),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xapp-", 10),
    ("AIza", 30),
    ("ya29.", 16),
    ("hf_", 30),
    ("npm_", 30),
    ("pypi-", 40),
    ("dop_v1_", 40),
    ("gsk_", 30),
    ("xai-", 30),
    ("nvapi-", 30),
    ("shpat_", 30),
    ("SG.", 16),
    ("ABSK", 60),
    ("bedrock-api-key-", 20),
];

fn prefixed(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let (prefix, least) = PREFIXES.iter().find(|(prefix, _)| bytes[at..].starts_with(prefix.as_bytes()))?;
    let from = at + prefix.len();
    let rest = run(bytes, from, is_word);
    // Words with hyphens have no digits.
    let is_key = rest >= *least && has_digit(&bytes[from..from + rest]);
    is_key.then(|| (at, from + rest + run(bytes, from + rest, |byte| is_word(byte) || byte == b'.')))
}

/// `AKIA…`, `ASIA…`: twenty capitals and digits.
fn access_key_id(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let is_ours = [b"AKIA", b"ASIA", b"ABIA", b"ACCA"].iter().any(|prefix| bytes[at..].starts_with(*prefix));
    let is_id = is_ours && run(bytes, at, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) == 20;
    (is_id && !bytes.get(at + 20).copied().is_some_and(is_word)).then_some((at, at + 20))
}

/// Forty letters, digits, `/` and `+` in a mixture that no word, path or digest has.
fn secret_access_key(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    const CHARS: usize = 40;
    let is_of_key = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'/' || byte == b'+';
    let goes_on = |byte: Option<&u8>| byte.is_some_and(|byte| is_of_key(*byte) || b"_-.".contains(byte));
    let bounded = &bytes[at..bytes.len().min(at + CHARS + 1)];
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    if run(bounded, 0, is_of_key) != CHARS || goes_on(before) {
        return None;
    }
    let key = &bounded[..CHARS];
    let kind = |byte: &u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let has = |wanted: u8| key.iter().any(|byte| kind(byte) == wanted);
    let changes = key.windows(2).filter(|pair| kind(&pair[0]) != kind(&pair[1])).count();
    // Of random ones 25 are expected, with a deviation of 3.
    let is_mixed = has(0) && has(1) && has(2) && changes >= 16;
    let after = bytes.get(at + CHARS).filter(|byte| **byte != b'.');
    (is_mixed && !goes_on(after) && after != Some(&b'=')).then_some((at, at + CHARS))
}

/// A JSON web token: `eyJ….….…`.
fn web_token(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    if !bytes[at..].starts_with(b"eyJ") {
        return None;
    }
    let head = run(bytes, at, is_word);
    let body_at = at + head + 1;
    let body = run(bytes, body_at, is_word);
    let is_token = head >= 12 && body >= 12 && bytes.get(body_at - 1) == Some(&b'.');
    if !is_token || bytes.get(body_at + body) != Some(&b'.') {
        return None;
    }
    Some((at, body_at + body + run(bytes, body_at + body, |byte| is_word(byte) || byte == b'.')))
}

/// The token after the word `Bearer`.
fn bearer(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    const WORD: &[u8] = b"bearer";
    let word = bytes.get(at..at + WORD.len())?;
    let spaces = run(bytes, at + WORD.len(), |byte| byte == b' ');
    if !word.eq_ignore_ascii_case(WORD) || spaces == 0 {
        return None;
    }
    let from = at + WORD.len() + spaces;
    let token = run(bytes, from, |byte| is_word(byte) || b".~+/=".contains(&byte));
    // Prose goes on with words.
    (token >= 16 && has_digit(&bytes[from..from + token])).then_some((from, from + token))
}

/// A private key in PEM, to its end or to that of the text.
fn private_key(text: &str, at: usize) -> Option<(usize, usize)> {
    let label_at = at + "-----BEGIN ".len();
    let label =
        run(text.as_bytes(), label_at, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ');
    let body_at = label_at + label;
    if !text[label_at..body_at].ends_with("PRIVATE KEY") || !text[body_at..].starts_with("-----") {
        return None;
    }
    let end = text[body_at..].find("-----END ").map(|end| body_at + end + "-----END ".len());
    let end = end.and_then(|end| Some(end + text[end..].find("-----")? + "-----".len()));
    Some((at, end.unwrap_or(text.len())))
}

/// The password in `scheme://user:password@host`.
fn in_address(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    const BYTES_MAX: usize = 256;
    let authority = run(bytes, from, |byte| byte.is_ascii_graphic() && !b"/\"'<>@\\".contains(&byte));
    let at_sign = from + authority;
    if authority > BYTES_MAX || bytes.get(at_sign) != Some(&b'@') {
        return None;
    }
    let colon = from + bytes[from..at_sign].iter().position(|byte| *byte == b':')?;
    (colon + 1 < at_sign).then_some((colon + 1, at_sign))
}

/// `name=value`, `name: value` and `"name": "value"` in a text, with a name that names a secret before the sign; a line
/// that is nothing but `name: value` too, as attributes stand in prompts.
fn named_in_text(text: &str, sign: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let back = |from: usize, most: usize, is_of_kind: &dyn Fn(u8) -> bool| {
        from - bytes[from.saturating_sub(most)..from].iter().rev().take_while(|byte| is_of_kind(**byte)).count()
    };
    let name_end = back(sign, 4, &|byte| b" \"'\\".contains(&byte));
    let name_at = back(name_end, NAME_CHARS_MAX, &is_word);
    let name = &text[name_at..name_end];
    if name.is_empty() || !names_secret(name) {
        return None;
    }
    let spaces = run(bytes, sign + 1, |byte| byte == b' ').min(4);
    let mut from = sign + 1 + spaces;
    from += run(bytes, from, |byte| byte == b'\\').min(4);
    if let Some(quote) = bytes.get(from).filter(|byte| b"\"'".contains(byte)) {
        let inside = run(bytes, from + 1, |byte| byte != *quote && byte != b'\n' && byte != b'\\');
        return (inside > 0).then_some((from + 1, from + 1 + inside));
    }
    let is_line = bytes[sign] == b':' && name_at.checked_sub(1).is_none_or(|before| bytes[before] == b'\n');
    let word = run(bytes, from, |byte| byte.is_ascii_graphic());
    if is_line && word > 0 && bytes.get(from + word).is_none_or(|byte| b"\r\n".contains(byte)) {
        return Some((from, from + word));
    }
    let value = run(bytes, from, |byte| byte.is_ascii_graphic() && !b"&;,\"'<>()[]{}\\".contains(&byte));
    let shown = &text[from..from + value];
    let schemes = ["basic", "bearer", "digest", "token", "aws4-hmac-sha256"];
    if schemes.contains(&shown.to_ascii_lowercase().as_str()) && name.to_ascii_lowercase().ends_with("authorization") {
        let from = from + value + run(bytes, from + value, |byte| byte == b' ');
        let rest = run(bytes, from, |byte| byte == b' ' || byte.is_ascii_graphic() && !b"\"'\\".contains(&byte));
        return Some((from, from + rest));
    }
    let is_tight = bytes[sign] == b'=' && spaces == 0 && name_end == sign;
    // Prose may follow: `the secret: be kind`.
    let is_value = if is_tight { value > 0 } else { value >= 6 && has_digit(shown.as_bytes()) };
    (is_value && !shown.starts_with('=') && shown != REMOVED).then_some((from, from + value))
}

#[cfg(test)]
mod tests;
