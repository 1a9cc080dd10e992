"""Bodies that are no JSON, or JSON that no client writes: syntax, encodings, depth, size, numbers, duplicate members."""

import gzip

from corpus import Case, raw

CODES = ("SerializationException", "ValidationException")


def cases(ids):
    create = lambda name, body, headers=("Content-Type: application/json",), codes=CODES, **more: Case(
        f"body {name}", raw(ids, "PUT", "/agents/", body, headers), codes=codes, **more)
    update = f"/agents/{ids.agent}/"
    invoke = f"/agents/{ids.agent}/agentAliases/{ids.alias}/sessions/corpus/text"

    broken = {
        "empty": b"", "blank": b"  \r\n\t", "an open brace": b"{", "a closing brace": b"}", "an open bracket": b"[", "a comma": b",",
        "no quotes": b"{agentName:1}", "single quotes": b"{'agentName':'a'}", "no colon": b'{"agentName" "a"}', "two colons": b'{"agentName"::"a"}',
        "a comma at the end": b'{"agentName":"a",}', "a comma at the start": b'{,"agentName":"a"}', "two commas": b'{"agentName":"a",,"description":"b"}',
        "no comma": b'{"agentName":"a" "description":"b"}', "an open string": b'{"agentName":"a', "an open member": b'{"agentName":',
        "text after": b'{"agentName":"a"} x', "two objects": b'{"agentName":"a"}{"agentName":"b"}', "a comment": b'{"agentName":"a"/* b */}',
        "a line comment": b'{"agentName":"a"}// b', "a hash comment": b'# a\n{"agentName":"a"}', "True": b'{"agentName":True}', "NaN": b'{"agentName":"a","idleSessionTTLInSeconds":NaN}',
        "Infinity": b'{"agentName":"a","idleSessionTTLInSeconds":Infinity}', "undefined": b'{"agentName":undefined}', "hexadecimal": b'{"agentName":"a","idleSessionTTLInSeconds":0x258}',
        "a plus": b'{"agentName":"a","idleSessionTTLInSeconds":+600}', "zeros before": b'{"agentName":"a","idleSessionTTLInSeconds":0600}', "a point before": b'{"agentName":"a","idleSessionTTLInSeconds":.5}',
        "a point after": b'{"agentName":"a","idleSessionTTLInSeconds":600.}', "half an exponent": b'{"agentName":"a","idleSessionTTLInSeconds":6e}', "a minus": b'{"agentName":"a","idleSessionTTLInSeconds":-}',
        "a bad escape": b'{"agentName":"\\x41"}', "half an escape": b'{"agentName":"\\u00"}', "an escape that ends": b'{"agentName":"\\', "a line end in a string": b'{"agentName":"a\nb"}',
        "a tab in a string": b'{"agentName":"a\tb"}', "a number as a name": b'{1:"a"}', "null as a name": b'{null:"a"}', "a form": b"agentName=a&description=b",
        "XML": b"<agentName>a</agentName>", "YAML": b"agentName: a\n", "binary": bytes(range(256)), "a plain string": b'"agentName"', "a number": b"1", "null": b"null",
        "true": b"true", "an array": b"[]", "an array of one": b'[{"agentName":"a"}]', "base64": b"eyJhZ2VudE5hbWUiOiJhIn0=", "JSON lines": b'{"agentName":"a"}\n{"agentName":"b"}\n',
        "a prefix against scripts": b')]}\'\n{"agentName":"a"}',
    }
    for name, body in broken.items():
        yield create(name, body)
    for name in ("an open brace", "an array", "text after", "binary", "null"):
        yield Case(f"update with {name}", raw(ids, "PUT", update, broken[name]), codes=CODES)
        yield Case(f"invoke with {name}", raw(ids, "POST", invoke, broken[name]), codes=CODES)

    encodings = {
        "UTF-16 with a mark": '{"agentName":"a"}'.encode("utf-16"), "UTF-16 without": '{"agentName":"a"}'.encode("utf-16-le"), "UTF-32": '{"agentName":"a"}'.encode("utf-32"),
        "UTF-8 with a mark": b"\xef\xbb\xbf" + b'{"agentName":"a"}', "Latin-1": '{"agentName":"a","description":"Größe"}'.encode("latin-1"),
        "half a character": b'{"agentName":"a","description":"\xc3"}', "a stray byte": b'{"agentName":"a","description":"\x80"}', "an overlong slash": b'{"agentName":"a","description":"\xc0\xaf"}',
        "an overlong NUL": b'{"agentName":"a","description":"\xc0\x80"}', "a surrogate in UTF-8": b'{"agentName":"a","description":"\xed\xa0\x80"}', "beyond Unicode": b'{"agentName":"a","description":"\xf5\x80\x80\x80"}',
        "five bytes": b'{"agentName":"a","description":"\xf8\x88\x80\x80\x80"}', "FE FF": b"\xfe\xff", "a lone high surrogate": b'{"agentName":"\\ud800"}', "a lone low surrogate": b'{"agentName":"\\udc00"}',
        "surrogates swapped": b'{"agentName":"\\udc00\\ud800"}', "half a pair": b'{"agentName":"\\ud83d\\u0041"}', "NUL in a string": b'{"agentName":"a\x00b"}', "an escaped NUL": b'{"agentName":"a\\u0000b"}',
        "NUL before": b'\x00{"agentName":"a"}', "NUL after": b'{"agentName":"a"}\x00', "only NULs": b"\x00" * 16, "NUL in a name": b'{"agent\x00Name":"a"}', "bad bytes in a name": b'{"agentName":"a","\xff":1}',
        "a right-to-left mark": '{"agentName":"a\u202eb"}'.encode(), "an emoji as a name": '{"agentName":"🙂"}'.encode(),
    }
    for name, body in encodings.items():
        yield create(f"in {name}", body)
    compressed = gzip.compress(b'{"agentName":"a"}')
    yield create("compressed", compressed, ("Content-Type: application/json", "Content-Encoding: gzip"))
    yield create("compressed and silent about it", compressed)
    yield create("a compressed bomb", gzip.compress(b"[" * 1_000_000), ("Content-Encoding: gzip",))
    for kind, body in (("application/x-www-form-urlencoded", b"agentName=a"), ("application/xml", b"<a/>"), ("multipart/form-data; boundary=x", b"--x\r\n\r\na\r\n--x--"),
                       ("application/cbor", b"\xa1iagentNameaa"), ("application/vnd.amazon.eventstream", b"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff"), ("text/plain", b"agentName")):
        yield create(f"of the type {kind}", body, (f"Content-Type: {kind}",))
    for name, body in (("no chunk", b'{"agentName":"a"}'), ("half a chunk", b'20\r\n{"agentName":"a"}'), ("no end", b'11\r\n{"agentName":"a"}\r\n'), ("a huge chunk", b"ffffffffffffffff\r\nx"),
                       ("a negative chunk", b"-5\r\nhello\r\n0\r\n\r\n"), ("a trailer of its own", b'11\r\n{"agentName":"a"}\r\n0\r\nauthorization: x\r\n\r\n'), ("a trailer that breaks off", b'11\r\n{"agentName":"a"}\r\n0\r\nx-amz-checksum-crc32:AA')):
        yield create(f"aws-chunked with {name}", body, ("Content-Encoding: aws-chunked",))
    for name, length in (("less", "16"), ("more", "18"), ("no number", "x"), ("a negative one", "-17"), ("too much for a number", "9" * 40)):
        yield create(f"aws-chunked of {name} than said", b'11\r\n{"agentName":"a"}\r\n0\r\n\r\n', ("Content-Encoding: aws-chunked", f"x-amz-decoded-content-length: {length}"))

    for depth in (65, 128, 1_000, 40_000):
        yield create(f"objects {depth} deep", b'{"agentName":"a","x":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}")
        yield create(f"arrays {depth} deep", b'{"agentName":"a","x":' + b"[" * depth + b"]" * depth + b"}")
        yield create(f"open arrays {depth} deep", b"[" * depth)
        yield create(f"open objects {depth} deep", b'{"a":' * depth)

    ttl = lambda text: b'{"agentName":"a","idleSessionTTLInSeconds":' + text.encode() + b"}"
    for number in ("59", "5401", "-1", "0", "600.5", "1e10", "1e308", "1e309", "-1e400", "9223372036854775808", "-9223372036854775809", "2147483648", "1" * 400, "1." + "0" * 400 + "1", "6e-1", "1E+400"):
        yield create(f"with the number {number[:24]}{len(number)}", ttl(number))

    doubles = {
        "the same": b'{"agentName":"a","agentName":"a"}', "another": b'{"agentName":"a","agentName":"b"}', "null first": b'{"agentName":null,"agentName":"a"}', "an escaped one": b'{"agentName":"a","agent\\u004eame":"b"}',
        "in a structure": b'{"agentName":"a","guardrailConfiguration":{"guardrailIdentifier":"a","guardrailIdentifier":"b","guardrailVersion":"1"}}',
        "in a map": b'{"agentName":"a","tags":{"a":"1","a":"2"}}', "that is unknown": b'{"agentName":"a","x":1,"x":2}', "far apart": b'{"agentName":"a","x":' + b'{"y":0},"z":' * 50 + b'1,"agentName":"b"}',
    }
    for name, body in doubles.items():
        yield create(f"with a member twice, {name}", body)
    yield Case("invoke with a member twice", raw(ids, "POST", invoke, b'{"inputText":"a","inputText":"b"}'), codes=CODES)

    big = ids.extra["request_bytes_max"]
    yield create("over the limit by one", b'{"agentName":"' + b"a" * (big - 15) + b'"}', codes=("RequestEntityTooLargeException",))
    yield create("over the limit by far", b'{"agentName":"a","x":"' + b"x" * (2 * big) + b'"}', codes=("RequestEntityTooLargeException",))
    yield create("of blanks over the limit", b" " * (big + 100), codes=("RequestEntityTooLargeException",))
    for name, body in {
        "a name of 50,000": b'{"agentName":"' + b"a" * 50_000 + b'"}', "an instruction of 20,001": b'{"agentName":"a","instruction":"' + b"i" * 20_001 + b'"}',
        "an instruction of 39": b'{"agentName":"a","instruction":"' + b"i" * 39 + b'"}', "a description of 201": b'{"agentName":"a","description":"' + b"d" * 201 + b'"}',
        "51 tags that are none": b'{"agentName":"a","tags":{' + b",".join(b'"k%d":7' % at for at in range(51)) + b"}}", "5,000 tags": b'{"agentName":"a","tags":{' + b",".join(b'"k%d":"v"' % at for at in range(5_000)) + b"}}",
        "a tag of 10,000": b'{"agentName":"a","tags":{"' + b"k" * 10_000 + b'":"v"}}', "10,000 violations": b'{"agentName":"a","tags":{' + b",".join(b'"!%d":"v"' % at for at in range(10_000)) + b"}}",
    }.items():
        yield create(f"with {name}", body, codes=(*CODES, "ServiceQuotaExceededException"))
