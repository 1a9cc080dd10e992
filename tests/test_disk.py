"""The disk fails under a running server: full, read-only, gone. Callers and operators are told, nothing is damaged, and when the
disk works again so does the server, without being touched."""

import json
import os
import resource
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError, EventStreamError

from script import call, say, script, turn
from server import outcrop as command
from test_interrupted import ORDERS, begin, gated
from world import create, eventually, invoke, make_agent

ANSWERS = script(turn(call("get_order_status", order_id="A-1"), say("A-1 has shipped."), when="A-1"), *[turn(say(f"Answer {n}.")) for n in range(50)])
CANNOT = "cannot write its state at the moment"


def ready(world):
    """Status and body of `/readyz`."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{world.server.url}/readyz") as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def whole(world, data="data"):
    told = command("store", "check", "--json", "--data", world.folder / data, "--config", world.folder / "outcrop.toml")
    return json.loads(told.stdout or told.stderr)


def failed_turn(world, agent, text="Hello", session="one"):
    """A turn that cannot be kept: what its stream says."""
    with pytest.raises((EventStreamError, ClientError)) as raised:
        invoke(world.runtime(), agent, text, session=session)
    return str(raised.value)


def check_refused(world, agent, nothing_fits=True):
    """Whatever would have to be kept is refused, in words; what is there can be read."""
    assert CANNOT in failed_turn(world, agent)
    with pytest.raises(ClientError) as raised:
        create(world.control(), name="another")
    error = raised.value.response
    assert (error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]) == (500, "InternalServerException")
    assert CANNOT in error["Error"]["Message"]
    assert world.control().get_agent(agentId=agent.id)["agent"]["agentStatus"] == "PREPARED"
    if nothing_fits:
        status, body = ready(world)
        assert (status, body["reason"]) == (503, "the store cannot be written")


def check_recovered(world, agent):
    eventually(lambda: ready(world)[0] == 200)
    assert invoke(world.runtime(), agent, "Hello", session="one").answer.startswith("Answer")
    create(world.control(), name="another")
    assert whole(world)["whole"], whole(world)


class FileLimit:
    """The server's files may not grow past a size: what a full disk looks like where none can be mounted."""

    def __init__(self, world):
        self.pid = world.server.process.pid

    def __enter__(self):
        self.before = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (4096, self.before[1]))

    def __exit__(self, *_):
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, self.before)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process are set on Linux only")
def test_files_that_may_not_grow(outcrop):
    outcrop.start(ANSWERS)
    agent = make_agent(outcrop.control())
    assert invoke(outcrop.runtime(), agent, "Hello", session="one").answer
    with FileLimit(outcrop):
        check_refused(outcrop, agent)
    assert "because the disk refuses" in outcrop.server.tail()
    check_recovered(outcrop, agent)
    # And after a restart.
    outcrop.server.restart()
    assert invoke(outcrop.runtime(), agent, "Hello", session="one").answer.startswith("Answer")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process are set on Linux only")
def test_a_disk_that_fills_in_the_middle_of_a_turn(outcrop, tmp_path):
    outcrop.start(ANSWERS, {"order-tools": gated(tmp_path)})
    agent = make_agent(outcrop.control(), ORDERS)
    completion = begin(outcrop, agent, "Where is A-1?")
    with FileLimit(outcrop):
        (tmp_path / "gate").touch()
        with pytest.raises(EventStreamError, match=CANNOT):
            list(completion)
    # The session goes on; what became of the call is told, and it is not made again.
    told = invoke(outcrop.runtime(), agent, "Say it again.", session="s-1")
    assert told.answer.startswith("Answer")
    assert "The turn was cut off before this call's result was known" in str(told.prompts[0])
    assert (tmp_path / "calls").read_text() == "A-1\n"
    assert whole(outcrop)["whole"]


@pytest.fixture
def small_disk(outcrop):
    """A disk of six megabytes where the server keeps its state; skips where nothing can be mounted."""
    folder = outcrop.folder / "data"
    folder.mkdir()
    mounted = shutil.which("mount") and os.geteuid() == 0
    mounted = mounted and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder], capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("nothing can be mounted here")
    yield folder
    outcrop.server.kill()
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk(outcrop, small_disk):
    outcrop.start(ANSWERS)
    agent = make_agent(outcrop.control())
    assert invoke(outcrop.runtime(), agent, "Hello", session="one").answer
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        with pytest.raises(OSError):
            while True:
                file.write(bytes(4096))
    # Until what was left in the log's last pages is used up.
    said = "x" * 20_000
    for number in range(200):
        try:
            invoke(outcrop.runtime(), agent, said, session=f"more-{number}")
        except (EventStreamError, ClientError):
            break
    # A page or two may still have a place in what the log had taken before.
    check_refused(outcrop, agent, nothing_fits=False)
    filler.unlink()
    check_recovered(outcrop, agent)


def test_a_read_only_disk_at_the_start(outcrop, small_disk):
    outcrop.start(ANSWERS)
    agent = make_agent(outcrop.control())
    outcrop.server.terminate()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(AssertionError, match="Read-only file system"):
        outcrop.server.start()
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    outcrop.server.start()
    check_recovered(outcrop, agent)


def test_a_database_that_is_moved_away(outcrop):
    outcrop.start(ANSWERS)
    agent = make_agent(outcrop.control())
    assert invoke(outcrop.runtime(), agent, "Hello", session="one").answer
    database, aside = outcrop.folder / "data/outcrop.db", outcrop.folder / "aside.db"
    database.rename(aside)
    check_refused(outcrop, agent)
    # Another file in its place is not ours to write to.
    shutil.copy(aside, database)
    check_refused(outcrop, agent)
    assert "is not the file any more that the server opened" in outcrop.server.tail(400)
    aside.rename(database)
    check_recovered(outcrop, agent)


def test_a_damaged_log(outcrop):
    outcrop.start(ANSWERS)
    agent = make_agent(outcrop.control())
    for _ in range(5):
        assert invoke(outcrop.runtime(), agent, "Hello", session="one").answer
    outcrop.server.kill()
    log = outcrop.folder / "data/outcrop.db-wal"
    with log.open("r+b") as file:
        file.seek(log.stat().st_size * 3 // 4)
        file.write(b"damaged" * 100)
    # Every commit is whole or not there; what was before the damage is.
    outcrop.server.start()
    assert whole(outcrop)["whole"]
    assert invoke(outcrop.runtime(), agent, "Hello", session="one").answer.startswith("Answer")


def test_a_damaged_database_is_told(outcrop):
    outcrop.start(ANSWERS)
    make_agent(outcrop.control())
    outcrop.server.terminate()
    with (outcrop.folder / "data/outcrop.db").open("r+b") as file:
        file.write(b"damaged" * 600)
    with pytest.raises(AssertionError, match="the store cannot be opened"):
        outcrop.server.start()
