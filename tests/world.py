"""What a test sets up around the server: configuration, functions, agents; and what it reads from an answer."""

import json
import textwrap
import time
import uuid
from dataclasses import dataclass, field

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "us-west-2"
ROLE = "arn:aws:iam::111111111111:role/AgentRole"
FUNCTION = "arn:aws:lambda:us-west-2:111111111111:function:order-tools"
INSTRUCTION = "You help customers of a small shop with their orders, kindly and quickly."


def client(service, url, key=("test", "test"), token=None, **config):
    """An unmodified client; only the endpoint is ours. Retries are off, so that a test sees the first answer."""
    config = {"retries": {"total_max_attempts": 1}, "proxies": {}, "read_timeout": 60, **config}
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id=key[0], aws_secret_access_key=key[1],
        aws_session_token=token, config=Config(**config),
    )


def function(name, description="", confirmation=None, **parameters):
    """A function of a function schema; parameters as `name="string"` or `name=("integer", "what it is")`, all required."""
    shapes = {}
    for parameter, shape in parameters.items():
        kind, about = (shape, None) if isinstance(shape, str) else shape
        shapes[parameter] = {"type": kind, "required": True, **({"description": about} if about else {})}
    made = {"name": name, "description": description or f"Does {name}.", "parameters": shapes}
    return {**made, "requireConfirmation": confirmation} if confirmation else made


def group(name, *functions, executor=None, **more):
    """An action group of functions, run by the function `order-tools` unless said otherwise."""
    return {
        "actionGroupName": name,
        "actionGroupExecutor": executor or {"lambda": FUNCTION},
        "functionSchema": {"functions": list(functions)},
        **more,
    }


RETURN_CONTROL = {"customControl": "RETURN_CONTROL"}


@dataclass
class Agent:
    id: str
    alias_id: str


def settled(get, field_path, target, seconds=10):
    """Polls as Terraform does until the status is no longer a passing one; gives the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = get()
        status = answer
        for name in field_path:
            status = status[name]
        if not status.endswith("ING"):
            assert status == target, answer
            return answer
        assert time.monotonic() < deadline, f"still {status}"
        time.sleep(0.02)


def make_guardrail(url, versions=0, name="shield", **policies):
    """A guardrail with so many versions; gives its id."""
    bedrock = client("bedrock", url)
    policies = policies or {"wordPolicyConfig": {"wordsConfig": [{"text": "blue moon"}]}}
    made = bedrock.create_guardrail(name=name, blockedInputMessaging="I cannot take that.", blockedOutputsMessaging="I cannot say that.", **policies)
    for _ in range(versions):
        bedrock.create_guardrail_version(guardrailIdentifier=made["guardrailId"])
    return made["guardrailId"]


def refused(call, **arguments):
    """What an operation answers when it says no: status, code and message."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    response = raised.value.response
    assert response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def create(control, name="support-bot", **more):
    """An agent that is created and ready to be worked on; gives its id."""
    body = {"foundationModel": "anthropic.claude-opus-4-7", "instruction": INSTRUCTION, **more}
    agent_id = control.create_agent(agentName=name, **body)["agent"]["agentId"]
    settled(lambda: control.get_agent(agentId=agent_id), ("agent", "agentStatus"), "NOT_PREPARED")
    return agent_id


def refusal(call, **arguments):
    """The whole answer of an operation that says no, with the members of its error."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return raised.value.response


def prepare(control, agent_id, status="PREPARED"):
    """Prepares an agent and waits for the end of it; gives the agent."""
    control.prepare_agent(agentId=agent_id)
    return settled(lambda: control.get_agent(agentId=agent_id), ("agent", "agentStatus"), status)["agent"]


def make_agent(control, *groups, name="support-bot", alias="PROD", **more):
    """Create, attach the groups, prepare, cut a version under an alias."""
    body = {
        "agentName": name, "foundationModel": "anthropic.claude-opus-4-7", "instruction": INSTRUCTION,
        "agentResourceRoleArn": ROLE, **more,
    }
    agent_id = control.create_agent(**body)["agent"]["agentId"]
    get = lambda: control.get_agent(agentId=agent_id)
    settled(get, ("agent", "agentStatus"), "NOT_PREPARED")
    for each in groups:
        control.create_agent_action_group(agentId=agent_id, agentVersion="DRAFT", **each)
    control.prepare_agent(agentId=agent_id)
    settled(get, ("agent", "agentStatus"), "PREPARED")
    alias_id = control.create_agent_alias(agentId=agent_id, agentAliasName=alias)["agentAlias"]["agentAliasId"]
    get_alias = lambda: control.get_agent_alias(agentId=agent_id, agentAliasId=alias_id)
    settled(get_alias, ("agentAlias", "agentAliasStatus"), "PREPARED")
    return Agent(agent_id, alias_id)


@dataclass
class Turn:
    """All events of one InvokeAgent, and what is in them."""

    events: list
    response: dict = field(repr=False, default_factory=dict)

    @property
    def answer(self):
        return b"".join(event["chunk"]["bytes"] for event in self.events if "chunk" in event).decode()

    @property
    def control(self):
        """The returnControl event; it must be the last."""
        assert "returnControl" in self.events[-1], self.events[-1:]
        return self.events[-1]["returnControl"]

    @property
    def parts(self):
        return [event["trace"]["trace"] for event in self.events if "trace" in event]

    @property
    def steps(self):
        return [part["orchestrationTrace"] for part in self.parts if "orchestrationTrace" in part]

    @property
    def prompts(self):
        """What the model was asked, as the trace shows it."""
        return [json.loads(step["modelInvocationInput"]["text"]) for step in self.steps if "modelInvocationInput" in step]

    @property
    def observations(self):
        return [
            step["observation"]["actionGroupInvocationOutput"]["text"]
            for step in self.steps if "actionGroupInvocationOutput" in step.get("observation", {})
        ]

    @property
    def transcript(self):
        """The turn in short lines, for comparison as a whole."""
        return [line for event in self.events for line in lines_of(event)]


def lines_of(event):
    if "chunk" in event:
        yield "answer: " + event["chunk"]["bytes"].decode()
    if "returnControl" in event:
        inputs = [each.get("functionInvocationInput") or each["apiInvocationInput"] for each in event["returnControl"]["invocationInputs"]]
        yield "return control: " + ", ".join(called(each["actionGroup"], each) for each in inputs)
    part = event.get("trace", {}).get("trace", {})
    if "failureTrace" in part:
        yield "failure: " + part["failureTrace"]["failureReason"]
    step = part.get("orchestrationTrace", {})
    if "modelInvocationInput" in step:
        yield "model"
    if "rationale" in step:
        yield "rationale: " + step["rationale"]["text"]
    if "invocationInput" in step:
        invocation = step["invocationInput"]["actionGroupInvocationInput"]
        yield f"{invocation['executionType'].lower()}: " + called(invocation["actionGroupName"], invocation)
    observation = step.get("observation", {})
    if "actionGroupInvocationOutput" in observation:
        yield "observed: " + observation["actionGroupInvocationOutput"]["text"]
    if "repromptResponse" in observation:
        yield "reprompt: " + observation["repromptResponse"]["text"]
    if "finalResponse" in observation:
        yield "finish: " + observation["finalResponse"]["text"]


def called(group_name, invocation):
    what = invocation.get("function") or f"{(invocation.get('verb') or invocation.get('httpMethod', '')).upper()} {invocation['apiPath']}"
    given = " ".join(f"{each['name']}={each['value']}" for each in invocation.get("parameters", []))
    return f"{group_name}.{what}({given})"


def invoke(runtime, agent, text=None, session=None, trace=True, **more):
    """One InvokeAgent, read to its end."""
    asked = {"inputText": text} if text is not None else {}
    response = runtime.invoke_agent(
        agentId=agent.id, agentAliasId=agent.alias_id, sessionId=session or str(uuid.uuid4()), enableTrace=trace, **asked, **more
    )
    return Turn(list(response["completion"]), response)


def results(control, **bodies):
    """sessionState that answers a returnControl event; one body per function name."""
    answers = []
    for each in control["invocationInputs"]:
        asked = each["functionInvocationInput"]
        answers.append({"functionResult": {
            "actionGroup": asked["actionGroup"], "function": asked["function"], "agentId": asked["agentId"],
            "responseBody": {"TEXT": {"body": bodies[asked["function"]]}},
        }})
    return {"invocationId": control["invocationId"], "returnControlInvocationResults": answers}


def eventually(check, seconds=20):
    """Repeats a look at the outside world until it gives something true; gives that."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


# A handler in the manner of AWS's samples: dispatch by name, answer by name.
HANDLER = '''
import json, os, time

def lambda_handler(event, context):
    arguments = {each["name"]: each["value"] for each in event.get("parameters", [])}
    name = event.get("function") or event.get("apiPath")
    result = answer(name, arguments, event)
    body = result if isinstance(result, str) else json.dumps(result)
    if "apiPath" in event:
        return {"messageVersion": "1.0", "response": {
            "actionGroup": event["actionGroup"], "apiPath": event["apiPath"], "httpMethod": event["httpMethod"],
            "httpStatusCode": 200, "responseBody": {"application/json": {"body": body}}}}
    return {"messageVersion": "1.0", "response": {
        "actionGroup": event["actionGroup"], "function": event["function"],
        "functionResponse": {"responseBody": {"TEXT": {"body": body}}}}}

'''


def handler(body):
    """Source of a handler; `body` is that of `answer(name, arguments, event)`."""
    return HANDLER + "def answer(name, arguments, event):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"
