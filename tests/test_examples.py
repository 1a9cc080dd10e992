"""examples/ beside the support agent: what each promises, with no model, no key and no network."""

import json

import pytest

from examples import ask, calls_in, dev
from world import eventually


@pytest.fixture
def invoices(outcrop):
    return dev(outcrop, "invoices")


@pytest.fixture
def supervisor(outcrop):
    return dev(outcrop, "supervisor")


@pytest.fixture
def assistant(outcrop):
    return dev(outcrop, "calendar")


def test_three_tools_find_the_invoices(invoices):
    printed = ask(invoices)
    first, second, third = calls_in(printed)
    assert first == "InvoiceTools.get_quarter_dates(quarter=1, year=2026)"
    assert second == "InvoiceTools.query_invoices(start_date=2026-01-01, end_date=2026-03-31, customer=Acme Corp)"
    assert third == 'InvoiceTools.filter_invoices_by_amount(invoice_ids=["INV-2026-001","INV-2026-023","INV-2026-045","INV-2026-071","INV-2026-089"], min_amount=10000)'
    answer = printed.splitlines()[-1]
    assert answer.startswith("There are 3 invoices")
    assert all(found in answer for found in ("3 invoices", "INV-2026-001", "INV-2026-045", "INV-2026-089", "12500", "11200", "15800")), answer
    assert "INV-2026-071" not in answer


def test_other_words_and_other_quarters(invoices):
    printed = ask(invoices, "Which invoices of the third quarter of 2025 are above 5,000 €?", "And those of Q4 2025 over 2,500 euros?")
    answers = [line for line in printed.splitlines() if not line.startswith(("  ", ">"))]
    assert "INV-2025-311" in answers[0] and "INV-2025-340" in answers[0]
    assert "There are no invoices" in answers[1] and "INV-" not in answers[1]


def test_the_companys_year_decides_what_a_quarter_is(invoices):
    data_file = invoices.example / "functions/invoice_tools/data.json"
    data = json.loads(data_file.read_text())
    data_file.write_text(json.dumps({**data, "year_begins_in_month": 4}))
    printed = eventually(lambda: (lambda text: text if "start_date=2026-04-01" in text else None)(ask(invoices)), seconds=60)
    assert "INV-2026-102" in printed.splitlines()[-1] and "INV-2026-001" not in printed.splitlines()[-1]


def test_a_double_charge_is_resolved_by_those_who_know(supervisor):
    printed = ask(supervisor)
    asked = [line.split("asks   ", 1)[1].split(":")[0] for line in printed.splitlines() if "asks   " in line]
    assert asked == ["Orders", "Billing"]
    assert set(calls_in(printed)) == {
        "OrderTools.get_order(order_id=ORD-123)",
        "BillingTools.find_duplicate_charges(order_id=ORD-123)",
        "BillingTools.refund_charge(charge_id=CH-9002)",
    }
    answer = printed[printed.rindex("put together"):]
    assert all(part in answer for part in ("delivered", "refunded", "89.9", "payment processor", "3 to 5 business days")), answer
    # It was done, and not only said.
    again = ask(supervisor)
    assert "BillingTools.refund_charge" not in again and "no duplicate charges" in again


def test_the_charge_alone_is_enough_to_ask_both(supervisor):
    printed = ask(supervisor, "I was charged twice for order ORD-123")
    assert [line.split("asks   ", 1)[1].split(":")[0] for line in printed.splitlines() if "asks   " in line] == ["Orders", "Billing"]
    assert "BillingTools.find_duplicate_charges(order_id=ORD-123)" in printed and "refund_charge" not in printed
    assert "CH-9002" in printed.splitlines()[-1] and "payment processor" in printed.splitlines()[-1]


def test_others_are_asked_for_other_things(supervisor):
    printed = ask(supervisor, "Where is order ORD-124?", "I forgot my password", "My lamp is broken")
    assert [line.split("asks   ", 1)[1] for line in printed.splitlines() if "asks   " in line] == [
        "Orders: Where is order ORD-124?", "Support: I forgot my password", "Support: My lamp is broken",
    ]
    assert "in transit" in printed and "the page where you log in" in printed and "off the mains" in printed.splitlines()[-1]


def test_the_calendar_opens_on_the_clients_side(assistant):
    printed = ask(assistant, "Open my calendar for next Monday.", TODAY="2026-04-25")
    assert "runs here: open_calendar(date=2026-04-27)" in printed and "April 2026" in printed
    assert "09:30 dentist" in printed.splitlines()[-1]
    # Weekends are free; each question is its own.
    assert "dentist" not in ask(assistant, "Please open the calendar for tomorrow", TODAY="2026-04-25").splitlines()[-1]


def test_collaborators_follow_the_template(supervisor):
    control = supervisor.control()

    def known():
        listed = control.list_agent_collaborators(agentId="front-desk", agentVersion="DRAFT")["agentCollaboratorSummaries"]
        return {one["collaboratorName"]: one["collaborationInstruction"] for one in listed}

    assert set(known()) == {"Orders", "Billing", "Support"}
    template = supervisor.example / "template.yaml"
    text = template.read_text()
    support = text[text.index("        - CollaboratorName: Support"):text.index("\n\n  FrontDeskAlias")]
    template.write_text(text.replace(support, "").replace("Orders, what is in them", "All orders, what is in them"))
    eventually(lambda: set(known()) == {"Orders", "Billing"} and known()["Orders"].startswith("All orders"), seconds=60)
    # Nobody is asked who is not there.
    assert "asks   Support" not in eventually(lambda: ask(supervisor, "I forgot my password"))
