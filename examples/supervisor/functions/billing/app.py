"""What the billing agent can look up and do. Refunds are kept in a temporary file, and forgotten when this one changes."""

import fcntl
import hashlib
import json
import os
import tempfile
from pathlib import Path

CHARGES = {
    "CH-9001": {"order_id": "ORD-123", "amount": 89.9, "made_at": "2026-02-27 18:04:11"},
    "CH-9002": {"order_id": "ORD-123", "amount": 89.9, "made_at": "2026-02-27 18:04:42",
                "cause": "the payment processor did not answer in time and the charge was made once more"},
    "CH-9003": {"order_id": "ORD-124", "amount": 42.0, "made_at": "2026-03-04 09:30:00"},
}


def lambda_handler(event, context):
    arguments = {one["name"]: one["value"] for one in event["parameters"]}
    with state_file().open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        refunded = file.read().split()
        result = TOOLS[event["function"]](arguments, refunded)
        file.truncate(0)
        file.write("\n".join(refunded))
    function_response = {"responseBody": {"TEXT": {"body": json.dumps(result)}}}
    return {
        "messageVersion": "1.0",
        "response": {"actionGroup": event["actionGroup"], "function": event["function"], "functionResponse": function_response},
    }


def find_duplicate_charges(arguments, refunded):
    found = [
        {"charge_id": charge_id, **{name: charge[name] for name in ("amount", "made_at", "cause")}}
        for charge_id, charge in CHARGES.items()
        if charge["order_id"] == arguments["order_id"] and "cause" in charge and charge_id not in refunded
    ]
    return {"order_id": arguments["order_id"], "duplicate_charges": found}


def refund_charge(arguments, refunded):
    charge = CHARGES.get(arguments["charge_id"])
    if charge is None or "cause" not in charge:
        return {"error": f"{arguments['charge_id']} is no charge that was made twice"}
    if arguments["charge_id"] in refunded:
        return {"error": f"{arguments['charge_id']} is paid back already"}
    refunded.append(arguments["charge_id"])
    return {"charge_id": arguments["charge_id"], "status": "refunded", "amount": charge["amount"], "cause": charge["cause"],
            "expected_within": "3 to 5 business days"}


def state_file():
    """One for each user, and for each time this file was put where it lies."""
    folder = Path(os.environ.get("OUTCROP_EXAMPLE_STATE") or Path(tempfile.gettempdir()) / f"outcrop-example-{os.getuid()}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    here = Path(__file__).resolve()
    stamp = f"{here} {here.stat().st_ctime_ns}"
    return folder / f"billing-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}"


TOOLS = {tool.__name__: tool for tool in (find_duplicate_charges, refund_charge)}
