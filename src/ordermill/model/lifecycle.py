"""Which call is right in which state. Pure; the refusals are WrongState (409)."""

from __future__ import annotations

from ordermill.errors import WrongState
from ordermill.model.case import Case
from ordermill.model.codes import Refusal
from ordermill.model.order import OrderStatus


def assert_processable(case: Case) -> None:
    """Raise WrongState unless an invoice may still come: pending, estimated, failed or skipped."""
    if case.status is OrderStatus.INVOICED:
        raise WrongState(
            Refusal.ORDER_ALREADY_INVOICED,
            "the order has an invoice; if its items changed since, reissue it",
            invoice_id=case.invoice_id,
        )
    if case.status is OrderStatus.CANCELLED or case.order.cancelled:
        raise WrongState(Refusal.ORDER_CANCELLED, "the order is cancelled", id=case.id)


def assert_cancellable(case: Case) -> None:
    """Raise WrongState if it is invoiced or cancelled."""
    if case.status is OrderStatus.INVOICED:
        raise WrongState(
            Refusal.ORDER_ALREADY_INVOICED,
            "an invoiced order cannot be cancelled; refund it, or change its items and reissue it",
            invoice_id=case.invoice_id,
        )
    if case.status is OrderStatus.CANCELLED or case.order.cancelled:
        raise WrongState(Refusal.ORDER_ALREADY_CANCELLED, "the order is cancelled", id=case.id)


def assert_invoiced(case: Case) -> None:
    """Raise WrongState if there is no invoice to reissue."""
    if case.status is not OrderStatus.INVOICED or case.invoice is None:
        raise WrongState(
            Refusal.ORDER_NOT_INVOICED, "the order has no invoice; process it first", id=case.id
        )
