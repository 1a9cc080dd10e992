"""A server of PostgreSQL in a temporary folder: start, stop, kill, start again; and a client for what tests look at."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

# PostgreSQL does not run as root; this is who it runs as then.
USER = "postgres"


def programs():
    """The folder of the newest version's programs, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    path = shutil.which("initdb")
    return Path(path).resolve().parent if path else None


def need():
    """Skips where PostgreSQL is missing; in CI that is a failure, since nobody reads skips there."""
    if programs() is None:
        message = "PostgreSQL is not installed (Debian's `postgresql`)"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)


class Cluster:
    """One server. With `durable` what it acknowledges is on the disk; without, tests are faster."""

    def __init__(self, durable=False):
        self.programs = programs()
        # A short path: it also holds the server's socket, whose name may have a hundred characters.
        self.folder = Path(tempfile.mkdtemp(prefix="outcrop-pg-"))
        self.data = self.folder / "data"
        self.process = None
        self.settings = []
        self.durable = durable
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if os.getuid() == 0:
            user = pwd.getpwnam(USER)
            self.as_user = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups", "--"]
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        else:
            self.as_user = []
        self._run("initdb", "-A", "trust", "-U", USER, "-E", "UTF8", "--no-locale", "--no-sync", "-D", self.data)

    def _command(self, program, *arguments):
        return [*self.as_user, str(self.programs / program), *map(str, arguments)]

    def _run(self, program, *arguments):
        ended = subprocess.run(self._command(program, *arguments), capture_output=True, text=True, cwd="/")
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def certify(self, host):
        """Has the server speak TLS as `host` from its next start on; gives the file of the root that vouches for it."""
        def openssl(*arguments):
            made = subprocess.run([*self.as_user, "openssl", *arguments], capture_output=True, text=True, cwd=self.data)
            assert made.returncode == 0, made.stderr

        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl("req", "-x509", *key, "-days", "30", "-subj", "/CN=root", "-keyout", "root.key", "-out", "root.pem")
        openssl("req", "-x509", *key, "-days", "30", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
                "-addext", "basicConstraints=critical,CA:FALSE", "-CA", "root.pem", "-CAkey", "root.key",
                "-keyout", "server.key", "-out", "server.crt")
        self.settings += ["ssl=on"]
        root = self.folder / "root.pem"
        shutil.copy(self.data / "root.pem", root)
        root.chmod(0o644)
        self.folder.chmod(0o755)
        return root

    def start(self, seconds=60):
        settings = ["max_connections=200", "shared_buffers=64MB", *self.settings]
        settings += [] if self.durable else ["fsync=off", "full_page_writes=off"]
        arguments = [part for setting in settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command("postgres", "-D", self.data, "-p", self.port, "-h", "127.0.0.1", "-k", self.folder, *arguments),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while subprocess.run(self._command("pg_isready", "-q", "-h", "127.0.0.1", "-p", self.port)).returncode:
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)
        return self

    def stop(self):
        """As an operator restarts it: connections are closed, nothing is lost."""
        self._signal(signal.SIGINT)

    def crash(self):
        """As its machine dies: nobody is asked."""
        self._signal(signal.SIGQUIT)

    def _signal(self, which):
        if self.process and self.process.poll() is None:
            self.process.send_signal(which)
            self.process.wait(60)

    def end(self):
        self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, **parameters):
        more = "".join(f"&{name}={value}" for name, value in parameters.items())
        return f"postgres://{USER}@127.0.0.1:{self.port}/postgres?sslmode=disable{more}"

    def sql(self, text):
        """Runs a statement; gives its rows, columns split."""
        told = self._run("psql", "-h", "127.0.0.1", "-p", self.port, "-U", USER, "-d", "postgres", "-qAtX", "-F", "\t",
                         "-v", "ON_ERROR_STOP=1", "-c", text)
        return [line.split("\t") for line in told.splitlines()]
