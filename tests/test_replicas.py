"""Two servers on one PostgreSQL: what one leaves, the other takes over, and whoever comes back late does no harm."""

import signal
import socket
import threading

import postgres
import pytest
from botocore.exceptions import EventStreamError

from server import Server
from test_recovery import BOTH, ORDERS, RECOVERED, Place, gated, quietly
from world import Turn, client, eventually, invoke, make_agent

LEASE = '[recovery]\nlease = "2s"\ninterval = "200ms"\n'


class Proxy:
    """Stands between a server and the database; cut, it lets nothing through and answers nothing."""

    def __init__(self, port):
        self.port, self.is_cut, self.pairs = port, False, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.own_port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            near, _ = self.socket.accept()
            if self.is_cut:
                self.pairs.append((near, near))
                continue
            far = socket.create_connection(("127.0.0.1", self.port))
            self.pairs.append((near, far))
            for one, other in [(near, far), (far, near)]:
                threading.Thread(target=self.pipe, args=(one, other), daemon=True).start()

    def pipe(self, source, sink):
        try:
            while data := source.recv(65536):
                while self.is_cut:
                    threading.Event().wait(0.05)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.fixture
def database(request):
    postgres.need()
    return request.getfixturevalue("cluster")


class Pair:
    """Two servers on one database, and an agent."""

    def __init__(self, outcrop, database, folder):
        self.place = Place(folder)
        self.proxy = Proxy(database.port)
        outcrop.start(BOTH, {"order-tools": gated(folder)}, settings=LEASE)
        self.one = outcrop.server
        self.agent = make_agent(outcrop.control(), ORDERS)
        self.outcrop = outcrop
        # The first goes to the database through the proxy from here on.
        config = (folder / "outcrop.toml").read_text()
        (folder / "proxied.toml").write_text(config.replace(f":{database.port}/", f":{self.proxy.own_port}/"))
        self.one.terminate()
        arguments = ["serve", "--listen", "127.0.0.1:0", "--data"]
        self.one = outcrop.run([*arguments, folder / "data", "--config", folder / "proxied.toml"])
        self.two = outcrop.run([*arguments, folder / "data-2", "--config", folder / "outcrop.toml"])

    def runtime(self, server):
        return client("bedrock-agent-runtime", server.url)

    def begin(self):
        """A turn on the first server, with both calls under way."""
        self.place.shut("pay")
        self.place.shut("get_order_status")
        asked = []
        thread = threading.Thread(target=lambda: quietly(lambda: asked.append(invoke(self.runtime(self.one), self.agent, "Where is A-1?", session="s-1"))), daemon=True)
        thread.start()
        eventually(lambda: len(self.place.calls) == 2)
        return asked, thread

    def opens(self):
        self.place.open("pay")
        self.place.open("get_order_status")


@pytest.fixture
def pair(outcrop, database, tmp_path):
    return Pair(outcrop, database, tmp_path)


def check(pair):
    """The second server brings the first one's turn to its end, for whoever asks for it there; nothing is done twice."""
    attached = invoke(pair.runtime(pair.two), pair.agent, "Where is A-1?", session="s-1")
    assert attached.answer == "Paid."
    assert sorted(pair.place.names) == ["get_order_status", "pay"]
    assert sum(RECOVERED in line for line in attached.transcript) == 1
    assert invoke(pair.runtime(pair.two), pair.agent, "Say it again.", session="s-1").answer == "As I said."
    return attached


def test_a_dead_replicas_turn_is_taken_over(pair):
    pair.begin()
    pair.one.kill()
    pair.opens()
    check(pair)


def test_a_replica_that_sleeps_beyond_its_lease_does_no_harm(pair):
    asked, thread = pair.begin()
    pair.one.process.send_signal(signal.SIGSTOP)
    attached = check(pair)
    pair.opens()
    pair.one.process.send_signal(signal.SIGCONT)
    thread.join(30)
    # Its own client is told, and what it writes late is refused.
    assert not thread.is_alive() and asked == []
    assert sorted(pair.place.names) == ["get_order_status", "pay"]
    kept = [line for line in attached.transcript if "is unknown" in line]
    assert len(kept) == 2
    assert invoke(pair.runtime(pair.one), pair.agent, "Say it again.", session="s-1").answer == "As I said."


def test_a_replica_without_the_database_does_no_harm(pair):
    asked, thread = pair.begin()
    pair.proxy.is_cut = True
    pair.opens()
    check(pair)
    pair.proxy.is_cut = False
    thread.join(60)
    assert asked == [] and sorted(pair.place.names) == ["get_order_status", "pay"]


def test_a_session_is_one_turns_wherever_it_is_asked(pair):
    asked, thread = pair.begin()
    with pytest.raises(EventStreamError, match="conflictException"):
        invoke(pair.runtime(pair.two), pair.agent, "Say it again.", session="s-1")
    # The same request follows the turn from the other server.
    asks = dict(agentId=pair.agent.id, agentAliasId=pair.agent.alias_id, sessionId="s-1", inputText="Where is A-1?", enableTrace=True)
    stream = iter(pair.runtime(pair.two).invoke_agent(**asks)["completion"])
    first = next(stream)
    pair.opens()
    followed = Turn([first, *stream])
    thread.join(30)
    assert asked[0].answer == followed.answer == "Paid." and sorted(pair.place.names) == ["get_order_status", "pay"]
