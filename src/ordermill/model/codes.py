"""The codes by which ordermill says why: the first word of an order's ``error`` and of reasons.

They are API: a code is added, never renamed.
"""

from __future__ import annotations

from enum import StrEnum


class Skip(StrEnum):
    """Never invoiced by itself; a person may process it."""

    TEST_ORDER = "test_order"
    ZERO_TOTAL = "zero_total"
    GATEWAY_EXCLUDED = "gateway_excluded"
    TAG_EXCLUDED = "tag_excluded"
    BEFORE_IMPORT_FROM = "before_import_from"
    REFUNDED_BEFORE_INVOICE = "refunded_before_invoice"


class Hold(StrEnum):
    """A person or new data must come: before an invoice the order is ``failed``, after it the code
    stands in ``error`` for review."""

    ORDER_TOTALS_MISMATCH = "order_totals_mismatch"
    BUYER_DATA_MISSING = "buyer_data_missing"
    REISSUE_LIMIT = "reissue_limit"
    REFUND_DELETED = "refund_deleted"
    REFUND_BELOW_LINE = "refund_below_line"
    ORDER_GONE = "order_gone"
    CANCELLED_NOT_REFUNDED = "cancelled_not_refunded"
    CURRENCY_CHANGED = "currency_changed"


class Refusal(StrEnum):
    """Why a call on an order is refused: the right request at the wrong moment."""

    ORDER_EXISTS = "order_exists"
    ORDER_LOCKED = "order_locked"
    ORDER_OWNED_BY_SHOP = "order_owned_by_shop"
    ORDER_ALREADY_INVOICED = "order_already_invoiced"
    ORDER_ALREADY_CANCELLED = "order_already_cancelled"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_NOT_INVOICED = "order_not_invoiced"
    ORDER_ITEMS_NOT_CHANGED = "order_items_not_changed"


def code_of(error: str | None) -> str | None:
    """The code an ``error`` begins with; None for none, and for an attempt that broke."""
    if error is None:
        return None
    code, colon, _ = error.partition(":")
    known = {*Skip, *Hold}
    return code if colon and code in known else None
