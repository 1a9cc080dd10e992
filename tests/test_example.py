"""examples/support: the README's main job, with no model, no key and no network."""

import json
import shutil
import sys

import pytest

from conftest import REPOSITORY
from examples import ask, dev
from world import Agent, eventually, invoke

EXAMPLE = REPOSITORY / "examples/support"
QUESTION = "Where is order A-482, and can you cancel it if it hasn't shipped?"


@pytest.fixture
def example(outcrop):
    """A copy of the example, served by `outcrop dev`."""
    return dev(outcrop, "support")


def edit(example, **orders):
    data_file = example.example / "functions/order_tools/data.json"
    data = json.loads(data_file.read_text())
    for order_id, fields in orders.items():
        data["orders"][order_id.replace("_", "-")].update(fields)
    data_file.write_text(json.dumps(data, indent=2))


def test_the_main_job(example):
    printed = ask(example, QUESTION)
    assert "calls  OrderTools.get_order_status(customer_id=CUST-12345, order_id=A-482)" in printed
    assert "calls  OrderTools.cancel_order(customer_id=CUST-12345, order_id=A-482" in printed
    answer = printed.splitlines()[-1]
    assert "A-482" in answer and "cancelled" in answer
    # It was done, and not only said.
    assert "cancelled" in ask(example, "Where is order A-482?").splitlines()[-1]


def test_other_data_gives_another_answer(example):
    edit(example, A_482={"status": "shipped", "carrier": "Northline", "eta": "2026-11-23"})
    printed = eventually(lambda: (lambda text: text if '"status": "shipped"' in text else None)(ask(example, QUESTION)), seconds=60)
    assert "OrderTools.cancel_order" not in printed
    answer = printed.splitlines()[-1]
    assert "shipped" in answer and ("Northline" in answer or "2026-11-23" in answer)


def test_a_tool_on_the_callers_side(example):
    printed = ask(example, "Open my calendar for next Monday.")
    assert "calls  ClientSideTools.open_calendar(date=next Monday)" in printed
    assert '"opened": "calendar"' in printed


def test_rules_of_the_shop(example):
    runtime = example.runtime()
    agent = Agent("support-bot", "PROD")
    signed_in = {"sessionState": {"promptSessionAttributes": {"customer_id": "CUST-12345"}}}
    # Without a customer ID it asks for one, and calls nothing.
    asked = invoke(runtime, agent, "Where is order A-482?", session="s-1")
    assert asked.observations == [] and "customer ID" in asked.answer
    assert "processing" in invoke(runtime, agent, "CUST-12345", session="s-1").answer
    # Large refunds go to a person.
    large = invoke(runtime, agent, "Refund 620 dollars for order A-471, the machine is broken.", **signed_in)
    assert any("T-100" in each for each in large.observations), large.transcript
    # Small ones need a yes.
    small = invoke(runtime, agent, "Refund 64 dollars for order A-483.", session="s-2", **signed_in)
    assert small.answer.endswith("?"), small.transcript
    assert not any("refunded" in each for each in small.observations)
    agreed = invoke(runtime, agent, "Yes, please.", session="s-2", **signed_in)
    assert any('"amount": "$64.00"' in each for each in agreed.observations), agreed.transcript


def test_a_redeploy_changes_the_agent(example):
    template = example.example / "template.yaml"
    template.write_text(template.read_text().replace("Tone: professional", "Tone: brief, professional"))
    control = example.control()
    read = lambda: "Tone: brief" in control.get_agent(agentId="support-bot")["agent"]["instruction"]
    eventually(read, seconds=60)


# The handler by itself: the rules hold whatever a model says.


@pytest.fixture
def tools(tmp_path, monkeypatch):
    folder = tmp_path / "order_tools"
    shutil.copytree(EXAMPLE / "functions/order_tools", folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("OUTCROP_EXAMPLE_STATE", str(tmp_path / "state.json"))
    sys.modules.pop("app", None)
    import app

    def use(function, signed_in=None, **arguments):
        parameters = [{"name": name, "type": "string", "value": value} for name, value in {"customer_id": "CUST-12345", **arguments}.items()]
        event = {"actionGroup": "OrderTools", "function": function, "parameters": parameters, "sessionAttributes": {},
                 "promptSessionAttributes": {"customer_id": signed_in} if signed_in else {}}
        return json.loads(app.lambda_handler(event, None)["response"]["functionResponse"]["responseBody"]["TEXT"]["body"])

    use.data = folder / "data.json"
    yield use
    sys.modules.pop("app", None)


def test_a_customer_sees_their_own_orders_only(tools):
    assert tools("get_order_status", order_id="A-482")["status"] == "processing"
    assert "no order" in tools("get_order_status", order_id="B-310")["error"]
    assert "no customer" in tools("get_order_status", customer_id="CUST-1", order_id="A-482")["error"]
    assert "customer_id is missing" in tools("get_order_status", customer_id="", order_id="A-482")["error"]
    assert "signed in as CUST-20031" in tools("get_customer_info", signed_in="CUST-20031")["error"]
    assert len(tools("get_customer_info", include_order_history="true")["orders"]) == 4


def test_orders_are_cancelled_before_they_ship_and_returned_after(tools):
    assert tools("cancel_order", order_id="A-482")["status"] == "cancelled"
    assert tools("get_order_status", order_id="A-482")["status"] == "cancelled"
    assert "can no longer" in tools("cancel_order", order_id="A-483")["error"]
    assert "cannot be returned" in tools("initiate_return", order_id="A-483")["error"]
    assert "ana@example.com" in tools("initiate_return", order_id="A-479")["label"]
    # What changed is forgotten when the data is edited.
    tools.data.write_text(tools.data.read_text() + "\n")
    assert tools("get_order_status", order_id="A-482")["status"] == "processing"


@pytest.mark.parametrize(("order_id", "amount", "consent", "outcome"), [
    ("A-483", "64", "true", "$64.00"),
    ("A-483", "64", "false", "ask the customer"),
    ("A-483", "64", "", "ask the customer"),
    ("A-483", "65", "true", "cost $64.00"),
    ("A-471", "500", "true", "$500.00"),
    ("A-471", "500.01", "true", "escalate_to_human"),
    ("A-471", "NaN", "true", "above zero"),
    ("A-471", "-5", "true", "above zero"),
    ("A-471", "all of it", "true", "no amount"),
])
def test_refunds(tools, order_id, amount, consent, outcome):
    result = tools("request_refund", order_id=order_id, amount=amount, customer_consent=consent)
    assert outcome in result.get("error", result.get("amount"))


def test_refunds_in_slices_stay_under_the_limit(tools):
    slice_ = {"order_id": "A-471", "amount": "300", "customer_consent": "true"}
    assert tools("request_refund", **slice_)["amount"] == "$300.00"
    assert "escalate_to_human" in tools("request_refund", **slice_)["error"]
