"""Fixtures: the real server with real clients before it and a scripted model behind it."""

import itertools
import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

import postgres
import world
from server import BINARY, Server
from walk.stage import Stage

REPOSITORY = Path(__file__).parents[1]
# Files whose tests run on both databases. OUTCROP_TEST_STORE=postgres runs all tests on PostgreSQL, =sqlite none.
ON_BOTH = {
    "test_agent_rules", "test_answer_schema", "test_cancel", "test_collaboration", "test_control_plane", "test_forks",
    "test_inline", "test_interrupted", "test_invoke", "test_kept", "test_memory", "test_paging", "test_quotas",
    "test_remembering", "test_return_of_control", "test_session_store", "test_streaming",
}
STORE = os.environ.get("OUTCROP_TEST_STORE", "")


def pytest_generate_tests(metafunc):
    if "database" in metafunc.fixturenames and not STORE and metafunc.module.__name__ in ON_BOTH:
        metafunc.parametrize("database", ["sqlite", "postgres"], indirect=True, scope="module")


@pytest.fixture(scope="session")
def cluster():
    """The server of PostgreSQL that all tests share; each world has a schema of its own there."""
    postgres.need()
    made = postgres.Cluster().start()
    yield made
    made.end()


@pytest.fixture(scope="module")
def database(request):
    """Where the worlds of a test keep their state: None for SQLite in their folder, or the server of PostgreSQL."""
    kind = getattr(request, "param", STORE or "sqlite")
    return request.getfixturevalue("cluster") if kind == "postgres" else None


def pytest_sessionstart(session):
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is missing: run `cargo build`, or set OUTCROP_BIN", 2)


def need(program):
    """Skips where an optional program is missing; in CI that is a failure, since nobody reads skips there."""
    programs = os.environ.get("OUTCROP_TEST_PROGRAMS", "")
    found = shutil.which(program, path=f"{programs}{os.pathsep}{os.environ.get('PATH', '')}")
    if not found:
        message = f"{program} is not installed"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    return found


SCHEMAS = itertools.count()


class World:
    """Everything one test has: a folder, a configuration, a server, clients."""

    def __init__(self, folder, database=None):
        self.folder = folder
        self.database = database
        self.schema = f"w{next(SCHEMAS)}"
        self.servers = []
        self.server = None

    def start(self, script=None, functions=None, settings="", environment=None):
        """Writes the configuration and starts `serve`. `functions` maps a name to a handler's source or to
        `(source, settings)`."""
        lines = [settings]
        if script is not None:
            (self.folder / "script.yaml").write_text(script)
            lines += ["[[model]]", 'match = "*"', 'provider = "scripted"', f"script = {json.dumps(str(self.folder / 'script.yaml'))}"]
        for name, source in (functions or {}).items():
            source, more = source if isinstance(source, tuple) else (source, 'timeout = "30s"')
            lines += ["[[function]]", f"match = {json.dumps(name)}", f"code = {json.dumps(str(self.function_folder(name, source)))}",
                      'runtime = "python3"', 'handler = "app.lambda_handler"', more]
        if self.database and "[store]" not in settings:
            lines += ["[store]", f"url = {json.dumps(self.database.url())}", f"schema = {json.dumps(self.schema)}"]
        config = self.folder / "outcrop.toml"
        config.write_text("\n".join(lines) + "\n")
        arguments = ["serve", "--listen", "127.0.0.1:0", "--data", self.folder / "data", "--config", config]
        self.server = self.run(arguments, environment)
        return self

    def run(self, arguments, environment=None):
        server = Server(arguments, self.folder / "server.log", environment)
        self.servers.append(server)
        return server.start()

    def function_folder(self, name, source):
        folder = self.folder / "functions" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "app.py").write_text(source)
        return folder

    def sql(self, text):
        """Looks into the running server's database, or puts into it what no call does; gives rows of texts."""
        if self.database:
            return self.database.sql(f'SET search_path = "{self.schema}"; {text}')
        database = sqlite3.connect(self.folder / "data/outcrop.db", timeout=10)
        with database:
            rows = [[str(value) for value in row] for row in database.execute(text)]
        database.close()
        return rows

    @property
    def url(self):
        return self.server.url

    def control(self, **config):
        return world.client("bedrock-agent", self.url, **config)

    def runtime(self, **config):
        return world.client("bedrock-agent-runtime", self.url, **config)

    def end(self):
        for server in self.servers:
            server.kill()
            print(f"--- log of the server\n{server.tail()}")


@pytest.fixture
def outcrop(tmp_path, database):
    """A world whose server the test starts itself."""
    made = World(tmp_path, database)
    yield made
    made.end()


@pytest.fixture(scope="module")
def stage(tmp_path_factory, database):
    """A server of a whole module, with what the operations of the models need."""
    made = World(tmp_path_factory.mktemp("stage"), database)
    yield Stage(made)
    made.end()


@pytest.fixture
def control(outcrop):
    """A control-plane client of a server with nothing behind it."""
    return outcrop.start().control()
