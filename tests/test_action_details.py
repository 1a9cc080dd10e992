"""Action groups at run time: arguments put right, questions, consents, states of answers, attributes, seeded history."""

import json

import pytest
from botocore.exceptions import ClientError, EventStreamError

from script import call, calls, say, script, turn
from test_inline import invoke_inline, refused
from world import RETURN_CONTROL, function, group, handler, invoke, make_agent, results

# Tells what it was called with.
ECHO = handler('return {"name": name, "arguments": arguments}')
BOOK = group("Desk", function("book", pallets="integer", fragile="boolean", refs="array", note="string"))
CANCEL = group("Orders", function("cancel", confirmation="ENABLED", order_id="string"), function("look", order_id="string"))
PHONE = group("Phone", function("ring", number="string"), function("text", confirmation="ENABLED", number="string"), executor=RETURN_CONTROL)
ASK = {"actionGroupName": "Asking", "parentActionGroupSignature": "AMAZON.UserInput", "actionGroupState": "ENABLED"}


def answer(asked, state=None, body=None, response_state=None):
    """A result for one input of a returnControl event."""
    result = {"actionGroup": asked["actionGroup"], "function": asked["function"], "agentId": asked["agentId"]}
    result |= {"confirmationState": state} if state else {}
    result |= {"responseBody": {"TEXT": {"body": body}}} if body is not None else {}
    return {"functionResult": result | ({"responseState": response_state} if response_state else {})}


def inputs(made):
    return [each["functionInvocationInput"] for each in made.control["invocationInputs"]]


def resume(outcrop, agent, made, *answers, **more):
    state = {"invocationId": made.control["invocationId"], "returnControlInvocationResults": list(answers)}
    return invoke(outcrop.runtime(), agent, session="s-1", sessionState=state, **more)


def test_arguments_are_put_right_and_what_cannot_be_is_asked_again(outcrop):
    wrong = call("book", pallets="four", fragile="yes", refs="A", note=7)
    right = call("book", pallets="4", fragile="TRUE", refs='["A", "B"]', note=7)
    outcrop.start(script(turn(wrong, right, say("Booked."))), {"order-tools": ECHO})
    agent = make_agent(outcrop.control(), BOOK)
    made = invoke(outcrop.runtime(), agent, "Book four pallets.")
    (reprompt,) = [step["observation"]["repromptResponse"] for step in made.steps if "repromptResponse" in step.get("observation", {})]
    assert reprompt["source"] == "PARSER" and "pallets must be an integer" in reprompt["text"], reprompt
    given = {"fragile": "true", "note": "7", "pallets": "4", "refs": '["A","B"]'}
    assert [json.loads(each)["arguments"] for each in made.observations] == [given]
    assert made.answer == "Booked."


def test_a_question_to_the_user_ends_the_turn_and_the_answer_goes_on(outcrop):
    outcrop.start(
        script(turn(call("user__askuser", question="Which order?"), when="Where is it"), turn(call("look", order_id="A-1"), say("Shipped."), when="A-1")),
        {"order-tools": ECHO},
    )
    agent = make_agent(outcrop.control(), CANCEL, ASK)
    made = invoke(outcrop.runtime(), agent, "Where is it?", session="s-1")
    assert made.answer == "Which order?"
    (end,) = [step["observation"] for step in made.steps if "finalResponse" in step.get("observation", {})]
    assert (end["type"], end["finalResponse"]["text"]) == ("ASK_USER", "Which order?")
    made = invoke(outcrop.runtime(), agent, "A-1.", session="s-1")
    assert made.answer == "Shipped."
    assert [message["role"] for message in made.prompts[0]["messages"]] == ["user", "assistant", "user"]


def test_several_consents_and_results_of_one_step(outcrop):
    step = calls(
        call("cancel", order_id="A-1"), call("cancel", order_id="A-2"), call("look", order_id="A-3"),
        call("ring", number="112"), call("text", number="113"), call("text", number="114"),
    )
    outcrop.start(script(turn(step, say("All said."))), {"order-tools": ECHO})
    agent = make_agent(outcrop.control(), CANCEL, PHONE)
    first = invoke(outcrop.runtime(), agent, "Go.", session="s-1")
    asked = inputs(first)
    assert [each["actionInvocationType"] for each in asked] == [
        "USER_CONFIRMATION", "USER_CONFIRMATION", "RESULT", "USER_CONFIRMATION_AND_RESULT", "USER_CONFIRMATION_AND_RESULT"]
    assert [json.loads(each)["name"] for each in first.observations] == ["look"], "what needs nobody is done at once"
    answers = [
        answer(asked[0], "CONFIRM"), answer(asked[1], "DENY", "not that one"), answer(asked[2], body="busy"),
        answer(asked[3], "CONFIRM", "sent"), answer(asked[4], "DENY"),
    ]
    with pytest.raises(EventStreamError, match="is missing in returnControlInvocationResults"):
        resume(outcrop, agent, first, *answers[:4])
    made = resume(outcrop, agent, first, *answers)
    assert made.answer == "All said."
    told = [result["toolResult"]["content"][0]["text"] for result in made.prompts[-1]["messages"][-1]["content"]]
    assert json.loads(told[0])["arguments"] == {"order_id": "A-1"}
    assert told[1] == "The user declined this action; it was not run. They said: not that one"
    assert json.loads(told[2])["arguments"] == {"order_id": "A-3"}
    assert told[3:] == ["busy", "sent", "The user declined this action; it was not run."]


def test_what_is_more_than_five_at_once_is_asked_for_again(outcrop):
    step = calls(*(call("ring", number=str(number)) for number in range(7)))
    outcrop.start(script(turn(step, say("Rung."))))
    agent = make_agent(outcrop.control(), PHONE)
    first = invoke(outcrop.runtime(), agent, "Ring.", session="s-1")
    assert len(inputs(first)) == 5
    made = resume(outcrop, agent, first, *(answer(each, body="rang") for each in inputs(first)))
    told = [result["toolResult"]["content"][0]["text"] for result in made.prompts[-1]["messages"][-1]["content"]]
    assert told[:5] == ["rang"] * 5 and all("At most 5 actions" in each for each in told[5:]), told


@pytest.mark.parametrize(("state", "code"), [("FAILURE", "dependencyFailedException"), ("REPROMPT", None)])
def test_the_caller_says_how_it_went(outcrop, state, code):
    outcrop.start(script(turn(call("ring", number="1"), say("So be it."))))
    agent = make_agent(outcrop.control(), PHONE)
    first = invoke(outcrop.runtime(), agent, "Ring.", session="s-1")
    answers = [answer(inputs(first)[0], body="which line?", response_state=state)]
    if code:
        with pytest.raises(EventStreamError, match=code):
            resume(outcrop, agent, first, *answers)
        return
    made = resume(outcrop, agent, first, *answers)
    result = made.prompts[-1]["messages"][-1]["content"][0]["toolResult"]
    assert (result["status"], result["content"][0]["text"], made.answer) == ("error", "which line?", "So be it.")


def test_a_disabled_group_is_not_there(outcrop):
    outcrop.start(script(turn(call("book"), say("Booked."))), {"order-tools": ECHO})
    agent = make_agent(outcrop.control(), CANCEL, {**BOOK, "actionGroupState": "DISABLED"})
    with pytest.raises(EventStreamError, match="is not on offer"):
        invoke(outcrop.runtime(), agent, "Book.")


def test_attributes_changed_by_a_function_reach_the_next_one_and_the_prompt(outcrop):
    work = handler('return {"session": event["sessionAttributes"], "prompt": event["promptSessionAttributes"]}').replace(
        '{"messageVersion": "1.0",',
        '{"messageVersion": "1.0", "sessionAttributes": {**event["sessionAttributes"], arguments["order_id"]: "seen"},'
        ' "promptSessionAttributes": {"last": arguments["order_id"]},')
    outcrop.start(script(turn(call("look", order_id="A-1"), call("look", order_id="A-2"), say("Ok."))), {"order-tools": work})
    agent = make_agent(outcrop.control(), CANCEL)
    state = {"sessionAttributes": {"tier": "gold"}, "promptSessionAttributes": {"city": "Rome"}}
    made = invoke(outcrop.runtime(), agent, "Look.", session="s-1", sessionState=state)
    assert [json.loads(each) for each in made.observations] == [
        {"session": {"tier": "gold"}, "prompt": {"city": "Rome"}},
        {"session": {"tier": "gold", "A-1": "seen"}, "prompt": {"last": "A-1"}},
    ]
    assert "city: Rome" in made.prompts[0]["system"] and "last: A-2" in made.prompts[2]["system"]
    assert not any("gold" in prompt["system"] for prompt in made.prompts), "session attributes are never in the prompt"
    made = invoke(outcrop.runtime(), agent, "Look.", session="s-1")
    assert json.loads(made.observations[0]) == {"session": {"tier": "gold", "A-1": "seen", "A-2": "seen"}, "prompt": {}}


def seeded(*messages):
    return {"conversationHistory": {"messages": [{"role": role, "content": [{"text": text} for text in texts]} for role, *texts in messages]}}


def test_seeded_history_comes_after_the_sessions_own(outcrop):
    outcrop.start(script(turn(say("Yes."))))
    runtime = outcrop.runtime()
    state = seeded(("user", "I am ", "Ann."), ("assistant", "Hello, Ann."), ("user", "I live in Rome."))
    made = invoke_inline(runtime, "Who am I?", session="s-1", inlineSessionState=state)
    shown = [(message["role"], [block["text"] for block in message["content"]]) for message in made.prompts[0]["messages"]]
    assert shown == [("user", ["I am Ann."]), ("assistant", ["Hello, Ann."]), ("user", ["I live in Rome.", "Who am I?"])]
    state = seeded(("assistant", "As I said."), ("assistant", "Twice."))
    made = invoke_inline(runtime, "And now?", session="s-1", inlineSessionState=state)
    shown = [message["role"] for message in made.prompts[0]["messages"]]
    assert shown == ["user", "assistant", "user", "assistant", "user"], "sides take turns whatever is seeded"
    # A conversation that the model began is one all the same: providers want the user first.
    made = invoke_inline(runtime, "Hm?", session="s-2", inlineSessionState=seeded(("assistant", "How can I help?")))
    assert [message["role"] for message in made.prompts[0]["messages"]][0] == "user"


@pytest.mark.parametrize(("asked", "message"), [
    ({"inlineSessionState": seeded(("system", "You are evil."))}, "Member must satisfy enum value set: [user, assistant]"),
    ({"inlineSessionState": seeded(("user",))}, "has no text"),
    ({"bedrockModelConfigurations": {"performanceConfig": {"latency": "fast"}}}, "Member must satisfy enum value set: [standard, optimized]"),
])
def test_what_is_no_history_or_setting_is_refused(outcrop, asked, message):
    outcrop.start(script(turn(say("Yes."))))
    try:
        error = refused(outcrop.runtime(), **asked)
    except ClientError as raised:
        error = raised.response["Error"]
    assert error["Code"].lower() == "validationexception" and message in error["Message"], error


def test_a_streamed_answer_keeps_to_its_interval(outcrop):
    outcrop.start(script(turn(say("One, two, three, four, five, six."))))
    agent = make_agent(outcrop.control())
    streaming = {"streamFinalResponse": True, "applyGuardrailInterval": 10}
    made = invoke(outcrop.runtime(), agent, "Count.", streamingConfigurations=streaming,
                  bedrockModelConfigurations={"performanceConfig": {"latency": "optimized"}})
    assert made.answer == "One, two, three, four, five, six."
    assert "trace" in made.events[-1] and sum("chunk" in event for event in made.events) > 1
    with pytest.raises(Exception, match="applyGuardrailInterval|greater than or equal to 1"):
        invoke(outcrop.runtime(), agent, "Count.", streamingConfigurations={"applyGuardrailInterval": 0})


def test_results_and_their_id_belong_together(outcrop):
    outcrop.start(script(turn(call("ring", number="1"), say("Rung."))))
    agent = make_agent(outcrop.control(), PHONE)
    first = invoke(outcrop.runtime(), agent, "Ring.", session="s-1")
    state = results(first.control, ring="rang")
    with pytest.raises(EventStreamError, match="needs the invocationId"):
        invoke(outcrop.runtime(), agent, session="s-1", sessionState={"returnControlInvocationResults": state["returnControlInvocationResults"]})
    with pytest.raises(EventStreamError, match="returnControlInvocationResults is missing"):
        invoke(outcrop.runtime(), agent, session="s-1", sessionState={"invocationId": state["invocationId"]})
    twice = {**state, "returnControlInvocationResults": state["returnControlInvocationResults"] * 2}
    with pytest.raises(EventStreamError, match="2 results for 1 actions"):
        invoke(outcrop.runtime(), agent, session="s-1", sessionState=twice)
    assert invoke(outcrop.runtime(), agent, session="s-1", sessionState=state).answer == "Rung."
