"""The state machine: every call in every state, and whatever happens after whatever happened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from invoicing.cases import EAGER, Life
from invoicing.proved import findings
from ordermill.errors import WrongState
from ordermill.invoicing import attempts, cancel, decide, process, reissue
from ordermill.model.case import Case, Desk, Plan
from ordermill.model.codes import code_of
from ordermill.model.document import DocumentKind, DocumentStatus
from ordermill.model.integration import Rules
from ordermill.model.order import Order, OrderStatus, PaymentStatus
from orders import a_refund, an_item, an_order, changed

D = Decimal
PAID = an_order(items=(an_item(quantity=4),))
BANK = changed(PAID, paid=False, paid_at=None, payment_status=PaymentStatus.UNPAID,
               payment_gateway="bacs")  # fmt: skip
ESTIMATES = Rules(auto_process=True, auto_process_on="created", auto_reissue_on_update=True,
                  reissue_settle_seconds=0)  # fmt: skip


def broke(case: Case, desk: Desk) -> Plan:
    return attempts.broken(case.status, case.attempts, ValueError("boom"), desk.now)


def pending() -> Life:
    return Life(changed(BANK, payment_gateway="stripe"), Rules(auto_process=True)).tick()


def estimated() -> Life:
    return Life(BANK, ESTIMATES).tick()


def invoiced() -> Life:
    return Life(PAID, EAGER).tick()


def flagged() -> Life:
    life = Life(PAID, Rules(auto_process=True)).tick()
    return life.shop_says(an_order(items=(an_item(quantity=5),)))


def cancelled() -> Life:
    return Life(changed(PAID, cancelled=True), EAGER).tick()


def withdrawn() -> Life:
    life = pending()
    life.do(cancel.by_hand)
    return life


def held() -> Life:
    return Life(changed(PAID, total_with_tax=D("99.00"), owed=D("99.00")), EAGER).tick()


def failed() -> Life:
    life = Life(PAID, EAGER)
    life.do(broke)
    return life


def skipped() -> Life:
    return Life(changed(PAID, test=True), EAGER).tick()


STATES = (pending, estimated, invoiced, flagged, cancelled, withdrawn, held, failed, skipped)

# What a call is answered in a state: a status (200), or the code of its refusal (409; 422 with !).
ALREADY, DONE = "order_already_invoiced", "order_already_cancelled"
TABLE: dict[str, tuple[str, str, str]] = {  # process, cancel, reissue
    "pending": ("invoiced", "cancelled", "order_not_invoiced"),
    "estimated": ("invoiced", "cancelled", "order_not_invoiced"),
    "invoiced": (ALREADY, ALREADY, "order_items_not_changed"),
    "flagged": (ALREADY, ALREADY, "invoiced"),
    "cancelled": ("order_cancelled", DONE, "order_not_invoiced"),
    "withdrawn": ("order_cancelled", DONE, "order_not_invoiced"),
    "held": ("!order_totals_mismatch", "cancelled", "order_not_invoiced"),
    "failed": ("invoiced", "cancelled", "order_not_invoiced"),
    "skipped": ("invoiced", "cancelled", "order_not_invoiced"),
}
CALLS: dict[str, Callable[[Case, Desk], Plan]] = {
    "process": process.by_hand, "cancel": cancel.by_hand, "reissue": reissue.by_hand,
}  # fmt: skip


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("call", CALLS)
def test_what_a_call_is_answered_in_each_state(state: Callable[[], Life], call: str) -> None:
    life = state()
    before = life.case
    wanted = TABLE[state.__name__][list(CALLS).index(call)]
    if wanted.startswith("order_"):
        with pytest.raises(WrongState) as refused:
            life.do(CALLS[call], actor="backoffice")
        about = {"invoice_id": before.invoice_id} if before.invoice_id else {"id": before.id}
        assert (refused.value.code, refused.value.details) == (wanted, about)
        assert life.case == before
        return
    plan = life.do(CALLS[call], actor="backoffice")
    if wanted.startswith("!"):
        assert plan.refusal is not None
        assert (f"!{plan.refusal.code}", plan.refusal.details) == (wanted, {"id": before.id})
        assert life.case.status == OrderStatus.FAILED
        assert life.said("order.failed") == [life.case.error]
        return
    assert (life.case.status, life.case.error) == (wanted, None)
    assert findings(life) == []


def told(life: Life, **values: Any) -> Life:
    return life.shop_says(changed(life.case.order, **values))


def edited(life: Life) -> Life:
    """Another order than before: one more piece, and sums that are right."""
    order = life.case.order
    pieces = max((int(item.quantity) for item in order.items), default=1) + 1
    made = an_order(items=(an_item(quantity=pieces),))
    names = ("items", "total", "total_tax", "total_with_tax", "taxes")
    back = sum((refund.amount for refund in order.refunds), D(0))
    owed = made.total_with_tax - back
    more: dict[str, Any] = {name: getattr(made, name) for name in names}
    return told(life, owed=owed, owed_tax=None if back else made.total_tax, **more)


def refund(life: Life, share: int) -> Life:
    """A part of what is owed, or all of it."""
    order = life.case.order
    if order.owed <= 0:
        return life
    amount = (order.owed / share).quantize(D("0.01"))
    new = a_refund(f"r{len(life.case.refunds)}", str(amount))
    owed = order.owed - amount
    return told(life, refunds=(*order.refunds, new), owed=owed, owed_tax=None if owed else D(0),
                refunded=not owed)  # fmt: skip


def without_last_refund(life: Life) -> Life:
    order = life.case.order
    if not order.refunds:
        return life
    *kept, last = order.refunds
    return told(life, refunds=tuple(kept), owed=order.owed + last.amount, owed_tax=None,
                refunded=False)  # fmt: skip


def called(name: str) -> Callable[[Life], Life]:
    def call(life: Life) -> Life:
        if life.case.deleted_by is not None:
            return life  # 404, wherever it is asked
        with suppress(WrongState):
            life.do(CALLS[name], actor="backoffice")
        return life

    return call


def attempt_breaks(life: Life) -> Life:
    if life.case.deleted_by is None:
        life.do(broke)
    return life.tick(3_600)


HAPPENINGS: dict[str, Callable[[Life], Life]] = {
    "note": lambda life: told(life, metadata={"note": life.now.isoformat()}),
    "pay": lambda life: told(life, paid=True, paid_at=life.now, payment_status="paid"),
    "edit": edited,
    "refund in part": lambda life: refund(life, 3),
    "refund in full": lambda life: refund(life, 1),
    "delete a refund": without_last_refund,
    "cancel": lambda life: told(life, cancelled=True),
    "open again": lambda life: told(life, cancelled=False),
    "trash": lambda life: told(life, deleted=True),
    "take out of the trash": lambda life: told(life, deleted=False),
    "vanish": lambda life: life.vanishes(),
    "an attempt breaks": attempt_breaks,
    "a day passes": lambda life: life.tick(90_000),
    "call process": called("process"),
    "call cancel": called("cancel"),
    "call reissue": called("reissue"),
}

# Where an order may go from where it is.
WAYS: dict[str, set[str]] = {
    "pending": {"pending", "estimated", "invoiced", "cancelled", "failed", "skipped"},
    "estimated": {"estimated", "invoiced", "cancelled"},
    "invoiced": {"invoiced"},
    "cancelled": {"cancelled", "pending", "estimated", "invoiced", "skipped", "failed"},
    "failed": {"pending", "failed", "invoiced", "cancelled", "skipped"},
    "skipped": {"pending", "skipped", "invoiced", "cancelled", "failed"},
}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_whatever_happens_after_whatever_happened(state: Callable[[], Life]) -> None:
    for names in product(HAPPENINGS, repeat=2):
        life = state()
        for name in names:
            status, documents, payments = (
                life.case.status, life.case.documents, life.case.payments,
            )  # fmt: skip
            life.now += timedelta(hours=9)
            life = HAPPENINGS[name](life).tick()
            case = life.case
            where = f"{state.__name__}, {', '.join(names)}"
            assert case.status in WAYS[str(status)], where
            assert [d.id for d in case.documents[: len(documents)]] == [d.id for d in documents]
            assert case.payments[: len(payments)] == payments, where
            rests(life, where)


def rests(life: Life, where: str) -> None:
    """What holds of every order at rest, whatever its history."""
    case = life.case
    live = [d for d in life.invoices if d.status is not DocumentStatus.CREDITED]
    assert len(live) <= 1, where
    assert (case.status is OrderStatus.INVOICED) == bool(life.invoices), where
    assert (case.invoice_id or None) == (life.invoices[-1].id if life.invoices else None), where
    over = case.decide_at is None and case.deleted_by is None
    assert case.error is None or code_of(case.error) or not over, where
    assert case.items_changed == any(c.line or c.field.startswith("total") or c.field ==
                                     "currency_code" for c in case.changes), where  # fmt: skip
    assert findings(life) == [], where
    again = decide.automatic(case, life.desk())
    assert (again.documents, again.payments, again.events) == ((), (), ()), where
    estimates = [d for d in case.documents if d.kind is DocumentKind.ESTIMATE]
    assert len(estimates) <= 1, where


def test_an_order_is_never_left_without_a_way_on() -> None:
    """Everything that is neither done nor waiting for somebody has a time to be looked at."""
    for state in STATES:
        life = state()
        order: Order = life.case.order
        waits = life.case.status in (OrderStatus.PENDING, OrderStatus.ESTIMATED)
        if waits and life.case.decide_at is None:
            assert not order.paid, state.__name__
