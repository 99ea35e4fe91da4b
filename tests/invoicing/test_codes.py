"""Every code by which ordermill says why is raised by something, and what clears it is known."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from billing import Billing
from invoicing.cases import EAGER, START, Life
from ordermill.api.bodies import ChangedOrder
from ordermill.api.changing import changed_columns
from ordermill.errors import StoreBusy, WrongState
from ordermill.invoicing import cancel, desk, process, reissue
from ordermill.model.codes import Hold, Refusal, Skip, code_of
from ordermill.model.integration import Rules
from ordermill.model.integration import Skip as SkipRules
from ordermill.model.order import Address, Customer, Order
from ordermill.store import cases, edits
from ordermill.store.edits import Made
from orders import a_refund, an_item, an_order, changed

D = Decimal
PAID = an_order()
OTHER = an_order(items=(an_item(quantity=3),))


def seen(order: Order, **skip: Any) -> Life:
    rules = Rules(auto_process=True, skip=SkipRules(**skip))
    return Life(order, rules).given(import_cutoff=START.replace(year=2026, month=1)).tick()


def then(*orders: Order) -> Life:
    life = Life(PAID, EAGER).tick()
    for order in orders:
        life.shop_says(order)
    return life


def abroad() -> Order:
    item = an_item(taxes=(), total_with_tax=D("20.00"))
    return an_order(items=(item,), taxes=(), billing_address=Address(country_code="DE"),
                    customer=Customer(is_business=True, company_name="Müller"))  # fmt: skip


def refunded(order: Order, amount: str, *items: Any) -> Order:
    refund = a_refund(amount=amount, items=items)
    return changed(order, refunds=(refund,), owed=order.total_with_tax - D(amount), owed_tax=None)


# What raises it, and what the shop says that clears it.
RAISED: dict[str, tuple[Callable[[], Life], Order]] = {
    Skip.TEST_ORDER: (lambda: seen(changed(PAID, test=True)), PAID),
    Skip.ZERO_TOTAL: (lambda: seen(an_order(items=(an_item(price="0.00"),))), PAID),
    Skip.GATEWAY_EXCLUDED: (lambda: seen(PAID, gateways=("Stripe",)),
                            changed(PAID, payment_gateway="bacs")),
    Skip.TAG_EXCLUDED: (lambda: seen(changed(PAID, tags=("b2b",)), tags=("B2B",)), PAID),
    Skip.BEFORE_IMPORT_FROM: (lambda: seen(changed(PAID, ordered_at=START.replace(year=2025))),
                              PAID),
    Skip.REFUNDED_BEFORE_INVOICE: (lambda: seen(refunded(PAID, "24.40")), PAID),
    Hold.ORDER_TOTALS_MISMATCH: (lambda: seen(changed(PAID, total_with_tax=D(99), owed=D(99))),
                                 PAID),
    Hold.BUYER_DATA_MISSING: (lambda: seen(abroad()), PAID),
    Hold.REFUND_BELOW_LINE: (
        lambda: seen(refunded(OTHER, "36.50", an_item(quantity=4, price="10.00"))), PAID),
    Hold.REISSUE_LIMIT: (
        lambda: then(*(an_order(items=(an_item(quantity=n),)) for n in (3, 4, 5, 6))),
        an_order(items=(an_item(quantity=5),))),
    Hold.REFUND_DELETED: (lambda: then(refunded(PAID, "5.00"), PAID), refunded(PAID, "5.00")),
    Hold.ORDER_GONE: (lambda: then().vanishes(), PAID),
    Hold.CANCELLED_NOT_REFUNDED: (lambda: then(changed(PAID, cancelled=True)).tick(90_000), PAID),
    Hold.CURRENCY_CHANGED: (lambda: then(changed(PAID, currency_code="USD")), PAID),
}  # fmt: skip


@pytest.mark.parametrize("code", [*Skip, *Hold])
def test_the_code_is_raised_told_and_cleared(code: str) -> None:
    raised, mended = RAISED[code]
    life = raised()
    assert code_of(life.case.error) == code
    assert str(life.case.error).partition(": ")[2], "with a sentence"
    assert life.case.error in life.said("order.held") + life.said("order.skipped")
    life.shop_says(mended)
    assert life.case.error is None
    assert life.case.status == "invoiced"


def raised_by(call: Callable[[], object]) -> str:
    with pytest.raises(WrongState) as refused:
        call()
    return refused.value.code


CALLS: dict[Refusal, Callable[[], object]] = {
    Refusal.ORDER_ALREADY_INVOICED: lambda: then().do(process.by_hand),
    Refusal.ORDER_ALREADY_CANCELLED:
        lambda: seen(changed(PAID, cancelled=True)).do(cancel.by_hand),
    Refusal.ORDER_CANCELLED: lambda: seen(changed(PAID, cancelled=True)).do(process.by_hand),
    Refusal.ORDER_NOT_INVOICED: lambda: Life(PAID, Rules()).do(reissue.by_hand),
    Refusal.ORDER_ITEMS_NOT_CHANGED: lambda: then().do(reissue.by_hand),
    Refusal.ORDER_OWNED_BY_SHOP: lambda: changed_columns(
        SimpleNamespace(source="shopify", id="ord_1"),
        ChangedOrder.model_validate({"currency_code": "USD"}), START),
}  # fmt: skip


@pytest.mark.parametrize("code", CALLS)
def test_a_call_at_the_wrong_moment_is_refused_with_the_code(code: Refusal) -> None:
    assert raised_by(CALLS[code]) == code


def test_an_order_that_exists_and_one_that_is_locked_have_codes_too(
    billing: Billing, monkeypatch: pytest.MonkeyPatch
) -> None:
    (order_id,) = billing.take_in(PAID)
    loaded = billing.load(order_id)[0]

    def again() -> None:
        with billing.database.write() as conn:
            made = Made(loaded.entity_id, loaded.integration_id, "woocommerce",
                        PAID.source_id, {}, "{}")  # fmt: skip
            edits._refuse_double(conn, made)

    assert raised_by(again) == Refusal.ORDER_EXISTS

    def busy(*_: object) -> None:
        raise StoreBusy("another transaction holds the order")

    monkeypatch.setattr(cases, "load_soon", busy)

    def act() -> None:
        with billing.database.write() as conn:
            desk.act(conn, loaded.entity_id, order_id, process.by_hand, now=START, actor="me")

    assert raised_by(act) == Refusal.ORDER_LOCKED


def test_no_code_is_left_out() -> None:
    assert RAISED.keys() == {*Skip, *Hold}
    assert {*CALLS} | {Refusal.ORDER_EXISTS, Refusal.ORDER_LOCKED} == {*Refusal}


def test_the_page_says_what_to_do_about_every_code() -> None:
    page = (Path(__file__).parents[2] / "docs/billing.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (skipped|held|review)", page, re.MULTILINE)
    assert {code for code, _ in rows} == {*Skip, *Hold}
    assert {code for code, where in rows if where == "skipped"} == {*Skip}
    assert [code for code in Refusal if f"`{code}`" not in page] == []
