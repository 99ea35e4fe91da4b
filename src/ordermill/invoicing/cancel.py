"""Cancel: before an invoice by a call or by the shop, after it by a policy. Pure."""

from __future__ import annotations

from ordermill.invoicing.refund import credit_note
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


def after_invoice(case: Case, desk: Desk) -> Plan:
    """Cancelled in the shop after the invoice. By policy ``credit``: what is unpaid, or refunded in
    full, is credited at once; what is paid waits a day for its refund, then a person must look."""
    noticed = case.cancelled_noticed_at or desk.now
    plan = Plan(decisions={"cancelled_noticed_at": noticed}, events=_noticed(case))
    left = billed(case)
    if contents.is_nothing(left) or case.rules.on_cancel_after_invoice == "ignore":
        return plan
    if case.rules.on_cancel_after_invoice == "review":
        return _decided(plan, error=_review("the policy of this integration is review"))
    if received(case) <= 0 and not case.order.paid:
        return _credited(case, desk, plan)
    if case.order.owed <= 0 or case.order.refunded:
        return _credited(case, desk, plan)
    if desk.now < noticed + WAIT_FOR_REFUND:
        return _decided(plan, decide_at=noticed + WAIT_FOR_REFUND)
    return _decided(plan, error=_review("paid, and not refunded within a day"))


def _noticed(case: Case) -> tuple[Happening, ...]:
    if case.cancelled_noticed_at is not None:
        return ()
    return (Happening(type="order.cancelled", reason="cancelled in the shop after its invoice"),)


def _credited(case: Case, desk: Desk, plan: Plan) -> Plan:
    invoice = case.invoice
    assert invoice is not None
    note = credit_note(case, desk, invoice, billed(case), "Order cancelled")
    return Plan(
        documents=(note,),
        decisions=plan.decisions,
        events=(
            *plan.events,
            Happening(
                type="order.refunded",
                reason="cancelled: what stayed of the invoice is credited",
                data={
                    "document_id": note.id,
                    "total_with_tax": note.content.total_with_tax,
                    "currency_code": note.content.currency_code,
                },
            ),
        ),
    )


def _review(why: str) -> str:
    return (
        f"{Hold.CANCELLED_NOT_REFUNDED}: cancelled in the shop; {why}. Refund it there, or keep it"
    )


def _decided(plan: Plan, **decisions: object) -> Plan:
    return Plan(decisions=plan.decisions | decisions, events=plan.events)
