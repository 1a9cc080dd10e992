"""The agents that a recording tells of, made through the control plane."""

import json
import re
import uuid
from dataclasses import dataclass, field

from world import RETURN_CONTROL, ROLE, settled

from .read import INLINE_ALIAS, action_of, parameters_of, replies, root_of

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
FUNCTION = "arn:aws:lambda:us-west-2:111111111111:function:recorded"
ASK_USER = "user__askuser"
SEND = "AgentCommunication__sendMessage"
WITH_CONSENT = ("USER_CONFIRMATION", "USER_CONFIRMATION_AND_RESULT")


@dataclass
class Agent:
    """What is known of one agent."""

    key: str
    name: str = ""
    model: str = MODEL
    mode: str = "DISABLED"
    # group name -> action -> {parameters, body, by_caller, consent}
    groups: dict = field(default_factory=dict)
    # name -> key of the collaborator
    collaborators: dict = field(default_factory=dict)
    phases: set = field(default_factory=set)
    # phase -> sampling settings, where the recorded prompt was the author's own
    overridden: dict = field(default_factory=dict)
    asks_user: bool = False
    # Known after it is made.
    id: str = ""
    alias_id: str = ""
    alias_arn: str = ""

    @property
    def marker(self):
        """Stands in its instruction, so that the model knows who is asking."""
        return f"[replayed agent {self.key}]"

    @property
    def is_test_alias(self):
        return self.key.endswith("/TSTALIASID")


def cast(exchanges):
    """Every agent of a file, by its key."""
    agents = {}
    for exchange in exchanges:
        agents.setdefault(root_of(exchange), Agent(root_of(exchange)))
        for event in exchange.events:
            if event.member == "trace":
                learn(agents, event)
            elif event.member == "returnControl":
                learn_control(agents, exchange, event)
        for reply in replies(exchange):
            agent = agents.setdefault(reply.agent, Agent(reply.agent))
            names = [call.name for call in reply.calls if not call.action]
            agent.asks_user |= ASK_USER in names
            if SEND in names and agent.mode == "DISABLED":
                agent.mode = "SUPERVISOR"
    for agent in agents.values():
        agent.name = agent.name or re.sub(r"\W+", "-", agent.key.split("/", 1)[-1]).strip("-")
    return agents


def learn(agents, event):
    agent = agents.setdefault(event.agent, Agent(event.agent))
    kind, name, content = event.trace
    if kind == "routingClassifierTrace":
        agent.mode = "SUPERVISOR_ROUTER"
    if kind in ("preProcessingTrace", "postProcessingTrace"):
        agent.phases.add("PRE_PROCESSING" if kind == "preProcessingTrace" else "POST_PROCESSING")
    if name == "modelInvocationInput" and "foundationModel" in content:
        agent.model = content["foundationModel"]
    if name == "modelInvocationInput" and content.get("promptCreationMode") == "OVERRIDDEN":
        agent.overridden[content.get("type", "ORCHESTRATION")] = content.get("inferenceConfiguration", {})
    if told := content.get("agentCollaboratorInvocationInput"):
        alias, called = told["agentCollaboratorAliasArn"], told["agentCollaboratorName"]
        key = f"inline {called}" if INLINE_ALIAS in alias else alias
        agent.collaborators[called] = key
        agents.setdefault(key, Agent(key)).name = called
        if agent.mode == "DISABLED":
            agent.mode = "SUPERVISOR"
    if name == "invocationInput" and (action := action_of(content)):
        learn_action(agent, action, content)


def learn_action(agent, action, content):
    known = agent.groups.setdefault(action[0], {}).setdefault(action, {"parameters": {}, "body": {}, "by_caller": False, "consent": False})
    called = content.get("actionGroupInvocationInput")
    if called is None:
        known["parameters"]["code" if "codeInterpreterInvocationInput" in content else "searchQuery"] = "string"
        return
    known["by_caller"] |= called.get("executionType") == "RETURN_CONTROL"
    learn_parameters(known, called)


def learn_parameters(known, called):
    for one in called.get("parameters", []):
        known["parameters"][one["name"]] = one.get("type", "string")
    for media, value in called.get("requestBody", {}).get("content", {}).items():
        properties = value if isinstance(value, list) else value.get("properties", [])
        known["body"].setdefault(media, {}).update({one["name"]: one.get("type", "string") for one in properties})


def learn_control(agents, exchange, event):
    """Returned control says what a trace does not: whether the caller runs the action or only agrees to it."""
    for asked in event.payload.get("invocationInputs", []):
        (_, called), = asked.items()
        action = (called["actionGroup"], called["function"]) if "function" in called else (
            called["actionGroup"], called.get("httpMethod", "").upper(), called.get("apiPath", ""))
        owners = [agent for agent in agents.values() if action in agent.groups.get(action[0], {})]
        owner = owners[0] if owners else agents[root_of(exchange)]
        known = owner.groups.setdefault(action[0], {}).setdefault(action, {"parameters": {}, "body": {}, "by_caller": True, "consent": False})
        known["consent"] |= called.get("actionInvocationType") in WITH_CONSENT
        known["by_caller"] = called.get("actionInvocationType", "RESULT") != "USER_CONFIRMATION"
        learn_parameters(known, called)


def action_groups(agent):
    """The agent's groups as CreateAgentActionGroup and InvokeInlineAgent take them."""
    made = []
    for name, actions in agent.groups.items():
        by_caller = any(known["by_caller"] for known in actions.values())
        group = {"actionGroupName": name, "actionGroupExecutor": RETURN_CONTROL if by_caller else {"lambda": FUNCTION}}
        functions = [function(action[-1], known) for action, known in actions.items() if len(action) == 2]
        if functions:
            made.append({**group, "functionSchema": {"functions": functions}})
        operations = {action: known for action, known in actions.items() if len(action) == 3}
        if operations:
            made.append({**group, "apiSchema": {"payload": json.dumps(document(name, operations))}})
    return made


def function(name, known):
    parameters = {one: {"type": kind, "required": False} for one, kind in known["parameters"].items()}
    made = {"name": name, "description": f"Does {name}.", "parameters": parameters}
    return {**made, "requireConfirmation": "ENABLED"} if known["consent"] else made


def operation_id(action):
    """A name that the model can find the operation by."""
    return "_".join(part for part in re.split(r"\W+", f"{action[1].lower()}_{action[2]}") if part)


def document(group, operations):
    paths = {}
    for action, known in operations.items():
        _, verb, path = action
        inside = lambda name: "path" if f"{{{name}}}" in path else "query"
        operation = {
            "operationId": operation_id(action), "description": f"{verb} {path}.",
            "parameters": [
                {"name": name, "in": inside(name), "description": name, "required": inside(name) == "path", "schema": {"type": kind}}
                for name, kind in known["parameters"].items()
            ],
            "responses": {"200": {"description": "The result.", "content": {"application/json": {"schema": {"type": "object"}}}}},
        }
        if known["body"]:
            operation["requestBody"] = {"required": True, "content": {
                media: {"schema": {"type": "object", "properties": {name: {"type": kind} for name, kind in properties.items()}}}
                for media, properties in known["body"].items()
            }}
        if known["consent"]:
            operation["x-requireConfirmation"] = "ENABLED"
        paths.setdefault(path, {})[verb.lower()] = operation
    return {"openapi": "3.0.0", "info": {"title": group, "version": "1"}, "paths": paths}


def instruction(agent):
    return f"You take part in a replay of what was recorded. {agent.marker}"


# What an author's prompt says was not recorded; these ask for the same.
TEMPLATES = {
    "PRE_PROCESSING": "$instruction$ $question$", "ORCHESTRATION": "$instruction$", "POST_PROCESSING": "$instruction$ $latest_response$",
    "ROUTING_CLASSIFIER": "$instruction$ $reachable_agents$ $last_user_request$",
}


def overrides(agent):
    configurations = [{"promptType": phase, "promptCreationMode": "DEFAULT", "promptState": "ENABLED"} for phase in sorted(agent.phases - set(agent.overridden))]
    for phase, sampling in agent.overridden.items():
        if phase in TEMPLATES:
            own = {"basePromptTemplate": TEMPLATES[phase], **({"inferenceConfiguration": sampling} if sampling else {})}
            configurations.append({"promptType": phase, "promptCreationMode": "OVERRIDDEN", "promptState": "ENABLED", **own})
    return {"promptOverrideConfiguration": {"promptConfigurations": configurations}} if configurations else {}


def make(control, agents):
    """Makes every agent that is no inline one, those that others ask first."""
    made = set()

    def visit(agent):
        if agent.key in made or agent.key.startswith("inline"):
            return
        made.add(agent.key)
        for key in agent.collaborators.values():
            visit(agents[key])
        create(control, agents, agent)

    for agent in agents.values():
        visit(agent)


def create(control, agents, agent):
    body = {
        "agentName": re.sub(r"[^0-9a-zA-Z]+", "-", f"{agent.name}-{uuid.uuid4().hex[:8]}").strip("-"), "foundationModel": agent.model,
        "instruction": instruction(agent), "agentResourceRoleArn": ROLE, "agentCollaboration": agent.mode, **overrides(agent),
    }
    agent.id = control.create_agent(**body)["agent"]["agentId"]
    place = {"agentId": agent.id, "agentVersion": "DRAFT"}
    get = lambda: control.get_agent(agentId=agent.id)
    settled(get, ("agent", "agentStatus"), "NOT_PREPARED")
    for group in action_groups(agent):
        control.create_agent_action_group(**place, **group)
    if agent.asks_user:
        control.create_agent_action_group(**place, actionGroupName="UserInputAction", parentActionGroupSignature="AMAZON.UserInput")
    collaborators = {name: agents[key].alias_arn for name, key in agent.collaborators.items()}
    if agent.mode != "DISABLED" and not collaborators:
        # Somebody has to be there; nobody asks it.
        collaborators = {"Nobody": bystander(control, agent)}
    for name, alias_arn in collaborators.items():
        control.associate_agent_collaborator(
            **place, agentDescriptor={"aliasArn": alias_arn}, collaboratorName=name, collaborationInstruction="What it is for was not recorded.")
    publish(control, agent)


def publish(control, agent):
    get = lambda: control.get_agent(agentId=agent.id)
    control.prepare_agent(agentId=agent.id)
    found = settled(get, ("agent", "agentStatus"), "PREPARED")["agent"]
    agent.alias_id = "TSTALIASID"
    if not agent.is_test_alias:
        agent.alias_id = control.create_agent_alias(agentId=agent.id, agentAliasName="LIVE")["agentAlias"]["agentAliasId"]
    agent.alias_arn = found["agentArn"].replace(":agent/", ":agent-alias/") + f"/{agent.alias_id}"


def bystander(control, agent):
    made = Agent(f"{agent.key} bystander", name="bystander")
    create(control, {}, made)
    return made.alias_arn
