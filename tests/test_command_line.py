"""The binary from the outside: deploy, chat, configuration, signals."""

import os
import shutil
import signal
import subprocess

import pytest

from conftest import REPOSITORY
from script import call, say, script, turn
from server import BINARY, outcrop as run
from world import function, group, handler, make_agent

EXAMPLE = REPOSITORY / "examples/support"


def deploy(outcrop, template, *more):
    return run("deploy", template, "--endpoint", outcrop.url, *more)


@pytest.fixture
def template(tmp_path):
    folder = tmp_path / "support"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", ".outcrop"))
    return folder / "template.yaml"


def test_deploying_twice_changes_nothing(outcrop, template):
    control = outcrop.start().control()
    first = deploy(outcrop, template)
    assert first.returncode == 0, first.stderr
    agent = control.get_agent(agentId="support-bot")["agent"]
    assert agent["agentId"] in first.stdout and "AgentAliasId" in first.stdout
    versions = control.list_agent_versions(agentId="support-bot")["agentVersionSummaries"]
    second = deploy(outcrop, template)
    assert second.returncode == 0, second.stderr
    assert control.get_agent(agentId="support-bot")["agent"] == agent
    assert control.list_agent_versions(agentId="support-bot")["agentVersionSummaries"] == versions


def test_a_change_updates_in_place(outcrop, template):
    control = outcrop.start().control()
    assert deploy(outcrop, template).returncode == 0
    before = control.get_agent(agentId="support-bot")["agent"]
    template.write_text(template.read_text().replace("Tone: professional", "Tone: brief, professional"))
    assert deploy(outcrop, template, "--parameter", "FoundationModel=qwen3:8b").returncode == 0
    after = control.get_agent(agentId="support-bot")["agent"]
    assert after["agentId"] == before["agentId"] and after["foundationModel"] == "qwen3:8b" and "Tone: brief" in after["instruction"]
    assert after["agentStatus"] == "PREPARED"


def test_what_cannot_be_deployed_is_said_before_anything_changes(outcrop, template):
    control = outcrop.start().control()
    text = template.read_text().replace("      AutoPrepare: true", "      AutoPrepare: true\n      Colour: green")
    template.write_text(text)
    line = 1 + text.splitlines().index("      Colour: green")
    done = deploy(outcrop, template)
    assert done.returncode == 2
    assert f"template.yaml:{line}" in done.stderr and "Colour" in done.stderr
    assert control.list_agents()["agentSummaries"] == []


def test_deploy_without_a_server_says_what_to_do(template):
    done = run("deploy", template, "--endpoint", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "http://127.0.0.1:9" in done.stderr


def test_chat_in_a_pipe(outcrop):
    outcrop.start(script(turn(call("get_order_status", "I look first.", order_id="A-482"), say("It is being packed."))),
                  {"order-tools": handler('return {"status": "processing"}')})
    make_agent(outcrop.control(), group("OrderTools", function("get_order_status", order_id="string")))
    done = run("chat", "support-bot/PROD", "--endpoint", outcrop.url, "--message", "Where is A-482?")
    assert done.returncode == 0, done.stderr
    for part in ("I look first.", "get_order_status", "A-482", '"status": "processing"', "It is being packed."):
        assert part in done.stdout, done.stdout
    assert "\x1b" not in done.stdout
    # Without a name it is the only agent there is.
    assert "It is being packed." in run("chat", "--endpoint", outcrop.url, "--message", "And now?").stdout


def test_chat_with_nobody_there(outcrop):
    outcrop.start()
    done = run("chat", "nobody", "--endpoint", outcrop.url, "--message", "Hello")
    assert done.returncode == 1 and "nobody" in done.stderr


def test_sigterm_ends_with_0(outcrop):
    outcrop.start()
    assert outcrop.server.terminate() == 0


def test_the_ready_line_is_the_only_one_on_standard_output(outcrop):
    outcrop.start()
    assert outcrop.server.printed == [f"outcrop listening on {outcrop.url}"]


@pytest.mark.parametrize(("text", "line", "key"), [
    ('regoin = "x"\n', 1, "regoin"),
    ("\n[store]\nurl = 7\n", 3, "url"),
    ('[[model]]\nmatch = "*"\nprovider = "nobody"\n', 3, "provider"),
    ('[[model]]\nmatch = "*"\nprovider = "scripted"\nscript = "missing.yaml"\n', None, "missing.yaml"),
])
def test_a_wrong_configuration_ends_with_2(tmp_path, text, line, key):
    config = tmp_path / "outcrop.toml"
    config.write_text(text)
    for command in (("serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "data"), ("config", "check")):
        done = run(*command, "--config", config)
        assert done.returncode == 2, (command, done.stderr)
        assert "outcrop.toml" in done.stderr and key in done.stderr
        if line:
            assert f"outcrop.toml:{line}" in done.stderr or f"line {line}" in done.stderr, done.stderr


def test_an_open_server_stays_on_loopback(tmp_path):
    done = run("serve", "--listen", "0.0.0.0:0", "--data", tmp_path / "data")
    assert done.returncode == 2 and "auth" in done.stderr


def test_a_wrong_command_line_ends_with_2():
    assert run("serve", "--nonsense").returncode == 2
    assert run().returncode == 2
    for command in ("serve", "dev", "deploy", "chat", "export", "import", "config"):
        done = run(command, "--help")
        assert done.returncode == 0 and command in done.stdout
    assert BINARY.name in run("--help").stdout


def test_a_log_that_nobody_reads_does_not_take_the_server_along(tmp_path):
    read, write = os.pipe()
    server = subprocess.Popen([BINARY, "serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "data"],
                              stdout=subprocess.PIPE, stderr=write, text=True)
    os.close(write)
    assert server.stdout.readline().startswith("outcrop listening on ")
    os.close(read)
    server.send_signal(signal.SIGTERM)
    assert server.wait(20) == 0
