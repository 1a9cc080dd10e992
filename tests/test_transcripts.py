"""Whole transcripts of turns with a scripted model, as a client receives them, beside those in `snapshots/`.

OUTCROP_UPDATE_SNAPSHOTS=1 writes them anew; the difference is for reviewers.
"""

import json
import os
from pathlib import Path

from examples import dev
from script import call, calls, say, script, turn
from test_collaboration import BILLING, CALENDAR, ORDERS, ORDER_TOOLS, SHOP, configured, described, routed, send
from test_custom_orchestration import CUSTOM, ORDERS as ORDER_STATUS, REACT
from test_inline import invoke_inline
from test_phases import PRE, prompts
from test_remembering import SUMMING_UP, topics
from transcript import Transcript
from world import RETURN_CONTROL, Agent, eventually, function, group, handler, invoke, make_agent, results

SNAPSHOTS = Path(__file__).parent / "snapshots"
STATUS = handler('return {"order_id": arguments["order_id"], "status": "shipped"}')
OPEN = group("ClientSideTools", function("open_calendar", date="string"), executor=RETURN_CONTROL)


def check(name, transcript):
    file = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("OUTCROP_UPDATE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(exist_ok=True)
        file.write_text(transcript.text)
    assert file.exists(), f"{file} is missing: run with OUTCROP_UPDATE_SNAPSHOTS=1"
    assert transcript.text == file.read_text()


def test_return_of_control(outcrop):
    steps = calls(call("get_order_status", order_id="A-482"), call("open_calendar", date="Monday"))
    outcrop.start(script(turn({"say": "I look, and open it.", **steps}, say("It has shipped, and your calendar is open."))), {"order-tools": STATUS})
    agent = make_agent(outcrop.control(), ORDER_TOOLS, OPEN)
    runtime = outcrop.runtime()
    made = Transcript()
    first = invoke(runtime, agent, "Where is A-482? And open Monday.", session="s-1")
    made.add("asked", first.events)
    made.add("results brought", invoke(runtime, agent, session="s-1", sessionState=results(first.control, open_calendar="opened")).events)
    check("return_of_control", made)


def test_confirmation(outcrop):
    outcrop.start(script(turn(call("cancel_order", "They want it cancelled.", order_id="A-1"), say("Cancelled."))), {"order-tools": handler('return "cancelled"')})
    agent = make_agent(outcrop.control(), group("OrderTools", function("cancel_order", confirmation="ENABLED", order_id="string")))
    runtime = outcrop.runtime()
    first = invoke(runtime, agent, "Cancel A-1.", session="s-1")
    agreed = {"actionGroup": "OrderTools", "function": "cancel_order", "agentId": agent.id, "confirmationState": "CONFIRM"}
    state = {"invocationId": first.control["invocationId"], "returnControlInvocationResults": [{"functionResult": agreed}]}
    second = invoke(runtime, agent, session="s-1", sessionState=state)
    check("confirmation", Transcript().add("asked", first.events).add("confirmed", second.events))


def test_supervisor(outcrop):
    """Two levels below the supervisor, and control returned out of the lower one and back."""
    tree = {
        "agentCollaboration": "SUPERVISOR",
        "collaborators": [
            described("Desk", BILLING, agentCollaboration="SUPERVISOR", collaboratorConfigurations=[configured("Calendar", "Dates.")]),
            described("Calendar", ORDERS, CALENDAR),
            described("Orders", ORDERS, ORDER_TOOLS),
        ],
        "collaboratorConfigurations": [configured("Desk", "Appointments."), configured("Orders", "Orders.")],
    }
    outcrop.start(
        script(
            turn(calls(send("Orders", "Where is ORD-123?"), send("Desk", "Open Monday.")), say("<answer>It has shipped, and Monday is open.</answer>"), when="both"),
            turn(call("get_order_status", order_id="ORD-123"), say("It has shipped."), when="Where is"),
            turn(send("Calendar", "Show Monday."), say("Monday is open."), when="Open Monday"),
            turn(call("open_calendar", date="Monday"), say("Shown."), when="Show Monday"),
        ),
        {"order-tools": STATUS},
    )
    runtime = outcrop.runtime()
    first = invoke_inline(runtime, "Do both.", session="s-1", **tree)
    asked = first.control["invocationInputs"][0]["functionInvocationInput"]
    answer = {"actionGroup": asked["actionGroup"], "function": asked["function"], "agentId": asked["agentId"], "responseBody": {"TEXT": {"body": "opened"}}}
    state = {"invocationId": first.control["invocationId"], "returnControlInvocationResults": [{"functionResult": answer}]}
    second = invoke_inline(runtime, session="s-1", inlineSessionState=state, **tree)
    made = Transcript().add("asked", in_order(first.events)).add("results brought", second.events)
    check("supervisor", made)


def in_order(events):
    """Collaborators that work side by side show their work as it comes; here one after the other, each in its order."""
    about = [at for at, event in enumerate(events) if whose(event)[0]]
    first, last = about[0], about[-1]
    return events[:first] + sorted(events[first:last + 1], key=whose) + events[last + 1:]


def whose(event):
    """The collaborator that an event is about; its supervisor hears of it last."""
    part = event.get("trace", {})
    heard = part.get("trace", {}).get("orchestrationTrace", {}).get("observation", {}).get("agentCollaboratorInvocationOutput", {})
    return part.get("collaboratorName") or heard.get("agentCollaboratorName") or "", not part.get("collaboratorName")


def test_router(outcrop):
    outcrop.start(
        script(
            routed("<a>Orders</a>", when_regex="<request>\\s*Where is ORD-123"),
            routed("<a>undecidable</a>", when_regex="<request>\\s*Hello"),
            turn(call("get_order_status", order_id="ORD-123"), say("It has shipped."), when="Where is ORD-123"),
            turn(say("Hello to you."), when="Hello"),
        ),
        {"order-tools": STATUS},
    )
    shop = {**SHOP, "agentCollaboration": "SUPERVISOR_ROUTER"}
    runtime = outcrop.runtime()
    made = Transcript().add("routed whole", invoke_inline(runtime, "Where is ORD-123?", session="s-1", **shop).events)
    check("router", made.add("undecided", invoke_inline(runtime, "Hello.", session="s-2", **shop).events))


def test_pre_and_post_processing(outcrop):
    outcrop.start(
        script(
            turn(say("<final_response>We are on it.</final_response>"), when="the agent answers"),
            turn(say(PRE.format("D")), when="<request>"),
            turn(call("get_order_status", "I look it up.", order_id="A-482"), say("It is processing."), when="A-482"),
        ),
        {"order-tools": STATUS},
    )
    agent = make_agent(outcrop.control(), ORDER_TOOLS, **prompts(PRE_PROCESSING={}, POST_PROCESSING={}))
    check("pre_and_post_processing", Transcript().add("asked", invoke(outcrop.runtime(), agent, "Where is A-482?").events))


def test_streaming(outcrop):
    said = "<thinking>Known.</thinking>It has shipped. <answer>Order A-482 has shipped.</answer>"
    outcrop.start(script(turn(call("get_order_status", order_id="A-482"), say(said))), {"order-tools": STATUS})
    agent = make_agent(outcrop.control(), ORDER_TOOLS)
    made = invoke(outcrop.runtime(), agent, "Where is A-482?", streamingConfigurations={"streamFinalResponse": True})
    # How an answer is cut into chunks is a matter of pace; where it stands among the traces is not.
    check("streaming", Transcript().add("asked", one_chunk(made.events)))


def one_chunk(events):
    made = []
    for event in events:
        if made and "chunk" in event and "chunk" in made[-1]:
            made[-1] = {"chunk": {"bytes": made[-1]["chunk"]["bytes"] + event["chunk"]["bytes"]}}
        else:
            made.append(event)
    return made


def played(outcrop, name, *turns):
    """An example with a scripted model in the place of the planner."""
    (outcrop.folder / "script.yaml").write_text(script(*turns))
    dev(outcrop, name, f'[[model]]\nmatch = "*"\nprovider = "scripted"\nscript = {json.dumps(str(outcrop.folder / "script.yaml"))}\n')
    return outcrop.runtime()


def test_example_orders(outcrop):
    known = {"customer_id": "CUST-12345", "order_id": "A-482"}
    runtime = played(outcrop, "support", turn(
        call("get_order_status", "First I look where it is.", **known), call("cancel_order", "It has not shipped.", **known),
        say("Order A-482 had not shipped and is cancelled."),
    ))
    made = invoke(runtime, Agent("support-bot", "PROD"), "Where is order A-482, and can you cancel it if it hasn't shipped?", session="s-1")
    check("example_orders", Transcript().add("asked", made.events))


def test_example_invoices(outcrop):
    runtime = played(outcrop, "invoices", turn(
        call("get_quarter_dates", "The dates first.", quarter=1, year=2026),
        call("query_invoices", start_date="2026-01-01", end_date="2026-03-31", customer="Acme"),
        call("filter_invoices_by_amount", invoice_ids=["INV-2026-001", "INV-2026-023"], min_amount="10000"),
        say("INV-2026-001 it is: 12,500."),
    ))
    made = invoke(runtime, Agent("invoice-clerk", "PROD"), "Find all invoices from Q1 2026 for Acme Corp that exceed $10K", session="s-1")
    check("example_invoices", Transcript().add("asked", made.events))


def test_example_supervisor(outcrop):
    runtime = played(
        outcrop, "supervisor",
        turn(calls(send("Orders", "What is ORD-123?"), send("Billing", "Resolve the double charge.")), say("It was charged twice; 89.90 is on its way back."), when="charged twice"),
        turn(call("get_order", order_id="ORD-123"), say("A lamp and a bulb, delivered."), when="What is"),
        turn(call("find_duplicate_charges", order_id="ORD-123"), call("refund_charge", charge_id="CH-9002"), say("89.90 is refunded."), when="Resolve"),
    )
    made = invoke(runtime, Agent("front-desk", "PROD"), "I was charged twice for order ORD-123", session="s-1")
    check("example_supervisor", Transcript().add("asked", in_order(made.events)))


def test_custom_orchestration(outcrop):
    outcrop.start(script(turn(call("get_order_status", "I look.", order_id="A-1"), say("A-1 has shipped."))), {"orchestrator": REACT, "order-tools": STATUS})
    agent = make_agent(outcrop.control(), ORDER_STATUS, **CUSTOM)
    made = invoke(outcrop.runtime(), agent, "Where is A-1?", session="s-1")
    check("custom_orchestration", Transcript().add("asked", made.events))


def test_example_memory(outcrop):
    runtime = played(
        outcrop, "memory",
        turn(topics(visit="The gardener comes on 2026-12-01 at 10:00."), when=SUMMING_UP),
        turn(call("book_visit", date="2026-12-01", time="10:00"), say("It is booked."), when="Book"),
        turn(say("On 2026-12-01 at 10:00, we said."), when="last time"),
    )
    agent, user = Agent("garden-bot", "PROD"), {"memoryId": "user-42"}
    made = Transcript().add("asked", invoke(runtime, agent, "Book a visit for 2026-12-01 at 10:00.", session="s-1", **user).events)
    made.add("session ended", invoke(runtime, agent, "end", session="s-1", endSession=True, **user).events)
    eventually(lambda: runtime.get_agent_memory(agentId=agent.id, agentAliasId=agent.alias_id, memoryType="SESSION_SUMMARY", **user)["memoryContents"])
    later = invoke(runtime, agent, "What did we agree on last time?", session="s-2", **user)
    assert "The gardener comes on 2026-12-01 at 10:00." in later.prompts[0]["system"], "it is told, not guessed"
    check("example_memory", made.add("asked in a later session", later.events))


def test_example_calendar(outcrop):
    runtime = played(outcrop, "calendar", turn(call("open_calendar", "It is on their device.", date="2026-04-27"), say("It is open.")))
    agent = Agent("calendar-assistant", "PROD")
    first = invoke(runtime, agent, "Open my calendar for next Monday.", session="s-1")
    second = invoke(runtime, agent, session="s-1", sessionState=results(first.control, open_calendar="opened"))
    check("example_calendar", Transcript().add("asked", first.events).add("results brought", second.events))
