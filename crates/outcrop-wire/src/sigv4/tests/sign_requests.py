"""Makes botocore.json: requests signed by botocore's own signers, as they go over the wire.

python sign_requests.py > botocore.json      with the botocore that tests/requirements.txt pins
"""

import datetime
import json
from unittest import mock
from urllib.parse import urlsplit

import botocore.auth
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hashlib import sha256

NOW = datetime.datetime(2026, 1, 1, 12, 0, 0)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ID = "AKIAIOSFODNN7EXAMPLE"

AGENT = "http://127.0.0.1:7600/agents/ABCDEFGHIJ/"
TEXT = "http://127.0.0.1:7600/agents/ABCDEFGHIJ/agentAliases/TSTALIASID/sessions"
CASES = [
    # name, signer, method, url, headers, body, token
    ("a GET", SigV4Auth, "GET", AGENT, {}, "", None),
    ("a POST with a body", SigV4Auth, "POST", TEXT + "/s1/text", {"Content-Type": "application/json"}, '{"inputText":"héllo"}', None),
    ("a colon in a label", SigV4Auth, "POST", TEXT + "/a%3Ab.c/text", {}, "{}", None),
    ("an ARN in a label", SigV4Auth, "GET", "http://h/tags/arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3Aagent%2FABCDEFGHIJ", {}, "", None),
    ("dots and empty segments", SigV4Auth, "GET", "http://h/a/./b//c/../d/", {}, "", None),
    ("nothing but dots", SigV4Auth, "GET", "http://h/./../", {}, "", None),
    ("letters beyond ASCII", SigV4Auth, "GET", "http://h/%C3%BC/%E2%98%83~-._", {}, "", None),
    ("a session token", SigV4Auth, "GET", AGENT, {}, "", "token/with+chars=="),
    ("a query", SigV4Auth, "GET", "http://h/prompts/?maxResults=5&nextToken=a%2Bb%3D%3D", {}, "", None),
    ("names that repeat and empty values", SigV4Auth, "DELETE", "http://h/tags/x?tagKeys=b&tagKeys=a&tagKeys=&flag=&Z=1&a=2", {}, "", None),
    ("blanks in headers", SigV4Auth, "GET", AGENT, {"X-Amz-Meta": "  a   b\tc  ", "Accept": "*/*"}, "", None),
    ("headers that are not signed", SigV4Auth, "GET", AGENT, {"User-Agent": "Boto3", "X-Amzn-Trace-Id": "Root=1"}, "", None),
    ("a hash in the header", SigV4Auth, "POST", AGENT, {"X-Amz-Content-SHA256": "BODY"}, '{"a":1}', None),
    ("the hash of nothing in the header", SigV4Auth, "GET", AGENT, {"X-Amz-Content-SHA256": "BODY"}, "", "token"),
    ("a Date header", SigV4Auth, "GET", AGENT, {"Date": "now"}, "", None),
    ("an S3 object", S3SigV4Auth, "PUT", "http://127.0.0.1:7600/bucket/a%20b/../c%2B//d", {"Content-Type": "text/plain"}, "content", None),
    ("an S3 listing", S3SigV4Auth, "GET", "http://127.0.0.1:7600/bucket?list-type=2&prefix=a%2Fb&delimiter=%2F&acl", {}, "", "token"),
    ("a presigned GET", SigV4QueryAuth, "GET", AGENT + "?x=1", {}, "", "token/with+chars=="),
    ("a presigned S3 GET", S3SigV4QueryAuth, "GET", "http://127.0.0.1:7600/bucket/a%20b/c", {}, "", None),
    ("a presigned S3 PUT", S3SigV4QueryAuth, "PUT", "http://127.0.0.1:7600/bucket/c", {"Content-Type": "text/plain"}, "", None),
]


def signed(name, signer, method, url, headers, body, token):
    headers = {key: sha256(body.encode()).hexdigest() if value == "BODY" else value for key, value in headers.items()}
    request = AWSRequest(method=method, url=url, headers=headers, data=body.encode())
    service, region = ("s3", "eu-west-1") if signer in (S3SigV4Auth, S3SigV4QueryAuth) else ("bedrock", "us-west-2")
    more = {"expires": 604800} if signer in (SigV4QueryAuth, S3SigV4QueryAuth) else {}
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda: NOW):
        signer(Credentials(ID, SECRET, token), service, region, **more).add_auth(request)
    parts = urlsplit(request.url)
    sent = [("host", parts.netloc)] + [(key.lower(), value) for key, value in request.headers.items()]
    return {
        "name": name, "service": service, "region": region, "token": token, "method": method,
        "path": parts.path, "query": parts.query, "headers": sent, "body": body,
    }


if __name__ == "__main__":
    head = {"time": NOW.isoformat() + "Z", "access_key_id": ID, "secret": SECRET}
    lines = ",\n".join(json.dumps(signed(*case), ensure_ascii=False) for case in CASES)
    print(json.dumps(head)[:-1] + ', "requests": [\n' + lines + "\n]}")
