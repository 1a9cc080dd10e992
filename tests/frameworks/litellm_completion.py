"""LiteLLM's completion over Bedrock's Converse with a tool, whole and streamed. Prints what came of it as JSON."""

import json
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

tools = [{"type": "function", "function": {"name": "get_weather", "description": "The weather in a city.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]
bedrock = {
    "model": "bedrock/converse/anthropic.claude-sonnet-4-5-20250929-v1:0", "aws_bedrock_runtime_endpoint": sys.argv[1], "tools": tools,
    "aws_access_key_id": "test", "aws_secret_access_key": "test", "aws_region_name": "us-west-2",
}
messages = [{"role": "user", "content": "What is the weather in Rome?"}]
asked = litellm.completion(messages=messages, **bedrock).choices[0].message
call = asked.tool_calls[0]
messages += [asked.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": "sunny in Rome"}]
answer = litellm.completion(messages=messages, **bedrock)
pieces = [piece.choices[0].delta.content for piece in litellm.completion(messages=messages, stream=True, **bedrock)]
print(json.dumps({
    "call": [call.function.name, json.loads(call.function.arguments)], "answer": answer.choices[0].message.content,
    "usage": [answer.usage.prompt_tokens, answer.usage.completion_tokens], "streamed": [piece for piece in pieces if piece],
}))
