"""The session store: sessions, invocations and steps that programs keep here for conversations of their own."""

import concurrent.futures
import datetime
import hashlib
import json
import uuid

from test_aws_cli import aws
from test_control_plane import UNKNOWN, refused
from test_wire import send

NOW = datetime.datetime(2025, 6, 1, 10, 0, 0, 123456, datetime.timezone.utc)
KEY = "arn:aws:kms:us-west-2:111111111111:key/00000000-0000-4000-8000-000000000000"


def text(words):
    return {"contentBlocks": [{"text": words}]}


def later(seconds):
    return NOW + datetime.timedelta(seconds=seconds)


def put(runtime, session, invocation, seconds, words="x", **more):
    return runtime.put_invocation_step(
        sessionIdentifier=session, invocationIdentifier=invocation, invocationStepTime=later(seconds), payload=text(words), **more
    )["invocationStepId"]


def test_a_session_lives_ends_and_is_deleted(outcrop):
    runtime = outcrop.start().runtime()
    made = runtime.create_session(sessionMetadata={"user": "anna"}, encryptionKeyArn=KEY, tags={"team": "north"})
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["sessionStatus"] == "ACTIVE"
    session, arn = made["sessionId"], made["sessionArn"]
    assert str(uuid.UUID(session)) == session
    assert arn == f"arn:aws:bedrock:us-east-1:000000000000:session/{session}"

    # An ARN names it as well as its id does.
    for name in (session, arn):
        found = runtime.get_session(sessionIdentifier=name)
        assert (found["sessionId"], found["sessionMetadata"], found["encryptionKeyArn"]) == (session, {"user": "anna"}, KEY)
        assert found["createdAt"] == made["createdAt"] == found["lastUpdatedAt"]
    updated = runtime.update_session(sessionIdentifier=arn, sessionMetadata={"language": "de"})
    assert updated["lastUpdatedAt"] > updated["createdAt"] == made["createdAt"]
    assert runtime.get_session(sessionIdentifier=session)["sessionMetadata"] == {"language": "de"}

    invocation = runtime.create_invocation(sessionIdentifier=session, description="asks about the weather")
    assert invocation["ResponseMetadata"]["HTTPStatusCode"] == 201
    step = put(runtime, session, invocation["invocationId"], 1, "sunny")
    assert refused(runtime.delete_session, sessionIdentifier=session)[:2] == (409, "ConflictException")

    ended = runtime.end_session(sessionIdentifier=arn)
    assert (ended["sessionId"], ended["sessionArn"], ended["sessionStatus"]) == (session, arn, "ENDED")
    # What is in it is read, and no more written.
    where = {"sessionIdentifier": session, "invocationIdentifier": invocation["invocationId"]}
    assert runtime.get_invocation_step(**where, invocationStepId=step)["invocationStep"]["payload"] == text("sunny")
    assert len(runtime.list_invocations(sessionIdentifier=session)["invocationSummaries"]) == 1
    assert len(runtime.list_invocation_steps(**where)["invocationStepSummaries"]) == 1
    for write in (
        lambda **_: put(runtime, session, invocation["invocationId"], 2),
        lambda **_: runtime.create_invocation(sessionIdentifier=session),
        lambda **_: runtime.update_session(sessionIdentifier=session, sessionMetadata={}),
        lambda **_: runtime.end_session(sessionIdentifier=session),
    ):
        assert refused(write)[:2] == (409, "ConflictException")

    gone = runtime.delete_session(sessionIdentifier=arn)
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 200
    for read in (
        lambda **_: runtime.get_session(sessionIdentifier=session),
        lambda **_: runtime.list_invocations(sessionIdentifier=session),
        lambda **_: runtime.get_invocation_step(**where, invocationStepId=step),
        lambda **_: runtime.list_tags_for_resource(resourceArn=arn),
        lambda **_: runtime.delete_session(sessionIdentifier=session),
    ):
        assert refused(read) == (404, "ResourceNotFoundException", UNKNOWN)


def test_steps_are_put_replaced_and_listed_latest_first(outcrop):
    runtime = outcrop.start().runtime()
    session = runtime.create_session()["sessionId"]
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    for invocation in (one, two):
        assert runtime.create_invocation(sessionIdentifier=session, invocationId=invocation)["invocationId"] == invocation
    assert refused(runtime.create_invocation, sessionIdentifier=session, invocationId=one)[:2] == (409, "ConflictException")
    # The same id in another session is another invocation.
    other = runtime.create_session()["sessionId"]
    runtime.create_invocation(sessionIdentifier=other, invocationId=one)
    put(runtime, other, one, 99)
    assert [each["invocationId"] for each in runtime.list_invocations(sessionIdentifier=session)["invocationSummaries"]] == [two, one]

    steps = [put(runtime, session, invocation, seconds) for invocation, seconds in ((one, 5), (two, 7), (one, 3), (two, 9), (one, 7))]
    listed = lambda **more: [
        each["invocationStepId"]
        for each in runtime.list_invocation_steps(sessionIdentifier=session, **more)["invocationStepSummaries"]
    ]
    # Of one instant the one that was put last comes first.
    assert listed() == [steps[3], steps[4], steps[1], steps[0], steps[2]]
    assert listed(invocationIdentifier=one) == [steps[4], steps[0], steps[2]]
    assert listed(invocationIdentifier=one, maxResults=1) == [steps[4]]
    put(runtime, session, one, 11, "anew", invocationStepId=steps[2])
    assert listed(invocationIdentifier=one) == [steps[2], steps[4], steps[0]]
    read = runtime.get_invocation_step(sessionIdentifier=session, invocationIdentifier=one, invocationStepId=steps[2])["invocationStep"]
    assert read == {"sessionId": session, "invocationId": one, "invocationStepId": steps[2], "invocationStepTime": later(11), "payload": text("anew")}

    unknown = {"invocationIdentifier": str(uuid.uuid4())}
    assert refused(runtime.list_invocation_steps, sessionIdentifier=session, **unknown)[:2] == (404, "ResourceNotFoundException")
    assert refused(runtime.put_invocation_step, sessionIdentifier=session, **unknown, invocationStepTime=NOW, payload=text("x"))[0] == 404
    at_two = {"sessionIdentifier": session, "invocationIdentifier": two}
    assert refused(runtime.get_invocation_step, **at_two, invocationStepId=steps[0]) == (404, "ResourceNotFoundException", UNKNOWN)


def test_images_are_kept_as_bytes_or_as_references(outcrop):
    runtime = outcrop.start().runtime()
    session = runtime.create_session()["sessionId"]
    invocation = runtime.create_invocation(sessionIdentifier=session)["invocationId"]
    where = {"sessionIdentifier": session, "invocationIdentifier": invocation}
    payload = {"contentBlocks": [
        {"text": "two pictures"},
        {"image": {"format": "png", "source": {"bytes": bytes(range(256))}}},
        {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://nowhere-at-all/cat.webp"}}}},
    ]}
    step = runtime.put_invocation_step(**where, invocationStepTime=NOW, payload=payload)["invocationStepId"]
    assert runtime.get_invocation_step(**where, invocationStepId=step)["invocationStep"]["payload"] == payload
    # A payload has a limit, and what is over it changes nothing.
    large = {"contentBlocks": [{"text": "x" * (17 << 20)}]}
    assert refused(runtime.put_invocation_step, **where, invocationStepTime=NOW, payload=large)[:2] == (400, "ValidationException")
    assert len(runtime.list_invocation_steps(**where)["invocationStepSummaries"]) == 1


def test_pages_go_on_where_they_stopped_whatever_comes_and_goes(outcrop):
    runtime = outcrop.start().runtime()
    sessions = [runtime.create_session()["sessionId"] for _ in range(7)]
    pages = list(runtime.get_paginator("list_sessions").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["sessionSummaries"]) for page in pages] == [3, 3, 1]
    assert [each["sessionId"] for page in pages for each in page["sessionSummaries"]] == sessions[::-1]
    assert "nextToken" not in pages[-1]
    first = runtime.list_sessions(maxResults=2)
    runtime.create_session()
    for gone in (sessions[5], sessions[3]):
        runtime.end_session(sessionIdentifier=gone)
        runtime.delete_session(sessionIdentifier=gone)
    rest = runtime.list_sessions(nextToken=first["nextToken"])["sessionSummaries"]
    assert [each["sessionId"] for each in rest] == [sessions[4], *sessions[2::-1]]

    session = sessions[0]
    invocations = [runtime.create_invocation(sessionIdentifier=session)["invocationId"] for _ in range(5)]
    steps = [put(runtime, session, invocations[0], seconds) for seconds in range(5)]
    page = runtime.list_invocations(sessionIdentifier=session, maxResults=2)
    runtime.create_invocation(sessionIdentifier=session)
    rest = runtime.list_invocations(sessionIdentifier=session, nextToken=page["nextToken"])["invocationSummaries"]
    assert [each["invocationId"] for each in rest] == invocations[2::-1]
    page = runtime.list_invocation_steps(sessionIdentifier=session, maxResults=2)
    put(runtime, session, invocations[1], 60)
    rest = runtime.list_invocation_steps(sessionIdentifier=session, nextToken=page["nextToken"])["invocationStepSummaries"]
    assert [each["invocationStepId"] for each in rest] == steps[2::-1]
    # A token is for its own list.
    for call, where in (
        (runtime.list_sessions, {}),
        (runtime.list_invocations, {"sessionIdentifier": session}),
        (runtime.list_invocation_steps, {"sessionIdentifier": session, "invocationIdentifier": invocations[0]}),
        (runtime.list_invocation_steps, {"sessionIdentifier": sessions[1]}),
    ):
        assert refused(call, **where, nextToken=page["nextToken"])[:2] == (400, "ValidationException")


def test_tags_of_sessions(outcrop):
    runtime = outcrop.start().runtime()
    arn = runtime.create_session(tags={"team": "north", "stage": "test"})["sessionArn"]
    tags = lambda: runtime.list_tags_for_resource(resourceArn=arn)["tags"]
    runtime.tag_resource(resourceArn=arn, tags={"team": "south"})
    runtime.untag_resource(resourceArn=arn, tagKeys=["stage", "absent"])
    assert tags() == {"team": "south"}
    assert refused(runtime.tag_resource, resourceArn=arn, tags={str(n): "" for n in range(50)})[:2] == (400, "ServiceQuotaExceededException")
    assert tags() == {"team": "south"}
    nobody = arn.replace(arn[-4:], "ffff")
    assert refused(runtime.list_tags_for_resource, resourceArn=nobody)[:2] == (404, "ResourceNotFoundException")
    assert refused(runtime.create_session, tags={"aws:x": "1"})[:2] == (400, "ValidationException")


def test_what_the_model_forbids_is_refused(outcrop):
    runtime = outcrop.start().runtime()
    session = runtime.create_session()["sessionId"]
    invocation = runtime.create_invocation(sessionIdentifier=session)["invocationId"]
    step = {"sessionIdentifier": session, "invocationIdentifier": invocation, "invocationStepTime": NOW}
    for call, arguments, where in (
        (runtime.get_session, {"sessionIdentifier": session.upper()}, "sessionIdentifier"),
        (runtime.create_session, {"sessionMetadata": {str(n): "" for n in range(51)}}, "sessionMetadata"),
        (runtime.create_session, {"sessionMetadata": {"k" * 101: ""}}, "sessionMetadata"),
        (runtime.create_session, {"sessionMetadata": {"k": "v" * 5001}}, "sessionMetadata"),
        (runtime.create_session, {"encryptionKeyArn": "arn:aws:kms:x"}, "encryptionKeyArn"),
        (runtime.create_invocation, {"sessionIdentifier": session, "invocationId": "mine"}, "invocationId"),
        (runtime.create_invocation, {"sessionIdentifier": session, "description": "x" * 201}, "description"),
        (runtime.put_invocation_step, {**step, "payload": {"contentBlocks": [{"image": {"format": "bmp", "source": {"bytes": b"x"}}}]}}, "format"),
    ):
        status, code, message = refused(call, **arguments)
        assert (status, code) == (400, "ValidationException") and where in message, (arguments, message)
    elsewhere = f"arn:aws:bedrock:eu-west-1:000000000000:session/{session}"
    assert refused(runtime.get_session, sessionIdentifier=elsewhere)[:2] == (404, "ResourceNotFoundException")
    # boto3 would not send this.
    body = json.dumps({"invocationIdentifier": invocation, "invocationStepTime": 1, "payload": {"contentBlocks": []}}).encode()
    empty = send(outcrop, "PUT", f"/sessions/{session}/invocationSteps/", body)
    assert empty.status_code == 400 and "contentBlocks" in empty.json()["message"]
    assert runtime.list_invocation_steps(sessionIdentifier=session)["invocationStepSummaries"] == []


def test_quotas_are_settings(outcrop):
    runtime = outcrop.start(settings="[quotas]\ninvocations_per_session = 1\nsteps_per_session = 2").runtime()
    session = runtime.create_session()["sessionId"]
    invocation = runtime.create_invocation(sessionIdentifier=session)["invocationId"]
    assert refused(runtime.create_invocation, sessionIdentifier=session)[:2] == (400, "ServiceQuotaExceededException")
    steps = [put(runtime, session, invocation, seconds) for seconds in (1, 2)]
    assert refused(lambda **_: put(runtime, session, invocation, 3))[:2] == (400, "ServiceQuotaExceededException")
    # A step in the place of another is no further one.
    assert put(runtime, session, invocation, 3, invocationStepId=steps[0]) == steps[0]
    assert len(runtime.list_invocation_steps(sessionIdentifier=session)["invocationStepSummaries"]) == 2


def test_sessions_survive_kill_9_and_many_writers(outcrop):
    runtime = outcrop.start().runtime(max_pool_connections=16)
    session = runtime.create_session(sessionMetadata={"user": "anna"})["sessionId"]
    invocation = runtime.create_invocation(sessionIdentifier=session)["invocationId"]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        steps = list(pool.map(lambda seconds: put(runtime, session, invocation, seconds, f"step {seconds}"), range(120)))
    before = runtime.get_session(sessionIdentifier=session)
    outcrop.server.restart()
    runtime = outcrop.runtime()
    after = runtime.get_session(sessionIdentifier=session)
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}
    pages = runtime.get_paginator("list_invocation_steps").paginate(sessionIdentifier=session, PaginationConfig={"PageSize": 50})
    assert [each["invocationStepId"] for page in pages for each in page["invocationStepSummaries"]] == steps[::-1]


def test_a_graph_saver_finds_its_latest_checkpoint(outcrop):
    """The calls of LangGraph's BedrockSessionSaver, in its order."""
    runtime = outcrop.start().runtime()
    thread = runtime.create_session()["sessionId"]
    made_of = lambda words: str(uuid.UUID(bytes=hashlib.md5(words.encode()).digest()))

    def begin(invocation):
        try:
            runtime.create_invocation(sessionIdentifier=thread, invocationId=invocation)
        except runtime.exceptions.ConflictException:
            pass

    def save(invocation, body, **step):
        begin(invocation)
        payload = text(json.dumps(body))
        runtime.put_invocation_step(
            sessionIdentifier=thread, invocationIdentifier=invocation, payload=payload,
            invocationStepTime=datetime.datetime.now(datetime.timezone.utc), **step)

    def newest(invocation):
        where = {"sessionIdentifier": thread, "invocationIdentifier": invocation}
        try:
            steps = runtime.list_invocation_steps(**where, maxResults=1)["invocationStepSummaries"]
        except runtime.exceptions.ResourceNotFoundException:
            return None
        if not steps:
            return None
        step = runtime.get_invocation_step(**where, invocationStepId=steps[0]["invocationStepId"])["invocationStep"]
        return json.loads(step["payload"]["contentBlocks"][0]["text"])

    checkpoints = made_of("CHECKPOINT#")
    assert newest(checkpoints) is None
    for number in range(4):
        checkpoint = str(uuid.uuid4())
        save(checkpoints, {"number": number}, invocationStepId=checkpoint)
        writes = made_of(f"WRITES#{checkpoint}")
        assert newest(writes) is None
        begin(writes)
        assert newest(writes) is None
        for value in ("a", "ab"):
            save(writes, {"value": value, "of": number})
        assert newest(writes) == {"value": "ab", "of": number}
        assert newest(checkpoints) == {"number": number}
    runtime.end_session(sessionIdentifier=thread)
    assert newest(checkpoints) == {"number": 3}
    runtime.delete_session(sessionIdentifier=thread)
    assert newest(checkpoints) is None


def test_a_session_by_the_cli(outcrop):
    outcrop.start()
    runtime = lambda *arguments: aws(outcrop, "bedrock-agent-runtime", *arguments)
    status, made, complaint = runtime("create-session", "--session-metadata", "user=anna")
    assert status == 0, complaint
    session = ["--session-identifier", made["sessionArn"]]
    invocation = runtime("create-invocation", *session)[1]["invocationId"]
    step = runtime("put-invocation-step", *session, "--invocation-identifier", invocation, "--invocation-step-time", "2025-06-01T10:00:00Z",
                   "--payload", json.dumps(text("hello")))[1]["invocationStepId"]
    found = runtime("get-invocation-step", *session, "--invocation-identifier", invocation, "--invocation-step-id", step)[1]
    assert found["invocationStep"]["payload"] == text("hello")
    assert runtime("end-session", *session)[1]["sessionStatus"] == "ENDED"
    assert runtime("delete-session", *session)[0] == 0
    assert runtime("list-sessions")[1]["sessionSummaries"] == []
