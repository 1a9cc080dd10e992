"""What exists on the server, so that valid requests have something to be about."""

import base64
import hashlib
import io
import itertools
import json
import urllib.request
import uuid
import zipfile
from functools import cached_property
from pathlib import Path

from script import call, say, script, turn
from walk.shapes import Shapes
from world import FUNCTION, INSTRUCTION, ROLE, client, function, group, make_agent

NOT_BUILT = Path(__file__).parents[2] / "coverage/operations.txt"
SCRIPT = script(
    turn(call("OrderTools__get_order_status", order_id="A-1"), say("It has shipped."), when="order"),
    turn(say("Hello.")),
)
HANDLER = """
def lambda_handler(event, context):
    body = {"TEXT": {"body": '{"status": "shipped"}'}}
    return {"messageVersion": "1.0", "response": {"actionGroup": event["actionGroup"], "function": event["function"],
                                                  "functionResponse": {"responseBody": body}}}
"""


def not_built():
    """Operations that answer 501."""
    lines = [line for line in NOT_BUILT.read_text().splitlines() if line and not line.startswith("#")]
    return {line.replace(" ", ".") for line in lines}


class Stage:
    """Makes what an operation needs, by the clients. What is only read is made once; what is used up, each time."""

    def __init__(self, outcrop):
        self.outcrop = outcrop.start(SCRIPT, {FUNCTION.rpartition(":")[2]: HANDLER})
        self.missing = not_built()
        self.control, self.runtime, self.functions = outcrop.control(), outcrop.runtime(), client("lambda", outcrop.url)
        self.numbers = itertools.count(1)

    def has(self, key):
        """Whether an operation is built."""
        return key not in self.missing

    def name(self):
        return f"walk{next(self.numbers)}"

    def least(self, operation):
        """The least valid input: what the model requires, about things that exist."""
        shapes = Shapes(operation.service.shapes)
        return {**(shapes.least(operation.input) if operation.input else {}), **self.inputs(operation)}

    def inputs(self, operation):
        """Members of a valid input that the model alone cannot tell; the rest is the least that the model allows."""
        given = INPUTS.get(operation.key, lambda stage: {})(self)
        required = operation.service.shapes[operation.input].get("required", []) if operation.input else []
        common = {name: getattr(self, COMMON[name]) for name in required if name in COMMON and name not in given}
        return {name: value for name, value in {**common, **given}.items() if value is not None}

    def lacks(self, operation):
        """Whether an operation is built, and what makes the thing it is about is not."""
        shape = operation.service.shapes[operation.input] if operation.input else {}
        makers = [maker for name, maker in MADE_BY.items() if name in shape.get("required", []) or name == operation.key]
        return not all(self.has(maker) for maker in makers)

    # Read only.

    @cached_property
    def agent(self):
        return self.prepared()

    @property
    def agent_id(self):
        return self.agent.id

    @property
    def alias_id(self):
        return self.agent.alias_id

    @cached_property
    def agent_arn(self):
        return self.control.get_agent(agentId=self.agent_id)["agent"]["agentArn"]

    @cached_property
    def alias_arn(self):
        return self.control.get_agent_alias(agentId=self.agent_id, agentAliasId=self.alias_id)["agentAlias"]["agentAliasArn"]

    @cached_property
    def action_group_id(self):
        groups = self.control.list_agent_action_groups(agentId=self.agent_id, agentVersion="DRAFT")
        return groups["actionGroupSummaries"][0]["actionGroupId"]

    @cached_property
    def prompt_id(self):
        return self.new_prompt()

    @cached_property
    def bedrock(self):
        return client("bedrock", self.outcrop.url)

    @cached_property
    def guardrail_id(self):
        return self.new_guardrail()

    @cached_property
    def guardrail_arn(self):
        return self.bedrock.get_guardrail(guardrailIdentifier=self.guardrail_id)["guardrailArn"]

    @cached_property
    def session_id(self):
        return self.new_session()

    @cached_property
    def session_arn(self):
        return self.runtime.get_session(sessionIdentifier=self.session_id)["sessionArn"] if self.session_id else None

    @cached_property
    def invocation_id(self):
        if self.has("bedrock-agent-runtime.CreateInvocation"):
            return self.runtime.create_invocation(sessionIdentifier=self.session_id)["invocationId"]

    @cached_property
    def invocation_step_id(self):
        if self.has("bedrock-agent-runtime.PutInvocationStep"):
            return self.runtime.put_invocation_step(
                sessionIdentifier=self.session_id, invocationIdentifier=self.invocation_id, invocationStepTime=1_750_000_000,
                payload={"contentBlocks": [{"text": "a"}]},
            )["invocationStepId"]

    @cached_property
    def function_name(self):
        return self.new_function()

    # Made anew each time.

    def tools(self):
        return group("OrderTools", function("get_order_status", order_id="string"), executor={"lambda": FUNCTION})

    def draft(self, **more):
        """An agent that is not prepared."""
        return self.control.create_agent(agentName=self.name(), foundationModel="anthropic.claude-opus-4-7", instruction=INSTRUCTION, **more)["agent"]["agentId"]

    def prepared(self):
        return make_agent(self.control, self.tools(), name=self.name())

    def of_agent(self, agent):
        return {"agentId": agent.id, "agentAliasId": agent.alias_id}

    def free_version(self):
        """A version that no alias points at."""
        agent = self.prepared()
        self.control.delete_agent_alias(agentId=agent.id, agentAliasId=agent.alias_id)
        return {"agentId": agent.id, "agentVersion": "1"}

    def disabled_group(self):
        agent_id = self.draft()
        made = self.control.create_agent_action_group(agentId=agent_id, agentVersion="DRAFT", actionGroupState="DISABLED", **self.tools())
        return {"agentId": agent_id, "actionGroupId": made["agentActionGroup"]["actionGroupId"]}

    def collaboration(self):
        return {"agentDescriptor": {"aliasArn": self.alias_arn}, "collaboratorName": self.name(), "collaborationInstruction": "Ask it for orders."}

    def supervised(self):
        """An agent with a collaborator, which operations may take apart."""
        if not self.has("bedrock-agent.AssociateAgentCollaborator"):
            return {}
        agent_id = self.draft(agentCollaboration="SUPERVISOR")
        made = self.control.associate_agent_collaborator(agentId=agent_id, agentVersion="DRAFT", **self.collaboration())
        return {"agentId": agent_id, "collaboratorId": made["agentCollaborator"]["collaboratorId"]}

    def new_prompt(self):
        if not self.has("bedrock-agent.CreatePrompt"):
            return None
        return self.control.create_prompt(name=self.name())["id"]

    def new_guardrail(self):
        return self.bedrock.create_guardrail(name=self.name(), **GUARDRAIL)["guardrailId"]

    def enforced(self):
        """A guardrail with a version that is enforced for a model that nobody asks."""
        guardrail = self.new_guardrail()
        self.bedrock.create_guardrail_version(guardrailIdentifier=guardrail)
        return {"guardrailIdentifier": guardrail, "guardrailVersion": "1",
                "modelEnforcement": {"includedModels": ["nobody.asks"], "excludedModels": []}}

    def new_enforced(self):
        return self.bedrock.put_enforced_guardrail_configuration(guardrailInferenceConfig=self.enforced())["configId"]

    def new_session(self):
        if not self.has("bedrock-agent-runtime.CreateSession"):
            return None
        return self.runtime.create_session()["sessionId"]

    def ended_session(self):
        if not self.has("bedrock-agent-runtime.EndSession"):
            return None
        session = self.new_session()
        self.runtime.end_session(sessionIdentifier=session)
        return session

    def new_function(self):
        name = self.name()
        self.functions.create_function(
            FunctionName=name, Role=ROLE, Runtime="python3.12", Handler="app.lambda_handler", Code={"ZipFile": archive()},
        )
        return name

    def permission(self):
        name = self.new_function()
        self.functions.add_permission(
            FunctionName=name, StatementId="walk", Action="lambda:InvokeFunction", Principal="bedrock.amazonaws.com",
        )
        return {"FunctionName": name}

    def layer(self):
        name = self.name()
        self.functions.publish_layer_version(LayerName=name, Content={"ZipFile": archive()})
        return {"LayerName": name, "VersionNumber": 1}

    def profile(self):
        copied = {"copyFrom": "arn:aws:bedrock:us-west-2::foundation-model/" + MODEL}
        return client("bedrock", self.outcrop.url).create_inference_profile(inferenceProfileName=self.name(), modelSource=copied)["inferenceProfileArn"]

    def function_arn(self):
        return {"Resource": self.functions.get_function(FunctionName=self.new_function())["Configuration"]["FunctionArn"]}

    # What did not change.

    def digest(self):
        """Of everything stored: of the very files, or of rows with the transactions that wrote them, so that a write of any
        kind shows."""
        # What models cost is written down a little later, or when somebody looks.
        urllib.request.urlopen(f"{self.outcrop.url}/outcrop/cost").read()
        data = self.outcrop.folder / "data"
        files = sorted(path for path in data.rglob("*") if path.is_file() and not path.name.endswith("-shm"))
        found = {str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        if self.outcrop.database:
            tables = self.outcrop.sql("SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'")
            each = [f"SELECT '{name}', md5(string_agg(xmin::text || \"{name}\"::text, ',' ORDER BY ctid)) FROM \"{name}\"" for name, in tables]
            found.update(self.outcrop.sql(" UNION ALL ".join(each)))
        return found


def archive():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("app.py", HANDLER)
    return packed.getvalue()


# Required members that mean the same in every operation, and what they are here.
COMMON = {
    "agentId": "agent_id", "agentAliasId": "alias_id", "actionGroupId": "action_group_id", "promptIdentifier": "prompt_id",
    "sessionIdentifier": "session_id", "invocationIdentifier": "invocation_id", "invocationStepId": "invocation_step_id",
    "FunctionName": "function_name", "guardrailIdentifier": "guardrail_id",
}
# A guardrail with the least of policies.
GUARDRAIL = {"blockedInputMessaging": "No.", "blockedOutputsMessaging": "No.", "wordPolicyConfig": {"wordsConfig": [{"text": "heck"}]}}
AGENT, RUNTIME, LAMBDA = "bedrock-agent.", "bedrock-agent-runtime.", "lambda."
BEDROCK, MODELS = "bedrock.", "bedrock-runtime."
MODEL = "anthropic.claude-opus-4-7"
MESSAGES = [{"role": "user", "content": [{"text": "Hello"}]}]
BODY = base64.b64encode(json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}).encode()).decode()
# What makes the thing that a required member names, or that an operation is about.
MADE_BY = {
    "knowledgeBaseId": AGENT + "CreateKnowledgeBase",
    **{AGENT + name: AGENT + "CreateKnowledgeBase" for name in ("DeleteResourcePolicy", "GetResourcePolicy", "PutResourcePolicy")},
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "bedrock:Retrieve", "Resource": "*"}]}
NO_KNOWLEDGE_BASE = "arn:aws:bedrock:us-west-2:111111111111:knowledge-base/ABCDEFGHIJ"
# What single operations need beside, or instead.
INPUTS = {
    AGENT + "AssociateAgentCollaborator": lambda stage: {"agentId": stage.supervised().get("agentId"), **stage.collaboration()},
    AGENT + "CreateAgent": lambda stage: {"agentName": stage.name()},
    AGENT + "CreateAgentActionGroup": lambda stage: {"agentId": stage.draft(), "actionGroupName": stage.name()},
    AGENT + "CreateAgentAlias": lambda stage: {"agentAliasName": stage.name()},
    AGENT + "CreatePrompt": lambda stage: {"name": stage.name()},
    AGENT + "DeleteAgent": lambda stage: {"agentId": stage.draft()},
    AGENT + "DeleteAgentActionGroup": lambda stage: stage.disabled_group(),
    AGENT + "DeleteAgentAlias": lambda stage: stage.of_agent(stage.prepared()),
    AGENT + "DeleteAgentVersion": lambda stage: stage.free_version(),
    AGENT + "DeletePrompt": lambda stage: {"promptIdentifier": stage.new_prompt()},
    AGENT + "DisassociateAgentCollaborator": lambda stage: stage.supervised(),
    AGENT + "GetAgentCollaborator": lambda stage: stage.supervised(),
    AGENT + "DeleteResourcePolicy": lambda stage: {"resourceArn": NO_KNOWLEDGE_BASE},
    AGENT + "GetResourcePolicy": lambda stage: {"resourceArn": NO_KNOWLEDGE_BASE},
    AGENT + "GetAgentVersion": lambda stage: {"agentVersion": "1"},
    AGENT + "ListAgentCollaborators": lambda stage: {"agentId": stage.supervised().get("agentId", stage.agent_id)},
    AGENT + "ListTagsForResource": lambda stage: {"resourceArn": stage.agent_arn},
    AGENT + "PutResourcePolicy": lambda stage: {"resourceArn": NO_KNOWLEDGE_BASE, "policy": json.dumps(POLICY)},
    AGENT + "TagResource": lambda stage: {"resourceArn": stage.agent_arn, "tags": {"team": "north"}},
    AGENT + "UntagResource": lambda stage: {"resourceArn": stage.agent_arn, "tagKeys": ["team"]},
    AGENT + "UpdateAgent": lambda stage: {"agentId": stage.draft(), "agentName": stage.name()},
    AGENT + "UpdateAgentActionGroup": lambda stage: {**stage.disabled_group(), "actionGroupName": stage.name()},
    AGENT + "UpdateAgentAlias": lambda stage: {"agentAliasName": stage.name()},
    AGENT + "UpdateAgentCollaborator": lambda stage: {**stage.supervised(), **stage.collaboration()},
    AGENT + "UpdatePrompt": lambda stage: {"promptIdentifier": stage.new_prompt(), "name": stage.name()},
    "bedrock.CreateGuardrail": lambda stage: {"name": stage.name(), **GUARDRAIL},
    "bedrock.DeleteEnforcedGuardrailConfiguration": lambda stage: {"configId": stage.new_enforced()},
    "bedrock.DeleteGuardrail": lambda stage: {"guardrailIdentifier": stage.new_guardrail()},
    "bedrock.PutEnforcedGuardrailConfiguration": lambda stage: {"guardrailInferenceConfig": stage.enforced()},
    "bedrock.UpdateGuardrail": lambda stage: {"name": stage.name(), **GUARDRAIL},
    "bedrock-runtime.ApplyGuardrail": lambda stage: {"guardrailVersion": "DRAFT", "source": "INPUT", "content": [{"text": {"text": "Hello"}}]},
    "bedrock-runtime.InvokeGuardrailChecks": lambda stage: {
        "messages": [{"role": "user", "content": [{"text": "Hello"}]}], "checks": {"promptAttack": {"categories": [{"category": "JAILBREAK"}]}},
    },
    RUNTIME + "DeleteSession": lambda stage: {"sessionIdentifier": stage.ended_session()},
    RUNTIME + "EndSession": lambda stage: {"sessionIdentifier": stage.new_session()},
    RUNTIME + "InvokeAgent": lambda stage: {"inputText": "Where is my order?", "enableTrace": True, "sessionId": str(uuid.uuid4())},
    RUNTIME + "InvokeInlineAgent": lambda stage: {"inputText": "Hello", "enableTrace": True, "sessionId": str(uuid.uuid4())},
    RUNTIME + "ListTagsForResource": lambda stage: {"resourceArn": stage.session_arn},
    RUNTIME + "TagResource": lambda stage: {"resourceArn": stage.session_arn, "tags": {"team": "north"}},
    RUNTIME + "UntagResource": lambda stage: {"resourceArn": stage.session_arn, "tagKeys": ["team"]},
    BEDROCK + "CreateInferenceProfile": lambda stage: {
        "inferenceProfileName": stage.name(), "modelSource": {"copyFrom": "arn:aws:bedrock:us-west-2::foundation-model/" + MODEL}},
    BEDROCK + "DeleteInferenceProfile": lambda stage: {"inferenceProfileIdentifier": stage.profile()},
    BEDROCK + "GetFoundationModel": lambda stage: {"modelIdentifier": MODEL},
    BEDROCK + "GetInferenceProfile": lambda stage: {"inferenceProfileIdentifier": stage.profile()},
    BEDROCK + "ListTagsForResource": lambda stage: {"resourceARN": stage.profile()},
    BEDROCK + "TagResource": lambda stage: {"resourceARN": stage.profile(), "tags": [{"key": "team", "value": "north"}]},
    BEDROCK + "UntagResource": lambda stage: {"resourceARN": stage.profile(), "tagKeys": ["team"]},
    MODELS + "Converse": lambda stage: {"modelId": MODEL, "messages": MESSAGES},
    MODELS + "ConverseStream": lambda stage: {"modelId": MODEL, "messages": MESSAGES},
    MODELS + "CountTokens": lambda stage: {"modelId": MODEL, "input": {"converse": {"messages": MESSAGES}}},
    MODELS + "InvokeModel": lambda stage: {"modelId": MODEL, "body": BODY},
    MODELS + "InvokeModelWithResponseStream": lambda stage: {"modelId": MODEL, "body": BODY},
    LAMBDA + "AddPermission": lambda stage: {"StatementId": stage.name(), "Action": "lambda:InvokeFunction", "Principal": "bedrock.amazonaws.com"},
    LAMBDA + "CreateFunction": lambda stage: {
        "FunctionName": stage.name(), "Role": ROLE, "Runtime": "python3.12", "Handler": "app.lambda_handler",
        "Code": {"ZipFile": base64.b64encode(archive()).decode()},
    },
    LAMBDA + "DeleteLayerVersion": lambda stage: stage.layer(),
    LAMBDA + "GetLayerVersion": lambda stage: stage.layer(),
    LAMBDA + "ListTags": lambda stage: stage.function_arn(),
    LAMBDA + "PublishLayerVersion": lambda stage: {"Content": {"ZipFile": base64.b64encode(archive()).decode()}},
    LAMBDA + "TagResource": lambda stage: {**stage.function_arn(), "Tags": {"team": "north"}},
    LAMBDA + "UntagResource": lambda stage: {**stage.function_arn(), "TagKeys": ["team"]},
    LAMBDA + "DeleteFunction": lambda stage: {"FunctionName": stage.new_function()},
    LAMBDA + "GetPolicy": lambda stage: stage.permission(),
    LAMBDA + "Invoke": lambda stage: {"Payload": base64.b64encode(json.dumps({"actionGroup": "g", "function": "f"}).encode()).decode()},
    LAMBDA + "RemovePermission": lambda stage: {**stage.permission(), "StatementId": "walk"},
    LAMBDA + "UpdateFunctionCode": lambda stage: {"ZipFile": base64.b64encode(archive()).decode()},
}
