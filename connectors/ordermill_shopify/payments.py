"""What was paid and how, by Shopify's financial status and transactions. Pure."""

from __future__ import annotations

from datetime import datetime

from ordermill.model.order import ZERO, PaymentStatus
from ordermill.model.order import Transaction as Movement
from ordermill_shopify.amounts import Side, time
from ordermill_shopify.raws import bare
from ordermill_shopify.structs import Order, Transaction

_STATUS = {
    "PAID": PaymentStatus.PAID,
    "REFUNDED": PaymentStatus.REFUNDED,
    "PARTIALLY_PAID": PaymentStatus.PARTIALLY_PAID,
    "PENDING": PaymentStatus.UNPAID,
    "AUTHORIZED": PaymentStatus.UNPAID,
    "EXPIRED": PaymentStatus.UNPAID,
    "VOIDED": PaymentStatus.UNPAID,
}
_KINDS = {"EMV_AUTHORIZATION": "authorization"}
_PAYING = ("SALE", "CAPTURE")


def status_of(order: Order, side: Side) -> PaymentStatus:
    """Partially refunded is paid when the whole was paid. A status that is new to us is judged by
    the money that came in."""
    known = _STATUS.get(order.display_financial_status or "")
    if known is not None:
        return known
    received = side.maybe(order.total_received_set, "totalReceivedSet")
    if received <= 0:
        return PaymentStatus.UNPAID
    owed = side.of(order.current_total_price_set, "currentTotalPriceSet")
    return PaymentStatus.PAID if received >= owed else PaymentStatus.PARTIALLY_PAID


def movements_of(order: Order, side: Side) -> tuple[Movement, ...]:
    """Every transaction; the cash rounding stands beside its amount and is left there."""
    return tuple(
        Movement(
            id=bare(each.id),
            kind=_KINDS.get(each.kind, each.kind.lower()),
            status=each.status.lower(),
            gateway=each.gateway or None,
            amount=abs(side.of(each.amount_set, "transactions.amountSet")),
            currency_code=side.currency,
            at=_at(each),
        )
        for each in order.transactions
    )


def paid_at(order: Order, status: PaymentStatus) -> datetime | None:
    """When the last payment came in; an order of nothing was paid when it was placed."""
    if status not in (PaymentStatus.PAID, PaymentStatus.REFUNDED):
        return None
    times = [at for each in _payments(order) if (at := _at(each)) is not None]
    return max(times) if times else time(order.processed_at or order.created_at, "processedAt")


def refunded_at(order: Order) -> datetime | None:
    """When the last refund was made."""
    times = [time(refund.processed_at, "refunds.processedAt") for refund in order.refunds]
    return max((at for at in times if at is not None), default=None)


def gateway_of(order: Order) -> tuple[str | None, str | None]:
    """The gateway and the name buyers see, of the largest share that is not a gift card."""
    tried = _payments(order) or [t for t in order.transactions if t.kind == "AUTHORIZATION"]
    named = [t for t in tried if t.gateway != "gift_card"] or tried
    if named:
        return named[-1].gateway or None, named[-1].formatted_gateway or named[-1].gateway or None
    names = order.payment_gateway_names
    return (names[0] or None, names[0] or None) if names else (None, None)


def _payments(order: Order) -> list[Transaction]:
    return [t for t in order.transactions if t.kind in _PAYING and t.status == "SUCCESS"]


def _at(transaction: Transaction) -> datetime | None:
    return time(transaction.processed_at or transaction.created_at, "transactions.processedAt")


def has_paid(status: PaymentStatus, order: Order, side: Side) -> bool:
    """Paid in full at some time: also where all of it went back since."""
    if status is PaymentStatus.REFUNDED:
        return side.maybe(order.total_received_set, "totalReceivedSet") > ZERO
    return status is PaymentStatus.PAID
