"""examples/memory: what one session agrees on, the next one knows; with no model, no key and no network."""

import shutil
import subprocess
import sys

from conftest import REPOSITORY
from server import ENVIRONMENT
from server import outcrop as run
from world import Agent, invoke

EXAMPLE = REPOSITORY / "examples/memory"


def test_what_was_agreed_on_last_time(outcrop):
    folder = outcrop.folder / "memory"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", ".outcrop"))
    environment = {"OUTCROP_LISTEN": "127.0.0.1:0", "OUTCROP_DATA": str(outcrop.folder / "data"), "TMPDIR": str(outcrop.folder)}
    outcrop.server = outcrop.run(["dev", folder], environment)
    environment = {**ENVIRONMENT, "OUTCROP_ENDPOINT": outcrop.url, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run([sys.executable, EXAMPLE / "ask.py"], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    answer = done.stdout.split("> What did we agree on last time?\n")[1]
    assert "2026-12-01" in answer and "10:00" in answer and "booked" in answer, done.stdout

    # A correction counts at once, and another user knows nothing.
    runtime, agent = outcrop.runtime(), Agent("garden-bot", "PROD")
    known = runtime.get_agent_memory(agentId="garden-bot", agentAliasId="PROD", memoryId="user-42", memoryType="SESSION_SUMMARY")
    session, = [each["sessionSummary"]["sessionId"] for each in known["memoryContents"]]
    edited = run("memory", "edit", "garden-bot/PROD", "user-42", session, "--topic", "visit=Ines comes on 2026-12-03 at 9:00.", "--endpoint", outcrop.url)
    assert edited.returncode == 0, edited.stderr
    asked = invoke(runtime, agent, "What did we agree on last time?", memoryId="user-42")
    assert "2026-12-03" in asked.answer and "2026-12-01" not in asked.answer
    assert "nothing" in invoke(runtime, agent, "What did we agree on last time?", memoryId="user-43").answer
    # What is remembered answers questions about it, and no other.
    booked = invoke(runtime, agent, "Book a visit of the gardener for 2026-12-08 at 11:00.", memoryId="user-42")
    assert booked.observations and "2026-12-08" in booked.observations[0], booked.transcript
