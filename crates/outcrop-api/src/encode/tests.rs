use super::*;
use crate::bedrock_agent::{self as agent, CreateAgent, CreateAgentRequest};
use crate::bedrock_agent_runtime::{InvokeAgent, InvokeAgentRequest, InvokeAgentResponse, PayloadPart, ResponseStream};
use crate::bedrock_runtime::{InvokeModel, InvokeModelResponse};
use crate::decode::{Parts, decode};
use crate::{ApiOperation, Empty, iam, lambda, route};
use outcrop_wire::Timestamp;
use std::fmt::Debug;

/// A client's request arrives as the same input.
#[track_caller]
fn check_round_trip<O: ApiOperation<Input: Debug + PartialEq>>(input: &O::Input, target: &str) {
    let request = encode_request(O::OPERATION, input).unwrap();
    assert_eq!(request.path_and_query, target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let method = http::Method::from_bytes(request.method.as_bytes()).unwrap();
    let route = route::find(&method, path, &request.body, Some("bedrock")).unwrap();
    assert_eq!(route.operation.index, O::OPERATION.index);
    let headers: http::HeaderMap = request
        .headers
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
        .collect();
    let parts = Parts { labels: &route.labels, query, headers: &headers, body: &request.body };
    assert_eq!(decode::<O>(parts).as_ref(), Ok(input));
}

const ARN: &str = "arn:aws:bedrock:us-east-1:000000000000:agent/ABCDEFGHIJ";
const ARN_IN_PATH: &str = "arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3Aagent%2FABCDEFGHIJ";

#[test]
fn requests_arrive_as_they_were_meant() {
    check_round_trip::<CreateAgent>(
        &CreateAgentRequest {
            agent_name: "a".to_owned(),
            foundation_model: Some("qwen3:8b".to_owned()),
            tags: Some([("k".to_owned(), "v".to_owned())].into()),
            ..CreateAgentRequest::default()
        },
        "/agents/",
    );
    check_round_trip::<InvokeAgent>(
        &InvokeAgentRequest {
            agent_id: "ABCDEFGHIJ".to_owned(),
            agent_alias_id: "TSTALIASID".to_owned(),
            session_id: "a:b.c".to_owned(),
            input_text: Some("ä\u{1F600}\n".to_owned()),
            source_arn: Some(ARN.to_owned()),
            ..InvokeAgentRequest::default()
        },
        "/agents/ABCDEFGHIJ/agentAliases/TSTALIASID/sessions/a%3Ab.c/text",
    );
    check_round_trip::<agent::TagResource>(
        &agent::TagResourceRequest {
            resource_arn: ARN.to_owned(),
            tags: [("outcrop:x".to_owned(), "y".to_owned())].into(),
        },
        &format!("/tags/{ARN_IN_PATH}"),
    );
    check_round_trip::<agent::UntagResource>(
        &agent::UntagResourceRequest {
            resource_arn: ARN.to_owned(),
            tag_keys: vec!["a b".to_owned(), "c+d=e".to_owned()],
        },
        &format!("/tags/{ARN_IN_PATH}?tagKeys=a%20b&tagKeys=c%2Bd%3De"),
    );
    check_round_trip::<agent::PrepareAgent>(
        &agent::PrepareAgentRequest { agent_id: "ABCDEFGHIJ".to_owned() },
        "/agents/ABCDEFGHIJ/",
    );
    check_round_trip::<lambda::Invoke>(
        &lambda::InvocationRequest {
            function_name: "f".to_owned(),
            invocation_type: Some(lambda::InvocationType::Event),
            payload: Some(Blob::new(vec![0, 255])),
            ..lambda::InvocationRequest::default()
        },
        "/2015-03-31/functions/f/invocations",
    );
    let nameless = encode_request(agent::PrepareAgent::OPERATION, &agent::PrepareAgentRequest::default());
    assert!(matches!(nameless, Err(EncodeError::Label("agentId"))));
}

#[test]
fn answers_are_split_as_modelled() {
    let check = |encoded: EncodedResponse, status: u16, headers: &[(&str, &str)], body: &str| {
        let sent: Vec<(&str, &str)> = encoded.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(
            (encoded.status, sent.as_slice(), String::from_utf8_lossy(&encoded.body).as_ref()),
            (status, headers, body)
        );
    };
    let tagged = agent::TagResourceResponse::default();
    check(encode_response(agent::TagResource::OPERATION, &tagged, "id"), 200, &[], "{}");
    let deleted = agent::DeleteAgentActionGroupResponse::default();
    check(encode_response(agent::DeleteAgentActionGroup::OPERATION, &deleted, "id"), 204, &[], "");
    check(encode_response(lambda::RemovePermission::OPERATION, &Empty {}, "id"), 204, &[], "");
    let prepared = agent::PrepareAgentResponse {
        agent_id: "ABCDEFGHIJ".to_owned(),
        agent_status: agent::AgentStatus::Preparing,
        agent_version: "DRAFT".to_owned(),
        prepared_at: Timestamp::from_millis(0),
    };
    check(
        encode_response(agent::PrepareAgent::OPERATION, &prepared, "id"),
        202,
        &[],
        r#"{"agentId":"ABCDEFGHIJ","agentStatus":"PREPARING","agentVersion":"DRAFT","preparedAt":"1970-01-01T00:00:00.000000Z"}"#,
    );
    let invoked = InvokeAgentResponse {
        content_type: "application/json".to_owned(),
        session_id: "s".to_owned(),
        ..InvokeAgentResponse::default()
    };
    let headers = [("x-amzn-bedrock-agent-content-type", "application/json"), ("x-amz-bedrock-agent-session-id", "s")];
    check(encode_response(InvokeAgent::OPERATION, &invoked, "id"), 200, &headers, "");
    let answered = InvokeModelResponse {
        body: Blob::new(&b"raw"[..]),
        content_type: "text/plain".to_owned(),
        ..InvokeModelResponse::default()
    };
    check(encode_response(InvokeModel::OPERATION, &answered, "id"), 200, &[("content-type", "text/plain")], "raw");
    let failed = lambda::InvocationResponse {
        status_code: Some(202),
        function_error: Some("Unhandled".to_owned()),
        payload: Some(Blob::new(&b"{}"[..])),
        ..lambda::InvocationResponse::default()
    };
    check(
        encode_response(lambda::Invoke::OPERATION, &failed, "id"),
        202,
        &[("x-amz-function-error", "Unhandled")],
        "{}",
    );
}

#[test]
fn events_know_their_frames() {
    let chunk = ResponseStream::Chunk(PayloadPart { bytes: Some(Blob::new(&b"Hello"[..])), ..PayloadPart::default() });
    assert_eq!((chunk.event_type(), chunk.is_exception()), ("chunk", false));
    let payload = chunk.payload().unwrap();
    assert_eq!(payload, br#"{"bytes":"SGVsbG8="}"#);
    assert_eq!(ResponseStream::from_frame("chunk", &payload).unwrap(), Some(chunk));
    assert_eq!(ResponseStream::from_frame("newer", b"{}").unwrap(), None);
    let failed = ResponseStream::from_frame("validationException", br#"{"message":"no"}"#).unwrap();
    assert_eq!(failed.map(|event| (event.event_type(), event.is_exception())), Some(("validationException", true)));
}

#[test]
fn errors_have_the_status_of_their_service() {
    let check = |operation: &Operation, name: &str, status: Option<u16>| {
        assert_eq!(crate::error_status(operation, name), status, "{} {name}", operation.name);
    };
    check(CreateAgent::OPERATION, "ServiceQuotaExceededException", Some(402));
    check(InvokeAgent::OPERATION, "ServiceQuotaExceededException", Some(400));
    check(CreateAgent::OPERATION, "ResourceNotFoundException", None);
}

#[test]
fn queries_arrive_as_they_were_meant() {
    let request = iam::CreateRoleRequest {
        role_name: "a+b=c".to_owned(),
        assume_role_policy_document: "{\"Version\": \"2012-10-17\"}\n&ä".to_owned(),
        max_session_duration: Some(3_600),
        tags: Some(vec![
            iam::Tag { key: "k1".to_owned(), value: "v / w".to_owned() },
            iam::Tag { key: "k2".to_owned(), value: String::new() },
        ]),
        ..iam::CreateRoleRequest::default()
    };
    let sent = encode_request(iam::CreateRole::OPERATION, &request).unwrap();
    assert_eq!((sent.method, sent.path_and_query.as_str()), ("POST", "/"));
    let body = String::from_utf8(sent.body.clone()).unwrap();
    assert!(body.starts_with("Action=CreateRole&Version=2010-05-08&RoleName=a%2Bb%3Dc&"), "{body}");
    assert!(
        body.ends_with(
            "&Tags.member.1.Key=k1&Tags.member.1.Value=v%20%2F%20w&Tags.member.2.Key=k2&Tags.member.2.Value="
        ),
        "{body}"
    );
    let parts = Parts { labels: &[], query: "", headers: &http::HeaderMap::new(), body: &sent.body };
    // The newline is allowed, the umlaut too: the pattern goes to U+00FF.
    assert_eq!(decode::<iam::CreateRole>(parts).as_ref(), Ok(&request));
}

#[test]
fn query_services_answer_in_xml() {
    let namespace = "https://iam.amazonaws.com/doc/2010-05-08/";
    let role = iam::Role { role_name: "a<b>&\"c\"\u{1}\r".to_owned(), path: "/".to_owned(), ..iam::Role::default() };
    let listed = iam::ListRolesResponse { roles: vec![role], is_truncated: Some(false), marker: None };
    let answer = encode_response(iam::ListRoles::OPERATION, &listed, "id-1");
    assert_eq!((answer.status, answer.headers), (200, vec![("content-type", "text/xml".to_owned())]));
    assert_eq!(
        String::from_utf8(answer.body).unwrap(),
        format!(
            "<ListRolesResponse xmlns=\"{namespace}\"><ListRolesResult><Roles><member><Path>/</Path><RoleName>a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}&#13;</RoleName><RoleId></RoleId><Arn></Arn><CreateDate>1970-01-01T00:00:00.000000Z</CreateDate></member></Roles><IsTruncated>false</IsTruncated></ListRolesResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></ListRolesResponse>"
        )
    );
    let deleted = encode_response(iam::DeleteRole::OPERATION, &Empty {}, "id-2");
    assert_eq!(
        String::from_utf8(deleted.body).unwrap(),
        format!(
            "<DeleteRoleResponse xmlns=\"{namespace}\"><ResponseMetadata><RequestId>id-2</RequestId></ResponseMetadata></DeleteRoleResponse>"
        )
    );
    let members = Map::from_iter([("message".to_owned(), Value::from("no <role>"))]);
    let protocol = iam::GetRole::OPERATION.service.service().protocol;
    let refused = encode_error(protocol, 404, "NoSuchEntity", &members, "id-3");
    assert_eq!(
        String::from_utf8(refused.body).unwrap(),
        format!(
            "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>no &lt;role&gt;</Message></Error><RequestId>id-3</RequestId></ErrorResponse>"
        )
    );
}
