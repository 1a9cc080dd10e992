"""Two requests in one session: the second is refused, queues, or interrupts the first."""

import pytest
from botocore.exceptions import ClientError, EventStreamError

from script import call, say, script, turn
from test_cancel import Reader, begin
from test_interrupted import gated
from world import eventually, function, group, invoke, make_agent

ORDER_TOOLS = group("OrderTools", function("get_order_status", order_id="string"))
ASK = script(
    turn(call("get_order_status", order_id="A-1"), say("A-1 has shipped."), when="A-1"),
    turn(call("get_order_status", order_id="B-2"), say("B-2 has shipped."), when="B-2"),
    turn(say("As I said."), when="again"),
)


def with_headers(client, **headers):
    """The client, which sends these headers with each call: `answer_schema` is `x-outcrop-answer-schema`."""
    def add(request, **_):
        for name, value in headers.items():
            request.headers[f"x-outcrop-{name.replace('_', '-')}"] = value

    client.meta.events.register("before-sign.*.*", add)
    return client


def start(outcrop, tmp_path, settings=""):
    outcrop.start(ASK, {"order-tools": gated(tmp_path)}, settings=settings)
    agent = make_agent(outcrop.control(), ORDER_TOOLS)
    first = begin(outcrop, agent, "Where is A-1?")
    eventually((tmp_path / "calls").exists)
    return agent, first


def ask(outcrop, agent, text, **headers):
    client = with_headers(outcrop.runtime(), **headers)
    asked = {"agentId": agent.id, "agentAliasId": agent.alias_id, "sessionId": "s-1", "inputText": text, "enableTrace": True}
    return Reader(client.invoke_agent(**asked)["completion"])


def answer(reader):
    assert reader.end() is None
    return b"".join(event["chunk"]["bytes"] for event in reader.events if "chunk" in event).decode()


def test_refused_by_default(outcrop, tmp_path):
    agent, first = start(outcrop, tmp_path, '[sessions]\nwait = "10ms"')
    assert ask(outcrop, agent, "Say it again.").end() == {
        "Code": "conflictException", "Message": "Another request is being answered in session s-1. Wait for its end and retry."}
    (tmp_path / "gate").touch()
    assert answer(first) == "A-1 has shipped."


def test_a_queue_has_an_order_and_an_end(outcrop, tmp_path):
    agent, first = start(outcrop, tmp_path, '[sessions]\nconcurrent = "queue"\nqueue_length_max = 2')
    second = ask(outcrop, agent, "Where is B-2?")
    third = ask(outcrop, agent, "Say it again.")
    # Who is the one too many is known by then: the others wait.
    refusals = lambda: [reader for reader in waiting if reader.error]
    waiting = [second, third, ask(outcrop, agent, "Say it again.")]
    eventually(refusals)
    assert [reader.end() for reader in refusals()] == [
        {"Code": "conflictException", "Message": "Too many requests wait for session s-1 already (sessions.queue_length_max)."}]
    (tmp_path / "gate").touch()
    answers = {answer(reader) for reader in (first, *waiting) if not reader.end()}
    assert {"A-1 has shipped.", "As I said."} <= answers
    # One after the other: each saw all that was said before it.
    assert invoke(outcrop.runtime(), agent, "Say it again.", session="s-1").answer == "As I said."


def test_whoever_queues_too_long_is_refused(outcrop, tmp_path):
    agent, first = start(outcrop, tmp_path, '[sessions]\nqueue_timeout = "10ms"')
    refused = ask(outcrop, agent, "Say it again.", session_policy="queue").end()
    assert refused["Code"] == "conflictException" and "sessions.queue_timeout" in refused["Message"]
    (tmp_path / "gate").touch()
    assert answer(first) == "A-1 has shipped."


@pytest.mark.parametrize("where", ["header", "tag of the alias", "tag of the agent", "setting"])
def test_the_newest_interrupts(outcrop, tmp_path, where):
    outcrop.start(ASK, {"order-tools": gated(tmp_path)}, settings='[sessions]\nconcurrent = "interrupt"' if where == "setting" else "")
    control = outcrop.control()
    agent = make_agent(control, ORDER_TOOLS, **({"tags": {"outcrop:session-policy": "interrupt"}} if where == "tag of the agent" else {}))
    if where == "tag of the alias":
        arn = control.get_agent_alias(agentId=agent.id, agentAliasId=agent.alias_id)["agentAlias"]["agentAliasArn"]
        invoke(outcrop.runtime(), agent, "Say it again.", session="before")
        control.tag_resource(resourceArn=arn, tags={"outcrop:session-policy": "interrupt"})
    first = begin(outcrop, agent, "Where is A-1?")
    eventually((tmp_path / "calls").exists)
    second = ask(outcrop, agent, "Say it again.", **({"session_policy": "interrupt"} if where == "header" else {}))
    assert answer(second) == "As I said."
    assert first.end() == {"Code": "conflictException", "Message": "The turn was cancelled because another request took its place in the session."}
    prompt = next(event["trace"]["trace"]["orchestrationTrace"]["modelInvocationInput"]["text"] for event in second.events)
    assert "Where is A-1?" in prompt and "This turn was cancelled" in prompt


def test_a_policy_that_is_not_known_is_refused(outcrop):
    outcrop.start(script(turn(say("Ok."))))
    control = outcrop.control()
    agent = make_agent(control)
    client = with_headers(outcrop.runtime(), session_policy="wait")
    with pytest.raises(ClientError, match="ValidationException.*x-outcrop-session-policy is one of refuse, queue, interrupt"):
        client.invoke_agent(agentId=agent.id, agentAliasId=agent.alias_id, sessionId="s-1", inputText="Hello")
    with pytest.raises(ClientError, match="ValidationException.*x-outcrop-session-polcy is not known"):
        with_headers(outcrop.runtime(), session_polcy="queue").invoke_agent(agentId=agent.id, agentAliasId=agent.alias_id, sessionId="s-1", inputText="Hello")
    arn = control.get_agent(agentId=agent.id)["agent"]["agentArn"]
    for tags in ({"outcrop:session-policy": "wait"}, {"outcrop:max-iterations": "0"}, {"outcrop:max-seconds": "1s"}, {"outcrop:answer-schema": "s3://bucket"}):
        with pytest.raises(ClientError, match="ValidationException"):
            control.tag_resource(resourceArn=arn, tags=tags)


def limits(turn_):
    return [part["failureTrace"]["failureReason"] for part in turn_.parts if "failureTrace" in part]


def test_limits_of_an_agent_and_of_a_call(outcrop):
    outcrop.start(
        script(turn(*[call("get_order_status", order_id="A-1")] * 9, say("Done."))), {"order-tools": "def lambda_handler(event, context):\n    return {}"},
        settings="[limits]\niterations_max = 4",
    )
    control = outcrop.control()
    agent = make_agent(control, ORDER_TOOLS, tags={"outcrop:max-iterations": "3"})
    ask = lambda **headers: invoke(with_headers(outcrop.runtime(), **headers), agent, "Go.")
    assert limits(ask())[-1] == "the turn reached its limit of 3 model calls"
    assert limits(ask(max_iterations="2"))[-1] == "the turn reached its limit of 2 model calls"
    # Nobody gets more than the agent, or the server, gives.
    assert limits(ask(max_iterations="100"))[-1] == "the turn reached its limit of 3 model calls"
    control.untag_resource(resourceArn=control.get_agent(agentId=agent.id)["agent"]["agentArn"], tagKeys=["outcrop:max-iterations"])
    limited = ask()
    assert limits(limited)[-1] == "the turn reached its limit of 4 model calls"
    assert limited.answer == "Sorry, I am unable to assist you with this request."


def test_time_limits_of_an_agent_and_of_a_call(outcrop, tmp_path):
    outcrop.start(ASK, {"order-tools": gated(tmp_path)})
    agent = make_agent(outcrop.control(), ORDER_TOOLS, tags={"outcrop:max-seconds": "60"})
    limited = invoke(with_headers(outcrop.runtime(), max_seconds="1"), agent, "Where is A-1?")
    assert limits(limited)[-1] == "the turn reached its time limit of 1 s"
