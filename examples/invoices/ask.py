"""Asks the invoice clerk. Usage: python ask.py "Invoices of Q1 2026 above $10K?" ["and the next thing" ...]"""

import os, sys, uuid
import boto3

runtime = boto3.client(
    "bedrock-agent-runtime",
    endpoint_url=os.environ.get("OUTCROP_ENDPOINT", "http://127.0.0.1:7600"),  # all that differs from AWS
    region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local",
)
session_id = str(uuid.uuid4())


def ask(text):
    response = runtime.invoke_agent(agentId="invoice-clerk", agentAliasId="PROD", sessionId=session_id,
                                    inputText=text, enableTrace=True)
    for event in response["completion"]:
        if "chunk" in event:
            print(event["chunk"]["bytes"].decode())
        part = event.get("trace", {})
        step = part.get("trace", {}).get("orchestrationTrace", {})
        if "rationale" in step:
            print("  thinks", step["rationale"]["text"])
        asked = step.get("invocationInput", {})
        if call := asked.get("actionGroupInvocationInput"):
            arguments = ", ".join(f"{p['name']}={p['value']}" for p in call.get("parameters", []))
            print(f"  calls  {call['actionGroupName']}.{call['function']}({arguments})")
        seen = step.get("observation", {})
        if result := seen.get("actionGroupInvocationOutput") or seen.get("repromptResponse"):
            print("  gets  ", result["text"])


for question in sys.argv[1:] or ["Find all invoices from Q1 2026 for Acme Corp that exceed $10K"]:
    print(">", question)
    ask(question)
