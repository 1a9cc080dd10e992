//! AWS's tables at work on documents: which members of an answer an author wrote, and which a file must not have.

use outcrop_api::model::{Kind, Location, Member, Shape};
use outcrop_api::{ApiOperation, decode};
use serde_json::{Map, Value};

/// Maps whose order the author chose and a model sees.
const ORDERED_MAPS: [&str; 1] = ["ParameterMap"];
/// Members of requests that are no content.
const NOT_CONTENT: [&str; 2] = ["clientToken", "tags"];

/// Members of the request of an operation that are content: what travels in its body, without tokens and tags.
pub(super) fn members_of<O: ApiOperation>() -> impl Iterator<Item = &'static Member> {
    let members = O::OPERATION.input.map(Shape::members).unwrap_or_default();
    members.iter().filter(|member| member.location == Location::Body && !NOT_CONTENT.contains(&member.name))
}

/// The content of a document that an operation would make: members of its request, in AWS's order at every level.
pub(super) fn content_of<O: ApiOperation>(document: &Value) -> Map<String, Value> {
    let mut content = Map::new();
    for member in members_of::<O>() {
        if let Some(value) = document.get(member.name).filter(|value| !value.is_null()) {
            content.insert(member.name.to_owned(), in_order(member.shape, value));
        }
    }
    content
}

/// The value with members in AWS's order and free maps by key: the same content is the same text, whoever wrote it.
/// Members that the table does not know stay; they are newer than it.
fn in_order(shape: &Shape, value: &Value) -> Value {
    match (&shape.kind, value) {
        (Kind::Structure { members, .. }, Value::Object(given)) => {
            let known = members.iter().filter_map(|member| {
                let value = given.get(member.name).filter(|value| !value.is_null())?;
                Some((member.name.to_owned(), in_order(member.shape, value)))
            });
            let is_new = |name: &String| !members.iter().any(|member| member.name == name);
            let new = given.iter().filter(|(name, _)| is_new(name) && *name != "__type");
            Value::Object(known.chain(new.map(|(name, value)| (name.clone(), value.clone()))).collect())
        }
        (Kind::List { member, .. }, Value::Array(elements)) => {
            elements.iter().map(|element| in_order(member, element)).collect()
        }
        (Kind::Map { value: of, .. }, Value::Object(given)) => {
            let mut entries: Vec<_> = given.iter().collect();
            if !ORDERED_MAPS.contains(&shape.name) {
                entries.sort_by_key(|(key, _)| *key);
            }
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), in_order(of, value))).collect())
        }
        _ => value.clone(),
    }
}

/// What is wrong with content as the request of an operation: members that it does not have, and broken constraints.
pub(super) fn problems_of<O: ApiOperation>(content: &Map<String, Value>) -> Vec<String> {
    let known: Vec<&Member> = members_of::<O>().collect();
    let mut problems = Vec::new();
    for (name, value) in content {
        match known.iter().find(|member| member.name == name) {
            Some(member) => unknown_members(member.shape, value, name, &mut problems),
            None => problems.push(unknown(name, name, known.iter().map(|member| member.name))),
        }
    }
    if problems.is_empty()
        && let Err(rejection) = check::<O>(content)
    {
        match rejection {
            decode::Rejection::Serialization(message) => problems.push(message),
            decode::Rejection::Validation(violations) => {
                problems.extend(violations.into_iter().map(|violation| violation.message));
            }
        }
    }
    problems
}

fn unknown_members(shape: &Shape, value: &Value, path: &str, problems: &mut Vec<String>) {
    match (&shape.kind, value) {
        (Kind::Structure { members, .. }, Value::Object(given)) => {
            for (name, value) in given {
                let path = format!("{path}.{name}");
                match members.iter().find(|member| member.name == name) {
                    Some(member) => unknown_members(member.shape, value, &path, problems),
                    None => problems.push(unknown(&path, name, members.iter().map(|member| member.name))),
                }
            }
        }
        (Kind::List { member, .. }, Value::Array(elements)) => {
            for (at, element) in elements.iter().enumerate() {
                unknown_members(member, element, &format!("{path}.{at}"), problems);
            }
        }
        (Kind::Map { value: of, .. }, Value::Object(given)) => {
            for (key, value) in given {
                unknown_members(of, value, &format!("{path}.{key}"), problems);
            }
        }
        _ => {}
    }
}

/// `unknown key …`, with the known ones.
pub(super) fn unknown<'a>(path: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let like = known.iter().find(|one| one.eq_ignore_ascii_case(name));
    match like {
        Some(like) => format!("unknown key `{path}`; did you mean `{like}`?"),
        None => format!("unknown key `{path}`; there are {}", known.join(", ")),
    }
}

/// Holds content to the constraints of an operation's request. Labels of its path are none of the content's business.
fn check<O: ApiOperation>(content: &Map<String, Value>) -> Result<(), decode::Rejection> {
    let any_id = "AAAAAAAAAA".to_owned();
    let labels = [("agentId", any_id.clone()), ("agentAliasId", any_id.clone()), ("agentVersion", "DRAFT".to_owned())];
    let body = Value::Object(content.clone()).to_string();
    let headers = http::HeaderMap::new();
    let parts = decode::Parts { labels: &labels, query: "", headers: &headers, body: body.as_bytes() };
    decode::decode_value(O::OPERATION, parts).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_api::bedrock_agent::{CreateAgent, CreateAgentActionGroup};
    use serde_json::json;

    fn check_problems(content: &Value, expected: &[&str]) {
        let problems = problems_of::<CreateAgent>(content.as_object().unwrap());
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn content_is_what_an_author_writes() {
        let document = json!({"createdAt": "2026-01-01", "functionSchema": {"functions": [{"parameters": {
            "b": {"required": true, "type": "string"}, "a": {"type": "string"}}, "name": "f"}]},
            "actionGroupName": "g", "description": null, "agentId": "A", "clientToken": "t"});
        let expected = r#"{"actionGroupName":"g","functionSchema":{"functions":[{"name":"f","parameters":{"b":{"type":"string","required":true},"a":{"type":"string"}}}]}}"#;
        assert_eq!(Value::Object(content_of::<CreateAgentActionGroup>(&document)).to_string(), expected);
    }

    #[test]
    fn files_are_held_to_the_tables() {
        check_problems(&json!({"agentName": "a"}), &[]);
        check_problems(&json!({}), &["'agentName'"]);
        check_problems(&json!({"agentName": "a", "AgentName": "b"}), &["did you mean `agentName`?"]);
        check_problems(&json!({"agentName": "a", "clientToken": "b"}), &["unknown key `clientToken`"]);
        check_problems(
            &json!({"agentName": "a", "guardrailConfiguration": {"id": "x"}}),
            &["unknown key `guardrailConfiguration.id`; there are guardrailIdentifier"],
        );
        check_problems(&json!({"agentName": "a b"}), &["'agentName' failed to satisfy constraint"]);
    }
}
