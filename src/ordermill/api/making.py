"""A new order as the columns of its row: what a call gives, and what follows from it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from ordermill.api.bodies import Item, Kept, NewOrder
from ordermill.api.call import Call
from ordermill.api.problems import Problem
from ordermill.model.order import ZERO
from ordermill.store import edits
from ordermill.store.edits import Made
from ordermill.store.read import items_of
from ordermill.store.rows import TOO_MUCH, json_text

NESTED = ("customer", "billing_address", "shipping_address")
PLAIN = (
    "source_order_number", "customer_name", "customer_email", "currency_code", "total",
    "total_with_tax", "total_discount", "total_shipping", "payment_method", "payment_gateway",
    "ordered_at",
)  # fmt: skip


def made_of(conn: Connection, new: NewOrder, call: Call) -> Made:
    """The order; 422 where its integration is none of this entity and source, and for what only the
    shop writes."""
    if new.source != edits.MANUAL and "shop" in new.metadata:
        raise invalid("/metadata/shop", "is what the shop knows, and not taken here")
    integration_id = edits.integration_for(
        conn, call.entity_id, new.source, new.order_integration_id
    )
    if integration_id is None:
        raise _without_integration(new)
    return Made(
        entity_id=call.entity_id,
        integration_id=integration_id,
        source=new.source,
        source_id=new.source_id,
        columns=_columns(new, call.now),
        metadata=json_text(new.metadata),
    )


def _columns(new: NewOrder, now: datetime) -> dict[str, Any]:
    lines = items(new.items)
    return {
        **{name: getattr(new, name) for name in PLAIN},
        **{name: nested(getattr(new, name)) for name in NESTED},
        **amounts(new.total, new.total_with_tax, new.payment_status, lines),
        **payment(new.payment_status, now),
        "items": lines,
        "taxes_included": False, "fulfilled": False, "cancelled": False, "complete": False,
        "test": False, "taxes": "[]", "transactions": "[]", "refunds": "[]", "tags": "[]",
        "shop_metadata": "{}", "fulfilled_at": None, "cancelled_at": None,
    }  # fmt: skip


def nested(value: Kept | None) -> str | None:
    """A nested object as JSON, with whatever keys it was sent."""
    return None if value is None else json_text(value.sent())


def items(sent: list[Item]) -> str:
    """The lines as they were sent, amounts exact; 422 where they add up to more than a document
    can say."""
    for name in ("total", "total_with_tax", "discount"):
        amounts_of = (abs(getattr(item, name) or Decimal(0)) for item in sent)
        if sum(amounts_of, Decimal(0)) >= TOO_MUCH:
            raise invalid("/items", f"{name} adds up to more than 12 digits")
    return json_text([item.sent() for item in sent])


def amounts(
    total: Decimal, total_with_tax: Decimal, status: str, lines: str
) -> dict[str, Decimal | None]:
    """What follows from the two totals: the tax, and what is owed. Of an order whose payment status
    says that all of it went back, nothing is. A tax that is not that of the lines is unknown: the
    cent between them is rounding."""
    tax = total_with_tax - total
    if abs(tax) >= TOO_MUCH:
        raise invalid("/total_with_tax", "is too far from total")
    if status == "refunded":
        return {"total_tax": tax, "owed": ZERO, "owed_tax": ZERO}
    of_lines = sum((t.tax for item in items_of(lines, written=True) for t in item.taxes), ZERO)
    known = tax if tax == of_lines else None
    return {"total_tax": tax, "owed": total_with_tax, "owed_tax": known}


def payment(status: str, now: datetime) -> dict[str, Any]:
    """A payment status with the flags and times that it means; a time is never given."""
    paid, refunded = status == "paid", status == "refunded"
    return {
        "payment_status": status,
        "paid": paid,
        "paid_at": now if paid else None,
        "refunded": refunded,
        "refunded_at": now if refunded else None,
    }


def invalid(pointer: str, message: str) -> Problem:
    """A refusal of one field."""
    errors = [{"pointer": pointer, "message": message}]
    return Problem(422, "invalid_body", f"{pointer} {message}", errors=errors)


def _without_integration(new: NewOrder) -> Problem:
    if new.order_integration_id is None and new.source != edits.MANUAL:
        return invalid("/order_integration_id", f"is required for source {new.source}")
    return invalid("/order_integration_id", f"names no {new.source} integration of this entity")
