"""CUSTOM_ORCHESTRATION: a function of the author decides each step."""

import json
import textwrap

import pytest
from botocore.exceptions import ClientError, EventStreamError

from script import call, fail, say, script, turn
from world import RETURN_CONTROL, ROLE, Turn, function, group, handler, invoke, make_agent, results

ORCHESTRATOR = "arn:aws:lambda:us-west-2:111111111111:function:orchestrator"
CUSTOM = {"orchestrationType": "CUSTOM_ORCHESTRATION", "customOrchestration": {"executor": {"lambda": ORCHESTRATOR}}}
ORDERS = group("OrderTools", function("get_order_status", order_id="string"))
CALENDAR = group("ClientSideTools", function("open_calendar", date="string"), executor=RETURN_CONTROL)
CANCEL = group("Cancelling", function("cancel_order", confirmation="ENABLED", order_id="string"))
USER_INPUT = {"actionGroupName": "Asking", "parentActionGroupSignature": "AMAZON.UserInput", "actionGroupState": "ENABLED"}
STATUS = handler('return "no such order" if arguments["order_id"] == "?" else f"{name} {arguments[\'order_id\']}: done"')

# The manner of the service's own sample: the model decides, the function only carries messages between model and tools.
REACT = '''
import json

def lambda_handler(event, context):
    state, text = event["state"], json.loads(event["input"]["text"])
    if state == "MODEL_INVOKED":
        uses = [block for block in text["output"]["content"] if "toolUse" in block]
        if text["stopReason"] == "tool_use":
            return reply(event, "INVOKE_TOOL", json.dumps(uses[0]), "a tool is wanted")
        return reply(event, "FINISH", text["output"]["content"][0]["text"], "the model is done")
    assert state in ("START", "TOOL_INVOKED"), state
    configuration = event["context"]["agentConfiguration"]
    messages = []
    for turn in event["context"]["session"]:
        for step in turn["intermediarySteps"]:
            came, went = step["orchestrationInput"], step["orchestrationOutput"]
            if came["state"] == "START":
                messages.append({"role": "user", "content": [{"text": came["text"]}]})
            if came["state"] == "MODEL_INVOKED":
                messages.append(json.loads(came["text"])["output"])
            if came["state"] == "TOOL_INVOKED":
                messages.append({"role": "user", "content": [json.loads(came["text"])]})
    messages.append({"role": "user", "content": [text]})
    request = {"modelId": configuration["defaultModelId"], "system": [{"text": configuration["instruction"]}], "messages": messages,
               "inferenceConfig": {"maxTokens": 500}, "toolConfig": {"tools": configuration["tools"]}}
    return reply(event, "INVOKE_MODEL", json.dumps(request), "the model is asked")

def reply(event, action, text, trace):
    context = event["context"]
    context["sessionAttributes"]["steps"] = context["sessionAttributes"].get("steps", "") + event["state"][0]
    return {"version": "1.0", "actionEvent": action, "output": {"text": text, "trace": {"event": {"text": trace}}},
            "context": {"sessionAttributes": context["sessionAttributes"], "promptSessionAttributes": context["promptSessionAttributes"]}}
'''


def steps(body):
    """A function that decides without a model; `body` gives `(actionEvent, output.text)` for `state` and `text`."""
    return textwrap.dedent('''
        import json

        def lambda_handler(event, context):
            state, text = event["state"], event["input"]["text"]
            action, said = decide(state, text, event)
            return {"version": "1.0", "actionEvent": action, "output": {"text": said}}

        def use(name, id="t1", **input):
            return "INVOKE_TOOL", json.dumps({"toolUse": {"toolUseId": id, "name": name, "input": input}})

        def result(text):
            return json.loads(text)["toolResult"]["content"][0]["text"]

        def decide(state, text, event):
    ''') + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"


def parts(turn_):
    """Each event in a short line, with its trace id."""
    request = turn_.response["ResponseMetadata"]["RequestId"]
    shown = []
    for event in turn_.events:
        if "trace" not in event:
            shown.append(next(iter(event)))
            continue
        (member, part), = event["trace"]["trace"].items()
        if member == "customOrchestrationTrace":
            shown.append(f"{part['traceId'].removeprefix(request)} {part['event']['text']}")
        elif member == "orchestrationTrace":
            name, content = next(iter(part.items()))
            kind = content.get("type") or content.get("invocationType")
            shown.append(f"{content['traceId'].removeprefix(request)} {name}{f' {kind}' if kind else ''}")
        else:
            shown.append(member)
    return shown


def test_a_function_in_the_manner_of_react(outcrop):
    outcrop.start(script(
        turn(call("get_order_status", "I look.", order_id="A-1"), say("A-1 is done."), when="A-1"),
        turn(say("It was A-1."), when="Which"),
    ), {"orchestrator": REACT, "order-tools": STATUS})
    agent = make_agent(outcrop.control(), ORDERS, **CUSTOM)
    runtime = outcrop.runtime()
    first = invoke(runtime, agent, "Where is A-1?", session="s-1")
    assert first.answer == "A-1 is done."
    assert parts(first) == [
        "-0 the model is asked", "-0 modelInvocationInput ORCHESTRATION", "-0 modelInvocationOutput",
        "-0 a tool is wanted", "-0 invocationInput ACTION_GROUP", "-0 observation ACTION_GROUP",
        "-1 the model is asked", "-1 modelInvocationInput ORCHESTRATION", "-1 modelInvocationOutput",
        "-1 the model is done", "-1 observation FINISH", "chunk",
    ]
    assert first.observations == ["get_order_status A-1: done"]
    asked = first.steps[0]["modelInvocationInput"]
    assert asked["foundationModel"] == "anthropic.claude-opus-4-7" and asked["inferenceConfiguration"]["maximumLength"] == 500
    assert [message["role"] for message in first.prompts[1]["messages"]] == ["user", "assistant", "user"]

    # The function is shown the turns before, each with its steps, and what it keeps in the session's attributes.
    second = invoke(runtime, agent, "Which one was it?", session="s-1")
    assert second.answer == "It was A-1."
    said = [message["content"][0] for message in second.prompts[0]["messages"]]
    assert [next(iter(block)) for block in said] == ["text", "reasoningContent", "toolResult", "text", "text"]
    assert said[0]["text"] == "Where is A-1?" and said[-1]["text"] == "Which one was it?"

    # Without traces there is the answer only; asked for piece by piece, too.
    plain = invoke(runtime, agent, "Which one?", session="s-2", trace=False, streamingConfigurations={"streamFinalResponse": True})
    assert [next(iter(event)) for event in plain.events] == ["chunk"] and plain.answer == "It was A-1."


def test_a_function_that_needs_no_model(outcrop):
    outcrop.start(script(turn(fail("invalid", "no model is to be asked"))), {"order-tools": STATUS, "orchestrator": steps('''
        context = event["context"]
        if state == "START":
            assert json.loads(text) == {"text": "Both"}, text
            assert [tool["toolSpec"]["name"] for tool in context["agentConfiguration"]["tools"]] == ["OrderTools__get_order_status"]
            assert context["sessionId"] == "s-1" and context["requestId"], context
            assert context["promptSessionAttributes"] == {"city": "Oslo"} and context["session"] == [], context
            assert set(context["agentConfiguration"]) == {"instruction", "defaultModelId", "tools"}, context
            return use("OrderTools__get_order_status", order_id="A-1")
        if state == "TOOL_INVOKED" and len(context["session"][0]["intermediarySteps"]) == 1:
            return "WEIGH", result(text)
        if state == "WEIGH":
            turn = context["session"][0]
            assert (turn["agentInput"], turn["agentOutput"]) == ("Both", None), turn
            assert [step["orchestrationOutput"]["event"] for step in turn["intermediarySteps"]] == ["INVOKE_TOOL", "WEIGH"], turn
            assert turn["intermediarySteps"][0]["orchestrationInput"] == {"state": "START", "text": "Both"}, turn
            return use("get_order_status", order_id="A-2", id="")
        return "FINISH", json.dumps("Then " + result(text))
    ''')})
    agent = make_agent(outcrop.control(), ORDERS, **CUSTOM)
    done = invoke(outcrop.runtime(), agent, "Both", session="s-1", sessionState={"promptSessionAttributes": {"city": "Oslo"}})
    assert done.answer == "Then get_order_status A-2: done"
    assert done.observations == ["get_order_status A-1: done", "get_order_status A-2: done"]
    assert done.prompts == []


def test_an_answer_in_pieces(outcrop):
    body = '''
        import json
        def lambda_handler(event, context):
            piece = lambda text: {"version": "1.0", "actionEvent": "INVOKE_TOOL", "output": {
                "text": {"toolUse": {"toolUseId": "x", "name": "bedrock_stream_answer_tool", "input": {"text": text}}},
                "trace": {"event": {"text": "a piece"}}}, "context": {"sessionAttributes": {}}}
            return [piece("I"), piece(" am"), piece(" here.")]
    '''
    outcrop.start(functions={"orchestrator": textwrap.dedent(body)})
    agent = make_agent(outcrop.control(), **CUSTOM)
    done = invoke(outcrop.runtime(), agent, "Hello", streamingConfigurations={"streamFinalResponse": True})
    assert done.answer == "I am here." and parts(done) == ["-0 a piece"] * 3 + ["-0 observation FINISH", "chunk"]


def test_tools_of_the_caller_confirmations_and_questions(outcrop):
    outcrop.start(functions={"order-tools": STATUS, "orchestrator": steps('''
        if state == "START":
            said = json.loads(text)["text"]
            return {
                "calendar": lambda: use("ClientSideTools__open_calendar", date="Monday"),
                "cancel": lambda: use("Cancelling__cancel_order", order_id="A-1"),
                "ask": lambda: use("user__askuser", question="Which order?"),
                "wrong": lambda: use("no_such_tool"),
            }[said]()
        answered = json.loads(text)["toolResult"]
        return "FINISH", f"{answered.get('status', 'fine')}: {answered['content'][0]['text']}"
    ''')})
    agent = make_agent(outcrop.control(), CALENDAR, CANCEL, USER_INPUT, **CUSTOM)
    runtime = outcrop.runtime()
    returned = invoke(runtime, agent, "calendar", session="s-1")
    assert [each["functionInvocationInput"]["function"] for each in returned.control["invocationInputs"]] == ["open_calendar"]
    outcrop.server.restart()
    back = invoke(outcrop.runtime(), agent, session="s-1", sessionState=results(returned.control, open_calendar="opened"))
    assert back.answer == "fine: opened"

    runtime = outcrop.runtime()
    for state, expected in (("CONFIRM", "fine: cancel_order A-1: done"), ("DENY", "error: The user declined this action; it was not run.")):
        asked = invoke(runtime, agent, "cancel", session="s-2").control
        given = asked["invocationInputs"][0]["functionInvocationInput"]
        answer = {"functionResult": {"actionGroup": given["actionGroup"], "function": given["function"], "confirmationState": state}}
        state = {"invocationId": asked["invocationId"], "returnControlInvocationResults": [answer]}
        assert invoke(runtime, agent, session="s-2", sessionState=state).answer == expected
    question = invoke(runtime, agent, "ask", session="s-3")
    assert question.answer == "Which order?" and question.steps[-1]["observation"]["type"] == "ASK_USER"
    wrong = invoke(runtime, agent, "wrong", session="s-4")
    assert wrong.answer.startswith("error: There is no tool no_such_tool.")


def test_collaborators_are_tools(outcrop):
    outcrop.start(script(turn(say("Billing says hello."), when="Hello")), {"orchestrator": steps('''
        if state == "START":
            return use("AgentCommunication__sendMessage", recipient="Billing", content="Hello, billing.")
        return "FINISH", result(text)
    ''')})
    control = outcrop.control()
    billing = make_agent(control, name="billing")
    arn = control.get_agent_alias(agentId=billing.id, agentAliasId=billing.alias_id)["agentAlias"]["agentAliasArn"]
    supervisor = make_agent(control, name="supervisor", **CUSTOM)
    control.update_agent(agentId=supervisor.id, agentName="supervisor", foundationModel="anthropic.claude-opus-4-7", agentResourceRoleArn=ROLE,
                         instruction="You ask billing whatever the user wants to know.", agentCollaboration="SUPERVISOR", **CUSTOM)
    control.associate_agent_collaborator(
        agentId=supervisor.id, agentVersion="DRAFT", agentDescriptor={"aliasArn": arn}, collaboratorName="Billing",
        collaborationInstruction="Ask it about bills.")
    control.prepare_agent(agentId=supervisor.id)
    supervisor.alias_id = "TSTALIASID"
    done = invoke(outcrop.runtime(), supervisor, "Ask them.")
    assert "Billing says hello." in done.answer
    assert any(step.get("observation", {}).get("type") == "AGENT_COLLABORATOR" for step in done.steps)


FAILURES = {
    "raises": ('raise ValueError("lost my way")', "lost my way"),
    "no JSON": ("return None, None", "no actionEvent"),
    "unknown": ('return "finish", "x"', "unknown actionEvent finish; did you mean FINISH?"),
    "a state": ('return "TOOL_INVOKED", "x"', "is a state and no event"),
    "no request": ('return "INVOKE_MODEL", "hello"', "no Converse request"),
    "no messages": ('return "INVOKE_MODEL", "{}"', "has no messages"),
    "no tool": ('return "INVOKE_TOOL", "{}"', "toolUse without a name"),
    "guardrail": ('return "APPLY_GUARDRAIL", "{}"', "no request of ApplyGuardrail"),
}


def test_what_a_function_gets_wrong_ends_the_turn(outcrop):
    body = "\n".join(f'if json.loads(text)["text"] == {name!r}: {code}' for name, (code, _) in FAILURES.items())
    outcrop.start(functions={"orchestrator": steps(body + '\nreturn "AGAIN", text')})
    agent = make_agent(outcrop.control(), **CUSTOM)
    for name, (_, words) in FAILURES.items():
        events = []
        with pytest.raises(EventStreamError) as raised:
            response = outcrop.runtime().invoke_agent(
                agentId=agent.id, agentAliasId=agent.alias_id, sessionId="s-1", inputText=name, enableTrace=True)
            for event in response["completion"]:
                events.append(event)
        error = raised.value.response["Error"]
        assert error["Code"] == "dependencyFailedException" and words in error["Message"], (name, error)
        assert ORCHESTRATOR in error["Message"]
        assert words in Turn(events).parts[-1]["failureTrace"]["failureReason"], name
    # One that never comes to an end is stopped, like a model that never does.
    endless = invoke(outcrop.runtime(), agent, "for ever", session="s-2")
    assert endless.answer == "Sorry, I am unable to assist you with this request."
    assert "did not end after 100 events" in endless.parts[-2]["failureTrace"]["failureReason"]


def test_a_model_that_fails_is_told_as_ever(outcrop):
    outcrop.start(script(turn(fail("throttled", "slow down"))), {"orchestrator": REACT})
    agent = make_agent(outcrop.control(), **CUSTOM)
    with pytest.raises(EventStreamError) as raised:
        invoke(outcrop.runtime(), agent, "Hello")
    assert raised.value.response["Error"]["Code"] == "throttlingException"


def test_the_limit_of_model_calls_holds(outcrop):
    outcrop.start(script(turn(*[say("More.")] * 9)), {"orchestrator": steps('''
        return "INVOKE_MODEL", json.dumps({"messages": [{"role": "user", "content": [{"text": "again"}]}]})
    ''')}, settings="[limits]\niterations_max = 3")
    agent = make_agent(outcrop.control(), **CUSTOM)
    done = invoke(outcrop.runtime(), agent, "Hello")
    assert done.answer == "Sorry, I am unable to assist you with this request." and len(done.prompts) == 3
    assert [part.split()[0] for part in parts(done) if "modelInvocationInput" in part] == ["-0", "-1", "-2"]


def test_a_custom_orchestration_needs_its_function(outcrop):
    control = outcrop.start().control()
    with pytest.raises(ClientError) as raised:
        make_agent(control, orchestrationType="CUSTOM_ORCHESTRATION")
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert "customOrchestration" in raised.value.response["Error"]["Message"]
    agent = make_agent(control, **CUSTOM)
    with pytest.raises(EventStreamError) as raised:
        invoke(outcrop.runtime(), agent, "Hello")
    assert raised.value.response["Error"]["Code"] == "dependencyFailedException" and ORCHESTRATOR in str(raised.value)


def test_an_inline_agent_with_a_custom_orchestration(outcrop):
    outcrop.start(functions={"orchestrator": steps('return "FINISH", "You said " + json.loads(text)["text"]')})
    response = outcrop.runtime().invoke_inline_agent(
        sessionId="s-1", foundationModel="m", instruction="You repeat what you are told, and you add nothing to it.", inputText="hello", **CUSTOM)
    assert Turn(list(response["completion"])).answer == "You said hello"
