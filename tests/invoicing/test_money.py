"""Payments: what came, what went back, once each, on the right document."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from invoicing.cases import EAGER, Life
from invoicing.proved import findings
from ordermill.invoicing import process
from ordermill.model.integration import Rules, Skip
from ordermill.model.order import Order, PaymentStatus, Transaction
from orders import AT, a_refund, an_item, an_order, changed

D = Decimal
UNPAID: dict[str, Any] = {"paid": False, "paid_at": None, "payment_status": PaymentStatus.UNPAID}
OPEN = an_order(**UNPAID)


def moved(source_id: str, amount: str, kind: str = "sale", **other: Any) -> Transaction:
    values: dict[str, Any] = {
        "id": source_id, "kind": kind, "status": "success", "gateway": "stripe",
        "amount": D(amount), "currency_code": "EUR", "at": AT,
    }  # fmt: skip
    return Transaction(**(values | other))


def told(*transactions: Transaction, **other: Any) -> Order:
    return an_order(transactions=transactions, **other)


def paid_by(life: Life) -> list[tuple[str, str, str | None, str]]:
    return [(p.key, p.type, p.reference, str(p.amount)) for p in life.case.payments]


def test_each_successful_transaction_is_one_payment_of_its_gateways_type() -> None:
    life = Life(told(moved("1", "20.00", gateway="gift_card"),
                     moved("2", "4.40", "capture", gateway="shopify_payments"),
                     moved("3", "4.40", "authorization"), moved("4", "9.00", status="failure"),
                     moved("5", "1.00", "void"), moved("6", "1.00", status="pending")),
                EAGER).tick()  # fmt: skip
    assert paid_by(life) == [
        ("transaction:1", "coupon", "1", "20.00"), ("transaction:2", "card", "2", "4.40"),
    ]  # fmt: skip
    assert {payment.invoice_id for payment in life.case.payments} == {life.invoices[0].id}
    assert {payment.at for payment in life.case.payments} == {AT}
    assert life.invoices[0].status == "paid"


def test_change_that_the_till_gave_is_no_payment() -> None:
    """Of 30.00 in cash for 24.40 the buyer got 5.60 back, which Shopify lists as a transaction."""
    cash = moved("1", "30.00", gateway="cash")
    life = Life(told(cash, moved("2", "5.60", "change", gateway="cash")), EAGER).tick()
    assert paid_by(life) == [("transaction:1", "cash", "1", "24.40")]
    assert findings(life) == []
    exact = moved("1", "24.40", gateway="cash")
    life = Life(told(exact, moved("2", "5.60", "change", gateway="cash")), EAGER).tick()
    assert paid_by(life) == [("transaction:1", "cash", "1", "24.40")]


def test_without_transactions_there_is_one_payment_over_what_the_shop_says_was_paid() -> None:
    life = Life(an_order(payment_gateway="cod"), EAGER).tick()
    assert paid_by(life) == [("paid", "cash", None, "24.40")]
    assert life.case.payments[0].at == AT


def test_an_unpaid_order_has_no_payment_and_its_invoice_is_due() -> None:
    life = Life(OPEN, EAGER).tick()
    assert (life.case.payments, life.invoices[0].status) == ((), "open")


def test_what_is_paid_after_the_invoice_is_recorded_then_once() -> None:
    life = Life(OPEN, EAGER).tick()
    for note in range(3):
        life.shop_says(an_order(metadata={"note": note}))
    assert paid_by(life) == [("paid", "card", None, "24.40")]
    assert life.invoices[0].status == "paid"
    assert len(life.case.documents) == 1


def test_part_payments_are_recorded_as_they_come() -> None:
    life = Life(told(moved("1", "10.00"), **UNPAID), EAGER).tick()
    assert life.invoices[0].status == "open"
    life.shop_says(told(moved("1", "10.00"), moved("2", "14.40")))
    assert [amount for *_, amount in paid_by(life)] == ["10.00", "14.40"]
    assert life.invoices[0].status == "paid"


def test_a_transaction_that_gets_its_id_after_the_payment_was_recorded_is_not_a_second_one() -> (
    None
):
    life = Life(an_order(), EAGER).tick().shop_says(told(moved("ch_1", "24.40")))
    assert paid_by(life) == [("paid", "card", None, "24.40")]


def test_the_default_type_counts_where_the_gateway_is_not_known() -> None:
    rules = Rules(auto_process=True, default_payment_type="bank_transfer")
    life = Life(an_order(payment_gateway="house account"), rules).tick()
    assert paid_by(life)[0][1] == "bank_transfer"


def test_the_money_of_a_refund_is_a_payment_of_its_credit_note() -> None:
    back = moved("9", "12.20", "refund", gateway="paypal")
    refund = a_refund(amount="12.20", items=(an_item(quantity=1),), total_tax=D("2.20"))
    life = Life(told(moved("1", "24.40")), EAGER).tick()
    life.shop_says(told(moved("1", "24.40"), back, refunds=(refund,), owed=D("12.20"),
                        owed_tax=D("2.20")))  # fmt: skip
    payment = life.case.payments[-1]
    assert (payment.key, payment.type, payment.reference) == ("refund:r1", "paypal", "9")
    assert (payment.invoice_id, payment.credit_note_id) == (None, life.credit_notes[0].id)
    assert life.credit_notes[0].status == "paid"
    assert findings(life) == []


def test_nothing_goes_back_of_an_order_that_was_never_paid() -> None:
    refund = a_refund(amount="12.20", items=(an_item(quantity=1),))
    life = Life(OPEN, EAGER).tick()
    life.shop_says(changed(OPEN, refunds=(refund,), owed=D("12.20"), owed_tax=D("2.20")))
    assert life.case.payments == ()
    assert life.invoices[0].credited == D("12.20")


def test_money_that_came_late_lets_go_back_what_was_refunded_meanwhile() -> None:
    refund = a_refund(amount="12.20", items=(an_item(quantity=1),))
    open_ = changed(OPEN, refunds=(refund,), owed=D("12.20"), owed_tax=D("2.20"))
    life = Life(OPEN, EAGER).tick().shop_says(open_)
    life.shop_says(changed(open_, paid=True, paid_at=AT))
    assert [(key, amount) for key, _, _, amount in paid_by(life)] == [
        ("paid", "24.40"), ("refund:r1", "12.20"),
    ]  # fmt: skip


def test_what_went_back_before_the_invoice_is_taken_off_the_latest_payments() -> None:
    refund = a_refund(amount="12.20", items=(an_item(quantity=1),))
    life = Life(told(moved("1", "14.40"), moved("2", "10.00"), refunds=(refund,), owed=D("12.20"),
                     owed_tax=D("2.20")), EAGER).tick()  # fmt: skip
    assert [(key, amount) for key, _, _, amount in paid_by(life)] == [("transaction:1", "12.20")]
    assert life.invoices[0].status == "paid"


def test_the_cents_of_cash_rounding_leave_nothing_due() -> None:
    """The transaction is over the order's amount; the rounding stands beside it in the shop."""
    life = Life(told(moved("1", "24.40", gateway="cash")), EAGER).tick()
    assert (life.invoices[0].status, life.invoices[0].content.rounding) == ("paid", 0)


def test_a_free_order_is_paid_without_a_payment() -> None:
    rules = Rules(auto_process=True, skip=Skip(zero_total=False))
    life = Life(an_order(items=(an_item(price="0.00"),)), rules).tick()
    assert (life.case.payments, life.invoices[0].status) == ((), "paid")
    assert findings(life) == []


@pytest.mark.parametrize("paid", [True, False])
def test_a_manual_order_says_itself_whether_it_is_paid(paid: bool) -> None:
    life = Life(an_order(paid=paid, paid_at=AT if paid else None), Rules(), "manual").tick()
    life.do(process.by_hand, actor="backoffice")
    assert [amount for *_, amount in paid_by(life)] == (["24.40"] if paid else [])


def test_a_manual_order_that_is_patched_to_paid_gets_its_payment_then() -> None:
    life = Life(OPEN, Rules(), "manual").tick()
    life.do(process.by_hand, actor="backoffice")
    life.changed_by_a_person(an_order())
    paid = f"paid:{AT.isoformat()}"
    assert (paid_by(life)[0][0], life.invoices[0].status) == (paid, "paid")


def test_a_refund_that_is_seen_with_an_edit_is_given_back_before_the_rest_goes_on() -> None:
    """An exchange: one mug goes back, and a pen at its price is not paid yet."""
    sale, mug, pen = moved("1", "24.40"), an_item(quantity=1), an_item("Pen", quantity=1,
                                                                       source_id="2")  # fmt: skip
    refund = a_refund(amount="12.20", items=(mug,), total_tax=D("2.20"))
    life = Life(told(sale), EAGER, "shopify").tick()
    life.shop_says(told(sale, items=(mug, pen), refunds=(refund,)))
    assert [(key.split(":")[0], amount) for key, _, _, amount in paid_by(life)] == [
        ("transaction", "24.40"), ("refund", "12.20"), ("credit", "12.20"),
    ]  # fmt: skip
    assert [invoice.status for invoice in life.invoices] == ["credited", "open"]
    assert findings(life) == []


def test_money_that_comes_with_a_refund_does_not_wait_for_another_invoice() -> None:
    sales = moved("1", "24.40"), moved("2", "5.00")
    mug = an_item(quantity=1)
    refund = a_refund(amount="12.20", items=(mug,), total_tax=D("2.20"))
    life = Life(told(sales[0]), EAGER, "shopify").tick()
    life.shop_says(told(*sales, items=(mug,), refunds=(refund,)))
    assert [key for key, *_ in paid_by(life)] == ["transaction:1", "transaction:2", "refund:r1"]
    assert findings(life) == []


def test_money_in_another_currency_than_the_invoice_is_not_booked_on_it() -> None:
    life = Life(OPEN, EAGER).tick()
    life.shop_says(told(moved("1", "24.40", currency_code="USD"), currency_code="USD"))
    assert life.case.payments == ()


def test_parts_of_the_minor_unit_are_no_money_of_another_credit_note() -> None:
    item = replace(an_item(taxes=()), total=D("9.995"), total_with_tax=D("9.995"))
    whole = an_order(items=(item, an_item("Pen", source_id="2", taxes=(),
                                          total_with_tax=D("20.00"))), taxes=())  # fmt: skip
    refunds = tuple(a_refund(f"r{at}", "4.9975") for at in range(2))
    life = Life(whole, EAGER).tick()
    for count in (1, 2):
        owed = whole.total_with_tax - D("4.9975") * count
        life.shop_says(changed(whole, refunds=refunds[:count], owed=owed, owed_tax=None))
    assert [payment.key for payment in life.case.payments] == ["paid", "refund:r0", "refund:r1"]
    assert findings(life) == []


def test_money_that_came_and_went_back_between_two_looks_is_none() -> None:
    """An edit made the order dearer, the difference was paid, the edit undone, the money returned:
    no credit note could say so, for nothing more was ever billed."""
    sale, more = moved("1", "24.40"), moved("2", "12.20")
    life = Life(told(sale), EAGER, "shopify").tick()
    refund = a_refund("r1", "12.20")
    back = moved("3", "12.20", "refund")
    life.shop_says(told(sale, more, back, refunds=(refund,), owed=D("24.40")))
    assert [amount for *_, amount in paid_by(life)] == ["24.40"]
    assert life.tick().tick().case.payments == life.case.payments
