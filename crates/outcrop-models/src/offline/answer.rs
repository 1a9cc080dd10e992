//! Plain sentences from tool results.

use super::talk::{Call, Outcome};
use super::tool::Tool;
use super::words::{self, Word, cut, is_generic, name_parts, name_stems, same, stem};
use serde_json::{Map, Value};

/// Most fields of an object that are told.
const FIELDS_MAX: usize = 12;
/// Up to so many fields all are told, whatever was asked.
const TOLD_WHOLE_MAX: usize = 3;
/// Most items of a list that are told.
const ITEMS_MAX: usize = 8;
/// Longest text of a result that is given back, in bytes.
const TEXT_BYTES_MAX: usize = 4_000;

/// What a call brought, in sentences. `asked` are the words of the question, which decide what is told of a large
/// result.
pub(super) fn describe(tool: Option<&Tool>, call: &Call, asked: &[Word]) -> String {
    let label = tool.map_or_else(|| label(&call.name), Tool::label);
    let Some(outcome) = &call.outcome else { return format!("There is no result of \"{label}\" yet.") };
    if outcome.failed {
        return format!("I tried to {label}, but it did not work: {}.", error(outcome).trim_end_matches(['.', '!']));
    }
    match &outcome.json {
        Some(Value::Object(object)) if !object.is_empty() => self::object(object, &call.input, asked),
        Some(Value::Array(items)) if !items.is_empty() => format!("{}.", list("", items)),
        Some(_) => format!("\"{}\" brought nothing.", capital(&label)),
        None if outcome.text.trim().is_empty() => {
            format!("\"{}\" is done; it gave no further answer.", capital(&label))
        }
        None => {
            let text = outcome.text.trim();
            let short = cut(text, TEXT_BYTES_MAX);
            let ended = short.ends_with(['.', '!', '?', '"']) || short.contains('\n');
            // A bare word or number says nothing without what it is.
            if short.split_whitespace().count() <= 3 && !ended {
                format!("The result of \"{label}\" is {short}.")
            } else {
                format!("{short}{}", if ended { "" } else { "." })
            }
        }
    }
}

/// The message of a failure.
pub(super) fn error(outcome: &Outcome) -> String {
    let object = outcome.json.as_ref().and_then(Value::as_object);
    let keys = ["error", "message", "errorMessage", "error_message", "reason", "detail"];
    let said = object.and_then(|object| {
        keys.iter().find_map(|key| match object.get(*key)? {
            Value::String(text) => Some(text.clone()),
            Value::Object(inner) => inner.get("message").and_then(Value::as_str).map(str::to_owned),
            _ => None,
        })
    });
    let text = said.unwrap_or_else(|| outcome.text.trim().to_owned());
    if text.is_empty() { "it gave no reason".to_owned() } else { cut(&text, 600).to_owned() }
}

/// A key in words: "tracking_number" is "tracking number", "order_id" is "order ID".
pub(super) fn label(key: &str) -> String {
    let parts = name_parts(key);
    let said = parts.iter().map(|part| match part.as_str() {
        "id" | "eta" | "url" | "sku" | "pdf" | "iban" => part.to_uppercase(),
        _ => part.clone(),
    });
    said.collect::<Vec<_>>().join(" ")
}

/// With a capital letter.
pub(super) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// "a", "a and b", "a, b and c".
pub(super) fn joined(parts: &[String], last: &str) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., end] => format!("{} {last} {end}", before.join(", ")),
    }
}

const STATE: &[&str] = &["status", "state"];
/// Whether a state can be said of the thing itself: "shipped", "in transit", "on hold"; not "return started".
fn is_predicate(state: &str) -> bool {
    let mut words = state.split_whitespace();
    let first = words.next().unwrap_or_default();
    words.next().is_none()
        || matches!(
            first,
            "in" | "on"
                | "out"
                | "at"
                | "not"
                | "being"
                | "ready"
                | "partially"
                | "under"
                | "waiting"
                | "awaiting"
                | "fully"
        )
}

/// Whether a text can be told as it is.
fn is_sentence(text: &str) -> bool {
    text.trim().chars().next().is_some_and(char::is_uppercase) || text.trim().ends_with(['.', '!', '?'])
}

/// Keys whose text is made to be read.
const SPEAKING: &[&str] = &["message", "summary", "answer", "text", "reply", "advice"];

fn object(object: &Map<String, Value>, input: &Map<String, Value>, asked: &[Word]) -> String {
    if let [(_, Value::Object(inner))] = object.iter().collect::<Vec<_>>().as_slice() {
        return self::object(inner, input, asked);
    }
    let subject = subject(object, input);
    let is_subject = |key: &str| subject.as_ref().is_some_and(|(subject, _)| subject == key);
    let told: Vec<(&String, &Value)> =
        object.iter().filter(|(key, value)| !is_subject(key) && !is_nothing(value)).collect();
    let relevant: Vec<(&String, &Value)> = told.iter().copied().filter(|(key, _)| is_asked(key, asked)).collect();
    // What was asked for, with the state beside it; when nothing can be recognised, everything.
    let tells_more = relevant.iter().any(|(key, _)| !is_state(key)) || (relevant.len() == 1 && told.len() > FIELDS_MAX);
    let picked: Vec<(&String, &Value)> = if told.len() > TOLD_WHOLE_MAX && tells_more {
        told.iter().copied().filter(|pair| is_state(pair.0) || relevant.contains(pair)).collect()
    } else {
        told
    };
    let mut sentences: Vec<String> = Vec::new();
    let mut phrases: Vec<String> = Vec::new();
    let mut state = None;
    for (key, value) in picked.into_iter().take(FIELDS_MAX) {
        match value {
            Value::String(text) if SPEAKING.contains(&key.as_str()) && is_sentence(text) => {
                sentences.push(format!("{}.", cut(text.trim(), TEXT_BYTES_MAX).trim_end_matches('.')));
            }
            Value::String(text) if is_state(key) && state.is_none() && text.len() <= 80 => {
                state = Some((key, text.replace('_', " ")));
            }
            _ => phrases.push(phrase(key, value)),
        }
    }
    let head = match (&subject, state) {
        (Some((_, subject)), Some((_, state))) if is_predicate(&state) => Some(format!("{subject} is {state}")),
        (Some((_, subject)), Some((key, state))) => {
            Some(format!("The {} of {} is {state}", label(key), lower_first(subject)))
        }
        (None, Some((key, state))) => Some(format!("The {} is {state}", label(key))),
        (Some((_, subject)), None) if !phrases.is_empty() => {
            Some(format!("For {}{}", lower_first(subject), if phrases.is_empty() { "" } else { ", " }))
        }
        (Some((_, subject)), None) => Some(subject.clone()),
        (None, None) => None,
    };
    let body = joined(&phrases, "and");
    let line = match head {
        Some(head) if body.is_empty() => head,
        Some(head) if head.ends_with(", ") => format!("{head}{body}"),
        Some(head) => format!("{head}; {body}"),
        None => capital(&body),
    };
    if !line.is_empty() {
        sentences.insert(0, format!("{}.", line.trim_end_matches('.')));
    }
    sentences.join(" ")
}

/// "Order A-482": the thing an object is about.
fn subject(object: &Map<String, Value>, input: &Map<String, Value>) -> Option<(String, String)> {
    let is_id = |key: &str| name_parts(key).last().is_some_and(|last| last == "id");
    let text = |value: &Value| match value {
        Value::String(text) if !text.is_empty() && text.len() <= 80 => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    // The thing that was asked about comes before others that the result names.
    let ids: Vec<(&String, &Value)> = object.iter().filter(|(key, _)| is_id(key)).collect();
    let (key, value) =
        *ids.iter().find(|(_, value)| input.values().any(|given| given == *value)).or_else(|| ids.first())?;
    let mut parts = name_parts(key);
    parts.pop();
    let value = text(value)?;
    let name = if parts.is_empty() { value } else { format!("{} {value}", parts.join(" ")) };
    Some((key.clone(), capital(&name)))
}

/// In the middle of a sentence: "Order A-482" is "order A-482", but "A-482" stays.
fn lower_first(text: &str) -> String {
    if text.chars().nth(1).is_some_and(char::is_lowercase) {
        let mut characters = text.chars();
        return characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect());
    }
    text.to_owned()
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn is_state(key: &str) -> bool {
    name_parts(key).last().is_some_and(|last| STATE.contains(&last.as_str()))
}

/// Words of a key that answer a question word.
const ANSWERS: &[(&str, &[&str])] = &[
    ("where", &["location", "status", "address", "city", "carrier", "tracking", "eta", "place", "gate", "room"]),
    ("when", &["date", "time", "eta", "day", "departure", "arrival", "due", "at", "on", "until"]),
    ("who", &["name", "person", "owner", "author", "agent"]),
    ("much", &["price", "cost", "amount", "total", "balance", "fee", "rate"]),
    ("many", &["count", "number", "total", "quantity", "seats", "stock"]),
    ("arrive", &["eta", "arrival", "delivery"]),
    ("why", &["cause", "reason", "explanation", "because"]),
    ("happened", &["cause", "reason", "explanation", "event"]),
    ("cold", &["temperature"]),
    ("warm", &["temperature"]),
    ("hot", &["temperature"]),
];

/// Whether the question speaks of what a key holds.
pub(super) fn is_asked(key: &str, asked: &[Word]) -> bool {
    let stems = name_stems(key);
    asked.iter().any(|word| {
        let direct = word.is_content() && !is_generic(&word.stem) && stems.iter().any(|own| same(own, &word.stem));
        let mut implied = ANSWERS
            .iter()
            .filter(|(said, _)| *said == word.text || stem(said) == word.stem)
            .flat_map(|(_, keys)| keys.iter());
        direct || implied.any(|implied| stems.contains(&stem(implied)))
    })
}

fn phrase(key: &str, value: &Value) -> String {
    let name = label(key);
    match value {
        Value::Bool(true) => format!("{name}: yes"),
        Value::Bool(false) => format!("{name}: no"),
        Value::Array(items) if items.is_empty() => format!("there are no {name}"),
        Value::Array(items) if items.iter().all(|item| item.is_object() || item.is_array()) => list(&name, items),
        Value::Array(items) => {
            let shown: Vec<String> = items.iter().take(ITEMS_MAX).map(scalar).collect();
            let more = items.len().saturating_sub(ITEMS_MAX);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let verb = if name.ends_with('s') { "are" } else { "is" };
            format!("the {name} {verb} {}{more}", joined(&shown, "and"))
        }
        Value::Object(inner) => format!("the {name} is {}", brief(inner)),
        _ if is_noun(&name) => format!("the {name} is {}", scalar(value)),
        _ => format!("{name}: {}", scalar(value)),
    }
}

/// Whether "the … is" can stand around a label: "total", but not "refunded", "arrives" or "sent to".
fn is_noun(label: &str) -> bool {
    let last = label.rsplit(' ').next().unwrap_or_default();
    let small =
        matches!(last, "to" | "by" | "within" | "at" | "on" | "in" | "for" | "from" | "until" | "since" | "of" | "up");
    let plural = last.ends_with('s') && !last.ends_with("ss") && !last.ends_with("us");
    !(small || plural || last.ends_with("ed"))
}

/// "2 orders: A-471 (delivered) and A-479 (shipped)".
fn list(name: &str, items: &[Value]) -> String {
    let shown: Vec<String> = items
        .iter()
        .take(ITEMS_MAX)
        .map(|item| match item {
            Value::Object(object) => brief(object),
            other => scalar(other),
        })
        .collect();
    let more = items.len().saturating_sub(ITEMS_MAX);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let noun = match (name, items.len()) {
        ("", 1) => "result".to_owned(),
        ("", _) => "results".to_owned(),
        (name, 1) => name.strip_suffix('s').filter(|short| !short.ends_with('s')).unwrap_or(name).to_owned(),
        (name, _) => name.to_owned(),
    };
    let subject = if name.is_empty() { "There are " } else { "there are " };
    let subject = if items.len() == 1 { subject.replace("are", "is") } else { subject.to_owned() };
    format!("{subject}{} {noun}: {}{more}", items.len(), shown.join("; "))
}

/// An object in a few words.
fn brief(object: &Map<String, Value>) -> String {
    let named = |key: &str| {
        let parts = name_parts(key);
        parts.last().is_some_and(|last| matches!(last.as_str(), "id" | "name" | "title"))
    };
    let head = object.iter().find(|(key, value)| named(key) && (value.is_string() || value.is_number()));
    let rest =
        object.iter().filter(|(key, value)| head.is_none_or(|(head, _)| head != *key) && !is_nothing(value)).take(6);
    let rest: Vec<String> = rest
        .map(|(key, value)| if is_state(key) { scalar(value) } else { format!("{} {}", label(key), scalar(value)) })
        .collect();
    match (head, rest.is_empty()) {
        (Some((_, value)), true) => scalar(value),
        (Some((_, value)), false) => format!("{} ({})", scalar(value), rest.join(", ")),
        (None, _) => rest.join(", "),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text, 600).to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Null => "nothing".to_owned(),
        Value::Array(items) => joined(&items.iter().take(ITEMS_MAX).map(plain).collect::<Vec<_>>(), "and"),
        Value::Object(object) => object
            .iter()
            .take(6)
            .map(|(key, value)| format!("{} {}", label(key), plain(value)))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Number(number) => number.to_string(),
    }
}

/// Nesting ends here: what is deeper is shown as it is, cut.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text, 200).to_owned(),
        other => cut(&other.to_string(), 200).to_owned(),
    }
}

/// The words of a question.
pub(super) fn question_words(text: &str) -> Vec<Word> {
    words::words(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(question: &str, result: &str, expected: &str) {
        let call = Call {
            name: "get_thing".into(),
            input: serde_json::from_str(r#"{"order_id":"A-482"}"#).unwrap(),
            outcome: Some(Outcome {
                text: result.into(),
                json: serde_json::from_str(result).ok().filter(|v: &Value| v.is_object() || v.is_array()),
                failed: false,
            }),
        };
        assert_eq!(describe(None, &call, &question_words(question)), expected);
    }

    #[test]
    fn speaks_plainly() {
        check(
            "Where is order A-482?",
            r#"{"order_id":"A-482","items":["boots"],"total":129.9,"status":"processing","eta":"2026-12-02"}"#,
            "Order A-482 is processing; the ETA is 2026-12-02.",
        );
        check(
            "Show A-482",
            r#"{"order_id":"A-482","status":"in_transit","items":["boots","lamp"],"gift":false,"note":null}"#,
            "Order A-482 is in transit; the items are boots and lamp and gift: no.",
        );
        check(
            "my orders",
            r#"{"name":"Ana","orders":[{"order_id":"A-1","status":"delivered"},{"order_id":"A-2","status":"shipped"}]}"#,
            "The name is Ana and there are 2 orders: A-1 (delivered); A-2 (shipped).",
        );
        check("What is it?", "12.5", "The result of \"get thing\" is 12.5.");
        check("What is it?", "It is sunny in Oslo", "It is sunny in Oslo.");
        check("help", r#"{"advice":"Restart it. Then wait."}"#, "Restart it. Then wait.");
        check("help", r#"{"hint":"Restart it. Then wait."}"#, "The hint is Restart it. Then wait.");
        check("list", r#"[{"id":1,"price":3}]"#, "There is 1 result: 1 (price 3).");
        check("x", "{}", "\"Get thing\" brought nothing.");
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-zé ]{0,12}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec(("[a-zA-Z_]{0,10}", inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_result_is_told(value in json(), question in ".{0,40}") {
            let call = Call { name: "t".into(), input: Map::new(), outcome: Some(Outcome { text: value.to_string(), json: Some(value), failed: false }) };
            let _ = describe(None, &call, &question_words(&question));
        }
    }
}
