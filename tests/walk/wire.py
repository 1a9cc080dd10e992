"""Requests as bytes and answers read back: botocore would not let the wrong ones pass, so it is not in between."""

import base64
import json
import socket
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

from botocore.awsrequest import HeadersDict, prepare_request_dict

# Requests written before their answers are read. Answers are small, so that neither side's buffer fills.
PIPELINED = 32


@dataclass
class Request:
    method: str
    path: str
    query: list
    headers: dict
    body: bytes

    def raw(self, signing_name):
        target = self.path + ("?" + "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in self.query) if self.query else "")
        scope = f"AWS4-HMAC-SHA256 Credential=test/20250601/us-west-2/{signing_name}/aws4_request, SignedHeaders=host, Signature=0"
        headers = {"host": "localhost", "content-type": "application/json", "authorization": scope, "content-length": str(len(self.body)), **self.headers}
        head = [f"{self.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(head).encode() + self.body


def request(operation, value):
    """The request of an input given as JSON: blobs in base64, times as text. Members may be of any type, right or wrong."""
    members = operation.service.shapes[operation.input]["members"] if operation.input else {}
    payload = operation.service.shapes[operation.input].get("payload") if operation.input else None
    path, query, headers, body = operation.uri, [], {}, {}
    for name, each in value.items():
        place = members.get(name, {})
        wire, location = place.get("locationName", name), place.get("location")
        if location == "uri":
            path = path.replace("{" + wire + "}", quote(text(each), safe="-_.~"))
        elif location == "querystring":
            query += [(wire, text(one)) for one in (each if isinstance(each, list) else [each])]
        elif location == "header":
            headers[wire.lower()] = text(each)
        elif name == payload:
            body = base64.b64decode(each)
        else:
            body[wire] = each
    path, _, fixed = path.partition("?")
    query += parse_qsl(fixed)
    if not isinstance(body, bytes):
        # An empty object is sent by nobody where the operation has no body: two operations are told apart by it.
        body = json.dumps(body).encode() if body else b""
    return Request(operation.method, path, query, headers, body)


def text(value):
    return value if isinstance(value, str) else json.dumps(value)


def by_botocore(operation, value):
    """The same request as botocore's own serializer writes it."""
    shapes = operation.service.shapes
    payload = shapes[operation.input].get("payload") if operation.input else None
    given = native(shapes, operation.input, value) if operation.input else {}
    made = operation.service.serializer.serialize_to_request(given, operation.botocore)
    prepare_request_dict(made, "http://localhost")
    address = urlsplit(made["url"])
    headers = {name.lower(): each for name, each in made["headers"].items() if name.lower() not in ("content-type", "user-agent")}
    body = made["body"]
    body = body if isinstance(body, bytes) else body.encode()
    if not payload and body:
        # Written as the other is, so that the two can be compared.
        body = json.dumps(json.loads(body)).encode() if json.loads(body) else b""
    return Request(made["method"], address.path, parse_qsl(address.query, keep_blank_values=True), headers, body)


def native(shapes, name, value):
    """A value as a caller of boto3 gives it."""
    shape = shapes[name]
    if shape.get("document"):
        return value
    if shape["type"] == "structure":
        return {member: native(shapes, shape["members"][member]["shape"], each) for member, each in value.items()}
    if shape["type"] == "list":
        return [native(shapes, shape["member"]["shape"], each) for each in value]
    if shape["type"] == "map":
        return {key: native(shapes, shape["value"]["shape"], each) for key, each in value.items()}
    if shape["type"] == "blob":
        return base64.b64decode(value)
    return datetime.fromisoformat(value.replace("Z", "+00:00")) if shape["type"] == "timestamp" else value


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body) if self.body else {}

    def __str__(self):
        return f"{self.status} {self.headers.get('x-amzn-errortype', '')} {self.body[:600]!r}"


class Connection:
    """One connection kept alive, with requests sent ahead of their answers."""

    def __init__(self, url):
        address = urlsplit(url)
        self.socket = socket.create_connection((address.hostname, address.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def close(self):
        self.reader.close()
        self.socket.close()

    def ask(self, requests, signing_name):
        """All answers, in order."""
        answers = []
        for at in range(0, len(requests), PIPELINED):
            some = requests[at:at + PIPELINED]
            self.socket.sendall(b"".join(each.raw(signing_name) for each in some))
            answers += [self._read() for _ in some]
        return answers

    def _read(self):
        status = int(self.reader.readline().split()[1])
        headers = HeadersDict()
        while line := self.reader.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name] = value.strip()
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while length := int(self.reader.readline(), 16):
                body += self.reader.read(length)
                self.reader.readline()
            self.reader.readline()
        else:
            body = self.reader.read(int(headers.get("content-length", 0)))
        return Answer(status, headers, body)
