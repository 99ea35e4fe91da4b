"""Orders recorded from real WooCommerce shops: invoiced as the shop has them, or held.

Whether an order is consistent in itself is judged here from the shop's own JSON, not by ordermill.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace as with_rules
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from invoicing.cases import EAGER, Life
from invoicing.proved import findings
from ordermill.model.codes import code_of
from ordermill.model.integration import Skip
from ordermill.model.money import minor_units, money
from ordermill.model.order import Order
from ordermill_woocommerce.normalize import normalize
from woocommerce.shops import lines, raw_of, recorded_orders, recorded_refunds

D = Decimal
Document = dict[str, Any]
RULES = with_rules(EAGER, skip=Skip(test_orders=False, zero_total=False))
REFUNDS = recorded_refunds()
ORDERS = {id_: order for id_, order in recorded_orders().items()
          if order["status"] != "checkout-draft"}  # fmt: skip
STEPS = [step for step in lines("timeline.jsonl") if step["status"] == 200]


def order_of(document: Document, refunds: list[Document] | None = None) -> Order:
    return normalize(raw_of(document, refunds))


def charged(document: Document) -> Iterator[Document]:
    yield from document["line_items"] + document["shipping_lines"] + document["fee_lines"]


def consistent(document: Document) -> bool:
    """Whether nets and the tax it names make up its total, by a cent a line."""
    nets = sum((D(line["total"]) for line in charged(document)), D(0))
    named = sum((D(tax["tax_total"]) + D(tax["shipping_tax_total"])
                 for tax in document["tax_lines"]), D(0))  # fmt: skip
    by_line = sum((D(line["total_tax"]) for line in charged(document)), D(0))
    tax = named if named == D(document["total_tax"]) else by_line
    off = D(document["total"]) - nets - tax
    return abs(off) <= D("0.01") * len(list(charged(document)))


def rates(document: Document) -> dict[int, Decimal]:
    """The platform's tax per rate id: by its tax lines, where they add up to its tax; else by the
    lines."""
    named = {tax["rate_id"]: D(tax["tax_total"]) + D(tax["shipping_tax_total"])
             for tax in document["tax_lines"]}  # fmt: skip
    if sum(named.values(), D(0)) == D(document["total_tax"]):
        return named
    sums: dict[int, Decimal] = {}
    for line in charged(document):
        applying = [tax for tax in line["taxes"] if tax["total"]]
        for tax in applying:
            amount = D(line["total_tax"]) if len(applying) == 1 else D(str(tax["total"]))
            sums[tax["id"]] = sums.get(tax["id"], D(0)) + amount
    return sums


def in_units(amount: Decimal, code: str) -> Decimal:
    return amount.quantize(D(1).scaleb(-minor_units(code)), ROUND_HALF_UP)


@pytest.mark.parametrize("id_", ORDERS)
def test_a_recorded_order_is_invoiced_to_the_cent_or_held(id_: int) -> None:
    document, refunds = ORDERS[id_], REFUNDS.get(id_, [])
    code = document["currency"]
    plain = {**document, "refunds": []}
    life = Life(order_of(plain, []), RULES).tick()
    if document["status"] in ("cancelled", "failed"):
        assert life.case.documents == ()
        return
    if not document["line_items"] and not D(document["total"]):
        assert code_of(life.case.error) == "zero_total"
        return
    assert consistent(document), "the timeline has those that are not"
    (invoice,) = [document.content for document in life.invoices]
    assert invoice.total_with_tax == in_units(D(document["total"]), code)
    _taxes_are_the_platforms(life, document)
    assert findings(life) == []
    life.shop_says(order_of(document, refunds))
    _refunds_are_credited(life, document, refunds)


def _taxes_are_the_platforms(life: Life, document: Document) -> None:
    """Per rate, in the currency's minor units; of a shop that counts finer, to the unit."""
    (invoice,) = [document.content for document in life.invoices]
    code, wanted = document["currency"], rates(document)
    unit = D(1).scaleb(-minor_units(code))
    fine = any(amount != in_units(amount, code) for amount in wanted.values())
    found = [tax.tax for tax in invoice.taxes if tax.tax]
    expected = [in_units(amount, code) for amount in wanted.values() if in_units(amount, code)]
    assert len(found) == len(expected)
    for tax, amount in zip(sorted(found), sorted(expected), strict=True):
        assert abs(tax - amount) <= (unit if fine else 0)


def _refunds_are_credited(life: Life, document: Document, refunds: list[Document]) -> None:
    """Each with an amount once, to the cent; together what the shop says is left."""
    code = document["currency"]
    amounts = [D(refund["amount"] or 0) for refund in refunds]
    wanted = sorted(in_units(amount, code) for amount in amounts if amount)
    unit = D(1).scaleb(-minor_units(code))
    notes = sorted(note.content.total_with_tax for note in life.credit_notes)
    assert len(notes) == len(wanted)
    for note, amount in zip(notes, wanted, strict=True):
        exact = all(amount == in_units(amount, code) for amount in amounts)
        assert abs(note - amount) <= (0 if exact else unit)
    owed = D(document["total"]) - sum(amounts, D(0))
    assert life.billed == in_units(owed, code)
    assert len(life.invoices) == 1, "a refund is no change of the items"
    assert findings(life) == []


def test_the_recording_has_what_it_is_kept_for() -> None:
    assert len(ORDERS) == 124
    assert sum(len(refunds) for refunds in REFUNDS.values()) >= 10
    assert {"EUR", "JPY", "KWD"} <= {order["currency"] for order in ORDERS.values()}


def _timelines() -> dict[int, list[Document]]:
    found: dict[int, list[Document]] = {}
    for step in STEPS:
        found.setdefault(step["order"]["id"], []).append(step)
    return found


@pytest.mark.parametrize(("id_", "steps"), _timelines().items(), ids=str)
def test_a_recorded_life_is_billed_step_by_step_or_held(id_: int, steps: list[Document]) -> None:
    """After every recorded change: what is billed is what the shop says, or the order has a code.

    A day passes between changes, so that neither the settle time nor the daily cap hides one.
    """
    life: Life | None = None
    for step in steps:
        order = order_of(step["order"], step["refunds"] or [])
        if life is None:
            life = Life(order, RULES).tick()
        else:
            life.tick(90_000).shop_says(order)
        _holds(life, step)
    assert life is not None


def _holds(life: Life, step: Document) -> None:
    case, document = life.case, step["order"]
    where = f"{step['case']}, {step['step']}"
    assert findings(life) == [], where
    if case.deleted_by is not None or case.order.cancelled:
        return
    if not consistent(document):
        assert code_of(case.error) == "order_totals_mismatch", where
        return
    if case.invoice is None or case.error is not None:
        assert case.status in ("pending", "skipped", "cancelled") or code_of(case.error), where
        return
    assert life.billed == max(D(0), money(case.order.owed, case.order.currency_code)), where


def test_a_line_that_was_saved_without_a_recalculation_is_held() -> None:
    """Order 244: the line says 60.00, total and tax are those of before."""
    saved = [step for step in STEPS if step["status"] == 200 and not consistent(step["order"])]
    assert {step["order"]["id"] for step in saved} == {244}
    life = Life(order_of(saved[0]["order"], []), RULES).tick()
    assert (life.case.status, code_of(life.case.error)) == ("failed", "order_totals_mismatch")
    assert life.case.documents == ()


def test_a_second_look_at_recorded_orders_issues_nothing() -> None:
    for id_, document in ORDERS.items():
        refunds = REFUNDS.get(id_, [])
        life = Life(order_of(document, refunds), RULES).tick()
        before = len(life.case.documents)
        moved = {**document, "date_modified_gmt": "2026-11-24T08:00:00", "customer_note": "hm"}
        life.shop_says(order_of(moved, refunds)).tick(90_000)
        assert len(life.case.documents) == before, id_
