"""Asks the support agent. Usage: python ask.py "Where is order A-482?" ["and the next thing" ...]"""

import json, os, sys, uuid
import boto3

runtime = boto3.client(
    "bedrock-agent-runtime",
    endpoint_url=os.environ.get("OUTCROP_ENDPOINT", "http://127.0.0.1:7600"),  # all that differs from AWS
    region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local",
)
session_id = str(uuid.uuid4())
signed_in = {"customer_id": "CUST-12345"}  # known to your application, seen by model and tools


def ask(text=None, **state):
    asked = {"inputText": text} if text else {}
    state["promptSessionAttributes"] = signed_in
    response = runtime.invoke_agent(agentId="support-bot", agentAliasId="PROD", sessionId=session_id,
                                    enableTrace=True, sessionState=state, **asked)
    for event in response["completion"]:
        step = event.get("trace", {}).get("trace", {}).get("orchestrationTrace", {})
        if "rationale" in step:
            print("  thinks", step["rationale"]["text"])
        if call := step.get("invocationInput", {}).get("actionGroupInvocationInput"):
            arguments = ", ".join(f"{p['name']}={p['value']}" for p in call.get("parameters", []))
            print(f"  calls  {call['actionGroupName']}.{call['function']}({arguments})")
        seen = step.get("observation", {})
        if result := seen.get("actionGroupInvocationOutput") or seen.get("repromptResponse"):
            print("  gets  ", result["text"])
        if "chunk" in event:
            print(event["chunk"]["bytes"].decode())
        if "returnControl" in event:  # a tool of ours: run it here and hand the results back
            back = event["returnControl"]
            calls = [each["functionInvocationInput"] for each in back["invocationInputs"]]
            ask(invocationId=back["invocationId"], returnControlInvocationResults=[run_here(call) for call in calls])


def run_here(call):
    date = next(p["value"] for p in call["parameters"] if p["name"] == "date")
    body = json.dumps({"opened": "calendar", "date": date})
    return {"functionResult": {"actionGroup": call["actionGroup"], "function": call["function"],
                               "responseBody": {"TEXT": {"body": body}}}}


for question in sys.argv[1:] or ["Where is order A-482, and can you cancel it if it hasn't shipped?"]:
    print(">", question)
    ask(question)
