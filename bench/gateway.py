#!/usr/bin/env python3
"""What the gateway adds to a model call: Converse through Outcrop against asking the back end itself, in one run.

    python3 bench/gateway.py [--bin target/release/outcrop] [--litellm PATH/TO/litellm] [--seconds 4] [--rounds 3]
                             [--connections 1 64] [--first 30] [--json] [--save FILE]

Starts a compiled back end that answers at once, then Outcrop over it (and LiteLLM's proxy, where its program is named), and
asks each in turn, at 1 and at 64 at a time. It prints calls a second and medians, and for each gateway

- `added_ms`: its p50 less that of the back end asked directly,
- `ratio`: calls a second directly, to those through it; 1.0 is perfect,
- `first_ms`: how long after the back end sent it the first piece of a stream is with the caller, by the clock of one
  machine; the reading program is part of it.

The servers are on one core and the load on another, so the back end shares the core of the gateway, as it does asked directly.
"""
import argparse
import json
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import bench
from bench import HERE, Server, os

CONVERSE = json.dumps({"messages": [{"role": "user", "content": [{"text": "Where is my order A-482?"}]}], "inferenceConfig": {"maxTokens": 100}})
CHAT = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Where is my order A-482?"}], "max_tokens": 100})
MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
EXPECTED = "arrives on Friday"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--bin", default=HERE.parent / "target/release/outcrop")
    parser.add_argument("--litellm")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--first", type=int, default=30, help="streams whose first piece is timed")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--save")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder, runs = pathlib.Path(made), []
        driver = bench.load_driver(folder)
        with backend(folder) as behind, outcrop(options.bin, folder, behind.address) as ours:
            targets = {"direct": (behind, "/v1/chat/completions", CHAT, CHAT_HEADERS), "outcrop": (ours, f"/model/{MODEL}/converse", CONVERSE, [])}
            if options.litellm:
                with litellm(options.litellm, folder, behind.address) as theirs:
                    targets["litellm"] = (theirs, "/v1/chat/completions", CHAT.replace('"m"', '"bench"'), CHAT_HEADERS)
                    measure(options, driver, targets, runs)
            else:
                measure(options, driver, targets, runs)
    bench.save(runs, options.save)
    table = summary(runs)
    print(json.dumps(table) if options.json else text(table))


CHAT_HEADERS = ["content-type: application/json", "authorization: Bearer sk-bench"]


def backend(folder):
    program = folder / "backend"
    subprocess.run(["rustc", "--edition", "2024", "-O", "-o", program, HERE / "backend.rs"], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Server([program, port, 20], f"127.0.0.1:{port}")


def outcrop(binary, folder, behind):
    (folder / "outcrop.toml").write_text(f'[[model]]\nmatch = "*"\nprovider = "openai"\nbase_url = "http://{behind}/v1"\nmodel = "m"\n')
    return Server([pathlib.Path(binary).resolve(), "serve", "--listen", "127.0.0.1:0", "--data", "data", "--config", "outcrop.toml"], None, cwd=folder,
                  env={**os.environ, "OUTCROP_LOG": "warn"})


def litellm(program, folder, behind):
    (folder / "litellm.yaml").write_text(
        f"model_list:\n  - model_name: bench\n    litellm_params: {{model: openai/m, api_base: 'http://{behind}/v1', api_key: sk-none}}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "LITELLM_MODE": "PRODUCTION", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1", "LITELLM_LOG": "ERROR",
                   # It does not start without a key; one that is asked for would be looked up with each call, which is its own affair.
                   "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
    return Server([program, "--config", folder / "litellm.yaml", "--host", "127.0.0.1", "--port", port], f"127.0.0.1:{port}", env=environment)


def measure(options, driver, targets, runs):
    for server, path, body, _ in targets.values():
        # The first call of a process is not what is measured.
        server.ask("POST", path, json.loads(body))
    for round_number in range(options.rounds):
        for connections in options.connections:
            # In turn, so that what the machine does meanwhile hits all of them.
            for name, (server, path, body, headers) in targets.items():
                more = {"header": headers[0] if headers else "content-type: application/json"}
                report = server.load(driver, "POST", path, body=body, expect=EXPECTED, connections=connections, seconds=options.seconds,
                                     warmup=options.seconds / 4, **more)
                bench.note(runs, target=name, round=round_number, **report)
        for name, (server, path, body, headers) in targets.items():
            if name == "outcrop":
                path = path.replace("/converse", "/converse-stream")
            else:
                body = body[:-1] + ',"stream":true}'
            times = [first_piece(server.address, path, body, headers) for _ in range(options.first)]
            bench.note(runs, target=name, round=round_number, first_ms=round(statistics.median(times), 3), first_ms_most=round(max(times), 3))


def first_piece(address, path, body, headers):
    """Milliseconds from when the back end sent the first piece to when it is here."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = [f"POST {path} HTTP/1.1", f"host: {address}", "connection: close", *(headers or ["content-type: application/json"]), f"content-length: {len(body)}", "", ""]
        connection.sendall("\r\n".join(head).encode() + body.encode())
        read = b""
        while True:
            piece = connection.recv(65536)
            now = time.time_ns()
            if not piece:
                raise SystemExit(f"{path} at {address} ended without a piece: {read[:600]!r}")
            read += piece
            sent = next((word for word in _numbers(read) if len(word) == 19), None)
            if sent:
                return (now - int(sent)) / 1e6


def _numbers(data):
    word = b""
    for byte in data:
        if 48 <= byte <= 57:
            word += bytes([byte])
        else:
            if word:
                yield word
            word = b""


def summary(runs):
    """Medians over rounds, and ratios round by round."""
    table = {}
    for target in dict.fromkeys(run["target"] for run in runs):
        rows = [run for run in runs if run["target"] == target]
        table[target] = {}
        for connections in dict.fromkeys(run["connections"] for run in rows if "connections" in run):
            mine = [run for run in rows if run.get("connections") == connections]
            direct = [run for run in runs if run["target"] == "direct" and run.get("connections") == connections]
            middle = lambda what: statistics.median(run[what] for run in mine)
            told = {what: middle(what) for what in ("per_second", "p50_ms", "p99_ms", "cpu_ms")}
            told["ratio"] = round(statistics.median(other["per_second"] / one["per_second"] for one, other in zip(mine, direct)), 2)
            told["added_ms"] = round(statistics.median(one["p50_ms"] - other["p50_ms"] for one, other in zip(mine, direct)), 3)
            table[target][f"{connections} at a time"] = told
        first = [run for run in rows if "first_ms" in run]
        if first:
            table[target]["first_ms"] = statistics.median(run["first_ms"] for run in first)
            table[target]["first_ms_most"] = max(run["first_ms_most"] for run in first)
    return table


def text(table):
    lines = []
    for target, row in table.items():
        for name, told in row.items():
            if isinstance(told, dict):
                lines.append(f"{target:8} {name:14} {told['per_second']:9.0f} a second, p50 {told['p50_ms']:.3f} ms, p99 {told['p99_ms']:.2f} ms, "
                             f"{told['ratio']} times the back end alone, {told['added_ms']} ms more at p50")
        if "first_ms" in row:
            lines.append(f"{target:8} first piece     {row['first_ms']:.3f} ms on its way (at most {row['first_ms_most']:.3f})")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
