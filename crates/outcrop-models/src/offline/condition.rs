//! Whether a condition holds, judged by the words of JSON results alone.

use super::clauses::Condition;
use super::entities::{Kind, entities};
use super::talk::Outcome;
use super::words::{Word, is_generic, name_stems, same, stem, words};
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

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

static OR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i),?\s+or\s+(?:if\s+)?").expect("the pattern is written here and tested"));
static AND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i),?\s+(?:and|but)\s+(?:also\s+|if\s+)?").expect("the pattern is written here and tested")
});

/// Words for where a thing stands in its course, besides those of [`IMPLIES`]: having one state, it has no other.
const COURSE: &[&str] =
    &["cancel", "pack", "pending", "delay", "approve", "reject", "fail", "expire", "active", "progress"];

/// Whether a stem names a state that a thing goes through. Payment goes beside it.
fn is_of_course(wanted: &str) -> bool {
    let paid = ["pay", "charge"].iter().any(|word| same(&stem(word), wanted));
    let known = IMPLIES.iter().flat_map(|(late, early)| std::iter::once(late).chain(early.iter()));
    !paid
        && (known.into_iter().any(|known| same(&stem(known), wanted) || *known == wanted)
            || COURSE.iter().any(|known| same(&stem(known), wanted)))
}

/// Judges a condition by all results there are: each part by itself, with its own negation. A part that nothing tells
/// of leaves the whole open, unless the others decide it.
pub(super) fn judge(condition: &Condition, outcomes: &[&Outcome]) -> Verdict {
    let verdict = judge_parts(&condition.text, condition.inverted, outcomes);
    match verdict {
        Verdict::Holds(why) if condition.inverted => Verdict::Fails(why),
        Verdict::Fails(why) if condition.inverted => Verdict::Holds(why),
        other => other,
    }
}

fn judge_parts(text: &str, inverted: bool, outcomes: &[&Outcome]) -> Verdict {
    let mut cases: Vec<String> = Vec::new();
    for case in OR.split(text) {
        // "not shipped or delivered" denies both; "or more" belongs to the number before it.
        let joins = cases.last().is_some_and(|before| continues_negation(before, case));
        let amount = matches!(case.trim().to_lowercase().as_str(), "more" | "less");
        match cases.last_mut() {
            Some(last) if joins => last.push_str(&format!(" and not {case}")),
            Some(last) if amount => last.push_str(&format!(" or {case}")),
            _ => cases.push(case.to_owned()),
        }
    }
    let verdicts = cases.iter().map(|case| {
        let parts: Vec<&str> =
            if case.to_lowercase().contains("between") { vec![case] } else { AND.split(case).collect() };
        // "not shipped and delivered" can mean two things.
        if parts.windows(2).any(|pair| continues_negation(pair[0], pair[1]) && !has_negation(pair[1])) {
            return Verdict::Unknown;
        }
        all_of(parts.into_iter().map(|part| judge_plain(part, inverted, outcomes)))
    });
    let inverted = all_of(verdicts.map(opposite));
    opposite(inverted)
}

fn opposite(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Holds(why) => Verdict::Fails(why),
        Verdict::Fails(why) => Verdict::Holds(why),
        Verdict::Unknown => Verdict::Unknown,
    }
}

fn all_of(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let mut reasons = Vec::new();
    let mut open = false;
    for verdict in verdicts {
        match verdict {
            Verdict::Holds(why) => reasons.push(why),
            Verdict::Fails(why) => return Verdict::Fails(why),
            Verdict::Unknown => open = true,
        }
    }
    if open || reasons.is_empty() { Verdict::Unknown } else { Verdict::Holds(reasons.join(" and ")) }
}

fn has_negation(text: &str) -> bool {
    words(text).iter().any(|word| is_negation(&word.text))
}

/// Whether `part` has no verb of its own and so stands under the negation of `before`.
fn continues_negation(before: &str, part: &str) -> bool {
    let own_verb = words(part).iter().any(|word| {
        matches!(
            word.text.as_str(),
            "is" | "it"
                | "its"
                | "it's"
                | "are"
                | "was"
                | "were"
                | "has"
                | "have"
                | "had"
                | "does"
                | "do"
                | "costs"
                | "cost"
        ) || is_negation(&word.text)
            || word.text.ends_with('s')
    });
    has_negation(before) && !own_verb
}

fn judge_plain(text: &str, inverted: bool, outcomes: &[&Outcome]) -> Verdict {
    let all = words(text);
    let negated = all.iter().any(|word| is_negation(&word.text));
    let fields: Vec<Field> = outcomes.iter().filter_map(|outcome| outcome.json.as_ref()).flat_map(fields).collect();
    let found = compare(text, &all, &fields).or_else(|| state(&all, &fields, negated != inverted));
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
    // What something costs, and any amount of money, is its price or its total.
    let is_money = limit.kind == Kind::Money
        || all
            .iter()
            .any(|word| matches!(word.text.as_str(), "cost" | "costs" | "price" | "expensive" | "cheaper" | "worth"));
    let sums = |key: &[String]| key.iter().any(|part| MONEY.iter().any(|name| stem(name) == *part));
    let field = fields
        .iter()
        .filter_map(|field| Some((field, as_number(&field.value)?)))
        .map(|(field, number)| {
            let named = field.key.iter().filter(|stem| all.iter().any(|word| same(&word.stem, stem))).count();
            (field, number, named * 2 + usize::from(is_money && sums(&field.key)))
        })
        .max_by_key(|(_, _, shared)| *shared)?;
    let (field, number, shared) = field;
    let only = fields.iter().filter(|field| as_number(&field.value).is_some()).count() == 1;
    // "If it is over 100" can only mean the one number there is; "if my dog is over 2" cannot.
    let names_nothing = all.iter().all(|word| {
        let inside = word.start < limit.end && limit.start < word.end;
        inside || !word.is_content() || COMPARING.contains(&word.text.as_str())
    });
    if shared == 0 && !(only && names_nothing) {
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

/// Words that compare and name nothing.
const COMPARING: &[&str] = &[
    "more", "less", "greater", "higher", "lower", "larger", "smaller", "least", "most", "above", "below", "exceeds",
    "exactly", "fewer", "still", "already", "yet", "equal", "equals", "only",
];

/// Names of what something costs.
const MONEY: &[&str] = &["price", "total", "cost", "amount"];

fn as_number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| {
        value.as_str().filter(|text| text.len() < 20 && !text.contains('-')).and_then(super::entities::number)
    })
}

/// "it has shipped", "it is still processing", "the flight is delayed": a state, named by a key or a value.
fn state(all: &[Word], fields: &[Field], acts_on_no: bool) -> Option<(bool, String)> {
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
    // "Unless it was a gift": that the order is processing says nothing of gifts, and a no would let something be done.
    if acts_on_no && !is_of_course(&wanted.stem) {
        return None;
    }
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
        let order = r#"{"status":"processing","total":129.9,"weight":3}"#;
        check("if it has not shipped and it costs more than 200 dollars", order, Some(false));
        check("if it has not shipped and it costs more than 100 dollars", order, Some(true));
        check("if it costs more than 200 dollars and it has not shipped", order, Some(false));
        check("if it has not shipped and is over 200 dollars", order, Some(false));
        check("if it has shipped or it costs more than 100 dollars", order, Some(true));
        check("if it has shipped or costs more than 200 dollars", order, Some(false));
        check("if it has not shipped or been delivered", order, Some(true));
        check("if it has not shipped or been delivered", r#"{"status":"delivered"}"#, Some(false));
        check("if it has not shipped and its owner agrees", order, None);
        check("if it has shipped and its owner agrees", order, Some(false));
        check("unless it has shipped or costs more than 100 dollars", order, Some(false));
        check("unless it was a gift", order, None);
        check("if it has not been insured", order, None);
        check("if it has not been paid", order, None);
        check("unless it has been cancelled", order, Some(true));
        check("if it is over 100", r#"{"total":129.9}"#, Some(true));
        check("if my dog is over 2", r#"{"total":129.9}"#, None);
        check("unless there are 3 kids", r#"{"total":129.9}"#, None);
        check("if it costs 100 dollars or more", order, Some(true));
        check("if it rains", r#"{"weather":"light rain"}"#, Some(true));
    }
}
