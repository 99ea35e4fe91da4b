"""What is to become of an order that has no invoice yet. Pure: the clock is an argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from ordermill.model.books import desired, falls_by_refunds, taken
from ordermill.model.buyer import missing
from ordermill.model.case import Case
from ordermill.model.codes import Hold, Skip
from ordermill.model.content import mismatch, net_mismatch, refunded_below
from ordermill.model.order import Order, OrderStatus
from ordermill.model.payments import BANK_TRANSFER, payment_type

MANUAL = "manual"
# However often an order is edited, its delay ends after this many times its length.
LONGEST_QUIET = 10


class Verdict(StrEnum):
    """The ways on."""

    WAIT = "wait"  # until `at`, or until the order changes
    INVOICE = "invoice"
    ESTIMATE = "estimate"
    SKIP = "skip"
    HOLD = "hold"
    CANCEL = "cancel"


class Decision(Struct, frozen=True, kw_only=True):
    """A verdict with its reason in a sentence; ``code`` for skip and hold. ``at``: when to look
    again. ``triggered_at`` and ``process_after`` are what the order is to remember."""

    verdict: Verdict
    reason: str
    code: str | None = None
    at: datetime | None = None
    triggered_at: datetime | None = None
    process_after: datetime | None = None

    @property
    def error(self) -> str | None:
        """As the order's ``error`` says it."""
        return None if self.code is None else f"{self.code}: {self.reason}"


def decide(case: Case, now: datetime, *, edited: bool) -> Decision:
    """``edited``: its items changed since its delay began, which then begins anew."""
    if case.order.cancelled:
        return Decision(verdict=Verdict.CANCEL, reason="cancelled in the shop")
    if case.source == MANUAL:
        return Decision(verdict=Verdict.WAIT, reason="manual orders are processed by a call")
    skipped = skip(case)
    if skipped is not None:
        return skipped
    if not case.rules.auto_process:
        return Decision(verdict=Verdict.WAIT, reason="auto_process is off: processed by a call")
    return _triggered(case, now, edited)


def hold(case: Case) -> Decision | None:
    """Why no invoice may be issued now, also not by a person; None where one may."""
    found: tuple[tuple[Hold, Callable[[Case], str | None]], ...] = (
        (Hold.ORDER_TOTALS_MISMATCH, _mismatch),
        (Hold.REFUND_BELOW_LINE, _refunded_below),
        (Hold.BUYER_DATA_MISSING, _buyer_data_missing),
    )
    for code, of in found:
        reason = of(case)
        if reason is not None:
            return Decision(verdict=Verdict.HOLD, code=code, reason=reason)
    return None


def _mismatch(case: Case) -> str | None:
    order = case.order
    if order.total_with_tax < 0:
        return f"its total is {order.total_with_tax:f} {order.currency_code}, less than nothing"
    off, said = mismatch(order), "lines, shipping, fees and tax differ from the shop's total"
    if off is None and case.source == MANUAL:
        off, said = net_mismatch(order), "lines, shipping and fees differ from the net total"
    if off is None:
        return None
    return f"{said} by {off:f} {order.currency_code}, more than a cent a line"


def _refunded_below(case: Case) -> str | None:
    if falls_by_refunds(case.order):
        return None
    below = refunded_below(case.order, taken(case))
    if below is None:
        return None
    return f"more was refunded of line {below.source_id or below.name} than it has"


def _buyer_data_missing(case: Case) -> str | None:
    lacking = missing(case.order, case.entity.address.get("country_code"))
    return None if lacking is None else f"an invoice to this buyer must say {lacking}"


def skip(case: Case) -> Decision | None:
    """The rule by which it is never invoiced by itself; None where none applies."""
    order, rules = case.order, case.rules.skip
    tags = {tag.casefold() for tag in rules.tags} & {tag.casefold() for tag in order.tags}
    gateways = {gateway.casefold() for gateway in rules.gateways}
    found: tuple[tuple[bool, Skip, str], ...] = (
        (_before_import(case), Skip.BEFORE_IMPORT_FROM,
         "placed before the day from which this integration imports"),
        (rules.test_orders and order.test, Skip.TEST_ORDER, "a test order"),
        ((order.payment_gateway or "").casefold() in gateways, Skip.GATEWAY_EXCLUDED,
         f"paid by {order.payment_gateway}, which skip.gateways names"),
        (bool(tags), Skip.TAG_EXCLUDED, "it has a tag that skip.tags names"),
    )  # fmt: skip
    for applies, code, reason in found:
        if applies:
            return Decision(verdict=Verdict.SKIP, code=code, reason=reason)
    left = nothing_left(case)
    if left is None and rules.zero_total and not order.total_with_tax:
        return Decision(verdict=Verdict.SKIP, code=Skip.ZERO_TOTAL, reason="its total is zero")
    return left


def nothing_left(case: Case) -> Decision | None:
    """Why there is nothing to invoice, also by a person; None where there is something."""
    order = case.order
    went_back = bool(taken(case)) or order.owed < order.total_with_tax
    if went_back and _all_went_back(case) and _refunded_below(case) is None:
        code, reason = Skip.REFUNDED_BEFORE_INVOICE, "refunded in full before any invoice"
        return Decision(verdict=Verdict.SKIP, code=code, reason=reason)
    if not order.items and not order.total_with_tax:
        return Decision(verdict=Verdict.SKIP, code=Skip.ZERO_TOTAL, reason="it has no lines")
    return None


def _all_went_back(case: Case) -> bool:
    """Nothing is owed, or no line is left: then what is owed is the rounding of the shop's total,
    and that is nothing to invoice."""
    order = case.order
    if order.owed <= 0:
        return True
    return not falls_by_refunds(order) and not desired(case).items


def is_bank_transfer(case: Case) -> bool:
    """By the gateway, or by the integration's default where the gateway is not known."""
    known = payment_type(case.order.payment_gateway, case.rules.default_payment_type)
    return known == BANK_TRANSFER


def stalled(order: Order) -> str | None:
    """Why the shop itself waits (payment failed, not confirmed), as its connector says."""
    reason = order.metadata.get("stalled")
    return reason if isinstance(reason, str) else None


def _before_import(case: Case) -> bool:
    placed = case.order.ordered_at
    return case.import_cutoff is not None and placed is not None and placed < case.import_cutoff


def _triggered(case: Case, now: datetime, edited: bool) -> Decision:
    trigger = _trigger(case)
    if trigger is None:
        return Decision(verdict=Verdict.WAIT, reason=f"waits until it is {_awaited(case)}")
    verdict, at, what = trigger
    reached = now if edited else max(min(at or now, now), case.created_at)
    begun = case.triggered_at or reached
    due = _due(case, begun, now, edited)
    if due > now:
        return Decision(
            verdict=Verdict.WAIT,
            reason=f"{what}; waits {case.rules.auto_process_delay_seconds} s for late edits",
            at=due,
            triggered_at=begun,
            process_after=due,
        )
    held = hold(case)
    if held is not None:
        return held
    return Decision(verdict=verdict, reason=what, triggered_at=begun, process_after=due)


def _due(case: Case, begun: datetime, now: datetime, edited: bool) -> datetime:
    delay = timedelta(seconds=case.rules.auto_process_delay_seconds)
    if case.process_after is None or case.triggered_at is None:
        return begun + delay
    if edited:
        return min(now + delay, begun + LONGEST_QUIET * delay)
    return min(case.process_after, now + delay)  # a shorter delay in the rules counts at once


def _trigger(case: Case) -> tuple[Verdict, datetime | None, str] | None:
    """The trigger that the order has reached, with its time where the shop names one."""
    order, rules = case.order, case.rules
    estimated = case.status is OrderStatus.ESTIMATED
    if rules.issue_invoice_on_complete and order.complete:
        return Verdict.INVOICE, order.fulfilled_at, "complete"
    if rules.auto_process_on == "created" and not estimated and _wants_estimate(case):
        if stalled(order):
            return None
        return Verdict.ESTIMATE, order.ordered_at, "an unpaid bank transfer gets an estimate"
    if rules.issue_invoice_on_complete:
        return None
    if estimated or rules.auto_process_on == "paid":
        return (Verdict.INVOICE, order.paid_at, "paid") if order.paid else None
    if rules.auto_process_on == "fulfilled":
        return (Verdict.INVOICE, order.fulfilled_at, "fulfilled") if order.fulfilled else None
    return None if stalled(order) else (Verdict.INVOICE, order.ordered_at, "placed")


def _wants_estimate(case: Case) -> bool:
    return not case.order.paid and not case.rules.issue_invoice_for_bank and is_bank_transfer(case)


def _awaited(case: Case) -> str:
    waits = stalled(case.order)
    if waits is not None and not case.order.paid:
        return f"paid ({waits})"
    if case.rules.issue_invoice_on_complete:
        return "complete"
    return "paid" if case.status is OrderStatus.ESTIMATED else case.rules.auto_process_on
