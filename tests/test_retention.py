"""Retention: what was over long ago goes by itself, a little at a time, and what is in use stays."""

import datetime
import json
import urllib.request

import pytest

from script import call, say, script, turn
from server import outcrop as command
from test_forks import fork
from test_kept import get, kept, refused
from test_return_of_control import ORDERS
from world import eventually, handler, invoke, make_agent

LONG = "A parcel of many words. " * 200
FUNCTIONS = {"order-tools": handler('return {"status": "shipped", "note": "A parcel of many words. " * 200}')}
SCRIPT = script(turn(call("get_order_status", order_id="A-1"), say("A-1 has shipped."), when="A-1"), turn(say("As I said."), when="again"))
DAY = 24 * 60 * 60
QUICK = '[retention]\nsweep_interval = "20ms"\n'


def age(world, days, sessions):
    """Moves these sessions so many days into the past; the server is stopped meanwhile."""
    world.server.terminate()
    nanos = days * DAY * 10**9
    for session in sessions:
        (number,), = world.sql(f"SELECT id FROM session WHERE session_id = '{session}'")
        world.sql(f"UPDATE session SET created_at = created_at - {nanos}, last_active_at = last_active_at - {nanos} WHERE id = {number}")
        world.sql(f"UPDATE turn_event SET at = at - {nanos} WHERE session = {number}")
    world.sql(f"UPDATE stored_session SET created_at = created_at - {nanos}, updated_at = updated_at - {nanos}")


def start(world, settings):
    world.start(SCRIPT, FUNCTIONS, QUICK + settings)


def swept(world, kind):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{world.server.url}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f'outcrop_swept_total{{kind="{kind}"}}'):
                return int(line.rsplit(" ", 1)[1])
    return 0


def count(world, table):
    return int(world.sql(f"SELECT count(*) FROM {table}")[0][0])


def check(world):
    told = command("store", "check", "--json", "--data", world.folder / "data", "--config", world.folder / "outcrop.toml")
    return json.loads(told.stdout)


def test_sessions_that_are_over_go_after_their_time(outcrop):
    start(outcrop, 'sessions = "never"\njournals = "never"\n')
    agent = make_agent(outcrop.control(), ORDERS)
    for session in ("old", "parent"):
        invoke(outcrop.runtime(), agent, "Where is A-1?", session=session)
    fork(outcrop, "parent", turn=1, newSessionId="fork")
    invoke(outcrop.runtime(), agent, "Where is A-1?", session="young")
    age(outcrop, 100, ["old", "parent"])
    # Never is never.
    outcrop.server.start()
    assert kept(outcrop, "old")["status"] == "FINISHED"
    outcrop.server.terminate()

    start(outcrop, "")
    eventually(lambda: swept(outcrop, "sessions"))
    eventually(lambda: check(outcrop)["whole"] and count(outcrop, "session") == 3)
    assert refused(outcrop, "sessions/old")[0] == 404
    # The fork needs its parent, and goes on from it; the young one stays as it is.
    assert "A-1 has shipped." in str(invoke(outcrop.runtime(), agent, "Say it again.", session="fork").prompts[0])
    assert kept(outcrop, "young")["status"] == "FINISHED"
    age(outcrop, 100, ["fork"])
    outcrop.server.start()
    eventually(lambda: swept(outcrop, "sessions") == 2)
    assert [each["sessionId"] for each in get(outcrop, "sessions")["sessions"]] == ["young"]
    # What it shares with others stays with them.
    assert count(outcrop, "blob") == 1 and check(outcrop)["whole"]
    assert "swept 1 sessions" in outcrop.server.tail()


def test_steps_go_and_the_conversation_stays(outcrop):
    start(outcrop, 'sessions = "never"\njournals = "12h"\n')
    agent = make_agent(outcrop.control(), ORDERS)
    invoke(outcrop.runtime(), agent, "Where is A-1?", session="one")
    invoke(outcrop.runtime(), agent, "Say it again.", session="one")
    age(outcrop, 1, ["one"])
    outcrop.server.start()
    eventually(lambda: swept(outcrop, "journals") == 2)
    assert count(outcrop, "turn_event") == 2 and check(outcrop)["whole"]
    listed = get(outcrop, "sessions/one")["turnList"]
    assert [each["turn"] for each in listed] == [1, 2]
    assert refused(outcrop, "sessions/one/fork", {"turn": 1, "step": 1})[0] in (400, 409)
    # It has expired; if it had not, it would go on.
    outcrop.sql(f"UPDATE session SET last_active_at = last_active_at + {DAY * 10**9}")
    shown = str(invoke(outcrop.runtime(), agent, "Say it again.", session="one").prompts[0])
    assert "Where is A-1?" in shown and LONG[:200] in shown and "A-1 has shipped." in shown


def test_stored_sessions_go_when_they_are_told_to(outcrop):
    start(outcrop, 'session_store = "30d"\n')
    runtime = outcrop.runtime()
    session = runtime.create_session()["sessionId"]
    invocation = runtime.create_invocation(sessionIdentifier=session)["invocationId"]
    for _ in range(3):
        runtime.put_invocation_step(sessionIdentifier=session, invocationIdentifier=invocation, payload={"contentBlocks": [{"text": "x"}]},
                                    invocationStepTime=datetime.datetime.now(datetime.timezone.utc))
    age(outcrop, 31, [])
    outcrop.server.start()
    # Whoever sees it first: what was deleted by hand is cleared away at the start, too.
    eventually(lambda: count(outcrop, "stored_session") == 0)
    with pytest.raises(outcrop.runtime().exceptions.ResourceNotFoundException):
        outcrop.runtime().get_session(sessionIdentifier=session)
    assert count(outcrop, "invocation_step") == 0 and check(outcrop)["whole"]
