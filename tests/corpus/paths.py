"""Paths and queries: labels that lead elsewhere or are no text, tokens and numbers that are none, methods nobody has."""

import json

from corpus import Case, raw

# What is put where an id belongs.
LABELS = {
    "dots": "..", "encoded dots": "%2e%2e", "a path up": "..%2f..%2f..%2fcanary", "a path up, twice encoded": "%252e%252e%252fcanary", "a backslash": "..%5c..%5ccanary", "a NUL": "ABCDEFGHI%00", "a bad byte": "ABCDEFGHI%ff", "an overlong slash": "%c0%ae%c0%ae%c0%af",
    "half an escape": "ABCDEFGHI%", "a bad escape": "ABCDEFGHI%zz", "a line end": "ABCDEFGHI%0d%0aX-Injected:%201", "a quote": "A'%20OR%20'1'='1", "markup": "%3Cscript%3E", "a blank": "%20", "too much": "A" * 5000, "letters beyond": "%E2%98%83%E2%98%83", "a percent": "%25%25", "a star": "*",
}


def cases(ids):
    agent, alias, group = ids.agent, ids.alias, ids.group
    codes = ("ValidationException", "ResourceNotFoundException", "UnknownOperationException", "InvalidParameterValueException", "SerializationException")
    places = {
        "agent": ("GET", "/agents/{}/", b""), "agent to delete": ("DELETE", "/agents/{}/", b""), "agent to prepare": ("POST", "/agents/{}/", b""), "version": ("GET", f"/agents/{agent}/agentversions/{{}}/", b""), "version to delete": ("DELETE", f"/agents/{agent}/agentversions/{{}}/", b""),
        "group": ("GET", f"/agents/{agent}/agentversions/DRAFT/actiongroups/{{}}/", b""), "group to delete": ("DELETE", f"/agents/{agent}/agentversions/DRAFT/actiongroups/{{}}/", b""), "alias": ("GET", f"/agents/{agent}/agentaliases/{{}}/", b""),
        "alias to delete": ("DELETE", f"/agents/{agent}/agentaliases/{{}}/", b""), "tags": ("GET", "/tags/{}", b""), "session": ("POST", f"/agents/{agent}/agentAliases/{alias}/sessions/{{}}/text", b'{"inputText":7}'), "alias to invoke": ("POST", f"/agents/{agent}/agentAliases/{{}}/sessions/corpus/text", b'{"inputText":7}'),
        "function": ("GET", "/2015-03-31/functions/{}", b""), "function to delete": ("DELETE", "/2015-03-31/functions/{}", b""), "function to invoke": ("POST", "/2015-03-31/functions/{}/invocations", b"{}"), "statement": ("DELETE", "/2015-03-31/functions/corpus-function/policy/{}", b""),
        "stack": ("GET", "/outcrop/stacks/{}", b""), "stack to put": ("PUT", "/outcrop/stacks/{}", b"{}"),
    }
    for place, (method, target, body) in places.items():
        for name, label in LABELS.items():
            if target == "/2015-03-31/functions/{}/invocations" and name in ("dots", "encoded dots"):
                continue
            yield Case(f"{place} of {name}", raw(ids, method, target.format(label), body), codes=codes)
    for name, target in {
        "a bad byte": b"/agents/\xff\xfe/", "a bad byte in the query": b"/tags/a?x=\xff", "nothing known": "/nothing/here", "the root": "/", "two slashes": "//agents//", "dots": "/agents/../agents/..", "encoded slashes": "%2Fagents%2F".join(["/", ""]),
        "another case": "/AGENTS/ABCDEFGHIJ/", "a file": "/etc/passwd", "a file of ours": "/outcrop.toml", "a way up": "/../../../../canary", "an encoded way up": "/%2e%2e/%2e%2e/canary", "a version that is none": "/2014-01-01/functions", "semicolons": "/agents;x=1/ABCDEFGHIJ/",
        "a folder of ours": "/outcrop/", "a way up of ours": "/outcrop/../canary", "stacks of ours": "/outcrop/stacks/", "a stack below": "/outcrop/stacks/a/b", "about nothing": "/outcrop/about/x", "20,000 letters": "/" + "a" * 20_000, "a long query": "/tags/a?" + "a" * 20_000, "5,000 slashes": "/" * 5_000,
    }.items():
        yield Case(f"path of {name}", raw(ids, "GET", target), "broken" if isinstance(target, bytes) or target.startswith("%") else "answer", codes=codes)

    for place, target in {"agents": "/agents/", "versions": f"/agents/{agent}/agentversions/", "aliases": f"/agents/{agent}/agentaliases/", "groups": f"/agents/{agent}/agentversions/DRAFT/actiongroups/"}.items():
        for name, body in {
            "a made-up token": {"nextToken": "AAAA"}, "a token of blanks": {"nextToken": "a b"}, "a token that is no text": {"nextToken": 7}, "an empty token": {"nextToken": ""}, "a token of 3,000": {"nextToken": "A" * 3_000}, "a token with bad letters": {"nextToken": "\u2603"},
            "a token from elsewhere": {"nextToken": ids.extra["token"] + "x"}, "a page of 0": {"maxResults": 0}, "a page of -1": {"maxResults": -1}, "a page of 1,001": {"maxResults": 1001}, "a page of text": {"maxResults": "10"}, "half a page": {"maxResults": 1.5}, "a page of everything": {"maxResults": 10**20}, "a page, maybe": {"maxResults": True},
        }.items():
            yield Case(f"{place} with {name}", raw(ids, "POST", target, json.dumps(body).encode()), codes=("ValidationException", "SerializationException"))
    for name, query in {"a page of 0": "MaxItems=0", "a page of text": "MaxItems=x", "a page of 10,001": "MaxItems=10001", "half a page": "MaxItems=1.5", "nothing": "MaxItems=", "a made-up marker": "Marker=AAAA", "a marker of bad bytes": "Marker=%ff", "an unknown version": "FunctionVersion=NONE"}.items():
        yield Case(f"functions with {name}", raw(ids, "GET", f"/2015-03-31/functions?{query}"), codes=("InvalidParameterValueException", "SerializationException", "ValidationException"))
    for value in ("maybe", "1", "0", "TRUE", "", "yes", "true%00", "%ff", "true,false"):
        yield Case(f"delete in use, {value!r}", raw(ids, "DELETE", f"/agents/{agent}/?skipResourceInUseCheck={value}"), codes=("SerializationException", "ValidationException", "ConflictException"))
    yield Case("delete what is in use", raw(ids, "DELETE", f"/agents/{agent}/?skipResourceInUseCheck=false"), codes=("ConflictException",))
    yield Case("delete a group in use", raw(ids, "DELETE", f"/agents/{agent}/agentversions/DRAFT/actiongroups/{group}/?skipResourceInUseCheck=x"), codes=("SerializationException", "ValidationException"))

    for method in ("PATCH", "OPTIONS", "TRACE", "HEAD", "FOO", "get", "Put", "DELETE", "PROPFIND", "M-SEARCH", "A" * 100, "_"):
        yield Case(f"method {method[:12]}", raw(ids, method, "/agents/"), codes=("UnknownOperationException",))
    for method in ("POST", "PUT", "DELETE"):
        for target in ("/healthz", "/readyz", "/metrics", "/outcrop/about"):
            yield Case(f"{method} of {target}", raw(ids, method, target), codes=("UnknownOperationException",))
