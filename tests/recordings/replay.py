"""Asks the same questions of the agents made after a recording."""

import copy
import json

from botocore.exceptions import EventStreamError

from .cast import FUNCTION, action_groups, cast, instruction, make, overrides
from .model import Model
from .read import Event, answers, replies

ASKED = ("inputText", "enableTrace", "endSession", "memoryId", "sessionState", "inlineSessionState", "streamingConfigurations",
         "bedrockModelConfigurations", "promptCreationConfigurations")
DESCRIBED = ("foundationModel", "instruction", "agentName", "agentCollaboration", "collaborators", "collaboratorConfigurations",
             "actionGroups", "idleSessionTTLInSeconds", "promptOverrideConfiguration")
# Members of a request for what is not built yet.
NOT_BUILT = ("files", "knowledgeBaseConfigurations")

# Answers what was recorded: the first answer for the same action and arguments that was not given yet.
FUNCTION_SOURCE = '''
import fcntl, json, pathlib

HERE = pathlib.Path(__file__).parent

def lambda_handler(event, context):
    action = [event["actionGroup"], event["function"]] if "function" in event else [event["actionGroup"], event["httpMethod"].upper(), event["apiPath"]]
    arguments = {one["name"]: one["value"] for one in event.get("parameters", [])}
    for media in event.get("requestBody", {}).get("content", {}).values():
        arguments.update({one["name"]: one["value"] for one in media["properties"]})
    answer = given(action, arguments)
    body = answer["text"]
    if "apiPath" in event:
        return {"messageVersion": "1.0", "response": {
            "actionGroup": event["actionGroup"], "apiPath": event["apiPath"], "httpMethod": event["httpMethod"],
            "httpStatusCode": 200, "responseBody": {"application/json": {"body": body}}}}
    reply = {"responseBody": {"TEXT": {"body": body}}}
    if answer.get("fails"):
        reply["responseState"] = "FAILURE"
    elif "state" in answer:
        reply["responseState"] = answer["state"]
    return {"messageVersion": "1.0", "response": {"actionGroup": event["actionGroup"], "function": event["function"], "functionResponse": reply}}

def given(action, arguments):
    with open(HERE / "answers.json", "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        answers = json.load(file)
        same = [one for one in answers if one["action"] == action and not one.get("given")]
        exact = [one for one in same if one["arguments"] == arguments]
        answer = (exact or same or [{"text": "nothing was recorded", "fails": True}])[0]
        answer["given"] = True
        file.seek(0)
        file.truncate()
        json.dump(answers, file)
        return answer
'''


def replay(world, exchanges):
    """Plays a file's exchanges in order; gives the events and headers of each, and what was wrong with the model's part."""
    agents = cast(exchanges)
    model = Model(agents)
    try:
        folder = world.function_folder("recorded", FUNCTION_SOURCE)
        (folder / "answers.json").write_text(json.dumps(answers(exchanges)))
        world.start(settings=settings(model.url, folder))
        make(world.control(), agents)
        runtime = world.runtime()
        ids = {}
        played = []
        for exchange in exchanges:
            model.play(replies(exchange))
            events, headers = ask(runtime, agents, exchange, ids)
            notes = [f"the model was not asked for: {reply.phase} {reply.text[:60]}" for reply in model.left]
            notes += [f"the model was asked once more: {words[:60]}" for words in model.surplus]
            played.append((events, headers, notes))
        return played
    finally:
        model.end()


def settings(url, folder):
    return "\n".join([
        "[[model]]", 'match = "*"', 'provider = "openai"', f'base_url = "{url}"',
        "[[function]]", 'match = "*"', f"code = {json.dumps(str(folder))}", 'runtime = "python3"', 'handler = "app.lambda_handler"', 'timeout = "30s"',
    ])


def ask(runtime, agents, exchange, ids):
    request = {name: copy.deepcopy(exchange.body[name]) for name in ASKED if name in exchange.body}
    state = request.get("sessionState") or request.get("inlineSessionState")
    if state:
        translate(state, agents, ids)
    if exchange.is_inline:
        response = runtime.invoke_inline_agent(sessionId=exchange.session, **request, **description(agents, exchange))
    else:
        agent = next(agent for agent in agents.values() if agent.key.endswith(f"{exchange.agent_id}/{exchange.alias_id}"))
        response = runtime.invoke_agent(agentId=agent.id, agentAliasId=agent.alias_id, sessionId=exchange.session, **request)
    events = []
    try:
        for event in response["completion"]:
            (member, payload), = event.items()
            events.append(Event(member, payload))
    except EventStreamError as error:
        found = error.response["Error"]
        events.append(Event("exception", {"code": found["Code"], "message": found["Message"]}))
    control = [event.payload["invocationId"] for event in events if event.member == "returnControl"]
    recorded = [event.payload["invocationId"] for event in exchange.events if event.member == "returnControl"]
    ids.update(zip(recorded, control))
    return events, response["ResponseMetadata"]["HTTPHeaders"]


def translate(state, agents, ids):
    """Recorded ids in what the caller brings back become ours."""
    for name in NOT_BUILT:
        state.pop(name, None)
    if "invocationId" in state:
        state["invocationId"] = ids.get(state["invocationId"], state["invocationId"])
    for result in state.get("returnControlInvocationResults", []):
        for member in result.values():
            ours = [agent.id for agent in agents.values() if f"/{member.get('agentId', '')}/" in agent.key and agent.id]
            if ours:
                member["agentId"] = ours[0]


def description(agents, exchange):
    """The agent as the request describes it, with markers; what is not built left out, stand-ins put in."""
    made = {name: copy.deepcopy(exchange.body[name]) for name in DESCRIBED if name in exchange.body}
    root = agents["inline"]
    groups = [group for group in made.get("actionGroups", []) if group.get("parentActionGroupSignature") != "AMAZON.CodeInterpreter"]
    named = {group["actionGroupName"] for group in groups}
    groups += [group for group in action_groups(root) if group["actionGroupName"] not in named]
    for group in groups:
        executor = group.get("actionGroupExecutor")
        if executor and "lambda" in executor:
            executor["lambda"] = FUNCTION
    made["instruction"] = f"{made.get('instruction', '')}\n{instruction(root)}"
    if groups:
        made["actionGroups"] = groups
    for collaborator in made.get("collaborators", []):
        known = agents.get(f"inline {collaborator.get('agentName', '')}")
        if known:
            collaborator["instruction"] = f"{collaborator.get('instruction', '')}\n{known.marker}"
        for group in collaborator.get("actionGroups", []):
            if "lambda" in group.get("actionGroupExecutor", {}):
                group["actionGroupExecutor"]["lambda"] = FUNCTION
    return {**overrides(root), **made}
