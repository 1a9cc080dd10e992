"""Streams as bytes on a socket: readers that are slow, that stop, that vanish; errors after the stream has begun."""

import json
import socket
import struct
from urllib.parse import urlsplit

from botocore.eventstream import EventStreamBuffer

from script import call, fail, say, script, turn
from test_interrupted import ORDERS, gated
from world import eventually, handler, invoke, make_agent

STATUS = handler('return "shipped"')
# Two megabytes in each trace of a prompt: more than any buffer on the way holds.
LONG = "Where is A-1? " + "and again " * 200_000


def open_turn(outcrop, agent, text, session="s-1", trace=True):
    """A socket on which InvokeAgent has been asked; its own buffer is as small as it can be."""
    where = urlsplit(outcrop.url)
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.settimeout(30)
    reader.connect((where.hostname, where.port))
    body = json.dumps({"inputText": text, "enableTrace": trace}).encode()
    head = (
        f"POST /agents/{agent.id}/agentAliases/{agent.alias_id}/sessions/{session}/text HTTP/1.1\r\n"
        f"host: {where.netloc}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    reader.sendall(head.encode() + body)
    return reader


def read_to_the_end(reader):
    """All that comes: head, decoded body, and whether the body ends as HTTP/1.1 has it end."""
    data = bytearray()
    while more := reader.recv(65536):
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    body, is_whole = b"", False
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            is_whole = True
            break
        body, rest = body + rest[:length], rest[length + 2:]
    return head.decode(), body, is_whole


def frames(body):
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return [(event.headers.get(":event-type") or event.headers.get(":exception-type"), event.headers[":message-type"], json.loads(event.payload)) for event in buffer]


def history(outcrop, agent, session="s-1"):
    return json.dumps(invoke(outcrop.runtime(), agent, "Say it again.", session=session).prompts[0])


def test_an_error_after_the_beginning_is_a_frame(outcrop):
    outcrop.start(script(turn(call("get_order_status", order_id="A-1"), fail("throttled", "slow down"))), {"order-tools": STATUS})
    agent = make_agent(outcrop.control(), ORDERS)
    head, body, is_whole = read_to_the_end(open_turn(outcrop, agent, "Where is A-1?"))
    assert head.startswith("HTTP/1.1 200 OK") and is_whole
    seen = frames(body)
    assert [kind for kind, _, _ in seen[:-1]] == ["trace"] * (len(seen) - 1) and len(seen) > 4
    assert "failureTrace" in seen[-2][2]["trace"]
    kind, message_type, payload = seen[-1]
    assert (kind, message_type) == ("throttlingException", "exception") and "rate is too high" in payload["message"]


def test_a_reader_that_stops_holds_back_its_own_turn_and_not_for_ever(outcrop):
    steps = [call("get_order_status", order_id="A-1")] * 4
    outcrop.start(
        script(turn(say("As I said."), when="again."), turn(*steps, say("A-1 has shipped."))), {"order-tools": STATUS},
        settings='[limits]\nreader_timeout = "300ms"\n[sessions]\nconcurrent = "queue"',
    )
    agent = make_agent(outcrop.control(), ORDERS)
    reader = open_turn(outcrop, agent, LONG)
    # It begins to read, so that the turn is under way, and stops.
    assert reader.recv(100).startswith(b"HTTP/1.1 200 OK")
    # Others do not feel it, not even in between.
    for number in range(3):
        assert invoke(outcrop.runtime(), agent, "Short.", session=f"other-{number}").answer == "A-1 has shipped."
    # Its turn goes on without it, to its end, and is kept; who wants the session next gets it.
    asked = history(outcrop, agent)
    assert "A-1 has shipped." in asked
    # What it still gets is broken off: it cannot take the end for the end.
    data = bytearray()
    try:
        while more := reader.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    assert not data.endswith(b"0\r\n\r\n") and len(data) < 4 * len(LONG)


def test_a_slow_reader_gets_everything(outcrop):
    outcrop.start(script(turn(call("get_order_status", order_id="A-1"), say("A-1 has shipped."))), {"order-tools": STATUS})
    agent = make_agent(outcrop.control(), ORDERS)
    reader = open_turn(outcrop, agent, LONG)
    data = bytearray()
    while more := reader.recv(4096):
        data += more
    assert data.startswith(b"HTTP/1.1 200 OK") and data.endswith(b"0\r\n\r\n")


def test_a_reader_that_vanishes_does_not_end_the_turn(outcrop, tmp_path):
    outcrop.start(
        script(turn(say("As I said."), when="again."), turn(call("get_order_status", order_id="A-1"), say("A-1 has shipped."))),
        {"order-tools": gated(tmp_path)}, settings='[sessions]\nconcurrent = "queue"',
    )
    agent = make_agent(outcrop.control(), ORDERS)
    reader = open_turn(outcrop, agent, "Where is A-1?")
    eventually((tmp_path / "calls").exists)
    # Not closed in order: reset, as by a machine that is gone.
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reader.close()
    (tmp_path / "gate").touch()
    assert "A-1 has shipped." in history(outcrop, agent)
    assert (tmp_path / "calls").read_text() == "A-1\n"
