"""Bad input, as it comes over a socket: nothing panics, nothing leaks, nothing changes."""

import contextlib
import errno
import io
import json
import re
import socket
import sqlite3
import zipfile
from urllib.parse import urlsplit
from xml.etree import ElementTree

from corpus import Ids, all_cases
from corpus.signatures import signed_cases
from script import say, script, turn
from signed import BEARER, KEY, OTHER_KEY, start_guarded
from world import client, function, group, invoke, make_agent

REQUEST_BYTES_MAX = 256 * 1024
CANARY = b"the canary sings"
# What no caller may ever see of the inside: the language, its libraries, its errors.
INSIDE = re.compile(rb"\.rs:|\bserde|\bhyper\b|\btokio|sqlite|\bSQL\b|panicked|backtrace|RUST_|expected struct|expected enum|invalid type|os error|outcrop_[a-z]+::|alloc::|core::|std::")


def exchange(address, case):
    """Sends the bytes on a connection of their own; gives all that comes back."""
    received = b""
    with socket.create_connection(address, timeout=20) as connection:
        # A server that has seen enough closes; what it said before may be lost with that, as with any server.
        with contextlib.suppress(ConnectionError), without_peer():
            connection.sendall(case.raw)
            if case.cut:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(65536):
                received += data
    return received


@contextlib.contextmanager
def without_peer():
    """Closing the way out of a connection that the other side has ended fails, and that is fine."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise


def parse(received):
    """Status, headers and body of the last answer: a request that lies about its length may be read as two."""
    head, _, body = received[max(received.rfind(b"HTTP/1.1 "), received.rfind(b"HTTP/1.0 "), 0):].partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split(" ")[1]), headers, body


def complaint(case, received, secrets):
    """What is wrong with an answer; nothing when all is well."""
    for secret in secrets:
        if secret in received:
            return f"tells {secret!r}"
    if found := INSIDE.search(received):
        return f"tells of the inside: {found[0]!r}"
    if not received.startswith(b"HTTP/1."):
        # Closed without a word, or a frame of HTTP/2 that says good-bye.
        return None if case.expect == "broken" and (not received or b"HTTP/2" in case.raw) else "no answer"
    status, headers, body = parse(received)
    if case.expect == "broken":
        return None if 400 <= status < 500 or status == 505 else f"status {status}"
    if case.expect == "frame" and status == 200:
        return None if b":exception-type" in body and b"internalServerException" not in body else "a stream without an exception"
    if not 400 <= status < 500:
        return f"status {status}"
    code = headers.get("x-amzn-errortype")
    kind = headers.get("content-type", "")
    if kind.startswith("application/xml"):
        return complaint_of_s3(case, headers, body)
    if not code or not headers.get("x-amzn-requestid") or not kind.startswith(("application/json", "application/x-amz-json-1.0", "text/xml")):
        return "not in AWS's form"
    if not case.raw.startswith(b"HEAD "):
        message = message_of(body, kind)
        if not message or len(body) > 64 * 1024:
            return "no message, or too much of it"
    if case.xml != kind.startswith("text/xml"):
        return f"in the form {kind}"
    return None if not case.codes or code in [each.lower() for each in case.codes] else f"code {code}"


# What S3 says where the JSON services say the other.
OF_S3 = {
    "SignatureDoesNotMatch": "InvalidSignatureException", "AuthorizationHeaderMalformed": "IncompleteSignatureException",
    "InvalidAccessKeyId": "UnrecognizedClientException", "AccessDenied": "MissingAuthenticationTokenException",
    "IncompleteBody": "SerializationException",
}


def complaint_of_s3(case, headers, body):
    """The same for an answer of S3, which has a form and codes of its own."""
    try:
        code, message = (ElementTree.fromstring(body).findtext(name) for name in ("Code", "Message"))
    except ElementTree.ParseError:
        return "no XML"
    if not headers.get("x-amz-request-id") or not message or len(body) > 64 * 1024:
        return "not in S3's form"
    return None if not case.codes or code in case.codes or OF_S3.get(code) in case.codes else f"code {code}"


def message_of(body, kind):
    """The message of an error; nothing when it has none."""
    try:
        if kind.startswith("text/xml"):
            return ElementTree.fromstring(body).findtext("./{*}Error/{*}Message")
        message = json.loads(body)["message"]
        return message if isinstance(message, str) else None
    except (ValueError, KeyError, TypeError, ElementTree.ParseError):
        return None


def fixed_world(outcrop, control, functions):
    """Something of every kind, so that there is something to be changed."""
    agent = make_agent(control, group("Orders", function("get_order_status", order_id="string"), executor={"customControl": "RETURN_CONTROL"}), tags={"team": "north"})
    groups = control.list_agent_action_groups(agentId=agent.id, agentVersion="DRAFT")["actionGroupSummaries"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return {}\n")
    functions.create_function(FunctionName="corpus-function", Role="arn:aws:iam::111111111111:role/A", Runtime="python3.12", Handler="app.handler", Code={"ZipFile": packed.getvalue()})
    for at in range(2):
        control.create_agent(agentName=f"another-{at}")
    token = control.list_agents(maxResults=1)["nextToken"]
    objects = outcrop.folder / "data/objects/bucket"
    objects.mkdir(parents=True)
    # Where a path that leads out of the store, or out of the data, would arrive.
    for place in (outcrop.folder, outcrop.folder / "data", outcrop.folder / "data/objects"):
        (place / "canary").write_bytes(CANARY)
    arn = control.get_agent(agentId=agent.id)["agent"]["agentArn"]
    return agent, Ids(agent.id, agent.alias_id, groups[0]["actionGroupId"], arn, outcrop.url, {"request_bytes_max": REQUEST_BYTES_MAX, "token": token})


def state(outcrop, control, functions):
    """Everything there is: as clients see it, as the store has it, and the files."""
    agents = {}
    for page in control.get_paginator("list_agents").paginate():
        for each in page["agentSummaries"]:
            agent = control.get_agent(agentId=each["agentId"])["agent"]
            agents[each["agentId"]] = [
                agent, control.list_tags_for_resource(resourceArn=agent["agentArn"])["tags"],
                control.list_agent_versions(agentId=each["agentId"])["agentVersionSummaries"],
                control.list_agent_aliases(agentId=each["agentId"])["agentAliasSummaries"],
                control.list_agent_action_groups(agentId=each["agentId"], agentVersion="DRAFT")["actionGroupSummaries"],
            ]
    database = sqlite3.connect(f"file:{outcrop.folder / 'data/outcrop.db'}?mode=ro", uri=True)
    tables = [name for name, in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    rows = {name: database.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables}
    database.close()
    files = sorted(str(path.relative_to(outcrop.folder)) for path in outcrop.folder.rglob("*") if "scratch" not in path.parts)
    kept = [name for name in files if not name.endswith(("-wal", "-shm", ".log"))]
    return agents, functions.list_functions()["Functions"], rows, kept


def check_corpus(outcrop, cases, agent, clients):
    control, runtime, functions = clients
    before = state(outcrop, control, functions)
    assert len(before[2]) > 5 and sum(map(len, before[2].values())) > 10
    address = urlsplit(outcrop.url).hostname, urlsplit(outcrop.url).port
    secrets = [CANARY, str(outcrop.folder).encode(), KEY[1].encode(), OTHER_KEY[1].encode(), BEARER.encode()]
    complaints = []
    for case in cases:
        received = exchange(address, case)
        if wrong := complaint(case, received, secrets):
            complaints.append(f"{case.name}: {wrong}\n    sent {case.raw[:200]!r}\n    got  {received[:400]!r}")
    assert not complaints, f"{len(complaints)} of {len(cases)}\n" + "\n".join(complaints[:40])
    assert state(outcrop, control, functions) == before
    # It is alive and well.
    assert invoke(runtime, agent, "Hi.").answer == "Hello."
    assert outcrop.server.terminate() == 0
    log = outcrop.server.log.read_text(errors="replace")
    for word in ("panicked", " ERROR ", KEY[1], OTHER_KEY[1], BEARER):
        assert word not in log, [line for line in log.splitlines() if word in line][:5]


def test_nothing_bad_comes_of_bad_input(outcrop):
    outcrop.start(script(turn(say("Hello."))), settings=f"[limits]\nrequest_bytes_max = {REQUEST_BYTES_MAX}\n")
    clients = outcrop.control(), outcrop.runtime(), client("lambda", outcrop.url)
    agent, ids = fixed_world(outcrop, clients[0], clients[2])
    cases = all_cases(ids)
    assert len(cases) >= 400, len(cases)
    check_corpus(outcrop, cases, agent, clients)


def test_nothing_bad_comes_of_bad_signatures(outcrop):
    start_guarded(outcrop, script(turn(say("Hello."))), settings=f"[limits]\nrequest_bytes_max = {REQUEST_BYTES_MAX}\n")
    clients = [client(service, outcrop.url, KEY) for service in ("bedrock-agent", "bedrock-agent-runtime", "lambda")]
    agent, ids = fixed_world(outcrop, clients[0], clients[2])
    cases = signed_cases(ids)
    assert len(cases) >= 100, len(cases)
    check_corpus(outcrop, cases, agent, clients)
