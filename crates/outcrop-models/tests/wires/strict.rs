//! Rules that all wires have.

use serde_json::{Map, Value};

pub type Checked = Result<(), String>;

/// An object with these members and no others; those with `!` must be there.
pub fn object<'a>(value: &'a Value, at: &str, members: &[&str]) -> Result<&'a Map<String, Value>, String> {
    let object = value.as_object().ok_or_else(|| format!("{at}: is no object"))?;
    let name = |member: &str| member.trim_end_matches('!').to_owned();
    if let Some(extra) = object.keys().find(|key| !members.iter().any(|member| name(member) == **key)) {
        return Err(format!("{at}.{extra}: extra inputs are not permitted"));
    }
    match members.iter().find(|member| member.ends_with('!') && !object.contains_key(&name(member))) {
        Some(missing) => Err(format!("{at}.{}: field required", name(missing))),
        None => Ok(object),
    }
}

pub fn list<'a>(value: &'a Value, at: &str) -> Result<&'a Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("{at}: is no list"))
}

pub fn text<'a>(value: &'a Value, at: &str) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("{at}: is no string"))
}

/// Text that is not blank.
pub fn words(value: &Value, at: &str) -> Checked {
    match text(value, at)?.trim() {
        "" => Err(format!("{at}: text must not be blank")),
        _ => Ok(()),
    }
}

pub fn number(value: &Value, at: &str, low: f64, high: f64) -> Checked {
    match value.as_f64() {
        Some(number) if (low..=high).contains(&number) => Ok(()),
        _ => Err(format!("{at}: is no number from {low} to {high}")),
    }
}

/// Exactly one member, of these.
pub fn union<'a>(value: &'a Value, at: &str, members: &[&str]) -> Result<(&'a str, &'a Value), String> {
    let object = object(value, at, members)?;
    match object.iter().next() {
        Some((name, value)) if object.len() == 1 => Ok((name, value)),
        _ => Err(format!("{at}: has {} members, one is wanted", object.len())),
    }
}

pub fn one_of(value: &Value, at: &str, values: &[&str]) -> Checked {
    let found = text(value, at)?;
    if values.contains(&found) { Ok(()) } else { Err(format!("{at}: {found} is none of {values:?}")) }
}

/// Letters, digits and these, at most so many.
pub fn name(value: &Value, at: &str, others: &str, most: usize) -> Checked {
    let found = text(value, at)?;
    let fits =
        (1..=most).contains(&found.len()) && found.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c));
    if fits { Ok(()) } else { Err(format!("{at}: {found:?} does not match the pattern")) }
}

pub fn base64(value: &Value, at: &str) -> Checked {
    use base64::Engine;
    let data = base64::engine::general_purpose::STANDARD.decode(text(value, at)?);
    match data {
        Ok(data) if !data.is_empty() => Ok(()),
        _ => Err(format!("{at}: is no base64")),
    }
}

/// Calls and results: every call has its result at the beginning of the next message of the user, and every result its
/// call in the message before.
pub fn answered(turns: &[(&str, Vec<&str>, Vec<&str>)]) -> Checked {
    if turns.first().is_none_or(|(role, ..)| *role != "user") {
        return Err("messages: first message must use the user role".to_owned());
    }
    for (index, (role, calls, results)) in turns.iter().enumerate() {
        if index > 0 && turns[index - 1].0 == *role {
            return Err(format!("messages.{index}: roles must alternate"));
        }
        let mut before = if index == 0 { Vec::new() } else { turns[index - 1].1.clone() };
        let mut found = results.clone();
        before.sort_unstable();
        found.sort_unstable();
        if before != found {
            return Err(format!("messages.{index}: calls {before:?} before, results {found:?} here"));
        }
        if *role == "user" && !calls.is_empty() {
            return Err(format!("messages.{index}: calls of the user"));
        }
    }
    match turns.last() {
        Some((_, calls, _)) if !calls.is_empty() => Err("messages: calls without results".to_owned()),
        _ => Ok(()),
    }
}
