use super::*;
use serde_json::json;

/// A document around one operation.
fn of(operation: &Value) -> Value {
    json!({"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"get": operation}}})
}

fn check_refusal(text: &str, expected: &str) {
    let refusal = check("orders", text).expect_err("is refused").to_string();
    assert!(refusal.contains(expected), "{refusal:?} does not say {expected:?}");
    assert!(refusal.starts_with("Failed to create OpenAPI 3 model"), "{refusal:?}");
    assert!(refusal.contains("that you provided for action: orders: "), "{refusal:?}");
}

/// What is said about one operation, by place.
fn check_operation(change: &Value, expected: &[(&str, &str)]) {
    let mut operation = json!({"description": "d", "responses": {"200": {"description": "r"}}});
    for (key, value) in change.as_object().expect("an object") {
        operation[key] = value.clone();
    }
    let found = match check("orders", &of(&operation).to_string()) {
        Ok(count) => {
            assert_eq!(count, 1);
            Vec::new()
        }
        Err(error) => error.problems,
    };
    let found: Vec<(&str, &str)> = found.iter().map(|one| (one.place.as_str(), one.message.as_str())).collect();
    assert_eq!(found, expected, "{operation}");
}

#[test]
fn documents_that_are_none_are_refused() {
    check_refusal("{\"tools\": []}", "'openapi' is missing");
    check_refusal("swagger: '2.0'\npaths: {}", "swagger 2.0 is not supported: convert");
    check_refusal("openapi: 4.0.0\npaths: {}", "openapi 4.0.0 is not supported");
    check_refusal("openapi: 3.0.0\ninfo: {}", "'title' is missing (at info)");
    check_refusal("openapi: 3.0.0\ninfo: {title: t, version: '1'}", "'paths' is missing");
    check_refusal("openapi: 3.0.0\npaths: {}", "'info' is missing");
    check_refusal(
        "openapi: 3.0.0\npaths:\n  orders:\n    get: {}",
        "path orders does not begin with / (at paths.orders)",
    );
    check_refusal("openapi: 3.0.0\npaths: [", "line 2 column");
    check_refusal("{\"openapi\": \"3.0.0\",", "line 1 column");
    check_refusal("just text", "not an object");
    check_refusal("", "not an object");
}

#[test]
fn aliases_are_followed_within_limits() {
    let head = "openapi: 3.0.0\ninfo: {title: t, version: '1'}\npaths:\n";
    let operation = "{get: {summary: s, responses: {'200': {description: r}}}}";
    assert_eq!(check("orders", &format!("{head}  /a: &a {operation}\n  /b: *a\n")).ok(), Some(2));
    let bomb = ('b'..='j').fold("a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, name| {
        let before = char::from(name as u8 - 1);
        format!("{text}{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(", "))
    });
    check_refusal(&bomb, "alias");
}

#[test]
fn an_operation_says_what_it_lacks_and_where() {
    let schema = json!({"type": "string"});
    let get = "paths./a.get";
    check_operation(&json!({}), &[]);
    check_operation(&json!({"description": " "}), &[(get, "'description' is missing for path: /a (get)")]);
    check_operation(&json!({"description": null, "summary": "s"}), &[]);
    check_operation(&json!({"responses": null}), &[(get, "'responses' is missing for path: /a (get)")]);
    check_operation(
        &json!({"responses": {"200": {"content": {"application/json": {}}}}}),
        &[
            ("paths./a.get.responses.200", "'description' is missing"),
            ("paths./a.get.responses.200.content.application/json", "'schema' is missing"),
        ],
    );
    check_operation(
        &json!({"parameters": [{"name": "a", "in": "query", "schema": schema}, {"in": "body", "schema": schema}]}),
        &[
            ("paths./a.get.parameters[1]", "'name' is missing"),
            ("paths./a.get.parameters[1]", "'in' is body; it is one of path, query, header, cookie"),
        ],
    );
    check_operation(
        &json!({"parameters": [{"name": "a"}]}),
        &[("paths./a.get.parameters[0]", "'in' is missing"), ("paths./a.get.parameters[0]", "'schema' is missing")],
    );
    check_operation(&json!({"parameters": {}}), &[("paths./a.get.parameters", "it is not a list")]);
    check_operation(
        &json!({"requestBody": {"content": {"text/plain": {"schema": schema}}}}),
        &[("paths./a.get.requestBody", "'requestBody' is not supported for get")],
    );
    check_operation(
        &json!({"x-requireConfirmation": true}),
        &[("paths./a.get.x-requireConfirmation", "'x-requireConfirmation' is either ENABLED or DISABLED")],
    );
    check_operation(&json!({"operationId": 7}), &[("paths./a.get.operationId", "'operationId' is not a text")]);
    // Leave that published documents need.
    check_operation(
        &json!({"operationId": format!("actions/list__{}", "x".repeat(80)), "parameters": [
            {"name": "a", "in": "query", "schema": {"enum": ["x"], "additionalProperties": {"type": "string"}}}]}),
        &[],
    );
}

#[test]
fn operation_ids_are_told_apart() {
    let one = json!({"operationId": "same", "description": "d", "responses": {"200": {"description": "r"}}});
    let mut document = of(&one);
    document["paths"]["/b"] = json!({"post": one});
    let error = check("orders", &document.to_string()).expect_err("is refused");
    assert_eq!(error.problems.len(), 1);
    assert_eq!(error.problems[0].place, "paths./b.post.operationId");
    assert_eq!(error.problems[0].message, "the operationId same is used twice: also at paths./a.get.operationId");
}

#[test]
fn references_lead_within_the_document() {
    let mut document = of(&json!({"description": "d", "parameters": [{"$ref": "#/components/parameters/a%20b"}],
        "responses": {"200": {"$ref": "#/components/responses/r"}}}));
    document["components"] = json!({
        "parameters": {"a b": {"name": "a", "in": "query", "schema": {"$ref": "#/components/schemas/Loop"}}},
        "responses": {"r": {"description": "r"}},
        "schemas": {"Loop": {"type": "object", "properties": {"again": {"$ref": "#/components/schemas/Loop"}},
            "example": {"$ref": "other.yaml"}}},
    });
    assert_eq!(check("orders", &document.to_string()), Ok(1));
    document["components"]["responses"]["r"] = json!({"$ref": "common.yaml#/r"});
    document["components"]["schemas"]["Loop"] = json!({"$ref": "#/components/schemas/Nobody"});
    let error = check("orders", &document.to_string()).expect_err("is refused");
    let mut found: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
    found.sort();
    assert_eq!(
        found,
        [
            "the reference #/components/schemas/Nobody leads nowhere (at components.schemas.Loop)",
            "the reference common.yaml#/r leads to another document: references are followed within the document only (at components.responses.r)",
        ]
    );
}

#[test]
fn the_number_of_problems_is_bounded() {
    let mut document = of(&json!({}));
    for number in 0..100 {
        document["paths"][format!("/{number}")] = json!({"get": {}});
    }
    let error = check("orders", &document.to_string()).expect_err("is refused");
    assert_eq!(error.problems.len(), PROBLEMS_MAX);
    assert!(error.to_string().len() < 1000);
}
