"""Agents that ask agents: supervisors over collaborators, all described in the request."""

import json

import pytest
from botocore.exceptions import EventStreamError

from script import call, calls, say, script, turn
from test_inline import MODEL, invoke_inline
from world import RETURN_CONTROL, function, group, handler

SEND = "AgentCommunication__sendMessage"
BILLING = "You know what was charged and can refund it, and nothing else at all."
ORDERS = "You know the orders and where they are, and nothing else whatsoever."
ORDER_TOOLS = group("OrderTools", function("get_order_status", order_id="string"))
CALENDAR = group("ClientSideTools", function("open_calendar", date="string"), executor=RETURN_CONTROL)


def send(recipient, content, think=None):
    return call(SEND, think, recipient=recipient, content=content)


def described(name, instruction, *groups, **more):
    return {"agentName": name, "foundationModel": MODEL, "instruction": instruction, "actionGroups": list(groups), **more}


def configured(name, when, **more):
    return {"collaboratorName": name, "collaboratorInstruction": when, **more}


SHOP = {
    "agentName": "shop",
    "agentCollaboration": "SUPERVISOR",
    "collaborators": [described("Billing", BILLING), described("Orders", ORDERS, ORDER_TOOLS)],
    "collaboratorConfigurations": [configured("Billing", "Charges and refunds."), configured("Orders", "Orders and parcels.")],
}


def parts(made):
    """Who shows what, in short lines."""
    for event in made.events:
        if "trace" not in event:
            yield next(iter(event))
            continue
        part = event["trace"]
        who = part.get("collaboratorName", "-")
        (kind, trace), = part["trace"].items()
        name = next(name for name in trace if name not in ("traceId",))
        what = trace[name]
        if name == "invocationInput":
            what = what.get("agentCollaboratorInvocationInput") or what["actionGroupInvocationInput"]
            what = f"asks {what['agentCollaboratorName']}: {what['input'].get('text') or what['input']['type']}" if "input" in what else f"calls {what['function']}"
        elif name == "observation":
            output = what.get("agentCollaboratorInvocationOutput", {})
            what = (
                f"hears {output['agentCollaboratorName']}: {output['output'].get('text') or output['output']['type']}" if output
                else f"finishes: {what['finalResponse']['text']}" if "finalResponse" in what
                else f"observes {what['actionGroupInvocationOutput']['text']}"
            )
        elif name == "failureReason" or kind == "failureTrace":
            what = f"fails: {trace['failureReason']}"
        else:
            what = name
        routed = "(routing) " if kind == "routingClassifierTrace" else ""
        yield f"{who} {len(part['callerChain'])} {routed}{what}"


def start(outcrop, *turns):
    outcrop.start(script(*turns), {"order-tools": handler('return "shipped"')})
    return outcrop.runtime()


def test_a_supervisor_asks_and_answers(outcrop):
    runtime = start(
        outcrop,
        turn(send("Orders", "Where is ORD-123?"), say("<answer>It is on its way.</answer>"), when="charged twice"),
        turn(call("get_order_status", order_id="ORD-123"), say("It has shipped."), when="Where is ORD-123"),
    )
    made = invoke_inline(runtime, "I was charged twice for ORD-123.", session="s-1", **SHOP)
    assert list(parts(made)) == [
        "- 1 modelInvocationInput",
        "- 1 modelInvocationOutput",
        "- 1 asks Orders: Where is ORD-123?",
        "Orders 2 modelInvocationInput",
        "Orders 2 modelInvocationOutput",
        "Orders 2 calls get_order_status",
        "Orders 2 observes shipped",
        "Orders 2 modelInvocationInput",
        "Orders 2 modelInvocationOutput",
        "Orders 2 finishes: It has shipped.",
        "- 1 hears Orders: It has shipped.",
        "- 1 modelInvocationInput",
        "- 1 modelInvocationOutput",
        "- 1 finishes: It is on its way.",
        "chunk",
    ]
    assert made.answer == "It is on its way."
    below = [event["trace"] for event in made.events if event.get("trace", {}).get("collaboratorName")]
    sessions = {part["sessionId"] for part in below}
    assert len(sessions) == 1 and "s-1" not in sessions
    heard = made.steps[10]["observation"]["agentCollaboratorInvocationOutput"]
    first = below[0]["trace"]["orchestrationTrace"]["modelInvocationInput"]
    assert first["traceId"] == heard["metadata"]["clientRequestId"] + "-0"
    # The collaborator remembers its part of the conversation in the next turn, and its session is the same.
    again = invoke_inline(runtime, "I was charged twice for ORD-123.", session="s-1", **SHOP)
    below = [event["trace"] for event in again.events if event.get("trace", {}).get("collaboratorName")]
    assert {part["sessionId"] for part in below} == sessions
    first = below[0]["trace"]["orchestrationTrace"]["modelInvocationInput"]
    assert "It has shipped." in first["text"]


def test_several_are_asked_side_by_side(outcrop):
    both = calls(send("Orders", "Where is ORD-123?"), send("Billing", "What was charged?"))
    runtime = start(
        outcrop,
        turn(both, say("Both say so."), when="charged twice"),
        turn(say("It has shipped."), when="Where is ORD-123"),
        turn(say("Two charges."), when="What was charged"),
    )
    made = invoke_inline(runtime, "I was charged twice.", **SHOP)
    lines = list(parts(made))
    assert lines[2:4] == ["- 1 asks Orders: Where is ORD-123?", "- 1 asks Billing: What was charged?"]
    assert {line for line in lines if "hears" in line} == {"- 1 hears Orders: It has shipped.", "- 1 hears Billing: Two charges."}
    # One result for each message, in the order of the messages.
    results = [block["toolResult"] for block in made.prompts[-1]["messages"][-1]["content"]]
    assert [result["content"][0]["text"] for result in results] == ["It has shipped.", "Two charges."]


def test_control_returns_out_of_a_collaborator_and_goes_back(outcrop):
    desk = {
        "agentCollaboration": "SUPERVISOR",
        "collaborators": [described("Calendar", ORDERS, CALENDAR)],
        "collaboratorConfigurations": [configured("Calendar", "Dates.")],
    }
    runtime = start(
        outcrop,
        turn(send("Calendar", "Open Monday."), say("Your calendar is open."), when="calendar"),
        turn(call("open_calendar", date="Monday"), say("Opened."), when="Open Monday"),
    )
    first = invoke_inline(runtime, "Open my calendar.", session="s-1", **desk)
    asked = first.control["invocationInputs"][0]["functionInvocationInput"]
    assert (asked["collaboratorName"], asked["function"], asked["agentId"]) == ("Calendar", "open_calendar", "INLINE_AGENT")
    assert list(parts(first))[-2:] == ["- 1 hears Calendar: RETURN_CONTROL", "returnControl"]
    # The results reach the collaborator also after a restart.
    outcrop.server.restart()
    answer = {"functionResult": {
        "actionGroup": asked["actionGroup"], "function": asked["function"], "agentId": asked["agentId"],
        "responseBody": {"TEXT": {"body": "opened"}},
    }}
    state = {"invocationId": first.control["invocationId"], "returnControlInvocationResults": [answer]}
    second = invoke_inline(outcrop.runtime(), session="s-1", inlineSessionState=state, **desk)
    assert list(parts(second)) == [
        "- 1 asks Calendar: RETURN_CONTROL",
        "Calendar 2 observes opened",
        "Calendar 2 modelInvocationInput",
        "Calendar 2 modelInvocationOutput",
        "Calendar 2 finishes: Opened.",
        "- 1 hears Calendar: Opened.",
        "- 1 modelInvocationInput",
        "- 1 modelInvocationOutput",
        "- 1 finishes: Your calendar is open.",
        "chunk",
    ]


def test_three_levels(outcrop):
    tree = {
        "agentCollaboration": "SUPERVISOR",
        "collaborators": [
            described("Middle", BILLING, agentCollaboration="SUPERVISOR", collaboratorConfigurations=[configured("Worker", "Sums.")]),
            described("Worker", ORDERS),
        ],
        "collaboratorConfigurations": [configured("Middle", "All mathematics.")],
    }
    runtime = start(
        outcrop,
        turn(send("Middle", "Please add."), say("55 it is."), when="Find the sum"),
        turn(send("Worker", "1 + 2"), send("User", "It is 55."), when="Please add"),
        turn(say("55"), when="1 + 2"),
    )
    made = invoke_inline(runtime, "Find the sum.", **tree)
    assert list(parts(made)) == [
        "- 1 modelInvocationInput",
        "- 1 modelInvocationOutput",
        "- 1 asks Middle: Please add.",
        "Middle 2 modelInvocationInput",
        "Middle 2 modelInvocationOutput",
        "Middle 2 asks Worker: 1 + 2",
        "Middle 3 modelInvocationInput",
        "Middle 3 modelInvocationOutput",
        "Middle 3 finishes: 55",
        "Middle 2 hears Worker: 55",
        "Middle 2 modelInvocationInput",
        "Middle 2 modelInvocationOutput",
        # A message to the user is the answer.
        "Middle 2 finishes: It is 55.",
        "- 1 hears Middle: It is 55.",
        "- 1 modelInvocationInput",
        "- 1 modelInvocationOutput",
        "- 1 finishes: 55 it is.",
        "chunk",
    ]
    # All below the root share one session.
    assert len({event["trace"]["sessionId"] for event in made.events if "trace" in event}) == 2


def test_long_answers_are_passed_on_by_reference(outcrop):
    report = "A line of the report. " * 30
    runtime = start(
        outcrop,
        turn(send("Orders", "Write the report."), say('<answer>Here: <br:share_payload id="ID"/></answer>'), when="report, please"),
        turn(say(report), when="Write the report"),
    )
    made = invoke_inline(runtime, "A report, please.", **SHOP)
    told = made.prompts[-1]["messages"][-1]["content"][0]["toolResult"]["content"][0]["text"]
    assert told.startswith('<br:payload id="') and report.strip() in told
    # Nobody has that id; the scripted model cannot know the right one.
    assert made.answer == 'Here: <br:share_payload id="ID"/>'


def test_attributes_are_shared_and_conversations_relayed(outcrop):
    shop = json.loads(json.dumps(SHOP))
    shop["collaboratorConfigurations"][1]["relayConversationHistory"] = "TO_COLLABORATOR"
    outcrop.start(
        script(
            turn(send("Orders", "Where is ORD-123?"), say("Noted."), when="charged twice"),
            turn(call("get_order_status", order_id="ORD-123"), say("Shipped."), when="Where is ORD-123"),
            turn(say("Again."), when="now"),
        ),
        {"order-tools": handler('return json.dumps([event["sessionAttributes"], event["promptSessionAttributes"]])')},
    )
    state = {"sessionAttributes": {"customer": "C-1"}, "promptSessionAttributes": {"mood": "bad"}}
    made = invoke_inline(outcrop.runtime(), "I was charged twice.", inlineSessionState=state, **shop)
    assert made.observations == ['[{"customer": "C-1"}, {}]']
    below = next(event["trace"] for event in made.events if event.get("trace", {}).get("collaboratorName"))
    asked = json.loads(below["trace"]["orchestrationTrace"]["modelInvocationInput"]["text"])
    assert "User: I was charged twice." in asked["system"]


def test_what_cannot_be_asked_is_told_to_the_model(outcrop):
    runtime = start(
        outcrop,
        turn(send("Nobody", "Hello."), send("Orders", ""), say("So be it."), when="charged twice"),
    )
    made = invoke_inline(runtime, "I was charged twice.", **SHOP)
    assert made.answer == "So be it."
    reprompts = [step["observation"]["repromptResponse"]["text"] for step in made.steps if "repromptResponse" in step.get("observation", {})]
    assert "There is no agent Nobody. The agents are: Billing, Orders." in reprompts[0]
    assert "recipient, one of Billing, Orders, and content" in reprompts[1]


def test_descriptions_that_cannot_be(outcrop):
    runtime = start(outcrop, turn(say("Hello.")))

    def refused(**more):
        with pytest.raises(EventStreamError) as error:
            invoke_inline(runtime, "Hello.", **more)
        return error.value.response["Error"]["Message"]

    loop = {
        "agentCollaboration": "SUPERVISOR",
        "collaborators": [
            described("A", BILLING, agentCollaboration="SUPERVISOR", collaboratorConfigurations=[configured("B", "b")]),
            described("B", ORDERS, agentCollaboration="SUPERVISOR", collaboratorConfigurations=[configured("A", "a")]),
        ],
        "collaboratorConfigurations": [configured("A", "a")],
    }
    assert "is asked by agents that it asks itself" in refused(**loop)
    assert "has neither an agentAliasArn nor a definition" in refused(agentCollaboration="SUPERVISOR", collaboratorConfigurations=[configured("C", "c")])
    assert "no agent collaborators are added" in refused(agentCollaboration="SUPERVISOR")
    unknown = "arn:aws:bedrock:us-east-1:000000000000:agent-alias/AAAAAAAAAA/BBBBBBBBBB"
    made = {"agentCollaboration": "SUPERVISOR", "collaboratorConfigurations": [configured("C", "c", agentAliasArn=unknown)]}
    assert invoke_inline(runtime, "Hello.", **made).answer == "Hello."


def routed(answer, **more):
    """A turn of the classifier, which is asked about the request in words of its own."""
    return {"steps": [say(answer)], **more}


def test_a_router_sends_the_request_whole(outcrop):
    runtime = start(
        outcrop,
        routed("<a>Orders</a>", when_regex="<request>\\s*Where is ORD-123"),
        routed("<a>keep_previous_agent</a>", when_regex="<request>\\s*And when"),
        routed("<a>undecidable</a>", when_regex="<request>\\s*Hello"),
        turn(call("get_order_status", order_id="ORD-123"), say("It has shipped."), when="Where is ORD-123"),
        turn(say("Tomorrow."), when="And when"),
        turn(say("Hello to you."), when="Hello"),
    )
    shop = {**SHOP, "agentCollaboration": "SUPERVISOR_ROUTER"}
    made = invoke_inline(runtime, "Where is ORD-123?", session="s-1", **shop)
    assert list(parts(made)) == [
        "- 1 (routing) modelInvocationInput",
        "- 1 (routing) modelInvocationOutput",
        "- 1 (routing) asks Orders: Where is ORD-123?",
        "Orders 2 modelInvocationInput",
        "Orders 2 modelInvocationOutput",
        "Orders 2 calls get_order_status",
        "Orders 2 observes shipped",
        "Orders 2 modelInvocationInput",
        "Orders 2 modelInvocationOutput",
        "Orders 2 finishes: It has shipped.",
        "- 1 (routing) hears Orders: It has shipped.",
        "- 1 (routing) finishes: It has shipped.",
        "chunk",
    ]
    asked = made.events[0]["trace"]["trace"]["routingClassifierTrace"]["modelInvocationInput"]
    assert asked["type"] == "ROUTING_CLASSIFIER" and asked["traceId"].endswith("-routing-0")
    assert "Orders: Orders and parcels." in asked["text"]
    # A follow-up can be kept with the agent that had the request before, which remembers it.
    kept = invoke_inline(runtime, "And when?", session="s-1", **shop)
    assert "- 1 (routing) hears Orders: Tomorrow." in list(parts(kept))
    assert "keep_previous_agent" in kept.events[0]["trace"]["trace"]["routingClassifierTrace"]["modelInvocationInput"]["text"]
    below = next(event["trace"] for event in kept.events if event.get("trace", {}).get("collaboratorName"))
    assert "Where is ORD-123?" in below["trace"]["orchestrationTrace"]["modelInvocationInput"]["text"]
    # What the classifier does not decide is the supervisor's own.
    own = invoke_inline(runtime, "Hello.", session="s-1", **shop)
    assert list(parts(own)) == [
        "- 1 (routing) modelInvocationInput",
        "- 1 (routing) modelInvocationOutput",
        "- 1 modelInvocationInput",
        "- 1 modelInvocationOutput",
        "- 1 finishes: Hello to you.",
        "chunk",
    ]
