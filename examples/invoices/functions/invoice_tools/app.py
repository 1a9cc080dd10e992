"""The invoice tools: a plain Lambda handler with no dependencies. It reads data.json on every call."""

import json
from datetime import date, timedelta
from pathlib import Path

DATA = Path(__file__).with_name("data.json")


def lambda_handler(event, context):
    arguments = {parameter["name"]: parameter["value"] for parameter in event.get("parameters") or []}
    function_response = {}
    try:
        result = TOOLS[event["function"]](json.loads(DATA.read_text()), arguments)
    except (KeyError, ValueError) as error:
        # REPROMPT: the model gets the reason and may try another way.
        result, function_response["responseState"] = {"error": f"{event.get('function')}: {error}"}, "REPROMPT"
    function_response["responseBody"] = {"TEXT": {"body": json.dumps(result)}}
    return {
        "messageVersion": "1.0",
        "response": {"actionGroup": event["actionGroup"], "function": event["function"], "functionResponse": function_response},
    }


def get_quarter_dates(data, arguments):
    quarter, year = int(arguments["quarter"]), int(arguments["year"])
    if not 1 <= quarter <= 4:
        raise ValueError("quarters are 1 to 4")
    months = data["year_begins_in_month"] - 1 + 3 * (quarter - 1)
    start = date(year + months // 12, months % 12 + 1, 1)
    months += 3
    end = date(year + months // 12, months % 12 + 1, 1) - timedelta(days=1)
    return {"quarter": f"Q{quarter} {year}", "start_date": start.isoformat(), "end_date": end.isoformat()}


def query_invoices(data, arguments):
    start, end = date.fromisoformat(arguments["start_date"]), date.fromisoformat(arguments["end_date"])
    wanted = arguments.get("customer", "").casefold()
    found = [
        invoice for invoice in data["invoices"]
        if start <= date.fromisoformat(invoice["date"]) <= end and wanted in invoice["customer"].casefold()
    ]
    return {"invoices": found}


def filter_invoices_by_amount(data, arguments):
    # Lists come as JSON text, as all arguments do.
    ids, least = json.loads(arguments["invoice_ids"]), float(arguments["min_amount"])
    found = [invoice for invoice in data["invoices"] if invoice["invoice_id"] in ids and invoice["amount"] > least]
    return {"invoices": found}


TOOLS = {tool.__name__: tool for tool in (get_quarter_dates, query_invoices, filter_invoices_by_amount)}
