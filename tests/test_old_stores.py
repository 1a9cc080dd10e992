"""Stores of earlier versions (`tests/stores`, and how they were made in `tests/stores/make.py`): each is opened, is whole, and its
sessions go on."""

import gzip
import json
import sqlite3
import time
from pathlib import Path

import pytest

from server import outcrop as command
from stores.make import FUNCTIONS, LONG, SCRIPT
from test_forks import fork
from test_kept import kept, of_kind
from world import Agent, invoke, results

STORES = sorted(Path(__file__).parent.glob("stores/*.db.gz"))
TIMES = {"session": ("created_at", "last_active_at"), "turn_event": ("at",), "stored_session": ("created_at", "updated_at")}


def check(world):
    told = command("store", "check", "--json", "--data", world.folder / "data", "--config", world.folder / "outcrop.toml")
    return json.loads(told.stdout)


@pytest.fixture(params=STORES, ids=[store.name.removesuffix(".db.gz") for store in STORES])
def old(outcrop, request):
    """A server on an old store, whose times are as if it had been used a moment ago; gives the agent,
    the invocation that is waited for, and the step of the schema."""
    path = outcrop.folder / "data/outcrop.db"
    path.parent.mkdir()
    path.write_bytes(gzip.decompress(request.param.read_bytes()))
    with sqlite3.connect(path) as database:
        (last,) = database.execute("SELECT max(last_active_at) FROM session").fetchone()
        for table, columns in TIMES.items():
            if database.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (table,)).fetchone():
                for column in columns:
                    database.execute(f"UPDATE {table} SET {column} = {column} + ?", (time.time_ns() - last,))
        (agent,) = database.execute("SELECT id FROM resource WHERE kind = 'agent'").fetchone()
        (alias,) = database.execute("SELECT id FROM resource WHERE kind = 'agent-alias'").fetchone()
        (awaited,) = database.execute("SELECT suspended FROM session WHERE session_id = 'waiting'").fetchone()
        (schema,) = database.execute("SELECT max(number) FROM migration").fetchone()
    database.close()
    (outcrop.folder / "outcrop.toml").touch()
    before = check(outcrop)
    assert before["whole"] and before["older"], before
    outcrop.start(SCRIPT, {"order-tools": FUNCTIONS.replace("PLACE", str(outcrop.folder / "waits"))})
    yield Agent(agent, alias), awaited, schema
    outcrop.server.terminate()
    after = check(outcrop)
    assert after["whole"] and not after["older"], after


def test_sessions_of_an_old_store_go_on(outcrop, old):
    agent, awaited, schema = old
    control, runtime = outcrop.control(), outcrop.runtime()
    assert control.get_agent(agentId=agent.id)["agent"]["agentStatus"] == "PREPARED"
    groups = control.list_agent_action_groups(agentId=agent.id, agentVersion="1")["actionGroupSummaries"]
    assert {group["actionGroupName"] for group in groups} == {"OrderTools", "ClientSideTools"}

    # What was said and done before is what the model is shown.
    told = invoke(runtime, agent, "Say it again.", session="told")
    assert told.answer == "As I said."
    shown = str(told.prompts[0])
    assert all(part in shown for part in ("Where is A-1?", LONG[:100], "A-1 has shipped.", "As I said."))
    # What waited for its caller goes on with the caller's results.
    control_event = {"invocationId": awaited, "invocationInputs": [
        {"functionInvocationInput": {"actionGroup": "ClientSideTools", "function": "open_calendar", "agentId": agent.id}}]}
    assert invoke(runtime, agent, session="waiting", sessionState=results(control_event, open_calendar="opened")).answer == "It is open."
    # What was cut off is not done again, and the model knows.
    cut = invoke(runtime, agent, "Say it again.", session="cut-off")
    assert "The turn was cut off before this call's result was known" in str(cut.prompts[0])
    assert not (outcrop.folder / "waits").exists()
    # Traces of then are told, and sessions of then are forked.
    trace = kept(outcrop, "told", 1)
    assert trace["status"] == "FINISHED" and of_kind(trace, "toolCall")[0]["outcome"]["status"] == "SUCCESS"
    fork(outcrop, "told", turn=1, newSessionId="new")
    assert "A-1 has shipped." in str(invoke(runtime, agent, "Say it again.", session="new").prompts[0])
    if schema >= 4:
        (session,) = runtime.list_sessions()["sessionSummaries"]
        (step,) = runtime.list_invocation_steps(sessionIdentifier=session["sessionId"])["invocationStepSummaries"]
        kept_step = runtime.get_invocation_step(
            sessionIdentifier=session["sessionId"], invocationIdentifier=step["invocationId"], invocationStepId=step["invocationStepId"])
        assert kept_step["invocationStep"]["payload"]["contentBlocks"] == [{"text": LONG}]
    if schema >= 8:
        assert "A-1 has shipped." in str(invoke(runtime, agent, "Say it again.", session="forked").prompts[0])
        assert "note.txt" in str(invoke(runtime, agent, "Say it again.", session="filed").prompts[0])
    # And after a restart, with rows of both forms in one session.
    outcrop.server.restart()
    assert "A-1 has shipped." in str(invoke(outcrop.runtime(), agent, "Say it again.", session="told").prompts[0])
