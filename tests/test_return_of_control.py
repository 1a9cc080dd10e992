"""Return of control: the caller runs the tool."""

import json

import pytest
from botocore.exceptions import EventStreamError

from script import call, calls, say, script, turn
from world import RETURN_CONTROL, function, group, handler, invoke, make_agent, results

CALENDAR = group("ClientSideTools", function("open_calendar", date="string"), function("close_calendar"), executor=RETURN_CONTROL)
ORDERS = group("OrderTools", function("get_order_status", order_id="string"))
STATUS = handler('return {"order_id": arguments["order_id"], "status": "shipped"}')


def test_over_two_calls(outcrop):
    outcrop.start(script(turn(call("open_calendar", "The calendar is on their side.", date="next Monday"), say("It is open."))))
    agent = make_agent(outcrop.control(), CALENDAR)
    runtime = outcrop.runtime()
    first = invoke(runtime, agent, "Open my calendar for next Monday.", session="s-1")
    assert first.transcript == [
        "model",
        "rationale: The calendar is on their side.",
        "return_control: ClientSideTools.open_calendar(date=next Monday)",
        "return control: ClientSideTools.open_calendar(date=next Monday)",
    ]
    asked = first.control["invocationInputs"][0]["functionInvocationInput"]
    assert asked == {
        "actionGroup": "ClientSideTools", "function": "open_calendar", "actionInvocationType": "RESULT", "agentId": agent.id,
        "parameters": [{"name": "date", "type": "string", "value": "next Monday"}],
    }
    second = invoke(runtime, agent, session="s-1", sessionState=results(first.control, open_calendar="opened"))
    assert second.transcript == ["observed: opened", "model", "finish: It is open.", "answer: It is open."]


def test_several_at_once(outcrop):
    step = calls(call("open_calendar", date="Monday"), call("close_calendar"))
    outcrop.start(script(turn(step, say("Both done."))))
    agent = make_agent(outcrop.control(), CALENDAR)
    first = invoke(outcrop.runtime(), agent, "Go.", session="s-1")
    assert [each["functionInvocationInput"]["function"] for each in first.control["invocationInputs"]] == ["open_calendar", "close_calendar"]
    state = results(first.control, open_calendar="opened", close_calendar="closed")
    state["returnControlInvocationResults"].reverse()
    second = invoke(outcrop.runtime(), agent, session="s-1", sessionState=state)
    assert second.answer == "Both done."
    assert sorted(second.observations) == ["closed", "opened"]


def test_mixed_with_a_function_of_the_same_step(outcrop):
    step = calls(call("get_order_status", order_id="A-483"), call("open_calendar", date="Monday"))
    outcrop.start(script(turn(step, say("Shipped, and the calendar is open."))), {"order-tools": STATUS})
    agent = make_agent(outcrop.control(), ORDERS, CALENDAR)
    first = invoke(outcrop.runtime(), agent, "Go.", session="s-1")
    assert [each["functionInvocationInput"]["function"] for each in first.control["invocationInputs"]] == ["open_calendar"]
    second = invoke(outcrop.runtime(), agent, session="s-1", sessionState=results(first.control, open_calendar="opened"))
    assert second.answer == "Shipped, and the calendar is open."
    assert first.observations + second.observations == ['{"order_id": "A-483", "status": "shipped"}', "opened"]
    # The model has both results in one prompt.
    asked = str(second.prompts[-1])
    assert "shipped" in asked and "opened" in asked


def test_an_operation_of_an_openapi_document(outcrop):
    document = """
openapi: 3.0.0
info: { title: Lamps, version: "1" }
paths:
  /lamps/{lamp}:
    get:
      operationId: getLamp
      description: How a lamp is.
      parameters: [{ name: lamp, in: path, description: Which., required: true, schema: { type: string } }]
      responses: { "200": { description: It., content: { application/json: { schema: { type: object } } } } }
"""
    outcrop.start(script(turn(call("getLamp", lamp="desk"), say("It is on."))))
    tools = {"actionGroupName": "Lamps", "actionGroupExecutor": RETURN_CONTROL, "apiSchema": {"payload": document}}
    agent = make_agent(outcrop.control(), tools)
    first = invoke(outcrop.runtime(), agent, "Is it on?", session="s-1")
    asked = first.control["invocationInputs"][0]["apiInvocationInput"]
    assert (asked["apiPath"], asked["httpMethod"].upper(), asked["actionGroup"]) == ("/lamps/{lamp}", "GET", "Lamps")
    answer = {"apiResult": {"actionGroup": "Lamps", "apiPath": "/lamps/{lamp}", "httpMethod": "GET", "httpStatusCode": 200,
                            "responseBody": {"application/json": {"body": '{"on": true}'}}}}
    second = invoke(outcrop.runtime(), agent, session="s-1", sessionState={
        "invocationId": first.control["invocationId"], "returnControlInvocationResults": [answer]})
    assert (second.observations, second.answer) == (['{"on": true}'], "It is on.")


@pytest.mark.parametrize(("state", "answer", "ran"), [("CONFIRM", "Cancelled.", True), ("DENY", "Kept.", False)])
def test_a_function_that_wants_confirmation(outcrop, tmp_path, state, answer, ran):
    ran_file = tmp_path / "ran"
    work = handler(f"open({str(ran_file)!r}, 'w').close()\nreturn 'cancelled'")
    outcrop.start(script(turn(call("cancel_order", order_id="A-1"), say(answer))), {"order-tools": work})
    agent = make_agent(outcrop.control(), group("OrderTools", function("cancel_order", confirmation="ENABLED", order_id="string")))
    first = invoke(outcrop.runtime(), agent, "Cancel A-1.", session="s-1")
    assert first.control["invocationInputs"][0]["functionInvocationInput"]["actionInvocationType"] == "USER_CONFIRMATION"
    assert not ran_file.exists()
    second = invoke(outcrop.runtime(), agent, session="s-1", sessionState={
        "invocationId": first.control["invocationId"],
        "returnControlInvocationResults": [{"functionResult": {
            "actionGroup": "OrderTools", "function": "cancel_order", "agentId": agent.id, "confirmationState": state}}],
    })
    assert (second.answer, ran_file.exists()) == (answer, ran)


def test_a_wrong_invocation_id_is_refused_and_the_right_one_still_works(outcrop):
    outcrop.start(script(turn(call("open_calendar", date="Monday"), say("Open."))))
    agent = make_agent(outcrop.control(), CALENDAR)
    first = invoke(outcrop.runtime(), agent, "Open it.", session="s-1")
    right = results(first.control, open_calendar="opened")
    wrong = {**right, "invocationId": "79e0feaa-c6f7-49bf-814d-b7c498505172"}
    with pytest.raises(EventStreamError, match="validationException"):
        invoke(outcrop.runtime(), agent, session="s-1", sessionState=wrong)
    assert invoke(outcrop.runtime(), agent, session="s-1", sessionState=right).answer == "Open."
    with pytest.raises(EventStreamError, match="validationException"):
        invoke(outcrop.runtime(), agent, session="s-1", sessionState=right)


def test_new_words_instead_of_results_begin_a_new_turn(outcrop):
    outcrop.start(script(turn(call("open_calendar", date="Monday"), say("Open."), when="calendar"), turn(say("Never mind, then."), when="Forget")))
    agent = make_agent(outcrop.control(), CALENDAR)
    invoke(outcrop.runtime(), agent, "Open my calendar.", session="s-1")
    assert invoke(outcrop.runtime(), agent, "Forget it.", session="s-1").answer == "Never mind, then."


def test_a_suspended_turn_survives_kill_9(outcrop):
    outcrop.start(script(turn(call("open_calendar", date="Monday"), say("Open."))))
    agent = make_agent(outcrop.control(), CALENDAR)
    first = invoke(outcrop.runtime(), agent, "Open it.", session="s-1")
    outcrop.server.restart()
    second = invoke(outcrop.runtime(), agent, session="s-1", sessionState=results(first.control, open_calendar="opened"))
    assert second.answer == "Open."


def test_consent_that_is_not_given_is_no_consent(outcrop, tmp_path):
    ran_file = tmp_path / "ran"
    outcrop.start(script(turn(call("cancel_order", order_id="A-1"), say("Kept."))), {"order-tools": handler(f"open({str(ran_file)!r}, 'w').close()\nreturn 'cancelled'")})
    agent = make_agent(outcrop.control(), group("OrderTools", function("cancel_order", confirmation="ENABLED", order_id="string")))
    first = invoke(outcrop.runtime(), agent, "Cancel A-1.", session="s-1")
    for more in ({}, {"responseState": "REPROMPT"}, {"responseBody": {"TEXT": {"body": "yes"}}}):
        answer = {"functionResult": {"actionGroup": "OrderTools", "function": "cancel_order", "agentId": agent.id, **more}}
        with pytest.raises(EventStreamError, match="needs confirmationState"):
            invoke(outcrop.runtime(), agent, session="s-1", sessionState={
                "invocationId": first.control["invocationId"], "returnControlInvocationResults": [answer]})
    assert not ran_file.exists()


def test_attributes_of_a_turn_that_never_came_back_are_kept(outcrop):
    answer = "return json.dumps(event['sessionAttributes'], sort_keys=True)"
    outcrop.start(
        script(turn(call("open_calendar", date="Monday"), say("Open."), when="calendar"), turn(call("show"), say("Shown."), when="show")),
        {"order-tools": handler(answer)},
    )
    agent = make_agent(outcrop.control(), CALENDAR, group("OrderTools", function("show")))
    invoke(outcrop.runtime(), agent, "Open my calendar.", session="s-1", sessionState={"sessionAttributes": {"tenant": "north"}})
    assert invoke(outcrop.runtime(), agent, "Now show.", session="s-1").observations == ['{"tenant": "north"}']


def test_results_can_be_brought_again_after_a_failure_that_passes(outcrop):
    text = json.dumps({"turns": [{"when": "Open", "steps": [{"call": {"tool": "open_calendar", "input": {"date": "Monday"}}}, {"fail": {"kind": "throttled", "message": "busy"}}]}]})
    outcrop.start(text)
    agent = make_agent(outcrop.control(), CALENDAR)
    first = invoke(outcrop.runtime(), agent, "Open it.", session="s-1")
    for _ in range(2):
        with pytest.raises(EventStreamError, match="throttlingException"):
            invoke(outcrop.runtime(), agent, session="s-1", sessionState=results(first.control, open_calendar="opened"))
