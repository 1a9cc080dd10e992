"""`outcrop store`: check, statistics, backup while turns run, restore; damage is found and named."""

import json
import sqlite3
import threading

from script import say, script, turn
from server import outcrop as command
from world import function, group, invoke, make_agent

ANSWERS = script(*[turn(say(f"Answer {number}.")) for number in range(400)])


def run(world, *words, data="data", code=0):
    ended = command("store", *words, "--data", world.folder / data, "--config", world.folder / "outcrop.toml")
    assert ended.returncode == code, (ended.stdout, ended.stderr)
    return ended


def told(world, *words, **more):
    return json.loads(run(world, *words, "--json", **more).stdout)


def test_a_backup_of_a_busy_server_is_whole_and_brings_everything_back(outcrop):
    outcrop.start(ANSWERS)
    control, runtime = outcrop.control(), outcrop.runtime()
    agent = make_agent(control, group("OrderTools", function("get_order_status")))
    invoke(runtime, agent, "Hello", session="kept")
    stop = threading.Event()

    def chat():
        number = 0
        while not stop.is_set() and number < 300:
            number += 1
            invoke(outcrop.runtime(), agent, "Hello", session=f"busy-{number}")

    busy = threading.Thread(target=chat)
    busy.start()
    try:
        backed_up = outcrop.folder / "backup"
        made = told(outcrop, "backup", backed_up, "--objects")
        assert made["files"] >= 1 and told(outcrop, "check")["whole"]
        assert run(outcrop, "backup", backed_up, code=2).stderr.startswith("error: ")
    finally:
        stop.set()
        busy.join()
    stats = told(outcrop, "stats")
    assert stats["resources"]["agent"] == 1
    tables = {table["name"]: table for table in stats["tables"]}
    assert tables["session"]["rows"] >= 1 and tables["turn_event"]["bytes"] > 0

    # Not under a running server, and not over what is there.
    assert "another server uses this folder" in run(outcrop, "restore", backed_up, code=1).stderr
    outcrop.server.terminate()
    assert "--replace" in run(outcrop, "restore", backed_up, code=2).stderr
    restored = told(outcrop, "restore", backed_up, "--replace")
    assert restored["putAside"] and restored["rows"] > 0
    outcrop.server.start()
    assert outcrop.control().get_agent(agentId=agent.id)["agent"]["agentStatus"] == "PREPARED"
    assert invoke(outcrop.runtime(), agent, "Hello", session="kept").answer.startswith("Answer")
    # Also in an empty folder.
    told(outcrop, "restore", backed_up, data="elsewhere")
    assert told(outcrop, "check", data="elsewhere")["whole"]


def test_damage_is_found_and_not_restored(outcrop):
    outcrop.start(ANSWERS)
    agent = make_agent(outcrop.control())
    invoke(outcrop.runtime(), agent, "Hello", session="one")
    outcrop.server.terminate()
    backed_up = outcrop.folder / "backup"
    told(outcrop, "backup", backed_up)

    database = outcrop.folder / "data/outcrop.db"
    with sqlite3.connect(database) as damaged:
        damaged.execute("UPDATE snapshot SET doc = CAST(doc || ' ' AS BLOB)")
        damaged.execute("DELETE FROM turn_event WHERE seq = 1")
        damaged.execute("DELETE FROM resource WHERE kind = 'agent'")
    damaged.close()
    ended = run(outcrop, "check", code=1)
    for named in ("not what its address says", "has a gap", "hangs on nothing", "NOT whole"):
        assert named in ended.stdout, ended.stdout
    assert "restore" in ended.stderr
    assert "not whole, so it was not backed up" in run(outcrop, "backup", outcrop.folder / "second", code=1).stderr
    assert not (outcrop.folder / "second").exists()

    with (backed_up / "outcrop.db").open("r+b") as copy:
        copy.seek(5000)
        copy.write(b"damaged")
    assert "is not what was backed up" in run(outcrop, "restore", backed_up, "--replace", code=1).stderr
    listed = json.loads((backed_up / "backup.json").read_text())
    listed["files"]["../outside"] = {"bytes": 1, "sha256": "0"}
    (backed_up / "backup.json").write_text(json.dumps(listed))
    assert "outside of the backup" in run(outcrop, "restore", backed_up, "--replace", code=1).stderr
    assert "no such file" in run(outcrop, "check", data="nothing", code=1).stderr
