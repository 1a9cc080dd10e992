"""Guardrails around calls of models: Converse, ConverseStream, InvokeModel and its stream, through boto3."""

import json

import pytest

from chat_standin import ChatStandIn, text, tool_calls
from world import client, refused

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
MESSAGES = {"blockedInputMessaging": "I cannot take that.", "blockedOutputsMessaging": "I cannot say that."}
POLICIES = {
    "wordPolicyConfig": {"wordsConfig": [{"text": "blue moon"}]},
    "sensitiveInformationPolicyConfig": {"piiEntitiesConfig": [{"type": "EMAIL", "action": "ANONYMIZE"}]},
}
INVALID = (400, "ValidationException")
# What the model says, by a word of what it is asked.
ANSWERS = {
    "moonlight": ["It was a blue", " moon again."],
    "mail": ["Write to jo", "e@exam", "ple.com, ", "please."],
    "late": ["word " * 60, "and then a blue", " moon", " rises."],
}
TOOLS = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]}


class World:
    def __init__(self, outcrop, standin):
        url = outcrop.start(settings=standin.settings()).url
        self.bedrock, self.models, self.standin = client("bedrock", url), client("bedrock-runtime", url), standin
        self.guardrail = self.make("shield", **POLICIES)

    def make(self, name, **policies):
        return self.bedrock.create_guardrail(name=name, **MESSAGES, **policies)["guardrailId"]

    def config(self, **more):
        return {"guardrailIdentifier": self.guardrail, "guardrailVersion": "DRAFT", **more}

    def converse(self, *content, config=None, **more):
        content = [{"text": each} if isinstance(each, str) else each for each in content]
        return self.models.converse(
            modelId=CLAUDE, messages=[{"role": "user", "content": content}], guardrailConfig=config or self.config(trace="enabled"), **more)

    def stream(self, words, **more):
        answer = self.models.converse_stream(
            modelId=CLAUDE, messages=[{"role": "user", "content": [{"text": words}]}], guardrailConfig=self.config(trace="enabled", **more))
        events = list(answer["stream"])
        pieces = [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event]
        [stop] = [event["messageStop"]["stopReason"] for event in events if "messageStop" in event]
        assert [next(iter(event)) for event in events][-3:] == ["contentBlockStop", "messageStop", "metadata"]
        return pieces, stop, events[-1]["metadata"]

    def asked(self):
        """What the model read last of the user."""
        return str(self.standin.requests[-1]["messages"])


@pytest.fixture
def world(outcrop):
    def answer(request):
        said = str(request["messages"][-1]["content"])
        if "tool" in said:
            return tool_calls(("call_1", "look", {"for": "joe@example.com"}), words="I ask joe@example.com.")
        return text(next((pieces for word, pieces in ANSWERS.items() if word in said), ["Hello", " you."]))
    with ChatStandIn(answer) as standin:
        yield World(outcrop, standin)


def said(answer):
    return [block["text"] for block in answer["output"]["message"]["content"] if "text" in block]


def test_what_is_fine_goes_through(world):
    answer = world.converse("Hi")
    assert (said(answer), answer["stopReason"], answer["usage"]["outputTokens"]) == (["Hello you."], "end_turn", 5)
    trace = answer["trace"]["guardrail"]
    assert trace["actionReason"] == "No action." and set(trace["inputAssessment"]) == set(trace["outputAssessments"]) == {world.guardrail}
    assert "wordPolicy" not in trace["inputAssessment"][world.guardrail]
    assert "trace" not in world.converse("Hi", config=world.config())
    assert "trace" not in world.converse("Hi", config=world.config(trace="disabled"))
    full = world.converse("Hi", config=world.config(trace="enabled_full"))["trace"]["guardrail"]
    looked_for = full["inputAssessment"][world.guardrail]["sensitiveInformationPolicy"]["piiEntities"]
    assert [(each["type"], each["detected"]) for each in looked_for] == [("EMAIL", False)]


def test_a_request_that_is_blocked_asks_no_model(world):
    answer = world.converse("Once in a blue moon")
    assert (said(answer), answer["stopReason"]) == (["I cannot take that."], "guardrail_intervened")
    assert answer["usage"]["totalTokens"] == 0 and not world.standin.requests
    trace = answer["trace"]["guardrail"]
    [word] = trace["inputAssessment"][world.guardrail]["wordPolicy"]["customWords"]
    assert (word["match"], word["action"], trace["actionReason"]) == ("blue moon", "BLOCKED", "Guardrail blocked.")
    assert "outputAssessments" not in trace and "modelOutput" not in trace
    # What is wrong with the request is told first.
    result = {"toolResult": {"toolUseId": "a", "content": [{"text": "b"}]}}
    assert refused(lambda: world.converse("blue moon", result))[:2] == INVALID


def test_the_answer_is_blocked_or_masked(world):
    answer = world.converse("moonlight")
    assert (said(answer), answer["stopReason"], answer["usage"]["outputTokens"]) == (["I cannot say that."], "guardrail_intervened", 5)
    trace = answer["trace"]["guardrail"]
    assert trace["modelOutput"] == ["It was a blue moon again."]
    assert trace["outputAssessments"][world.guardrail][0]["wordPolicy"]["customWords"][0]["match"] == "blue moon"
    answer = world.converse("the mail")
    assert (said(answer), answer["stopReason"]) == (["Write to {EMAIL}, please."], "guardrail_intervened")
    assert answer["trace"]["guardrail"]["actionReason"] == "Guardrail masked."


def test_a_masked_request_reaches_the_model_masked(world):
    answer = world.converse("I am ann@example.com")
    assert "{EMAIL}" in world.asked() and "ann@" not in world.asked()
    assert answer["stopReason"] == "end_turn"


def test_tool_uses_stay_with_masked_words(world):
    answer = world.converse("a tool", toolConfig=TOOLS)
    assert (said(answer), answer["stopReason"]) == (["I ask {EMAIL}."], "tool_use")
    assert answer["output"]["message"]["content"][1]["toolUse"]["input"] == {"for": "joe@example.com"}


def test_only_what_is_marked_is_assessed(world):
    marked = {"guardContent": {"text": {"text": "Hi"}}}
    answer = world.converse("One blue moon?", marked)
    assert "wordPolicy" not in answer["trace"]["guardrail"]["inputAssessment"][world.guardrail] and "blue moon" in world.asked()
    blocked = world.converse("Hi", {"guardContent": {"text": {"text": "blue moon"}}})
    assert said(blocked) == ["I cannot take that."]
    of_system = world.converse("Hi", system=[{"text": "a blue moon"}])
    assert said(of_system) == ["Hello you."]
    of_system = world.converse("Hi", system=[{"guardContent": {"text": {"text": "a blue moon"}}}])
    assert said(of_system) == ["I cannot take that."]


def test_an_answer_has_to_rest_on_its_source(world):
    world.guardrail = world.make("grounded", contextualGroundingPolicyConfig={"filtersConfig": [{"type": "GROUNDING", "threshold": 0.6}]})
    source = {"guardContent": {"text": {"text": "The capital of Japan is Tokyo.", "qualifiers": ["grounding_source"]}}}
    query = {"guardContent": {"text": {"text": "What is the capital of Japan?", "qualifiers": ["query"]}}}
    answer = world.converse(source, query)
    [found] = answer["trace"]["guardrail"]["outputAssessments"][world.guardrail][0]["contextualGroundingPolicy"]["filters"]
    assert (found["type"], found["action"]) == ("GROUNDING", "BLOCKED") and said(answer) == ["I cannot say that."]
    # A stream waits for the whole answer.
    events = list(world.models.converse_stream(
        modelId=CLAUDE, messages=[{"role": "user", "content": [source, query]}], guardrailConfig=world.config())["stream"])
    assert [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event] == ["I cannot say that."]


def test_streams(world):
    pieces, stop, metadata = world.stream("Hi")
    assert ("".join(pieces), stop) == ("Hello you.", "end_turn")
    assert metadata["trace"]["guardrail"]["actionReason"] == "No action." and metadata["usage"]["outputTokens"] == 5
    pieces, stop, metadata = world.stream("Once in a blue moon")
    assert (pieces, stop, metadata["usage"]["totalTokens"]) == (["I cannot take that."], "guardrail_intervened", 0)
    assert metadata["trace"]["guardrail"]["inputAssessment"][world.guardrail]["wordPolicy"]
    # Nothing of what is refused is seen, nor of a value that comes in pieces.
    assert world.stream("moonlight")[:2] == (["I cannot say that."], "guardrail_intervened")
    pieces, stop, _ = world.stream("the mail")
    assert ("".join(pieces), stop) == ("Write to {EMAIL}, please.", "guardrail_intervened")
    pieces, stop, metadata = world.stream("late")
    assert len(pieces) > 1 and stop == "guardrail_intervened" and "moon" not in "".join(pieces) and pieces[-1] == "I cannot say that."
    assert "blue moon" in metadata["trace"]["guardrail"]["modelOutput"][0]


def test_async_streams_are_shown_at_once(world):
    pieces, stop, metadata = world.stream("late", streamProcessingMode="async")
    assert stop == "guardrail_intervened" and "I cannot" not in "".join(pieces)
    assert metadata["trace"]["guardrail"]["outputAssessments"][world.guardrail][0]["wordPolicy"]
    pieces, stop, _ = world.stream("the mail", streamProcessingMode="async")
    assert ("".join(pieces), stop) == ("Write to joe@example.com, please.", "end_turn")


def invoke(world, words, trace="ENABLED", **members):
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "messages": [{"role": "user", "content": words}], **members}
    return dict(modelId=CLAUDE, body=json.dumps(body), guardrailIdentifier=world.guardrail, guardrailVersion="DRAFT", trace=trace)


def body(world, *arguments, **members):
    return json.loads(world.models.invoke_model(**invoke(world, *arguments, **members))["body"].read())


def test_invoke_model(world):
    fine = body(world, "Hi")
    assert (fine["content"][0]["text"], fine["amazon-bedrock-guardrailAction"]) == ("Hello you.", "NONE")
    assert fine["amazon-bedrock-trace"]["guardrail"]["modelOutput"] == ["Hello you."]
    blocked = body(world, "Once in a blue moon")
    assert (blocked["content"][0]["text"], blocked["amazon-bedrock-guardrailAction"]) == ("I cannot take that.", "INTERVENED")
    assert blocked["amazon-bedrock-trace"]["guardrail"]["input"][world.guardrail]["wordPolicy"]
    masked = body(world, "the mail", "DISABLED")
    assert masked["content"][0]["text"] == "Write to {EMAIL}, please." and "amazon-bedrock-trace" not in masked
    tag = "amazon-bedrock-guardrails-guardContent_x1"
    marks = {"amazon-bedrock-guardrailConfig": {"tagSuffix": "x1"}}
    assert body(world, f"A blue moon? <{tag}>Hello</{tag}>", **marks)["amazon-bedrock-trace"]["guardrail"]["input"][world.guardrail].get("wordPolicy") is None
    assert "A blue moon?" in world.asked() and tag not in world.asked()
    assert body(world, f"Hi <{tag}>blue moon</{tag}>", **marks)["content"][0]["text"] == "I cannot take that."


def test_invoke_model_with_response_stream(world):
    def documents(words):
        answer = world.models.invoke_model_with_response_stream(**invoke(world, words))
        return [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    shown = documents("the mail")
    assert "".join(each["delta"].get("text", "") for each in shown if each["type"] == "content_block_delta") == "Write to {EMAIL}, please."
    assert shown[-1]["amazon-bedrock-guardrailAction"] == "INTERVENED"
    shown = documents("blue moon")
    assert [each["delta"]["text"] for each in shown if each["type"] == "content_block_delta"] == ["I cannot take that."]


def test_what_is_refused(world):
    unknown = {"guardrailIdentifier": "nobody00", "guardrailVersion": "1"}
    assert refused(lambda: world.converse("Hi", config=unknown))[:2] == (404, "ResourceNotFoundException")
    assert refused(lambda: world.converse("Hi", config={"guardrailIdentifier": world.guardrail}))[:2] == INVALID
    request = invoke(world, "Hi", **{"amazon-bedrock-guardrailConfig": {"tagSuffix": "x1"}})
    bare = {name: value for name, value in request.items() if not name.startswith("guardrail")}
    assert refused(world.models.invoke_model, **bare)[:2] == INVALID


def test_what_is_enforced_needs_no_request(world):
    version = world.bedrock.create_guardrail_version(guardrailIdentifier=world.guardrail)["version"]
    world.bedrock.put_enforced_guardrail_configuration(guardrailInferenceConfig={
        "guardrailIdentifier": world.guardrail, "guardrailVersion": version,
        "modelEnforcement": {"includedModels": [CLAUDE], "excludedModels": []}})
    answer = world.models.converse(modelId=CLAUDE, messages=[{"role": "user", "content": [{"text": "blue moon"}]}])
    assert (said(answer), answer["stopReason"]) == (["I cannot take that."], "guardrail_intervened") and "trace" not in answer
    other = world.models.converse(modelId="other.model", messages=[{"role": "user", "content": [{"text": "blue moon"}]}])
    assert other["stopReason"] == "end_turn"
