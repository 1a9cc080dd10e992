#!/usr/bin/env python3
"""What a conversation takes on disk, against what was said in it: large results, many turns, long histories.

    python3 bench/bytes.py [--bin target/release/outcrop] [--calls 100] [--bytes 200000] [--turns 1000] [--history 200] [--save FILE]

Each case is one session on an empty store, with a stand-in for model and function that answers at once:

- `calls`: one turn of many tool calls with a large result each. The results are words of a language (`words`), random letters and
  digits, which no compression takes below three quarters (`noise`), or one text of words again and again (`same`).
- `turns`: a session of many turns, each with a question, a tool call with 2,000 bytes of words, and an answer of 500.
- `history`: turns without a tool; bytes written a turn, and how long a turn takes at the beginning and at the end.

Told is the unique payload (every question, call, result and answer that differs, in bytes), the bytes of database and log right after
the last turn, at rest (nothing written for a few seconds) and after the end of the server, each as a ratio to the unique payload too;
bytes that the server had the system write, and those that its sessions grew by.
"""
import argparse
import base64
import hashlib
import http.client
import json
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import bench

HERE = pathlib.Path(__file__).resolve().parent
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
WORDS = (pathlib.Path(__file__).parent / "README.md").read_text().split()
AT_ONCE = 10


def words(seed, length):
    picked = random.Random(seed).choices(WORDS, k=length // 4 + 1)
    return " ".join(picked)[:length]


def noise(seed, length):
    return "".join(random.Random(seed).choices(LETTERS, k=length))


def same(seed, length):
    return words("same", length)


class Payload:
    """Every text that was said, once."""

    def __init__(self):
        self.lock, self.seen, self.unique, self.raw = threading.Lock(), set(), 0, 0

    def say(self, text):
        data = text.encode()
        with self.lock:
            self.raw += len(data)
            digest = hashlib.sha256(data).digest()
            if digest not in self.seen:
                self.seen.add(digest)
                self.unique += len(data)
        return text


class StandIn(BaseHTTPRequestHandler):
    """Calls the tool as often as the user's words say, then answers; and is the tool."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    payload, result, answer = None, None, None

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = json.dumps(self.model(asked) if "chat/completions" in self.path else self.tool(asked)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def model(self, asked):
        done = 0
        while asked["messages"][-1 - done]["role"] == "tool" or asked["messages"][-1 - done].get("tool_calls"):
            done += 1
        question = asked["messages"][-1 - done]["content"]
        # A question is a text, or a list with a text.
        question = question if isinstance(question, str) else question[-1]["text"]
        name, _, calls = question.partition(" ")[0].partition(":")
        made = sum(message["role"] == "tool" for message in asked["messages"][len(asked["messages"]) - done:])
        left = int(calls or 0) - made
        message = {"role": "assistant", "content": None}
        if left > 0:
            message["tool_calls"] = [
                {"id": f"call_{uuid.uuid4().hex[:8]}", "type": "function",
                 "function": {"name": asked["tools"][0]["function"]["name"], "arguments": self.payload.say(json.dumps({"order_id": f"{name}-{made + number}"}))}}
                for number in range(min(left, AT_ONCE))
            ]
        else:
            message["content"] = self.payload.say(self.answer(name))
        return {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if left > 0 else "stop"}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 10}}

    def tool(self, asked):
        order = next(parameter["value"] for parameter in asked["parameters"])
        body = {"TEXT": {"body": self.payload.say(self.result(order))}}
        return {"messageVersion": "1.0", "response": {"actionGroup": asked["actionGroup"], "function": asked["function"],
                                                      "functionResponse": {"responseBody": body}}}

    def log_message(self, *_):
        pass


class Case:
    """A server on an empty store, and one session in it."""

    def __init__(self, binary, result, answer):
        self.payload = Payload()
        handler = type("Handler", (StandIn,), {"payload": self.payload, "result": staticmethod(result), "answer": staticmethod(answer)})
        self.stand_in = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.binary = binary

    def __enter__(self):
        threading.Thread(target=self.stand_in.serve_forever, daemon=True).start()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bytes-"))
        place = f"http://127.0.0.1:{self.stand_in.server_address[1]}"
        config = (HERE / "turn/outcrop.toml").read_text().replace("http://127.0.0.1:18080", place)
        (self.folder / "outcrop.toml").write_text(config)
        shutil.copytree(HERE / "turn", self.folder / "turn")
        command = [self.binary, "dev", self.folder / "turn", "--listen", "127.0.0.1:0", "--data", self.folder / "data", "--config", self.folder / "outcrop.toml"]
        self.process = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ready = self.process.stdout.readline()
        if not ready.startswith("outcrop listening"):
            raise SystemExit("the server did not start; run it by hand: " + " ".join(map(str, command)))
        self.connection = http.client.HTTPConnection("127.0.0.1", int(ready.rsplit(":", 1)[1]), timeout=600)
        return self

    def __exit__(self, *_):
        self.stop()
        self.stand_in.shutdown()
        self.stand_in.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def turn(self, question, answer):
        """One turn; gives its milliseconds."""
        self.payload.say(question)
        began = time.perf_counter()
        self.connection.request("POST", "/agents/AGENT00001/agentAliases/ALIAS00001/sessions/one/text",
                                json.dumps({"inputText": question}), {"content-type": "application/json"})
        response = self.connection.getresponse()
        body = response.read()
        taken = 1000 * (time.perf_counter() - began)
        if response.status != 200 or base64.b64encode(answer.encode())[:40] not in body:
            raise SystemExit(f"status {response.status}: {body[:300]!r}")
        return taken

    def files(self):
        """Bytes of the database and its log."""
        names = ("outcrop.db", "outcrop.db-wal")
        return sum(file.stat().st_size for file in (self.folder / "data" / name for name in names) if file.exists())

    def written(self):
        """Bytes that the server had the system write so far; zero where the system does not tell."""
        try:
            lines = pathlib.Path(f"/proc/{self.process.pid}/io").read_text().splitlines()
        except OSError:
            return 0
        return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))

    def at_rest(self, seconds=30):
        """Bytes once the log is folded, or after so long."""
        log = self.folder / "data/outcrop.db-wal"
        deadline = time.monotonic() + seconds
        while log.exists() and log.stat().st_size and time.monotonic() < deadline:
            time.sleep(0.25)
        return self.files()

    def stored(self):
        """What the store says of itself; nothing where it does not."""
        told = subprocess.run([str(self.binary), "store", "stats", "--json", "--data", str(self.folder / "data"), "--config", str(self.folder / "outcrop.toml")],
                              capture_output=True, text=True)
        return json.loads(told.stdout).get("payload") if told.returncode == 0 else None

    def report(self, rest):
        row = {"raw_bytes": self.payload.raw, "unique_bytes": self.payload.unique, "written_bytes": self.written(), "after_bytes": self.files()}
        if rest:
            row["rest_bytes"] = self.at_rest()
        row["stored"] = self.stored()
        self.stop()
        row["ended_bytes"] = self.files()
        for when in ("after", "rest", "ended"):
            if f"{when}_bytes" in row:
                row[f"{when}_ratio"] = round(row[f"{when}_bytes"] / self.payload.unique, 3)
        return row


def calls(given, kind):
    with Case(given.bin, lambda order: kind(order, given.bytes), lambda name: f"That was {name}.") as case:
        took = case.turn(f"a:{given.calls} please", "That was a.")
        return {"case": "calls", "payload": kind.__name__, "calls": given.calls, "bytes": given.bytes, "turn_ms": round(took, 1), **case.report(given.rest)}


def turns(given, kind):
    answer = lambda name: f"{name}: {kind('answer ' + name, 490)}"
    with Case(given.bin, lambda order: kind(order, 2_000), answer) as case:
        times = [case.turn(f"t{number}:1 Where is order A-{number}, and when does it come?", answer(f"t{number}")) for number in range(given.turns)]
        return {"case": "turns", "payload": kind.__name__, "turns": given.turns, "p50_ms": round(statistics.median(times), 2), **case.report(given.rest)}


def history(given):
    answer = lambda name: f"{name}: {words('answer ' + name, 190)}"
    with Case(given.bin, None, answer) as case:
        times, written = [], []
        for number in range(given.history):
            times.append(case.turn(f"t{number} Where is order A-{number}, and when does it come?", answer(f"t{number}")))
            written.append(case.written())
        half = given.history // 2
        tenth = max(1, given.history // 10)
        begin, end = statistics.median(times[tenth // 2:tenth + tenth // 2 + 1]), statistics.median(times[-tenth:])
        row = {"case": "history", "turns": given.history, "begin_ms": round(begin, 2), "end_ms": round(end, 2), "end_to_begin": round(end / begin, 2),
               "system_bytes_a_turn": (written[-1] - written[half]) // (given.history - half - 1)}
        report = case.report(given.rest)
        report["bytes_a_turn"] = report["ended_bytes"] // given.history
        return {**row, **report}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--bin", type=pathlib.Path, default=bench.ROOT / "target/release/outcrop")
    arguments.add_argument("--calls", type=int, default=100)
    arguments.add_argument("--bytes", type=int, default=200_000)
    arguments.add_argument("--turns", type=int, default=1000)
    arguments.add_argument("--history", type=int, default=200)
    arguments.add_argument("--rest", action=argparse.BooleanOptionalAction, default=True, help="wait until the store is at rest")
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--save", help="file that raw runs are added to")
    given = arguments.parse_args()
    given.bin = given.bin.resolve()
    runs = []
    for kind in (words, noise, same):
        bench.note(runs, bench="bytes", **calls(given, kind))
    for kind in (words, noise):
        bench.note(runs, bench="bytes", **turns(given, kind))
    bench.note(runs, bench="bytes", **history(given))
    bench.save(runs, given.save)
    if given.json:
        print(json.dumps(runs))
        return
    for run in runs:
        name = f"{run['case']} {run.get('payload', '')}"
        ratios = ", ".join(f"{run[f'{when}_ratio']} {told}" for when, told in (("after", "at once"), ("rest", "at rest"), ("ended", "after the end")) if f"{when}_ratio" in run)
        print(f"{name:14} {run['unique_bytes']:>12,} bytes unique of {run['raw_bytes']:,}; times that on disk: {ratios}")
    print(f"history: {run['bytes_a_turn']:,} bytes a turn kept, {run['system_bytes_a_turn']:,} written by the system; "
          f"{run['begin_ms']} ms in the beginning, {run['end_ms']} ms at the end ({run['end_to_begin']})")


if __name__ == "__main__":
    sys.exit(main())
