"""InvokeInlineAgent: the agent comes with the request."""

import uuid

import pytest
from botocore.exceptions import EventStreamError

from script import call, say, script, turn
from world import FUNCTION, INSTRUCTION, RETURN_CONTROL, Turn, function, group, handler, results

MODEL = "anthropic.claude-opus-4-7"
ORDERS = group("OrderTools", function("get_order_status", order_id="string"))
CALENDAR = group("ClientSideTools", function("open_calendar", date="string"), executor=RETURN_CONTROL)
STATUS = handler('return {"order_id": arguments["order_id"], "agent": event["agent"]}')
KEYS = [f"arn:aws:kms:us-west-2:111111111111:key/{uuid.UUID(int=number)}" for number in (1, 2)]


def invoke_inline(runtime, text=None, session=None, trace=True, **more):
    asked = {"inputText": text} if text is not None else {}
    asked = {"foundationModel": MODEL, "instruction": INSTRUCTION, "enableTrace": trace, **asked, **more}
    response = runtime.invoke_inline_agent(sessionId=session or str(uuid.uuid4()), **asked)
    return Turn(list(response["completion"]), response)


def refused(runtime, **more):
    with pytest.raises(EventStreamError) as error:
        invoke_inline(runtime, "Hello.", **more)
    return error.value.response["Error"]


def test_a_function_is_called(outcrop):
    outcrop.start(script(turn(call("get_order_status", "I look it up.", order_id="A-482"), say("Shipped."))), {"order-tools": STATUS})
    made = invoke_inline(outcrop.runtime(), "Where is A-482?", session="s-1", actionGroups=[ORDERS], agentName="desk")
    agent = '{"name": "desk", "id": "INLINE_AGENT", "alias": "TSTALIASID", "version": "DRAFT"}'
    assert made.transcript == [
        "model",
        "rationale: I look it up.",
        "lambda: OrderTools.get_order_status(order_id=A-482)",
        f'observed: {{"order_id": "A-482", "agent": {agent}}}',
        "model",
        "finish: Shipped.",
        "answer: Shipped.",
    ]
    assert {name: made.response[name] for name in ("contentType", "sessionId")} == {"contentType": "application/json", "sessionId": "s-1"}
    first = made.events[0]["trace"]
    assert set(first) == {"callerChain", "eventTime", "sessionId", "trace"}
    assert first["callerChain"] == [{"agentAliasArn": "arn:aws:bedrock:us-east-1:000000000000:agent-alias/INLINE_AGENT/TSTALIASID"}]
    # As recorded of the service.
    assert "inferenceConfiguration" not in made.steps[0]["modelInvocationInput"]


def test_control_returns_and_the_turn_goes_on_as_it_began(outcrop):
    outcrop.start(script(turn(call("open_calendar", date="Monday"), say("Open."))))
    runtime = outcrop.runtime()
    first = invoke_inline(runtime, "Open it.", session="s-1", actionGroups=[CALENDAR])
    asked = first.control["invocationInputs"][0]["functionInvocationInput"]
    assert (asked["function"], asked["agentId"]) == ("open_calendar", "INLINE_AGENT")
    # After a restart, and although the caller describes another agent by now.
    outcrop.server.restart()
    second = invoke_inline(
        outcrop.runtime(), session="s-1", inlineSessionState=results(first.control, open_calendar="opened"), actionGroups=[ORDERS],
    )
    assert second.transcript == ["observed: opened", "model", "finish: Open.", "answer: Open."]


def test_the_session_stays_when_the_agent_changes(outcrop):
    outcrop.start(script(turn(say("I am here."))))
    runtime = outcrop.runtime()
    invoke_inline(runtime, "My name is Ada.", session="s-1")
    second = invoke_inline(runtime, "What is my name?", session="s-1", actionGroups=[CALENDAR])
    assert "My name is Ada." in str(second.prompts[0])
    # Names keep sessions apart.
    other = invoke_inline(runtime, "What is my name?", session="s-1", agentName="other")
    assert "Ada" not in str(other.prompts[0])
    ended = invoke_inline(runtime, "end", session="s-1", endSession=True)
    assert ended.answer and not ended.parts
    assert "Ada" not in str(invoke_inline(runtime, "And now?", session="s-1").prompts[0])


def test_an_openapi_schema_of_a_bucket(outcrop):
    outcrop.start(script(turn(call("getOrder", order_id="A-1"), say("Fine."))), {"order-tools": handler("return 'ok'")})
    folder = outcrop.folder / "data/objects/my-schemas"
    folder.mkdir(parents=True)
    (folder / "api.yaml").write_text(
        "openapi: 3.0.0\ninfo: {title: Orders, version: '1'}\npaths:\n  /orders/{order_id}:\n    get:\n"
        "      description: One order\n      operationId: getOrder\n"
        "      parameters: [{name: order_id, in: path, required: true, description: Its id, schema: {type: string}}]\n"
        "      responses: {'200': {description: The order, content: {application/json: {schema: {type: object}}}}}\n"
    )
    schema = {"s3": {"s3BucketName": "my-schemas", "s3ObjectKey": "api.yaml"}}
    api = {"actionGroupName": "OrderApi", "actionGroupExecutor": {"lambda": FUNCTION}, "apiSchema": schema}
    made = invoke_inline(outcrop.runtime(), "Where is A-1?", actionGroups=[api])
    assert "lambda: OrderApi.GET /orders/{order_id}(order_id=A-1)" in made.transcript


def test_what_is_wrong_is_a_frame(outcrop):
    outcrop.start(script(turn(say("Hello."))))
    runtime = outcrop.runtime()
    twice = refused(runtime, actionGroups=[ORDERS, ORDERS])
    assert twice["Code"] == "validationException" and "OrderTools is declared twice" in twice["Message"]
    empty = refused(runtime, actionGroups=[{"actionGroupName": "Empty", "functionSchema": {"functions": [function("f")]}}])
    assert "has no executor" in empty["Message"]
    prompts = {"promptConfigurations": [{"promptType": "ORCHESTRATION", "promptCreationMode": "OVERRIDDEN"}]}
    assert "basePromptTemplate" in refused(runtime, promptOverrideConfiguration=prompts)["Message"]
    base = [{"knowledgeBaseId": "KB1234ABCD", "description": "Returns"}]
    assert refused(runtime, knowledgeBases=base)["Code"] == "resourceNotFoundException"
    guardrail = {"guardrailIdentifier": "abcdef", "guardrailVersion": "1"}
    gone = refused(runtime, guardrailConfiguration=guardrail)
    assert gone["Code"] == "resourceNotFoundException" and "abcdef, version 1" in gone["Message"]
    with pytest.raises(runtime.exceptions.ValidationException):
        # The client does not look at upper limits.
        invoke_inline(runtime, "Hello.", idleSessionTTLInSeconds=3601)


def test_a_session_keeps_its_key(outcrop):
    outcrop.start(script(turn(say("Hello."))))
    runtime = outcrop.runtime()
    invoke_inline(runtime, "Hello.", session="s-1", customerEncryptionKeyArn=KEYS[0])
    assert invoke_inline(runtime, "Hello again.", session="s-1", customerEncryptionKeyArn=KEYS[0]).answer == "Hello."
    assert "customerEncryptionKeyArn" in refused(runtime, session="s-1", customerEncryptionKeyArn=KEYS[1])["Message"]
    assert "customerEncryptionKeyArn" in refused(runtime, session="s-1")["Message"]


def test_sampling_and_streaming(outcrop):
    outcrop.start(script(turn(say("<answer>One, two, three, four, five.</answer>"))))
    prompts = {"promptConfigurations": [{
        "promptType": "ORCHESTRATION", "promptCreationMode": "OVERRIDDEN", "basePromptTemplate": "$instruction$ $question$",
        "inferenceConfiguration": {"temperature": 0.5, "maximumLength": 77},
    }]}
    made = invoke_inline(
        outcrop.runtime(), "Count.", promptOverrideConfiguration=prompts, streamingConfigurations={"streamFinalResponse": True},
    )
    assert made.answer == "One, two, three, four, five."
    assert "trace" in made.events[-1]
