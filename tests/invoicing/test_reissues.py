"""Reissue: the old invoice credited, the order invoiced as it is now, by itself or by a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_rules
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from invoicing.cases import EAGER, START, Life
from invoicing.proved import findings
from ordermill.errors import WrongState
from ordermill.invoicing import decide, process, reissue
from ordermill.model.case import Plan
from ordermill.model.codes import code_of
from ordermill.model.integration import Rules, Skip
from ordermill.model.order import Address, Customer, Order, Transaction
from orders import AT, a_refund, an_item, an_order, changed

D = Decimal
PATIENT = with_rules(EAGER, reissue_settle_seconds=600)
BY_CALL = with_rules(EAGER, auto_reissue_on_update=False)
ORDER = an_order()


def of(pieces: int, **other: Any) -> Order:
    return an_order(items=(an_item(quantity=pieces),), **other)


def settled(life: Life) -> None:
    assert life.billed == life.owed
    assert findings(life) == []


def kinds(life: Life) -> list[str]:
    return [str(document.kind) for document in life.case.documents]


def by_hand(life: Life) -> Plan:
    return life.do(reissue.by_hand, actor="backoffice")


def test_the_credit_note_mirrors_the_old_invoice_and_the_new_one_refers_to_it() -> None:
    buyer = changed(ORDER, customer_name="Ana Novak")
    life = Life(buyer, EAGER).tick().shop_says(of(3, customer_name="Ana Kos"))
    old, new = life.invoices
    (note,) = life.credit_notes
    assert note.content == old.content
    assert note.customer == old.customer
    assert (new.content.total_with_tax, new.customer.name) == (D("36.60"), "Ana Kos")
    credit, invoice = life.plans[-1].documents
    assert credit.links == (("credit_for", old.id),)
    assert invoice.links == (("replaces", old.id),)
    assert credit.reason == "Replaced: the order changed"
    assert (life.case.invoice_id, life.case.items_changed) == (new.id, False)
    assert life.said("order.reissued") == ["quantity, tax changed"]
    settled(life)


def test_only_what_was_not_credited_yet_is_credited() -> None:
    one = an_item(quantity=1)
    refund = a_refund(amount="12.20", items=(one,), total_tax=D("2.20"))
    told = changed(of(3), owed=D("24.40"), owed_tax=D("4.40"), refunds=(refund,))
    life = Life(of(3), EAGER).tick().shop_says(told)
    more = changed(of(4), owed=D("36.60"), owed_tax=D("6.60"), refunds=(refund,))
    life.shop_says(more)
    assert [str(note.content.total_with_tax) for note in life.credit_notes] == ["12.20", "24.40"]
    assert life.invoices[0].status == "credited"
    assert [item.quantity for item in life.invoices[1].content.items] == [3]
    settled(life)


def test_all_lines_gone_leaves_only_the_credit_note() -> None:
    life = Life(ORDER, EAGER, "shopify").tick()
    life.shop_says(an_order(items=(), taxes=(), owed_tax=D(0)))
    assert kinds(life) == ["invoice", "credit_note"]
    assert life.case.invoice_id == life.invoices[0].id
    assert (life.case.items_changed, life.case.status) == (False, "invoiced")
    settled(life)


def test_an_order_that_is_free_now_gets_no_invoice_of_nothing_unless_the_rules_want_it() -> None:
    free = an_order(items=(an_item(price="0.00"),))
    life = Life(ORDER, EAGER, "shopify").tick().shop_says(free)
    assert kinds(life) == ["invoice", "credit_note"]
    assert not life.case.items_changed
    settled(life)
    wanted = with_rules(EAGER, skip=Skip(zero_total=False))
    other = Life(ORDER, wanted, "shopify").tick().shop_says(free)
    assert kinds(other) == ["invoice", "credit_note", "invoice"]
    settled(other)


def test_a_free_invoice_is_credited_and_replaced_like_any_other() -> None:
    wanted = with_rules(EAGER, skip=Skip(zero_total=False))
    life = Life(an_order(items=(an_item(price="0.00"),)), wanted).tick().shop_says(ORDER)
    assert [document.status for document in life.case.documents] == ["credited", "paid", "paid"]
    settled(life)


def test_an_order_credited_whole_that_has_lines_again_gets_only_an_invoice() -> None:
    life = Life(ORDER, EAGER, "shopify").tick()
    life.shop_says(an_order(items=(), taxes=(), owed_tax=D(0))).shop_says(ORDER)
    assert kinds(life) == ["invoice", "credit_note", "invoice"]
    assert life.plans[-1].documents[0].links == (("replaces", life.invoices[0].id),)
    settled(life)


# By itself


def test_it_waits_until_nothing_has_changed_for_the_settle_time() -> None:
    life = Life(ORDER, PATIENT).tick().shop_says(of(3))
    assert (life.case.items_changed, life.case.reissue_after) == (True, START.replace(minute=10))
    life.tick(400).shop_says(of(4)).tick(599)
    assert len(life.invoices) == 1
    life.tick(1)
    assert life.billed == of(4).owed
    assert (len(life.invoices), life.case.reissue_after) == (2, None)


def test_a_note_in_the_settle_time_does_not_prolong_it() -> None:
    life = Life(ORDER, PATIENT).tick().shop_says(of(3)).tick(400)
    life.shop_says(of(3, metadata={"note": "seen"})).tick(200)
    assert len(life.invoices) == 2


def test_an_edit_undone_in_the_settle_time_issues_nothing() -> None:
    life = Life(ORDER, PATIENT).tick().shop_says(of(3)).shop_says(ORDER).tick(90_000)
    assert (len(life.case.documents), life.case.reissue_after) == (1, None)


def test_a_shorter_settle_time_in_the_rules_counts_at_once() -> None:
    life = Life(ORDER, PATIENT).tick().shop_says(of(3))
    life.given(rules=with_rules(PATIENT, reissue_settle_seconds=10), decide_at=life.now)
    assert len(life.tick().tick(10).invoices) == 2


def test_without_the_rule_a_change_is_only_flagged() -> None:
    life = Life(ORDER, BY_CALL).tick().shop_says(of(3)).tick(900_000)
    assert (life.case.items_changed, len(life.case.documents)) == (True, 1)
    by_hand(life)
    assert (life.case.items_changed, len(life.invoices)) == (False, 2)
    settled(life)


def test_three_a_day_then_a_person_must_look() -> None:
    life = Life(ORDER, EAGER).tick()
    for pieces in (3, 4, 5, 6):
        life.shop_says(of(pieces)).tick(60)
    assert len(life.invoices) == 4
    assert code_of(life.case.error) == "reissue_limit"
    assert (life.case.items_changed, life.case.decide_at) == (True, None)
    life.shop_says(of(6, metadata={"note": "what is going on"}))
    assert len(life.said("order.held")) == 1
    assert code_of(life.case.error) == "reissue_limit"


def reissued_too_often() -> Life:
    life = Life(ORDER, EAGER).tick()
    for pieces in (3, 4, 5, 6):
        life.shop_says(of(pieces))
    assert code_of(life.case.error) == "reissue_limit"
    return life


def test_a_call_is_not_limited_and_clears_the_review() -> None:
    life = reissued_too_often()
    by_hand(life)
    assert (life.case.error, len(life.invoices)) == (None, 5)
    life.shop_says(of(7))
    by_hand(life)
    settled(life)


def test_reissues_by_calls_do_not_count_for_the_limit() -> None:
    life = Life(ORDER, BY_CALL).tick()
    for pieces in range(3, 8):
        life.shop_says(of(pieces))
        by_hand(life)
    life.given(rules=EAGER).shop_says(of(9))
    assert (life.case.error, len(life.invoices)) == (None, 7)


def test_a_change_a_day_later_is_reissued_again() -> None:
    life = reissued_too_often().tick(86_400).shop_says(of(7))
    assert (life.case.error, life.billed) == (None, of(7).owed)


def test_a_change_undone_clears_the_review() -> None:
    life = reissued_too_often().shop_says(of(5))
    assert (life.case.error, life.case.items_changed) == (None, False)


# Held for a review


def test_another_currency_waits_for_a_person() -> None:
    life = Life(ORDER, EAGER).tick().shop_says(changed(ORDER, currency_code="USD")).tick(90_000)
    assert code_of(life.case.error) == "currency_changed"
    assert len(life.case.documents) == 1
    by_hand(life)
    old, new = life.invoices
    assert (old.status, new.content.currency_code, life.case.error) == ("credited", "USD", None)
    assert life.credit_notes[0].content.currency_code == "EUR"
    assert new.paid == 0, "money in another currency is a person's to book"


def test_sums_that_no_longer_hold_are_not_reissued_not_even_by_a_call() -> None:
    """Recorded: a line saved as 60.00, the totals as they were."""
    broken = changed(ORDER, items=(an_item(price="60.00"),))
    life = Life(ORDER, EAGER).tick().shop_says(broken).tick(90_000)
    assert (life.case.status, code_of(life.case.error)) == ("invoiced", "order_totals_mismatch")
    plan = by_hand(life)
    assert plan.refusal is not None
    assert plan.refusal.code == "order_totals_mismatch"
    assert (life.case.status, len(life.case.documents)) == ("invoiced", 1)
    life.shop_says(of(3))
    assert life.case.error is None
    settled(life)


def test_buyer_data_that_went_missing_stops_a_reissue() -> None:
    item = an_item(taxes=(), total_with_tax=D("20.00"))
    buyer = Customer(is_business=True, company_name="Müller", tax_number="DE1")
    sold = an_order(items=(item,), taxes=(), customer=buyer,
                    billing_address=Address(country_code="DE"))  # fmt: skip
    life = Life(sold, EAGER).tick()
    more = replace(item, quantity=D(4), total=D("40.00"), total_with_tax=D("40.00"))
    life.shop_says(changed(sold, items=(more,), total=D(40), total_with_tax=D(40), owed=D(40),
                           customer=replace(buyer, tax_number=None)))  # fmt: skip
    assert code_of(life.case.error) == "buyer_data_missing"


# By a call


@pytest.mark.parametrize("order", [
    ORDER,
    changed(ORDER, metadata={"note": "again"}),
    changed(ORDER, customer_email="other@example.com"),
])  # fmt: skip
def test_a_call_when_nothing_changed_is_refused(order: Order) -> None:
    life = Life(ORDER, BY_CALL).tick().shop_says(order)
    with pytest.raises(WrongState) as refused:
        by_hand(life)
    assert refused.value.code == "order_items_not_changed"
    assert refused.value.details == {"invoice_id": life.case.invoice_id}


@pytest.mark.parametrize("status", ["pending", "estimated", "failed", "skipped", "cancelled"])
def test_a_call_on_an_order_without_an_invoice_is_refused(status: str) -> None:
    life = Life(ORDER, Rules()).given(status=status)
    with pytest.raises(WrongState) as refused:
        by_hand(life)
    assert refused.value.code == "order_not_invoiced"


def test_a_call_credits_first_what_was_refunded_meanwhile() -> None:
    refund = a_refund(amount="12.20", items=(an_item(quantity=1),), total_tax=D("2.20"))
    now = changed(of(4), owed=D("36.60"), owed_tax=D("6.60"), refunds=(refund,))
    life = Life(of(3), BY_CALL).tick().shop_says(now)
    by_hand(life)
    assert [note.refund_id for note in life.credit_notes] == ["r1", None]
    settled(life)


# Money


def paid(amount: str, source_id: str = "t1") -> Transaction:
    return Transaction(id=source_id, kind="sale", status="success", gateway="stripe",
                       amount=D(amount), currency_code="EUR", at=AT)  # fmt: skip


UNPAID: dict[str, Any] = {"paid": False, "paid_at": None}


def standing(life: Life) -> list[tuple[str, str, str]]:
    """What stands of each invoice: its total, what was paid, and its status."""
    return [(str(i.content.total_with_tax), str(i.paid), str(i.status)) for i in life.invoices]


T1 = {"transactions": (paid("24.40"),)}
T3 = {"transactions": (paid("36.60"),)}
MONEY: list[tuple[str, Order, Order, list[tuple[str, str, str]], list[tuple[str, str]]]] = [
    ("paid, more is due", of(2, **T1), of(3, **T1),
     [("24.40", "24.40", "credited"), ("36.60", "24.40", "open")],
     [("transaction:t1", "24.40"), ("credit", "24.40")]),
    ("paid, less is due", of(3, **T3), of(2, **T3),
     [("36.60", "36.60", "credited"), ("24.40", "24.40", "paid")],
     [("transaction:t1", "36.60"), ("credit", "24.40")]),
    ("unpaid, then paid as it is now", of(2, **UNPAID), of(3, **T3),
     [("24.40", "24.40", "credited"), ("36.60", "36.60", "paid")],
     [("credit", "24.40"), ("transaction:t1", "36.60")]),
    ("paid and paid again", of(2, **T1),
     of(3, transactions=(paid("24.40"), paid("12.20", "t2"))),
     [("24.40", "24.40", "credited"), ("36.60", "36.60", "paid")],
     [("transaction:t1", "24.40"), ("credit", "24.40"), ("transaction:t2", "12.20")]),
    ("unpaid", of(2, **UNPAID), of(3, **UNPAID),
     [("24.40", "24.40", "credited"), ("36.60", "0", "open")], [("credit", "24.40")]),
    ("paid in part", of(3, **UNPAID, transactions=(paid("10.00"),)),
     of(2, **UNPAID, transactions=(paid("10.00"),)),
     [("36.60", "36.60", "credited"), ("24.40", "10.00", "open")],
     [("transaction:t1", "10.00"), ("credit", "26.60"), ("credit", "10.00")]),
    ("paid, without transactions", of(2), of(3),
     [("24.40", "24.40", "credited"), ("36.60", "24.40", "open")],
     [("paid", "24.40"), ("credit", "24.40")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "invoices", "money"), [m[1:] for m in MONEY], ids=[m[0] for m in MONEY]
)
def test_payments_stay_where_they_are_and_the_credit_is_applied(
    before: Order, after: Order, invoices: list[tuple[str, str, str]], money: list[tuple[str, str]]
) -> None:
    life = Life(before, EAGER, "shopify").tick().shop_says(after)
    assert [(p.key.partition(":")[0] if p.key.startswith("credit") else p.key, str(p.amount))
            for p in life.case.payments] == money  # fmt: skip
    assert standing(life) == invoices
    settled(life)


def test_money_left_on_a_credit_note_goes_to_the_next_invoice() -> None:
    """Three pieces paid, two, then three again: nothing is due."""
    money = {"transactions": (paid("36.60"),)}
    life = Life(of(3, **money), EAGER, "shopify").tick()
    life.shop_says(of(2, **money)).shop_says(of(3, **money))
    assert standing(life)[-1] == ("36.60", "36.60", "paid")
    assert [note.status for note in life.credit_notes] == ["paid", "paid"]
    settled(life)


def test_money_comes_back_to_an_order_that_has_lines_again() -> None:
    money = {"transactions": (paid("24.40"),)}
    life = Life(of(2, **money), EAGER, "shopify").tick()
    life.shop_says(an_order(items=(), taxes=(), owed_tax=D(0), **money)).shop_says(of(2, **money))
    assert standing(life)[-1] == ("24.40", "24.40", "paid")
    settled(life)


def test_a_credit_note_is_done_when_all_that_was_money_went_on() -> None:
    """Paid, made larger, refunded in part, made larger again: nothing is left to give back."""
    one = a_refund(amount="12.20", items=(an_item(quantity=1),), total_tax=D("2.20"))

    def less_one(pieces: int) -> Order:
        whole = of(pieces)
        return changed(whole, refunds=(one,), owed=whole.owed - one.amount,
                       owed_tax=whole.total_tax - D("2.20"))  # fmt: skip

    life = Life(of(2), EAGER).tick()
    life.shop_says(of(3)).shop_says(less_one(3)).shop_says(less_one(4))
    assert standing(life)[-1] == ("36.60", "12.20", "open")
    assert [note.status for note in life.credit_notes] == ["paid", "paid", "paid"]
    settled(life)


def test_what_went_back_before_the_invoice_is_not_given_back_again() -> None:
    one = a_refund(amount="12.20", items=(an_item(quantity=1),), total_tax=D("2.20"))
    first, second = (
        changed(of(n), refunds=(one,), owed=of(n).owed - one.amount,
                owed_tax=of(n).total_tax - D("2.20")) for n in (4, 3)
    )  # fmt: skip
    life = Life(first, EAGER).tick().shop_says(second)
    assert [payment.key.partition(":")[0] for payment in life.case.payments] == ["paid", "credit"]
    assert life.credit_notes[0].status == "open", "12.20 of it are the buyer's"
    settled(life)


def test_goodwill_follows_the_rates_of_the_lines_that_are_invoiced_anew() -> None:
    """Credited at 22 %; then the shop takes the tax off: no rate is left below nothing."""
    given = a_refund(amount="6.10")
    taxed = changed(of(3), refunds=(given,), owed=D("30.50"), owed_tax=None)
    item = replace(an_item(quantity=3), taxes=(), total_with_tax=D("30.00"))
    free = an_order(items=(item,), taxes=(), refunds=(given,), owed=D("23.90"), owed_tax=None)
    life = Life(of(3), EAGER).tick().shop_says(taxed).shop_says(free)
    new = life.invoices[-1].content
    assert [(str(i.total_with_tax), i.taxes) for i in new.items] == [("30.00", ()), ("-6.10", ())]
    assert (new.taxes, new.total_with_tax) == ((), D("23.90"))
    settled(life)


# A manual order


def test_a_patch_of_items_raises_the_flag_at_once_and_issues_nothing() -> None:
    life = Life(of(2), Rules(), "manual").tick()
    life.do(process.by_hand, actor="backoffice")
    life.changed_by_a_person(of(3))
    assert life.case.items_changed
    assert life.events.count("order.items_changed") == 1
    assert len(life.case.documents) == 1
    by_hand(life)
    settled(life)


def test_a_patch_of_the_buyer_of_a_shops_order_shows_it_and_allows_a_reissue() -> None:
    moved = changed(ORDER, billing_address=Address(city="Celje", country_code="SI"))
    life = Life(ORDER, EAGER, "shopify").tick().changed_by_a_person(moved)
    assert [(each.line, each.field) for each in life.case.changes] == [(None, "billing_address")]
    assert (life.case.items_changed, len(life.case.documents)) == (False, 1)
    by_hand(life)
    assert (life.case.changes, len(life.invoices)) == ((), 2)
    settled(life)


def test_a_manual_order_that_is_patched_to_refunded_is_credited_by_a_call() -> None:
    """The API then says that nothing is owed."""
    life = Life(ORDER, Rules(), "manual").tick()
    life.do(process.by_hand, actor="backoffice")
    life.changed_by_a_person(changed(ORDER, owed=D(0), owed_tax=D(0), refunded=True, paid=False))
    assert (life.case.items_changed, len(life.case.documents)) == (True, 1)
    by_hand(life)
    assert kinds(life) == ["invoice", "credit_note"]
    settled(life)


def test_a_manual_order_that_was_refunded_before_is_not_invoiced() -> None:
    back = changed(ORDER, owed=D(0), owed_tax=D(0), refunded=True, paid=False)
    life = Life(back, Rules(), "manual").tick()
    plan = life.do(process.by_hand, actor="backoffice")
    assert plan.refusal is not None
    assert (plan.refusal.code, life.case.documents) == ("refunded_before_invoice", ())


@pytest.mark.parametrize("mend", [
    lambda order: order,
    lambda order: changed(order, customer_name="Ana"),
])  # fmt: skip
def test_a_patch_that_mends_a_refused_order_makes_it_pending_and_another_does_not(
    mend: Callable[[Order], Order],
) -> None:
    broken = of(2, total_with_tax=D("99.00"))
    life = Life(broken, Rules(), "manual").tick()
    life.do(process.by_hand, actor="backoffice")
    assert (life.case.status, code_of(life.case.error)) == ("failed", "order_totals_mismatch")
    life.changed_by_a_person(changed(mend(broken), metadata={"note": "hm"}))
    assert (life.case.status, code_of(life.case.error)) == ("failed", "order_totals_mismatch")
    life.changed_by_a_person(mend(of(2)))
    assert (life.case.status, life.case.error) == ("pending", None)


def test_on_a_case_at_rest_nothing_is_planned_but_the_same_due_time() -> None:
    for order, rules in ((ORDER, EAGER), (of(3), PATIENT), (of(3), BY_CALL), (of(3), Rules())):
        life = Life(ORDER, rules).tick().shop_says(order)
        before = life.case
        plan = life.do(decide.automatic)
        assert (plan.documents, plan.payments, plan.events, plan.settled) == ((), (), (), {})
        assert life.case == before
