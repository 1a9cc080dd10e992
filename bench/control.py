#!/usr/bin/env python3
"""How fast the control plane is: CreateAgent, GetAgent, ListAgents, 64 at a time, beside moto's server in the same run.

    python3 bench/control.py --moto PATH/TO/moto_server [--bin target/release/outcrop] [--seconds 5] [--rounds 3] [--save FILE]

Each round starts both anew, one after the other, on one core with the load on another; creates 1,000 agents, then reads
single agents, reads pages of ten of the thousand, and creates more. Every CreateAgent of Outcrop is durable before its
answer; moto keeps all in memory. Without --moto only Outcrop is measured.
"""
import argparse
import json
import pathlib
import statistics
import sys
import tempfile

import bench

AUTHORIZATION = "authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0"
AGENT = {"agentName": "agent-{n}", "foundationModel": "anthropic.claude-opus-4-7", "agentResourceRoleArn": "arn:aws:iam::123456789012:role/AgentRole",
         "instruction": "You help customers of a small shop with their orders, kindly and quickly."}
CALLS = ("GetAgent", "ListAgents", "CreateAgent")


def measure(server, driver, folder, agents, seconds, connections):
    """The three calls, as `{call: report}`."""
    ids = folder / "ids.txt"
    agent = lambda prefix: json.dumps(AGENT).replace("agent-", prefix)
    common = {"header": AUTHORIZATION, "connections": connections}
    timed = {**common, "seconds": seconds, "warmup": min(1, seconds)}
    server.load(driver, "PUT", "/agents/", body=agent("first-"), save=("agentId", ids), requests=agents, **common)
    return {
        "GetAgent": server.load(driver, "GET", "/agents/{pick}/", pick=ids, expect="agentName", **timed),
        "ListAgents": server.load(driver, "POST", "/agents/", body='{"maxResults": 10}', expect="agentSummaries", **timed),
        "CreateAgent": server.load(driver, "PUT", "/agents/", body=agent("more-"), expect="agentId", **timed),
    }


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--bin", default=str(bench.ROOT / "target/release/outcrop"))
    arguments.add_argument("--moto", help="the program moto_server")
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--agents", type=int, default=1000)
    arguments.add_argument("--connections", type=int, default=64)
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--save", help="file that raw runs are added to")
    given = arguments.parse_args()
    runs = []
    for round_ in range(given.rounds):
        for target in ("outcrop", "moto") if given.moto else ("outcrop",):
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                driver = bench.load_driver(folder)
                made = bench.outcrop(given.bin, folder) if target == "outcrop" else moto(given.moto)
                with made as server:
                    for call, report in measure(server, driver, folder, given.agents, given.seconds, given.connections).items():
                        bench.note(runs, bench="control", target=target, round=round_, call=call, **report)
    bench.save(runs, given.save)
    table = summary(runs)
    print(json.dumps(table) if given.json else text(table))


def moto(program):
    import socket
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return bench.Server([program, "-H", "127.0.0.1", "-p", port], f"127.0.0.1:{port}")


def summary(runs):
    """Medians, and the ratio round by round: what the machine does meanwhile hits both."""
    table = {}
    for call in CALLS:
        mine = [run for run in runs if run["call"] == call and run["target"] == "outcrop"]
        theirs = [run for run in runs if run["call"] == call and run["target"] == "moto"]
        middle = lambda rows, what: statistics.median(row[what] for row in rows)
        table[call] = {name: {what: middle(rows, what) for what in ("per_second", "p50_ms", "p99_ms", "cpu_ms")}
                       for name, rows in (("outcrop", mine), ("moto", theirs)) if rows}
        for what, ratio in ("per_second", lambda one, other: one / other), ("cpu_ms", lambda one, other: other / one):
            ratios = sorted(ratio(one[what], other[what]) for one, other in zip(mine, theirs))
            if ratios:
                table[call][f"{what}_ratio"] = {"median": round(statistics.median(ratios), 1), "least": round(ratios[0], 1), "most": round(ratios[-1], 1)}
    return table


def text(table):
    lines = []
    for call, row in table.items():
        for target in ("outcrop", "moto"):
            if target in row:
                lines.append(f"{call:12} {target:8} {row[target]['per_second']:9.0f} a second, CPU {row[target]['cpu_ms']:.4f} ms, p50 {row[target]['p50_ms']:.2f} ms, p99 {row[target]['p99_ms']:.2f} ms")
        for what in ("per_second", "cpu_ms"):
            if f"{what}_ratio" in row:
                ratio = row[f"{what}_ratio"]
                lines.append(f"{call:12} {what}: {ratio['median']} times better ({ratio['least']} to {ratio['most']})")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
