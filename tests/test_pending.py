"""Actions that answer later: a callback or a deadline wakes their turn, also after a restart."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import EventStreamError

from script import call, calls, say, script, turn
from test_collaboration import MODEL, configured, described
from test_recovery import turns
from world import Turn, eventually, function, group, handler, invoke, make_agent

APPROVALS = group("Approvals", function("approve", amount="string"), function("note", text="string"))
SCRIPT = script(
    turn(call("approve", amount="5"), say("It is approved."), when="Approve 5"),
    turn(calls(call("approve", amount="6"), call("note", text="n"), call("approve", amount="7")), say("Both are approved."), when="both"),
    turn(say("Hello."), when="hello"),
)


def later(folder, seconds=3600):
    """A handler that takes `approve` and answers nothing yet; where the answer goes is left in a file."""
    return handler(f"""
        custom = event["__custom"]
        if name == "note":
            return "noted"
        with open(os.path.join({str(folder)!r}, "token-" + arguments["amount"]), "a") as token:
            token.write(custom["outcrop:callback-token"] + " " + custom["outcrop:callback-url"] + "\\n")
        return {{"outcrop": {{"pending": True, "timeoutSeconds": {seconds}}}}}
    """).replace("    name = event.get", "    event['__custom'] = context.client_context.custom\n    name = event.get")


def tokens(folder, amount):
    path = folder / f"token-{amount}"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def call_back(url, **body):
    """Status and answer of a callback, sent without a signature."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def ends_waiting(outcrop, agent, text, **more):
    """Asks, and gives what the stream showed before it ended because an action answers later."""
    events = []
    response = outcrop.runtime().invoke_agent(agentId=agent.id, agentAliasId=agent.alias_id, sessionId="s-1", inputText=text, enableTrace=True, **more)
    with pytest.raises(EventStreamError) as raised:
        for event in response["completion"]:
            events.append(event)
    assert "dependencyFailedException" in str(raised.value) and "answers later" in str(raised.value)
    return Turn(events), str(raised.value)


def test_a_callback_wakes_a_turn(outcrop, tmp_path):
    outcrop.start(SCRIPT, {"order-tools": later(tmp_path)})
    agent = make_agent(outcrop.control(), APPROVALS)
    before, why = ends_waiting(outcrop, agent, "Approve 5, please.")
    assert "waits for approve" in why
    assert turns(outcrop, "s-1") == ["ASLEEP"]
    # The same request shows the same again; other words are refused while it waits.
    again, _ = ends_waiting(outcrop, agent, "Approve 5, please.")
    assert again.events == before.events
    with pytest.raises(EventStreamError, match="conflictException.*answers later"):
        invoke(outcrop.runtime(), agent, "hello", session="s-1")
    outcrop.server.restart()
    (token, url), = tokens(tmp_path, 5)
    assert url.endswith("/outcrop/callbacks/" + token)
    # The port is another one after the restart.
    url = f"{outcrop.url}/outcrop/callbacks/{token}"
    assert call_back(url)[0] == 400 and call_back(url, body="x", error="y")[0] == 400 and call_back(url, bdy="x")[0] == 400
    assert call_back(url[:-2] + "xx", body="yes")[0] == 404
    assert call_back(url, body="yes, by Ann") == (200, {"status": "ACCEPTED"})
    assert call_back(url, body="yes, by Ann") == (200, {"status": "ACCEPTED"})
    assert call_back(url, body="no")[0] == 409
    eventually(lambda: turns(outcrop, "s-1") == ["FINISHED"])
    # It went on by itself. Whoever asks gets everything, and nothing is done again.
    whole = invoke(outcrop.runtime(), agent, "Approve 5, please.", session="s-1")
    assert whole.answer == "It is approved." and whole.observations == ["yes, by Ann"]
    assert whole.events[: len(before.events)] == before.events
    assert len(tokens(tmp_path, 5)) == 1 and len(turns(outcrop, "s-1")) == 1
    assert invoke(outcrop.runtime(), agent, "hello", session="s-1").answer == "Hello."
    assert call_back(url, body="yes, by Ann") == (200, {"status": "ACCEPTED"})


def test_several_answers_are_waited_for(outcrop, tmp_path):
    outcrop.start(SCRIPT, {"order-tools": later(tmp_path)})
    agent = make_agent(outcrop.control(), APPROVALS)
    ends_waiting(outcrop, agent, "Approve both.")
    (_, first), (_, second) = tokens(tmp_path, 6) + tokens(tmp_path, 7)
    assert call_back(second, error="no budget is left")[0] == 200
    eventually(lambda: json.dumps(turn_of(outcrop)).count("no budget is left"))
    assert turns(outcrop, "s-1") == ["ASLEEP"]
    assert call_back(first, body={"by": "Ann"})[0] == 200
    eventually(lambda: turns(outcrop, "s-1") == ["FINISHED"])
    whole = invoke(outcrop.runtime(), agent, "Approve both.", session="s-1")
    assert whole.answer == "Both are approved." and whole.observations == ['{"by":"Ann"}', "noted", "no budget is left"]


def turn_of(outcrop):
    with urllib.request.urlopen(f"{outcrop.url}/outcrop/sessions/s-1/turns/1/trace") as answer:
        return json.load(answer)


def test_a_deadline_wakes_a_turn(outcrop, tmp_path):
    outcrop.start(SCRIPT, {"order-tools": later(tmp_path, seconds=1)})
    agent = make_agent(outcrop.control(), APPROVALS)
    ends_waiting(outcrop, agent, "Approve 5, please.")
    outcrop.server.restart()
    eventually(lambda: turns(outcrop, "s-1") == ["FINISHED"])
    whole = invoke(outcrop.runtime(), agent, "Approve 5, please.", session="s-1")
    assert "did not in time" in whole.observations[0]
    assert call_back(f"{outcrop.url}/outcrop/callbacks/{tokens(tmp_path, 5)[0][0]}", body="too late")[0] == 404


def test_an_answer_may_come_before_its_function_has_said_so(outcrop, tmp_path):
    quick = handler(f"""
        import urllib.request
        custom = event["__custom"]
        answer = json.dumps({{"body": "at once"}}).encode()
        urllib.request.urlopen(urllib.request.Request(custom["outcrop:callback-url"], answer, method="POST")).read()
        return {{"outcrop": {{"pending": True}}}}
    """).replace("    name = event.get", "    event['__custom'] = context.client_context.custom\n    name = event.get")
    outcrop.start(SCRIPT, {"order-tools": quick})
    agent = make_agent(outcrop.control(), APPROVALS)
    whole = invoke(outcrop.runtime(), agent, "Approve 5, please.", session="s-1")
    assert whole.answer == "It is approved." and whole.observations == ["at once"]


def test_a_turn_that_waits_can_be_called_off_or_made_way(outcrop, tmp_path):
    outcrop.start(SCRIPT, {"order-tools": later(tmp_path)}, settings='[sessions]\nconcurrent = "interrupt"\n')
    agent = make_agent(outcrop.control(), APPROVALS)
    ends_waiting(outcrop, agent, "Approve 5, please.")
    request = urllib.request.Request(f"{outcrop.url}/outcrop/sessions/s-1/turn", method="DELETE")
    assert json.load(urllib.request.urlopen(request))["status"] == "CANCELLED"
    ends_waiting(outcrop, agent, "Approve 5, please.")
    assert invoke(outcrop.runtime(), agent, "hello", session="s-1").answer == "Hello."
    assert call_back(tokens(tmp_path, 5)[1][1], body="yes")[0] == 404
    assert invoke(outcrop.runtime(), agent, "hello", session="s-1").answer == "Hello."


def test_a_collaborators_action_answers_later(outcrop, tmp_path):
    outcrop.start(
        script(
            turn(call("AgentCommunication__sendMessage", recipient="Clerk", content="Approve 5."), say("All is approved."), when="Have it approved"),
            turn(call("approve", amount="5"), say("Approved."), when="Approve 5"),
        ),
        {"order-tools": later(tmp_path)},
    )
    boss = dict(
        foundationModel=MODEL, instruction="You have things approved, with the help of others.", agentCollaboration="SUPERVISOR",
        collaborators=[described("Clerk", "You approve what you are asked to, and nothing else.", APPROVALS)],
        collaboratorConfigurations=[configured("Clerk", "Whatever has to be approved.")],
        sessionId="s-1", inputText="Have it approved.", enableTrace=True,
    )
    ask = lambda: Turn(list(outcrop.runtime().invoke_inline_agent(**boss)["completion"]))
    with pytest.raises(EventStreamError, match="answers later"):
        ask()
    outcrop.server.restart()
    assert call_back(f"{outcrop.url}/outcrop/callbacks/{tokens(tmp_path, 5)[0][0]}", body="yes")[0] == 200
    eventually(lambda: turns(outcrop, "s-1") == ["FINISHED"])
    whole = ask()
    assert whole.answer == "All is approved." and len(tokens(tmp_path, 5)) == 1
    told = json.dumps([event["trace"] for event in whole.events if "trace" in event], default=str)
    assert told.count('"text": "yes"') == 1 and told.count('"function": "approve"') == 1
