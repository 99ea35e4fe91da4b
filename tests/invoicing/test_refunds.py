"""Refunds: each becomes one credit note, once, or is left out of an invoice that comes later."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from invoicing.cases import EAGER, Life
from invoicing.proved import findings
from ordermill.errors import WrongState
from ordermill.invoicing import process, reissue
from ordermill.model.books import held
from ordermill.model.codes import code_of
from ordermill.model.integration import Rules
from ordermill.model.order import Item, ItemKind, ItemTax, Order, Refund, Transaction
from orders import AT, a_refund, an_item, an_order, changed

D = Decimal
FREIGHT = an_item("Post", "5.00", 1, source_id="9", kind=ItemKind.SHIPPING)
WOO = an_order(items=(an_item(quantity=5), FREIGHT))  # 61.00 + 6.10


def refunded(*refunds: Refund, order: Order = WOO, **other: Any) -> Order:
    """As WooCommerce shows it: the order as it was, the refunds beside it."""
    back = sum((refund.amount for refund in refunds), D(0))
    said = all(refund.total_tax is not None for refund in refunds)
    tax = order.total_tax - sum((r.total_tax or D(0) for r in refunds), D(0)) if said else None
    owed = order.total_with_tax - back
    return changed(order, refunds=refunds, owed=owed, owed_tax=tax if owed else D(0), **other)


def of_lines(source_id: str, *items: Item, **other: Any) -> Refund:
    amount = sum((item.total_with_tax for item in items), D(0))
    tax = amount - sum((item.total for item in items), D(0))
    return a_refund(source_id, str(amount), items=items, total_tax=tax, **other)


def invoiced(order: Order = WOO, rules: Rules = EAGER) -> Life:
    life = Life(order, rules).tick()
    assert life.case.status == "invoiced"
    return life


def settled(life: Life) -> None:
    """Invoices minus credit notes are what is owed, and `verify` finds nothing."""
    assert life.billed == life.owed
    assert findings(life) == []


ONE = an_item(quantity=1)


def test_a_refund_of_lines_is_a_credit_note_over_exactly_those_lines() -> None:
    life = invoiced().shop_says(refunded(of_lines("r1", ONE, FREIGHT, reason="Broken")))
    (note,) = life.credit_notes
    assert [(i.source_id, i.quantity, i.total_with_tax) for i in note.content.items] == [
        ("1", 1, D("12.20")), ("9", 1, D("6.10")),
    ]  # fmt: skip
    assert (note.content.total_with_tax, note.content.total_tax) == (D("18.30"), D("3.30"))
    assert (note.credits, note.refund_id) == (life.invoices[0].id, "r1")
    assert life.plans[-1].documents[0].reason == "Broken"
    assert not life.case.items_changed
    settled(life)


def test_a_refund_is_credited_once_however_often_it_is_seen() -> None:
    told = refunded(of_lines("r1", ONE))
    life = invoiced()
    for note in range(3):
        life.shop_says(changed(told, metadata={"note": note}))
    assert len(life.credit_notes) == 1
    assert len(life.said("order.refunded")) == 1


def test_several_refunds_are_several_credit_notes_up_to_all() -> None:
    refunds = [of_lines(f"r{at}", ONE) for at in range(5)] + [of_lines("r9", FREIGHT)]
    life = invoiced()
    for count in range(1, len(refunds) + 1):
        life.shop_says(refunded(*refunds[:count]))
        settled(life)
    assert len(life.credit_notes) == 6
    assert life.invoices[0].status == "credited"
    assert life.billed == life.billed_tax == 0


def test_an_amount_without_lines_is_split_over_the_rates_by_what_remains() -> None:
    reduced = an_item("Book", "10.00", 1, source_id="2", tax_rate=D("9.5"), taxes=())
    book = replace(reduced, total_with_tax=D("10.95"), taxes=(
        replace(an_item().taxes[0], rate=D("9.5"), tax=D("0.95")),))  # fmt: skip
    life = invoiced(an_order(items=(an_item(quantity=5), book), taxes=()))
    life.shop_says(refunded(a_refund(amount="10.00"), order=life.case.order))
    (note,) = life.credit_notes
    assert [(str(i.kind), str(i.total_with_tax), str(i.tax_rate)) for i in note.content.items] == [
        ("adjustment", "8.48", "22"), ("adjustment", "1.52", "9.5"),
    ]  # fmt: skip
    assert [str(tax.tax) for tax in note.content.taxes] == ["1.53", "0.13"]
    settled(life)


def test_lines_that_say_less_than_the_amount_are_joined_by_an_adjustment() -> None:
    """Measured: lines of 1.00, an amount of 3.00."""
    life = invoiced().shop_says(refunded(a_refund(amount="15.00", items=(ONE,))))
    (note,) = life.credit_notes
    assert [(str(i.kind), str(i.total_with_tax)) for i in note.content.items] == [
        ("line_item", "12.20"), ("adjustment", "2.80"),
    ]  # fmt: skip
    settled(life)


def test_a_full_refund_credits_the_remainder_and_the_order_stays_invoiced() -> None:
    life = invoiced().shop_says(refunded(of_lines("r1", ONE)))
    rest = a_refund("r2", "54.90", reason="Order fully refunded.")
    life.shop_says(refunded(of_lines("r1", ONE), rest, refunded=True))
    assert [note.content.total_with_tax for note in life.credit_notes] == [D("12.20"), D("54.90")]
    assert (life.case.status, life.invoices[0].status) == ("invoiced", "credited")
    assert life.case.invoice_id == life.invoices[0].id
    settled(life)


def test_a_refund_above_what_can_be_credited_is_capped_and_says_so() -> None:
    life = invoiced().shop_says(refunded(a_refund(amount="80.00")))
    (note,) = life.credit_notes
    assert note.content.total_with_tax == D("67.10")
    assert life.said("order.refunded") == ["refunded 80.00, of which 67.10 could still be credited"]
    assert (life.billed, life.case.error) == (0, None)


def test_a_refund_when_nothing_can_be_credited_any_more_makes_no_document() -> None:
    life = invoiced().shop_says(refunded(a_refund(amount="67.10")))
    life.shop_says(refunded(a_refund(amount="67.10"), a_refund("r2", "5.00")))
    assert len(life.credit_notes) == 1
    assert life.said("order.refunded")[-1] == "refunded 5.00, of which 0 could still be credited"
    assert all(known.settled_by for known in life.case.refunds)


def test_a_refund_without_an_amount_makes_no_credit_note() -> None:
    blank = a_refund(amount="0.00", items=(replace(ONE, total=D(0), total_with_tax=D(0)),))
    life = invoiced().shop_says(refunded(blank))
    assert (len(life.case.documents), life.case.items_changed) == (1, False)


def test_a_pending_refund_waits_and_is_no_change_of_the_items() -> None:
    """Shopify's current total falls at once, the money later."""
    less = an_order(items=(an_item(quantity=4), FREIGHT))
    pending = of_lines("r1", ONE, pending=True)
    life = Life(WOO, EAGER, "shopify").tick().shop_says(changed(less, refunds=(pending,)))
    life.tick(90_000)
    assert (len(life.case.documents), life.case.items_changed) == (1, False)
    life.shop_says(changed(less, refunds=(replace(pending, pending=False),)))
    assert [note.refund_id for note in life.credit_notes] == ["r1"]
    settled(life)


def test_an_edit_waits_for_a_pending_refund_and_is_reissued_after_it() -> None:
    less = an_order(items=(an_item(quantity=4), FREIGHT, an_item("Pen", source_id="2")))
    pending = of_lines("r1", ONE, pending=True)
    life = Life(WOO, EAGER, "shopify").tick().shop_says(changed(less, refunds=(pending,)))
    assert (life.case.items_changed, len(life.case.documents)) == (True, 1)
    life.shop_says(changed(less, refunds=(replace(pending, pending=False),)))
    assert [document.kind for document in life.case.documents] == [
        "invoice", "credit_note", "credit_note", "invoice",
    ]  # fmt: skip
    settled(life)


def test_a_refund_whose_rest_never_comes_is_billed_by_a_call_and_credited_once() -> None:
    """Shopify: a part of it is through, so it is neither to be credited nor failed."""
    less = an_order(items=(an_item(quantity=4), FREIGHT))
    waits = of_lines("r1", ONE, pending=True)
    life = Life(WOO, EAGER, "shopify").tick().shop_says(changed(less, refunds=(waits,)))
    life.do(reissue.by_hand, actor="backoffice")
    assert life.said("order.reissued") == ["quantity, tax changed"]
    assert life.billed == life.owed
    life.tick(90_000).shop_says(changed(less, refunds=(replace(waits, pending=False),)))
    assert [document.kind for document in life.case.documents] == [
        "invoice", "credit_note", "invoice",
    ]  # fmt: skip
    assert life.credit_notes[0].status == "paid"
    settled(life)
    with pytest.raises(WrongState):
        life.do(reissue.by_hand, actor="backoffice")


def test_a_failed_refund_is_none() -> None:
    failed = of_lines("r1", ONE, pending=False)
    life = Life(WOO, EAGER, "shopify").tick()
    life.shop_says(changed(WOO, refunds=(replace(failed, amount=D(0)),)))
    assert len(life.case.documents) == 1


# Before an invoice


def test_what_was_refunded_before_is_not_invoiced() -> None:
    life = invoiced(refunded(of_lines("r1", ONE)))
    (invoice,) = life.invoices
    assert [item.quantity for item in invoice.content.items] == [4, 1]
    assert invoice.content.total_with_tax == D("54.90")
    assert life.credit_notes == []
    assert life.case.refunds[0].settled_by == invoice.id
    assert sum(payment.amount for payment in life.case.payments) == D("54.90")
    life.shop_says(refunded(of_lines("r1", ONE), metadata={"note": "again"}))
    assert len(life.case.documents) == 1
    settled(life)


def test_an_order_first_seen_refunded_in_part_and_paid_in_full_counts_as_paid() -> None:
    life = Life(refunded(of_lines("r1", ONE)), Rules(auto_process=True)).tick()
    assert life.invoices[0].status == "paid"


def test_fully_refunded_before_any_invoice_is_skipped() -> None:
    life = Life(refunded(a_refund(amount="67.10")), EAGER).tick()
    assert (life.case.status, code_of(life.case.error)) == ("skipped", "refunded_before_invoice")
    plan = life.do(process.by_hand, actor="backoffice")
    assert plan.refusal is not None
    assert plan.refusal.code == "refunded_before_invoice"
    assert (life.case.status, life.case.documents) == ("skipped", ())


def test_a_refund_of_an_estimated_order_lessens_its_invoice() -> None:
    unpaid = {"paid": False, "paid_at": None, "payment_gateway": "bacs"}
    life = Life(changed(WOO, **unpaid), Rules(auto_process=True, auto_process_on="created")).tick()
    life.shop_says(refunded(of_lines("r1", ONE), **unpaid))
    life.shop_says(refunded(of_lines("r1", ONE), payment_gateway="bacs"))
    assert [document.kind for document in life.case.documents] == ["estimate", "invoice"]
    settled(life)


# Deleted in the shop


def test_a_deleted_refund_leaves_its_credit_note_and_asks_a_person() -> None:
    life = invoiced().shop_says(refunded(of_lines("r1", ONE))).shop_says(WOO).tick(90_000)
    assert code_of(life.case.error) == "refund_deleted"
    assert life.case.items_changed
    assert len(life.case.documents) == 2
    assert life.said("order.held") == [life.case.error]
    life.do(reissue.by_hand, actor="backoffice")
    assert life.case.error is None
    settled(life)
    life.shop_says(changed(WOO, metadata={"note": "seen"}))
    assert (life.case.error, len(life.invoices)) == (None, 2)


def test_a_refund_that_comes_back_clears_the_review() -> None:
    told = refunded(of_lines("r1", ONE))
    life = invoiced().shop_says(told).shop_says(WOO).shop_says(told)
    assert (life.case.error, life.case.items_changed) == (None, False)
    settled(life)


def test_a_refund_before_the_invoice_that_is_deleted_asks_a_person_too() -> None:
    life = invoiced(refunded(of_lines("r1", ONE))).shop_says(WOO).tick(90_000)
    assert (code_of(life.case.error), len(life.case.documents)) == ("refund_deleted", 1)


def test_refunds_that_a_trashed_order_hides_are_not_deleted() -> None:
    told = refunded(of_lines("r1", ONE))
    life = invoiced().shop_says(told).shop_says(changed(told, deleted=True, refunds=()))
    assert code_of(life.case.error) == "order_gone"
    life.shop_says(told)
    assert life.case.error is None
    settled(life)


# Refunds and edits


def test_an_exchange_is_one_credit_note_and_one_reissue() -> None:
    other = an_order(items=(an_item(quantity=5), FREIGHT, an_item("Pen", source_id="2")))
    life = invoiced().shop_says(refunded(of_lines("r1", ONE), order=other))
    assert [document.kind for document in life.case.documents] == [
        "invoice", "credit_note", "credit_note", "invoice",
    ]  # fmt: skip
    settled(life)


def test_a_refund_is_not_counted_twice_where_the_shops_lines_fall_with_it() -> None:
    """48.00 x 2 less 20 %, one returned: 38.40 stay, never 28.80."""
    two = an_item(price="48.00", discount=D("19.20"), total=D("76.80"), taxes=(),
                  total_with_tax=D("76.80"))  # fmt: skip
    one = replace(two, quantity=D(1), discount=D("9.60"), total=D("38.40"),
                  total_with_tax=D("38.40"))  # fmt: skip
    life = Life(an_order(items=(two,), taxes=()), EAGER, "shopify").tick()
    back = replace(one, discount=D(0), price=D("38.40"))
    life.shop_says(an_order(items=(one,), taxes=(), refunds=(of_lines("r1", back),)))
    assert (life.billed, len(life.credit_notes), len(life.invoices)) == (D("38.40"), 1, 1)
    settled(life)


def test_two_goodwill_refunds_of_a_shop_whose_total_falls_are_no_change_of_the_items() -> None:
    """Its ledger has one adjustment for both; the credit notes have one each."""
    life = Life(WOO, EAGER, "shopify").tick()
    given: list[Refund] = []
    for at, amount in enumerate(("5.00", "3.00")):
        given.append(of_lines(f"r{at}", adjustment(amount)))
        back = adjustment(str(-sum(refund.amount for refund in given)))
        life.shop_says(an_order(items=(*WOO.items, back), refunds=tuple(given)))
    assert [document.kind for document in life.case.documents] == [
        "invoice", "credit_note", "credit_note",
    ]  # fmt: skip
    settled(life)


def adjustment(amount: str) -> Item:
    return an_item("Adjustment", amount, 1, source_id=None, sku=None, taxes=(),
                   kind=ItemKind.ADJUSTMENT, total_with_tax=D(amount))  # fmt: skip


def test_money_given_back_after_a_smaller_order_credits_nothing_again() -> None:
    """Shopify: a line was edited out and reissued; then the buyer gets back what was too much."""
    sale = Transaction(id="t1", kind="sale", status="success", gateway="stripe",
                       amount=WOO.total_with_tax, currency_code="EUR", at=AT)  # fmt: skip
    back = replace(sale, id="t2", kind="refund", amount=D("12.20"))
    less = an_order(items=(an_item(quantity=4), FREIGHT), transactions=(sale,))
    life = Life(changed(WOO, transactions=(sale,)), EAGER, "shopify").tick().shop_says(less)
    old, first = life.invoices[0], life.credit_notes[0]
    assert (first.content.total_with_tax, first.paid, first.status) == (
        old.content.total_with_tax, D("54.90"), "open",
    )  # fmt: skip
    money = a_refund(amount="12.20", total_tax=None)
    life.shop_says(changed(less, refunds=(money,), transactions=(sale, back)))
    assert len(life.case.documents) == 3
    assert life.credit_notes[0].status == "paid"
    payment = life.case.payments[-1]
    assert (payment.key, payment.credit_note_id, payment.amount, payment.reference) == (
        "refund:r1", first.id, D("12.20"), "t2",
    )  # fmt: skip
    settled(life)


def test_a_refund_of_lines_that_a_return_took_off_before_credits_nothing_again() -> None:
    """Shopify: returned and reissued; then the refund names what was returned."""
    less = an_order(items=(an_item(quantity=4), FREIGHT))
    life = Life(WOO, EAGER, "shopify").tick().shop_says(less)
    life.shop_says(changed(less, refunds=(of_lines("r1", ONE),)))
    assert [document.kind for document in life.case.documents] == [
        "invoice", "credit_note", "invoice",
    ]  # fmt: skip
    settled(life)


def test_a_refund_of_lines_that_its_invoice_does_not_have_credits_nothing() -> None:
    """Shopify: returned before the invoice, paid back after it."""
    less = an_order(items=(an_item(quantity=4), FREIGHT))
    life = Life(less, Rules(auto_process=True), "shopify").tick()
    life.shop_says(changed(less, refunds=(of_lines("r1", ONE),)))
    assert life.credit_notes == []
    settled(life)


def test_of_two_refunds_only_the_one_that_is_still_billed_is_credited() -> None:
    less = an_order(items=(an_item(quantity=4), FREIGHT))
    life = Life(WOO, EAGER, "shopify").tick().shop_says(less)
    least = an_order(items=(an_item(quantity=3), FREIGHT))
    life.shop_says(changed(least, refunds=(of_lines("r1", ONE), of_lines("r2", ONE))))
    assert [str(note.content.total_with_tax) for note in life.credit_notes] == ["67.10", "12.20"]
    settled(life)


@pytest.mark.parametrize(
    ("returned", "now", "refund", "credited"),
    [
        (2, an_item(quantity=2), an_item(quantity=3), "12.20"),
        (1, an_item(quantity=6), ONE, "0"),
        (1, an_item(quantity=4, discount=D("4.00"), total=D("36.00"), total_with_tax=D("43.92"),
                    taxes=(ItemTax(rate=D(22), tax=D("7.92")),)), ONE, "4.88"),
        (1, an_item(quantity=4, total_with_tax=D("43.80"), tax_rate=D("9.5"),
                    taxes=(ItemTax(rate=D("9.5"), tax=D("3.80")),)), ONE, "5.00"),
    ],
    ids=["returned in part", "raised since", "discounted since", "taxed anew since"],
)  # fmt: skip
def test_of_lines_returned_before_a_refund_credits_only_what_is_billed_beyond_the_order(
    returned: int, now: Item, refund: Item, credited: str
) -> None:
    """Shopify: a return was reissued; then the refund of it comes, with another change."""
    less = an_order(items=(an_item(quantity=5 - returned), FREIGHT))
    life = Life(WOO, EAGER, "shopify").tick().shop_says(less)
    after = an_order(items=(now, FREIGHT), taxes=(), refunds=(of_lines("r1", refund),))
    life.shop_says(after)
    notes = [n.content.total_with_tax for n in life.credit_notes if n.refund_id == "r1"]
    assert notes == ([D(credited)] if D(credited) else [])
    settled(life)


def test_adjustments_of_two_refunds_that_cancel_out_are_both_credited() -> None:
    """Shopify: 5.00 for goodwill, then all lines, which pays back only what is left."""
    life = Life(WOO, EAGER, "shopify").tick()
    given = of_lines("r1", adjustment("5.00"))
    rest = of_lines("r2", *WOO.items, adjustment("-5.00"))
    life.shop_says(an_order(items=(), taxes=(), refunds=(given, rest)))
    assert [str(note.content.total_with_tax) for note in life.credit_notes] == ["5.00", "62.10"]
    settled(life)


def test_money_that_went_back_and_came_again_did_not_come_where_no_credit_note_owes_it() -> None:
    """Shopify: one is returned and paid back, and bought again and paid, between two readings."""
    came = Transaction(id="t1", kind="sale", status="success", gateway="stripe",
                       amount=WOO.total_with_tax, currency_code="EUR", at=AT)  # fmt: skip
    gave = replace(came, id="t2", kind="refund", amount=D("5.00"))
    less = (*WOO.items, adjustment("-5.00"))
    given = of_lines("r1", adjustment("5.00"))
    life = Life(changed(WOO, transactions=(came,)), EAGER, "shopify").tick()
    life.shop_says(an_order(items=less, refunds=(given,), transactions=(came, gave)))
    back = replace(gave, id="t3", amount=D("12.20"))
    again = replace(came, id="t4", amount=D("12.20"))
    life.shop_says(an_order(items=less, refunds=(given, of_lines("r2", ONE)),
                            transactions=(came, gave, back, again)))  # fmt: skip
    assert [note.refund_id for note in life.credit_notes] == ["r1"]
    assert held(life.case) == life.billed
    settled(life)


def test_money_of_a_line_that_nobody_paid_is_missing_where_it_went_back() -> None:
    """Shopify: a line is added to a paid order and refunded, out of what was paid, between two
    readings: the order is the same, and less of it is paid."""
    came = Transaction(id="t1", kind="sale", status="success", gateway="stripe",
                       amount=WOO.total_with_tax, currency_code="EUR", at=AT)  # fmt: skip
    back = replace(came, id="t2", kind="refund", amount=D("12.20"))
    added = an_item("Cup", source_id="9", quantity=1)
    life = Life(changed(WOO, transactions=(came,)), EAGER, "shopify").tick()
    life.shop_says(changed(WOO, refunds=(of_lines("r1", added),), transactions=(came, back)))
    assert held(life.case) == WOO.total_with_tax - D("12.20")
    assert life.billed == life.owed
    assert life.case.invoice.status == "open"
    settled(life)


def test_money_given_back_before_the_smaller_order_is_reissued_becomes_a_credit_note() -> None:
    """Both within the settle time: the refund is credited, the items follow by a reissue."""
    life = Life(WOO, Rules(auto_process=True, auto_reissue_on_update=True), "shopify").tick()
    less = an_order(items=(an_item(quantity=4), FREIGHT), refunds=(a_refund(amount="12.20"),))
    life.shop_says(less).tick(600)
    assert [str(note.content.total_with_tax) for note in life.credit_notes] == ["12.20", "54.90"]
    settled(life)


def rounded_up() -> Order:
    """A cent more than its lines, as a shop writes that rounds tax at the subtotal."""
    return changed(WOO, total_with_tax=D("67.11"), owed=D("67.11"), total=D("55.01"))


def test_an_order_whose_lines_were_all_refunded_has_only_its_rounding_left_to_invoice() -> None:
    life = Life(refunded(of_lines("r1", *WOO.items), order=rounded_up())).tick()
    assert (life.case.status, code_of(life.case.error)) == ("skipped", "refunded_before_invoice")
    assert life.case.documents == ()


def test_the_rounding_that_refunds_of_all_lines_left_is_credited_alone() -> None:
    back = of_lines("r1", *WOO.items)
    life = invoiced(rounded_up()).shop_says(refunded(back, order=rounded_up()))
    assert life.billed == D("0.01")
    settled(life)
    new = an_item("Plate", "10.00", 1, source_id="5")
    more = changed(rounded_up(), items=(*WOO.items, new), total_with_tax=D("79.31"),
                   total=D("65.01"), total_tax=D("14.30"))  # fmt: skip
    life.shop_says(refunded(back, order=more))
    assert [note.content.total_with_tax for note in life.credit_notes] == [D("67.10"), D("0.01")]
    settled(life)
