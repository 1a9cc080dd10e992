"""Asks the front desk. Usage: python ask.py "I was charged twice for order ORD-123" ["and the next thing" ...]"""

import os, sys, uuid
import boto3

runtime = boto3.client(
    "bedrock-agent-runtime",
    endpoint_url=os.environ.get("OUTCROP_ENDPOINT", "http://127.0.0.1:7600"),  # all that differs from AWS
    region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local",
)
session_id = str(uuid.uuid4())


def ask(text):
    response = runtime.invoke_agent(agentId="front-desk", agentAliasId="PROD", sessionId=session_id,
                                    inputText=text, enableTrace=True)
    for event in response["completion"]:
        if "chunk" in event:
            print(event["chunk"]["bytes"].decode())
        part = event.get("trace", {})
        step = part.get("trace", {}).get("orchestrationTrace", {})
        indent = "  " * len(part.get("callerChain", [])) + (f"{part['collaboratorName']} " if "collaboratorName" in part else "")
        if "rationale" in step:
            print(f"{indent}thinks", step["rationale"]["text"])
        asked = step.get("invocationInput", {})
        if call := asked.get("actionGroupInvocationInput"):
            arguments = ", ".join(f"{p['name']}={p['value']}" for p in call.get("parameters", []))
            print(f"{indent}calls  {call['actionGroupName']}.{call['function']}({arguments})")
        if message := asked.get("agentCollaboratorInvocationInput"):
            print(f"{indent}asks   {message['agentCollaboratorName']}: {message['input']['text']}")
        seen = step.get("observation", {})
        if result := seen.get("actionGroupInvocationOutput") or seen.get("repromptResponse"):
            print(f"{indent}gets  ", result["text"])
        if answer := seen.get("agentCollaboratorInvocationOutput"):
            print(f"{indent}hears  {answer['agentCollaboratorName']}: {answer['output']['text']}")


for question in sys.argv[1:] or ["I was charged twice for order ORD-123. Can you refund me and explain what happened?"]:
    print(">", question)
    ask(question)
