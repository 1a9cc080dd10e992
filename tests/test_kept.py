"""Kept traces: what a turn did, read afterwards, over HTTP and by `outcrop trace`."""

import json
import os
import pty
import sqlite3
import urllib.error
import urllib.parse
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import EventStreamError

from script import call, calls, fail, say, script, turn
from server import BINARY, ENVIRONMENT, outcrop as run
from test_collaboration import MODEL, SHOP, invoke_inline, send
from test_interrupted import begin, gated
from rows import unpack
from world import FUNCTION, INSTRUCTION, RETURN_CONTROL, eventually, function, group, handler, invoke, make_agent, results

ORDERS = group("OrderTools", function("get_order_status", order_id="string"))
STATUS = handler('return {"order_id": arguments["order_id"], "status": "shipped"}')
CALENDAR = group("ClientSideTools", function("open_calendar", date="string"), executor=RETURN_CONTROL)


def http(outcrop, path, body=None, method=None, key=None, **query):
    """One request to a path of the server's own; gives status, headers and body, which is JSON unless it is a stream."""
    query = urllib.parse.urlencode(query)
    url = f"{outcrop.url}/outcrop/{path}" + (f"?{query}" if query else "")
    data = json.dumps(body).encode() if body is not None else None
    headers = {}
    if key:
        request = AWSRequest(method=method or ("GET" if data is None else "POST"), url=url, data=data)
        SigV4Auth(Credentials(*key), "bedrock", "us-west-2").add_auth(request)
        headers = dict(request.headers)
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            text, status, headers = response.read(), response.status, response.headers
    except urllib.error.HTTPError as error:
        text, status, headers = error.read(), error.code, error.headers
    is_stream = headers["content-type"] == "application/vnd.amazon.eventstream"
    return status, headers, text if is_stream else json.loads(text)


def get(outcrop, path, **query):
    status, _, body = http(outcrop, path, **query)
    assert status == 200, body
    return body


def refused(outcrop, path, body=None, **query):
    status, headers, answer = http(outcrop, path, body, **query)
    assert headers["x-amzn-requestid"]
    return status, headers["x-amzn-errortype"], answer["message"]


def kept(outcrop, session, number=1, **query):
    return get(outcrop, f"sessions/{session}/turns/{number}/trace", **query)


def parts(trace):
    return [entry["trace"] for entry in trace["entries"] if "trace" in entry]


def live(made):
    """The parts of a live stream as JSON has them."""
    return json.loads(json.dumps([event["trace"] for event in made.events if "trace" in event], default=str))


def timeless(found):
    """Times in one form: botocore makes datetimes of them."""
    if isinstance(found, dict):
        return {name: timeless(value) for name, value in found.items() if name not in ("eventTime", "startTime", "endTime")}
    return [timeless(each) for each in found] if isinstance(found, list) else found


def kinds(trace):
    """Entries in short: what they are, and how deep."""
    return ["  " * entry["depth"] + next(name for name in entry if name not in ("at", "depth", "collaboratorName")) for entry in trace["entries"]]


def of_kind(trace, kind):
    return [entry[kind] for entry in trace["entries"] if kind in entry]


def test_a_turn_is_readable_afterwards(outcrop):
    outcrop.start(
        script(turn(call("get_order_status", "I look it up.", order_id="A-1"), say("It has shipped."), when="A-1"),
               turn(say("As I said."), when="again")),
        {"order-tools": STATUS},
    )
    agent = make_agent(outcrop.control(), ORDERS)
    seen = invoke(outcrop.runtime(), agent, "Where is A-1?", session="s-1")
    # Nobody asked for this one's trace.
    invoke(outcrop.runtime(), agent, "Say it again.", session="s-1", trace=False)

    trace = kept(outcrop, "s-1")
    assert timeless(parts(trace)) == timeless(live(seen))
    assert {name: trace[name] for name in ("sessionId", "agentId", "agentAliasId", "agentVersion", "turn", "status", "inputText", "steps")} == {
        "sessionId": "s-1", "agentId": agent.id, "agentAliasId": agent.alias_id, "agentVersion": "1", "turn": 1,
        "status": "FINISHED", "inputText": "Where is A-1?", "steps": 2,
    }
    assert trace["answer"] == {"text": "It has shipped."} and trace["totals"]["modelCalls"] == 2 and trace["totals"]["toolCalls"] == 1
    assert kinds(trace) == [
        "request", "trace", "modelCall", "trace", "trace", "trace", "toolCall", "trace", "trace", "modelCall", "trace", "trace", "ended",
    ]
    first, second = of_kind(trace, "modelCall")
    assert (first["step"], second["step"]) == (1, 2) and first["modelId"] == "anthropic.claude-opus-4-7"
    assert first["phase"] == "ORCHESTRATION" and first["startTime"] <= first["endTime"] and first["usage"]["inputTokens"] >= 0
    (tool,) = of_kind(trace, "toolCall")
    assert tool["function"] == "get_order_status" and tool["functionArn"] == FUNCTION and tool["askedAt"] <= tool["startTime"] <= tool["endTime"]
    assert tool["parameters"] == [{"name": "order_id", "type": "string", "value": "A-1"}]
    assert tool["outcome"]["status"] == "SUCCESS" and "shipped" in tool["outcome"]["body"]

    again = kept(outcrop, "s-1", 2)
    assert again["answer"]["text"] == "As I said." and len(parts(again)) == 3
    prompt = json.loads(parts(again)[0]["trace"]["orchestrationTrace"]["modelInvocationInput"]["text"])
    assert "It has shipped." in json.dumps(prompt), "the prompt is what the model saw, with its history"
    # Nor does it take the process that ran the turn.
    outcrop.server.restart()
    assert kept(outcrop, "s-1") == trace


def test_sessions_and_turns_are_listed_in_pages(outcrop):
    outcrop.start(script(turn(say("Hello."))))
    agent = make_agent(outcrop.control())
    other = make_agent(outcrop.control(), name="other")
    for session in ("a-1", "a-2", "b-1"):
        invoke(outcrop.runtime(), agent, "Hi.", session=session)
    invoke(outcrop.runtime(), other, "Hi.", session="a-1")
    for number in range(4):
        invoke(outcrop.runtime(), agent, f"Hi {number}." + " And more." * 40, session="b-1")

    def ids(**query):
        found, token = [], {}
        while True:
            page = get(outcrop, "sessions", **query, **token)
            found += [(each["agentId"], each["sessionId"], each["turns"]) for each in page["sessions"]]
            if "nextToken" not in page:
                return found
            token = {"nextToken": page["nextToken"]}

    everything = [(other.id, "a-1", 1), (agent.id, "b-1", 5), (agent.id, "a-2", 1), (agent.id, "a-1", 1)]
    assert ids() == everything and ids(maxResults=1) == everything
    assert ids(prefix="a-") == [each for each in everything if each[1].startswith("a-")]
    assert ids(agentId="support-bot") == everything[1:] == ids(agentId=agent.id, agentAliasId="PROD")
    assert ids(agentId="nobody") == []

    session = get(outcrop, "sessions/b-1", maxResults=2)
    assert session["status"] == "ACTIVE" and session["turns"] == 5
    assert [each["turn"] for each in session["turnList"]] == [1, 2]
    rest = get(outcrop, "sessions/b-1", maxResults=10, nextToken=session["nextToken"])
    assert [each["turn"] for each in rest["turnList"]] == [3, 4, 5] and "nextToken" not in rest
    assert len(rest["turnList"][0]["inputText"]) < 300 and rest["turnList"][0]["status"] == "FINISHED"

    # A trace comes in pages, too, and they are the whole.
    whole = kept(outcrop, "b-1", 2)
    pages, token = [], {}
    while True:
        page = kept(outcrop, "b-1", 2, maxResults=2, **token)
        pages += page["entries"]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert pages == whole["entries"] and len(pages) == 6

    for path, query, status, code, words in (
        ("sessions/a-1", {}, 400, "ValidationException", "Say which with agentId and agentAliasId"),
        ("sessions/zz", {}, 404, "ResourceNotFoundException", "There is no session zz"),
        ("sessions/b-1/turns/9/trace", {}, 404, "ResourceNotFoundException", "has turns 1 to 5; there is no turn 9"),
        ("sessions/b-1/turns/x/trace", {}, 400, "ValidationException", "A turn is a number"),
        ("sessions/b-1", {"colour": "red"}, 400, "ValidationException", "There is no parameter colour"),
        ("sessions/b-1", {"maxResults": "0"}, 400, "ValidationException", "maxResults is a number"),
        ("sessions", {"nextToken": "x"}, 400, "ValidationException", "nextToken is not valid"),
        ("sessions/b-1/turns", {}, 404, "UnknownOperationException", "No operation"),
    ):
        found = refused(outcrop, path, **query)
        assert found[:2] == (status, code) and words in found[2], found
    assert agent.id in refused(outcrop, "sessions/a-1")[2]
    assert get(outcrop, "sessions/a-1", agentId="other")["agentId"] == other.id


def test_collaborators_stand_where_they_worked(outcrop):
    outcrop.start(
        script(
            turn(send("Orders", "Where is ORD-123?"), say("<answer>It is on its way.</answer>"), when="charged twice"),
            turn(call("get_order_status", order_id="ORD-123"), say("It has shipped."), when="Where is ORD-123"),
        ),
        {"order-tools": STATUS},
    )
    seen = [invoke_inline(outcrop.runtime(), "I was charged twice for ORD-123.", session="s-1", **SHOP) for _ in range(2)]
    for number, made in enumerate(seen, start=1):
        trace = kept(outcrop, "s-1", number, agentId="INLINE_AGENT/shop")
        assert timeless(parts(trace)) == timeless(live(made)), "one tree, in the order of the live stream"
        assert trace["totals"]["modelCalls"] == 4
        assert {entry["depth"] for entry in trace["entries"]} == {0, 1}
        assert {entry.get("collaboratorName") for entry in trace["entries"] if entry["depth"]} == {"Orders"}
        (asked,) = of_kind(trace, "collaboratorCall")
        assert asked["outcome"] == {"status": "SUCCESS", "text": "It has shipped."} and "isLeftOut" not in asked


def test_collaborators_side_by_side_and_control_that_returns(outcrop):
    shop = {
        **SHOP,
        "collaborators": [SHOP["collaborators"][0], {**SHOP["collaborators"][1], "actionGroups": [CALENDAR]}],
    }
    both = calls(send("Orders", "Where is ORD-123?"), send("Billing", "What was charged?"))
    outcrop.start(script(
        turn(both, say("Both say so."), when="charged twice"),
        turn(call("open_calendar", date="Monday"), say("Opened."), when="Where is ORD-123"),
        turn(say("Two charges."), when="What was charged"),
    ))
    runtime = outcrop.runtime()
    first = invoke_inline(runtime, "I was charged twice.", session="s-1", **shop)
    waiting = kept(outcrop, "s-1")
    assert waiting["status"] == "SUSPENDED" and waiting["returnControl"]["invocationId"] == first.control["invocationId"]
    second = invoke_inline(runtime, session="s-1", inlineSessionState=results(first.control, open_calendar="opened"), **shop)
    assert second.answer == "Both say so."
    trace = kept(outcrop, "s-1")
    assert trace["status"] == "FINISHED" and trace["answer"]["text"] == "Both say so."

    def by_speaker(found):
        speakers = {}
        for part in timeless(found):
            speakers.setdefault(part.get("collaboratorName", "-"), []).append(part)
        return speakers

    # Those who work at the same time are told by time, each in its own order.
    assert by_speaker(parts(trace)) == by_speaker(live(first) + live(second))
    assert [request["type"] for request in of_kind(trace, "request")] == ["WORDS", "WORDS", "WORDS", "RESULTS", "RESULTS"]


def test_turns_that_failed_wait_or_were_cut_off(outcrop, tmp_path):
    outcrop.start(
        script(
            turn(fail("throttled", "slow down"), when="fail"),
            turn(call("open_calendar", date="Monday"), say("Open."), when="calendar"),
            turn(call("get_order_status", order_id="A-1"), say("Shipped."), when="A-1"),
            turn(say("Fine."), when="again"),
        ),
        {"order-tools": gated(tmp_path)},
    )
    agent = make_agent(outcrop.control(), ORDERS, CALENDAR)
    with pytest.raises(EventStreamError):
        invoke(outcrop.runtime(), agent, "fail", session="s-1")
    failed = kept(outcrop, "s-1")
    assert failed["status"] == "FAILED" and failed["error"]["code"] == "ThrottlingException"
    assert of_kind(failed, "modelCall")[0]["error"] == {"kind": "throttled", "message": "slow down"}

    invoke(outcrop.runtime(), agent, "calendar", session="s-1")
    assert kept(outcrop, "s-1", 2)["status"] == "SUSPENDED"

    begin(outcrop, agent, "Where is A-1?")
    eventually((tmp_path / "calls").exists)
    running = kept(outcrop, "s-1", 3)
    assert running["status"] == "RUNNING" and "endedAt" not in running
    assert of_kind(running, "toolCall")[0]["outcome"] == {"status": "UNKNOWN"}
    assert kept(outcrop, "s-1", 2)["status"] == "ABANDONED"
    assert get(outcrop, "sessions/s-1")["status"] == "RUNNING"
    outcrop.server.restart()
    assert kept(outcrop, "s-1", 3)["status"] == "CUT_OFF"
    (tmp_path / "gate").touch()
    invoke(outcrop.runtime(), agent, "again", session="s-1")
    assert [each["status"] for each in get(outcrop, "sessions/s-1")["turnList"]] == ["FAILED", "ABANDONED", "CUT_OFF", "FINISHED"]
    # A session that is over is read like any other, and one that has its id again does not hide it.
    runtime = outcrop.runtime()
    runtime.invoke_agent(agentId=agent.id, agentAliasId=agent.alias_id, sessionId="s-1", endSession=True)["completion"].close()
    over = eventually(lambda: [each for each in get(outcrop, "sessions")["sessions"] if each["status"] == "ENDED"])[0]
    assert len(get(outcrop, "sessions/s-1")["turnList"]) == 4
    invoke(outcrop.runtime(), agent, "again", session="s-1")
    assert get(outcrop, "sessions/s-1")["turns"] == 1
    assert get(outcrop, "sessions/s-1", number=over["number"])["turns"] == 4


def test_journals_of_an_older_form_and_damaged_ones(outcrop, tmp_path):
    if outcrop.database:
        pytest.skip("it rewrites the rows of SQLite's file; what reads them is the same")
    outcrop.start(script(turn(call("get_order_status", order_id="A-1"), say("Shipped."))), {"order-tools": STATUS})
    agent = make_agent(outcrop.control(), ORDERS)
    invoke(outcrop.runtime(), agent, "Where is A-1?", session="s-1")
    before = kept(outcrop, "s-1")
    assert outcrop.server.terminate() == 0

    def rewrite(change):
        with sqlite3.connect(tmp_path / "data" / "outcrop.db") as database:
            for number, body in database.execute("SELECT id, body FROM turn_event ORDER BY id").fetchall():
                database.execute("UPDATE turn_event SET body = ? WHERE id = ?", (change(number, json.loads(unpack(database, body))), number))
        database.close()

    def older(_, body):
        for member in ("rules", "promptCreation", "lastAgent", "enableTrace"):
            body.get("event", {}).get("started", {}).pop(member, None)
        return json.dumps(body).encode()

    rewrite(older)
    outcrop.server.start()
    trace = kept(outcrop, "s-1")
    assert kinds(trace) == kinds(before) and trace["answer"] == before["answer"]
    assert outcrop.server.terminate() == 0
    rewrite(lambda number, body: b"{" if number == 3 else json.dumps(body).encode())
    outcrop.server.start()
    damaged = kept(outcrop, "s-1")
    assert damaged["status"] == "CUT_OFF" and kinds(damaged) == kinds(before)[:5], "what can be read is told"
    assert get(outcrop, "sessions/s-1")["turnList"][0]["status"] == "CUT_OFF"
    found = refused(outcrop, "sessions/s-1/fork", {"turn": 1})
    assert found[:2] == (409, "ConflictException") and "cannot be read" in found[2]


def test_what_collaborators_do_while_they_do_it(outcrop, tmp_path):
    outcrop.start(
        script(
            turn(send("Orders", "Where is ORD-123?"), say("It is on its way."), when="charged twice"),
            turn(call("get_order_status", order_id="ORD-123"), say("It has shipped."), when="Where is ORD-123"),
        ),
        {"order-tools": gated(tmp_path)},
    )
    asked = {"sessionId": "s-1", "foundationModel": MODEL, "instruction": INSTRUCTION, "inputText": "I was charged twice.", **SHOP}
    stream = outcrop.runtime().invoke_inline_agent(**asked)["completion"]
    eventually((tmp_path / "calls").exists)
    which = {"agentId": "INLINE_AGENT/shop"}
    trace = kept(outcrop, "s-1", **which)
    assert trace["status"] == "RUNNING" and trace["totals"]["modelCalls"] == 2
    (tool,), (asked,) = of_kind(trace, "toolCall"), of_kind(trace, "collaboratorCall")
    assert tool["outcome"] == asked["outcome"] == {"status": "UNKNOWN"} and asked["agentCollaboratorName"] == "Orders"
    assert max(entry["depth"] for entry in trace["entries"]) == 1
    (tmp_path / "gate").touch()
    assert b"".join(event["chunk"]["bytes"] for event in stream if "chunk" in event) == b"It is on its way."
    assert kept(outcrop, "s-1", **which)["status"] == "FINISHED"
    # The collaborator's own session is there, too.
    below = next(each for each in get(outcrop, "sessions")["sessions"] if each["agentId"] == "INLINE_AGENT/Orders")
    assert kept(outcrop, below["sessionId"])["answer"]["text"] == "It has shipped."


def test_a_limit_stands_in_the_trace(outcrop):
    outcrop.start(script(turn(*[call("get_order_status", order_id="A-1")] * 3)), {"order-tools": STATUS}, "[limits]\niterations_max = 2")
    agent = make_agent(outcrop.control(), ORDERS)
    invoke(outcrop.runtime(), agent, "Where?", session="s-1", trace=False)
    trace = kept(outcrop, "s-1")
    assert any("limit of 2 model calls" in part["trace"].get("failureTrace", {}).get("failureReason", "") for part in parts(trace))
    assert trace["status"] == "FINISHED" and trace["answer"]["text"].startswith("Sorry")


def test_secrets_do_not_leave(outcrop, tmp_path):
    key = "a-model-key-of-the-configuration"
    settings = f"""
        [[model]]
        match = "never.*"
        provider = "openai"
        api_key_env = "SOME_KEY"
    """
    outcrop.start(
        None, {"order-tools": handler('return {"api_key": "key-of-a-tool", "note": "%s AKIAIOSFODNN7EXAMPLE", "status": "shipped"}' % key)}, settings + f"""
        [[model]]
        match = "*"
        provider = "scripted"
        script = {json.dumps(str(write(tmp_path, call("get_order_status", order_id="A-1"), say("Shipped. password=hunter2"))))}
        """, {"SOME_KEY": key},
    )
    agent = make_agent(outcrop.control(), group("OrderTools", function("get_order_status", order_id="string")))
    state = {"sessionAttributes": {"accessToken": "token-of-a-user", "customer": "C-1"}, "promptSessionAttributes": {"pin": "zq9z", "passphrase": "pin-of-a-user"}}
    made = invoke(outcrop.runtime(), agent, "Where is A-1? I am ann:pw@example", session="s-1", sessionState=state)
    assert made.answer == "Shipped. password=hunter2", "the caller's own answer is whole"
    shown = json.dumps(kept(outcrop, "s-1")) + json.dumps(get(outcrop, "sessions/s-1"))
    shown += run("trace", "s-1", "--endpoint", outcrop.url, "--full").stdout + run("trace", "s-1", "--endpoint", outcrop.url, "--json").stdout
    for secret in (key, "AKIAIOSFODNN7EXAMPLE", "key-of-a-tool", "token-of-a-user", "pin-of-a-user", "hunter2", "zq9z"):
        assert secret not in shown, secret
    for kept_words in ("C-1", "shipped", "A-1", "customer", "accessToken"):
        assert kept_words in shown


def write(folder, *steps):
    (folder / "script.yaml").write_text(script(turn(*steps)))
    return folder / "script.yaml"


def test_traces_are_for_those_who_may_call(outcrop, tmp_path):
    (tmp_path / "key").write_text("a-secret-access-key")
    outcrop.start(script(turn(say("Hello."))), None, f"""
        [auth]
        mode = "sigv4"
        [[auth.key]]
        access_key_id = "AKIDEXAMPLE"
        secret_access_key_file = {json.dumps(str(tmp_path / "key"))}
    """)
    assert http(outcrop, "sessions")[0] == 403
    assert http(outcrop, "sessions/s-1/fork", {})[0] == 403
    status, _, body = http(outcrop, "sessions", key=("AKIDEXAMPLE", "a-secret-access-key"))
    assert (status, body) == (200, {"sessions": []})


def command(outcrop, *arguments):
    return run(*arguments, "--endpoint", outcrop.url)


def test_the_command_shows_a_turn(outcrop):
    outcrop.start(
        script(
            turn(send("Orders", "Where is ORD-123?", "I ask Orders."), say("<answer>It is on its way.</answer>"), when="charged twice"),
            turn(call("get_order_status", order_id="ORD-123"), say("It has shipped."), when="Where is ORD-123"),
        ),
        {"order-tools": handler('return "shipped " + "x" * 500')},
    )
    invoke_inline(outcrop.runtime(), "I was charged twice for ORD-123.", session="s-1", **SHOP)
    done = command(outcrop, "trace", "s-1", "--agent", "INLINE_AGENT/shop")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("turn 1 of s-1, INLINE_AGENT/shop/TSTALIASID version DRAFT, FINISHED, ")
    labels = [(len(line) - len(line.lstrip()), line.split()[0]) for line in lines[1:] if line.strip()]
    assert labels == [
        (2, "user"), (2, "model"), (2, "thinks"), (2, "tool"), (4, "model"), (4, "tool"), (4, "result"), (4, "model"),
        (2, "result"), (2, "model"), (0, "It"), (2, "total"),
    ], done.stdout
    assert "#1 anthropic.claude-opus-4-7" in lines[2] and "…" in done.stdout and "x" * 300 not in done.stdout
    assert "x" * 500 in command(outcrop, "trace", "s-1", "1", "--agent", "INLINE_AGENT/shop", "--full").stdout
    shown = json.loads(command(outcrop, "trace", "s-1", "1", "--agent", "INLINE_AGENT/shop", "--json").stdout)
    assert shown == kept(outcrop, "s-1", agentId="INLINE_AGENT/shop")
    listed = command(outcrop, "trace", "s-1", "--agent", "INLINE_AGENT/shop", "--list").stdout
    assert listed.splitlines()[0].split()[:2] == ["1", "FINISHED"] and "It is on its way." in listed
    assert "s-1  INLINE_AGENT/shop/TSTALIASID  1 turn, ACTIVE" in command(outcrop, "trace", "--list").stdout


def test_the_command_says_what_to_do(outcrop):
    outcrop.start(script(turn(say("Hello."))))
    agents = [make_agent(outcrop.control(), name=name) for name in ("one", "two")]
    for agent in agents:
        invoke(outcrop.runtime(), agent, "Hi.", session="s-1")
    unknown = command(outcrop, "trace", "nowhere")
    assert unknown.returncode == 1 and "`outcrop trace --list` shows" in unknown.stderr
    several = command(outcrop, "trace", "s-1")
    assert several.returncode == 1 and "--agent and --alias" in several.stderr and agents[0].id in several.stderr
    assert "Hello." in command(outcrop, "trace", "s-1", "--agent", "two").stdout
    beyond = command(outcrop, "trace", "s-1", "7", "--agent", "two")
    assert beyond.returncode == 1 and "has turns 1 to 1; there is no turn 7" in beyond.stderr
    for wrong in (["trace"], ["trace", "s-1", "0"], ["trace", "s-1", "x"], ["fork", "s-1", "--at", "1.x"]):
        assert run(*wrong).returncode == 2, wrong
    away = run("trace", "s-1", "--endpoint", "http://127.0.0.1:9")
    assert away.returncode == 1 and "http://127.0.0.1:9" in away.stderr
    assert "--full" in run("trace", "--help").stdout


def in_terminal(outcrop, **environment):
    """What the command writes to a terminal."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.execve(BINARY, [str(BINARY), "trace", "s-1", "--endpoint", outcrop.url], {**ENVIRONMENT, "TERM": "xterm", **environment})
    shown = b""
    while True:
        try:
            piece = os.read(descriptor, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.waitpid(pid, 0)
    os.close(descriptor)
    return shown.decode()


def test_colours_are_for_terminals_that_want_them(outcrop):
    outcrop.start(script(turn(say("Hello."))))
    invoke(outcrop.runtime(), make_agent(outcrop.control()), "Hi.", session="s-1")
    assert "\x1b[" in in_terminal(outcrop)
    assert "\x1b[" not in in_terminal(outcrop, NO_COLOR="1")
    assert "\x1b[" not in command(outcrop, "trace", "s-1").stdout
