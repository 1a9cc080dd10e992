#!/usr/bin/env python3
"""What calls cost that do not wait for each other: ten tools of 100 ms each in one step, against one of them.

    python3 bench/tools.py [--bin target/release/outcrop] [--tools 10] [--ms 100] [--turns 30] [--json]

Starts a stand-in for the functions that takes its time, then `outcrop serve` with a scripted model, and takes turns
whose one step calls nothing, one tool, or all of them; the three take turns, so that other load meets all alike. It
prints the median wall time of each, and

- the ratio of all to one, as turns: what a user waits,
- the ratio of all to the time of the tool itself, which holds the cost of the turn as well.

1.0 is perfect; the number of tools is one after the other.
"""
import argparse
import base64
import http.client
import json
import pathlib
import statistics
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench import HERE, Server, os

ANSWER = "All of it is done."


class Functions(ThreadingHTTPServer):
    daemon_threads = True
    # All calls of a step come at once.
    request_queue_size = 256


def functions(milliseconds):
    """Lambda's Invoke API over functions that take a while."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            time.sleep(milliseconds / 1000)
            reply = json.dumps({"messageVersion": "1.0", "response": {
                "actionGroup": asked["actionGroup"], "function": asked["function"],
                "functionResponse": {"responseBody": {"TEXT": {"body": "done"}}}}}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_):
            pass

    server = Functions(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def configure(folder, functions_port, tools):
    """A model that calls as many tools as the user names, and the functions that answer."""
    one = lambda number: {"tool": "work", "input": {"part": str(number)}}
    turns = [{"when": f"[{count}]", "steps": [{"calls": [one(number) for number in range(count)]}, {"say": ANSWER}]} for count in sorted({1, tools})]
    (folder / "script.json").write_text(json.dumps({"turns": [*turns, {"when": "", "steps": [{"say": ANSWER}]}]}))
    (folder / "outcrop.toml").write_text(
        '[[model]]\nmatch = "*"\nprovider = "scripted"\nscript = "script.json"\n'
        f'[[function]]\nmatch = "worker"\nurl = "http://127.0.0.1:{functions_port}"\n')


def make_agent(server):
    """An agent with one tool, prepared; gives its id."""
    agent = server.ask("PUT", "/agents/", {"agentName": "worker", "foundationModel": "m", "instruction": "You do work in parts, all of them at once."})
    agent_id = agent["agent"]["agentId"]
    server.ask("PUT", f"/agents/{agent_id}/agentversions/DRAFT/actiongroups/", {
        "actionGroupName": "Work", "actionGroupExecutor": {"lambda": "arn:aws:lambda:us-east-1:000000000000:function:worker"},
        "functionSchema": {"functions": [{"name": "work", "description": "Do a part.", "parameters": {"part": {"type": "string", "required": True}}}]}})
    server.ask("POST", f"/agents/{agent_id}/")
    return agent_id


def turn(connection, agent_id, count):
    """One turn in a session of its own; its wall time in milliseconds. Fails unless the answer is the right one."""
    path = f"/agents/{agent_id}/agentAliases/TSTALIASID/sessions/{uuid.uuid4()}/text"
    began = time.perf_counter()
    connection.request("POST", path, json.dumps({"inputText": f"Do parts: [{count}]"}), {"content-type": "application/json"})
    response = connection.getresponse()
    body = response.read()
    took = 1000 * (time.perf_counter() - began)
    if response.status != 200 or base64.b64encode(ANSWER.encode()) not in body:
        raise SystemExit(f"status {response.status}: {body[:300]!r}")
    return took


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--bin", default=str(HERE.parent / "target/release/outcrop"))
    arguments.add_argument("--tools", type=int, default=10)
    arguments.add_argument("--ms", type=int, default=100)
    arguments.add_argument("--turns", type=int, default=30)
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    worker = functions(given.ms)
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        configure(folder, worker.server_port, given.tools)
        command = [pathlib.Path(given.bin).resolve(), "serve", "--listen", "127.0.0.1:0", "--data", "data", "--config", "outcrop.toml"]
        with Server(command, None, cwd=folder, env={**os.environ, "OUTCROP_LOG": "warn"}) as server:
            agent_id = make_agent(server)
            connection = http.client.HTTPConnection(server.address, timeout=120)
            counts = [0, 1, given.tools]
            for count in counts:
                turn(connection, agent_id, count)
            times = {count: [] for count in counts}
            for _ in range(given.turns):
                for count in counts:
                    times[count].append(turn(connection, agent_id, count))
    none, one, several = (statistics.median(times[count]) for count in counts)
    report = {"tools": given.tools, "tool_ms": given.ms, "turns": given.turns, "none_ms": round(none, 2), "one_ms": round(one, 2),
              "all_ms": round(several, 2), "all_to_one": round(several / one, 3), "all_to_tool": round(several / given.ms, 3)}
    print(json.dumps(report) if given.json else "\n".join(f"{name}: {value}" for name, value in report.items()))


if __name__ == "__main__":
    main()
