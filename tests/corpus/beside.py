"""The services beside Bedrock, where a name in a form or a header says what is asked; and prompts and sessions."""

import json

from corpus import Case, raw

FORM = "Content-Type: application/x-www-form-urlencoded; charset=utf-8"
IAM = "Version=2010-05-08"


def cases(ids):
    def form(name, body, codes=(), headers=(FORM,), **more):
        body = body if isinstance(body, bytes) else body.encode()
        return Case(f"form {name}", raw(ids, "POST", "/", body, headers), codes=codes, xml=more.pop("xml", True), **more)

    validation = ("InvalidAction", "ValidationError", "MalformedInput", "InvalidInput", "MalformedPolicyDocument", "InvalidParameterValue", "NoSuchEntity")
    for name, body in {
        "of an unknown action": f"Action=DeleteEverything&{IAM}", "of an empty action": f"Action=&{IAM}", "of an action up": f"Action=../GetRole&{IAM}", "of an action in small letters": f"action=GetRole&Action=getrole&{IAM}", "of an action of bad bytes": f"Action=%ff%fe&{IAM}",
        "of an action of 5,000": f"Action={'A' * 5_000}&{IAM}", "of markup": f"Action=%3Cscript%3Ealert%281%29%3C/script%3E&{IAM}", "of another version": "Action=GetRole&Version=1999-01-01&RoleName=a", "of an operation of another": "Action=GetCallerIdentity&Version=2010-05-08",
    }.items():
        yield form(name, body, ("InvalidAction", "NoSuchVersion"))
    for name, body in {
        "without a name": f"Action=GetRole&{IAM}", "with an empty name": f"Action=GetRole&{IAM}&RoleName=", "with a name up": f"Action=GetRole&{IAM}&RoleName=../../canary", "with a name of NULs": f"Action=GetRole&{IAM}&RoleName=a%00b", "with a name of 200": f"Action=GetRole&{IAM}&RoleName={'a' * 200}",
        "with a name of bad bytes": f"Action=GetRole&{IAM}&RoleName=%ff", "with half an escape": f"Action=GetRole&{IAM}&RoleName=%", "with a bad escape": f"Action=GetRole&{IAM}&RoleName=%zz", "with raw bad bytes": f"Action=GetRole&{IAM}&RoleName=".encode() + b"\xff\xfe", "with a raw NUL": f"Action=GetRole&{IAM}&RoleName=a".encode() + b"\x00",
        "of a role without trust": f"Action=CreateRole&{IAM}&RoleName=corpus", "of a role with trust in words": f"Action=CreateRole&{IAM}&RoleName=corpus&AssumeRolePolicyDocument=everybody", "of a role with trust in a list": f"Action=CreateRole&{IAM}&RoleName=corpus&AssumeRolePolicyDocument=%5B%5D",
        "of a role with half a policy": f"Action=CreateRole&{IAM}&RoleName=corpus&AssumeRolePolicyDocument=%7B%22Version%22", "of a role with a blank": f"Action=CreateRole&{IAM}&RoleName=a+b&AssumeRolePolicyDocument=%7B%7D", "of a role with an odd path": f"Action=CreateRole&{IAM}&RoleName=corpus&Path=canary&AssumeRolePolicyDocument=%7B%7D",
        "of a role for ever": f"Action=CreateRole&{IAM}&RoleName=corpus&MaxSessionDuration=99999999&AssumeRolePolicyDocument=%7B%7D", "of a role for a word": f"Action=CreateRole&{IAM}&RoleName=corpus&MaxSessionDuration=x&AssumeRolePolicyDocument=%7B%7D",
        "of a policy in words": f"Action=CreatePolicy&{IAM}&PolicyName=corpus&PolicyDocument=x", "of a page of 0": f"Action=ListRoles&{IAM}&MaxItems=0", "of a page of words": f"Action=ListRoles&{IAM}&MaxItems=x", "of a page of 1,001": f"Action=ListRoles&{IAM}&MaxItems=1001", "of a made-up marker": f"Action=ListRoles&{IAM}&Marker=AAAA",
        "that deletes nothing": f"Action=DeleteRole&{IAM}&RoleName=nothing-here", "of a policy up": f"Action=GetPolicy&{IAM}&PolicyArn=..%2f..%2fcanary", "of a policy that is none": f"Action=GetPolicy&{IAM}&PolicyArn=arn:aws:iam::000000000000:policy/none",
    }.items():
        yield form(name, body, validation)
    for name, body in {"that is JSON": b'{"Action":"GetRole"}', "that is no text": b"\xff" * 50, "of nothing but signs": b"&&&===&&&", "of 100,000 pairs": b"a&" * 100_000}.items():
        yield form(name, body, ("InvalidAction", "MissingAction"))
    yield form("of another type", f"Action=GetRole&{IAM}", ("UnknownOperationException",), ("Content-Type: text/plain",), xml=False)
    for name, value in {"nothing": "", "a word": "x", "a name of nobody": "Nobody.DeleteEverything", "dots": "...", "a name up": "../../canary.x", "5,000 letters": "A" * 5_000, "an unknown operation": "OpenSearchServerless.DeleteEverything", "bad bytes": b"\xff.\xfe"}.items():
        line = b"X-Amz-Target: " + value if isinstance(value, bytes) else f"X-Amz-Target: {value}"
        yield Case(f"target of {name}", raw(ids, "POST", "/", b"{}", (line, "Content-Type: application/x-amz-json-1.0")))
    for name, body in {"no JSON": b"{", "an array": b"[]", "a filter that is text": b'{"collectionFilters":"x"}', "a page of words": b'{"maxResults":"x"}', "a page of 0": b'{"maxResults":0}', "bad bytes": b"\xff", "a member twice": b'{"maxResults":1,"maxResults":2}'}.items():
        yield Case(f"collections with {name}", raw(ids, "POST", "/", body, ("X-Amz-Target: OpenSearchServerless.ListCollections", "Content-Type: application/x-amz-json-1.0")))

    codes = ("ValidationException", "SerializationException", "ResourceNotFoundException")
    put = lambda name, method, target, body: Case(name, raw(ids, method, target, json.dumps(body).encode()), codes=codes)
    variant = {"name": "v", "templateType": "TEXT", "templateConfiguration": {"text": {"text": "Hi {{name}}"}}}
    for name, body in {
        "no name": {}, "a name of another type": {"name": 7}, "a name up": {"name": "../canary"}, "variants that are text": {"name": "corpus", "variants": "x"}, "a variant of nothing": {"name": "corpus", "variants": [{}]}, "a variant of an unknown kind": {"name": "corpus", "variants": [{**variant, "templateType": "POEM"}]},
        "a variant of two kinds": {"name": "corpus", "variants": [{**variant, "templateConfiguration": {"text": {"text": "a"}, "chat": {"messages": []}}}]}, "a variant of no kind": {"name": "corpus", "variants": [{**variant, "templateConfiguration": {}}]}, "a template that is a number": {"name": "corpus", "variants": [{**variant, "templateConfiguration": {"text": {"text": 7}}}]},
        "a temperature of words": {"name": "corpus", "variants": [{**variant, "inferenceConfiguration": {"text": {"temperature": "hot"}}}]}, "a temperature of 9": {"name": "corpus", "variants": [{**variant, "inferenceConfiguration": {"text": {"temperature": 9}}}]}, "a default that is none": {"name": "corpus", "variants": [variant], "defaultVariant": "other"}, "tags that are a list": {"name": "corpus", "tags": ["a"]},
    }.items():
        yield put(f"prompt with {name}", "POST", "/prompts/", body)
    for query in ("maxResults=0", "maxResults=x", "maxResults=-1", "maxResults=1001", "maxResults=", "nextToken=AAAA", "nextToken=%ff", "nextToken=" + "A" * 3_000):
        yield Case(f"prompts with {query[:20]}", raw(ids, "GET", f"/prompts/?{query}"), codes=codes)
        yield Case(f"sessions with {query[:20]}", raw(ids, "POST", f"/sessions/?{query}"), codes=codes)
    for label in ("..", "%2e%2e%2fcanary", "%00", "%ff", "A" * 3_000, "%3Cscript%3E", "arn%3Aaws%3Abedrock%3A..%2f..%2fcanary"):
        for what in ("prompts", "sessions"):
            for method in ("GET", "DELETE"):
                yield Case(f"{method} {what} {label[:40]}", raw(ids, method, f"/{what}/{label}/"), codes=(*codes, "UnknownOperationException"))
    for name, body in {"metadata that is text": {"sessionMetadata": "x"}, "metadata of numbers": {"sessionMetadata": {"a": 1}}, "metadata of 51": {"sessionMetadata": {f"k{at}": "v" for at in range(51)}}, "a key that is none": {"encryptionKeyArn": "x"}, "tags that are text": {"tags": "x"}}.items():
        yield put(f"session with {name}", "PUT", "/sessions/", body)
