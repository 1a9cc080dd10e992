"""The service models as the pinned botocore has them, with the deliberate differences applied."""

import functools

import botocore.loaders
import botocore.parsers
import botocore.serialize
from botocore.model import ServiceModel

# What is served of each service; `None` is everything.
SERVED = {
    "bedrock-agent": None,
    "bedrock-agent-runtime": None,
    "bedrock": """
        CreateGuardrail CreateGuardrailVersion CreateInferenceProfile DeleteEnforcedGuardrailConfiguration DeleteGuardrail
        DeleteInferenceProfile GetFoundationModel GetGuardrail GetInferenceProfile ListEnforcedGuardrailsConfiguration
        ListFoundationModels ListGuardrails ListInferenceProfiles ListTagsForResource PutEnforcedGuardrailConfiguration
        TagResource UntagResource UpdateGuardrail""",
    "bedrock-runtime": """
        ApplyGuardrail Converse ConverseStream CountTokens GetAsyncInvoke InvokeGuardrailChecks InvokeModel
        InvokeModelWithResponseStream ListAsyncInvokes StartAsyncInvoke""",
    "lambda": """
        AddPermission CreateFunction DeleteFunction DeleteLayerVersion GetFunction GetFunctionConfiguration GetLayerVersion
        GetPolicy Invoke ListFunctions ListLayerVersions ListLayers ListTags PublishLayerVersion RemovePermission TagResource
        UntagResource UpdateFunctionCode UpdateFunctionConfiguration""",
}

OTHER_MODELS = "ids of models that AWS does not have must pass"
BOTH_PROMPT_TYPES = "each service lacks one prompt type that the other has, and clients send to both"
# Where the server differs from the model on purpose: service, shape, what is changed in it, why.
# The server's own list is xtask/src/codegen/quirks.rs; a difference between the two shows in the walk.
DIFFERENCES = [
    ("bedrock-agent", "TaggableResourcesArn", {"pattern": None}, "the pattern says `/d{12}` for `\\d{12}`: no ARN of an agent matches"),
    ("bedrock-agent", "PromptType", {"enum+": "ROUTING_CLASSIFIER"}, BOTH_PROMPT_TYPES),
    ("bedrock-agent-runtime", "PromptType", {"enum+": "MEMORY_SUMMARIZATION"}, BOTH_PROMPT_TYPES),
    ("bedrock-agent", "Instruction", {"max": 20_000}, "the quota page allows 20,000 characters"),
    ("bedrock-agent-runtime", "TraceId", {"max": None}, "the service itself sends ids longer than the sixteen letters of its model"),
    *((service, shape, {"pattern": None}, OTHER_MODELS) for service, shapes in {
        "bedrock-agent": """ModelIdentifier BedrockEmbeddingModelArn BedrockModelArn BedrockRerankingModelArn
            FlowPromptModelIdentifier KnowledgeBaseModelIdentifier PromptModelIdentifier""",
        "bedrock-agent-runtime": """BedrockModelArn BedrockRerankingModelArn ModelIdentifier
            OptimizePromptRequestTargetModelIdString""",
        "bedrock": "GetFoundationModelIdentifier InferenceProfileModelSourceArn ExcludedModelId IncludedModelId",
        "bedrock-runtime": "ConversationalModelId InvokeModelIdentifier",
    }.items() for shape in shapes.split()),
]
# Operations that answer another status than the model says, and why.
STATUSES = {"lambda.DeleteFunction": (204, "the service answers so; the output has the status as a member")}
# Members of outputs, by the end of their path, that are not as modelled on the service either.
OUTPUTS = {
    "callerChain[0].agentAliasArn": "inline agents are called `…:agent-alias/INLINE_AGENT/TSTALIASID`, longer than an id",
    "].modelName": "names such as `Titan Text Embeddings V2` are longer than the model says",
    "].inferenceProfileName": "those of the system have the names of their models, with dots",
}
# Operations whose input's `resourceArn` says which service is asked: a broken one is the other service's.
TOLD_BY_ARN = {"bedrock-agent-runtime.ListTagsForResource", "bedrock-agent-runtime.TagResource", "bedrock-agent-runtime.UntagResource"}


class Operation:
    """One operation: its shapes as the model's JSON, and botocore's own serializer and parser for it."""

    def __init__(self, service, name):
        self.service, self.name = service, name
        self.description = service.description["operations"][name]
        self.method, self.uri = (self.description["http"][part] for part in ("method", "requestUri"))
        self.input, self.output = (self.description.get(side, {}).get("shape") for side in ("input", "output"))
        self.errors = {error["shape"]: service.shapes[error["shape"]] for error in self.description.get("errors", [])}
        self.key = f"{service.name}.{name}"
        self.status = STATUSES.get(self.key, (self.description["http"].get("responseCode", 200),))[0]

    @property
    def botocore(self):
        return self.service.botocore.operation_model(self.name)

    @property
    def event_stream(self):
        """Name of the output's member that is a stream of events, and its shape."""
        members = self.service.shapes[self.output]["members"] if self.output else {}
        return next(((name, member["shape"]) for name, member in members.items()
                     if self.service.shapes[member["shape"]].get("eventstream")), None)


class Service:
    def __init__(self, name):
        self.name = name
        self.description = botocore.loaders.Loader().load_service_model(name, "service-2")
        self.shapes = self.description["shapes"]
        for service, shape, change, reason in DIFFERENCES:
            if service == name:
                self._change(shape, change, reason)
        self.botocore = ServiceModel(self.description, name)
        self.serializer = botocore.serialize.create_serializer("rest-json", include_validation=False)
        self.parser = botocore.parsers.create_parser("rest-json")
        self.signing_name = self.description["metadata"].get("signingName", name)
        names = SERVED[name].split() if SERVED[name] else sorted(self.description["operations"])
        self.operations = [Operation(self, each) for each in names]

    def _change(self, shape, change, reason):
        """A change that changes nothing is an error: the table says only what is so."""
        facts = self.shapes[shape]
        for what, value in change.items():
            if what == "enum+":
                assert value not in facts["enum"], (shape, reason)
                facts["enum"].append(value)
            elif value is None:
                assert what in facts, (shape, reason)
                del facts[what]
            else:
                assert facts.get(what) != value, (shape, reason)
                facts[what] = value


@functools.cache
def services():
    return {name: Service(name) for name in SERVED}


def operations():
    return [operation for service in services().values() for operation in service.operations]
