"""What only PostgreSQL has: a database that goes away and comes back under turns, replicas, its own errors."""

import json
import threading
import time
import urllib.error
import urllib.request

import postgres
import pytest
from botocore.exceptions import ClientError
from conftest import World, need
from script import call, say, script, turn
from server import outcrop as command
from world import client, eventually, function, group, handler, invoke, make_agent, refused

ORDERS = group("OrderTools", function("get_order_status", order_id="string"))
ASK = script(turn(call("get_order_status", order_id="A-1"), say("A-1 has shipped.")))


@pytest.fixture
def database():
    """A server of the test's own, which it may stop. What it acknowledged is on the disk."""
    postgres.need()
    made = postgres.Cluster(durable=True).start()
    yield made
    made.end()


def ready(world):
    try:
        with urllib.request.urlopen(f"{world.url}/readyz", timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def noting(folder):
    """A handler that notes its calls and takes a moment."""
    return handler(f"""
        with open(os.path.join({str(folder)!r}, "calls"), "a") as calls:
            calls.write(arguments["order_id"] + "\\n")
        time.sleep(0.3)
        return {{"status": "shipped"}}
    """)


@pytest.mark.parametrize("goes", ["stop", "crash"])
def test_a_restart_of_the_database_under_turns(outcrop, database, tmp_path, goes):
    outcrop.start(ASK, {"order-tools": noting(tmp_path)})
    agent = make_agent(outcrop.control(), ORDERS)
    answers, failures = [], []

    def converse(number):
        runtime = outcrop.runtime()
        for turn_number in range(4):
            try:
                answers.append(invoke(runtime, agent, f"Where is A-1? {turn_number}", session=f"s-{number}").answer)
            except Exception as error:
                failures.append(error)

    talking = [threading.Thread(target=converse, args=(number,)) for number in range(4)]
    for each in talking:
        each.start()
    eventually(lambda: (tmp_path / "calls").exists())
    getattr(database, goes)()
    database.start()
    for each in talking:
        each.join()
    # The database was away for less than work waits for it: nobody noticed, and nothing was done twice.
    assert failures == [] and answers == ["A-1 has shipped."] * 16
    assert (tmp_path / "calls").read_text() == "A-1\n" * 16
    eventually(lambda: ready(outcrop) == 200)
    assert [["16", "16"]] == outcrop.sql("SELECT sum(turns)::bigint, count(*) FILTER (WHERE open_turn IS NULL) * 4 FROM session")


def test_a_database_that_stays_away_is_told_and_comes_back(outcrop, database):
    outcrop.start(script(turn(say("Hello."))))
    agent = make_agent(outcrop.control())
    assert invoke(outcrop.runtime(), agent, "Hi", session="s-1").answer == "Hello." and ready(outcrop) == 200
    database.stop()
    eventually(lambda: ready(outcrop) == 503)
    # Longer than what is asked waits for it; then whoever asks is told at once.
    eventually(lambda: "is away" in outcrop.server.tail() and refused(outcrop.control().get_agent, agentId=agent.id)[0] == 500, 40)
    began = time.monotonic()
    status, code, message = refused(outcrop.control().get_agent, agentId=agent.id)
    assert (status, code) == (500, "InternalServerException") and "database" in message, message
    with pytest.raises(ClientError) as told:
        invoke(outcrop.runtime(), agent, "Hi", session="s-1")
    assert "internalServer" in str(told.value) or "InternalServer" in str(told.value)
    assert time.monotonic() - began < 10
    database.start()
    eventually(lambda: ready(outcrop) == 200)
    assert invoke(outcrop.runtime(), agent, "Hi", session="s-1").answer == "Hello."
    log = (outcrop.folder / "server.log").read_text()
    assert "the database is back" in log


def test_two_replicas_see_each_others_changes_at_once(outcrop, database, tmp_path):
    outcrop.start(script(turn(say("Hello."))))
    other = World(tmp_path / "other", database)
    other.folder.mkdir()
    other.schema = outcrop.schema
    other.start(script(turn(say("Hello."))))
    try:
        here, there = outcrop.control(), other.control()
        agent = make_agent(here, name="one")
        for number in range(3):
            # An alias is kept in memory where it was called; the other replica changes what it leads to.
            assert invoke(outcrop.runtime(), agent, "Hi", session=f"a-{number}").answer == "Hello."
            there.update_agent_alias(agentId=agent.id, agentAliasId=agent.alias_id, agentAliasName="PROD", aliasInvocationState="REJECT_INVOCATIONS")
            with pytest.raises(ClientError) as told:
                invoke(outcrop.runtime(), agent, "Hi", session=f"b-{number}")
            assert "REJECT_INVOCATIONS" in str(told.value)
            there.update_agent_alias(agentId=agent.id, agentAliasId=agent.alias_id, agentAliasName="PROD", aliasInvocationState="ACCEPT_INVOCATIONS")
        # A session goes on wherever it is asked for.
        invoke(outcrop.runtime(), agent, "First", session="both")
        second = invoke(other.runtime(), agent, "Second", session="both")
        assert "First" in str(second.prompts[0])
        assert refused(there.create_agent, agentName="one")[1] == "ConflictException"
    finally:
        other.end()


def test_what_is_wrong_with_the_url_is_told_without_the_password(outcrop, database):
    def told(url, code, **more):
        config = outcrop.folder / "outcrop.toml"
        config.write_text("[store]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in {"url": url, **more}.items()))
        ended = command("store", "stats", "--data", outcrop.folder / "data", "--config", config)
        assert ended.returncode == code and "hidden" not in ended.stdout + ended.stderr, ended
        return ended.stderr

    port = database.port
    assert "outcrop.toml:2: store.url" in told(f"postgres://u:hidden@127.0.0.1:{port}/x?sslmode=maybe", 2)
    assert "does not exist" in told(f"postgres://u:hidden@127.0.0.1:{port}/postgres?sslmode=disable", 1)
    assert "does not exist" in told(f"host=127.0.0.1 port={port} user=postgres password=hidden dbname=nothing", 1)
    assert "store.connections: is 3 to 1000" in told(database.url(), 2, connections=1)
    assert "holds no store" in told(database.url(), 1, schema="empty")
    # It has no TLS, and is not spoken to without where TLS is asked for.
    assert "TLS" in told(f"postgres://postgres:hidden@127.0.0.1:{port}/postgres?sslmode=require", 1)


def test_tls_proves_what_it_is_asked_to(outcrop, tmp_path):
    postgres.need()
    need("openssl")
    database = postgres.Cluster()
    try:
        root = database.certify("localhost")
        database.start()

        def told(host, mode, **more):
            parameters = "".join(f"&{name}={value}" for name, value in more.items())
            url = f"postgres://postgres@{host}:{database.port}/postgres?sslmode={mode}{parameters}"
            config = outcrop.folder / "outcrop.toml"
            config.write_text(f"[store]\nurl = {json.dumps(url)}\nconnect_timeout = \"1s\"\n")
            return command("store", "stats", "--data", tmp_path / "data", "--config", config).stderr

        there = "holds no store"
        for mode in ("disable", "prefer", "require"):
            assert there in told("127.0.0.1", mode), mode
        assert there in told("localhost", "verify-full", sslrootcert=root)
        # Not this host's, not a root that is trusted, not a certificate.
        assert "certificate" in told("127.0.0.1", "verify-full", sslrootcert=root)
        assert there in told("127.0.0.1", "verify-ca", sslrootcert=root)
        assert "certificate" in told("localhost", "verify-full")
        assert "certificate" in told("localhost", "verify-ca")
        assert "sslrootcert" in told("localhost", "verify-ca", sslrootcert=tmp_path / "nothing.pem")
        outcrop.database, outcrop.schema = database, "tls"
        outcrop.start(script(turn(say("Hello."))), settings=f"""
            [store]
            url = "postgres://postgres@localhost:{database.port}/postgres?sslmode=verify-full&sslrootcert={root}"
            schema = "tls" """)
        assert [["t"]] == database.sql("SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'outcrop'")
    finally:
        database.end()


def test_check_backup_and_restore(outcrop, database):
    outcrop.start(script(turn(say("Hello."))))
    agent = make_agent(outcrop.control())
    invoke(outcrop.runtime(), agent, "Hi", session="s-1")

    def run(*words, code=0):
        ended = command("store", *words, "--json", "--data", outcrop.folder / "data", "--config", outcrop.folder / "outcrop.toml")
        assert ended.returncode == code, (ended.stdout, ended.stderr)
        return json.loads(ended.stdout) if ended.stdout else ended.stderr

    assert run("check")["whole"]
    assert run("stats")["resources"]["agent"] == 1
    backed_up = outcrop.folder / "backup"
    assert run("backup", backed_up)["files"] >= 1
    invoke(outcrop.runtime(), agent, "Hi", session="s-2")
    outcrop.server.terminate()
    assert "rows" in run("restore", backed_up, code=2)
    restored = run("restore", backed_up, "--replace")
    assert any("-before-" in path for path in restored["putAside"])
    outcrop.server.start()
    assert [["s-1"]] == outcrop.sql("SELECT session_id FROM session")
    assert invoke(outcrop.runtime(), agent, "Hi", session="s-1").answer == "Hello."
    outcrop.server.terminate()

    # The backup is a database of SQLite: a server without PostgreSQL goes on from it.
    (outcrop.folder / "outcrop.toml").write_text((outcrop.folder / "outcrop.toml").read_text().split("[store]")[0])
    run("restore", backed_up)
    outcrop.server.start()
    assert invoke(outcrop.runtime(), agent, "Hi", session="s-1").answer == "Hello."


def test_a_full_disk_is_told_and_nothing_is_lost(outcrop, database):
    outcrop.start(script(turn(say("Hello."))))
    agent = make_agent(outcrop.control())
    invoke(outcrop.runtime(), agent, "Hi", session="s-1")
    # As a full disk does it: the server answers every write with the error of one.
    outcrop.sql("""CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON turn_event FOR EACH ROW EXECUTE FUNCTION full_disk()""")
    with pytest.raises(ClientError) as told:
        invoke(outcrop.runtime(), agent, "Hi", session="s-1")
    assert "nternalServer" in str(told.value)
    assert "No space left on device" in outcrop.server.tail()
    outcrop.sql("DROP TRIGGER full_disk ON turn_event")
    assert invoke(outcrop.runtime(), agent, "Hi", session="s-1").answer == "Hello."
    assert [["2"]] == outcrop.sql("SELECT turns FROM session")
