//! Least and most: of numbers, of lengths, of counts.

use super::shown;
use serde_json::{Map, Value};

/// Says what is too small, too large, too short or too long.
pub(crate) fn check_bounds(schema: &Map<String, Value>, value: &Value, path: &str, problems: &mut Vec<String>) {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let mut fail = |what: String| problems.push(format!("{} must {what}", shown(path)));
    match value {
        Value::Number(number) => {
            let Some(number) = number.as_f64() else { return };
            if let Some(least) = bound("minimum").filter(|least| number < *least) {
                fail(format!("be at least {least}"));
            }
            if let Some(most) = bound("maximum").filter(|most| number > *most) {
                fail(format!("be at most {most}"));
            }
            if let Some(least) = bound("exclusiveMinimum").filter(|least| number <= *least) {
                fail(format!("be more than {least}"));
            }
            if let Some(most) = bound("exclusiveMaximum").filter(|most| number >= *most) {
                fail(format!("be less than {most}"));
            }
        }
        Value::String(text) => count(schema, text.chars().count(), ["minLength", "maxLength"], "characters", &mut fail),
        Value::Array(items) => count(schema, items.len(), ["minItems", "maxItems"], "items", &mut fail),
        _ => {}
    }
}

/// What arguments of tools are not checked for: counts of members, and the bounds of OpenAPI 3.0, where a boolean says
/// that the bound itself is out.
pub(super) fn check_more_bounds(schema: &Map<String, Value>, value: &Value, path: &str, problems: &mut Vec<String>) {
    let mut fail = |what: String| problems.push(format!("{} must {what}", shown(path)));
    let open_bound = |is_open: &str, name: &str| {
        schema.get(name).and_then(Value::as_f64).filter(|_| schema.get(is_open) == Some(&Value::Bool(true)))
    };
    match value {
        Value::Number(number) => {
            if let Some(least) =
                open_bound("exclusiveMinimum", "minimum").filter(|least| number.as_f64() == Some(*least))
            {
                fail(format!("be more than {least}"));
            }
            if let Some(most) = open_bound("exclusiveMaximum", "maximum").filter(|most| number.as_f64() == Some(*most))
            {
                fail(format!("be less than {most}"));
            }
        }
        Value::Object(members) => {
            count(schema, members.len(), ["minProperties", "maxProperties"], "members", &mut fail);
        }
        _ => {}
    }
}

fn count(schema: &Map<String, Value>, has: usize, [least, most]: [&str; 2], what: &str, fail: &mut impl FnMut(String)) {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok());
    if let Some(least) = bound(least).filter(|least| has < *least) {
        fail(format!("have at least {least} {what}"));
    }
    if let Some(most) = bound(most).filter(|most| has > *most) {
        fail(format!("have at most {most} {what}"));
    }
}
