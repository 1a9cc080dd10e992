"""LangChain, Strands and LiteLLM, unmodified, on the gateway over an OpenAI-compatible back end: with tools, whole and streamed.

They are installed into an environment of their own below target/, as tests/requirements-frameworks.txt pins them, the first
time; where that fails (no registry in reach) the tests are skipped and say so, except in CI.
"""

import hashlib
import json
import os
import subprocess
import sys

import pytest

from chat_standin import ChatStandIn, text, tool_calls
from conftest import REPOSITORY
from server import ENVIRONMENT

PINNED = REPOSITORY / "tests/requirements-frameworks.txt"


@pytest.fixture(scope="module")
def python():
    """The interpreter of the environment with the frameworks."""
    folder = REPOSITORY / "target/frameworks-venv"
    stamp, wanted = folder / "installed.txt", hashlib.sha256(PINNED.read_bytes()).hexdigest()
    program = folder / "bin/python"
    if not (stamp.exists() and stamp.read_text() == wanted):
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, capture_output=True, timeout=120)
            subprocess.run([str(program), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(PINNED)],
                           check=True, capture_output=True, timeout=900, env=os.environ)
        except (subprocess.SubprocessError, OSError) as error:
            said = (getattr(error, "stderr", None) or b"").decode(errors="replace")[-600:]
            message = f"the frameworks cannot be installed: {error}\n{said}"
            pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
        stamp.write_text(wanted)
    return program


@pytest.fixture
def standin(outcrop):
    """An endpoint whose model asks for the weather once and then tells it."""
    def answer(request):
        if request["messages"][-1]["role"] == "tool":
            assert "sunny in Rome" in str(request["messages"][-1]["content"])
            return text(["It is ", "sunny."])
        return tool_calls(("call_1", "get_weather", {"city": "Rome"}))
    with ChatStandIn(answer) as made:
        outcrop.start(settings=made.settings())
        yield made


def run(python, script, *arguments):
    done = subprocess.run([str(python), str(REPOSITORY / "tests/frameworks" / script), *arguments], capture_output=True, text=True,
                          timeout=120, env={**ENVIRONMENT, "NO_PROXY": "127.0.0.1", "AWS_EC2_METADATA_DISABLED": "true"})
    assert done.returncode == 0, f"{done.stdout[-1000:]}\n{done.stderr[-3000:]}"
    return json.loads(done.stdout.splitlines()[-1])


def test_langchain(python, standin, outcrop):
    call = ["get_weather", {"city": "Rome"}]
    assert run(python, "langchain_tools.py", outcrop.url) == {
        "calls": [call], "answer": "It is sunny.", "usage": [12, 5], "streamed calls": [call], "streamed": ["It is ", "sunny."]}
    assert [bool(request.get("stream")) for request in standin.requests] == [False, False, True, True]


@pytest.mark.parametrize("how", ["stream", "whole"])
def test_strands(python, standin, outcrop, how):
    told = run(python, "strands_agent.py", outcrop.url, how)
    pieces = told.pop("pieces")
    assert told == {"tool saw": ["Rome"], "answer": "It is sunny.", "stop": "end_turn", "usage": [24, 10]}
    assert "".join(pieces) == "It is sunny."
    assert [request["messages"][0]["role"] for request in standin.requests] == ["system", "system"]


def test_litellm(python, standin, outcrop):
    assert run(python, "litellm_completion.py", outcrop.url) == {
        "call": ["get_weather", {"city": "Rome"}], "answer": "It is sunny.", "usage": [12, 5], "streamed": ["It is ", "sunny."]}
