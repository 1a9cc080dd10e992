"""LangChain's ChatBedrockConverse with a tool, whole and streamed. Prints what came of it as JSON."""

import json
import sys

from langchain_aws import ChatBedrockConverse
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


chat = ChatBedrockConverse(
    model="anthropic.claude-sonnet-4-5-20250929-v1:0", region_name="us-west-2", endpoint_url=sys.argv[1], temperature=0,
    aws_access_key_id="test", aws_secret_access_key="test",
).bind_tools([get_weather])
messages = [HumanMessage("What is the weather in Rome?")]
asked = chat.invoke(messages)
messages += [asked, *(ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in asked.tool_calls)]
answer = chat.invoke(messages)
pieces = list(chat.stream([HumanMessage("What is the weather in Rome?")]))
whole = sum(pieces[1:], pieces[0])
words = [piece.text for piece in chat.stream(messages) if piece.text]
print(json.dumps({
    "calls": [[call["name"], call["args"]] for call in asked.tool_calls], "answer": answer.text,
    "usage": [asked.usage_metadata["input_tokens"], asked.usage_metadata["output_tokens"]],
    "streamed calls": [[call["name"], call["args"]] for call in whole.tool_calls], "streamed": words,
}))
