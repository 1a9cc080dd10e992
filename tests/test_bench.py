"""The benchmark runs, small, so that it cannot rot. It asserts that turns are right, never how long they take."""

import json
import subprocess
import sys
from pathlib import Path

from server import BINARY

BENCH = Path(__file__).parents[1] / "bench" / "turns.py"


def test_the_benchmark_runs():
    ran = subprocess.run([sys.executable, BENCH, "--bin", BINARY, "--turns", "20", "--connections", "1", "4", "--json"],
                         capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert [row["turns"] for row in json.loads(ran.stdout)["load"]] == [20, 20]
