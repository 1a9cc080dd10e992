"""InvokeAgent: the loop, the stream, the traces, the session."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import EventStreamError

from script import call, calls, fail, say, script, turn
from world import FUNCTION, INSTRUCTION, Agent, function, group, handler, invoke, make_agent

STATUS = group("OrderTools", function("get_order_status", order_id="string"), function("cancel_order", order_id="string"))
SHOP = handler("""
    if name == "get_order_status":
        return {"order_id": arguments["order_id"], "status": "processing"}
    return {"order_id": arguments["order_id"], "status": "cancelled"}
""")
MAIN = script(turn(
    call("get_order_status", "I look first.", order_id="A-482"),
    call("cancel_order", "It has not shipped.", order_id="A-482"),
    say("A-482 was processing and is cancelled now."),
))


def test_a_turn_with_two_tools_in_a_row(outcrop):
    outcrop.start(MAIN, {"order-tools": SHOP})
    agent = make_agent(outcrop.control(), STATUS)
    turn_ = invoke(outcrop.runtime(), agent, "Where is A-482, and can you cancel it?", session="s-1")
    assert turn_.transcript == [
        "model",
        "rationale: I look first.",
        "lambda: OrderTools.get_order_status(order_id=A-482)",
        'observed: {"order_id": "A-482", "status": "processing"}',
        "model",
        "rationale: It has not shipped.",
        "lambda: OrderTools.cancel_order(order_id=A-482)",
        'observed: {"order_id": "A-482", "status": "cancelled"}',
        "model",
        "finish: A-482 was processing and is cancelled now.",
        "answer: A-482 was processing and is cancelled now.",
    ]
    headers = turn_.response["ResponseMetadata"]["HTTPHeaders"]
    assert turn_.response["sessionId"] == "s-1"
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert turn_.response["contentType"] == "application/json"


def test_trace_parts_carry_where_when_and_how_much(outcrop):
    outcrop.start(MAIN, {"order-tools": SHOP})
    agent = make_agent(outcrop.control(), STATUS)
    turn_ = invoke(outcrop.runtime(), agent, "Where is A-482?", session="s-1")
    request = turn_.response["ResponseMetadata"]["RequestId"]
    for event in turn_.events[:-1]:
        part = event["trace"]
        assert (part["agentId"], part["agentAliasId"], part["agentVersion"], part["sessionId"]) == (agent.id, agent.alias_id, "1", "s-1")
        assert part["callerChain"][0]["agentAliasArn"].endswith(f":agent-alias/{agent.id}/{agent.alias_id}")
        assert part["eventTime"]
    ids = [next(iter(step.values()))["traceId"] for step in turn_.steps]
    assert sorted(set(ids)) == [f"{request}-{number}" for number in range(3)]
    outputs = [step["modelInvocationOutput"] for step in turn_.steps if "modelInvocationOutput" in step]
    assert len(outputs) == 3
    for output in outputs:
        assert output["metadata"]["usage"].keys() >= {"inputTokens", "outputTokens"}
        assert output["rawResponse"]["content"]
    prompt = turn_.prompts[0]
    assert INSTRUCTION in prompt["system"]
    assert turn_.steps[0]["modelInvocationInput"]["type"] == "ORCHESTRATION"


def test_without_trace_there_is_one_chunk_and_nothing_else(outcrop):
    outcrop.start(MAIN, {"order-tools": SHOP})
    agent = make_agent(outcrop.control(), STATUS)
    turn_ = invoke(outcrop.runtime(), agent, "Where is A-482?", trace=False)
    assert [list(event) for event in turn_.events] == [["chunk"]]


def test_a_streamed_answer_comes_in_pieces(outcrop):
    text = "A-482 is on its way and will be with you on Wednesday, weather permitting, before noon."
    outcrop.start(script(turn(say(text))))
    agent = make_agent(outcrop.control())
    turn_ = invoke(outcrop.runtime(), agent, "Where?", streamingConfigurations={"streamFinalResponse": True})
    assert turn_.answer == text
    assert sum("chunk" in event for event in turn_.events) > 1


def test_several_tools_in_one_step_run_side_by_side(outcrop, tmp_path):
    # Each call waits for the other: one after the other they would never end.
    together = handler(f"""
        place = {str(tmp_path)!r}
        open(os.path.join(place, arguments["order_id"]), "w").close()
        while not all(os.path.exists(os.path.join(place, each)) for each in ("A-1", "A-2")):
            time.sleep(0.005)
        return {{"order_id": arguments["order_id"]}}
    """)
    step = calls(call("get_order_status", order_id="A-1"), call("get_order_status", order_id="A-2"))
    outcrop.start(script(turn(step, say("Both."))), {"order-tools": together})
    agent = make_agent(outcrop.control(), STATUS)
    turn_ = invoke(outcrop.runtime(), agent, "Where are A-1 and A-2?")
    assert turn_.answer == "Both."
    # Observations come in the order of the calls, whichever was first.
    assert turn_.observations == ['{"order_id": "A-1"}', '{"order_id": "A-2"}']


def test_the_function_gets_the_event_of_aws(outcrop):
    echo = handler("return event")
    outcrop.start(script(turn(call("cancel_order", order_id="A-482", count=3, sure=True, tags=["a", "b"]), say("Done."))), {"order-tools": echo})
    tools = group("OrderTools", function("cancel_order", order_id="string", count="integer", sure="boolean", tags="array"))
    agent = make_agent(outcrop.control(), tools)
    turn_ = invoke(outcrop.runtime(), agent, "Cancel it.", session="s-1", sessionState={
        "sessionAttributes": {"user_id": "u-9921"}, "promptSessionAttributes": {"current_date": "2026-04-25"}})
    event = json.loads(turn_.observations[0])
    assert event == {
        "messageVersion": "1.0",
        "agent": {"name": "support-bot", "id": agent.id, "alias": agent.alias_id, "version": "1"},
        "inputText": "Cancel it.", "sessionId": "s-1", "actionGroup": "OrderTools", "function": "cancel_order",
        "parameters": [
            {"name": "order_id", "type": "string", "value": "A-482"}, {"name": "count", "type": "integer", "value": "3"},
            {"name": "sure", "type": "boolean", "value": "true"}, {"name": "tags", "type": "array", "value": '["a","b"]'},
        ],
        "sessionAttributes": {"user_id": "u-9921"}, "promptSessionAttributes": {"current_date": "2026-04-25"},
    }
    # The model sees attributes of the prompt, never those of the session.
    asked = str(turn_.prompts[0])
    assert "2026-04-25" in asked and "u-9921" not in asked


def test_session_attributes_last_and_functions_may_change_them(outcrop):
    writer = handler("return event['sessionAttributes']").replace(
        '{"messageVersion": "1.0",', '{"messageVersion": "1.0", "sessionAttributes": {**event["sessionAttributes"], "seen": "yes"},')
    outcrop.start(script(turn(call("get_order_status", order_id="A-1"), say("Ok."))), {"order-tools": writer})
    agent = make_agent(outcrop.control(), STATUS)
    runtime = outcrop.runtime()
    ask = lambda **state: json.loads(invoke(runtime, agent, "Go.", session="s-1", **state).observations[0])
    assert ask(sessionState={"sessionAttributes": {"tier": "gold"}}) == {"tier": "gold"}
    assert ask() == {"tier": "gold", "seen": "yes"}
    assert ask(sessionState={"sessionAttributes": {"tier": "none"}}) == {"tier": "none"}


def test_a_session_remembers_and_ends(outcrop):
    outcrop.start(script(turn(say("Nice to meet you, Ana."), when="I am Ana"), turn(say("You said it before."), when="Who am I")))
    agent = make_agent(outcrop.control())
    runtime = outcrop.runtime()
    ask = lambda text, **more: invoke(runtime, agent, text, session="s-1", **more)
    ask("I am Ana.")
    asked = str(ask("Who am I?").prompts[0])
    assert "I am Ana." in asked and "Nice to meet you, Ana." in asked
    assert str(invoke(runtime, agent, "Who am I?", session="s-2").prompts[0]).count("Ana") == 0
    ended = ask("end", endSession=True)
    assert ended.answer
    assert "Ana" not in str(ask("Who am I?").prompts[0])


def test_the_draft_is_what_was_last_prepared(outcrop):
    outcrop.start(script(turn(say("Ok."))))
    control = outcrop.control()
    agent = make_agent(control)
    changed = "You answer questions about parcels, and about nothing else at all."
    control.update_agent(agentId=agent.id, agentName="support-bot", foundationModel="x.y", instruction=changed, agentResourceRoleArn="arn:aws:iam::111111111111:role/r")
    draft = Agent(agent.id, "TSTALIASID")
    assert INSTRUCTION in str(invoke(outcrop.runtime(), draft, "Hello").prompts[0])
    control.prepare_agent(agentId=agent.id)
    turn_ = invoke(outcrop.runtime(), draft, "Hello")
    assert changed in str(turn_.prompts[0])
    assert turn_.events[0]["trace"]["agentVersion"] == "DRAFT"
    assert INSTRUCTION in str(invoke(outcrop.runtime(), agent, "Hello").prompts[0])


def test_names_reach_agent_and_alias(outcrop):
    outcrop.start(script(turn(say("Ok."))))
    make_agent(outcrop.control())
    assert invoke(outcrop.runtime(), Agent("support-bot", "PROD"), "Hello").answer == "Ok."


@pytest.mark.parametrize("agent", [Agent("ABCDEFGHIJ", "TSTALIASID"), Agent("ABCDEFGHIJ", "NOBODY")])
def test_an_unknown_agent_is_told_on_the_stream(outcrop, agent):
    outcrop.start(script(turn(say("Ok."))))
    with pytest.raises(EventStreamError) as raised:
        invoke(outcrop.runtime(), agent, "Hello")
    assert raised.value.response["Error"]["Code"] == "resourceNotFoundException"
    assert "it doesn't exist" in raised.value.response["Error"]["Message"]


@pytest.mark.parametrize(("kind", "code"), [("throttled", "throttlingException"), ("access_denied", "accessDeniedException")])
def test_a_model_that_fails_is_told_on_the_stream(outcrop, kind, code):
    outcrop.start(script(turn(fail(kind, "the provider says no"))))
    agent = make_agent(outcrop.control())
    response = outcrop.runtime().invoke_agent(agentId=agent.id, agentAliasId=agent.alias_id, sessionId="s-1", inputText="Hello", enableTrace=True)
    seen = []
    with pytest.raises(EventStreamError) as raised:
        for event in response["completion"]:
            seen.append(event)
    assert raised.value.response["Error"]["Code"] == code
    failure = seen[-1]["trace"]["trace"]["failureTrace"]
    assert "the provider says no" in failure["failureReason"]


def test_nothing_to_answer_is_refused(outcrop):
    outcrop.start(script(turn(say("Ok."))))
    agent = make_agent(outcrop.control())
    with pytest.raises(EventStreamError, match="validationException"):
        invoke(outcrop.runtime(), agent)


def test_openapi_operations(outcrop):
    document = """
openapi: 3.0.0
info: { title: Depots, version: "1" }
paths:
  /depots/{depotId}/collections:
    post:
      operationId: bookCollection
      description: Book a collection.
      parameters:
        - { name: depotId, in: path, description: The depot., required: true, schema: { type: string } }
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              properties: { date: { type: string }, pallets: { type: integer } }
              required: [date]
      responses:
        "200": { description: Booked., content: { application/json: { schema: { type: object } } } }
"""
    outcrop.start(script(turn(call("bookCollection", depotId="D7", date="2026-06-03", pallets=4), say("Booked."))), {"order-tools": handler("return event")})
    tools = {"actionGroupName": "collections", "actionGroupExecutor": {"lambda": FUNCTION}, "apiSchema": {"payload": document}}
    agent = make_agent(outcrop.control(), tools)
    turn_ = invoke(outcrop.runtime(), agent, "Book for the 3rd.")
    event = json.loads(turn_.observations[0])
    assert (event["apiPath"], event["httpMethod"]) == ("/depots/{depotId}/collections", "POST")
    assert event["parameters"] == [{"name": "depotId", "type": "string", "value": "D7"}]
    assert event["requestBody"] == {"content": {"application/json": {"properties": [
        {"name": "date", "type": "string", "value": "2026-06-03"}, {"name": "pallets", "type": "integer", "value": "4"}]}}}
    shown = next(step["invocationInput"] for step in turn_.steps if "invocationInput" in step)["actionGroupInvocationInput"]
    assert shown["requestBody"]["content"]["application/json"][0] == {"name": "date", "type": "string", "value": "2026-06-03"}
    assert turn_.answer == "Booked."


def test_fifty_sessions_at_once_do_not_mix(outcrop):
    own = script(turn(call("get_order_status", order_id="{{input}}"), say("Found {{last_result}}")))
    outcrop.start(own, {"order-tools": handler('return {"order_id": arguments["order_id"]}')})
    agent = make_agent(outcrop.control(), STATUS)
    runtime = outcrop.runtime(max_pool_connections=50)

    def visit(number):
        first = invoke(runtime, agent, f"A-{number}", session=f"session-{number}")
        second = invoke(runtime, agent, f"B-{number}", session=f"session-{number}")
        return [first.answer, second.answer, set(re.findall(r"\b[AB]-\d+\b", str(second.prompts)))]

    with ThreadPoolExecutor(50) as pool:
        visits = list(pool.map(visit, range(50)))
    for number, (first, second, seen) in enumerate(visits):
        assert first == 'Found {"order_id": "A-%d"}' % number
        assert second == 'Found {"order_id": "B-%d"}' % number
        assert seen == {f"A-{number}", f"B-{number}"}
