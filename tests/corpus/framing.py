"""HTTP itself is wrong: lengths that lie, chunks that are none, heads that break the rules or the limits."""

from corpus import Case, raw

BODY = b'{"agentName":"corpus-a"}'


def cases(ids):
    host = f"Host: {ids.host}\r\n".encode()
    head = lambda *lines: b"PUT /agents/ HTTP/1.1\r\n" + host + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    broken = lambda name, bytes_, cut=True: Case(f"http {name}", bytes_, "broken", cut=cut)

    for name, length in {"more": b"1000", "one more": b"25", "by far": b"99999999999", "too much for a number": b"9" * 40}.items():
        yield broken(f"length says {name}", head(b"Content-Length: " + length) + BODY)
    for name, line in {
        "is negative": b"Content-Length: -1", "is a word": b"Content-Length: x", "is empty": b"Content-Length:", "is hexadecimal": b"Content-Length: 0x18", "has a plus": b"Content-Length: +24", "has two values": b"Content-Length: 24, 25", "has a point": b"Content-Length: 24.0", "has a blank": b"Content-Length: 2 4",
    }.items():
        yield broken(f"length {name}", head(line) + BODY)
    yield broken("two lengths", head(b"Content-Length: 24", b"Content-Length: 25") + BODY)
    yield broken("a length and a little body", head(b"Content-Length: 24") + BODY[:5])
    yield broken("a length and no body", head(b"Content-Length: 24"))
    # The rest of a body that is longer than it says is read as another request, which is none.
    yield broken("length says less", head(b"Content-Length: 2") + BODY)

    chunked = b"Transfer-Encoding: chunked"
    for name, body in {
        "no size": b"\r\n" + BODY, "a word as size": b"xyz\r\n" + BODY + b"\r\n0\r\n\r\n", "a negative size": b"-18\r\n" + BODY + b"\r\n0\r\n\r\n", "too large a size": b"f" * 20 + b"\r\n" + BODY, "less than the size": b"ff\r\n" + BODY, "more than the size": b"2\r\n" + BODY + b"\r\n0\r\n\r\n",
        "no last chunk": b"18\r\n" + BODY + b"\r\n", "half a last chunk": b"18\r\n" + BODY + b"\r\n0\r\n", "no line end": b"18" + BODY, "line feeds only": b"18\n" + BODY + b"\n0\n\n", "a size with 0x": b"0x18\r\n" + BODY + b"\r\n0\r\n\r\n", "a long extension": b"18;" + b"x" * 100_000 + b"\r\n" + BODY,
        "bad bytes": b"\xff\xfe\r\n", "NULs": b"\x00" * 20, "bad trailers": b"18\r\n" + BODY[:24] + b"\r\n0\r\nbad trailer\r\n\r\n", "a body over the limit": b"40000\r\n" + b" " * 0x40000 + b"\r\n0\r\n\r\n",
    }.items():
        if name != "a body over the limit":
            yield broken(f"chunks with {name}", head(chunked) + body)
    yield Case("http chunks over the limit", head(b"Connection: close", chunked) + b"50000\r\n" + b" " * 0x50000 + b"\r\n0\r\n\r\n", codes=("RequestEntityTooLargeException",))
    for name, lines in {
        "a length beside chunks": (b"Content-Length: 999", chunked), "an unknown coding": (b"Transfer-Encoding: rot13",), "chunks and then gzip": (b"Transfer-Encoding: chunked, gzip",), "chunks twice": (b"Transfer-Encoding: chunked, chunked",), "an empty coding": (b"Transfer-Encoding:",), "chunks with a tab": (b"Transfer-Encoding: \x0bchunked",),
    }.items():
        yield broken(name, head(*lines) + BODY)

    get = lambda *lines, first=b"GET /agents/ABCDEFGHI/ HTTP/1.1": first + b"\r\n" + host + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    for name, line in {
        "a header without a colon": b"X-Broken", "a header without a name": b": x", "a blank before the colon": b"X-Broken : x", "a folded header": b"X-Folded: a\r\n b", "a NUL in a name": b"X\x00Y: a", "a NUL in a value": b"X-Y: a\x00b", "a bare line feed in a value": b"X-Y: a\nb", "a bare return in a value": b"X-Y: a\rb",
        "a blank in a name": b"X Y: a", "brackets in a name": b"X(Y): a", "bad bytes in a name": b"X\xff: a", "a delete in a value": b"X-Y: a\x7fb", "a blank line's blank": b" ",
    }.items():
        yield broken(name, get(line))
    for name, first in {
        "no version": b"GET /agents/", "no target": b"GET HTTP/1.1", "no method": b"/agents/ HTTP/1.1", "HTTP 3": b"GET /agents/ABCDEFGHI/ HTTP/3.0", "HTTP 9.9": b"GET /agents/ABCDEFGHI/ HTTP/9.9", "another protocol": b"GET /agents/ABCDEFGHI/ SPDY/1", "two blanks": b"GET  /agents/ABCDEFGHI/ HTTP/1.1", "a blank in the target": b"GET /agents/A B/ HTTP/1.1",
        "a NUL in the target": b"GET /agents/\x00/ HTTP/1.1", "a tab in the target": b"GET /a\tb HTTP/1.1", "a relative target": b"GET agents/ HTTP/1.1", "an empty line before the blank": b"\x00GET / HTTP/1.1", "a method of bytes": b"\xff\xfe / HTTP/1.1", "a method with a slash": b"GE/T / HTTP/1.1", "CONNECT": b"CONNECT 127.0.0.1:1 HTTP/1.1", "a fragment": b"GET /agents/A#b HTTP/1.1",
        "a target of another scheme": b"GET file:///canary HTTP/1.1", "an address without a host": b"GET http:///agents/ HTTP/1.1", "a star": b"OPTIONS * HTTP/1.1", "an address of bytes": b"GET http://\xff/ HTTP/1.1",
    }.items():
        yield broken(f"a first line with {name}", get(first=first))
    yield Case("http a target with an address", get(b"Connection: close", first=b"GET http://127.0.0.1:1/agents/ABCDEFGHI/ HTTP/1.1"), codes=("ValidationException", "ResourceNotFoundException"))

    yield broken("nothing", b"")
    yield broken("a line end", b"\r\n")
    yield broken("half a first line", b"GET /age")
    yield broken("half a head", b"PUT /agents/ HTTP/1.1\r\n" + host + b"Content-Len")
    yield broken("TLS", bytes.fromhex("16030100c8010000c40303") + b"\x01" * 200)
    yield broken("an SSH greeting", b"SSH-2.0-OpenSSH_9.0\r\n")
    yield broken("SMTP", b"EHLO localhost\r\nMAIL FROM:<a@b>\r\n")
    yield broken("a Redis command", b"*1\r\n$4\r\nPING\r\n")
    yield broken("bytes", bytes(range(256)) * 4)
    yield broken("HTTP/2's preface and no more", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    yield broken("HTTP/2's preface and rubbish", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64)
    yield broken("HTTP/2 with a frame too large", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01")
    yield broken("HTTP/2 with bad headers", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + b"\x00\x00\x08\x01\x05\x00\x00\x00\x01" + b"\xff" * 8)

    yield broken("101 headers", get(*[b"X-%d: a" % at for at in range(101)]))
    yield broken("5,000 headers", get(*[b"X-%d: a" % at for at in range(5_000)]))
    yield broken("a header of 600,000", get(b"X-Y: " + b"a" * 600_000))
    yield broken("a header's name of 100,000", get(b"X" * 100_000 + b": a"))
    yield broken("a target of 100,000", get(first=b"GET /" + b"a" * 100_000 + b" HTTP/1.1"))
    yield broken("a method of 5,000", get(first=b"G" * 5_000 + b" / HTTP/1.1"))
    odd = lambda name, *lines: Case(f"headers {name}", raw(ids, "PUT", "/agents/", b'{"agentName":7}', lines), codes=("SerializationException",))
    yield odd("with bad bytes", b"X-Y: \xff\xfe")
    yield odd("with an odd type", b"Content-Type: \xff/\xfe")
    yield odd("with no type", b"Content-Type:")
    yield odd("that expect something", b"Expect: 200-ok")
    yield odd("that accept nothing", b"Accept: ;;;")
    yield odd("with a request id of another", b"x-amzn-RequestId: mine", b"x-amz-request-id: mine")
    yield odd("with 60,000 bytes", b"X-Y: " + b"a" * 60_000)
    yield odd("with an upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: AAAA")
    yield odd("with a range", b"Range: bytes=0-0")
    yield odd("that override the method", b"X-HTTP-Method-Override: DELETE")
    yield odd("with an address of another", b"X-Forwarded-For: ../../canary", b"X-Original-URL: /canary")
