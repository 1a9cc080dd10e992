use super::*;
use crate::bedrock_agent::{self, CreateAgent, CreateAgentActionGroup, ListPrompts, TagResource, UntagResource};
use crate::bedrock_agent_runtime::InvokeAgent;
use crate::bedrock_runtime::InvokeModel;
use crate::model::operations;
use crate::{bedrock, iam, lambda};
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::json;

const ROLE: &str = "arn:aws:iam::000000000000:role/x";

/// Decodes with labels, query and body; `Ok` is the input as JSON, `Err` the message.
fn decoded<O: ApiOperation>(labels: &[(&'static str, &str)], query: &str, body: &str) -> Result<Value, String> {
    let labels: Vec<_> = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let parts = Parts { labels: &labels, query, headers: &HeaderMap::new(), body: body.as_bytes() };
    decode::<O>(parts).map(|input| serde_json::to_value(input).unwrap()).map_err(|rejection| rejection.to_string())
}

#[track_caller]
fn check_create(body: &str, expected: Result<Value, &str>) {
    assert_eq!(decoded::<CreateAgent>(&[], "", body), expected.map_err(str::to_owned), "{body}");
}

#[track_caller]
fn check_group(body: &Value, expected: &str) {
    let labels = [("agentId", "ABCDEFGHIJ"), ("agentVersion", "DRAFT")];
    let answer = decoded::<CreateAgentActionGroup>(&labels, "", &body.to_string());
    assert_eq!(answer.err().as_deref().unwrap_or("fine"), expected, "{body}");
}

#[test]
fn what_is_fine_arrives() {
    check_create(r#"{"agentName":"a"}"#, Ok(json!({"agentName": "a"})));
    // Unknown members and nulls are passed over, at every depth.
    check_create(
        r#"{"agentName":"a","newer":[{"x":null}],"description":null,"tags":{"k":"v","n":null},"memoryConfiguration":{"enabledMemoryTypes":["SESSION_SUMMARY",null],"newer":1}}"#,
        Ok(
            json!({"agentName": "a", "tags": {"k": "v"}, "memoryConfiguration": {"enabledMemoryTypes": ["SESSION_SUMMARY"]}}),
        ),
    );
    // Whole numbers may be written with a point.
    check_create(
        r#"{"agentName":"b","idleSessionTTLInSeconds":600.0}"#,
        Ok(json!({"agentName": "b", "idleSessionTTLInSeconds": 600})),
    );
    for model in ["qwen3:8b", "Qwen/Qwen3-8B", "us.anthropic.claude-sonnet-4-20250514-v1:0", "gpt-4o"] {
        let body = json!({"agentName": "a", "foundationModel": model});
        check_create(&body.to_string(), Ok(body.clone()));
    }
    let labels = [("agentId", "ABCDEFGHIJ"), ("agentAliasId", "TSTALIASID"), ("sessionId", "a:b.c")];
    let input = decoded::<InvokeAgent>(&labels, "", r#"{"inputText":"hi","enableTrace":true}"#).unwrap();
    assert_eq!(input["sessionId"], "a:b.c");
}

#[test]
fn what_is_broken_is_told_as_aws_tells_it() {
    let one = "1 validation error detected: ";
    check_create(
        "",
        Err(&format!("{one}Value null at 'agentName' failed to satisfy constraint: Member must not be null")),
    );
    check_create(
        r#"{"agentName":"no spaces"}"#,
        Err(&format!(
            "{one}Value 'no spaces' at 'agentName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: ([0-9a-zA-Z][_-]?){{1,100}}"
        )),
    );
    check_create(
        r#"{"agentName":"a","idleSessionTTLInSeconds":5401}"#,
        Err(&format!(
            "{one}Value '5401' at 'idleSessionTTLInSeconds' failed to satisfy constraint: \
             Member must have value less than or equal to 5400"
        )),
    );
    check_create(
        r#"{"agentName":"a","agentCollaboration":"MAYBE","description":""}"#,
        Err("2 validation errors detected: \
             Value '' at 'description' failed to satisfy constraint: Member must have length greater than or equal to 1; \
             Value 'MAYBE' at 'agentCollaboration' failed to satisfy constraint: \
             Member must satisfy enum value set: [SUPERVISOR, SUPERVISOR_ROUTER, DISABLED]"),
    );
    // Sensitive: the value is not repeated.
    check_create(
        r#"{"agentName":"a","instruction":"too short"}"#,
        Err(&format!(
            "{one}Value at 'instruction' failed to satisfy constraint: Member must have length greater than or equal to 40"
        )),
    );
    // Lengths count characters, not bytes.
    check_create(
        &json!({"agentName": "a", "description": "ß".repeat(200)}).to_string(),
        Ok(json!({"agentName": "a", "description": "ß".repeat(200)})),
    );
    let labels = [("agentId", "BAUJICP7L10"), ("agentAliasId", "TSTALIASID"), ("sessionId", "s1")];
    assert_eq!(
        decoded::<InvokeAgent>(&labels, "", "{}").unwrap_err(),
        format!(
            "{one}Value 'BAUJICP7L10' at 'agentId' failed to satisfy constraint: Member must have length less than or equal to 10"
        )
    );
    let labels = [("resourceArn", "arn:aws:bedrock:us-east-1:000000000000:agent/ABCDEFGHIJ")];
    assert_eq!(
        decoded::<TagResource>(&labels, "", r#"{"tags":{"k?":"v","k":"v?"}}"#).unwrap_err(),
        "2 validation errors detected: \
         Value 'k?' at 'tags' failed to satisfy constraint: \
         Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z0-9\\s._:/=+@-]*]; \
         Value 'v?' at 'tags.k.member' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [a-zA-Z0-9\\s._:/=+@-]*"
    );
}

#[test]
fn nested_members_are_named_by_their_path() {
    let group = |more: Value| {
        let mut body = json!({"actionGroupName": "g"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    check_group(&group(json!({"functionSchema": {"functions": [{"name": "f"}]}})), "fine");
    check_group(
        &group(json!({"functionSchema": {"functions": [{"name": "f"}, {"parameters": {"p": {"type": "text"}}}]}})),
        "2 validation errors detected: \
         Value null at 'functionSchema.functions.2.member.name' failed to satisfy constraint: Member must not be null; \
         Value 'text' at 'functionSchema.functions.2.member.parameters.p.member.type' failed to satisfy constraint: \
         Member must satisfy enum value set: [string, number, integer, boolean, array]",
    );
    let executor = |value| group(json!({ "actionGroupExecutor": value }));
    let lambda = "arn:aws:lambda:us-east-1:000000000000:function:f";
    check_group(&executor(json!({"lambda": lambda, "customControl": null, "newer": {}})), "fine");
    for (value, shown) in [
        (json!({}), "{}"),
        (json!({"newer": 1}), "{}"),
        (
            json!({"customControl": "RETURN_CONTROL", "lambda": lambda}),
            "{lambda=arn:aws:lambda:us-east-1:000000000000:function:f, customControl=RETURN_CONTROL}",
        ),
    ] {
        check_group(
            &executor(value),
            &format!(
                "1 validation error detected: Value '{shown}' at 'actionGroupExecutor' failed to satisfy constraint: \
                 Member must have exactly one member set"
            ),
        );
    }
}

#[test]
fn what_cannot_be_read_names_the_place() {
    let check = |body: &str, expected: &str| {
        let message = decoded::<CreateAgent>(&[], "", body).unwrap_err();
        assert!(message.starts_with(expected), "{body}: {message}");
    };
    check("{", "The request body is not valid JSON: ");
    check("[]", "Expected an object as the request body, found an array.");
    check("null", "Expected an object as the request body, found null.");
    check(r#"{"agentName":7}"#, "Expected a string at 'agentName', found a number.");
    check(
        r#"{"agentName":"a","idleSessionTTLInSeconds":"600"}"#,
        "Expected a whole number of 32 bits at 'idleSessionTTLInSeconds', found a string.",
    );
    check(
        r#"{"agentName":"a","idleSessionTTLInSeconds":1e99}"#,
        "Expected a whole number of 32 bits at 'idleSessionTTLInSeconds', found another number.",
    );
    check(r#"{"agentName":"a","tags":["x"]}"#, "Expected an object at 'tags', found an array.");
    check(
        r#"{"agentName":"a","memoryConfiguration":{"enabledMemoryTypes":[{}]}}"#,
        "Expected a string at 'memoryConfiguration.enabledMemoryTypes.1.member', found an object.",
    );
    check(
        &format!("{{\"agentName\":{}1{}}}", "[".repeat(500), "]".repeat(500)),
        "The request body is not valid JSON: recursion limit",
    );
    let parts = Parts { labels: &[], query: "", headers: &HeaderMap::new(), body: b"{\"agentName\":\"\xff\"}" };
    assert_eq!(
        decode::<CreateAgent>(parts),
        Err(Rejection::Serialization("The request body is not UTF-8.".to_owned()))
    );
    assert_eq!(
        decoded::<ListPrompts>(&[], "maxResults=ten", "").unwrap_err(),
        "Expected a whole number of 32 bits at 'maxResults', found text that is none."
    );
}

#[test]
fn query_headers_and_raw_bodies_arrive() {
    let labels = [("resourceArn", "arn:aws:bedrock:us-east-1:000000000000:agent/ABCDEFGHIJ")];
    let input = decoded::<UntagResource>(&labels, "tagKeys=a%3Ab&other=1&tagKeys=c+d", "").unwrap();
    assert_eq!(input["tagKeys"], json!(["a:b", "c d"]));
    assert_eq!(
        decoded::<UntagResource>(&labels, "", "").unwrap_err(),
        "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null"
    );
    let input = decoded::<ListPrompts>(&[], "maxResults=5&nextToken=a%2Fb", "ignored").unwrap();
    assert_eq!(input, json!({"maxResults": 5, "nextToken": "a/b"}));

    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    headers.insert("x-amzn-bedrock-trace", "ENABLED".parse().unwrap());
    let labels = [("modelId", "m".to_owned())];
    let body = [0, 159, 146, 150];
    let input = decode::<InvokeModel>(Parts { labels: &labels, query: "", headers: &headers, body: &body }).unwrap();
    assert_eq!(input.body.map(|blob| blob.0.to_vec()), Some(body.to_vec()));
    assert_eq!(input.content_type.as_deref(), Some("application/json"));
    assert_eq!(input.trace, Some(crate::bedrock_runtime::Trace::Enabled));

    // JSON that some clients send as it is and others as text.
    let policy = |policy: &str| {
        let labels = [("resourceArn", "arn:aws:bedrock:us-east-1:000000000000:knowledge-base/ABCDEFGHIJ")];
        decoded::<bedrock_agent::PutResourcePolicy>(&labels, "", &format!("{{\"policy\":{policy}}}")).unwrap()["policy"]
            .clone()
    };
    assert_eq!(policy(r#"{"Version":"1"}"#), policy(r#""{\"Version\":\"1\"}""#));
}

#[test]
fn answers_stay_small_whatever_is_sent() {
    let tags: Map<String, Value> = (0..5_000).map(|n| (format!("{n}?{}", "k".repeat(2_000)), json!("v"))).collect();
    let labels = [("resourceArn", "arn:aws:bedrock:us-east-1:000000000000:agent/ABCDEFGHIJ")];
    let message = decoded::<TagResource>(&labels, "", &json!({ "tags": tags }).to_string()).unwrap_err();
    assert!(message.starts_with("100 validation errors detected: "));
    assert!(message.len() < 200_000, "{}", message.len());
}

#[test]
fn other_services_decode_too() {
    let body = json!({"FunctionName": "f", "Role": ROLE, "Runtime": "python3.13", "Handler": "app.handler", "Code": {"ZipFile": "UEs="}});
    let input = decoded::<lambda::CreateFunction>(&[], "", &body.to_string());
    assert_eq!(input, Ok(body));
    let input = decoded::<bedrock::ListFoundationModels>(&[], "byProvider=x", "");
    assert_eq!(input, Ok(json!({"byProvider": "x"})));
}

#[test]
fn forms_are_read_by_their_shapes() {
    let check = |form: &str, expected: Result<Value, &str>| {
        let answer = decoded::<iam::CreateRole>(&[], "", form);
        assert_eq!(answer, expected.map_err(str::to_owned), "{form}");
    };
    let least = "Action=CreateRole&Version=2010-05-08&RoleName=r&AssumeRolePolicyDocument=%7B%7D";
    let role = |more: Value| {
        let mut role = json!({"AssumeRolePolicyDocument": "{}", "RoleName": "r"});
        role.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Ok(role)
    };
    let with = |more: &str| format!("{least}&{more}");
    check(least, role(json!({})));
    check(&with("Unknown=1&RoleName.x=y&&=&.="), role(json!({})));
    check(&with("Tags=&Description=a+b%2Bc"), role(json!({"Tags": [], "Description": "a b+c"})));
    // In the order of the numbers, whatever gaps there are.
    check(
        &with("Tags.member.10.Key=b&Tags.member.10.Value=2&Tags.member.2.Value=1&Tags.member.2.Key=a"),
        role(json!({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]})),
    );
    check(&with("Tags.member.x.Key=b"), Err("Expected a number after 'Tags.member'."));
    check(
        &with("MaxSessionDuration=long"),
        Err("Expected a whole number of 32 bits at 'maxSessionDuration', found text that is none."),
    );
    check(
        &with("MaxSessionDuration=1&Tags.member.1.Key=a").replace("RoleName=r", "RoleName=r+r"),
        Err(
            "3 validation errors detected: Value 'r r' at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+; Value '1' at 'maxSessionDuration' failed to satisfy constraint: Member must have value greater than or equal to 3600; Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null",
        ),
    );
    check(&with("Description=%FF"), Err("The request body is not UTF-8."));
    let deep = with(&format!("{}=1", vec!["a"; 100].join(".")));
    check(&deep, Err("The form is nested more than 64 levels deep."));
    let many = with(&"a=1&".repeat(10_001));
    check(&many, Err("The form has more than 10000 values."));
    // Without a body the query is the form.
    let parts = Parts { labels: &[], query: least, headers: &HeaderMap::new(), body: b"" };
    assert_eq!(decode::<iam::CreateRole>(parts).unwrap().role_name, "r");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,8}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A value that often fits a shape, so that the walk gets deep; `noise` goes where it does not.
fn shaped(shape: &Shape, noise: &Value, depth: usize) -> Value {
    if depth == 0 {
        return noise.clone();
    }
    match &shape.kind {
        Kind::Structure { members, union } => {
            let members = if *union { &members[..1] } else { members };
            Value::Object(
                members.iter().map(|one| (one.name.to_owned(), shaped(one.shape, noise, depth - 1))).collect(),
            )
        }
        Kind::List { member, .. } => Value::from(vec![shaped(member, noise, depth - 1), noise.clone()]),
        Kind::Map { value, .. } => json!({"key": shaped(value, noise, depth - 1)}),
        Kind::String { values, .. } => Value::from(values.first().copied().unwrap_or("a")),
        Kind::Boolean => Value::Bool(true),
        Kind::Timestamp => Value::from("2025-06-01T10:00:00Z"),
        Kind::Blob { .. } => Value::from("aGk="),
        Kind::Document => noise.clone(),
        Kind::Integer { min, .. } | Kind::Long { min, .. } => Value::from(min.unwrap_or(1)),
        Kind::Float { min, .. } | Kind::Double { min, .. } => Value::from(min.unwrap_or(0.5)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_body_panics(noise in any_json(), depth in 0usize..7, query in ".{0,20}") {
        for operation in operations() {
            let Some(input) = operation.input else { continue };
            let labels: Vec<_> = operation.segments.iter().filter_map(|segment| match segment {
                crate::model::Segment::Label(name) => Some((*name, query.clone())),
                crate::model::Segment::Literal(_) => None,
            }).collect();
            for body in [noise.to_string(), shaped(input, &noise, depth).to_string()] {
                let parts = Parts { labels: &labels, query: &query, headers: &HeaderMap::new(), body: body.as_bytes() };
                let _ = decode_value(operation, parts);
            }
        }
    }

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..64)) {
        for operation in operations() {
            let parts = Parts { labels: &[], query: "", headers: &HeaderMap::new(), body: &body };
            let _ = decode_value(operation, parts);
        }
    }
}
