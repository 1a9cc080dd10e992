"""The order tools: what the agent calls. A plain Lambda handler with no dependencies.

It reads data.json on every call, so that editing the file changes the next answer. What calls change (a cancelled
order, a refund) goes into a file in the temporary folder, never into data.json; that file is forgotten as soon as
data.json is another one.

The rules of the shop are enforced here and not only told to the model: a model can be talked into things.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from decimal import Decimal, InvalidOperation
from pathlib import Path

DATA = Path(__file__).with_name("data.json")
REFUND_MAX = Decimal(500)


def lambda_handler(event, context):
    tool = TOOLS.get(event.get("function"))
    arguments = {parameter["name"]: parameter["value"] for parameter in event.get("parameters") or []}
    with shop() as orders_and_customers:
        try:
            if tool is None:
                raise Refused(f"there is no tool {event.get('function')}")
            customer_id = verified_customer(orders_and_customers, arguments, event)
            result, state = tool(orders_and_customers, customer_id, arguments), None
        except Refused as refusal:
            # REPROMPT: the model gets the reason and may ask the customer or try another way.
            result, state = {"error": str(refusal)}, "REPROMPT"
    function_response = {"responseBody": {"TEXT": {"body": json.dumps(result)}}}
    if state:
        function_response["responseState"] = state
    return {
        "messageVersion": "1.0",
        "response": {
            "actionGroup": event.get("actionGroup"),
            "function": event.get("function"),
            "functionResponse": function_response,
        },
    }


class Refused(Exception):
    """The call is against a rule, or lacks something. The text is for the model."""


# The tools. Each gets the shop's data, the verified customer and the arguments, all of them strings.


def get_customer_info(data, customer_id, arguments):
    result = {"customer_id": customer_id, **data["customers"][customer_id]}
    if arguments.get("include_order_history") == "true":
        result["orders"] = [
            {"order_id": order_id, "status": order["status"], "items": order["items"], "total": order["total"]}
            for order_id, order in data["orders"].items()
            if order["customer_id"] == customer_id
        ]
    return result


def get_order_status(data, customer_id, arguments):
    order_id, order = order_of(data, customer_id, arguments)
    return {"order_id": order_id, **{name: value for name, value in order.items() if name != "customer_id"}}


def cancel_order(data, customer_id, arguments):
    order_id, order = order_of(data, customer_id, arguments)
    if order["status"] != "processing":
        raise Refused(f"order {order_id} is {order['status']} and can no longer be cancelled")
    change(data, order_id, status="cancelled", eta=None, cancel_reason=arguments.get("reason"))
    return {"order_id": order_id, "status": "cancelled", "charge": "none"}


def initiate_return(data, customer_id, arguments):
    order_id, order = order_of(data, customer_id, arguments)
    if order["status"] != "delivered" or not order.get("returnable"):
        raise Refused(f"order {order_id} is {order['status']} and cannot be returned")
    change(data, order_id, status="return started", return_reason=arguments.get("reason"))
    return {
        "order_id": order_id,
        "status": "return started",
        "label": f"on its way to {data['customers'][customer_id]['email']}",
        "refund": f"{money(order['total'])} within 5 days of the parcel's arrival",
    }


def request_refund(data, customer_id, arguments):
    order_id, order = order_of(data, customer_id, arguments)
    amount = amount_of(arguments)
    refunded = Decimal(str(order.get("refunded", 0)))
    if refunded + amount > REFUND_MAX:
        raise Refused(f"refunds above {money(REFUND_MAX)} are decided by a person: use escalate_to_human")
    if refunded + amount > Decimal(str(order["total"])):
        raise Refused(f"order {order_id} cost {money(order['total'])} and {money(refunded)} of it is refunded already")
    if arguments.get("customer_consent") != "true":
        raise Refused(f"ask the customer first whether they agree to a refund of {money(amount)} for order {order_id}")
    change(data, order_id, refunded=float(refunded + amount))
    return {"order_id": order_id, "status": "refunded", "amount": money(amount), "arrival": "within 5 days"}


def escalate_to_human(data, customer_id, arguments):
    tickets = data["changes"].setdefault("tickets", [])
    tickets.append({"customer_id": customer_id, "reason": required(arguments, "reason")})
    return {"ticket": f"T-{1000 + len(tickets)}", "status": "with the support team", "answer": "within one hour"}


TOOLS = {
    tool.__name__: tool
    for tool in (get_customer_info, get_order_status, cancel_order, initiate_return, request_refund, escalate_to_human)
}


# What the tools share.


def verified_customer(data, arguments, event):
    """The customer the call is about. Who is signed in travels as an attribute that no model can write."""
    customer_id = required(arguments, "customer_id")
    attributes = {**(event.get("sessionAttributes") or {}), **(event.get("promptSessionAttributes") or {})}
    signed_in = attributes.get("customer_id", customer_id)
    if customer_id != signed_in:
        raise Refused(f"the customer is signed in as {signed_in}; others' data stays closed")
    if customer_id not in data["customers"]:
        raise Refused(f"there is no customer {customer_id}; ask for the customer ID, such as CUST-12345")
    return customer_id


def order_of(data, customer_id, arguments):
    order_id = required(arguments, "order_id")
    order = data["orders"].get(order_id)
    if order is None or order["customer_id"] != customer_id:
        raise Refused(f"customer {customer_id} has no order {order_id}")
    return order_id, order


def amount_of(arguments):
    try:
        amount = Decimal(required(arguments, "amount"))
    except InvalidOperation:
        raise Refused(f"{arguments['amount']!r} is no amount") from None
    if not amount.is_finite() or amount <= 0:
        raise Refused("the amount must be above zero")
    return amount


def required(arguments, name):
    value = arguments.get(name)
    if not value:
        raise Refused(f"{name} is missing; ask the customer for it")
    return value


def money(amount):
    return f"${Decimal(str(amount)):.2f}"


# The data, with what calls have changed laid over it.


def change(data, order_id, **fields):
    """Changes fields of an order, `None` takes one away; kept when the call ends well."""
    data["changes"].setdefault("orders", {}).setdefault(order_id, {}).update(fields)


@contextlib.contextmanager
def shop():
    """Gives the data for one call, and keeps its changes. Calls that run side by side take turns."""
    content = DATA.read_bytes()
    data = json.loads(content)
    stamp = hashlib.sha256(content).hexdigest() + f"-{DATA.stat().st_ctime_ns}"
    state = state_file()
    with open(f"{state}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        changes = read_changes(state, stamp)
        before = json.dumps(changes)
        for order_id, fields in changes.get("orders", {}).items():
            order = {**data["orders"][order_id], **fields}
            data["orders"][order_id] = {name: value for name, value in order.items() if value is not None}
        data["changes"] = changes
        yield data
        if json.dumps(changes) != before:
            # Written beside and renamed: a call that is killed half-way leaves the old file.
            fresh = state.with_suffix(".new")
            fresh.write_text(json.dumps({"stamp": stamp, "changes": changes}))
            fresh.replace(state)


def read_changes(state, stamp):
    try:
        kept = json.loads(state.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return kept["changes"] if kept.get("stamp") == stamp else {}


def state_file():
    """OUTCROP_EXAMPLE_STATE, else a file in a temporary folder of this user's own, one per place the code lies in."""
    configured = os.environ.get("OUTCROP_EXAMPLE_STATE")
    if configured:
        return Path(configured)
    folder = Path(tempfile.gettempdir()) / f"outcrop-example-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / (hashlib.sha256(str(DATA.resolve()).encode()).hexdigest()[:16] + ".json")
