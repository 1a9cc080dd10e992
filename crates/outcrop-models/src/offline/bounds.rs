//! Amounts with a comparison, "above 5,000 €", "at most 3 seats": for the parameter that takes the limit, and for
//! results that are told only as far as they keep it.

use super::entities::{Kind, entities};
use super::words::{name_parts, name_stems, same, stem, words};
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

/// Deepest place of a list in a result that is narrowed.
const DEPTH_MAX: usize = 4;

/// A limit in a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bound {
    /// The limit.
    pub(super) value: f64,
    /// Whether more than it is wanted, rather than less.
    pub(super) is_least: bool,
    /// Whether the limit itself is wanted, too.
    pub(super) is_inclusive: bool,
    /// Whether it is an amount of money.
    pub(super) is_money: bool,
    /// The comparison and the amount, as written.
    pub(super) said: String,
    /// First byte of the amount.
    pub(super) start: usize,
    /// Byte after the last of the amount.
    pub(super) end: usize,
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is written here and tested")
}

static MORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:\b(?:over|above|beyond|exceed(?:s|ing|ed)?|(?:more|greater|higher|larger|bigger|longer|older)\s+than)|>)\s*(?:(?:an?|the)\s+\w+\s+of\s+)?$",
    )
});
static LESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:\b(?:under|below|(?:less|lower|smaller|cheaper|fewer|shorter|younger)\s+than)|<)\s*(?:(?:an?|the)\s+\w+\s+of\s+)?$",
    )
});
static LEAST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)(?:\b(?:at\s+least|no(?:t)?\s+less\s+than|a\s+minimum\s+of|starting\s+at)|>=|≥)\s*$")
});
static MOST: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(?:\b(?:at\s+most|no(?:t)?\s+more\s+than|a\s+maximum\s+of|up\s+to)|<=|≤)\s*$"));
static OR_MORE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^\s*(?:or|and)\s+(?:more|above|over|up|higher)\b"));
static OR_LESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^\s*(?:or|and)\s+(?:less|below|under|fewer|lower)\b"));

/// The limits of a text, in order.
pub(super) fn bounds(text: &str) -> Vec<Bound> {
    let numbers = entities(text).into_iter().filter(|entity| entity.kind.is_numeric() && entity.kind != Kind::Percent);
    numbers
        .filter_map(|entity| {
            let (before, after) = (&text[..entity.start], &text[entity.end..]);
            let marked = |marks: &Regex| marks.find(before).map(|found| found.start());
            let (from, is_least, is_inclusive) = if let Some(from) = marked(&LEAST) {
                (from, true, true)
            } else if let Some(from) = marked(&MOST) {
                (from, false, true)
            } else if let Some(from) = marked(&MORE) {
                (from, true, false)
            } else if let Some(from) = marked(&LESS) {
                (from, false, false)
            } else if OR_MORE.is_match(after) {
                (entity.start, true, true)
            } else if OR_LESS.is_match(after) {
                (entity.start, false, true)
            } else {
                return None;
            };
            Some(Bound {
                value: entity.number?,
                is_least,
                is_inclusive,
                is_money: entity.kind == Kind::Money,
                said: text[from..entity.end].trim().to_owned(),
                start: entity.start,
                end: entity.end,
            })
        })
        .collect()
}

impl Bound {
    /// Whether a number keeps the limit.
    pub(super) fn holds(&self, number: f64) -> bool {
        let equal = (number - self.value).abs() < 1e-9;
        if equal { self.is_inclusive } else { (number > self.value) == self.is_least }
    }

    /// Whether a call was given the limit, so that its result keeps it already.
    pub(super) fn is_given(&self, input: &serde_json::Map<String, Value>) -> bool {
        input.values().any(|value| as_number(value).is_some_and(|number| (number - self.value).abs() < 1e-9))
    }

    /// The items that keep the limit, by the field that it speaks of; `None` when no field can be meant.
    pub(super) fn kept(&self, items: &[Value], text: &str) -> Option<Vec<Value>> {
        let field = self.field(items, text)?;
        let keeps = |item: &&Value| item.get(&field).and_then(as_number).is_some_and(|number| self.holds(number));
        Some(items.iter().filter(keeps).cloned().collect())
    }

    fn field(&self, items: &[Value], text: &str) -> Option<String> {
        let first = items.iter().find_map(Value::as_object)?;
        let all = words(text);
        let numeric: Vec<&String> =
            first.iter().filter(|(key, value)| as_number(value).is_some() && !is_id(key)).map(|(key, _)| key).collect();
        let score = |key: &str| {
            let stems = name_stems(key);
            let named = stems.iter().filter(|own| all.iter().any(|word| same(own, &word.stem))).count();
            let sums = stems.iter().any(|own| MONEY.iter().any(|name| stem(name) == *own));
            named * 2 + usize::from(sums && self.is_money) * 2 + usize::from(sums)
        };
        let best = numeric.iter().copied().max_by_key(|key| score(key))?;
        // "Above 5,000" can only mean the one number there is, or what sums are called.
        (score(best) > 0 || numeric.len() == 1).then(|| best.clone())
    }
}

/// Names of what something costs.
const MONEY: &[&str] = &["amount", "total", "price", "cost", "balance", "sum", "value", "revenue"];

fn is_id(key: &str) -> bool {
    name_parts(key).iter().any(|part| matches!(part.as_str(), "id" | "number" | "year" | "date" | "zip" | "phone"))
}

fn as_number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| {
        let text = value.as_str().filter(|text| text.len() < 20 && !text.contains('-'))?;
        let figures = text.chars().filter(char::is_ascii_digit).count();
        super::entities::number(text).filter(|_| figures * 2 >= text.trim().len())
    })
}

/// A result of which only what keeps the limits is left; for what is left of nothing, the sentence that says so.
/// `None` when no list in it is limited.
pub(super) fn narrowed(result: &Value, bounds: &[Bound], text: &str) -> Option<Result<Value, String>> {
    let (mut narrowed, mut of, mut touched) = (result.clone(), 0, false);
    for bound in bounds {
        let Some((name, items)) = list_in(&mut narrowed, "", 0) else { continue };
        let Some(kept) = bound.kept(items, text) else { continue };
        of = of.max(items.len());
        touched = true;
        if kept.is_empty() {
            let what = if name.is_empty() { "results".to_owned() } else { super::answer::label(&name) };
            return Some(Err(format!("None of the {of} {what} is {}.", said(bounds))));
        }
        *items = kept;
    }
    touched.then_some(Ok(narrowed))
}

fn said(bounds: &[Bound]) -> String {
    bounds.iter().map(|bound| bound.said.as_str()).collect::<Vec<_>>().join(" and ")
}

/// The first list of objects in a result, with its name.
fn list_in<'a>(value: &'a mut Value, name: &str, depth: usize) -> Option<(String, &'a mut Vec<Value>)> {
    if depth > DEPTH_MAX {
        return None;
    }
    match value {
        Value::Array(items) if items.iter().any(Value::is_object) => Some((name.to_owned(), items)),
        Value::Object(members) => members.iter_mut().find_map(|(name, value)| list_in(value, name, depth + 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_limits() {
        let check = |text: &str, expected: &[(f64, bool, bool)]| {
            let found: Vec<(f64, bool, bool)> =
                bounds(text).iter().map(|one| (one.value, one.is_least, one.is_inclusive)).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("invoices above 5,000 €", &[(5_000.0, true, false)]);
        check("that exceed $10K", &[(10_000.0, true, false)]);
        check("at least 20 and at most 30 seats", &[(20.0, true, true), (30.0, false, true)]);
        check("under an amount of 99.50 dollars", &[(99.5, false, false)]);
        check("100 euros or more", &[(100.0, true, true)]);
        check("no more than three", &[(3.0, false, true)]);
        check("refund 64 dollars", &[]);
    }

    #[test]
    fn results_keep_the_limits() {
        let invoices = json!({"count": 3, "invoices": [
            {"invoice_id": "I-1", "amount": 4_000, "lines": 2}, {"invoice_id": "I-2", "amount": "5,000.00", "lines": 9},
            {"invoice_id": "I-3", "amount": 9_000.5, "lines": 1},
        ]});
        let check = |text: &str, expected: &str| {
            let found = narrowed(&invoices, &bounds(text), text).map(|found| {
                found.map_or_else(
                    |none| none,
                    |kept| {
                        let items = kept["invoices"].as_array().unwrap().iter();
                        items.map(|item| item["invoice_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
                    },
                )
            });
            assert_eq!(found.as_deref().unwrap_or("-"), expected, "{text}");
        };
        check("invoices above 5,000 €", "I-3");
        check("invoices of 5,000 € or more", "I-2 I-3");
        check("with more than 5 lines", "I-2");
        check("above 4,500 euros and below 6,000 euros", "I-2");
        check("above 1 million dollars", "None of the 3 invoices is above 1 million dollars.");
        check("all invoices", "-");
    }
}
