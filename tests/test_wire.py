"""Requests that are wrong, unknown or unusual, as they look on the wire."""

import base64
import json
from pathlib import Path

import httpx
import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError

from script import say, script, turn
from world import INSTRUCTION, invoke, make_agent

OPERATIONS = Path(__file__).parents[1] / "coverage/operations.txt"


def send(outcrop, method, path, body=b"", **more):
    with httpx.Client(trust_env=False, **more) as client:
        return client.request(method, outcrop.url + path, content=body, headers={"content-type": "application/json"})


def check_refusal(answer, status, code, *parts):
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (status, code), answer.text
    assert answer.headers["x-amzn-requestid"]
    message = answer.json()["message"]
    for part in parts:
        assert part in message
    return message


def test_unknown_routes(outcrop):
    outcrop.start()
    for method, path in (("GET", "/nothing/here"), ("GET", "/Agents/"), ("PATCH", "/agents/"), ("POST", "/agents/A1B2C3D4E5/agentALIASES/")):
        check_refusal(send(outcrop, method, path), 404, "UnknownOperationException")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"agentName": 7}', b'{"agentName": "a"} trailing', b"\xff\xfe", b'{"a":' * 5000])
def test_malformed_bodies(outcrop, body):
    outcrop.start()
    check_refusal(send(outcrop, "PUT", "/agents/", body), 400, "SerializationException")
    assert send(outcrop, "GET", "/healthz").status_code == 200


def test_violated_constraints_are_named_in_aws_words(outcrop):
    outcrop.start()
    check = lambda method, path, body, *parts: check_refusal(send(outcrop, method, path, body), 400, "ValidationException", *parts)
    check("GET", "/agents/BAUJICP7L10/", b"",
          "1 validation error detected: Value 'BAUJICP7L10' at 'agentId' failed to satisfy constraint: Member must satisfy regular expression pattern: [0-9a-zA-Z]{10}")
    check("POST", "/agents/BAUJICP7L10/agentAliases/TSTALIASID/sessions/s-1/text", b'{"inputText":"Hi"}',
          "1 validation error detected: Value 'BAUJICP7L10' at 'agentId' failed to satisfy constraint: Member must have length less than or equal to 10")
    check("PUT", "/agents/", b"{}", "1 validation error detected: Value null at 'agentName' failed to satisfy constraint: Member must not be null")
    check("PUT", "/agents/", b'{"agentName":"a b","agentCollaboration":"SOMETIMES","idleSessionTTLInSeconds":5}',
          "3 validation errors detected: ", "Member must satisfy regular expression pattern: ([0-9a-zA-Z][_-]?){1,100}",
          "Member must satisfy enum value set: [", "'idleSessionTTLInSeconds' failed to satisfy constraint: Member must have value greater than or equal to 60")
    # No word of the instruction comes back: it is sensitive.
    message = check("PUT", "/agents/", b'{"agentName":"a","instruction":"short secret"}', "'instruction'", "greater than or equal to 40")
    assert "secret" not in message


def test_nulls_and_unknown_members_are_passed_over(outcrop):
    outcrop.start()
    made = send(outcrop, "PUT", "/agents/", b'{"agentName":"a","description":null,"fromTheFuture":{"x":1}}')
    assert made.status_code == 202 and "description" not in made.json()["agent"]


def test_operations_that_are_not_there_yet_say_so(outcrop):
    outcrop.start()
    missing = OPERATIONS.read_text()
    path = {"ListFlows": "/flows/", "ListPrompts": "/prompts/", "ListFlowExecutions": "/flows/ABCDEFGHIJ/executions"}
    names = [name for name in path if name in missing.split()]
    if not names:
        pytest.skip("all operations asked for are implemented")
    for name in names:
        check_refusal(send(outcrop, "GET", path[name]), 501, "NotImplementedException", name)
    # Validation comes first, so that a wrong request is told what is wrong with it.
    if "ListFlows" in names:
        check_refusal(send(outcrop, "GET", "/flows/?maxResults=0"), 400, "ValidationException", "maxResults")


def test_a_slash_at_the_end_does_not_decide(outcrop):
    control = outcrop.start().control()
    agent_id = control.create_agent(agentName="a", instruction=INSTRUCTION, foundationModel="x.y")["agent"]["agentId"]
    for path in (f"/agents/{agent_id}", f"/agents/{agent_id}/"):
        assert send(outcrop, "GET", path).json()["agent"]["agentId"] == agent_id
        assert send(outcrop, "POST", path).status_code == 202
    for path in ("/agents", "/agents/"):
        assert len(send(outcrop, "POST", path, b"{}").json()["agentSummaries"]) == 1


def test_http_2_without_tls(outcrop):
    outcrop.start()
    answer = send(outcrop, "PUT", "/agents/", b'{"agentName":"a"}', http1=False, http2=True)
    assert (answer.http_version, answer.status_code) == ("HTTP/2", 202)


def test_an_event_stream_over_http_2(outcrop):
    """The runtime clients of the JavaScript SDK do this by default."""
    outcrop.start(script(turn(say("Hello."))))
    agent = make_agent(outcrop.control())
    path = f"/agents/{agent.id}/agentAliases/{agent.alias_id}/sessions/a%3Ab.c/text"
    answer = send(outcrop, "POST", path, b'{"inputText":"Hi"}', http1=False, http2=True)
    assert (answer.http_version, answer.headers["x-amz-bedrock-agent-session-id"]) == ("HTTP/2", "a:b.c")
    frames = EventStreamBuffer()
    frames.add_data(answer.content)
    events = [(event.headers[":event-type"], json.loads(event.payload)) for event in frames]
    assert events == [("chunk", {"bytes": base64.b64encode(b"Hello.").decode()})]


def test_a_body_over_the_limit_is_refused(outcrop):
    outcrop.start(settings="[limits]\nrequest_bytes_max = 65536")
    name = lambda length: json.dumps({"agentName": "a", "fromTheFuture": "x" * length}).encode()
    assert send(outcrop, "PUT", "/agents/", name(60_000)).status_code == 202
    answer = send(outcrop, "PUT", "/agents/", name(70_000))
    assert answer.status_code in (400, 413) and "65536" in answer.json()["message"], answer.text


def test_health(outcrop):
    outcrop.start()
    assert send(outcrop, "GET", "/healthz").status_code == 200
    assert send(outcrop, "GET", "/readyz").status_code == 200


def test_errors_are_typed_for_boto3(outcrop):
    control = outcrop.start().control()
    with pytest.raises(control.exceptions.ResourceNotFoundException):
        control.get_agent(agentId="ABCDEFGHIJ")
    with pytest.raises(control.exceptions.ValidationException):
        control.get_agent(agentId="not an id!")
    with pytest.raises(ClientError) as raised:
        control.create_agent(agentName="a", description="x" * 201)
    assert raised.value.response["Error"]["Message"].startswith("1 validation error detected: Value 'xxx")


def test_metrics_count_what_happened(outcrop):
    outcrop.start(script(turn(say("Hello."))))
    agent = make_agent(outcrop.control())
    assert invoke(outcrop.runtime(), agent, "Hi.").answer == "Hello."
    text = send(outcrop, "GET", "/metrics").text
    assert 'outcrop_turns_total{outcome="Finished"} 1' in text
    assert 'outcrop_requests_total{operation="CreateAgent",status="202"} 1' in text
    assert text.rstrip().endswith("# EOF")
