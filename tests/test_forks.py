"""Forks: a session that goes on from a point of another, over HTTP, by `outcrop fork`, and then by ordinary InvokeAgent."""

import base64
import json

import pytest
from botocore.eventstream import EventStreamBuffer

from script import call, say, script, turn
from server import outcrop as run
from test_collaboration import SHOP, invoke_inline, send
from test_kept import CALENDAR, ORDERS, STATUS, get, http, kept, of_kind, refused
from world import Agent, function, group, handler, invoke, make_agent, results


def fork(outcrop, session, query=None, **body):
    status, headers, answer = http(outcrop, f"sessions/{session}/fork", body, **(query or {}))
    assert status == 200, answer
    return answer if isinstance(answer, dict) else Stream(headers, answer)


class Stream:
    """The events of a turn that was forked within."""

    def __init__(self, headers, body):
        self.session = headers["x-amz-bedrock-agent-session-id"]
        self.headers = headers
        buffer = EventStreamBuffer()
        buffer.add_data(body)
        self.events = [(message.headers[":event-type"], json.loads(message.payload)) for message in buffer]

    @property
    def answer(self):
        return b"".join(base64.b64decode(payload["bytes"]) for name, payload in self.events if name == "chunk").decode()


def models(outcrop, tmp_path, **scripts):
    """A configuration in which each model id has a script of its own."""
    lines = []
    for name, turns in scripts.items():
        (tmp_path / f"{name}.yaml").write_text(script(*turns))
        lines += ["[[model]]", f'match = "{name}"', 'provider = "scripted"', f"script = {json.dumps(str(tmp_path / (name + '.yaml')))}"]
    return "\n".join(lines)


def counted(folder):
    """A handler that notes its calls."""
    return handler(f"""
        with open(os.path.join({str(folder)!r}, "calls"), "a") as calls:
            calls.write(arguments["order_id"] + "\\n")
        return {{"status": "shipped"}}
    """)


@pytest.fixture
def shop(outcrop, tmp_path):
    """Two models behind one agent, and a session of two turns with a tool call in the second."""
    first = [turn(say("Hello to you."), when="Hello"), turn(call("get_order_status", order_id="A-1"), say("First: shipped."), when="A-1"), turn(say("First goes on."), when="more")]
    second = [turn(say("Second: nothing."), when="Hello"), turn(call("get_order_status", order_id="A-1"), say("Second: on its way."), when="A-1"), turn(say("Second goes on."), when="more")]
    outcrop.start(None, {"order-tools": counted(tmp_path)}, models(outcrop, tmp_path, first=first, second=second))
    agent = make_agent(outcrop.control(), ORDERS, foundationModel="first")
    invoke(outcrop.runtime(), agent, "Hello.", session="s-1", sessionState={"sessionAttributes": {"mood": "good"}})
    invoke(outcrop.runtime(), agent, "Where is A-1?", session="s-1", sessionState={"sessionAttributes": {"mood": "bad"}})
    return agent


def said(made):
    """The texts that the model was shown before its last answer."""
    return [block["text"] for message in made.prompts[-1]["messages"] for block in message["content"] if "text" in block]


def test_a_fork_at_the_end_of_a_turn(outcrop, shop):
    runtime = outcrop.runtime()
    made = fork(outcrop, "s-1", turn=1, newSessionId="f-1")
    assert made == {
        "sessionId": "f-1", "agentId": shop.id, "agentAliasId": shop.alias_id, "agentVersion": "1", "turns": 1,
        "forkOf": {"sessionId": "s-1", "turns": 1},
    }
    session = get(outcrop, "sessions/f-1")
    assert session["attributes"] == {"mood": "good"}, "as they were at that point"
    assert session["forkOf"]["sessionId"] == "s-1" and session["turns"] == 1
    assert kept(outcrop, "f-1", 1)["answer"]["text"] == "Hello to you."
    gone_on = invoke(runtime, shop, "Tell me more.", session="f-1")
    assert gone_on.answer == "First goes on."
    assert said(gone_on) == ["Hello.", "Hello to you.", "Tell me more."]
    # The last turn without a number; the session of the parent has not changed.
    assert fork(outcrop, "s-1", newSessionId="f-2")["turns"] == 2
    assert get(outcrop, "sessions/f-2")["attributes"] == {"mood": "bad"}
    assert get(outcrop, "sessions/s-1")["turns"] == 2
    assert said(invoke(runtime, shop, "Tell me more.", session="s-1"))[-3:] == ["Where is A-1?", "First: shipped.", "Tell me more."]
    # All of it survives the process.
    outcrop.server.restart()
    again = invoke(outcrop.runtime(), shop, "And tell me more.", session="f-1")
    assert said(again) == ["Hello.", "Hello to you.", "Tell me more.", "First goes on.", "And tell me more."]


def test_a_fork_within_a_turn_with_another_model(outcrop, shop, tmp_path):
    before = kept(outcrop, "s-1", 2)
    assert [each["step"] for each in of_kind(before, "modelCall")] == [1, 2]
    stream = fork(outcrop, "s-1", turn=2, step=2, newSessionId="f-1", foundationModel="second", enableTrace=True)
    assert stream.session == "f-1" and stream.headers["x-outcrop-agent-alias-id"] == shop.alias_id
    assert stream.answer == "Second: on its way."
    traces = [payload for name, payload in stream.events if name == "trace"]
    assert [next(iter(part["trace"]["orchestrationTrace"])) for part in traces] == ["modelInvocationInput", "modelInvocationOutput", "observation"]
    asked = traces[0]["trace"]["orchestrationTrace"]["modelInvocationInput"]
    assert asked["foundationModel"] == "second" and "shipped" in asked["text"] and traces[0]["sessionId"] == "f-1"
    # The tool was called once, in the turn that was forked.
    assert (tmp_path / "calls").read_text() == "A-1\n"
    told = kept(outcrop, "f-1", 2)
    assert told["answer"]["text"] == "Second: on its way." and told["steps"] == 2
    assert [(each["step"], each["modelId"]) for each in of_kind(told, "modelCall")] == [(1, "first"), (2, "second")]
    assert [each["type"] for each in of_kind(told, "request")] == ["WORDS", "FORK"]
    assert kept(outcrop, "s-1", 2) == before, "the original is as it was"
    # It keeps the model it was forked with, also after a restart.
    assert invoke(outcrop.runtime(), shop, "Tell me more.", session="f-1").answer == "Second goes on."
    outcrop.server.restart()
    assert invoke(outcrop.runtime(), shop, "Tell me more.", session="f-1").answer == "Second goes on."
    assert invoke(outcrop.runtime(), shop, "Tell me more.", session="s-1").answer == "First goes on."
    # From the first step the whole turn is done again, tools included.
    assert fork(outcrop, "s-1", turn=2, step=1, newSessionId="f-2", foundationModel="second").answer == "Second: on its way."
    assert (tmp_path / "calls").read_text() == "A-1\nA-1\n"


def test_forks_of_forks(outcrop, shop):
    fork(outcrop, "s-1", turn=2, step=2, newSessionId="f-1", foundationModel="second")
    # From the same step once more: back to the first model.
    assert fork(outcrop, "f-1", turn=2, step=2, newSessionId="f-2", foundationModel="first").answer == "First: shipped."
    # At the end: it keeps what its parent was bound to.
    fork(outcrop, "f-1", turn=2, newSessionId="f-3")
    made = invoke(outcrop.runtime(), shop, "Tell me more.", session="f-3")
    assert made.answer == "Second goes on." and said(made)[-2] == "Second: on its way."
    fork(outcrop, "f-3", turn=3, newSessionId="f-4")
    told = invoke(outcrop.runtime(), shop, "Tell me more.", session="f-4")
    assert said(told)[-2:] == ["Second goes on.", "Tell me more."]
    assert [each["turn"] for each in get(outcrop, "sessions/f-4")["turnList"]] == [1, 2, 3, 4]


def test_forks_with_another_instruction_version_or_alias(outcrop, shop):
    control, runtime = outcrop.control(), outcrop.runtime()
    fork(outcrop, "s-1", turn=1, newSessionId="f-1", instruction="You speak of nothing but the sea, in very few words.")
    made = invoke(runtime, shop, "Tell me more.", session="f-1")
    assert "nothing but the sea" in made.prompts[0]["system"]
    assert "nothing but the sea" not in invoke(runtime, shop, "Tell me more.", session="s-1").prompts[0]["system"]

    agent = control.get_agent(agentId=shop.id)["agent"]
    body = {name: agent[name] for name in ("agentName", "agentResourceRoleArn", "instruction")}
    control.update_agent(agentId=shop.id, foundationModel="second", **body)
    control.prepare_agent(agentId=shop.id)
    alias = control.create_agent_alias(agentId=shop.id, agentAliasName="NEXT")["agentAlias"]["agentAliasId"]
    assert fork(outcrop, "s-1", turn=2, step=2, newSessionId="f-2", agentAliasId="NEXT").answer == "Second: on its way."
    assert invoke(runtime, Agent(shop.id, alias), "Tell me more.", session="f-2").answer == "Second goes on."
    assert kept(outcrop, "f-2", 3)["agentVersion"] == "2"
    # What was done before is told as it was: through the alias and in the session that it was done in.
    shared, _, forked = (entry["trace"] for entry in kept(outcrop, "f-2", 2)["entries"] if "modelInvocationInput" in entry.get("trace", {}).get("trace", {}).get("orchestrationTrace", {}))
    assert (shared["agentAliasId"], shared["agentVersion"], shared["sessionId"]) == (shop.alias_id, "1", "s-1")
    assert (forked["agentAliasId"], forked["agentVersion"], forked["sessionId"]) == (alias, "2", "f-2")
    assert forked["callerChain"][0]["agentAliasArn"].endswith(f"{shop.id}/{alias}") and shared["callerChain"][0]["agentAliasArn"].endswith(f"{shop.id}/{shop.alias_id}")
    # A version is kept through an alias that leads elsewhere.
    fork(outcrop, "s-1", turn=1, newSessionId="f-3", agentVersion="2")
    made = invoke(runtime, shop, "Tell me more.", session="f-3")
    assert made.answer == "Second goes on." and made.events[0]["trace"]["agentVersion"] == "2"


def test_control_that_returns_in_a_fork(outcrop, tmp_path):
    first = [turn(call("get_order_status", order_id="A-1"), say("Shipped."), when="A-1")]
    second = [turn(say("never"), call("open_calendar", date="Monday"), say("Opened."), when="A-1")]
    outcrop.start(None, {"order-tools": STATUS}, models(outcrop, tmp_path, first=first, second=second))
    agent = make_agent(outcrop.control(), ORDERS, CALENDAR, foundationModel="first")
    invoke(outcrop.runtime(), agent, "Where is A-1?", session="s-1")
    stream = fork(outcrop, "s-1", turn=1, step=2, newSessionId="f-1", foundationModel="second")
    (name, control), = [event for event in stream.events if event[0] == "returnControl"]
    outcrop.server.restart()
    made = invoke(outcrop.runtime(), agent, session="f-1", sessionState=results(control, open_calendar="opened"))
    assert made.answer == "Opened."
    told = kept(outcrop, "f-1", 1)
    assert [each["type"] for each in of_kind(told, "request")] == ["WORDS", "FORK", "RESULTS"] and told["status"] == "FINISHED"


def test_collaborators_remember_in_a_fork(outcrop):
    outcrop.start(
        script(
            turn(send("Orders", "Where is ORD-123?"), say("On its way."), when="charged twice"),
            turn(send("Orders", "And ORD-7?"), say("That one, too."), when="other one"),
            turn(say("It has shipped."), when="Where is ORD-123"),
            turn(say("As the first."), when="And ORD-7"),
        ),
    )
    runtime = outcrop.runtime()
    invoke_inline(runtime, "I was charged twice.", session="s-1", **SHOP)
    invoke_inline(runtime, "And the other one?", session="s-1", **SHOP)
    which = {"agentId": "INLINE_AGENT/shop"}
    fork(outcrop, "s-1", which, turn=1, newSessionId="f-1")
    made = invoke_inline(runtime, "And the other one?", session="f-1", **SHOP)
    assert made.answer == "That one, too."
    below = [event["trace"]["trace"]["orchestrationTrace"] for event in made.events if event.get("trace", {}).get("collaboratorName")]
    asked = below[0]["modelInvocationInput"]["text"]
    assert "It has shipped." in asked and "As the first." not in asked, "what it had been told by then, and no more"
    told = kept(outcrop, "f-1", 1, **which)
    assert {entry.get("collaboratorName") for entry in told["entries"]} == {None, "Orders"}


def test_what_cannot_be_forked(outcrop, shop):
    fork(outcrop, "s-1", turn=1, newSessionId="taken")
    path = "sessions/s-1/fork"
    for where, body, status, code, words in (
        ("sessions/zz/fork", {}, 404, "ResourceNotFoundException", "There is no session zz"),
        (path, {"turn": 3}, 400, "ValidationException", "has turns 1 to 2; there is no turn 3"),
        (path, {"turn": 0}, 400, "ValidationException", "there is no turn 0"),
        (path, {"turn": 2, "step": 3}, 400, "ValidationException", "Turn 2 has steps 1 to 2; there is no step 3"),
        (path, {"turn": 2, "step": 0}, 400, "ValidationException", "there is no step 0"),
        (path, {"step": 1}, 400, "ValidationException", "give turn, too"),
        (path, {"turn": -1}, 400, "ValidationException", "invalid value"),
        (path, {"colour": 1}, 400, "ValidationException", "unknown field `colour`"),
        (path, {"newSessionId": "s-1"}, 409, "ConflictException", "There is a session s-1"),
        (path, {"newSessionId": "taken"}, 409, "ConflictException", "Choose another id"),
        (path, {"newSessionId": "no blanks"}, 400, "ValidationException", "A session id has 2 to 100"),
        (path, {"agentAliasId": "nothing"}, 404, "ResourceNotFoundException", ""),
        (path, {"agentVersion": "77"}, 400, "ValidationException", "has no version 77"),
        (path, {"foundationModel": " "}, 400, "ValidationException", "A model id has"),
        (path, {"instruction": ""}, 400, "ValidationException", "An instruction has"),
    ):
        found = refused(outcrop, where, body)
        assert found[:2] == (status, code) and words in found[2], (body, found)
    assert http(outcrop, path, method="GET")[0] == 404
    assert len(get(outcrop, "sessions")["sessions"]) == 2, "nothing was made of it"


def test_a_turn_that_waits_is_forked_at_its_steps_only(outcrop):
    outcrop.start(script(turn(call("open_calendar", date="Monday"), say("Open."), when="calendar")))
    agent = make_agent(outcrop.control(), CALENDAR)
    invoke(outcrop.runtime(), agent, "calendar", session="s-1")
    found = refused(outcrop, "sessions/s-1/fork", {})
    assert found[:2] == (400, "ValidationException") and "Turn 1 is not finished" in found[2] and "steps, 1 to 1" in found[2]
    assert any(name == "returnControl" for name, _ in fork(outcrop, "s-1", turn=1, step=1, newSessionId="f-1").events)


def test_the_command_forks(outcrop, shop, tmp_path):
    def command(*arguments):
        return run(*arguments, "--endpoint", outcrop.url)

    done = command("fork", "s-1", "--at", "2.2", "--as", "f-1", "--model", "second")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("s-1 goes on in f-1\n") and "Second: on its way." in done.stdout and "second" in done.stdout
    quiet = command("fork", "s-1", "--at", "2.2", "--model", "second", "--quiet")
    assert quiet.stdout.splitlines()[1:] == ["Second: on its way."]
    (tmp_path / "instruction.txt").write_text("You speak of nothing but the sea, in very few words.")
    done = command("fork", "s-1", "--at", "1", "--as", "f-2", "--instruction-file", tmp_path / "instruction.txt")
    assert done.returncode == 0 and f"`outcrop chat {shop.id}/{shop.alias_id} --session f-2`" in done.stdout, done.stderr
    talked = command("chat", f"{shop.id}/{shop.alias_id}", "--session", "f-2", "--message", "Tell me more.")
    assert "First goes on." in talked.stdout
    assert json.loads(command("fork", "s-1", "--json").stdout)["turns"] == 2
    shown = command("trace", "f-1", "2").stdout
    assert "#2 second" in shown and "forked: goes on as" in shown
    assert "fork of s-1" in command("trace", "--list").stdout
    taken = command("fork", "s-1", "--as", "f-1")
    assert taken.returncode == 1 and "Choose another id" in taken.stderr
    missing = command("fork", "s-1", "--instruction-file", tmp_path / "none")
    assert missing.returncode == 2 and "--instruction-file" in missing.stderr
