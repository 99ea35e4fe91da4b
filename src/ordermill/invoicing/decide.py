"""What becomes of an order by itself, and after a change. Pure: a case in, a plan out."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ordermill.invoicing import cancel, money, process, refund
from ordermill.invoicing.reissue import reissue
from ordermill.model import changes, rules
from ordermill.model import content as contents
from ordermill.model.books import billed, desired, in_turn
from ordermill.model.buyer import buyer_of
from ordermill.model.case import (
    REISSUES_A_DAY,
    Case,
    Desk,
    Difference,
    Happening,
    KnownRefund,
    Plan,
    joined,
)
from ordermill.model.codes import Hold, code_of
from ordermill.model.order import OrderStatus
from ordermill.model.rules import Decision, Verdict

DAY = timedelta(days=1)
_encode = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode


def automatic(case: Case, desk: Desk) -> Plan:
    """Everything that is due for the order now, and when to look again (``decide_at``).

    Idempotent: on a case that its own plan was written for, it plans nothing but the same due time.
    An order that a person deleted is left alone.
    """
    if case.deleted_by == "person":
        return _wait(case, None)
    if case.invoice is not None:
        return in_turn(case, desk, (_payments, refund.credit_refunds, _settle))
    if case.deleted_by is not None:
        return _wait(case, None)
    return _first(case, desk)


def after_change(case: Case, desk: Desk) -> Plan:
    """After a person made or changed the order: its flags at once, documents later or by a call."""
    if case.invoice is not None:
        return joined((_flags(case, _differences(case)), _wait(case, desk.now)))
    if case.status is OrderStatus.FAILED and rules.hold(case) is None:
        return _back(case, desk.now, "its data was mended")
    return Plan(decisions={"decide_at": desk.now})


def _first(case: Case, desk: Desk) -> Plan:
    """No invoice yet: what the rules say."""
    if case.status is OrderStatus.CANCELLED:
        if case.withdrawn_at is not None or case.order.cancelled:
            return _wait(case, None)
        return joined((_back(case, desk.now, "opened again in the shop"),))
    content_hash = _hash(case)
    edited = case.billing_hash is not None and case.billing_hash != content_hash
    plan = _act(case, desk, rules.decide(case, desk.now, edited=edited))
    return joined((Plan(decisions={"billing_hash": content_hash}), plan))


def _act(case: Case, desk: Desk, decision: Decision) -> Plan:
    remembered: dict[str, Any] = {
        "triggered_at": decision.triggered_at,
        "process_after": decision.process_after,
        "decide_at": decision.at,
        "attempts": 0,
    }
    match decision.verdict:
        case Verdict.CANCEL:
            return cancel.cancelled(desk, decision.reason)
        case Verdict.SKIP:
            return _held(case, decision, OrderStatus.SKIPPED, "order.skipped", remembered)
        case Verdict.HOLD:
            return _held(case, decision, OrderStatus.FAILED, "order.held", remembered)
        case Verdict.ESTIMATE:
            return process.estimate(case, desk, decision.reason)
        case Verdict.INVOICE:
            return _invoice(case, desk, decision.reason, remembered)
        case _:
            return _waiting(case, remembered)


def _invoice(case: Case, desk: Desk, reason: str, remembered: dict[str, Any]) -> Plan:
    below = contents.below_zero(desired(case))
    if below is None:
        return process.invoice(case, desk, reason)
    decision = Decision(
        verdict=Verdict.HOLD,
        code=Hold.REFUND_BELOW_LINE,
        reason=f"more was refunded of line {below.source_id} than it has",
    )
    return _held(case, decision, OrderStatus.FAILED, "order.held", remembered)


def _held(
    case: Case, decision: Decision, status: OrderStatus, event: str, remembered: dict[str, Any]
) -> Plan:
    """Skipped or held; an order that has an estimate stays estimated. Said once."""
    if case.status is OrderStatus.ESTIMATED:
        status = OrderStatus.ESTIMATED
    said = case.error == decision.error and case.status is status
    return Plan(
        decisions=remembered | {"status": status, "error": decision.error},
        events=() if said else (Happening(type=event, reason=decision.error),),
    )


def _waiting(case: Case, remembered: dict[str, Any]) -> Plan:
    """Nothing to do yet. What was skipped or held before, and no longer is, waits again."""
    kept = {OrderStatus.PENDING, OrderStatus.ESTIMATED}
    status = case.status if case.status in kept else OrderStatus.PENDING
    was = code_of(case.error)
    events = () if was is None else (
        Happening(type="order.updated", reason=f"no longer {was}"),
    )  # fmt: skip
    return Plan(decisions=remembered | {"status": status, "error": None}, events=events)


def _back(case: Case, now: datetime, reason: str) -> Plan:
    return Plan(
        decisions={
            "status": OrderStatus.PENDING,
            "error": None,
            "attempts": 0,
            "decide_at": now,
        },
        events=(Happening(type="order.updated", reason=reason),),
    )


def _wait(case: Case, until: datetime | None) -> Plan:
    return Plan(decisions={"decide_at": until})


def _payments(case: Case, desk: Desk) -> Plan:
    """Money that came after the invoice."""
    invoice = case.invoice
    assert invoice is not None
    return Plan(payments=money.incoming(case, desk, invoice.id))


def _settle(case: Case, desk: Desk) -> Plan:
    """Invoiced: a cancellation, a review, or a difference that waits to be reissued."""
    if case.deleted_by == "shop":
        gone = f"{Hold.ORDER_GONE}: no longer in the shop; its documents stay as they are"
        return _reviewed(case, gone, {"decide_at": None, "reissue_after": None})
    if case.order.cancelled:
        return in_turn(case, desk, (_calm, cancel.after_invoice))
    found = _differences(case)
    review = _review(case, found)
    if review is not None or not found:
        flags = _flags(case, found)
        return joined((flags, _reviewed(case, review, {"decide_at": None, "reissue_after": None})))
    return _reissue_in_time(case, desk, found)


def _calm(case: Case, desk: Desk) -> Plan:
    """A cancelled order differs from nothing; what it owes is the cancellation's."""
    return Plan(
        decisions={
            "items_changed": False,
            "changes": (),
            "reissue_after": None,
            "decide_at": None,
            "error": None,
        }
    )


def _differences(case: Case) -> tuple[Difference, ...]:
    """Between what is billed (pending refunds as if they were through) and what is desired."""
    left = billed(case)
    plain = changes.diff(left, desired(case))
    if plain and refund.pending(case):
        soon = changes.diff(refund.without_pending(case, left), desired(case))
        return () if not soon else plain
    return plain


def _flags(case: Case, found: tuple[Difference, ...]) -> Plan:
    """What differs, kept field by field; an edit that was undone clears it."""
    invoice = case.invoice
    assert invoice is not None
    buyer = changes.buyer_diff(invoice.customer, buyer_of(case.order))
    told: tuple[Happening, ...] = ()
    if found and found != tuple(each for each in case.changes if each not in buyer):
        fields = sorted({each.field for each in found})
        told = (Happening(type="order.items_changed", reason=f"{', '.join(fields)} changed"),)
    return Plan(
        decisions={
            "items_changed": bool(found),
            "buyer_changed": bool(buyer),
            "changes": found + buyer,
        },
        events=told,
    )


def _review(case: Case, found: tuple[Difference, ...]) -> str | None:
    """Why a person must look before anything is issued again; None where nobody must."""
    if not found:
        return None
    deleted = next((k for k in case.refunds if k.deleted and _billed_without(case, k)), None)
    if deleted is not None:
        return (
            f"{Hold.REFUND_DELETED}: refund {deleted.refund.source_id} is no longer in the shop, "
            "and was billed; reissue the order if the buyer owes the amount again"
        )
    if any(each.field == "currency_code" for each in found):
        return f"{Hold.CURRENCY_CHANGED}: invoiced in another currency; check it, then reissue it"
    held = rules.hold(case)
    if held is not None:
        return held.error
    below = contents.below_zero(desired(case))
    if below is not None:
        line = below.source_id
        return f"{Hold.REFUND_BELOW_LINE}: more was refunded of line {line} than it has"
    return None


def _billed_without(case: Case, known: KnownRefund) -> bool:
    """Whether the present invoice, or a credit note for it, takes the refund into account."""
    invoice = case.invoice
    assert invoice is not None
    notes = (note.id for note in case.credit_notes(invoice.id))
    return known.settled_by in {invoice.id, *notes}


def _reviewed(case: Case, error: str | None, decisions: dict[str, Any]) -> Plan:
    """The review's code in ``error``; said once."""
    events: tuple[Happening, ...] = ()
    if error is not None and error != case.error:
        events = (Happening(type="order.held", reason=error),)
    return Plan(decisions=decisions | {"error": error, "attempts": 0}, events=events)


def _reissue_in_time(case: Case, desk: Desk, found: tuple[Difference, ...]) -> Plan:
    """By itself after a time without further change, a few times a day at most."""
    flags = _flags(case, found)
    if not case.rules.auto_reissue_on_update:
        return joined((flags, _reviewed(case, None, {"decide_at": None, "reissue_after": None})))
    if refund.pending(case):
        return joined((flags, _reviewed(case, None, {"decide_at": None})))
    settle = timedelta(seconds=case.rules.reissue_settle_seconds)
    changed = flags.decisions["changes"] != case.changes
    after = case.reissue_after
    if after is None or changed:
        after = desk.now + settle
    after = min(after, desk.now + settle)
    if after > desk.now:
        waits = {"reissue_after": after, "decide_at": after}
        return joined((flags, _reviewed(case, None, waits)))
    recent = [at for at in case.auto_reissues if at > desk.now - DAY]
    if len(recent) >= REISSUES_A_DAY:
        limit = (
            f"{Hold.REISSUE_LIMIT}: reissued {len(recent)} times within a day; check the order, "
            "then reissue it"
        )
        return joined((flags, _reviewed(case, limit, {"decide_at": None, "reissue_after": None})))
    kept = Plan(decisions={"auto_reissues": tuple(recent)})
    return in_turn(case, desk, (lambda *_: flags, lambda *_: kept, reissue))


def _hash(case: Case) -> str:
    """Of what would be billed: the delay before processing begins anew when it changes."""
    order = case.order
    facts = (order.currency_code, order.total_with_tax, order.owed, order.items)
    return hashlib.blake2b(_encode(facts), digest_size=8).hexdigest()
