#!/usr/bin/env python3
"""Makes the old stores of this folder: `OUTCROP_BIN=OLD python tests/stores/make.py`, with a binary whose schema is at step 9.

What a schema of step 9 holds is written by that binary. Of earlier ones only the sources are left: their databases are made by their
own migration steps, and the same conversation is put into them in the words that their journals had (`journal` below). A schema is
never edited after release, so neither is a store here; a new step adds one.
"""

import gzip
import hashlib
import json
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from conftest import World  # noqa: E402
from script import call, say, script, turn  # noqa: E402
from test_forks import fork  # noqa: E402
from world import RETURN_CONTROL, function, group, handler, invoke, make_agent  # noqa: E402

STEPS = HERE.parents[1] / "crates/outcrop-store/src/migrations/sqlite"
# The steps after which there were programs in use.
SCHEMAS = (2, 4, 8)
LONG = "A parcel of many words. " * 200
SCRIPT = script(
    turn(call("get_order_status", order_id="A-1"), say("A-1 has shipped."), when="A-1"),
    turn(call("open_calendar", date="Monday"), say("It is open."), when="calendar"),
    turn(call("wait", order_id="A-2"), say("Never said."), when="Wait"),
    turn(say("As I said."), when="again"),
)
FUNCTIONS = handler("""
    if name == "wait":
        open("PLACE", "w").close()
        time.sleep(60)
    return {"status": "shipped", "note": "A parcel of many words. " * 200}
""")


def fill(world, place):
    """The conversation; the last turn is cut off by `kill -9`."""
    world.start(SCRIPT, {"order-tools": FUNCTIONS.replace("PLACE", str(place))})
    control, runtime = world.control(), world.runtime()
    agent = make_agent(
        control, group("OrderTools", function("get_order_status", order_id="string"), function("wait", order_id="string")),
        group("ClientSideTools", function("open_calendar", date="string"), executor=RETURN_CONTROL),
    )
    invoke(runtime, agent, "Where is A-1?", session="told", sessionState={"sessionAttributes": {"customer": "C-7"}})
    invoke(runtime, agent, "Say it again.", session="told")
    file = {"name": "note.txt", "source": {"sourceType": "BYTE_CONTENT", "byteContent": {"mediaType": "text/plain", "data": b"Leave it at the door."}}, "useCase": "CHAT"}
    invoke(runtime, agent, "Say it again.", session="filed", sessionState={"files": [file]})
    invoke(runtime, agent, "Open my calendar.", session="waiting")
    fork(world, "told", turn=1, newSessionId="forked")
    invoke(world.runtime(), agent, "Say it again.", session="forked")
    stored = runtime.create_session(sessionMetadata={"of": "another framework"})["sessionId"]
    invocation = runtime.create_invocation(sessionIdentifier=stored)["invocationId"]
    runtime.put_invocation_step(sessionIdentifier=stored, invocationIdentifier=invocation, invocationStepTime=1764237600, payload={"contentBlocks": [{"text": LONG}]})
    stream = runtime.invoke_agent(agentId=agent.id, agentAliasId=agent.alias_id, sessionId="cut-off", inputText="Wait for A-2.", enableTrace=True)["completion"]
    while not place.exists():
        time.sleep(0.01)
    world.server.kill()
    stream.close()


def journal(body, schema):
    """A row of a journal as programs of that schema wrote it: members that came later are left out."""
    if schema >= 8:
        return body
    entry = json.loads(body)
    if "ended" in entry:
        entry["ended"] = {"messages": entry["ended"]["messages"]}
    started = entry.get("event", {}).get("started")
    if started:
        started["limits"].pop("toolResultExcerptBytes", None)
        later = ("windows", "answerSchema", "latency", "memory", "files")
        for member in later if schema >= 4 else (*later, "rules", "promptCreation", "lastAgent", "relayedConversation"):
            started.pop(member, None)
    return json.dumps(entry, separators=(",", ":")).encode()


def older(newest, path, schema):
    """A database at that step of the schema, with what it could hold."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA application_id = 0x4f746370")
        database.execute("CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT")
        for number, step in enumerate(sorted(STEPS.glob("*.sql"))[:schema], 1):
            text = step.read_text()
            database.executescript(text)
            database.execute("INSERT INTO migration VALUES (?, ?, ?)", (number, step.stem, hashlib.sha256(text.encode()).hexdigest()))
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'migration'")]
        database.execute("ATTACH ? AS newest", (str(newest),))
        sessions = "SELECT id FROM newest.session" + ("" if schema >= 8 else " WHERE session_id NOT IN ('forked', 'filed')")
        for table in sorted(tables, key=lambda name: name != "session"):
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            of = {"session": f"WHERE id IN ({sessions})", "turn_event": f"WHERE session IN ({sessions})"}.get(table, "")
            database.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM newest.{table} {of}")
        for number, body in database.execute("SELECT id, body FROM turn_event").fetchall():
            database.execute("UPDATE turn_event SET body = ? WHERE id = ?", (journal(body, schema), number))
    database.close()


def keep(path, schema):
    """The file, without free pages and its log, compressed."""
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small.db"
        database = sqlite3.connect(path)
        database.execute("VACUUM INTO ?", (str(small),))
        database.close()
        (HERE / f"schema-{schema}.db.gz").write_bytes(gzip.compress(small.read_bytes(), 9, mtime=0))


def main():
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        fill(world, Path(folder) / "waits")
        newest = Path(folder) / "data/outcrop.db"
        (step,) = sqlite3.connect(newest).execute("SELECT max(number) FROM migration").fetchone()
        assert step == 9, f"the binary makes stores of step {step}"
        keep(newest, 9)
        for schema in SCHEMAS:
            older(newest, Path(folder) / f"{schema}.db", schema)
            keep(Path(folder) / f"{schema}.db", schema)


if __name__ == "__main__":
    main()
