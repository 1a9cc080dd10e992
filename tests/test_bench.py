"""The benchmarks run, small, so that they cannot rot. Answers have to be right; how long they take is not asserted."""

import json
import subprocess
import sys
from pathlib import Path

from conftest import need
from server import BINARY

BENCH = Path(__file__).parents[1] / "bench"


def bench(program, *arguments):
    ran = subprocess.run([sys.executable, BENCH / program, "--bin", BINARY, "--json", *arguments], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_turns():
    measured = bench("turns.py", "--turns", "20", "--connections", "1", "4")
    assert [row["turns"] for row in measured["load"]] == [20, 20]


def test_the_control_plane(tmp_path):
    need("rustc")
    measured = bench("control.py", "--seconds", "0.2", "--rounds", "1", "--agents", "5", "--connections", "4", "--save", str(tmp_path / "runs"))
    assert {call: list(row) for call, row in measured.items()} == {call: ["outcrop"] for call in ("GetAgent", "ListAgents", "CreateAgent")}
    assert len((tmp_path / "runs").read_text().splitlines()) == 3


def test_growth():
    need("rustc")
    measured = bench("growth.py", "--agents", "1", "3", "--sessions", "0", "20", "--rounds", "1", "--requests", "8")
    assert set(measured["InvokeAgent"]) == set(measured["start"]) == {"1 agents", "3 agents", "0 sessions", "20 sessions"}
    assert list(measured["InvokeAgent, agents in turn"]) == ["3 agents"]
    assert list(measured["InvokeAgent, stored sessions"]) == ["20 sessions"]


def test_tools():
    measured = bench("tools.py", "--ms", "5", "--tools", "3", "--turns", "2")
    assert (measured["tools"], measured["turns"]) == (3, 2) and measured["one_ms"] > 5


def test_the_gateway():
    need("rustc")
    measured = bench("gateway.py", "--seconds", "0.2", "--rounds", "1", "--connections", "1", "4", "--first", "2")
    assert list(measured) == ["direct", "outcrop"]
    assert set(measured["outcrop"]) == {"1 at a time", "4 at a time", "first_ms", "first_ms_most"}


def test_bytes():
    measured = bench("bytes.py", "--calls", "12", "--bytes", "30000", "--turns", "5", "--history", "20", "--no-rest")
    cases = [(run["case"], run.get("payload")) for run in measured]
    assert cases == [("calls", "words"), ("calls", "noise"), ("calls", "same"), ("turns", "words"), ("turns", "noise"), ("history", None)]
    calls = {run["payload"]: run for run in measured if run["case"] == "calls"}
    # Nothing large is stored twice, however it was said; bytes are no matter of speed, so they are asserted.
    assert calls["words"]["stored"]["storedBytes"] < calls["words"]["unique_bytes"]
    assert calls["same"]["stored"]["storedBytes"] < calls["same"]["unique_bytes"] * 1.3
