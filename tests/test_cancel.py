"""Turns that are called off: while a function, a model or a collaborator works, and while they wait for the caller."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from botocore.exceptions import EventStreamError

from script import call, calls, say, script, turn
from server import outcrop as run_outcrop
from test_collaboration import BILLING, ORDERS, configured, described, send
from test_inline import invoke_inline
from test_interrupted import gated
from world import INSTRUCTION, RETURN_CONTROL, eventually, function, group, invoke, make_agent, results

ORDER_TOOLS = group("OrderTools", function("get_order_status", order_id="string"))
CALENDAR = group("ClientSideTools", function("open_calendar", date="string"), executor=RETURN_CONTROL)
ASK = script(
    turn(calls(call("get_order_status", order_id="A-1"), call("get_order_status", order_id="A-2")), say("Both."), when="A-1"),
    turn(say("As I said."), when="again"),
)
UNKNOWN = "whether it did its work is unknown"


def cancel(outcrop, session, **query):
    """What the server says to a wish to cancel: status and document."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        answer = client.delete(f"{outcrop.url}/outcrop/sessions/{session}/turn", params=query)
    return answer.status_code, answer.json()


class Reader(threading.Thread):
    """A client that reads a turn to its end, whatever that is."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.events, self.error = stream, [], None
        self.start()

    def run(self):
        try:
            self.events.extend(self.stream)
        except EventStreamError as error:
            self.error = error.response["Error"]

    def end(self):
        self.join(30)
        assert not self.is_alive(), "the stream does not end"
        return self.error

    @property
    def failures(self):
        parts = [event["trace"]["trace"] for event in self.events if "trace" in event]
        return [part["failureTrace"]["failureReason"] for part in parts if "failureTrace" in part]


def begin(outcrop, agent, text, session="s-1"):
    asked = {"agentId": agent.id, "agentAliasId": agent.alias_id, "sessionId": session, "inputText": text, "enableTrace": True}
    return Reader(outcrop.runtime().invoke_agent(**asked)["completion"])


def lambda_processes(outcrop):
    """Processes of local functions, children of the server."""
    mine = str(outcrop.server.process.pid)
    found = []
    for entry in os.listdir("/proc"):
        try:
            fields = open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split() if entry.isdigit() else None
        except OSError:
            continue
        if fields and fields[1] == mine and fields[0] != "Z":
            found.append(entry)
    return found


def test_a_turn_whose_functions_are_at_work(outcrop, tmp_path):
    outcrop.start(ASK, {"order-tools": gated(tmp_path)})
    agent = make_agent(outcrop.control(), ORDER_TOOLS)
    reader = begin(outcrop, agent, "Where is A-1?")
    eventually(lambda: (tmp_path / "calls").exists() and len((tmp_path / "calls").read_text().splitlines()) == 2)
    assert lambda_processes(outcrop)
    assert cancel(outcrop, "s-1") == (200, {"agentId": agent.id, "agentAliasId": agent.alias_id, "sessionId": "s-1", "status": "CANCELLED"})
    assert reader.end() == {"Code": "conflictException", "Message": "The turn was cancelled on request."}
    assert reader.failures == ["The turn was cancelled on request."]
    assert not any("chunk" in event for event in reader.events)
    # Nothing goes on behind the caller's back: the gate never opened, and nobody waits at it.
    eventually(lambda: not lambda_processes(outcrop))
    # The session is usable at once; each call has one result, which says that nothing is known.
    next_turn = invoke(outcrop.runtime(), agent, "Say it again.", session="s-1")
    assert next_turn.answer == "As I said."
    asked = json.dumps(next_turn.prompts[0])
    assert asked.count(UNKNOWN) == 2 and "This turn was cancelled" in asked and "Where is A-1?" in asked
    assert cancel(outcrop, "s-1")[0] == 404
    with httpx.Client(trust_env=False) as client:
        assert 'outcrop_turns_total{outcome="Cancelled"} 1' in client.get(f"{outcrop.url}/metrics").text


def test_from_the_command_line(outcrop, tmp_path):
    outcrop.start(ASK, {"order-tools": gated(tmp_path)})
    agent = make_agent(outcrop.control(), ORDER_TOOLS)
    reader = begin(outcrop, agent, "Where is A-1?")
    eventually((tmp_path / "calls").exists)
    done = run_outcrop("cancel", "s-1", "--endpoint", outcrop.url)
    assert (done.returncode, done.stdout) == (0, f"cancelled the turn of session s-1 (agent {agent.id}, alias {agent.alias_id})\n"), done.stderr
    assert reader.end()["Code"] == "conflictException"
    done = run_outcrop("cancel", "s-1", "--endpoint", outcrop.url, "--json")
    assert done.returncode == 1 and "There is nothing to cancel in session s-1" in done.stderr


def test_a_turn_of_one_of_two_agents(outcrop, tmp_path):
    outcrop.start(ASK, {"order-tools": gated(tmp_path)})
    control = outcrop.control()
    one, two = make_agent(control, ORDER_TOOLS, name="one"), make_agent(control, ORDER_TOOLS, name="two")
    readers = [begin(outcrop, agent, "Where is A-1?") for agent in (one, two)]
    eventually(lambda: (tmp_path / "calls").exists() and len((tmp_path / "calls").read_text().splitlines()) == 4)
    status, answer = cancel(outcrop, "s-1")
    assert status == 400 and f"agentId={one.id}&agentAliasId={one.alias_id}" in answer["message"]
    assert cancel(outcrop, "s-1", agentId="two", agentAliasId="PROD")[1]["agentId"] == two.id
    assert readers[1].end()["Code"] == "conflictException"
    assert readers[0].is_alive()
    assert cancel(outcrop, "s-1", agentId=two.id)[0] == 404
    assert cancel(outcrop, "s-1", agent=two.id)[0] == 400
    (tmp_path / "gate").touch()
    assert readers[0].end() is None


@pytest.fixture
def hanging():
    """A server that takes calls and never answers; it notes when its caller has hung up."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            server.asked.append(self.path)
            # Ends when the caller closes the connection.
            self.connection.recv(1)
            server.hung_up.set()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.hung_up = [], threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_call_of_a_function_elsewhere_is_dropped(outcrop, hanging):
    outcrop.start(ASK, settings=f'[[function]]\nmatch = "order-tools"\nurl = "{hanging.url}"')
    agent = make_agent(outcrop.control(), ORDER_TOOLS)
    reader = begin(outcrop, agent, "Where is A-1?")
    eventually(lambda: hanging.asked)
    assert cancel(outcrop, "s-1")[0] == 200
    assert reader.end()["Code"] == "conflictException"
    assert hanging.hung_up.wait(20)


def test_a_model_call_is_dropped(outcrop, hanging):
    outcrop.start(settings=f'[[model]]\nmatch = "*"\nprovider = "openai"\nbase_url = "{hanging.url}/v1"')
    agent = make_agent(outcrop.control())
    reader = begin(outcrop, agent, "Hello")
    eventually(lambda: hanging.asked)
    assert cancel(outcrop, "s-1")[0] == 200
    assert reader.end()["Code"] == "conflictException"
    assert reader.failures == ["The turn was cancelled on request."]
    assert hanging.hung_up.wait(20)


SHOP = {
    "agentName": "shop",
    "agentCollaboration": "SUPERVISOR",
    "collaborators": [described("Billing", BILLING, CALENDAR), described("Orders", ORDERS, ORDER_TOOLS)],
    "collaboratorConfigurations": [configured("Billing", "Charges and refunds."), configured("Orders", "Orders and parcels.")],
}


def test_collaborators_are_called_off_with_their_supervisor(outcrop, tmp_path):
    outcrop.start(
        script(
            turn(calls(send("Orders", "Where is A-1?"), send("Billing", "Open the calendar.")), say("Both."), when="charged twice"),
            turn(call("get_order_status", order_id="A-1"), say("Shipped."), when="Where is A-1"),
            turn(call("open_calendar", date="Monday"), say("Open."), when="Open the calendar"),
            turn(calls(send("Orders", "And again?"), send("Billing", "And again?")), say("Fine."), when="Go on"),
            turn(say("As I said."), when="again"),
        ),
        {"order-tools": gated(tmp_path)},
    )
    runtime = outcrop.runtime()
    asked = {"foundationModel": "m", "instruction": INSTRUCTION, "enableTrace": True, **SHOP}
    reader = Reader(runtime.invoke_inline_agent(sessionId="s-1", inputText="I was charged twice.", **asked)["completion"])
    eventually((tmp_path / "calls").exists)
    # One collaborator is at work, the other has returned control and waits.
    eventually(lambda: any("RETURN_CONTROL" in json.dumps(event, default=str) for event in reader.events))
    assert cancel(outcrop, "s-1")[0] == 200
    assert reader.end()["Code"] == "conflictException"
    assert reader.failures[-1] == "The turn was cancelled on request."
    assert "The turn was cancelled because the turn of its supervisor was." in reader.failures
    # Both remember that they were called off, and so does the supervisor.
    after = invoke_inline(runtime, "Go on.", session="s-1", **SHOP)
    assert after.answer == "Fine."
    first = {}
    for event in after.events:
        part = event.get("trace", {})
        shown = part.get("trace", {}).get("orchestrationTrace", {}).get("modelInvocationInput")
        if shown:
            first.setdefault(part.get("collaboratorName", "root"), shown["text"])
    assert set(first) == {"root", "Orders", "Billing"}
    for who, prompt in first.items():
        assert UNKNOWN in prompt, who
        assert "This turn was cancelled" in prompt, who


def test_a_turn_that_waits_for_its_caller(outcrop):
    outcrop.start(script(turn(call("open_calendar", date="Monday"), say("Open."), when="calendar"), turn(say("Never mind, then."), when="Forget")))
    agent = make_agent(outcrop.control(), CALENDAR)
    runtime = outcrop.runtime()
    first = invoke(runtime, agent, "Open my calendar.", session="s-1", sessionState={"sessionAttributes": {"a": "b"}})
    outcrop.server.restart()
    runtime = outcrop.runtime()
    assert cancel(outcrop, "s-1")[1]["status"] == "CANCELLED"
    with pytest.raises(EventStreamError, match="waits for a result in this session"):
        invoke(runtime, agent, session="s-1", sessionState=results(first.control, open_calendar="opened"))
    assert cancel(outcrop, "s-1") == (404, {"message": "There is nothing to cancel in session s-1: no turn of it runs or waits for results."})
    after = invoke(runtime, agent, "Forget it.", session="s-1")
    assert after.answer == "Never mind, then." and UNKNOWN in str(after.prompts[0])


def test_a_supervisor_that_waits_for_the_part_of_its_collaborator(outcrop):
    outcrop.start(script(
        turn(send("Billing", "Open the calendar."), say("Done."), when="calendar, please"),
        turn(call("open_calendar", date="Monday"), say("Open."), when="Open the calendar"),
        turn(send("Billing", "And again?"), say("Fine."), when="Go on"),
        turn(say("As I said."), when="again"),
    ))
    runtime = outcrop.runtime()
    first = invoke_inline(runtime, "My calendar, please.", session="s-1", **SHOP)
    assert first.control["invocationInputs"][0]["functionInvocationInput"]["collaboratorName"] == "Billing"
    assert cancel(outcrop, "s-1", agentId="INLINE_AGENT/shop")[0] == 200
    after = invoke_inline(runtime, "Go on.", session="s-1", **SHOP)
    below = [event["trace"]["trace"]["orchestrationTrace"] for event in after.events if event.get("trace", {}).get("collaboratorName")]
    assert UNKNOWN in below[0]["modelInvocationInput"]["text"]


def test_what_cannot_be_cancelled_is_told(outcrop):
    outcrop.start(script(turn(say("Ok."))))
    agent = make_agent(outcrop.control())
    invoke(outcrop.runtime(), agent, "Hello", session="s-1")
    for session in ("s-1", "never", "a%3Ab"):
        status, answer = cancel(outcrop, session)
        assert status == 404 and "There is nothing to cancel" in answer["message"]
    for session, query in (("s" * 101, {}), ("s-1", {"agentAliasId": "PROD"})):
        assert cancel(outcrop, session, **query)[0] == 400
