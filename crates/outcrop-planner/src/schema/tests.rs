//! What fits and what does not, keyword by keyword.

use super::*;
use proptest::prelude::*;
use serde_json::json;

#[expect(clippy::needless_pass_by_value, reason = "cases read better with values")]
fn check_fits(schema: Value, value: Value) {
    assert_eq!(check_schema(&schema), Ok(()), "{schema}");
    assert_eq!(check(&schema, &value), Vec::<String>::new(), "{schema} {value}");
}

#[expect(clippy::needless_pass_by_value, reason = "cases read better with values")]
fn check_problem(schema: Value, value: Value, expected: &str) {
    assert_eq!(check_schema(&schema), Ok(()), "{schema}");
    assert_eq!(check(&schema, &value), [expected], "{schema} {value}");
}

#[expect(clippy::needless_pass_by_value, reason = "cases read better with values")]
fn check_unfit(schema: Value, expected: &str) {
    assert_eq!(check_schema(&schema), Err(vec![expected.to_owned()]), "{schema}");
}

fn invoice() -> Value {
    json!({
        "type": "object", "required": ["id", "items"], "additionalProperties": false,
        "properties": {
            "id": {"type": "string", "pattern": "^INV-[0-9]+$"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "items": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/item"}},
        },
        "$defs": {"item": {"type": "object", "required": ["price"], "properties": {
            "price": {"type": "number", "exclusiveMinimum": 0}, "parts": {"type": "array", "items": {"$ref": "#/$defs/item"}}}}},
    })
}

#[test]
fn a_document_of_a_program() {
    check_fits(invoice(), json!({"id": "INV-1", "items": [{"price": 2}], "note": null}));
    check_fits(invoice(), json!({"id": "INV-1", "items": [{"price": 2, "parts": [{"price": 0.5}]}]}));
    check_problem(invoice(), json!({"id": "1", "items": [{"price": 2}]}), "id must match ^INV-[0-9]+$");
    check_problem(invoice(), json!({"id": "INV-1", "items": []}), "items must have at least 1 items");
    check_problem(invoice(), json!({"id": "INV-1", "items": [{"price": "2"}]}), "items[0].price must be a number");
    check_problem(
        invoice(),
        json!({"id": "INV-1", "items": [{"price": 2, "parts": [{"price": 0}]}]}),
        "items[0].parts[0].price must be more than 0",
    );
    check_problem(invoice(), json!({"id": "INV-1", "items": [{}]}), "items[0].price is missing");
    check_problem(
        invoice(),
        json!({"id": "INV-1", "items": [{"price": 1}], "total": 1}),
        "total is not known to the schema",
    );
    check_problem(invoice(), json!([]), "the whole must be an object");
}

#[test]
fn keywords() {
    check_fits(json!({"type": "integer"}), json!(4.0));
    check_problem(json!({"type": "integer"}), json!(4.5), "the whole must be an integer");
    check_problem(json!({"type": ["string", "null"]}), json!(1), "the whole must be a string or null");
    check_fits(json!({"type": "string", "nullable": true}), json!(null));
    check_fits(json!({"const": {"b": 1, "a": 2.0}}), json!({"a": 2, "b": 1.0}));
    check_problem(json!({"enum": ["a", "b"]}), json!("c"), "the whole must be one of \"a\", \"b\"");
    check_fits(json!({"multipleOf": 0.1}), json!(0.3));
    check_problem(json!({"multipleOf": 5}), json!(7), "the whole must be a multiple of 5");
    check_problem(json!({"minimum": 5, "exclusiveMinimum": true}), json!(5), "the whole must be more than 5");
    check_problem(json!({"uniqueItems": true}), json!([1, 1.0]), "the whole must not hold the same item twice");
    check_problem(json!({"prefixItems": [{"type": "string"}], "items": false}), json!(["a", 1]), "[1] is not allowed");
    check_problem(
        json!({"items": [{"type": "string"}], "additionalItems": {"type": "null"}}),
        json!(["a", 1]),
        "[1] must be null",
    );
    check_problem(
        json!({"contains": {"type": "string"}, "maxContains": 1}),
        json!(["a", "b"]),
        "the whole has 2 items of the kind that its schema wants it to contain",
    );
    check_problem(
        json!({"oneOf": [{"minimum": 1}, {"minimum": 2}]}),
        json!(3),
        "the whole fits 2 of the forms of which its schema allows one",
    );
    check_fits(json!({"oneOf": [{"minimum": 1}, {"minimum": 2}]}), json!(1));
    check_problem(json!({"not": {"type": "null"}}), json!(null), "the whole has the form that its schema rules out");
    let branches = json!({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}});
    check_problem(branches.clone(), json!({"a": 1}), "b is missing");
    check_problem(branches, json!({}), "c is missing");
    check_problem(json!({"dependentRequired": {"a": ["b"]}}), json!({"a": 1}), "b is missing");
    check_problem(
        json!({"patternProperties": {"^x": {"type": "null"}}, "additionalProperties": {"type": "string"}}),
        json!({"xa": 1}),
        "xa must be null",
    );
    check_problem(
        json!({"propertyNames": {"maxLength": 1}}),
        json!({"ab": 1}),
        "ab has a name that its schema does not allow",
    );
    check_problem(json!({"minProperties": 1}), json!({}), "the whole must have at least 1 members");
    check_problem(json!({"maxLength": 1}), json!("éé"), "the whole must have at most 1 characters");
    // What is no keyword says nothing.
    check_fits(json!({"title": "T", "format": "date", "examples": [1], "default": 2}), json!("x"));
}

#[test]
fn unfit_schemas_are_told_with_their_places() {
    check_unfit(json!([]), "/: must be a schema, which is an object");
    check_unfit(
        json!({"properties": {"a/b": {"type": "strin"}}}),
        "/properties/a~1b/type: must be one of string, boolean, number, integer, array, object, null, or a list of them",
    );
    check_unfit(
        json!({"items": {"$ref": "#/$defs/x"}}),
        "/items/$ref: leads to #/$defs/x, which is no schema within this one",
    );
    check_unfit(
        json!({"$ref": "https://example.com/s"}),
        "/$ref: leads to https://example.com/s, which is no schema within this one",
    );
    check_unfit(json!({"unevaluatedProperties": false}), "/unevaluatedProperties: is not supported");
    check_unfit(json!({"required": "a"}), "/required: must be a list of names");
    check_unfit(json!({"anyOf": []}), "/anyOf: must be a list of schemas");
    check_unfit(json!({"minLength": -1}), "/minLength: must be a whole number, not below zero");
    check_unfit(json!({"enum": []}), "/enum: must be a list of values");
    assert!(
        check_schema(&json!({"pattern": "a(?=b)"})).unwrap_err()[0]
            .starts_with("/pattern: is a pattern that is not supported")
    );
}

#[test]
fn schemas_that_lead_in_circles_come_to_an_end() {
    check_problem(json!({"$ref": "#"}), json!(1), "the whole cannot be checked: the schema leads too far");
    let wide = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}], "type": "number"});
    assert_ne!(check(&wide, &json!(1)), Vec::<String>::new());
}

fn any_json() -> impl Strategy<Value = Value> {
    let words =
        ["type", "enum", "items", "anyOf", "oneOf", "not", "properties", "required", "$ref", "pattern", "if", "p"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["string", "object", "array", "#", "#/p", "p", "^a("]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(words.to_vec()), inner), 0..4).prop_map(|members| {
                Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn never_panics_and_comes_to_an_end(schema in any_json(), value in any_json()) {
        let told = check(&schema, &value);
        prop_assert!(told.len() <= PROBLEMS_MAX);
        if let Err(problems) = check_schema(&schema) {
            prop_assert!((1..=PROBLEMS_MAX).contains(&problems.len()));
        }
    }
}
