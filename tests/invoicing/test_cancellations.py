"""Cancelled in the shop, before and after the invoice; trashed, vanished and restored."""

from __future__ import annotations

from dataclasses import replace as with_rules
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from invoicing.cases import EAGER, Life
from invoicing.proved import findings
from ordermill.errors import WrongState
from ordermill.invoicing import cancel, process, reissue
from ordermill.model.codes import code_of
from ordermill.model.integration import Rules
from ordermill.model.order import Order
from orders import a_refund, an_item, an_order, changed

D = Decimal
HOUR = 3_600
UNPAID: dict[str, Any] = {"paid": False, "paid_at": None, "payment_status": "unpaid"}
PAID, OPEN = an_order(), an_order(**UNPAID)
REVIEW = with_rules(EAGER, on_cancel_after_invoice="review")
IGNORE = with_rules(EAGER, on_cancel_after_invoice="ignore")


def cancelled(order: Order, **other: Any) -> Order:
    return changed(order, cancelled=True, **other)


def refunded(order: Order, amount: str = "24.40", **other: Any) -> Order:
    owed = order.total_with_tax - D(amount)
    return changed(order, refunds=(a_refund(amount=amount),), owed=owed,
                   owed_tax=None if owed else D(0), refunded=not owed, **other)  # fmt: skip


def invoiced(order: Order, rules: Rules = EAGER) -> Life:
    life = Life(order, rules).tick()
    assert life.case.status == "invoiced"
    return life


# Before an invoice


def test_an_order_cancelled_in_the_shop_before_its_invoice_is_cancelled_for_good() -> None:
    life = Life(OPEN, Rules(auto_process=True)).tick().shop_says(cancelled(OPEN))
    assert life.case.status == "cancelled"
    assert life.said("order.cancelled") == ["cancelled in the shop"]
    life.shop_says(cancelled(PAID)).tick(90_000)
    assert (life.case.documents, len(life.events)) == ((), 1)


def test_one_that_the_shop_opens_again_goes_on() -> None:
    life = Life(OPEN, Rules(auto_process=True)).tick().shop_says(cancelled(OPEN)).shop_says(OPEN)
    assert life.case.status == "pending"
    assert life.said("order.updated") == ["opened again in the shop"]
    assert life.shop_says(PAID).case.status == "invoiced"


def test_an_estimate_is_good_again_when_the_shop_opens_its_order_again() -> None:
    bank = changed(OPEN, payment_gateway="bacs")
    life = Life(bank, Rules(auto_process=True, auto_process_on="created")).tick()
    assert life.shop_says(cancelled(bank)).case.status == "cancelled"
    assert life.shop_says(bank).case.status == "estimated"
    life.shop_says(changed(PAID, payment_gateway="bacs"))
    assert [document.kind for document in life.case.documents] == ["estimate", "invoice"]


def test_a_person_s_cancellation_is_not_undone_by_the_shop() -> None:
    life = Life(OPEN, Rules(auto_process=True)).tick()
    life.do(cancel.by_hand, actor="backoffice")
    life.shop_says(PAID).tick(90_000)
    assert (life.case.status, life.case.documents) == ("cancelled", ())


# After it: policy credit


def test_unpaid_is_credited_at_once_and_the_order_stays_invoiced() -> None:
    life = invoiced(OPEN).shop_says(cancelled(OPEN))
    (note,) = life.credit_notes
    assert (note.content, note.customer) == (
        life.invoices[0].content, life.invoices[0].customer,
    )  # fmt: skip
    assert (life.case.status, life.case.error, life.billed) == ("invoiced", None, 0)
    assert [document.status for document in life.case.documents] == ["credited", "paid"]
    assert findings(life) == []
    life.shop_says(cancelled(OPEN, metadata={"note": "again"})).tick(90_000)
    assert len(life.case.documents) == 2
    assert len(life.said("order.cancelled")) == 1


def test_refunded_in_full_is_credited_by_its_refund() -> None:
    life = invoiced(PAID).shop_says(refunded(PAID, cancelled=True))
    assert [note.refund_id for note in life.credit_notes] == ["r1"]
    assert (life.billed, life.case.error) == (0, None)
    assert findings(life) == []


def test_paid_and_not_refunded_waits_a_day_for_the_refund_then_a_person_must_look() -> None:
    life = invoiced(PAID).shop_says(cancelled(PAID)).tick(23 * HOUR)
    assert (len(life.case.documents), life.case.error) == (1, None)
    life.tick(HOUR)
    assert code_of(life.case.error) == "cancelled_not_refunded"
    assert life.said("order.held") == [life.case.error]
    assert (life.case.decide_at, len(life.case.documents)) == (None, 1)
    life.shop_says(cancelled(PAID, metadata={"note": "again"}))
    assert len(life.said("order.held")) == 1


@pytest.mark.parametrize("hours", [1, 30])
def test_the_refund_that_comes_is_credited_and_clears_the_review(hours: int) -> None:
    life = invoiced(PAID).shop_says(cancelled(PAID)).tick(hours * HOUR)
    life.shop_says(refunded(PAID, cancelled=True)).tick(90_000)
    assert (life.billed, life.case.error, len(life.credit_notes)) == (0, None, 1)
    assert findings(life) == []


def test_what_is_kept_as_a_fee_is_a_person_s_to_look_at() -> None:
    life = invoiced(PAID).shop_says(refunded(PAID, "20.00", cancelled=True)).tick(25 * HOUR)
    assert (life.billed, code_of(life.case.error)) == (D("4.40"), "cancelled_not_refunded")


def test_a_fee_that_is_written_into_the_order_may_be_invoiced_by_a_call() -> None:
    fee = an_order(items=(an_item("Fee", "5.00", 1),))
    life = invoiced(PAID).shop_says(cancelled(PAID)).shop_says(cancelled(fee))
    assert (life.case.items_changed, len(life.case.documents)) == (True, 1)
    life.do(reissue.by_hand, actor="backoffice")
    assert life.billed == D("6.10")


def test_a_cancelled_order_that_was_credited_is_not_invoiced_again_by_a_call() -> None:
    life = invoiced(OPEN).shop_says(cancelled(OPEN))
    assert not life.case.items_changed
    with pytest.raises(WrongState) as refused:
        life.do(reissue.by_hand, actor="backoffice")
    assert refused.value.code == "order_items_not_changed"


def test_opened_again_before_it_was_credited_is_as_if_nothing_had_been() -> None:
    life = invoiced(PAID).shop_says(cancelled(PAID)).tick(30 * HOUR).shop_says(PAID)
    assert (life.case.error, life.case.cancelled_noticed_at, life.case.decide_at) == (
        None, None, None,
    )  # fmt: skip
    assert life.said("order.updated") == ["opened again in the shop"]
    life.shop_says(cancelled(PAID))
    assert life.case.error is None, "it waits for a refund again"
    assert len(life.said("order.cancelled")) == 2


def test_opened_again_after_it_was_credited_is_invoiced_anew() -> None:
    life = invoiced(OPEN).shop_says(cancelled(OPEN)).shop_says(OPEN)
    assert [document.kind for document in life.case.documents] == [
        "invoice", "credit_note", "invoice",
    ]  # fmt: skip
    assert life.billed == life.owed
    assert life.invoices[1].paid == 0, "nothing was paid, so no credit is money"
    assert findings(life) == []


def test_edits_of_a_cancelled_order_issue_nothing_by_themselves() -> None:
    life = invoiced(PAID).shop_says(cancelled(PAID))
    life.shop_says(cancelled(an_order(items=(an_item(quantity=7),)))).tick(20 * HOUR)
    assert len(life.case.documents) == 1


def test_a_refund_that_is_on_its_way_is_waited_for() -> None:
    """Shopify: nothing is owed any more, and the money has not moved yet."""
    gone = an_order(items=(), taxes=(), owed_tax=D(0), cancelled=True)
    waiting = a_refund(amount="24.40", items=(an_item(),), total_tax=D("4.40"), pending=True)
    life = Life(PAID, EAGER, "shopify").tick().shop_says(changed(gone, refunds=(waiting,)))
    assert (len(life.case.documents), life.case.error) == (1, None)
    life.shop_says(changed(gone, refunds=(replace(waiting, pending=False),)))
    assert [note.refund_id for note in life.credit_notes] == ["r1"]
    assert [payment.key for payment in life.case.payments] == ["paid", "refund:r1"]
    assert findings(life) == []


@pytest.mark.parametrize("now", [
    an_order(items=(), taxes=(), owed_tax=D(0), cancelled=True),
    an_order(cancelled=True, refunded=True),
])  # fmt: skip
def test_a_cancelled_order_that_owes_nothing_is_credited_although_it_was_paid(now: Order) -> None:
    life = Life(PAID, EAGER, "shopify").tick().shop_says(now)
    assert [str(note.content.total_with_tax) for note in life.credit_notes] == ["24.40"]
    assert life.case.error is None


# The other policies


def test_policy_review_asks_a_person_at_once() -> None:
    for order in (OPEN, PAID):
        life = invoiced(order, REVIEW).shop_says(cancelled(order))
        assert code_of(life.case.error) == "cancelled_not_refunded"
        assert len(life.case.documents) == 1
        assert life.said("order.held") == [life.case.error]
        assert life.shop_says(order).case.error is None


def test_policy_ignore_says_it_and_treats_the_order_like_any_other() -> None:
    life = invoiced(OPEN, IGNORE).shop_says(cancelled(OPEN)).tick(90_000)
    assert (len(life.case.documents), life.case.error) == (1, None)
    assert life.said("order.cancelled") == ["cancelled in the shop after its invoice"]
    life.shop_says(cancelled(an_order(items=(an_item(quantity=3),), **UNPAID)))
    assert len(life.invoices) == 2
    life.shop_says(refunded(an_order(items=(an_item(quantity=3),), **UNPAID), "12.20",
                            cancelled=True))  # fmt: skip
    assert life.billed == D("24.40")


# Gone from the shop, and back


def test_a_trashed_order_without_an_invoice_waits_and_goes_on_when_it_is_back() -> None:
    life = Life(OPEN, Rules(auto_process=True)).tick().shop_says(changed(OPEN, deleted=True))
    assert (life.case.status, life.case.decide_at) == ("pending", None)
    assert life.shop_says(PAID).case.status == "invoiced"


def test_an_order_first_seen_in_the_trash_is_not_billed() -> None:
    assert Life(changed(PAID, deleted=True), EAGER).tick().case.documents == ()


@pytest.mark.parametrize("how", ["trashed", "vanished"])
def test_an_invoiced_order_that_is_gone_keeps_its_documents_and_asks_a_person(how: str) -> None:
    life = invoiced(PAID)
    if how == "trashed":
        life.shop_says(changed(PAID, deleted=True))
    else:
        life.vanishes()
    assert code_of(life.case.error) == "order_gone"
    assert life.said("order.held") == [life.case.error]
    assert (len(life.case.documents), life.case.decide_at) == (1, None)
    life.shop_says(PAID)
    assert (life.case.error, len(life.case.documents)) == (None, 1)
    assert findings(life) == []


def test_one_that_was_credited_whole_may_go_without_a_word() -> None:
    life = invoiced(OPEN).shop_says(cancelled(OPEN)).vanishes()
    assert (life.case.error, life.said("order.held")) == (None, [])


def test_a_change_that_waited_to_be_reissued_is_forgotten_with_the_order() -> None:
    life = invoiced(PAID, with_rules(EAGER, reissue_settle_seconds=600))
    life.shop_says(an_order(items=(an_item(quantity=3),))).vanishes().tick(90_000)
    assert (len(life.case.documents), life.case.reissue_after) == (1, None)


def test_an_order_that_a_person_deleted_is_left_alone() -> None:
    life = invoiced(PAID).given(deleted_by="person")
    changed_order = refunded(an_order(items=(an_item(quantity=3),)), "12.20")
    life.given(order=changed_order, decide_at=life.now).tick(90_000)
    assert (len(life.case.documents), life.case.decide_at) == (1, None)
    pending = Life(PAID, EAGER).given(deleted_by="person").tick()
    assert pending.case.documents == ()


def test_a_call_to_process_an_order_cancelled_in_the_shop_is_refused_also_before_it_was_seen() -> (
    None
):
    life = Life(cancelled(PAID), Rules())
    for action, code in ((process.by_hand, "order_cancelled"),
                         (cancel.by_hand, "order_already_cancelled")):  # fmt: skip
        with pytest.raises(WrongState) as refused:
            life.do(action)
        assert refused.value.code == code
