"""What the benchmarks share: servers as processes on a core of their own, the load driver, and how busy the machine was."""

import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
# Outcrop and its peer on one core, the load on another, where there are two.
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
SERVER_CORE, LOAD_CORE = str(CORES[0]), str(CORES[-1])
SCRIPTED = '[[model]]\nmatch = "*"\nprovider = "scripted"\nscript = "script.json"\n'
SCRIPT = {"turns": [{"when": "", "steps": [{"say": "Your order has shipped and arrives on Friday."}]}]}


def pinned(core, command):
    return ["taskset", "-c", core, *map(str, command)] if len(CORES) > 1 else [*map(str, command)]


def load_driver(folder):
    """Compiles bench/load.rs, which takes a second or two."""
    program = pathlib.Path(folder) / "load"
    subprocess.run(["rustc", "--edition", "2024", "-O", "-o", program, HERE / "load.rs"], check=True)
    return program


class Server:
    """A server under load; ends with the `with` block."""

    def __init__(self, command, address, **more):
        self.command, self.address, self.more = pinned(SERVER_CORE, command), address, more
        self.process = None

    def __enter__(self):
        began = time.perf_counter()
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **self.more)
        if self.address is None:
            ready = self.process.stdout.readline()
            if not ready.startswith("outcrop listening on http://"):
                raise SystemExit("the server did not start: " + " ".join(self.command))
            self.address = ready.strip().rpartition("//")[2]
        else:
            answers(self.address)
        self.ready_ms = round(1000 * (time.perf_counter() - began), 1)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def memory_mb(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return round(int(line.split()[1]) / 1024, 1)

    def load(self, driver, method, path, **options):
        """One run of the driver; options as it names them."""
        words = [word for name, value in options.items() for word in (f"--{name}", *(value if isinstance(value, (list, tuple)) else [value]))]
        command = pinned(LOAD_CORE, [driver, self.address, method, path, "--process", self.process.pid, *words])
        before = busy()
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{method} {path} of {self.command[-1]}: {done.stderr.strip()}")
        report = json.loads(done.stdout)
        # Beside what runs here: the server, the driver and this program.
        report["busy_cores"] = round((busy() - before) / (time.perf_counter() - began), 2)
        return report

    def ask(self, method, path, body=None):
        request = urllib.request.Request(f"http://{self.address}{path}", method=method, data=json.dumps(body).encode() if body is not None else None,
                                         headers={"content-type": "application/json"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return json.loads(answer.read() or b"{}")


def outcrop(binary, folder):
    """Outcrop on a folder of its own, every write durable, with a model that answers at once."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "outcrop.toml").write_text(SCRIPTED)
    (folder / "script.json").write_text(json.dumps(SCRIPT))
    return Server([pathlib.Path(binary).resolve(), "serve", "--listen", "127.0.0.1:0", "--data", "data", "--config", "outcrop.toml"], None, cwd=folder,
                  env={**os.environ, "OUTCROP_LOG": "warn"})


def answers(address, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{address}/", timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing answers at {address}")


def busy():
    """Seconds of all cores spent on anything, since the machine started."""
    try:
        fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0.0
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def note(runs, **row):
    """Keeps a raw run and tells it."""
    row = {"t": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), **row}
    runs.append(row)
    print(json.dumps(row), file=sys.stderr)


def save(runs, file):
    if file:
        with open(file, "a") as out:
            out.writelines(json.dumps(row) + "\n" for row in runs)
