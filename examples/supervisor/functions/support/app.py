"""What the support agent can look up and do."""

import json
import zlib

HANDBOOK = {
    "password": "Choose 'forgotten' on the page where you log in; the link in the mail is good for an hour.",
    "lamp": "Take the lamp off the mains for ten seconds. If it still flickers, the bulb has to be changed.",
    "account": "You change your name and address under 'My account'.",
}


def lambda_handler(event, context):
    arguments = {one["name"]: one["value"] for one in event["parameters"]}
    if event["function"] == "search_handbook":
        found = [text for word, text in HANDBOOK.items() if word in arguments["topic"].lower()]
        result = {"advice": found[0]} if found else {"error": f"the handbook says nothing about {arguments['topic']}"}
    else:
        result = {"ticket_id": f"T-{zlib.crc32(arguments['summary'].encode()) % 9000 + 1000}", "status": "open"}
    function_response = {"responseBody": {"TEXT": {"body": json.dumps(result)}}}
    return {
        "messageVersion": "1.0",
        "response": {"actionGroup": event["actionGroup"], "function": event["function"], "functionResponse": function_response},
    }
