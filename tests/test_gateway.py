"""bedrock-runtime as a gateway: any configured model by Converse, InvokeModel and their streams."""

import base64
import json
import threading

import pytest
from botocore.exceptions import EventStreamError

from chat_standin import ChatStandIn, text, tool_calls
from script import fail, script, turn
from world import client, eventually, refusal, refused

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
WEATHER = {"toolSpec": {"name": "get_weather", "description": "The weather.", "inputSchema": {"json": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}}


def user(*content):
    return {"role": "user", "content": [{"text": each} if isinstance(each, str) else each for each in content]}


def assistant(*content):
    return {"role": "assistant", "content": [{"text": each} if isinstance(each, str) else each for each in content]}


def runtime(outcrop):
    return client("bedrock-runtime", outcrop.url)


@pytest.fixture
def gateway(outcrop):
    """A server over a stand-in; gives the client and the stand-in."""
    def answer(request):
        said = request["messages"][-1]
        if said["role"] == "tool":
            return text(["It is ", "sunny in ", "Rome."])
        if "weather" in str(said["content"]) and request.get("tools"):
            return tool_calls(("call_1", "get_weather", {"city": "Rome"}), words="I look.")
        return text(["Hello", " you."])
    with ChatStandIn(answer) as standin:
        yield runtime(outcrop.start(settings=standin.settings(more="images = true"))), standin


def test_converse(gateway):
    converse, standin = gateway
    answer = converse.converse(
        modelId=CLAUDE, messages=[user("Hi")], system=[{"text": "Be kind."}],
        inferenceConfig={"maxTokens": 50, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
        performanceConfig={"latency": "standard"}, requestMetadata={"team": "a"},
    )
    assert answer["output"]["message"] == {"role": "assistant", "content": [{"text": "Hello you."}]}
    assert answer["stopReason"] == "end_turn" and answer["metrics"]["latencyMs"] >= 0
    assert answer["usage"] == {"inputTokens": 12, "outputTokens": 5, "totalTokens": 17,
                               "cacheReadInputTokens": 0, "cacheWriteInputTokens": 0}
    assert answer["performanceConfig"] == {"latency": "standard"}
    asked = standin.requests[0]
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert (asked["temperature"], asked["top_p"], asked["stop"], asked["model"]) == (0.5, 0.9, ["END"], "upstream")


def test_tools_and_their_results(gateway):
    converse, standin = gateway
    config = {"tools": [WEATHER, {"cachePoint": {"type": "default"}}], "toolChoice": {"any": {}}}
    messages = [user("What is the weather in Rome?", {"cachePoint": {"type": "default"}})]
    answer = converse.converse(modelId=CLAUDE, messages=messages, toolConfig=config)
    assert answer["stopReason"] == "tool_use"
    use = {"toolUse": {"toolUseId": "call_1", "name": "get_weather", "input": {"city": "Rome"}}}
    assert answer["output"]["message"]["content"] == [{"text": "I look."}, use]
    assert standin.requests[0]["tool_choice"] == "required"
    result = {"toolResult": {"toolUseId": "call_1", "content": [{"json": {"sky": "clear"}}, {"text": "warm"}], "status": "success"}}
    messages += [answer["output"]["message"], user(result)]
    answer = converse.converse(modelId=CLAUDE, messages=messages, toolConfig={"tools": [WEATHER]})
    assert answer["output"]["message"]["content"] == [{"text": "It is sunny in Rome."}]
    said = standin.requests[1]["messages"]
    assert [message["role"] for message in said] == ["user", "assistant", "tool"]
    assert said[1]["tool_calls"][0]["id"] == said[2]["tool_call_id"] == "call_1"
    assert '"sky"' in str(said[2]["content"]) and "warm" in str(said[2]["content"])


def test_stream_of_words(gateway):
    converse, _ = gateway
    events = list(converse.converse_stream(modelId=CLAUDE, messages=[user("Hi")])["stream"])
    latency = events[-1]["metadata"]["metrics"].pop("latencyMs")
    assert latency >= 0
    assert events == [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "Hello"}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": " you."}, "contentBlockIndex": 0}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": {"inputTokens": 12, "outputTokens": 5, "totalTokens": 17, "cacheReadInputTokens": 0,
                                "cacheWriteInputTokens": 0}, "metrics": {}}},
    ]


def test_stream_of_a_tool_call(gateway):
    converse, _ = gateway
    events = list(converse.converse_stream(modelId=CLAUDE, messages=[user("weather?")], toolConfig={"tools": [WEATHER]})["stream"])
    kinds = [next(iter(event)) for event in events]
    assert kinds[:4] == ["messageStart", "contentBlockDelta", "contentBlockStop", "contentBlockStart"]
    start = events[3]["contentBlockStart"]
    assert start == {"start": {"toolUse": {"toolUseId": "call_1", "name": "get_weather"}}, "contentBlockIndex": 1}
    inputs = [event["contentBlockDelta"]["delta"]["toolUse"]["input"] for event in events[4:] if "contentBlockDelta" in event]
    assert json.loads("".join(inputs)) == {"city": "Rome"}
    assert kinds[-3:] == ["contentBlockStop", "messageStop", "metadata"] and events[-2]["messageStop"]["stopReason"] == "tool_use"


def test_the_first_piece_is_there_before_the_second_is_made(gateway):
    converse, standin = gateway
    standin.hold = threading.Event()
    stream = iter(converse.converse_stream(modelId=CLAUDE, messages=[user("Hi")])["stream"])
    assert [next(stream), next(stream)][1]["contentBlockDelta"]["delta"] == {"text": "Hello"}
    standin.hold.set()
    assert {"messageStop": {"stopReason": "end_turn"}} in list(stream)


def test_who_hangs_up_ends_the_call(outcrop):
    more = threading.Event()
    with ChatStandIn(lambda _: text(["x"] * 2 + ["y" * 1000] * 20_000)) as standin:
        standin.hold = more
        response = runtime(outcrop.start(settings=standin.settings())).converse_stream(modelId=CLAUDE, messages=[user("Hi")])
        next(iter(response["stream"]))
        response["stream"].close()
        more.set()
        assert eventually(standin.broken_off.is_set)


def test_pictures_documents_and_what_only_some_models_take(gateway):
    converse, standin = gateway
    picture = {"image": {"format": "png", "source": {"bytes": PNG}}}
    document = {"document": {"format": "csv", "name": "prices 1", "source": {"bytes": b"a,b\n1,2"}}}
    guarded = {"guardContent": {"text": {"text": "as it is"}}}
    converse.converse(modelId=CLAUDE, messages=[user("Look", picture, document, guarded)])
    said = json.dumps(standin.requests[0]["messages"])
    assert "data:image/png;base64," in said and "a,b" in said and "as it is" in said
    pdf = {"document": {"format": "pdf", "name": "x", "source": {"bytes": b"%PDF"}}}
    status, code, message = refused(converse.converse, modelId=CLAUDE, messages=[user("Look", pdf)])
    assert (status, code) == (400, "ValidationException") and "documents = true" in message
    video = {"video": {"format": "mp4", "source": {"bytes": b"x"}}}
    assert "video content block" in refused(converse.converse, modelId=CLAUDE, messages=[user("Look", video)])[2]


def test_an_answer_that_fits_a_schema(gateway):
    converse, standin = gateway
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
    converse.converse(modelId=CLAUDE, messages=[user("Hi")], outputConfig={"textFormat": {
        "type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(schema), "name": "a"}}}})
    assert '"additionalProperties":false' in json.dumps(standin.requests[0]).replace(" ", "").replace('\\"', '"')


@pytest.mark.parametrize("given, expected", [
    ({"messages": []}, "A conversation must start with a user message."),
    ({"messages": [assistant("Hi")]}, "A conversation must start with a user message."),
    ({"messages": [user("a"), user("b")]}, "A conversation must alternate between user and assistant roles."),
    ({"messages": [{"role": "user", "content": []}]}, "The content field in the Message object at messages.0 is empty."),
    ({"messages": [user(" ")]}, "The text field in the ContentBlock object at messages.0.content.0 is blank."),
    ({"messages": [user("a")], "system": [{"text": " "}]}, "system.0 is blank"),
    ({"messages": [user("a"), assistant({"toolUse": {"toolUseId": "t", "name": "f", "input": {}}})]},
     "The toolConfig field must be defined when using toolUse and toolResult content blocks."),
    ({"messages": [user("a"), assistant({"toolUse": {"toolUseId": "t1", "name": "f", "input": {}}}), user("no")],
      "toolConfig": {"tools": [WEATHER]}}, "Expected toolResult blocks at messages.2.content for the following Ids: t1"),
    ({"messages": [user({"toolResult": {"toolUseId": "t", "content": [{"text": "x"}]}})], "toolConfig": {"tools": [WEATHER]}},
     "The number of toolResult blocks at messages.0.content exceeds the number of toolUse blocks of previous turn."),
    ({"messages": [user("a")], "toolConfig": {"tools": [WEATHER, WEATHER]}}, "get_weather at toolConfig.tools.1 is given twice"),
    ({"messages": [user("a")], "toolConfig": {"tools": [WEATHER], "toolChoice": {"tool": {"name": "other"}}}}, "other of toolConfig.toolChoice"),
    ({"messages": [user("a")], "guardrailConfig": {"guardrailIdentifier": "abcdefgh"}}, "guardrailIdentifier and guardrailVersion go together"),
    ({"messages": [user("a")], "additionalModelResponseFieldPaths": ["x"]}, "no JSON pointer"),
    ({"messages": [user("a", {"document": {"format": "txt", "name": "a.txt", "source": {"bytes": b"x"}}})]}, "The document file name at messages.0.content.1"),
])
def test_what_is_refused(gateway, given, expected):
    converse, standin = gateway
    status, code, message = refused(converse.converse, modelId=CLAUDE, **given)
    assert (status, code) == (400, "ValidationException") and expected in message
    status, code, message = refused(converse.converse_stream, modelId=CLAUDE, **{
        name: ({**value, "streamProcessingMode": "sync"} if name == "guardrailConfig" else value) for name, value in given.items()})
    assert (status, code) == (400, "ValidationException") and expected in message
    assert standin.requests == []


@pytest.mark.parametrize("kind, status, code", [
    ("throttled", 429, "ThrottlingException"), ("access_denied", 403, "AccessDeniedException"), ("invalid", 400, "ValidationException"),
    ("too_long", 400, "ValidationException"), ("not_found", 404, "ResourceNotFoundException"),
    ("unavailable", 503, "ServiceUnavailableException"), ("timed_out", 408, "ModelTimeoutException"), ("bad_reply", 424, "ModelErrorException"),
])
def test_failures_have_their_exceptions(outcrop, kind, status, code):
    converse = runtime(outcrop.start(script(turn(fail(kind, "upstream says no")))))
    for call in (converse.converse, converse.converse_stream):
        answered = refusal(call, modelId=CLAUDE, messages=[user("Hi")])
        assert (answered["ResponseMetadata"]["HTTPStatusCode"], answered["Error"]["Code"]) == (status, code)
        assert "upstream says no" in answered["Error"]["Message"]
        if kind == "too_long":
            assert answered["Error"]["Message"].startswith("Input is too long for requested model.")


def test_a_failure_in_the_middle_ends_the_stream_with_its_exception(outcrop):
    with ChatStandIn(lambda _: {**text(["Hel", "lo"]), "breaks_off": True}) as standin:
        runtime_client = runtime(outcrop.start(settings=standin.settings()))
        body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
        for events in (runtime_client.converse_stream(modelId=CLAUDE, messages=[user("Hi")])["stream"],
                       runtime_client.invoke_model_with_response_stream(modelId=CLAUDE, body=json.dumps(body))["body"]):
            with pytest.raises(EventStreamError) as raised:
                list(events)
            assert raised.value.response["Error"]["Code"] == "serviceUnavailableException"


def test_the_offline_planner_is_no_language_model(outcrop):
    converse = runtime(outcrop.start(settings='[[model]]\nmatch = "*"\nprovider = "offline"\n'))
    status, code, message = refused(converse.converse, modelId=CLAUDE, messages=[user("Hi")])
    assert (status, code) == (404, "ResourceNotFoundException") and "[[model]]" in message


def invoke(client, model, body):
    answer = client.invoke_model(modelId=model, body=json.dumps(body))
    assert answer["contentType"] == "application/json"
    return json.loads(answer["body"].read()), answer["ResponseMetadata"]["HTTPHeaders"]


def stream(client, model, body):
    answer = client.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))
    assert answer["contentType"] == "application/json"
    return [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]


TOOL = {"name": "get_weather", "description": "The weather.", "input_schema": WEATHER["toolSpec"]["inputSchema"]["json"]}


def test_the_body_of_anthropic(gateway):
    runtime, standin = gateway
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, "system": "Be kind.", "top_k": 5,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "weather?", "cache_control": {"type": "ephemeral"}}]}],
            "tools": [TOOL], "tool_choice": {"type": "any"}}
    answer, headers = invoke(runtime, CLAUDE, body)
    assert answer["id"].startswith("msg_bdrk_") and (answer["type"], answer["role"], answer["stop_reason"]) == ("message", "assistant", "tool_use")
    assert answer["content"] == [{"type": "text", "text": "I look."},
                                 {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Rome"}}]
    assert answer["usage"] == {"input_tokens": 12, "output_tokens": 5, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    assert (headers["x-amzn-bedrock-input-token-count"], headers["x-amzn-bedrock-output-token-count"]) == ("12", "5")
    body["messages"] += [{"role": "assistant", "content": answer["content"]},
                         {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"}]}]
    del body["tool_choice"]
    assert invoke(runtime, CLAUDE, body)[0]["content"] == [{"type": "text", "text": "It is sunny in Rome."}]
    assert [message["role"] for message in standin.requests[1]["messages"]] == ["system", "user", "assistant", "tool"]


def test_the_stream_of_anthropic(gateway):
    runtime, _ = gateway
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, "messages": [{"role": "user", "content": "weather?"}], "tools": [TOOL]}
    events = stream(runtime, CLAUDE, body)
    assert [event["type"] for event in events if event["type"] != "content_block_delta"] == [
        "message_start", "content_block_start", "content_block_stop", "content_block_start", "content_block_stop", "message_delta", "message_stop"]
    partial = "".join(event["delta"].get("partial_json", "") for event in events if event["type"] == "content_block_delta")
    assert json.loads(partial) == {"city": "Rome"}
    assert events[-2]["delta"]["stop_reason"] == "tool_use" and events[-2]["usage"]["output_tokens"] == 5
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    assert (metrics["inputTokenCount"], metrics["outputTokenCount"]) == (12, 5) and metrics["firstByteLatency"] <= metrics["invocationLatency"]


LLAMA = ("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|><|start_header_id|>user<|end_header_id|>"
         "\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")
FAMILIES = [
    ("meta.llama3-3-70b-instruct-v1:0", {"prompt": LLAMA, "max_gen_len": 9},
     {"generation": "Hello you.", "prompt_token_count": 12, "generation_token_count": 5, "stop_reason": "stop"},
     lambda events: "".join(event["generation"] for event in events), ["system", "user"]),
    ("mistral.mistral-7b-instruct-v0:2", {"prompt": "<s>[INST] Hi [/INST] Hello </s>[INST] Again [/INST]", "max_tokens": 9},
     {"outputs": [{"text": "Hello you.", "stop_reason": "stop"}]},
     lambda events: "".join(event["outputs"][0]["text"] for event in events), ["user", "assistant", "user"]),
    ("amazon.titan-text-express-v1", {"inputText": "Hi", "textGenerationConfig": {"maxTokenCount": 9, "temperature": 0.1}},
     {"inputTextTokenCount": 12, "results": [{"tokenCount": 5, "outputText": "Hello you.", "completionReason": "FINISH"}]},
     lambda events: "".join(event["outputText"] for event in events), ["user"]),
    ("us.amazon.nova-lite-v1:0", {"schemaVersion": "messages-v1", "system": [{"text": "Be kind."}], "inferenceConfig": {"max_new_tokens": 9},
                                  "messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
     {"output": {"message": {"role": "assistant", "content": [{"text": "Hello you."}]}}, "stopReason": "end_turn",
      "usage": {"inputTokens": 12, "outputTokens": 5, "totalTokens": 17, "cacheReadInputTokenCount": 0, "cacheWriteInputTokenCount": 0}},
     lambda events: "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event), ["system", "user"]),
]


@pytest.mark.parametrize("model, body, expected, words, roles", FAMILIES, ids=[each[0].split(".")[-1] for each in FAMILIES])
def test_bodies_of_families(gateway, model, body, expected, words, roles):
    runtime, standin = gateway
    assert invoke(runtime, model, body)[0] == expected
    events = stream(runtime, model, body)
    assert words(events) == "Hello you." and events[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == 5
    for request in standin.requests:
        assert [message["role"] for message in request["messages"]] == roles
    status, code, message = refused(runtime.invoke_model, modelId=model, body=json.dumps({**body, "nonsense": 1}))
    assert (status, code) == (400, "ValidationException") and message.startswith("Malformed input request: ") and "nonsense" in message


def test_chat_completions_and_ids_of_ones_own(gateway):
    runtime, _ = gateway
    body = {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "weather?"}], "max_tokens": 9,
            "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": TOOL["input_schema"]}}]}
    answer, _ = invoke(runtime, "qwen3:8b", body)
    choice = answer["choices"][0]
    assert choice["finish_reason"] == "tool_calls" and json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"]) == {"city": "Rome"}
    assert answer["usage"]["total_tokens"] == 17
    events = stream(runtime, "openai.gpt-oss-20b-1:0", body)
    arguments = "".join(call["function"]["arguments"] for event in events for call in event["choices"][0]["delta"].get("tool_calls", []))
    assert json.loads(arguments) == {"city": "Rome"} and events[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("body, expected", [
    (b"{", "Malformed input request: "), (b"[]", "expected type: JSONObject"), (b'{"anthropic_version": "bedrock-2023-05-31"}', "max_tokens"),
    (b'{"prompt": 1}', "Malformed input request: "),
])
def test_bodies_that_are_none(gateway, body, expected):
    runtime, _ = gateway
    model = CLAUDE if b"anthropic" in body else "meta.llama3-8b-instruct-v1:0"
    status, code, message = refused(runtime.invoke_model, modelId=model, body=body)
    assert (status, code) == (400, "ValidationException") and expected in message


def test_embeddings_are_refused_by_name(gateway):
    runtime, _ = gateway
    message = refused(runtime.invoke_model, modelId="amazon.titan-embed-text-v2:0", body=json.dumps({"inputText": "x"}))[2]
    assert "makes embeddings" in message


def test_counting_tokens(gateway):
    runtime, _ = gateway
    few = runtime.count_tokens(modelId=CLAUDE, input={"converse": {"messages": [user("Hi")]}})["inputTokens"]
    many = runtime.count_tokens(modelId=CLAUDE, input={"converse": {"messages": [user("Hi " * 500)], "system": [{"text": "Be kind."}]}})["inputTokens"]
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi " * 500}], "system": "Be kind."}
    same = runtime.count_tokens(modelId=CLAUDE, input={"invokeModel": {"body": json.dumps(body).encode()}})["inputTokens"]
    assert 0 < few < 20 < 400 < many == same


def test_lists_of_models(outcrop):
    outcrop.start(settings='[[model]]\nmatch = "my.model-1"\nprovider = "offline"\n[[model]]\nmatch = "anthropic.*"\nprovider = "offline"\n')
    bedrock = client("bedrock", outcrop.url)
    models = bedrock.list_foundation_models()["modelSummaries"]
    ids = [model["modelId"] for model in models]
    assert CLAUDE in ids and "my.model-1" in ids and "anthropic.*" not in ids
    one = bedrock.get_foundation_model(modelIdentifier=CLAUDE)["modelDetails"]
    assert one["providerName"] == "Anthropic" and one["responseStreamingSupported"] and one["inputModalities"] == ["TEXT", "IMAGE"]
    assert bedrock.get_foundation_model(modelIdentifier=one["modelArn"])["modelDetails"] == one
    embeddings = bedrock.list_foundation_models(byOutputModality="EMBEDDING", byProvider="cohere")["modelSummaries"]
    assert {model["providerName"] for model in embeddings} == {"Cohere"}
    assert refused(bedrock.get_foundation_model, modelIdentifier="amazon.none-v1")[:2] == (404, "ResourceNotFoundException")


def test_inference_profiles(gateway, outcrop):
    runtime, standin = gateway
    bedrock = client("bedrock", outcrop.url)
    system = bedrock.get_inference_profile(inferenceProfileIdentifier="us." + CLAUDE)
    assert system["type"] == "SYSTEM_DEFINED" and system["models"][0]["modelArn"].endswith(CLAUDE)
    made = bedrock.create_inference_profile(
        inferenceProfileName="team-a", modelSource={"copyFrom": system["inferenceProfileArn"]}, tags=[{"key": "team", "value": "a"}])
    arn = made["inferenceProfileArn"]
    profile = bedrock.get_inference_profile(inferenceProfileIdentifier=arn)
    assert (profile["type"], profile["status"], profile["models"]) == ("APPLICATION", "ACTIVE", system["models"])
    own = bedrock.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
    assert [each["inferenceProfileArn"] for each in own] == [arn]
    pages = bedrock.get_paginator("list_inference_profiles").paginate(PaginationConfig={"PageSize": 7})
    names = [each["inferenceProfileId"] for page in pages for each in page["inferenceProfileSummaries"]]
    assert names[0] == profile["inferenceProfileId"] and len(names) == len(set(names)) > 30
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "team", "value": "a"}]
    bedrock.untag_resource(resourceARN=arn, tagKeys=["team"])
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == []
    for identifier in (arn, profile["inferenceProfileId"]):
        assert runtime.converse(modelId=identifier, messages=[user("Hi")])["stopReason"] == "end_turn"
    assert refused(bedrock.create_inference_profile, inferenceProfileName="team-a", modelSource={"copyFrom": system["inferenceProfileArn"]})[1] == "ConflictException"
    bedrock.delete_inference_profile(inferenceProfileIdentifier=arn)
    assert refused(runtime.converse, modelId=arn, messages=[user("Hi")])[:2] == (404, "ResourceNotFoundException")
