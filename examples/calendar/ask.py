"""Talks to the calendar assistant. Usage: python ask.py "Open my calendar for next Monday." ["and the next thing" ...]"""

import calendar, datetime, json, os, sys, uuid
import boto3

runtime = boto3.client(
    "bedrock-agent-runtime",
    endpoint_url=os.environ.get("OUTCROP_ENDPOINT", "http://127.0.0.1:7600"),  # all that differs from AWS
    region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local",
)
session_id = str(uuid.uuid4())
today = os.environ.get("TODAY") or datetime.date.today().isoformat()
APPOINTMENTS = ["09:30 dentist", "14:00 call with Ana"]  # on this device, and nowhere else


def ask(text=None, **state):
    asked = {"inputText": text} if text else {}
    state["promptSessionAttributes"] = {"current_date": today}  # so that the model can tell what next Monday is
    response = runtime.invoke_agent(agentId="calendar-assistant", agentAliasId="PROD", sessionId=session_id,
                                    enableTrace=True, sessionState=state, **asked)
    for event in response["completion"]:
        step = event.get("trace", {}).get("trace", {}).get("orchestrationTrace", {})
        if "rationale" in step:
            print("  thinks", step["rationale"]["text"])
        if "chunk" in event:
            print(event["chunk"]["bytes"].decode())
        if "returnControl" in event:  # a tool of ours: run it here and hand the results back
            back = event["returnControl"]
            calls = [each["functionInvocationInput"] for each in back["invocationInputs"]]
            ask(invocationId=back["invocationId"], returnControlInvocationResults=[run_here(call) for call in calls])


def run_here(call):
    arguments = {each["name"]: each["value"] for each in call["parameters"]}
    print(f"  runs here: {call['function']}({', '.join(f'{name}={value}' for name, value in arguments.items())})")
    try:
        day = datetime.date.fromisoformat(arguments["date"])
        print(calendar.TextCalendar().formatmonth(day.year, day.month))
        weekday = day.weekday() < 5
        result = {"date": arguments["date"], "status": "open", "appointments": APPOINTMENTS if weekday else []}
    except ValueError as error:
        result = {"error": str(error)}
    return {"functionResult": {"actionGroup": call["actionGroup"], "function": call["function"], "agentId": call["agentId"],
                               "responseBody": {"TEXT": {"body": json.dumps(result)}}}}


for question in sys.argv[1:] or ["Open my calendar for next Monday."]:
    print(">", question)
    ask(question)
