"""When an order becomes a document by itself: the rules, the delay, what is skipped and held."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing.cases import START, Life
from ordermill.invoicing import process
from ordermill.model.codes import code_of
from ordermill.model.integration import Rules, Skip
from ordermill.model.order import Address, Customer, Order
from orders import a_refund, an_item, an_order, changed

UNPAID: dict[str, Any] = {"paid": False, "paid_at": None, "payment_status": "unpaid"}
BANK = {**UNPAID, "payment_gateway": "bacs"}
DONE = {"fulfilled": True, "fulfilled_at": START}
COMPLETE = {**DONE, "complete": True}
STALLED = {**UNPAID, "metadata": {"stalled": "payment failed"}}


def on(trigger: str, **other: Any) -> Rules:
    return Rules(auto_process=True, auto_process_on=trigger, **other)


ROWS: list[tuple[str, Rules, dict[str, Any], str]] = [
    ("switched off", Rules(auto_process=False), COMPLETE, "pending"),
    ("created, prepaid", on("created"), {}, "invoiced"),
    ("created, unpaid card", on("created"), UNPAID, "invoiced"),
    ("created, unpaid transfer", on("created"), BANK, "estimated"),
    ("created, paid transfer", on("created"), {"payment_gateway": "bacs"}, "invoiced"),
    ("created, unpaid transfer, invoiced all the same",
     on("created", issue_invoice_for_bank=True), BANK, "invoiced"),
    ("created, transfer by the default type",
     on("created", default_payment_type="bank_transfer"),
     {**UNPAID, "payment_gateway": "house account"}, "estimated"),
    ("created, but the shop waits", on("created"), STALLED, "pending"),
    ("created, transfer, but the shop waits", on("created"),
     {**STALLED, "payment_gateway": "bacs"}, "pending"),
    ("paid", on("paid"), {}, "invoiced"),
    ("unpaid", on("paid"), UNPAID, "pending"),
    ("partially paid is not paid", on("paid"),
     {**UNPAID, "payment_status": "partially_paid"}, "pending"),
    ("fulfilled", on("fulfilled"), {**UNPAID, **DONE}, "invoiced"),
    ("paid, not fulfilled", on("fulfilled"), {}, "pending"),
    ("on complete, paid only", on("paid", issue_invoice_on_complete=True), {}, "pending"),
    ("on complete", on("paid", issue_invoice_on_complete=True), COMPLETE, "invoiced"),
    ("on complete, fulfilled only", on("fulfilled", issue_invoice_on_complete=True), DONE,
     "pending"),
    ("on complete, unpaid transfer", on("created", issue_invoice_on_complete=True), BANK,
     "estimated"),
    ("on complete, complete although unpaid",
     on("created", issue_invoice_on_complete=True), {**BANK, **COMPLETE}, "invoiced"),
    ("cancelled in the shop", on("created"), {"cancelled": True}, "cancelled"),
    ("cancelled in the shop, switched off", Rules(), {"cancelled": True}, "cancelled"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "values", "status"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
def test_what_the_rules_make_of_an_order(rules: Rules, values: dict[str, Any], status: str) -> None:
    assert Life(an_order(**values), rules).tick().case.status == status


def test_an_estimate_becomes_an_invoice_when_it_is_paid() -> None:
    life = Life(an_order(**BANK), on("created")).tick()
    estimate = life.case.estimate
    assert estimate is not None
    assert (life.case.estimate_id, life.case.invoice_id) == (estimate.id, None)
    life.shop_says(an_order(payment_gateway="bacs"))
    (invoice,) = life.invoices
    assert life.case.status == "invoiced"
    assert life.case.estimate_id == estimate.id
    assert invoice.content == estimate.content
    assert life.plans[-1].documents[0].links == (("invoiced_by", estimate.id),)


def test_an_estimate_waits_for_complete_where_the_rules_say_so() -> None:
    life = Life(an_order(**BANK), on("created", issue_invoice_on_complete=True)).tick()
    paid = an_order(payment_gateway="bacs")
    assert life.shop_says(paid).case.status == "estimated"
    assert life.shop_says(changed(paid, **COMPLETE)).case.status == "invoiced"


def test_an_estimate_is_not_sent_twice_nor_invoiced_for_being_placed() -> None:
    life = Life(an_order(**BANK), on("created")).tick()
    life.shop_says(an_order(**BANK, items=(an_item(quantity=5),))).tick(90_000)
    assert [document.kind for document in life.case.documents] == ["estimate"]


def test_an_estimate_of_nothing_is_open_like_any_other() -> None:
    free = an_order(**BANK, items=(an_item(price="0.00"),))
    life = Life(free, on("created", skip=Skip(zero_total=False))).tick()
    assert [(d.kind, d.status) for d in life.case.documents] == [("estimate", "open")]


# The delay


def delayed(seconds: int = 600, **other: Any) -> Rules:
    return on("paid", auto_process_delay_seconds=seconds, **other)


def paid_ago(seconds: float, **other: Any) -> Order:
    return an_order(paid_at=START - timedelta(seconds=seconds), **other)


def test_an_order_waits_its_delay_from_when_it_was_first_seen_not_from_when_it_was_paid() -> None:
    life = Life(paid_ago(5_000), delayed()).tick()
    assert life.case.status == "pending"
    assert life.case.process_after == START + timedelta(seconds=600)
    assert life.tick(599).case.status == "pending"
    assert life.tick(1).case.status == "invoiced"
    assert life.case.process_after is None


def test_the_delay_of_an_order_seen_before_begins_with_its_trigger() -> None:
    life = Life(an_order(**UNPAID), delayed()).tick()
    life.now += timedelta(seconds=1_000)
    life.shop_says(an_order(paid_at=START + timedelta(seconds=700)))
    assert life.case.process_after == START + timedelta(seconds=1_300)


def test_an_edit_begins_the_delay_anew_and_a_note_does_not() -> None:
    life = Life(paid_ago(0), delayed()).tick()
    life.now += timedelta(seconds=400)
    life.shop_says(paid_ago(0, metadata={"note": "thanks"}))
    assert life.case.process_after == START + timedelta(seconds=600)
    life.shop_says(paid_ago(0, items=(an_item(quantity=3),)))
    assert life.case.process_after == START + timedelta(seconds=1_000)
    assert life.tick(599).case.status == "pending"
    assert life.tick(1).case.status == "invoiced"
    assert life.billed == an_item(quantity=3).total_with_tax


def test_however_often_an_order_is_edited_its_delay_ends_after_ten_times_its_length() -> None:
    life = Life(paid_ago(0), delayed()).tick()
    for pieces in range(3, 15):
        assert life.case.status == "pending"
        life.now += timedelta(seconds=500)
        life.shop_says(paid_ago(0, items=(an_item(quantity=pieces),)))
    assert life.case.status == "invoiced"
    assert life.now == START + timedelta(seconds=6_000)


def test_an_order_that_is_no_longer_paid_no_longer_waits() -> None:
    life = Life(paid_ago(0), delayed()).tick()
    life.shop_says(an_order(**UNPAID))
    assert (life.case.process_after, life.case.decide_at) == (None, None)


def test_a_shorter_delay_in_the_rules_counts_at_once() -> None:
    life = Life(paid_ago(0), delayed(6_000)).tick()
    life.given(rules=delayed(60), decide_at=START)
    assert life.tick().case.process_after == START + timedelta(seconds=60)


def test_an_edit_that_mends_a_held_order_begins_the_delay_anew() -> None:
    """Whoever mends an order in the shop may not have saved the last of it."""
    good = paid_ago(0)
    life = Life(changed(good, total_with_tax=Decimal("99.00")), delayed()).tick(600)
    assert code_of(life.case.error) == "order_totals_mismatch"
    life.now += timedelta(days=3)
    life.shop_says(changed(good, items=(an_item(quantity=1),), **totals(an_item(quantity=1))))
    assert (life.case.status, life.case.error) == ("pending", None)
    assert life.case.process_after == life.now + timedelta(seconds=600)
    assert life.tick(600).case.status == "invoiced"


def totals(*items: Any) -> dict[str, Any]:
    made = an_order(items=items)
    names = ("total", "total_tax", "total_with_tax", "owed", "owed_tax", "taxes")
    return {name: getattr(made, name) for name in names}


# Skips

FREE = an_order(items=(an_item(price="0.00"),))
SKIPS: list[tuple[str, Order, Skip]] = [
    ("test_order", an_order(test=True), Skip()),
    ("zero_total", FREE, Skip()),
    ("gateway_excluded", an_order(payment_gateway="Bogus"), Skip(gateways=("bogus",))),
    ("tag_excluded", an_order(tags=("B2B", "wholesale")), Skip(tags=("Wholesale",))),
    ("before_import_from", an_order(ordered_at=START - timedelta(days=900)), Skip()),
    ("refunded_before_invoice",
     an_order(owed=Decimal("0.00"), refunds=(a_refund(amount="24.40"),)), Skip()),
]  # fmt: skip


@pytest.mark.parametrize(("code", "order", "skip"), SKIPS, ids=[s[0] for s in SKIPS])
def test_what_is_never_invoiced_by_itself_says_why_once(
    code: str, order: Order, skip: Skip
) -> None:
    life = Life(order, on("paid", skip=skip)).given(import_cutoff=START - timedelta(days=30)).tick()
    assert life.case.status == "skipped"
    assert code_of(life.case.error) == code
    life.shop_says(changed(order, metadata={"note": "again"}))
    assert life.said("order.skipped") == [life.case.error]


@pytest.mark.parametrize(("order", "skip"), [
    (an_order(test=True), Skip(test_orders=False)),
    (FREE, Skip(zero_total=False)),
    (an_order(payment_gateway="stripe"), Skip(gateways=("bogus",))),
    (an_order(tags=("B2B",)), Skip(tags=("wholesale",))),
])  # fmt: skip
def test_what_no_rule_skips_is_invoiced(order: Order, skip: Skip) -> None:
    assert Life(order, on("paid", skip=skip)).tick().case.status == "invoiced"


def test_an_order_without_lines_is_skipped_whatever_the_rules_say() -> None:
    empty = changed(FREE, items=())
    life = Life(empty, on("paid", skip=Skip(zero_total=False))).tick()
    assert code_of(life.case.error) == "zero_total"


def test_a_skipped_order_that_no_longer_is_goes_on() -> None:
    life = Life(an_order(tags=("wholesale",)), on("paid", skip=Skip(tags=("wholesale",)))).tick()
    assert life.shop_says(an_order()).case.status == "invoiced"


def test_a_skipped_order_is_skipped_also_where_nothing_is_processed_by_itself() -> None:
    assert Life(an_order(test=True), Rules()).tick().case.status == "skipped"


# Holds


def business(country: str, number: str | None = None, **other: Any) -> dict[str, Any]:
    """A company that was charged no tax."""
    item = an_item(taxes=(), total_with_tax=Decimal("20.00"), tax_rate=None)
    given: dict[str, Any] = {
        "items": (item,), "taxes": (), "billing_address": Address(country_code=country),
        "customer": Customer(is_business=True, company_name="Müller GmbH", tax_number=number),
    }  # fmt: skip
    return given | other


HOLDS: list[tuple[str, str | None, dict[str, Any]]] = [
    ("nothing is wrong", None, {}),
    ("a cent a line", None, {"total_with_tax": Decimal("24.41"), "owed": Decimal("24.41")}),
    ("more than a cent a line", "order_totals_mismatch",
     {"total_with_tax": Decimal("24.42"), "owed": Decimal("24.42")}),
    ("less than nothing", "order_totals_mismatch", dict(
        items=(an_item(price="-10.00"),), **totals(an_item(price="-10.00")))),
    ("a business elsewhere in the union without its number", "buyer_data_missing", business("DE")),
    ("with its number", None, business("DE", "DE123456789")),
    ("at home", None, business("SI")),
    ("outside the union", None, business("CH")),
    ("Greece by its other name", "buyer_data_missing", business("EL")),
    ("a business without a name", "buyer_data_missing", business(
        "SI", customer=Customer(is_business=True), customer_name=None)),
    ("nobody's name at all", None, {"customer_name": None, "customer_email": None}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "values"), [h[1:] for h in HOLDS], ids=[h[0] for h in HOLDS])
def test_what_may_not_be_invoiced_is_held_with_a_code(
    code: str | None, values: dict[str, Any]
) -> None:
    life = Life(an_order(**values), on("paid")).tick()
    assert code_of(life.case.error) == code
    assert life.case.status == ("invoiced" if code is None else "failed")
    assert len(life.case.documents) == (1 if code is None else 0)
    assert life.said("order.held") == ([] if code is None else [life.case.error])


def test_a_held_order_is_invoiced_once_its_cause_is_gone() -> None:
    life = Life(an_order(**business("DE")), on("paid")).tick()
    assert life.shop_says(an_order(**business("DE", "DE123456789"))).case.status == "invoiced"
    assert life.case.error is None


@pytest.mark.parametrize("rules", [Rules(), on("paid"), on("fulfilled")])
def test_a_refusal_stays_said_until_its_cause_is_gone(rules: Rules) -> None:
    """A note, or another tick, does not make the sums right."""
    wrong = an_order(total_with_tax=Decimal("99.00"))
    life = Life(wrong, rules).tick()
    life.do(process.by_hand, actor="backoffice")
    said = life.case.error
    assert code_of(said) == "order_totals_mismatch"
    life.shop_says(changed(wrong, metadata={"note": "why?"}))
    assert (life.case.status, life.case.error) == ("failed", said)
    life.shop_says(an_order())
    assert (life.case.status != "failed", life.case.error) == (True, None)


def test_a_line_that_was_refunded_and_then_edited_below_that_is_held() -> None:
    """Measured in a real shop: 59.97 refunded of a line that is now 19.99."""
    taken = an_item(quantity=3, price="10.00")
    refund = a_refund(amount=str(taken.total_with_tax), items=(taken,))
    now = an_order(items=(an_item(quantity=1, price="10.00"),))
    order = changed(now, owed=now.total_with_tax - refund.amount, refunds=(refund,))
    life = Life(order, on("paid")).tick()
    assert code_of(life.case.error) == "refund_below_line"
    assert "line 1 " in str(life.case.error)


def test_pieces_refunded_one_by_one_may_round_to_a_cent_each_more() -> None:
    line = an_item(price="3.333333", quantity=3, total=Decimal("10.00"), taxes=(),
                   total_with_tax=Decimal("10.00"))  # fmt: skip
    piece = an_item(price="3.34", quantity=1, total=Decimal("3.34"), taxes=(),
                    total_with_tax=Decimal("3.34"))  # fmt: skip
    other = an_item("Pen", source_id="2")
    refunds = tuple(a_refund(f"r{at}", "3.34", items=(piece,)) for at in range(3))
    whole = an_order(items=(line, other))
    order = changed(whole, refunds=refunds, owed=whole.total_with_tax - Decimal("10.02"))
    life = Life(order, on("paid")).tick()
    assert life.case.error is None
    assert life.billed == order.owed


def test_a_negative_line_of_the_order_itself_is_no_refund() -> None:
    back = an_item("Voucher", "-2.00", 1, source_id="2")
    assert Life(an_order(items=(an_item(), back)), on("paid")).tick().case.status == "invoiced"


def test_a_manual_order_waits_for_a_call_whatever_the_rules_say() -> None:
    assert Life(an_order(), on("created"), source="manual").tick().case.status == "pending"


def test_a_rule_may_be_changed_while_an_order_waits() -> None:
    rules = on("paid")
    life = Life(an_order(**UNPAID), rules).tick()
    life.given(rules=replace(rules, auto_process_on="created"), decide_at=life.now)
    assert life.tick().case.status == "invoiced"
