"""The gardener's visits: a stand-in for a calendar."""

import json


def lambda_handler(event, context):
    given = {each["name"]: each["value"] for each in event.get("parameters", [])}
    booked = {"status": "booked", "date": given["date"], "time": given["time"], "gardener": "Ines"}
    return {
        "messageVersion": "1.0",
        "response": {
            "actionGroup": event["actionGroup"],
            "function": event["function"],
            "functionResponse": {"responseBody": {"TEXT": {"body": json.dumps(booked)}}},
        },
    }
