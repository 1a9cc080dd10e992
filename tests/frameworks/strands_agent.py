"""A Strands agent on BedrockModel with a tool, streamed. Prints what came of it as JSON."""

import json
import sys

import boto3
from strands import Agent, tool
from strands.models import BedrockModel

seen = []


@tool
def get_weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: Name of the city.
    """
    seen.append(city)
    return f"sunny in {city}"


def heard(**event):
    if "data" in event:
        pieces.append(event["data"])


pieces = []
session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-west-2")
model = BedrockModel(
    model_id="anthropic.claude-sonnet-4-5-20250929-v1:0", boto_session=session, endpoint_url=sys.argv[1], streaming=sys.argv[2] == "stream",
)
agent = Agent(model=model, tools=[get_weather], callback_handler=heard, system_prompt="Be kind.")
result = agent("What is the weather in Rome?")
print(json.dumps({
    "tool saw": seen, "answer": str(result).strip(), "stop": result.stop_reason, "pieces": pieces,
    "usage": [result.metrics.accumulated_usage["inputTokens"], result.metrics.accumulated_usage["outputTokens"]],
}))
