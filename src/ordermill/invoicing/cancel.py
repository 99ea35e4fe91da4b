"""Cancel: before an invoice by a call or by the shop, after it by a policy. Pure."""

from __future__ import annotations

from datetime import datetime

from ordermill.invoicing import money
from ordermill.invoicing.refund import credit_note, pending
from ordermill.model import content as contents
from ordermill.model.books import billed, received
from ordermill.model.case import WAIT_FOR_REFUND, Case, Desk, Happening, Plan
from ordermill.model.codes import Hold
from ordermill.model.lifecycle import assert_cancellable
from ordermill.model.order import OrderStatus


def by_hand(case: Case, desk: Desk) -> Plan:
    """A person's call; final. Raise WrongState if it is invoiced or cancelled."""
    assert_cancellable(case)
    return cancelled(desk, "cancelled by a call", withdrawn=True)


def cancelled(desk: Desk, reason: str, *, withdrawn: bool = False) -> Plan:
    """No document comes any more. ``withdrawn``: by a person, so the shop does not undo it."""
    decisions: dict[str, object] = {
        "status": OrderStatus.CANCELLED,
        "error": None,
        "triggered_at": None,
        "process_after": None,
        "decide_at": None,
        "attempts": 0,
    }
    if withdrawn:
        decisions["withdrawn_at"] = desk.now
    return Plan(
        decisions=decisions,
        events=(Happening(type="order.cancelled", reason=reason),),
    )


def noticed(case: Case, desk: Desk) -> Plan:
    """That the shop cancelled an invoiced order; said once, and when a paid one began to wait."""
    if case.cancelled_noticed_at is not None:
        return Plan()
    return Plan(
        decisions={"cancelled_noticed_at": desk.now},
        events=(
            Happening(type="order.cancelled", reason="cancelled in the shop after its invoice"),
        ),
    )


def undone(case: Case, desk: Desk) -> Plan:
    """Opened again in the shop: what it owes is as with any other order."""
    if case.cancelled_noticed_at is None:
        return Plan()
    return Plan(
        decisions={"cancelled_noticed_at": None},
        events=(Happening(type="order.updated", reason="opened again in the shop"),),
    )


def credits_now(case: Case) -> bool:
    """By policy ``credit``: whether something is billed that nobody paid, or that was refunded in
    full. A refund whose money has not moved yet is waited for, like one that is still to come."""
    order = case.order
    if case.rules.on_cancel_after_invoice != "credit" or contents.is_nothing(billed(case)):
        return False
    unpaid = received(case) <= 0 and not order.paid
    return unpaid or ((order.owed <= 0 or order.refunded) and not pending(case))


def awaited(case: Case, now: datetime) -> tuple[str | None, datetime | None]:
    """Of an invoiced order that the shop cancelled and that is not credited: why a person must
    look, or until when its refund may come."""
    if contents.is_nothing(billed(case)):
        return None, None
    if case.rules.on_cancel_after_invoice == "review":
        return _review("the policy of this integration is review"), None
    until = (case.cancelled_noticed_at or now) + WAIT_FOR_REFUND
    if now < until:
        return None, until
    return _review("paid, and not refunded within a day"), None


def credit(case: Case, desk: Desk) -> Plan:
    """A credit note over what stays of the invoice."""
    invoice = case.invoice
    assert invoice is not None
    note = credit_note(case, desk, invoice, billed(case), "Order cancelled")
    told = {
        "document_id": note.id,
        "total_with_tax": note.content.total_with_tax,
        "currency_code": note.content.currency_code,
    }
    reason = "cancelled: what stayed of the invoice is credited"
    return Plan(
        documents=(note,),
        payments=money.credited(case, desk, note, invoice, None),
        events=(Happening(type="order.refunded", reason=reason, data=told),),
    )


def _review(why: str) -> str:
    return (
        f"{Hold.CANCELLED_NOT_REFUNDED}: cancelled in the shop; {why}. Refund it there, or keep it"
    )
