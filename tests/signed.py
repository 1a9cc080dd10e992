"""Requests signed by botocore's signers and sent by hand, so that a test can change them on the way."""

import hashlib
import hmac
from urllib.parse import urlsplit

import httpx
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
OTHER_KEY = ("AKIDOTHER", "another/secret+of/forty=characters=======")
BEARER = "bedrock-api-key-of-the-tests-0123456789"

SETTINGS = """
[auth]
mode = "sigv4"
[[auth.key]]
access_key_id = "AKIDEXAMPLE"
secret_access_key_file = "secret"
[[auth.key]]
access_key_id = "AKIDOTHER"
secret_access_key_env = "OTHER_SECRET"
[[auth.bearer]]
name = "ci"
key_file = "bearer"
"""


def start_guarded(outcrop, *arguments, settings="", environment=None, **more):
    """A server that asks for signatures; the keys are above."""
    (outcrop.folder / "secret").write_text(KEY[1] + "\n")
    (outcrop.folder / "bearer").write_text(BEARER + "\n")
    environment = {"OTHER_SECRET": OTHER_KEY[1], **(environment or {})}
    return outcrop.start(*arguments, settings=SETTINGS + settings, environment=environment, **more)


def sign(method, url, body=b"", headers=None, key=KEY, service="bedrock", region="us-west-2", token=None, query=False, expires=60):
    """A signed `(method, url, headers, body)`; with `query` it is presigned."""
    request = AWSRequest(method=method, url=url, headers=headers or {}, data=body)
    credentials = Credentials(*key, token)
    if query:
        SigV4QueryAuth(credentials, service, region, expires=expires).add_auth(request)
    else:
        (S3SigV4Auth if service == "s3" else SigV4Auth)(credentials, service, region).add_auth(request)
    return method, request.url, dict(request.headers), body


def send(method, url, headers, body=b"", **more):
    with httpx.Client(trust_env=False, **more) as client:
        return client.request(method, url, headers=headers, content=body)


def sign_chunked(url, chunks, trailer=None, key=KEY, region="us-west-2"):
    """A PUT to S3 in signed chunks, as S3's manual describes it; `trailer` is `(name, value)`."""
    word = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailer else "")
    headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(sum(map(len, chunks)))}
    if trailer:
        headers["x-amz-trailer"] = trailer[0]
    request = AWSRequest(method="PUT", url=url, headers=headers)
    signer = S3SigV4Auth(Credentials(*key), "s3", region)
    signer.payload = lambda _: word
    signer.add_auth(request)
    date = request.headers["X-Amz-Date"]
    previous = request.headers["Authorization"].split("Signature=")[1]
    scope = f"{date[:8]}/{region}/s3/aws4_request"
    signing_key = ("AWS4" + key[1]).encode()
    for part in scope.split("/"):
        signing_key = hmac.new(signing_key, part.encode(), "sha256").digest()
    body = b""
    for chunk in [*chunks, b""]:
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", date, scope, previous, hashlib.sha256(b"").hexdigest(), hashlib.sha256(chunk).hexdigest()])
        previous = hmac.new(signing_key, text.encode(), "sha256").hexdigest()
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + (b"\r\n" if chunk else b"")
    if trailer:
        line = f"{trailer[0]}:{trailer[1]}\n".encode()
        text = "\n".join(["AWS4-HMAC-SHA256-TRAILER", date, scope, previous, hashlib.sha256(line).hexdigest()])
        body += line[:-1] + b"\r\nx-amz-trailer-signature:" + hmac.new(signing_key, text.encode(), "sha256").hexdigest().encode() + b"\r\n"
    return "PUT", url, dict(request.headers), body + b"\r\n"


def path_of(url):
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
