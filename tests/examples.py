"""The examples, each run as a reader runs it."""

import shutil
import subprocess
import sys

from conftest import REPOSITORY
from server import ENVIRONMENT


def dev(outcrop, name, settings=None):
    """`outcrop dev` on a copy of an example, with other settings if given; the copy's folder is `outcrop.example`."""
    folder = outcrop.folder / name
    shutil.copytree(REPOSITORY / "examples" / name, folder, ignore=shutil.ignore_patterns("__pycache__", ".outcrop"))
    if settings is not None:
        (folder / "outcrop.toml").write_text(settings)
    environment = {"OUTCROP_LISTEN": "127.0.0.1:0", "OUTCROP_DATA": str(outcrop.folder / "data"), "TMPDIR": str(outcrop.folder)}
    outcrop.server = outcrop.run(["dev", folder], environment)
    outcrop.example = folder
    return outcrop


def ask(outcrop, *questions, **environment):
    """Runs the example's ask.py; gives what it printed."""
    environment = {**ENVIRONMENT, "OUTCROP_ENDPOINT": outcrop.url, "NO_PROXY": "127.0.0.1", **environment}
    command = [sys.executable, outcrop.example / "ask.py", *questions]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def calls_in(printed):
    """The calls that ask.py shows, without how they are introduced."""
    return [line.split("calls  ", 1)[1] for line in printed.splitlines() if "calls  " in line]
