"""What becomes of an invoiced order by itself: its money, its refunds, what differs. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ordermill.invoicing import cancel, money
from ordermill.invoicing.refund import pending
from ordermill.invoicing.reissue import buyer_differences, caught_up, differences, reissue
from ordermill.model import changes, rules
from ordermill.model import content as contents
from ordermill.model.books import billed, in_turn
from ordermill.model.case import (
    REISSUES_A_DAY,
    Case,
    Desk,
    Happening,
    KnownRefund,
    Plan,
    joined,
)
from ordermill.model.codes import Hold

DAY = timedelta(days=1)
_AT_REST: dict[str, Any] = {"decide_at": None, "reissue_after": None}


def settled(case: Case, desk: Desk) -> Plan:
    """Its payments and refunds, then a cancellation, a review, or a difference that waits to be
    reissued; last what went back to the buyer out of that."""
    return in_turn(case, desk, (caught_up, _settle, money.went_back))


def flags(case: Case) -> Plan:
    """What differs, kept field by field; an edit that was undone clears it."""
    found, buyer = differences(case), buyer_differences(case)
    told: tuple[Happening, ...] = ()
    if found and found != changes.of_items(case.changes):
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


def _settle(case: Case, desk: Desk) -> Plan:
    if case.deleted_by == "shop":
        return _gone(case)
    if case.order.cancelled:
        return in_turn(case, desk, (cancel.noticed, _cancelled))
    return in_turn(case, desk, (cancel.undone, _compare))


def _gone(case: Case) -> Plan:
    gone = f"{Hold.ORDER_GONE}: no longer in the shop; its documents stay as they are"
    return _reviewed(case, None if contents.is_nothing(billed(case)) else gone, _AT_REST)


def _cancelled(case: Case, desk: Desk) -> Plan:
    """By the integration's policy; ``ignore`` treats it like any other order."""
    if case.rules.on_cancel_after_invoice == "ignore":
        return _compare(case, desk)
    if cancel.credits_now(case):
        return in_turn(case, desk, (cancel.credit, _awaited))
    return _awaited(case, desk)


def _awaited(case: Case, desk: Desk) -> Plan:
    review, until = cancel.awaited(case, desk.now)
    decisions = {"decide_at": until, "reissue_after": None}
    return joined((flags(case), _reviewed(case, review, decisions)))


def _compare(case: Case, desk: Desk) -> Plan:
    flagged = flags(case)
    if not flagged.decisions["items_changed"]:
        return joined((flagged, _reviewed(case, None, _AT_REST)))
    review = _review(case)
    if review is not None or not case.rules.auto_reissue_on_update:
        return joined((flagged, _reviewed(case, review, _AT_REST)))
    changed = flagged.decisions["changes"] != case.changes
    return joined((flagged, _reissue_in_time(case, desk, changed=changed)))


def _review(case: Case) -> str | None:
    """Why a person must look before anything is issued again; None where nobody must."""
    invoice = case.invoice
    assert invoice is not None
    deleted = next((k for k in case.refunds if k.deleted and _billed_without(case, k)), None)
    if deleted is not None:
        return (
            f"{Hold.REFUND_DELETED}: refund {deleted.refund.source_id} is no longer in the shop, "
            "and was billed; reissue the order if the buyer owes the amount again"
        )
    if invoice.content.currency_code != case.order.currency_code:
        return f"{Hold.CURRENCY_CHANGED}: invoiced in another currency; check it, then reissue it"
    held = rules.hold(case)
    return None if held is None else held.error


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


def _reissue_in_time(case: Case, desk: Desk, *, changed: bool) -> Plan:
    """By itself after a time without further change, a few times a day at most."""
    if pending(case):
        return _reviewed(case, None, _AT_REST)
    recent = tuple(at for at in case.auto_reissues if at > desk.now - DAY)
    if len(recent) >= REISSUES_A_DAY:
        limit = (
            f"{Hold.REISSUE_LIMIT}: reissued {len(recent)} times within a day; check the order, "
            "then reissue it"
        )
        return _reviewed(case, limit, _AT_REST)
    after = desk.now + timedelta(seconds=case.rules.reissue_settle_seconds)
    if case.reissue_after is not None and not changed:
        after = min(after, case.reissue_after)  # a shorter time in the rules counts at once
    if after > desk.now:
        return _reviewed(case, None, {"reissue_after": after, "decide_at": after})
    counted = Plan(decisions={"auto_reissues": (*recent, desk.now)})
    return joined((counted, reissue(case, desk)))
