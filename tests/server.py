"""The real server as a process: start, stop, kill, start again."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

BINARY = Path(os.environ.get("OUTCROP_BIN") or Path(__file__).parents[1] / "target/debug/outcrop").resolve()
READY = "outcrop listening on "
# Nothing of the caller's environment, so that no key or proxy of theirs decides how a test ends.
ENVIRONMENT = {
    name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "RUST_BACKTRACE") if name in os.environ
}


class Server:
    """`outcrop serve` (or `dev`) on a port of the system's choice, with its data in a folder that outlives it."""

    def __init__(self, arguments, log, environment=None):
        self.arguments = [str(argument) for argument in arguments]
        self.log = Path(log)
        self.environment = {**ENVIRONMENT, **(environment or {})}
        self.process = None
        self.url = None

    def start(self, seconds=60):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(BINARY), *self.arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=self.environment, text=True, start_new_session=True,
            )
        ready = threading.Event()
        self.printed = []
        threading.Thread(target=self._read, args=(self.process, ready), daemon=True).start()
        deadline = time.monotonic() + seconds
        while not ready.wait(0.01):
            # An end without the ready line closes standard output too, so both come to light here.
            if self.process.poll() is not None and not ready.wait(0.5):
                raise AssertionError(f"the server ended with {self.process.returncode}\n{self.tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"the server was not ready within {seconds} s\n{self.tail()}")
        return self

    def _read(self, process, ready):
        for line in process.stdout:
            self.printed.append(line.rstrip("\n"))
            if line.startswith(READY):
                self.url = line[len(READY):].strip()
                ready.set()

    def kill(self):
        """kill -9: nothing is flushed, nobody is asked."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait(30)

    def terminate(self, seconds=35):
        """SIGTERM; gives the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def restart(self):
        self.kill()
        return self.start()

    def tail(self, lines=60):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def outcrop(*arguments, environment=None, stdin=None, seconds=60, cwd=None):
    """Runs a command of the binary to its end."""
    return subprocess.run(
        [str(BINARY), *[str(argument) for argument in arguments]], capture_output=True, text=True, timeout=seconds,
        env={**ENVIRONMENT, **(environment or {})}, stdin=subprocess.DEVNULL if stdin is None else None, input=stdin, cwd=cwd,
    )
