"""Members of another type, outside their limits, or against each other; and names of objects that lead elsewhere."""

import json

from corpus import Case, raw

CODES = ("SerializationException", "ValidationException", "InvalidParameterValueException", "InvalidRequestContentException")

WRONG = {
    "string": [7, True, [], {}, 1.5], "integer": ["600", True, [], {}, 1.5, 10**30], "boolean": ["true", 1, 0, [], {}], "list": ["x", 7, True, {}],
    "map": ["x", 7, True, [], ["a"]], "structure": ["x", 7, True, [], [{}]],
}
TRAVERSAL = ("../../../../canary", "..", "/canary", "a/../../../canary", "a/./../../../canary", "..\\..\\canary", "a\u0000/../canary", "%2e%2e/%2e%2e/canary", "....//....//canary", "")


def cases(ids):
    agent = {"agentName": "corpus"}
    put = lambda name, target, body, method="PUT", **more: Case(name, raw(ids, method, target, json.dumps(body).encode(), ("Content-Type: application/json",)), codes=CODES, **more)

    types = {
        "agentName": "string", "description": "string", "instruction": "string", "foundationModel": "string", "clientToken": "string", "agentResourceRoleArn": "string", "customerEncryptionKeyArn": "string",
        "idleSessionTTLInSeconds": "integer", "tags": "map", "promptOverrideConfiguration": "structure", "guardrailConfiguration": "structure", "memoryConfiguration": "structure", "orchestrationType": "string", "agentCollaboration": "string",
    }
    for member, kind in types.items():
        for at, value in enumerate(WRONG[kind]):
            yield put(f"{member} as {kind} {at}", "/agents/", {**agent, member: value})
    for name, more in {
        "a short token": {"clientToken": "short"}, "a token with a blank": {"clientToken": "a" * 33 + " "}, "an unknown orchestration": {"orchestrationType": "SOMETIMES"}, "an unknown collaboration": {"agentCollaboration": "sometimes"},
        "a role of another service": {"agentResourceRoleArn": "arn:aws:s3:::bucket"}, "a role with a line end": {"agentResourceRoleArn": "arn:aws:iam::111111111111:role/a\nb"}, "a key that is none": {"customerEncryptionKeyArn": "key"},
        "an unknown memory": {"memoryConfiguration": {"enabledMemoryTypes": ["ALL"]}}, "no memory": {"memoryConfiguration": {"enabledMemoryTypes": []}},
        "memory for ever": {"memoryConfiguration": {"enabledMemoryTypes": ["SESSION_SUMMARY"], "storageDays": 100_000}}, "prompts that are none": {"promptOverrideConfiguration": {"promptConfigurations": [7]}},
        "an unknown prompt": {"promptOverrideConfiguration": {"promptConfigurations": [{"promptType": "OTHER"}]}}, "a temperature of 2": {"promptOverrideConfiguration": {"promptConfigurations": [{"promptType": "ORCHESTRATION", "inferenceConfiguration": {"temperature": 2}}]}},
        "a tag without text": {"tags": {"a": 1}}, "a tag of ours that is unknown": {"tags": {"outcrop:no-such": "x"}}, "an empty name": {"agentName": ""}, "a name with a blank": {"agentName": "a b"}, "a name with a slash": {"agentName": "a/b"},
        "a name with a quote": {"agentName": "a'; DROP TABLE resource; --"}, "a name of dots": {"agentName": "../.."}, "no name": {"agentName": None},
    }.items():
        yield put(f"create with {name}", "/agents/", {**agent, **more})
        # Neither is a member of an update.
        if "tags" not in more and "clientToken" not in more:
            complete = {**agent, "foundationModel": "a.b", "agentResourceRoleArn": "arn:aws:iam::111111111111:role/A"}
            yield put(f"update with {name}", f"/agents/{ids.agent}/", {**complete, **more})

    groups = f"/agents/{ids.agent}/agentversions/DRAFT/actiongroups/"
    group = {"actionGroupName": "corpus", "actionGroupExecutor": {"customControl": "RETURN_CONTROL"}}
    function = lambda **more: {**group, "functionSchema": {"functions": [{"name": "f", **more}]}}
    for name, body in {
        "no name": {}, "a name of another type": {**group, "actionGroupName": ["a"]}, "an unknown state": {**group, "actionGroupState": "MAYBE"}, "an executor that is text": {**group, "actionGroupExecutor": "x"},
        "an executor of two": {**group, "actionGroupExecutor": {"lambda": "arn:aws:lambda:us-west-2:111111111111:function:f", "customControl": "RETURN_CONTROL"}}, "an executor of none": {**group, "actionGroupExecutor": {}},
        "a function that is no ARN": {**group, "actionGroupExecutor": {"lambda": "f"}}, "an unknown control": {**group, "actionGroupExecutor": {"customControl": "NONE"}}, "functions that are text": {**group, "functionSchema": {"functions": "f"}},
        "a function without a name": {**group, "functionSchema": {"functions": [{}]}}, "a function of blanks": function(name="a b"), "a parameter without a type": function(parameters={"p": {}}), "a parameter of an unknown type": function(parameters={"p": {"type": "date"}}),
        "a parameter that must be, maybe": function(parameters={"p": {"type": "string", "required": "yes"}}), "parameters as a list": function(parameters=[{"name": "p", "type": "string"}]), "confirmation, maybe": function(requireConfirmation="MAYBE"),
        "a schema that is no schema": {**group, "apiSchema": {"payload": "no schema"}}, "a schema that is no text": {**group, "apiSchema": {"payload": {"openapi": "3.0.0"}}}, "a schema without paths": {**group, "apiSchema": {"payload": '{"openapi":"3.0.0"}'}},
        "a schema of two places": {**group, "apiSchema": {"payload": "{}", "s3": {"s3BucketName": "bucket", "s3ObjectKey": "key"}}}, "a schema of no place": {**group, "apiSchema": {}}, "a schema 200 deep": {**group, "apiSchema": {"payload": "[" * 200}},
        "a YAML bomb": {**group, "apiSchema": {"payload": "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + at)}: &{chr(98 + at)} [" + ",".join([f"*{chr(97 + at)}"] * 9) + "]\n" for at in range(9))}},
        "both kinds of schema": {**group, "apiSchema": {"payload": "{}"}, "functionSchema": {"functions": [{"name": "f"}]}}, "an unknown parent": {"actionGroupName": "corpus", "parentActionGroupSignature": "AMAZON.Other"},
    }.items():
        yield put(f"action group with {name}", groups, body)
    for at, key in enumerate(TRAVERSAL):
        yield put(f"schema object {at}", groups, {**group, "apiSchema": {"s3": {"s3BucketName": "bucket", "s3ObjectKey": key}}})
        if at < 4:
            yield put(f"schema bucket {at}", groups, {**group, "apiSchema": {"s3": {"s3BucketName": key, "s3ObjectKey": "canary"}}})

    aliases = f"/agents/{ids.agent}/agentaliases/"
    for name, body in {
        "no name": {}, "a name of another type": {"agentAliasName": 7}, "a name with blanks": {"agentAliasName": "a b c"}, "routes that are text": {"agentAliasName": "corpus", "routingConfiguration": "1"},
        "routes to two": {"agentAliasName": "corpus", "routingConfiguration": [{"agentVersion": "1"}, {"agentVersion": "2"}]}, "a route to nowhere": {"agentAliasName": "corpus", "routingConfiguration": [{"agentVersion": "99"}]},
        "a route to a word": {"agentAliasName": "corpus", "routingConfiguration": [{"agentVersion": "latest"}]}, "a route up": {"agentAliasName": "corpus", "routingConfiguration": [{"agentVersion": "../1"}]},
    }.items():
        yield Case(f"alias with {name}", raw(ids, "PUT", aliases, json.dumps(body).encode()), codes=(*CODES, "ResourceNotFoundException"))

    invoke = f"/agents/{ids.agent}/agentAliases/{ids.alias}/sessions/corpus/text"
    for name, body in {
        "text of another type": {"inputText": 7}, "text as a list": {"inputText": ["Hi"]}, "a trace, maybe": {"inputText": "Hi", "enableTrace": "yes"}, "an end, maybe": {"inputText": "Hi", "endSession": 1}, "a state that is text": {"inputText": "Hi", "sessionState": "x"},
        "attributes that are numbers": {"inputText": "Hi", "sessionState": {"sessionAttributes": {"a": 1}}}, "attributes as a list": {"inputText": "Hi", "sessionState": {"promptSessionAttributes": ["a"]}},
        "results for nobody": {"sessionState": {"invocationId": "none", "returnControlInvocationResults": [{"functionResult": {"actionGroup": "g", "function": "f"}}]}}, "results without an id": {"sessionState": {"returnControlInvocationResults": [{"functionResult": {"actionGroup": "g"}}]}},
        "a result of two kinds": {"sessionState": {"invocationId": "x", "returnControlInvocationResults": [{"functionResult": {"actionGroup": "g"}, "apiResult": {"actionGroup": "g"}}]}}, "a result of no kind": {"sessionState": {"invocationId": "x", "returnControlInvocationResults": [{}]}},
        "files": {"inputText": "Hi", "sessionState": {"files": [{"name": "../canary", "source": {"sourceType": "S3", "s3Location": {"uri": "s3://bucket/../../canary"}}, "useCase": "CHAT"}]}}, "a long memory's id": {"inputText": "Hi", "memoryId": "m" * 101},
        "a stream, maybe": {"inputText": "Hi", "streamingConfigurations": {"streamFinalResponse": "yes"}}, "a history that is text": {"inputText": "Hi", "sessionState": {"conversationHistory": "x"}}, "nothing to say": {},
    }.items():
        yield put(f"invoke with {name}", invoke, body, "POST", expect="frame")

    functions = "/2015-03-31/functions"
    lambda_ = {"FunctionName": "corpus", "Role": "arn:aws:iam::111111111111:role/A", "Runtime": "python3.12", "Handler": "app.handler", "Code": {"ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}}
    for name, more in {
        "no name": {"FunctionName": None}, "a name up": {"FunctionName": "../../canary"}, "a name with a NUL": {"FunctionName": "a\u0000b"}, "a name of 200": {"FunctionName": "f" * 200}, "no code": {"Code": None}, "code that is text": {"Code": "x"},
        "code that is no base64": {"Code": {"ZipFile": "!!!"}}, "code that is no zip": {"Code": {"ZipFile": "aGVsbG8="}}, "an unknown runtime": {"Runtime": "cobol"}, "no runtime": {"Runtime": None}, "no handler": {"Handler": None}, "a handler of another type": {"Handler": 7},
        "a time-out of ever": {"Timeout": 100_000}, "a time-out of text": {"Timeout": "30"}, "a time-out of nothing": {"Timeout": 0}, "memory of nothing": {"MemorySize": 1}, "variables that are text": {"Environment": {"Variables": "A=B"}},
        "variables that are numbers": {"Environment": {"Variables": {"A": 1}}}, "variables with odd names": {"Environment": {"Variables": {"A=B": "c"}}}, "a role that is none": {"Role": "admin"}, "publishing, maybe": {"Publish": "yes"}, "an unknown package": {"PackageType": "Floppy"},
    }.items():
        yield put(f"function with {name}", functions, {**lambda_, **more}, "POST")
    for at, key in enumerate(TRAVERSAL):
        yield Case(f"code object {at}", raw(ids, "POST", functions, json.dumps({**lambda_, "Code": {"S3Bucket": "bucket", "S3Key": key}}).encode()))
    for name, body in {"nothing": {}, "an odd statement": {"StatementId": "a b", "Action": "lambda:InvokeFunction", "Principal": "*"}, "an odd action": {"StatementId": "a", "Action": "delete everything", "Principal": "*"}, "types": {"StatementId": 1, "Action": 2, "Principal": 3}}.items():
        yield put(f"permission with {name}", f"{functions}/corpus-function/policy", body, "POST")
    for header in ("X-Amz-Invocation-Type: Sometimes", "X-Amz-Log-Type: All", "X-Amz-Invocation-Type: RequestResponse, Event"):
        yield Case(f"invoke a function with {header}", raw(ids, "POST", f"{functions}/corpus-function/invocations", b"{}", (header,)), codes=CODES)

    tags = "/tags/" + ids.arn.replace(":", "%3A").replace("/", "%2F")
    for name, body in {"nothing": {}, "text": {"tags": "x"}, "a list": {"tags": [{"Key": "a", "Value": "b"}]}, "numbers": {"tags": {"a": 1}}, "an odd key": {"tags": {"a!": "b"}}, "a long value": {"tags": {"a": "v" * 257}}, "an empty key": {"tags": {"": "v"}}}.items():
        yield put(f"tags of {name}", tags, body, "POST")
    yield Case("untag nothing", raw(ids, "DELETE", tags), codes=CODES)

    for name, body in {"no JSON": b"{", "an array": b"[]", "bad bytes": b"\xff", "text": b'"x"', "depth": b'{"a":' * 500}.items():
        yield Case(f"stack of {name}", raw(ids, "PUT", "/outcrop/stacks/corpus", body))
