"""Bad input: requests as raw bytes, each of which must be refused without harm.

A fixed list, made by plain loops: the same names and bytes on every run. `Case.expect` says what may come back:

- "answer": an error in AWS's form, status 4xx;
- "broken": HTTP itself is broken: any status 4xx or 505, whatever its body, or the connection is closed without a word;
- "frame":  the stream had begun: status 200 and an exception frame as its last, or "answer".
"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Case:
    name: str
    raw: bytes
    expect: str = "answer"
    codes: tuple = ()
    # Whether the client stops sending in the middle: the connection's way out is closed after the bytes.
    cut: bool = False
    # Whether the service that is asked speaks XML.
    xml: bool = False


@dataclass
class Ids:
    """What is there when the corpus is sent."""

    agent: str
    alias: str
    group: str
    arn: str
    url: str
    extra: dict = field(default_factory=dict)

    @property
    def host(self):
        return urlsplit(self.url).netloc


def raw(ids, method, target, body=b"", headers=(), length=True, version="HTTP/1.1", host=True, close=True):
    """One request. `headers` may be text or bytes lines, to be written as they are."""
    lines = [f"{method} ".encode() + (target if isinstance(target, bytes) else target.encode()) + f" {version}".encode()]
    if host:
        lines.append(f"Host: {ids.host}".encode())
    if close:
        lines.append(b"Connection: close")
    lines += [line if isinstance(line, bytes) else line.encode() for line in headers]
    if length and (body or method in ("PUT", "POST")):
        lines.append(f"Content-Length: {len(body)}".encode())
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def all_cases(ids):
    """All requests to a server in open mode."""
    from corpus import beside, bodies, framing, members, paths

    cases = [*bodies.cases(ids), *members.cases(ids), *paths.cases(ids), *framing.cases(ids), *beside.cases(ids)]
    assert len({case.name for case in cases}) == len(cases), "names tell cases apart"
    assert len({(case.raw, case.cut) for case in cases}) == len(cases), "cases differ"
    return cases
