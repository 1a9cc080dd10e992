//! Arguments as the model wrote them, checked against the tool's schema and put right where nothing is lost by it.
//!
//! Put right are: numbers and booleans written as texts and the other way round, JSON written as a text where a list or
//! an object is wanted, values of an enum in another case. Everything else that does not fit is said, so that the model
//! can try again. `pattern` and `format` are not checked: schemas in circulation have them in dialects. Answers that have
//! to fit a schema are read by the letter instead: see [`crate::schema`].

use crate::schema::{PROBLEMS_MAX, check_bounds, member_path, named_types, shown, types};
use outcrop_ports::ToolUse;
use serde_json::{Map, Number, Value};

/// The arguments put right, or what is wrong with them, each a part of a sentence.
pub(super) fn check(schema: &Value, members: Map<String, Value>) -> Result<Map<String, Value>, Vec<String>> {
    let mut problems = Vec::new();
    let fitted = fit(schema, Value::Object(members), "", &mut problems);
    match (problems.is_empty(), fitted) {
        (true, Value::Object(members)) => Ok(members),
        (true, _) => Err(vec!["they must be an object".to_owned()]),
        (false, _) => {
            problems.truncate(PROBLEMS_MAX);
            Err(problems)
        }
    }
}

fn fit(schema: &Value, value: Value, path: &str, problems: &mut Vec<String>) -> Value {
    let Some(members) = schema.as_object() else { return value };
    let value = match types(schema) {
        kinds if kinds.is_empty() => value,
        kinds => match kinds.iter().find_map(|kind| as_type(kind, &value)) {
            Some(value) => value,
            None => {
                problems.push(format!("{} must be {}", shown(path), named_types(&kinds)));
                return value;
            }
        },
    };
    let value = fit_enum(members, value, path, problems);
    check_bounds(members, &value, path, problems);
    let value = match value {
        Value::Object(given) => Value::Object(fit_members(schema, given, path, problems)),
        Value::Array(items) => Value::Array(fit_items(members, items, path, problems)),
        other => other,
    };
    fit_alternatives(members, value, path, problems)
}

/// The value as one of a type, when it is one or says the same.
fn as_type(kind: &str, value: &Value) -> Option<Value> {
    match (kind, value) {
        ("string", Value::String(_))
        | ("boolean", Value::Bool(_))
        | ("number", Value::Number(_))
        | ("array", Value::Array(_))
        | ("object", Value::Object(_))
        | ("null", Value::Null) => Some(value.clone()),
        ("string", Value::Number(number)) => Some(Value::from(number.to_string())),
        ("string", Value::Bool(truth)) => Some(Value::from(truth.to_string())),
        ("integer", Value::Number(number)) => integer(number),
        ("integer", Value::String(text)) => integer_of_text(text.trim()),
        ("number", Value::String(text)) => number_of_text(text.trim()),
        ("boolean", Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        ("array" | "object", Value::String(text)) => {
            let read: Value = serde_json::from_str(text).ok()?;
            let tool_use = ToolUse { tool_use_id: String::new(), name: String::new(), input: read };
            let fits = if kind == "array" { tool_use.input.is_array() } else { tool_use.input.is_object() };
            (fits && !tool_use.is_too_deep()).then_some(tool_use.input)
        }
        // A type that JSON Schema does not have: the author's business.
        (kind, _) if !["string", "boolean", "number", "integer", "array", "object", "null"].contains(&kind) => {
            Some(value.clone())
        }
        _ => None,
    }
}

fn integer(number: &Number) -> Option<Value> {
    if number.is_i64() || number.is_u64() {
        return Some(Value::Number(number.clone()));
    }
    let float = number.as_f64()?;
    // Beyond 2^53 a float no longer says which integer is meant.
    let is_exact = float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "has no fraction and is small enough")]
    is_exact.then(|| Value::from(float as i64))
}

/// Digits beyond what a number holds stay a text: functions read texts, and nothing is lost.
fn integer_of_text(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(exact(text));
    }
    let number: Number = serde_json::from_str(text).ok()?;
    integer(&number)
}

fn number_of_text(text: &str) -> Option<Value> {
    serde_json::from_str::<Number>(text).is_ok().then(|| exact(text))
}

/// The number that a text says, or the text when the number would say less.
fn exact(text: &str) -> Value {
    match serde_json::from_str::<Number>(text) {
        Ok(number) if number.to_string() == text => Value::Number(number),
        _ => Value::from(text),
    }
}

fn fit_enum(schema: &Map<String, Value>, value: Value, path: &str, problems: &mut Vec<String>) -> Value {
    let single = schema.get("const").map(std::slice::from_ref);
    let Some(allowed) = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice).or(single) else {
        return value;
    };
    if allowed.is_empty() || allowed.contains(&value) {
        return value;
    }
    let text = |value: &Value| crate::prepare::value_text(value).trim().to_lowercase();
    let wanted = text(&value);
    let mut same = allowed.iter().filter(|one| text(one) == wanted);
    match (same.next(), same.next()) {
        (Some(one), None) => one.clone(),
        _ => {
            let all: Vec<String> = allowed.iter().map(Value::to_string).collect();
            problems.push(format!("{} must be one of {}", shown(path), all.join(", ")));
            value
        }
    }
}

fn fit_members(
    schema: &Value,
    given: Map<String, Value>,
    path: &str,
    problems: &mut Vec<String>,
) -> Map<String, Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut fitted = Map::new();
    for (name, value) in given {
        let inner = member_path(path, &name);
        let Some(schema) = properties.and_then(|properties| properties.get(&name)) else {
            fitted.insert(name, value);
            continue;
        };
        // Nothing, said outright: as if it had not been said, unless the schema knows it.
        if value.is_null() && !types(schema).contains(&"null") {
            continue;
        }
        fitted.insert(name, fit(schema, value, &inner, problems));
    }
    for name in required {
        if !fitted.contains_key(name) {
            let inner = member_path(path, name);
            problems.push(format!("{} is missing", shown(&inner)));
        }
    }
    fitted
}

fn fit_items(schema: &Map<String, Value>, items: Vec<Value>, path: &str, problems: &mut Vec<String>) -> Vec<Value> {
    let Some(of) = schema.get("items").filter(|of| of.is_object()) else { return items };
    let fit_one = |(index, item): (usize, Value)| fit(of, item, &format!("{path}[{index}]"), problems);
    items.into_iter().enumerate().map(fit_one).collect()
}

/// All of `allOf`; the first of `anyOf` and `oneOf` that fits.
fn fit_alternatives(schema: &Map<String, Value>, value: Value, path: &str, problems: &mut Vec<String>) -> Value {
    let list = |name: &str| schema.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut value = value;
    for part in list("allOf") {
        value = fit(part, value, path, problems);
    }
    for name in ["anyOf", "oneOf"] {
        let alternatives = list(name);
        if alternatives.is_empty() {
            continue;
        }
        let fitting = alternatives.iter().find_map(|one| {
            let mut inner = Vec::new();
            let fitted = fit(one, value.clone(), path, &mut inner);
            inner.is_empty().then_some(fitted)
        });
        match fitting {
            Some(fitted) => value = fitted,
            None => problems.push(format!("{} fits none of the forms its schema allows", shown(path))),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "cases read better with values")]
    fn check_fits(property: Value, given: Value, expected: Value) {
        let schema = json!({"type": "object", "properties": {"p": property}});
        let Value::Object(members) = json!({"p": given}) else { panic!("is an object") };
        assert_eq!(check(&schema, members).map(Value::Object), Ok(json!({"p": expected})), "{schema}");
    }

    #[expect(clippy::needless_pass_by_value, reason = "cases read better with values")]
    fn check_problem(property: Value, given: Value, expected: &str) {
        let schema = json!({"type": "object", "properties": {"p": property}, "required": ["p"]});
        let Value::Object(members) = json!({"p": given}) else { panic!("is an object") };
        assert_eq!(check(&schema, members), Err(vec![expected.to_owned()]), "{schema}");
    }

    #[test]
    fn what_says_the_same_is_put_right() {
        let of = |kind: &str| json!({"type": kind});
        check_fits(of("string"), json!(4), json!("4"));
        check_fits(of("string"), json!(true), json!("true"));
        check_fits(of("integer"), json!("4"), json!(4));
        check_fits(of("integer"), json!(4.0), json!(4));
        check_fits(of("integer"), json!("4.0"), json!(4));
        check_fits(of("integer"), json!("123456789012345678901234567890"), json!("123456789012345678901234567890"));
        check_fits(of("number"), json!("-0.5"), json!(-0.5));
        check_fits(of("number"), json!("0.12345678901234567890123"), json!("0.12345678901234567890123"));
        check_fits(of("boolean"), json!("True"), json!(true));
        check_fits(of("array"), json!("[1, 2]"), json!([1, 2]));
        check_fits(json!({"type": "array", "items": {"type": "integer"}}), json!(["1", 2]), json!([1, 2]));
        let point = json!({"type": "object", "properties": {"x": {"type": "number"}}});
        check_fits(point, json!("{\"x\": \"1.5\"}"), json!({"x": 1.5}));
        check_fits(json!({"type": "string", "enum": ["Red", "Blue"]}), json!("red"), json!("Red"));
        check_fits(json!({"enum": [1, 2]}), json!("2"), json!(2));
        check_fits(json!({"type": ["string", "null"]}), json!(null), json!(null));
        check_fits(json!({"anyOf": [{"type": "integer"}, {"type": "string"}]}), json!("x"), json!("x"));
        check_fits(of("money"), json!([1]), json!([1]));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let of = |kind: &str| json!({"type": kind});
        check_problem(of("integer"), json!("four"), "p must be an integer");
        check_problem(of("integer"), json!(4.5), "p must be an integer");
        check_problem(of("boolean"), json!("yes"), "p must be a boolean");
        check_problem(of("array"), json!("a, b"), "p must be an array");
        check_problem(of("string"), json!({"a": 1}), "p must be a string");
        check_problem(of("string"), json!(null), "p is missing");
        check_problem(
            json!({"type": "string", "enum": ["Red", "Blue"]}),
            json!("green"),
            "p must be one of \"Red\", \"Blue\"",
        );
        check_problem(json!({"type": "integer", "maximum": 5}), json!(6), "p must be at most 5");
        check_problem(json!({"type": "string", "minLength": 2}), json!("é"), "p must have at least 2 characters");
        check_problem(
            json!({"type": "array", "items": {"type": "integer"}}),
            json!([1, "x"]),
            "p[1] must be an integer",
        );
        check_problem(
            json!({"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}}}),
            json!({}),
            "p.x is missing",
        );
        check_problem(
            json!({"oneOf": [{"type": "integer"}]}),
            json!("x"),
            "p fits none of the forms its schema allows",
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-z0-9.\\[\\]{}\":-]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(
                    (
                        prop_oneof![
                            Just("type"),
                            Just("enum"),
                            Just("items"),
                            Just("anyOf"),
                            Just("properties"),
                            Just("p")
                        ],
                        inner
                    ),
                    0..4
                )
                .prop_map(|members| Value::Object(
                    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
                )),
            ]
        })
    }

    proptest! {
        #[test]
        fn never_panics_and_what_fits_still_fits(schema in any_json(), given in any_json()) {
            let members: Map<String, Value> = [("p".to_owned(), given)].into_iter().collect();
            if let Ok(fitted) = check(&schema, members) {
                prop_assert_eq!(check(&schema, fitted.clone()), Ok(fitted));
            }
        }
    }
}
