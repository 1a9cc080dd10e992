#!/usr/bin/env python3
"""Whether Outcrop stays as fast when much is stored: GetAgent and InvokeAgent against agents and against sessions.

    python3 bench/growth.py [--bin target/release/outcrop] [--agents 1 1000 10000] [--sessions 0 10000 100000 1000000] [--rounds 5] [--save FILE]

Everything is made through the API: agents with a prepared version and an alias each, sessions by one turn each. Then the
servers of all sizes run side by side on one core, and each round asks one after the other, so that what the machine
does meanwhile hits all. CPU per call is taken with 64 connections, the median latency with one. A turn here is one call of
a scripted model that answers at once, in a session of its own; `stored` turns go on in sessions that were there, each in
another. Told is each size's ratio to the smallest, as the median over the rounds, and what a start and the memory cost.
"""
import argparse
import json
import pathlib
import random
import statistics
import sys
import tempfile

import bench

INSTRUCTION = "You help customers of a small shop with their orders, kindly and quickly. This is desk {n}."
ANSWER = "chunk"


def make_agents(server, driver, folder, count):
    """Agents, each prepared and under an alias; a file with `AGENT ALIAS` in each line."""
    agents, file = folder / "made.txt", folder / "agents.txt"
    body = {"agentName": "agent-{n}", "foundationModel": "scripted", "instruction": INSTRUCTION, "idleSessionTTLInSeconds": 5400}
    server.load(driver, "PUT", "/agents/", body=json.dumps(body), save=("agentId", agents), requests=count)
    server.load(driver, "POST", "/agents/{pick}/", pick=agents, requests=count)
    server.load(driver, "PUT", "/agents/{pick}/agentaliases/", pick=agents, body='{"agentAliasName": "live"}', save=("agentAliasId", file), requests=count)
    # The last one is where sessions are kept.
    return file, file.read_text().split("\n")[0].split(" ")


def turns(server, driver, agent, alias, session, **options):
    return server.load(driver, "POST", f"/agents/{agent}/agentAliases/{alias}/sessions/{session}/text", body='{"inputText": "Where is my order?"}',
                       expect=ANSWER, **options)


def sizes(given):
    """`(name, agents, sessions)` of each server; the first of each kind is what the others are compared with."""
    return ([(f"{count} agents", count, 0) for count in given.agents] + [(f"{count} sessions", 1, count) for count in given.sessions])


def measure(server, driver, folder, round_, requests):
    """One round on one server, as `{what: report}`. The sessions it adds are told apart from those that were stored."""
    file, agent, alias, stored = folder["agents"], *folder["one"], folder["stored"]
    many = {"requests": requests, "connections": 64}
    one = {"requests": max(1, requests // 8), "connections": 1}
    found = {}
    for name, load in ("", many), (", one at a time", one):
        found[f"GetAgent{name}"] = server.load(driver, "GET", "/agents/{pick:1}/", pick=file, expect="agentName", **load)
        found[f"InvokeAgent{name}"] = turns(server, driver, agent, alias, f"fresh-{round_}-{load['connections']}-{{n}}", **load)
    found["ListAgents"] = server.load(driver, "POST", "/agents/", body='{"maxResults": 10}', expect="agentSummaries", **many)
    if len(file.read_text().splitlines()) > 1:
        found["InvokeAgent, agents in turn"] = turns(server, driver, "{pick:1}", "{pick:2}", f"turn-{round_}-{{n}}", pick=file, **many)
    if stored:
        picks = folder["folder"] / "sessions.txt"
        some = [stored.pop() for _ in range(min(requests, len(stored)))]
        picks.write_text("\n".join(some) + "\n")
        found["InvokeAgent, stored sessions"] = turns(server, driver, agent, alias, "{pick}", pick=picks, connections=64, requests=len(some))
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--bin", default=str(bench.ROOT / "target/release/outcrop"))
    arguments.add_argument("--agents", type=int, nargs="+", default=[1, 1000, 10_000])
    arguments.add_argument("--sessions", type=int, nargs="+", default=[0, 10_000, 100_000, 1_000_000])
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--requests", type=int, default=4000)
    arguments.add_argument("--work", help="folder for the databases; one million sessions need two or three GB")
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--save", help="file that raw runs are added to")
    given = arguments.parse_args()
    runs = []
    with tempfile.TemporaryDirectory(dir=given.work) as work:
        driver = bench.load_driver(work)
        folders = [fill(given, driver, pathlib.Path(work) / f"{at}", *size, runs) for at, size in enumerate(sizes(given))]
        servers = []
        try:
            # Started again, so that a start with what is stored is measured, and memory holds nothing of the filling.
            for (name, agents, sessions), folder in zip(sizes(given), folders):
                server = bench.outcrop(given.bin, folder["folder"]).__enter__()
                servers.append(server)
                bench.note(runs, bench="growth", size=name, what="start", ready_ms=server.ready_ms, memory_mb=server.memory_mb())
            for round_ in range(given.rounds):
                for (name, agents, sessions), folder, server in zip(sizes(given), folders, servers):
                    for what, report in measure(server, driver, folder, round_, given.requests).items():
                        bench.note(runs, bench="growth", size=name, what=what, round=round_, **report)
            for (name, *_), server in zip(sizes(given), servers):
                bench.note(runs, bench="growth", size=name, what="end", memory_mb=server.memory_mb())
        finally:
            for server in servers:
                server.__exit__()
    bench.save(runs, given.save)
    table = summary(runs, sizes(given))
    print(json.dumps(table) if given.json else text(table))


def fill(given, driver, folder, name, agents, sessions, runs):
    with bench.outcrop(given.bin, folder) as server:
        file, one = make_agents(server, driver, folder, agents)
        if sessions:
            report = turns(server, driver, *one, "stored-{n}", connections=64, requests=sessions)
            bench.note(runs, bench="growth", size=name, what="filling", **report)
    wanted = min(sessions, given.requests * given.rounds)
    stored = [f"stored-{number}" for number in random.Random(1).sample(range(sessions), wanted)]
    return {"folder": folder, "agents": file, "one": one, "stored": stored}


def summary(runs, all_sizes):
    table = {}
    for kind in ("agents", "sessions"):
        names = [name for name, *_ in all_sizes if name.endswith(kind)]
        for what in sorted({run["what"] for run in runs if run["size"].endswith(kind) and "round" in run}):
            # What the smallest cannot show is compared with the smallest that can.
            those = {name: [run for run in runs if (run["size"], run["what"]) == (name, what)] for name in names}
            those = {name: rows for name, rows in those.items() if rows}
            first = next(iter(those.values()))
            if what == "InvokeAgent, agents in turn":
                # Against one agent that is asked again and again.
                first = [run for run in runs if (run["size"], run["what"]) == (names[0], "InvokeAgent")]
            for name, rows in those.items():
                row = {"cpu_ms": round(statistics.median(run["cpu_ms"] for run in rows), 5), "p50_ms": statistics.median(run["p50_ms"] for run in rows)}
                for measure in ("cpu_ms", "p50_ms"):
                    ratios = sorted(run[measure] / base[measure] for run, base in zip(rows, first))
                    row[f"{measure}_ratio"] = [round(ratio, 3) for ratio in (statistics.median(ratios), ratios[0], ratios[-1])]
                table.setdefault(what, {})[name] = row
    for what in ("start", "end"):
        table[what] = {run["size"]: {key: run[key] for key in ("ready_ms", "memory_mb") if key in run} for run in runs if run["what"] == what}
    return table


def text(table):
    lines = []
    for what, rows in table.items():
        lines.append(what)
        for name, row in rows.items():
            told = [f"{key} {value[0]} ({value[1]} to {value[2]})" if isinstance(value, list) else f"{key} {value}" for key, value in row.items()]
            lines.append(f"  {name:18} {', '.join(told)}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
