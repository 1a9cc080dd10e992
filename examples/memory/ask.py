"""Agrees on something in one session, ends it, and asks in another one what was agreed on."""

import os
import time
import uuid

import boto3

AGENT = {"agentId": "garden-bot", "agentAliasId": "PROD"}
USER = "user-42"  # whoever is signed in to your application

runtime = boto3.client(
    "bedrock-agent-runtime",
    endpoint_url=os.environ.get("OUTCROP_ENDPOINT", "http://127.0.0.1:7600"),  # all that differs from AWS
    region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local",
)


def say(session_id, text, **more):
    response = runtime.invoke_agent(**AGENT, sessionId=session_id, memoryId=USER, inputText=text, **more)
    return "".join(event["chunk"]["bytes"].decode() for event in response["completion"] if "chunk" in event)


def remembered():
    answer = runtime.get_agent_memory(**AGENT, memoryId=USER, memoryType="SESSION_SUMMARY")
    return [each["sessionSummary"] for each in answer["memoryContents"]]


first, second = str(uuid.uuid4()), str(uuid.uuid4())
for question in ("Book a visit of the gardener for 2026-12-01 at 10:00.",):
    print(">", question)
    print(say(first, question))
say(first, "end", endSession=True)

while not (ours := [each for each in remembered() if each["sessionId"] == first]):
    time.sleep(0.2)  # a session is summed up beside the requests
print("  remembers", ours[0]["summaryText"].replace("\n", "\n            "))

question = "What did we agree on last time?"
print(">", question)
print(say(second, question))
