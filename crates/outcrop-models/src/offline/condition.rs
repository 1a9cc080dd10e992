//! Whether a condition holds, judged by the words of JSON results alone.

use super::clauses::Condition;
use super::entities::entities;
use super::talk::Outcome;
use super::words::{Word, is_generic, name_stems, same, stem, words};
use serde_json::Value;

/// Most fields of results that are looked at.
const FIELDS_MAX: usize = 500;

/// What results say about a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It holds; the field that says so, in words.
    Holds(String),
    /// It does not; the field that says so, in words.
    Fails(String),
    /// Nothing in the results tells.
    Unknown,
}

/// States that are reached only through another one. General English about the course of things, nothing of a domain:
/// what has been delivered has been shipped.
const IMPLIES: &[(&str, &[&str])] = &[
    ("deliver", &["ship", "send", "process", "dispatch", "confirm"]),
    ("arriv", &["ship", "send", "depart", "leave", "dispatch"]),
    ("receiv", &["ship", "send", "deliver"]),
    ("transit", &["ship", "send", "dispatch"]),
    ("return", &["ship", "deliver"]),
    ("refund", &["pay", "charg"]),
    ("complet", &["start", "begin", "process"]),
    ("finish", &["start", "begin"]),
    ("close", &["open"]),
    ("land", &["depart", "leave", "board"]),
    ("check", &["confirm", "book"]),
];

/// Judges a condition by all results there are.
pub(super) fn judge(condition: &Condition, outcomes: &[&Outcome]) -> Verdict {
    let verdict = judge_plain(&condition.text, outcomes);
    match verdict {
        Verdict::Holds(why) if condition.inverted => Verdict::Fails(why),
        Verdict::Fails(why) if condition.inverted => Verdict::Holds(why),
        other => other,
    }
}

fn judge_plain(text: &str, outcomes: &[&Outcome]) -> Verdict {
    let all = words(text);
    let negated = all.iter().any(|word| is_negation(&word.text));
    let fields: Vec<Field> = outcomes.iter().filter_map(|outcome| outcome.json.as_ref()).flat_map(fields).collect();
    let found = compare(text, &all, &fields).or_else(|| state(&all, &fields));
    match found {
        Some((true, why)) if !negated => Verdict::Holds(why),
        Some((false, why)) if negated => Verdict::Holds(why),
        Some((_, why)) => Verdict::Fails(why),
        None => Verdict::Unknown,
    }
}

fn is_negation(word: &str) -> bool {
    matches!(word, "not" | "never" | "no" | "isn" | "cannot") || word.ends_with("n't")
}

/// A scalar of a result.
struct Field {
    key: Vec<String>,
    label: String,
    value: Value,
}

impl Field {
    fn words(&self) -> String {
        let value = match &self.value {
            Value::String(text) => text.clone(),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            other => other.to_string(),
        };
        format!("{} is {value}", self.label)
    }
}

fn fields(value: &Value) -> Vec<Field> {
    let mut all = Vec::new();
    collect(value, "", &mut all, 0);
    all
}

fn collect(value: &Value, name: &str, all: &mut Vec<Field>, depth: usize) {
    if all.len() >= FIELDS_MAX || depth > 6 {
        return;
    }
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| collect(value, name, all, depth + 1)),
        // Of a list of several things none can be meant for sure.
        Value::Array(items) if items.len() == 1 => collect(&items[0], name, all, depth + 1),
        Value::Array(_) => {}
        _ => all.push(Field { key: name_stems(name), label: super::answer::label(name), value: value.clone() }),
    }
}

/// "the balance is over 100": a number field that the words name, against the number.
fn compare(text: &str, all: &[Word], fields: &[Field]) -> Option<(bool, String)> {
    let limit = entities(text).into_iter().find(|entity| entity.kind.is_numeric())?;
    let wanted = limit.number?;
    let before = text[..limit.start].to_lowercase();
    let after = text[limit.end..].to_lowercase();
    let says = |marks: &[&str]| marks.iter().any(|mark| before.contains(mark));
    let field = fields
        .iter()
        .filter_map(|field| Some((field, as_number(&field.value)?)))
        .map(|(field, number)| {
            (field, number, field.key.iter().filter(|stem| all.iter().any(|word| same(&word.stem, stem))).count())
        })
        .max_by_key(|(_, _, shared)| *shared)?;
    let (field, number, shared) = field;
    let only = fields.iter().filter(|field| as_number(&field.value).is_some()).count() == 1;
    if shared == 0 && !only {
        return None;
    }
    let holds = if says(&["at least", ">=", "≥", "no less than"]) || after.trim_start().starts_with("or more") {
        number >= wanted
    } else if says(&["at most", "<=", "≤", "no more than", "up to"]) || after.trim_start().starts_with("or less") {
        number <= wanted
    } else if says(&[
        "over",
        "above",
        "more than",
        "greater",
        "higher",
        "exceed",
        "larger",
        ">",
        "older",
        "longer",
        "after",
    ]) {
        number > wanted
    } else if says(&[
        "under",
        "below",
        "less than",
        "lower",
        "fewer",
        "smaller",
        "<",
        "cheaper",
        "younger",
        "shorter",
        "before",
    ]) {
        number < wanted
    } else {
        (number - wanted).abs() < 1e-9
    };
    Some((holds, field.words()))
}

fn as_number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| {
        value.as_str().filter(|text| text.len() < 20 && !text.contains('-')).and_then(super::entities::number)
    })
}

/// "it has shipped", "it is still processing", "the flight is delayed": a state, named by a key or a value.
fn state(all: &[Word], fields: &[Field]) -> Option<(bool, String)> {
    let telling: Vec<&Word> = all
        .iter()
        .filter(|word| {
            word.is_content()
                && !is_negation(&word.text)
                && !is_generic(&word.stem)
                && !matches!(word.text.as_str(), "still" | "already" | "yet")
        })
        .collect();
    let wanted = telling.last()?;
    // A boolean field of that name says it outright.
    let flag =
        fields.iter().find(|field| field.value.is_boolean() && field.key.iter().any(|stem| same(stem, &wanted.stem)));
    if let Some(field) = flag {
        return Some((field.value == Value::Bool(true), field.words()));
    }
    let states: Vec<&Field> = fields.iter().filter(|field| is_state(field)).collect();
    let named = |field: &&&Field| value_stems(&field.value).iter().any(|stem| same(stem, &wanted.stem));
    if let Some(field) = states.iter().find(named) {
        let denied = value_words(&field.value)
            .iter()
            .any(|word| is_negation(word) || matches!(word.as_str(), "pending" | "awaiting" | "partially"));
        return Some((!denied, field.words()));
    }
    let implied = |field: &&&Field| {
        value_stems(&field.value).iter().any(|own| {
            IMPLIES.iter().any(|(late, early)| late == own && early.iter().any(|early| same(early, &wanted.stem)))
        })
    };
    if let Some(field) = states.iter().find(implied) {
        return Some((true, field.words()));
    }
    // A date "shipped_at" that is set says that it has happened; an empty one that it has not.
    let moment = fields.iter().find(|field| {
        field.key.iter().any(|stem| same(stem, &wanted.stem))
            && field.key.iter().any(|part| matches!(part.as_str(), "at" | "on" | "dat" | "date" | "tim" | "time"))
    });
    if let Some(field) = moment {
        let happened = !matches!(&field.value, Value::Null) && field.value.as_str() != Some("");
        return Some((happened, field.words()));
    }
    // "in stock", "available": a number above zero.
    let counted =
        fields.iter().find(|field| field.value.is_number() && field.key.iter().any(|stem| same(stem, &wanted.stem)));
    if let Some(field) = counted {
        return Some((field.value.as_f64().is_some_and(|number| number > 0.0), field.words()));
    }
    // A state that is another one: not what was asked for, when the word names a state at all.
    let looks_like_state = wanted.text.ends_with("ed")
        || wanted.text.ends_with("ing")
        || wanted.stem != stem(&wanted.text)
        || all.iter().any(|word| matches!(word.text.as_str(), "is" | "it's" | "was" | "has" | "hasn't" | "isn't"));
    match states.as_slice() {
        [only] if looks_like_state => Some((false, only.words())),
        [first, ..]
            if looks_like_state
                && first.key.iter().any(|stem| stem == "statu" || stem == "status" || stem == "stat") =>
        {
            Some((false, first.words()))
        }
        _ => None,
    }
}

/// A field that holds a state in words.
fn is_state(field: &Field) -> bool {
    let named = field.key.iter().any(|stem| {
        ["status", "state", "stage", "phase", "condition", "progress", "weather", "availability"]
            .iter()
            .any(|name| *stem == super::words::stem(name))
    });
    named && field.value.as_str().is_some_and(|text| text.len() <= 80)
}

fn value_words(value: &Value) -> Vec<String> {
    value
        .as_str()
        .map(|text| words(&text.replace('_', " ")).into_iter().map(|word| word.text).collect())
        .unwrap_or_default()
}

fn value_stems(value: &Value) -> Vec<String> {
    value_words(value).iter().map(|word| stem(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(condition: &str, result: &str, expected: Option<bool>) {
        let (inverted, text) = match condition.strip_prefix("unless ") {
            Some(text) => (true, text),
            None => (false, condition.trim_start_matches("if ")),
        };
        let outcome = Outcome { text: result.to_owned(), json: serde_json::from_str(result).ok(), failed: false };
        let verdict = judge(&Condition { text: text.to_owned(), inverted }, &[&outcome]);
        let found = match verdict {
            Verdict::Holds(_) => Some(true),
            Verdict::Fails(_) => Some(false),
            Verdict::Unknown => None,
        };
        assert_eq!(found, expected, "{condition} / {result}");
    }

    #[test]
    fn judges_by_words() {
        check("if it hasn't shipped", r#"{"status":"processing"}"#, Some(true));
        check("if it hasn't shipped", r#"{"status":"shipped","carrier":"Northline"}"#, Some(false));
        check("if it has not shipped yet", r#"{"status":"delivered"}"#, Some(false));
        check("if it hasn't shipped", r#"{"shipped":false,"status":"packed"}"#, Some(true));
        check("if it hasn't shipped", r#"{"status":"not_shipped"}"#, Some(true));
        check("if it hasn't shipped", r#"{"shipped_at":null}"#, Some(true));
        check("if it hasn't shipped", r#"{"note":"hello"}"#, None);
        check("unless it was delivered", r#"{"order_status":"DELIVERED"}"#, Some(false));
        check("unless it was delivered", r#"{"order_status":"in transit"}"#, Some(true));
        check("if it is still processing", r#"{"status":"processing"}"#, Some(true));
        check("if it is still processing", r#"{"status":"shipped"}"#, Some(false));
        check("if the balance is over 100", r#"{"account":"7","balance":150.5}"#, Some(true));
        check("if the balance is over $100", r#"{"balance":"$80"}"#, Some(false));
        check("if there are at least 3 seats", r#"{"seats":3,"price":90}"#, Some(true));
        check("if it costs less than 80 dollars", r#"{"price":90}"#, Some(false));
        check("if it is available", r#"{"available":true}"#, Some(true));
        check("if the flight is delayed", r#"{"flight":"LH1","status":"on time"}"#, Some(false));
        check("if it rains", r#"{"weather":"light rain"}"#, Some(true));
    }
}
