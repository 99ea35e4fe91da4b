"""What becomes of an order by itself, and after a change. Pure: a case in, a plan out."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from ordermill.invoicing import cancel, process, settle
from ordermill.invoicing.reissue import came
from ordermill.model import rules
from ordermill.model.case import Case, Desk, Happening, Plan, joined
from ordermill.model.codes import code_of
from ordermill.model.order import OrderStatus
from ordermill.model.rules import Decision, Verdict

_encode = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode


def automatic(case: Case, desk: Desk) -> Plan:
    """Everything that is due for the order now, and when to look again (``decide_at``).

    Idempotent: on a case that its own plan was written for, it plans nothing but the same due time.
    An order that a person deleted is left alone.
    """
    if case.deleted_by == "person":
        return _wait(None)
    if case.invoice is not None:
        return settle.settled(case, desk)
    if case.deleted_by is not None:
        return _wait(None)
    return _first(case, desk)


def after_change(case: Case, desk: Desk) -> Plan:
    """After a person made or changed the order: what is said to be paid and its flags at once,
    documents later or by a call."""
    if case.invoice is not None:
        return joined((came(case, desk), settle.flags(case), _wait(desk.now)))
    if case.status is OrderStatus.FAILED and rules.hold(case) is None:
        return _back(case, desk.now, "its data was mended")
    return _wait(desk.now)


def _first(case: Case, desk: Desk) -> Plan:
    """No invoice yet: what the rules say."""
    if case.status is OrderStatus.CANCELLED:
        if case.withdrawn_at is not None or case.order.cancelled:
            return Plan(decisions={"decide_at": None, "error": None})
        return _back(case, desk.now, "opened again in the shop")
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
            return process.invoice(case, desk, decision.reason)
        case _:
            return _waiting(case, remembered)


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
    """Nothing to do yet. What was skipped or held before, and no longer is, waits again; what a
    call was refused for, and still would be, stays as it is."""
    was = code_of(case.error)
    still = rules.hold(case) if was is not None else None
    if still is not None:
        return Plan(decisions=remembered | {"error": still.error})
    kept = {OrderStatus.PENDING, OrderStatus.ESTIMATED}
    status = case.status if case.status in kept else OrderStatus.PENDING
    events = () if was is None else (
        Happening(type="order.updated", reason=f"no longer {was}"),
    )  # fmt: skip
    return Plan(decisions=remembered | {"status": status, "error": None}, events=events)


def _back(case: Case, now: datetime, reason: str) -> Plan:
    """Waiting again; an estimate that was sent is good again, too."""
    status = OrderStatus.PENDING if case.estimate is None else OrderStatus.ESTIMATED
    return Plan(
        decisions={"status": status, "error": None, "attempts": 0, "decide_at": now},
        events=(Happening(type="order.updated", reason=reason),),
    )


def _wait(until: datetime | None) -> Plan:
    return Plan(decisions={"decide_at": until})


def _hash(case: Case) -> str:
    """Of what would be billed: the delay before processing begins anew when it changes."""
    order = case.order
    facts = (order.currency_code, order.total_with_tax, order.owed, order.items)
    return hashlib.blake2b(_encode(facts), digest_size=8).hexdigest()
