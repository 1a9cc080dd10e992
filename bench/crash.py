"""Ends the server again and again in the middle of turns, and looks what became of them.

A trial is a turn of twenty tool calls, every other one of a kind that may not be done twice. The server ends before or
after some commit of its store, or is killed at some moment; it is started again, and its client sends the same request
again, through unmodified boto3, until it has the answer. The receiver of the calls counts them. A trial is good when

- the turn comes to its answer, and is the session's only one;
- no call that may not be repeated reached its receiver twice;
- every call had one key, and no two calls the same;
- the stream that attached shows the whole turn: each call once, each with an observation.

At the end `outcrop store check` has to find nothing wrong.

    python bench/crash.py --trials 10000 --workers 4        # binary: OUTCROP_BIN, or target/release/outcrop
"""

import argparse
import collections
import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
from botocore.config import Config

TOOL_CALLS = 20
REGION = "us-west-2"
FUNCTION = f"arn:aws:lambda:{REGION}:111111111111:function:steps"
BINARY = Path(os.environ.get("OUTCROP_BIN") or Path(__file__).parents[1] / "target/release/outcrop").resolve()
ANSWER = "All steps are done."
# What the server tries of each kind of end, one after another in one trial at most.
ENDS_MAX = 4


class Receiver:
    """Has Lambda's Invoke API and notes every call that arrives."""

    def __enter__(self):
        self.calls = collections.defaultdict(list)
        self.lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                event = json.loads(self.rfile.read(int(self.headers["content-length"])))
                number = next(each["value"] for each in event["parameters"] if each["name"] == "number")
                with receiver.lock:
                    receiver.calls[event["sessionId"]].append((event["function"], int(number), self.headers["x-outcrop-idempotency-key"]))
                answer = {"messageVersion": "1.0", "response": {
                    "actionGroup": event["actionGroup"], "function": event["function"],
                    "functionResponse": {"responseBody": {"TEXT": {"body": f"step {number} done"}}}}}
                body = json.dumps(answer).encode()
                try:
                    self.send_response(200)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # The server has gone away.

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        # Servers that go away in the middle of a call are what this is about.
        self.server.handle_error = lambda *_: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()

    def of(self, session):
        with self.lock:
            return list(self.calls[session])


def name_of(number):
    """Every other call may not be done twice."""
    return "once" if number % 2 else "freely"


class World:
    """A server with its data, one agent, and a client."""

    def __init__(self, folder, receiver):
        self.folder, self.receiver, self.process = Path(folder), receiver, None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        steps = [{"call": {"tool": name_of(number), "input": {"number": number}}} for number in range(TOOL_CALLS)]
        script = {"turns": [{"when": "steps", "steps": [*steps, {"say": ANSWER}]}, {"when": "go on", "steps": [{"say": "Gone on."}]}]}
        (self.folder / "script.yaml").write_text(json.dumps(script))
        (self.folder / "outcrop.toml").write_text(f"""
[[model]]
match = "*"
provider = "scripted"
script = {json.dumps(str(self.folder / "script.yaml"))}
[[function]]
match = "steps"
url = {json.dumps(receiver.url)}
""")
        self.log = self.folder / "server.log"

    def client(self, service):
        config = Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=30)
        return boto3.client(service, endpoint_url=f"http://127.0.0.1:{self.port}", region_name=REGION,
                            aws_access_key_id="test", aws_secret_access_key="test", config=config)

    def start(self, crash=None):
        environment = {"PATH": os.environ["PATH"], **({"OUTCROP_TEST_CRASH": crash} if crash else {})}
        arguments = ["serve", "--listen", f"127.0.0.1:{self.port}", "--data", self.folder / "data", "--config", self.folder / "outcrop.toml"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([str(BINARY), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment)
        # It may end before it is ready: what is wanted of it is just that.
        return self.process.stdout.readline().startswith(b"outcrop listening")

    def kill(self):
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def set_up(self):
        assert self.start()
        control = self.client("bedrock-agent")
        agent = control.create_agent(agentName="steps", foundationModel="m", instruction="You do one step after another, as you are told.",
                                     tags={"outcrop:idempotent": "freely"})["agent"]["agentId"]
        functions = [{"name": name, "description": "Does a step.", "parameters": {"number": {"type": "integer", "required": True}}} for name in ("once", "freely")]
        control.create_agent_action_group(agentId=agent, agentVersion="DRAFT", actionGroupName="Steps",
                                          actionGroupExecutor={"lambda": FUNCTION}, functionSchema={"functions": functions})
        control.prepare_agent(agentId=agent)
        while control.get_agent(agentId=agent)["agent"]["agentStatus"] != "PREPARED":
            time.sleep(0.01)
        self.agent = agent
        self.runtime = self.client("bedrock-agent-runtime")
        self.kill()

    def check(self):
        """What `outcrop store check` says that is wrong."""
        url = f"sqlite:{self.folder / 'data' / 'outcrop.db'}"
        (self.folder / "check.toml").write_text(f"[store]\nurl = {json.dumps(url)}\n")
        checked = subprocess.run([str(BINARY), "store", "check", "--data", str(self.folder / "data")], capture_output=True, text=True)
        return [] if checked.returncode == 0 else [checked.stdout + checked.stderr]


class Trial:
    """One turn, with what ends the server in its middle."""

    def __init__(self, world, session):
        self.world, self.session = world, session
        self.turn, self.errors, self.is_dying = None, [], False

    def ask(self, text="Do all the steps."):
        """One request, read to its end; None when the server went away."""
        events = []
        try:
            response = self.world.runtime.invoke_agent(agentId=self.world.agent, agentAliasId="TSTALIASID", sessionId=self.session, inputText=text, enableTrace=True)
            events.extend(response["completion"])
        except Exception as error:
            if self.world.process.poll() is None and not self.is_dying:
                self.errors.append(repr(error))
            return None
        return events if any("chunk" in event for event in events) else None

    def run_to_crash(self, crash):
        """Starts a server that ends at a commit; gives whether it did."""
        self.is_dying = True
        self.world.kill()
        ready = self.world.start(crash)
        self.turn = self.ask() if ready else None
        crashed = self.turn is None
        self.is_dying = False
        return crashed

    def run_to_kill(self, calls, seconds):
        """Kills the server when so many calls have arrived, and a little later."""
        self.world.kill()
        self.world.start()
        self.is_dying = True
        asking = threading.Thread(target=self.ask)
        asking.start()
        deadline = time.monotonic() + 30
        while len(self.world.receiver.of(self.session)) < calls and time.monotonic() < deadline:
            time.sleep(0.0005)
        time.sleep(seconds)
        self.world.kill()
        asking.join()
        self.is_dying = False

    def attach(self):
        """Sends the request again, to a server that is left alone."""
        self.world.kill()
        self.world.start()
        self.turn = self.ask()
        self.after = self.ask("Please go on.")

    def problems(self):
        found = list(self.errors)
        if self.turn is None:
            return [*found, "the turn did not come to its end"]
        answer = b"".join(event["chunk"]["bytes"] for event in self.turn if "chunk" in event).decode()
        if answer != ANSWER:
            found.append(f"the answer is {answer!r}")
        steps = [event["trace"]["trace"].get("orchestrationTrace", {}) for event in self.turn if "trace" in event]
        asked = [step["invocationInput"]["actionGroupInvocationInput"] for step in steps if "invocationInput" in step]
        numbers = [int(each["parameters"][0]["value"]) for each in asked]
        if numbers != list(range(TOOL_CALLS)):
            found.append(f"the stream shows the calls {numbers}")
        observed = [step for step in steps if "actionGroupInvocationOutput" in step.get("observation", {})]
        if len(observed) != TOOL_CALLS:
            found.append(f"the stream shows {len(observed)} observations")
        calls, keys = collections.Counter(), collections.defaultdict(set)
        for name, number, key in self.world.receiver.of(self.session):
            calls[name, number] += 1
            keys[key].add((name, number))
        twice = [each for each, count in calls.items() if count > 1 and each[0] == "once"]
        if twice:
            found.append(f"done twice: {twice}")
        if len(keys) != len(calls) or any(len(each) > 1 for each in keys.values()):
            found.append(f"{len(keys)} keys for {len(calls)} calls")
        missing = [number for number in range(TOOL_CALLS) if name_of(number) == "freely" and not calls["freely", number]]
        if missing:
            found.append(f"never done: {missing}")
        gone_on = b"".join(event["chunk"]["bytes"] for event in self.after or [] if "chunk" in event)
        if gone_on != b"Gone on.":
            found.append("the session did not go on")
        return found


def work(number, trials, seed, results):
    chance = random.Random(seed * 1000 + number)
    folder = Path(tempfile.mkdtemp(prefix="outcrop-crash-"))
    with Receiver() as receiver:
        world = World(folder, receiver)
        world.set_up()
        ends, problems, unknown = collections.Counter(), [], 0
        for index in range(trials):
            trial = Trial(world, f"s-{number}-{index}")
            for _ in range(chance.randint(1, ENDS_MAX)):
                kind = chance.choice(["before", "after", "kill"])
                if kind == "kill":
                    trial.run_to_kill(chance.randrange(TOOL_CALLS), chance.random() * 0.005)
                    ends[kind] += 1
                elif trial.run_to_crash(f"{kind} {chance.randint(2, 2 * TOOL_CALLS + 6)}"):
                    ends[kind] += 1
                else:
                    break
            trial.attach()
            problems += [f"seed {seed}, worker {number}, trial {index}: {each}" for each in trial.problems()]
            unknown += sum("of unknown outcome" in json.dumps(event, default=str) for event in trial.turn or [])
            if (index + 1) % 50 == 0:
                results.put(("so far", number, index + 1, len(problems)))
        world.kill()
        problems += world.check()
        bytes_on_disk = sum(path.stat().st_size for path in (folder / "data").glob("outcrop.db*"))
        log = [line for line in world.log.read_text(errors="replace").splitlines() if " ERROR " in line]
    results.put(("done", number, trials, dict(ends), problems, unknown, bytes_on_disk, log[:5]))
    if not problems:
        shutil.rmtree(folder)
    else:
        print(f"kept: {folder}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began, results = time.monotonic(), multiprocessing.Queue()
    share = [arguments.trials // arguments.workers + (number < arguments.trials % arguments.workers) for number in range(arguments.workers)]
    processes = [multiprocessing.Process(target=work, args=(number, trials, arguments.seed, results)) for number, trials in enumerate(share)]
    for process in processes:
        process.start()
    left, ends, problems, unknown, errors = arguments.workers, collections.Counter(), [], 0, []
    while left:
        kind, *told = results.get()
        if kind == "so far":
            print(f"worker {told[0]}: {told[1]} trials, {told[2]} problems, {time.monotonic() - began:.0f} s", flush=True)
            continue
        left -= 1
        ends.update(told[2])
        problems += told[3]
        unknown += told[4]
        errors += told[6]
    for problem in problems[:50]:
        print(problem)
    for line in errors[:10]:
        print(line)
    print(f"{arguments.trials} trials with {sum(ends.values())} ends ({dict(ends)}) in {time.monotonic() - began:.0f} s: "
          f"{len(problems)} problems, {unknown} calls of unknown outcome, {len(errors)} errors in logs")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
