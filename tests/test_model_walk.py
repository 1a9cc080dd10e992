"""Every operation of the models: valid requests, and every way to break one constraint of an input.

What an operation that is not in coverage/operations.txt needs to exist is in walk/stage.py; an operation that answers its
valid request with an error most likely wants a row there.
"""

import base64
import json
import re

import pytest
from botocore.eventstream import EventStreamBuffer

from walk import wire
from walk.model import OUTPUTS, TOLD_BY_ARN, operations
from walk.shapes import MISSING, WRONG_TYPES, Shapes, below

WALKED = operations()
COUNTS = {"valid": 0, "not built": 0, "broken": 0, "wrong type": 0, "at the limits": 0}
# The same, when these lines were written. To be raised when the models grow; never to be lowered without a reason.
COUNTED = {"broken": 7_500, "wrong type": 14_900, "at the limits": 8_700}
# What the model allows and the service refuses in the words of a broken constraint.
RULED_OUT = {
    ("bedrock-agent.DeleteAgentAlias", "agentAliasId"): "the least alias id of the model is the built-in alias, which cannot be deleted",
    **{(f"bedrock-agent.{name}", "resourceArn"): "the model's pattern is dropped (see DIFFERENCES), and what stands for it is no part of the model"
       for name in ("ListTagsForResource", "TagResource", "UntagResource")},
}
each_operation = pytest.mark.parametrize("operation", WALKED, ids=lambda operation: operation.key)


@pytest.fixture(scope="module")
def connection(stage):
    opened = wire.Connection(stage.outcrop.url)
    yield opened
    opened.close()


@each_operation
def test_a_valid_request(operation, stage, connection):
    shapes = Shapes(operation.service.shapes)
    given = stage.least(operation)
    assert not operation.input or list(shapes.broken(operation.input, given, "")) == []
    asked, as_botocore_asks = wire.request(operation, given), wire.by_botocore(operation, given)
    assert {**vars(asked)} == {**vars(as_botocore_asks)}
    before = stage.digest()
    answer, = connection.ask([asked], operation.service.signing_name)
    assert answer.headers["x-amzn-requestid"], answer
    if operation.key in stage.missing:
        COUNTS["not built"] += 1
        check_error(operation, answer, 501, "NotImplementedException")
        assert stage.digest() == before
        return
    COUNTS["valid"] += 1
    if stage.lacks(operation):
        check_error(operation, answer, 404, "ResourceNotFoundException")
        return
    assert answer.status == operation.status, answer
    if operation.output:
        output = output_of(operation, answer)
        assert strange(shapes, operation.output, output) == [], answer
        if not operation.event_stream:
            as_botocore_reads = operation.service.parser.parse(
                {"status_code": answer.status, "headers": answer.headers, "body": answer.body}, operation.botocore.output_shape)
            assert set(output) == set(as_botocore_reads) - {"ResponseMetadata"}
    else:
        assert answer.body in (b"", b"{}")
    if operation.event_stream:
        check_events(operation, shapes, answer.body)


def output_of(operation, answer):
    """The whole output as one object, wherever its members travelled; of an event stream, its first event."""
    shape = operation.service.shapes[operation.output]
    stream, _ = operation.event_stream or (None, None)
    output = answer.json if not stream and not shape.get("payload") else {}
    for name, member in shape["members"].items():
        if member.get("location") == "header" and member["locationName"].lower() in answer.headers:
            output[name] = answer.headers[member["locationName"].lower()]
        elif member.get("location") == "statusCode":
            output[name] = answer.status
        elif name == stream:
            frame = next(iter(frames_of(answer.body)))
            output[name] = {frame.headers[":event-type"]: json.loads(frame.payload)}
        elif name == shape.get("payload"):
            output[name] = base64.b64encode(answer.body).decode()
    return output


def strange(shapes, *output):
    """What in an output is not as modelled, but for what is not so on the service either."""
    return [each for each in shapes.strange(*output) if not each.partition(": ")[0].endswith(tuple(OUTPUTS))]


def frames_of(body):
    frames = EventStreamBuffer()
    frames.add_data(body)
    return list(frames)


def check_events(operation, shapes, body):
    """Frames parse, and each is a known event as modelled."""
    _, union = operation.event_stream
    events = operation.service.shapes[union]["members"]
    names = []
    for frame in frames_of(body):
        assert frame.headers[":message-type"] == "event", (frame.headers, frame.payload)
        names.append(frame.headers[":event-type"])
        assert strange(shapes, events[names[-1]]["shape"], json.loads(frame.payload), names[-1]) == []
    assert names


@each_operation
def test_broken_requests(operation, stage, connection):
    shapes = Shapes(operation.service.shapes)
    ways = list(broken_ways(operation, shapes, stage.least(operation))) if operation.input else []
    before = stage.digest()
    answers = connection.ask([wire.request(operation, given) for _, given, _ in ways], operation.service.signing_name)
    problems = []
    for (what, given, expected), answer in zip(ways, answers):
        try:
            check_refusal(operation, shapes, given, expected, answer)
        except AssertionError as error:
            problems.append(f"{what}: {answer}\n  {str(error)[:1500]}")
    if problems:
        pytest.fail(f"{len(problems)} of {len(ways)} are not answered as they should be:\n" + "\n".join(problems[:12]), pytrace=False)
    assert stage.digest() == before


def broken_ways(operation, shapes, given):
    """`(what, input, where the type is wrong or None)` for each single way to break the input."""
    for spot in shapes.spots(operation.input, "", lambda value: value, base=given):
        location = location_of(operation, spot)
        if spot.required and location != "uri":
            yield f"{spot.path} missing", spot.place(MISSING), None
            if location == "body":
                yield f"{spot.path} null", spot.place(None), None
        for wrong in WRONG_TYPES.get(shapes.kind(spot.shape), []):
            if location == "body" and not (spot.is_json_text and isinstance(wrong, (dict, list))):
                yield f"{spot.path} = {wrong!r}", spot.place(wrong), spot.path
            elif location in ("querystring", "uri", "header") and isinstance(wrong, (int, float)) and shapes.kind(spot.shape) in ("integer", "long", "boolean") and wrong is not True:
                yield f"{spot.path} = {wrong!r}", spot.place(wrong), spot.path
        if spot.path == "resourceArn" and operation.key in TOLD_BY_ARN:
            continue
        for what, value in shapes.ways(spot.shape, header=location == "header"):
            if location == "querystring" and value == []:
                continue  # cannot be told from nothing
            if location == "uri" and value == "":
                continue  # another operation's path
            yield f"{spot.path} {what}", spot.place(value), None


def location_of(operation, spot):
    """Where in a request the value of a place travels."""
    shape = operation.service.shapes[operation.input]
    name, top = next((name, member) for name, member in shape["members"].items() if below("", name) == re.match(r"\w+", spot.path).group())
    return top.get("location", "payload" if name == shape.get("payload") else "body")


def check_refusal(operation, shapes, given, wrong_type_at, answer):
    assert answer.headers["x-amzn-requestid"]
    if wrong_type_at:
        COUNTS["wrong type"] += 1
        message = check_error(operation, answer, 400, "SerializationException")
        assert f"'{wrong_type_at}'" in message
        return
    COUNTS["broken"] += 1
    expected = sorted(shapes.broken(operation.input, given, ""))
    assert expected
    message = check_error(operation, answer, 400, "ValidationException")
    errors = "error" if len(expected) == 1 else "errors"
    assert message.startswith(f"{len(expected)} validation {errors} detected: "), expected
    for _, sentence in expected:
        assert sentence.is_in(message), sentence
    if "fieldList" in operation.errors.get("ValidationException", {}).get("members", {}):
        fields = sorted((field["name"], field["message"]) for field in answer.json["fieldList"])
        assert len(fields) == len(expected), expected
        for (path, sentence), (name, told) in zip(expected, fields):
            assert name == path and sentence.is_all_of(told), (sentence, told)


def check_error(operation, answer, status, code):
    """Status, code and shape of an error; gives its message."""
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (status, code)
    shape = operation.errors.get(code, {"members": {}})
    assert set(answer.json) - set(shape["members"]) - {"message"} == set(), "unknown members"
    assert set(shape.get("required", [])) <= set(answer.json)
    return answer.json["message"]


@each_operation
def test_values_at_the_limits(operation, stage, connection):
    """What the model just allows is not refused as against the model. It may be refused for another reason."""
    shapes = Shapes(operation.service.shapes)
    ways = []
    for spot in shapes.spots(operation.input, "", lambda value: value, base=stage.least(operation)) if operation.input else ():
        location = location_of(operation, spot)
        if (operation.key, spot.path) in RULED_OUT:
            continue
        # An empty list of a query cannot be told from nothing.
        ways += [(f"{spot.path} {what}", spot.place(value)) for what, value in shapes.legal(spot.shape, header=location == "header")
                 if location != "querystring" or value != []]
    problems = []
    answers = connection.ask([wire.request(operation, given) for _, given in ways], operation.service.signing_name)
    for (what, given), answer in zip(ways, answers):
        assert list(shapes.broken(operation.input, given, "")) == [], what
        COUNTS["at the limits"] += 1
        code = answer.headers.get("x-amzn-errortype")
        if code == "SerializationException" or (code and "validation error" in answer.json["message"]) or (answer.status >= 500 and answer.status != 501):
            problems.append(f"{what}: {answer}")
    if problems:
        pytest.fail(f"{len(problems)} of {len(ways)} are refused:\n" + "\n".join(problems[:12]), pytrace=False)


def test_a_write_of_any_kind_would_show(stage):
    before = stage.digest()
    stage.draft()
    assert stage.digest() != before


def test_the_walk_does_not_shrink():
    """Runs last."""
    print(COUNTS)
    if COUNTS["valid"] + COUNTS["not built"] < len(WALKED):
        pytest.skip("only a part of the walk was asked for")
    assert len(WALKED) == 168
    assert {what: count for what, count in COUNTED.items() if COUNTS[what] < count} == {}
