#!/usr/bin/env python3
"""What a turn costs: InvokeAgent with one tool call, model and tool answering at once, each step durable first.

    python3 bench/turns.py [--bin target/release/outcrop] [--turns 2000] [--connections 1 16] [--json]

Starts a stand-in for model and function, then `outcrop dev bench/turn` on an empty store, and prints
- the time from the start of the process to the end of its first good turn,
- for each number of connections: CPU of the server per turn (user and system, from /proc), p50 and p99.

CPU per turn hardly feels other load on the machine; latencies do. The driver is Python and slow, so turns per second are
not told: they would be its own.
"""
import argparse
import base64
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = pathlib.Path(__file__).resolve().parent
ANSWER = "Your order has shipped and arrives on Friday."


class StandIn(BaseHTTPRequestHandler):
    """Asks for the tool once, then answers; and is the tool."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "chat/completions" in self.path:
            answered = asked["messages"][-1]["role"] == "tool"
            call = {"id": f"call_{uuid.uuid4().hex[:8]}", "type": "function",
                    "function": {"name": asked["tools"][0]["function"]["name"], "arguments": '{"order_id":"A-1"}'}}
            message = {"role": "assistant", "content": ANSWER} if answered else {"role": "assistant", "content": None, "tool_calls": [call]}
            reply = {"choices": [{"index": 0, "message": message, "finish_reason": "stop" if answered else "tool_calls"}],
                     "usage": {"prompt_tokens": 100, "completion_tokens": 10}}
        else:
            body = {"TEXT": {"body": '{"status":"shipped"}'}}
            reply = {"messageVersion": "1.0", "response": {"actionGroup": asked["actionGroup"], "function": asked["function"],
                                                           "functionResponse": {"responseBody": body}}}
        text = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def turn(connection):
    """One turn in a session of its own; fails unless the answer is the right one."""
    path = f"/agents/AGENT00001/agentAliases/ALIAS00001/sessions/{uuid.uuid4()}/text"
    connection.request("POST", path, json.dumps({"inputText": "Where is order A-1?"}), {"content-type": "application/json"})
    response = connection.getresponse()
    body = response.read()
    if response.status != 200 or base64.b64encode(ANSWER.encode()) not in body:
        raise RuntimeError(f"status {response.status}: {body[:300]!r}")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port, pid, turns, connections):
    times, failures = [], []

    def client(count):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(count):
            began = time.perf_counter()
            try:
                turn(connection)
            except Exception as error:  # counted and told; the others go on
                failures.append(repr(error))
                return
            times.append(time.perf_counter() - began)

    share = max(1, turns // connections)
    threads = [threading.Thread(target=client, args=(share,)) for _ in range(connections)]
    before = cpu_seconds(pid)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(f"{len(failures)} turns failed, the first with {failures[0]}")
    spent = cpu_seconds(pid) - before
    times.sort()
    return {"connections": connections, "turns": len(times), "cpu_ms_per_turn": round(1000 * spent / len(times), 4),
            "p50_ms": round(1000 * statistics.median(times), 3), "p99_ms": round(1000 * times[int(len(times) * 0.99)], 3)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--bin", default=str(HERE.parent / "target/release/outcrop"))
    arguments.add_argument("--turns", type=int, default=2000)
    arguments.add_argument("--connections", type=int, nargs="+", default=[1, 16])
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    stand_in = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=stand_in.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        place = f"http://127.0.0.1:{stand_in.server_address[1]}"
        config = (HERE / "turn/outcrop.toml").read_text().replace("http://127.0.0.1:18080", place)
        (here / "outcrop.toml").write_text(config)
        command = [given.bin, "dev", str(HERE / "turn"), "--listen", "127.0.0.1:0", "--data", str(here / "data"), "--config", str(here / "outcrop.toml")]
        began = time.perf_counter()
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            ready = server.stdout.readline()
            if not ready.startswith("outcrop listening"):
                raise SystemExit("the server did not start; run it by hand: " + " ".join(command))
            port = int(ready.rsplit(":", 1)[1])
            turn(http.client.HTTPConnection("127.0.0.1", port, timeout=60))
            first = round(1000 * (time.perf_counter() - began), 1)
            rows = [load(port, server.pid, given.turns, connections) for connections in given.connections]
        finally:
            server.terminate()
            server.wait(30)
    if given.json:
        print(json.dumps({"start_to_first_turn_ms": first, "load": rows}))
        return
    print(f"start to first good turn (empty store, template deployed): {first} ms")
    for row in rows:
        print(f"{row['connections']:4} connections: {row['cpu_ms_per_turn']} ms CPU a turn, p50 {row['p50_ms']} ms, p99 {row['p99_ms']} ms ({row['turns']} turns)")


if __name__ == "__main__":
    sys.exit(main())
