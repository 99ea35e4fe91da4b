"""Shopify's statuses of an order, read from its transactions, parcels and times."""

from __future__ import annotations

from decimal import Decimal

from ordermill.simulator.orders import Order
from ordermill.simulator.shopify.sums import total

_REASONS = frozenset({"CUSTOMER", "DECLINED", "FRAUD", "INVENTORY", "STAFF"})
_SENT = {
    "unfulfilled": "UNFULFILLED", "partial": "PARTIALLY_FULFILLED", "fulfilled": "FULFILLED",
}  # fmt: skip


def financial(order: Order) -> str:
    """``displayFinancialStatus``; an order of nothing is paid."""
    given = refunded(order)
    if given:
        return "REFUNDED" if given >= order.paid else "PARTIALLY_REFUNDED"
    if order.paid:
        return "PAID" if order.paid >= order.totals.total else "PARTIALLY_PAID"
    if reserved(order):
        return "AUTHORIZED"
    voided = any(t.kind == "void" for t in order.transactions)
    if voided or order.cancelled_at is not None:
        return "VOIDED"
    return "PENDING" if order.current_total > 0 else "PAID"


def refunded(order: Order) -> Decimal:
    """By transactions that succeeded: pending refunds and mere bookings do not count yet."""
    return total(
        t.amount for t in order.transactions if t.kind == "refund" and t.status == "success"
    )


def reserved(order: Order) -> Decimal:
    """What is authorized and neither captured nor released."""
    done = {t.parent_id for t in order.transactions if t.kind in ("capture", "void")}
    open_ = (
        t.amount for t in order.transactions
        if t.kind == "authorization" and t.status == "success" and t.id not in done
    )  # fmt: skip
    return total(open_)


def rounding(order: Order, *kinds: str) -> Decimal:
    """The cash rounding of the movements of these kinds."""
    return total(
        t.rounding for t in order.transactions if t.kind in kinds and t.status == "success"
    )


def fulfilment(order: Order) -> str:
    """``displayFulfillmentStatus``."""
    if not any(line.requires_shipping for line in order.lines):
        return "FULFILLMENT_NOT_REQUIRED"
    return _SENT[order.fulfilment]


def cancel_reason(order: Order) -> str | None:
    """``cancelReason``, of those that Shopify knows."""
    if order.cancelled_at is None:
        return None
    reason = order.cancel_reason.upper()
    return reason if reason in _REASONS else "OTHER"


def listed_as(order: Order) -> list[str]:
    """What the filter ``status`` finds it by."""
    if order.cancelled_at is not None:
        return ["cancelled", "closed"] if order.closed_at else ["cancelled", "open"]
    return ["closed"] if order.closed_at else ["open"]
