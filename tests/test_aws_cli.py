"""The AWS CLI, unmodified but for the endpoint."""

import contextlib
import io
import json
import os
import subprocess

import pytest
from awscli.clidriver import create_clidriver
from botocore import xform_name

from conftest import need
from script import say, script, turn
from server import ENVIRONMENT
from walk.model import operations
from walk.stage import not_built
from world import FUNCTION, INSTRUCTION, ROLE, Agent, eventually, function, invoke


SETTINGS = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-west-2", "AWS_MAX_ATTEMPTS": "1",
    "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_PAGER": "", "NO_PROXY": "127.0.0.1",
}


def aws(outcrop, *arguments):
    """Runs the AWS CLI; gives its status and what it printed, as JSON where it is."""
    environment = {**ENVIRONMENT, **SETTINGS}
    command = [need("aws"), "--endpoint-url", outcrop.url, "--output", "json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr


def done(outcrop, *arguments):
    status, answer, complaint = aws(outcrop, "bedrock-agent", *arguments)
    assert status == 0, complaint
    return answer


def test_an_agent_by_the_cli(outcrop):
    outcrop.start(script(turn(say("Hello from the agent."))))
    made = done(outcrop, "create-agent", "--agent-name", "support-bot", "--foundation-model", "anthropic.claude-opus-4-7",
                "--instruction", INSTRUCTION, "--agent-resource-role-arn", ROLE, "--tags", "team=north")["agent"]
    agent_id = made["agentId"]
    status = lambda: done(outcrop, "get-agent", "--agent-id", agent_id)["agent"]["agentStatus"]
    eventually(lambda: status() == "NOT_PREPARED")
    group = done(outcrop, "create-agent-action-group", "--agent-id", agent_id, "--agent-version", "DRAFT", "--action-group-name", "OrderTools",
                 "--action-group-executor", f"lambda={FUNCTION}",
                 "--function-schema", json.dumps({"functions": [function("get_order_status", order_id="string")]}))
    assert group["agentActionGroup"]["actionGroupState"] == "ENABLED"
    assert done(outcrop, "prepare-agent", "--agent-id", agent_id)["agentStatus"] == "PREPARING"
    eventually(lambda: status() == "PREPARED")
    alias = done(outcrop, "create-agent-alias", "--agent-id", agent_id, "--agent-alias-name", "PROD")["agentAlias"]
    assert [each["agentName"] for each in done(outcrop, "list-agents")["agentSummaries"]] == ["support-bot"]
    assert done(outcrop, "list-tags-for-resource", "--resource-arn", made["agentArn"])["tags"] == {"team": "north"}
    # `aws bedrock-agent-runtime` has no invoke-agent: the CLI leaves event streams out.
    assert invoke(outcrop.runtime(), Agent(agent_id, alias["agentAliasId"]), "Hello").answer == "Hello from the agent."
    status_code, _, complaint = aws(outcrop, "bedrock-agent", "get-agent", "--agent-id", "ABCDEFGHIJ")
    assert status_code != 0 and "ResourceNotFoundException" in complaint
    done(outcrop, "delete-agent", "--agent-id", agent_id, "--skip-resource-in-use-check")
    assert done(outcrop, "list-agents")["agentSummaries"] == []


# The CLI leaves event streams out.
BY_THE_CLI = [operation for operation in operations() if operation.service.name in ("bedrock-agent", "bedrock-agent-runtime")
              and not operation.event_stream and operation.key not in not_built()]


@pytest.fixture(scope="module")
def program():
    """The same program within this process: as one of its own it takes a second to start."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        yield create_clidriver().main


@pytest.mark.parametrize("operation", BY_THE_CLI, ids=lambda operation: operation.key)
def test_every_operation_by_the_cli(operation, stage, program):
    printed, complaint = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaint):
        status = program([
            operation.service.name, xform_name(operation.name, "-"), "--cli-input-json", json.dumps(stage.least(operation)),
            "--endpoint-url", stage.outcrop.url, "--output", "json",
        ])
    if stage.lacks(operation):
        # What it is about cannot be made yet.
        assert status != 0 and "ResourceNotFoundException" in complaint.getvalue()
        return
    assert status == 0, complaint.getvalue()
    required = operation.service.shapes[operation.output].get("required", []) if operation.output else []
    assert set(required) <= set(json.loads(printed.getvalue() or "{}"))


def test_a_model_and_its_bill_by_the_cli(outcrop, tmp_path):
    outcrop.start(script(turn(say("Hello from the model."))))
    messages = json.dumps([{"role": "user", "content": [{"text": "Hi"}]}])
    status, answer, complaint = aws(outcrop, "bedrock-runtime", "converse", "--model-id", "any.model-1", "--messages", messages)
    assert status == 0, complaint
    assert answer["output"]["message"]["content"] == [{"text": "Hello from the model."}] and answer["stopReason"] == "end_turn"
    body = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]})
    status, answer, complaint = aws(outcrop, "bedrock-runtime", "invoke-model", "--model-id", "anthropic.claude-opus-4-7", "--body", body,
                                    str(tmp_path / "answer.json"))
    assert status == 0, complaint
    assert json.loads((tmp_path / "answer.json").read_text())["content"] == [{"type": "text", "text": "Hello from the model."}]
    status, answer, complaint = aws(outcrop, "bedrock", "list-foundation-models", "--by-provider", "anthropic")
    assert status == 0 and len(answer["modelSummaries"]) > 10, complaint
