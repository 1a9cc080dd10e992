"""Other AWS SDKs, unmodified but for the endpoint: an agent's life and its invocations. boto3 is in all other tests."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from conftest import REPOSITORY, need
from script import call, say, script, turn
from server import ENVIRONMENT
from walk.stage import HANDLER

TARGET = REPOSITORY / "target"
SCRIPT = script(
    turn(call("OrderTools__get_order_status", order_id="A-1"), say("It has shipped."), when="order"),
    turn(call("Approvals__refund", order_id="A-1"), say("Refunded."), when="refund"),
)
# What each of them has to see.
SEEN = {
    "states": ["CREATING", "NOT_PREPARED", "PREPARING", "PREPARED", "PREPARED", "DELETING"], "created": True,
    "names": ["from-an-sdk"], "tags": {"team": "north"},
    "asked": [["trace", "chunk"], "It has shipped."],
    "returned": ["returnControl", "Approvals.refund", ["order_id=A-1"]], "resumed": "Refunded.",
    "missing": "ResourceNotFoundException 404", "invalid": "ValidationException agentId", "left": 0,
}


def run(command, seconds=600, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=seconds, **more)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def test_the_sdk_for_javascript(outcrop):
    node, folder = need("node"), javascript()
    outcrop.start(SCRIPT, {"order-tools": HANDLER})
    assert seen([node, REPOSITORY / "tests/js/life_cycle.cjs", outcrop.url, folder]) == SEEN


def test_the_sdk_for_rust(outcrop):
    program = rust()
    outcrop.start(SCRIPT, {"order-tools": HANDLER})
    assert seen([program, outcrop.url]) == SEEN


def seen(command):
    return json.loads(run(command, 120, env={**ENVIRONMENT, "NO_PROXY": "127.0.0.1"}))


def javascript():
    """The folder with the packages that tests/js pins, installed when they changed."""
    npm, source, folder = need("npm"), REPOSITORY / "tests/js", TARGET / "test-js"
    stamp, wanted = folder / "installed.json", (source / "package-lock.json").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, folder / name)
        run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, env=os.environ)
        stamp.write_text(wanted)
    return folder


def rust():
    """The program in tests/rust-sdk, built when it changed. Its dependencies take a minute or two the first time."""
    cargo, folder = need("cargo"), TARGET / "test-rust-sdk"
    run([cargo, "build", "--quiet", "--locked", "--target-dir", folder], 1200, cwd=REPOSITORY / "tests/rust-sdk", env=os.environ)
    return Path(folder / "debug/outcrop-test-rust-sdk")
