"""Orders for tests that need one and care for little of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from ordermill.model.order import Item, ItemKind, ItemTax, Order, PaymentStatus, Refund, TaxTotal

AT = datetime(2026, 11, 24, 10, tzinfo=UTC)


def an_item(name: str = "Mug", price: str = "10.00", quantity: int = 2, **other: Any) -> Item:
    """A line at 22 %."""
    total = Decimal(price) * quantity
    tax = (total * Decimal("0.22")).quantize(Decimal("0.01"))
    values: dict[str, Any] = {
        "name": name, "sku": f"SKU-{name}", "source_id": "1", "kind": ItemKind.LINE_ITEM,
        "quantity": Decimal(quantity), "price": Decimal(price), "gross_price": None,
        "discount": Decimal("0.00"), "total": total, "total_with_tax": total + tax,
        "tax_rate": Decimal(22), "taxes": (ItemTax(rate=Decimal(22), tax=tax),),
    }  # fmt: skip
    return Item(**(values | other))


def an_order(source_id: str = "1001", second: int = 0, **other: Any) -> Order:
    """A paid order of one line; ``second`` moves its last change."""
    items = other.pop("items", (an_item(),))
    total = sum((item.total for item in items), Decimal("0.00"))
    gross = sum((item.total_with_tax for item in items), Decimal("0.00"))
    values: dict[str, Any] = {
        "source_id": source_id, "source_order_number": f"#{source_id}", "ordered_at": AT,
        "shop_updated_at": AT + timedelta(seconds=second), "currency_code": "EUR", "total": total,
        "total_tax": gross - total, "total_with_tax": gross, "total_discount": Decimal("0.00"),
        "total_shipping": Decimal("0.00"), "owed": gross, "owed_tax": gross - total,
        "taxes_included": False, "items": items,
        "taxes": (TaxTotal(rate=Decimal(22), tax=gross - total),),
        "payment_status": PaymentStatus.PAID, "payment_method": "Card",
        "payment_gateway": "stripe", "paid": True, "paid_at": AT, "fulfilled": False,
        "fulfilled_at": None, "cancelled": False, "cancelled_at": None, "refunded": False,
        "refunded_at": None, "complete": False, "test": False, "deleted": False,
        "customer_name": "Ana Čop", "customer_email": "ana@example.com", "customer": None,
        "billing_address": None, "shipping_address": None, "transactions": (), "refunds": (),
        "tags": (), "metadata": {},
    }  # fmt: skip
    return Order(**(values | other))


def a_refund(source_id: str = "r1", amount: str = "5.00", **other: Any) -> Refund:
    """An amount-only refund."""
    values: dict[str, Any] = {
        "source_id": source_id, "created_at": AT, "amount": Decimal(amount), "total_tax": None,
        "reason": None,
    }  # fmt: skip
    return Refund(**(values | other))


def changed(order: Order, **values: Any) -> Order:
    """The order with other values."""
    return msgspec.structs.replace(order, **values)
