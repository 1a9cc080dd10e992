"""What the orders agent can look up."""

import json

ORDERS = {
    "ORD-123": {"status": "delivered", "items": ["desk lamp", "bulb"], "total": 89.9, "delivered_on": "2026-03-02"},
    "ORD-124": {"status": "in_transit", "items": ["kettle"], "total": 42.0, "carrier": "Northline", "eta": "2026-03-09"},
}


def lambda_handler(event, context):
    order_id = next((one["value"] for one in event["parameters"] if one["name"] == "order_id"), "")
    order = ORDERS.get(order_id.upper())
    result = {"order_id": order_id, **order} if order else {"error": f"there is no order {order_id}"}
    function_response = {"responseBody": {"TEXT": {"body": json.dumps(result)}}}
    return {
        "messageVersion": "1.0",
        "response": {"actionGroup": event["actionGroup"], "function": event["function"], "functionResponse": function_response},
    }
