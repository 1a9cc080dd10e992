"""Resource policies: the service's model knows them for knowledge bases alone."""

import json

import pytest

from test_control_plane import UNKNOWN, create, refused
from test_wire import send

POLICY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Action": "bedrock:Retrieve", "Resource": "*"}]})
NOBODY = "arn:aws:bedrock:us-east-1:000000000000:knowledge-base/ABCDEFGHIJ"


def test_only_knowledge_bases_have_policies_and_they_must_be_there(control):
    agent = control.get_agent(agentId=create(control))["agent"]["agentArn"]
    for call, more in ((control.put_resource_policy, {"policy": POLICY}), (control.get_resource_policy, {}), (control.delete_resource_policy, {})):
        status, code, message = refused(call, resourceArn=agent, **more)
        assert (status, code) == (400, "ValidationException") and "knowledge-base" in message
        assert refused(call, resourceArn=NOBODY, **more) == (404, "ResourceNotFoundException", UNKNOWN)


@pytest.mark.parametrize("policy", ["{", "[]", "{}", '{"Statement": []}', "", "x" * 20481, '{"Statement": [{"Sid": "\u0100"}]}'])
def test_a_policy_is_json_with_statements(outcrop, policy):
    outcrop.start()
    answer = send(outcrop, "PUT", "/resourcepolicy/" + NOBODY.replace(":", "%3A").replace("/", "%2F"), json.dumps({"policy": policy}).encode())
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "ValidationException"), answer.text
    assert "policy" in [each["name"] for each in answer.json()["fieldList"]]


def test_a_policy_is_put_read_and_deleted_at_its_revision(outcrop):
    control = outcrop.start().control()
    arn = {"resourceArn": NOBODY.replace("ABCDEFGHIJ", "KB00000001")}
    # Knowledge bases cannot be created yet: the row is all that the policies look at.
    doc = "'{}'::bytea" if outcrop.database else "x'7b7d'"
    outcrop.sql(f"INSERT INTO resource (kind, parent, id, created_at, updated_at, doc) VALUES ('knowledge-base', '', 'KB00000001', 0, 0, {doc})")

    assert refused(control.get_resource_policy, **arn) == (404, "ResourceNotFoundException", UNKNOWN)
    assert refused(control.delete_resource_policy, **arn) == (404, "ResourceNotFoundException", UNKNOWN)
    # Who expects a revision expects a policy.
    assert refused(control.put_resource_policy, **arn, policy=POLICY, expectedRevisionId="1")[:2] == (409, "ConflictException")
    first = control.put_resource_policy(**arn, policy=POLICY)["revisionId"]
    found = control.get_resource_policy(**arn)
    assert (found["resourceArn"], found["policy"], found["revisionId"]) == (arn["resourceArn"], POLICY, first)

    other = POLICY.replace("222222222222", "333333333333")
    second = control.put_resource_policy(**arn, policy=other, expectedRevisionId=first)["revisionId"]
    assert second != first
    assert refused(control.put_resource_policy, **arn, policy=POLICY, expectedRevisionId=first)[:2] == (409, "ConflictException")
    assert refused(control.delete_resource_policy, **arn, expectedRevisionId=first)[:2] == (409, "ConflictException")
    assert control.get_resource_policy(**arn)["policy"] == other
    assert control.put_resource_policy(**arn, policy=POLICY)["revisionId"] not in (first, second)
    outcrop.server.restart()
    control = outcrop.control()
    revision = control.get_resource_policy(**arn)["revisionId"]
    assert control.delete_resource_policy(**arn, expectedRevisionId=revision)["resourceArn"] == arn["resourceArn"]
    assert refused(control.get_resource_policy, **arn) == (404, "ResourceNotFoundException", UNKNOWN)
    assert "not enforced" in outcrop.server.tail()
