"""Signatures of all sorts, each wrong in one way. The body would make an agent if it got through."""

import datetime
import re

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from corpus import Case, raw
from signed import BEARER, KEY, OTHER_KEY, path_of, sign, sign_chunked

BODY = b'{"agentName":"corpus-a"}'
INVALID = ("InvalidSignatureException",)
INCOMPLETE = ("IncompleteSignatureException",)
UNKNOWN = ("UnrecognizedClientException",)
MISSING = ("MissingAuthenticationTokenException",)
ANY = INVALID + INCOMPLETE + UNKNOWN + MISSING


def signed_cases(ids):
    cases = list(make(ids))
    assert len({case.name for case in cases}) == len(cases), "names tell cases apart"
    return cases


def make(ids):
    url = ids.url + "/agents/?a=1&b=2"

    def case(name, parts, codes, **more):
        method, target, headers, body = parts
        lines = [f"{key}: {value}" if isinstance(value, str) else key.encode() + b": " + value for key, value in (headers.items() if isinstance(headers, dict) else headers)]
        return Case(f"signature {name}", raw(ids, method, path_of(target), body, lines), codes=codes, **more)

    def put(**more):
        return sign("PUT", url, BODY, {"Content-Type": "application/json"}, **more)

    good = put()
    authorization = good[2]["Authorization"]
    signature = authorization.split("Signature=")[1]
    date = good[2]["X-Amz-Date"]

    def header(name, value, codes):
        return case(name, (*good[:2], {**good[2], "Authorization": value}, BODY), codes)

    def changed(name, old, new, codes):
        assert old in authorization, old
        return header(name, authorization.replace(old, new), codes)

    yield case("of nobody", (*good[:2], {}, BODY), MISSING)
    yield case("with a date and no more", (*good[:2], {"X-Amz-Date": date}, BODY), MISSING)
    yield case("under another name", (*good[:2], {"X-Authorization": authorization, "X-Amz-Date": date}, BODY), MISSING)
    yield case("of another secret", put(key=(KEY[0], "wrong")), INVALID)
    yield case("of the other's secret", put(key=(KEY[0], OTHER_KEY[1])), INVALID)
    yield case("of an empty secret", put(key=(KEY[0], "")), INVALID)
    yield case("of an unknown key", put(key=("AKIDUNKNOWN", KEY[1])), UNKNOWN)
    yield case("of a key in small letters", put(key=(KEY[0].lower(), KEY[1])), UNKNOWN)
    yield case("of a key's beginning", put(key=(KEY[0][:-1], KEY[1])), UNKNOWN)
    for service in ("lambda", "sts", "Bedrock", "bedrock-agent"):
        yield case(f"for {service}", put(service=service), INVALID)

    for name, value in {
        "": "", "Basic": "Basic QUtJRDpzZWNyZXQ=", "Digest": 'Digest username="a"', "AWS 2": "AWS AKIDEXAMPLE:c2lnbmF0dXJl", "a word": "x", "the algorithm alone": "AWS4-HMAC-SHA256", "the algorithm and a comma": "AWS4-HMAC-SHA256 ,", "SigV4A": authorization.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        "SHA-1": authorization.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), "no blank after the algorithm": authorization.replace("SHA256 Cred", "SHA256Cred"), "semicolons": authorization.replace(", ", "; "), "no credential": re.sub(r"Credential=[^,]*, ", "", authorization), "no headers": re.sub(r"SignedHeaders=[^,]*, ", "", authorization),
        "no signature": authorization.split(", Signature")[0], "an empty credential": re.sub(r"Credential=[^,]*", "Credential=", authorization), "empty headers": re.sub(r"SignedHeaders=[^,]*", "SignedHeaders=", authorization), "an empty signature": authorization.split("Signature=")[0] + "Signature=",
        "a credential twice": authorization + ", Credential=x", "a signature twice": authorization + ", Signature=" + signature, "a part without an equal sign": authorization + ", x", "a scope of two": authorization.replace("/us-west-2/bedrock/aws4_request", ""), "a scope of six": authorization.replace("/aws4_request", "/aws4_request/x"),
        "an empty region": authorization.replace("/us-west-2/", "//"), "an empty key": authorization.replace("Credential=AKIDEXAMPLE", "Credential="), "60,000 letters": "AWS4-HMAC-SHA256 " + "a" * 60_000, "1,000 headers": authorization.replace("SignedHeaders=", "SignedHeaders=" + "x;" * 1_000), "a header twice": authorization.replace("SignedHeaders=", "SignedHeaders=host;"),
        "a header in capitals": authorization.replace(";host", ";Host"), "a header that is not there": authorization.replace("SignedHeaders=", "SignedHeaders=accept;"), "an empty header": authorization.replace(";host", ";;host"), "a header with blanks": authorization.replace(";host", "; host"),
    }.items():
        yield header(f"header of {name}", value, INCOMPLETE)
    yield header("header of bad bytes", authorization.encode().replace(b"AKID", b"AK\xffD"), INCOMPLETE + UNKNOWN)
    yield changed("scope of another day", f"/{date[:8]}/", "/20200101/", INVALID)
    yield changed("scope of no day", f"/{date[:8]}/", "/today/", INVALID)
    yield changed("scope of another region", "/us-west-2/", "/us-east-1/", INVALID)
    yield changed("scope of another end", "/aws4_request", "/aws4_response", INVALID)
    yield changed("without the host", ";host", "", INVALID)
    yield changed("without the date", ";x-amz-date", "", INVALID)
    yield changed("without the type", "content-type;", "", INVALID)
    for name, value in {"of zeros": "0" * 64, "in capitals": signature.upper(), "cut by one": signature[:-1], "with one more": signature + "0", "of a letter": "x", "with a blank in it": signature[:32] + " " + signature[32:], "reversed": signature[::-1], "with one digit changed": ("1" if signature[0] == "0" else "0") + signature[1:], "in base64": "AAAA" * 16, "of 10,000": "0" * 10_000}.items():
        yield changed(f"digits {name}", signature, value, INVALID)

    yield case("over another body", (*good[:3], BODY.replace(b"-a", b"-b")), INVALID)
    yield case("over no body", (*good[:3], b""), INVALID)
    yield case("over a longer body", (*good[:3], BODY + b" "), INVALID)
    yield case("over another method", ("POST", *good[1:]), INVALID)
    for name, target in {"another path": "/agents/A/?a=1&b=2", "no query": "/agents/", "another query": "/agents/?a=1&b=3", "more query": "/agents/?a=1&b=2&c", "a path of blanks": "/agents/%20/?a=1&b=2", "a plus for a blank": "/agents/?a=1&b=%2B2"}.items():
        yield case(f"over {name}", (good[0], ids.url + target, *good[2:]), INVALID)
    yield case("over another type", (*good[:2], {**good[2], "Content-Type": "text/plain"}, BODY), INVALID)
    yield Case("signature over another host", raw(ids, "PUT", path_of(url), BODY, [f"{key}: {value}" for key, value in good[2].items()]).replace(f"Host: {ids.host}".encode(), b"Host: agents.example"), codes=INVALID)
    for name, value in {"X-Amz-Target": "DeleteEverything", "X-Amz-Security-Token": "x", "X-Amz-Content-Sha256": "0" * 64, "X-Amz-Invocation-Type": "Event"}.items():
        yield case(f"without {name}", (*good[:2], {**good[2], name: value}, BODY), INVALID)
    for name, value in {"zeros": "0" * 64, "another body's": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}.items():
        yield case(f"with a hash of {name}", sign("PUT", url, BODY, {"X-Amz-Content-SHA256": value}), INVALID)
    for value in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "x", "", "E3B0"):
        yield case(f"with the hash {value}", sign("PUT", url, BODY, {"X-Amz-Content-SHA256": value}), INCOMPLETE)
    twice = lambda name, value: [*good[2].items(), (name, value)]
    yield case("with two headers", (*good[:2], twice("Authorization", authorization), BODY), INCOMPLETE)
    yield case("with a bearer beside it", (*good[:2], twice("Authorization", "Bearer x"), BODY), INCOMPLETE)
    yield case("with two dates", (*good[:2], twice("X-Amz-Date", date), BODY), INCOMPLETE)
    yield case("with two types", (*good[:2], twice("Content-Type", "application/json"), BODY), INVALID)

    day = datetime.timedelta(days=1)
    now = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ")
    stamp = lambda at: f"{at:%Y%m%dT%H%M%SZ}"
    for name, at in {"of an hour ago": now - day / 24, "of six minutes ago": now - day / 240, "in six minutes": now + day / 240, "of yesterday": now - day, "of tomorrow": now + day, "of 1970": datetime.datetime(1970, 1, 1), "of 9999": datetime.datetime(9999, 12, 31)}.items():
        # The last is beyond what a clock here can show.
        yield case(f"date {name}", resigned(url, stamp(at)), INVALID + INCOMPLETE)
        moved = authorization.replace(f"/{date[:8]}/", f"/{stamp(at)[:8]}/")
        yield case(f"date {name}, not signed so", (*good[:2], {**good[2], "X-Amz-Date": stamp(at), "Authorization": moved}, BODY), INVALID + INCOMPLETE)
    for name, value in {"nothing": "", "a word": "now", "with hyphens": "2026-01-01T00:00:00Z", "no time": date[:8], "no Z": date[:-1], "month 13": "20261301T000000Z", "day 32": "20260132T000000Z", "hour 25": "20260101T250000Z", "digits of another script": "２０２６0101T000000Z", "seconds": "1767225600"}.items():
        yield case(f"date of {name}", (*good[:2], {**good[2], "X-Amz-Date": value.encode()}, BODY), INCOMPLETE + INVALID)
    undated = {key: value for key, value in good[2].items() if key != "X-Amz-Date"}
    yield case("without a date", (*good[:2], undated, BODY), INCOMPLETE)
    yield case("with HTTP's date only", (*good[:2], {**undated, "Date": "Thu, 01 Jan 2026 00:00:00 GMT"}, BODY), INCOMPLETE + INVALID)
    yield case("with a date that is none", (*good[:2], {**undated, "Date": "yesterday"}, BODY), INCOMPLETE)

    presigned = sign("DELETE", f"{ids.url}/agents/{ids.agent}/?skipResourceInUseCheck=true", query=True)[1]
    query = lambda name, target, codes, method="DELETE", headers=(), body=b"": Case(f"presigned {name}", raw(ids, method, path_of(target), body, headers), codes=codes)
    yield query("and then a GET", presigned, INVALID, "GET")
    yield query("and a body", presigned, INVALID, body=BODY)
    yield query("for another agent", presigned.replace(ids.agent, "A1B2C3D4E5"), INVALID)
    yield query("with more query", presigned + "&x=1", INVALID)
    yield query("without its query", presigned.replace("skipResourceInUseCheck=true&", ""), INVALID)
    yield query("with another expiry", presigned.replace("Expires=60", "Expires=600"), INVALID)
    yield query("with a header beside it", presigned, INCOMPLETE, headers=(f"Authorization: {authorization}",))
    yield query("with a date beside it", presigned, INVALID, headers=("X-Amz-Date: 20260101T000000Z",))
    yield query("by another secret", sign("DELETE", f"{ids.url}/agents/{ids.agent}/", query=True, key=(KEY[0], "wrong"))[1], INVALID)
    yield query("by nobody we know", sign("DELETE", f"{ids.url}/agents/{ids.agent}/", query=True, key=("AKIDX", KEY[1]))[1], UNKNOWN)
    yield query("for another service", sign("DELETE", f"{ids.url}/agents/{ids.agent}/", query=True, service="lambda")[1], INVALID)
    for expires in ("0", "-1", "604801", "x", "", "1e3", "60.0", "9" * 30, "%2060"):
        yield query(f"for {expires} seconds", presigned.replace("Expires=60", f"Expires={expires}"), INCOMPLETE)
    for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"):
        yield query(f"without {name}", re.sub(rf"&X-Amz-{name}=[^&]*", "", presigned), ANY)
        yield query(f"with {name} twice", presigned + re.search(rf"&X-Amz-{name}=[^&]*", presigned)[0], INCOMPLETE)
        yield query(f"with an empty {name}", re.sub(rf"(X-Amz-{name}=)[^&]*", r"\1", presigned), ANY)
        yield query(f"with {name} of bad bytes", re.sub(rf"(X-Amz-{name}=)[^&]*", r"\1%ff%00", presigned), ANY)
    yield query("in small letters", presigned.replace("X-Amz-", "x-amz-"), MISSING)
    yield query("for the host of another", presigned, INVALID, headers=("X-Amz-Target: x",))

    put_object = f"{ids.url}/bucket/key"
    chunks = lambda **more: sign_chunked(put_object, [b"hel", b"lo"], **more)
    s3 = ("InvalidSignatureException", "SerializationException", "SignatureDoesNotMatch", "IncompleteBody", "IncompleteSignatureException", "XAmzContentSHA256Mismatch")
    for name, work in {
        "a byte of the first changed": lambda body: body.replace(b"hel\r", b"hal\r"), "a byte of the last changed": lambda body: body.replace(b"lo\r", b"la\r"), "the first signature changed": lambda body: body.replace(b"chunk-signature=", b"chunk-signature=0", 1), "no signatures": lambda body: re.sub(rb";chunk-signature=\w+", b"", body),
        "the order changed": lambda body: body[body.index(b"2;"):body.index(b"0;")] + body[:body.index(b"2;")] + body[body.index(b"0;"):], "the first left out": lambda body: body[body.index(b"2;"):], "the last left out": lambda body: body[:body.index(b"0;")], "the middle left out": lambda body: body[:body.index(b"2;")] + body[body.index(b"0;"):],
        "a trailer that is not signed": lambda body: body[:-2] + b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n", "bytes after the end": lambda body: body + b"x", "no form at all": lambda body: b"hello",
    }.items():
        method, target, headers, body = chunks()
        yield case(f"of chunks with {name}", (method, target, headers, work(body)), s3)
    for name, work in {"another value": lambda body: body.replace(b"NhCm", b"NhCn"), "no signature": lambda body: re.sub(rb"x-amz-trailer-signature:\w+\r\n", b"", body), "another signature": lambda body: body.replace(b"trailer-signature:", b"trailer-signature:0"), "no line": lambda body: body.replace(b"x-amz-checksum-crc32:NhCmhg==\r\n", b""), "a second line": lambda body: body.replace(b"\r\nx-amz-trailer", b"\r\nx-amz-checksum-sha1:AAAA\r\nx-amz-trailer")}.items():
        method, target, headers, body = chunks(trailer=("x-amz-checksum-crc32", "NhCmhg=="))
        yield case(f"of a trailer with {name}", (method, target, headers, work(body)), s3)
    yield case("of chunks by another secret", sign_chunked(put_object, [b"hello"], key=(KEY[0], "wrong")), s3)

    for name, value in {"of another": "Bearer x", "of nobody": "Bearer ", "cut by one": f"Bearer {BEARER[:-1]}", "with one more": f"Bearer {BEARER}x", "in capitals": f"Bearer {BEARER.upper()}", "of a secret key": f"Bearer {KEY[1]}", "of a key's id": f"Bearer {KEY[0]}", "without a word": BEARER, "with another word": f"Token {BEARER}", "of 60,000": "Bearer " + "x" * 60_000, "of bad bytes": b"Bearer \xff\xfe"}.items():
        yield case(f"bearer {name}", (*good[:2], {"Authorization": value}, BODY), ("AccessDeniedException", *INCOMPLETE))
    for path in ("/metrics", "/outcrop/about", "/outcrop/stacks/a", "/", "/healthz/", "/HEALTHZ", "/%68ealthz", "//healthz", "/healthz?x", "/readyz/../agents/"):
        if path != "/healthz?x":
            yield Case(f"nobody at {path}", raw(ids, "GET", path), codes=MISSING)
    yield Case("nobody puts to /healthz", raw(ids, "PUT", "/healthz", BODY), codes=MISSING)
    yield Case("nobody with a large body", raw(ids, "PUT", "/agents/", b" " * ids.extra["request_bytes_max"]), codes=MISSING)


def resigned(url, date):
    """Signed for another time."""
    request = AWSRequest(method="PUT", url=url, headers={"Content-Type": "application/json", "X-Amz-Date": date}, data=BODY)
    request.context["timestamp"] = date
    signer = SigV4Auth(Credentials(*KEY), "bedrock", "us-west-2")
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    signer._inject_signature_to_request(request, signature)
    return "PUT", url, dict(request.headers), BODY
