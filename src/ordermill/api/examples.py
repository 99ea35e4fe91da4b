"""Examples for the OpenAPI document: the published ones, and what an order becomes."""

from __future__ import annotations

from typing import Any

ITEM: dict[str, Any] = {
    "name": "Widget Pro",
    "quantity": 2,
    "price": 50,
    "gross_price": 61,
    "total": 100,
    "total_with_tax": 122,
    "tax_rate": 22,
}
NEW_ORDER: dict[str, Any] = {
    "order_integration_id": "oint_6595a27b5d35015c3ef0c3fd",
    "source": "manual",
    "source_id": "manual-001",
    "currency_code": "EUR",
    "total": 100,
    "total_with_tax": 122,
    "items": [ITEM],
}
CHANGED_ORDER: dict[str, Any] = {
    "customer_name": "Updated Customer Name",
    "customer_email": "updated@example.com",
}
ORDER: dict[str, Any] = {
    "id": "ord_6595a27b5d35015c3ef0c3fd",
    "entity_id": "ent_6595a27b5d35015c3ef0c3fd",
    "order_integration_id": "oint_6595a27b5d35015c3ef0c3fd",
    "source": "manual",
    "source_id": "manual-001",
    "source_order_number": None,
    "status": "pending",
    "paid": False,
    "paid_at": None,
    "fulfilled": False,
    "fulfilled_at": None,
    "cancelled": False,
    "cancelled_at": None,
    "refunded": False,
    "refunded_at": None,
    "customer_name": None,
    "customer_email": None,
    "customer": None,
    "billing_address": None,
    "shipping_address": None,
    "customer_id": None,
    "currency_code": "EUR",
    "total": 100,
    "total_with_tax": 122,
    "total_discount": 0,
    "total_shipping": 0,
    "items": [ITEM],
    "payment_status": "unpaid",
    "payment_method": None,
    "payment_gateway": None,
    "invoice_id": None,
    "estimate_id": None,
    "process_after": None,
    "transactions": [],
    "complete": False,
    "items_changed_after_processing": False,
    "raw_data": None,
    "source_event_id": None,
    "error": None,
    "ordered_at": None,
    "processed_at": None,
    "metadata": {},
    "created_at": "2024-01-01T00:00:00.000Z",
    "updated_at": "2024-09-01T00:00:00.000Z",
    "deleted_at": None,
}
PROCESSED: dict[str, Any] = ORDER | {
    "status": "invoiced",
    "invoice_id": "inv_7595a27b5d35015c3ef0c3fe",
    "processed_at": "2024-01-15T12:00:00.000Z",
}
CANCELLED: dict[str, Any] = ORDER | {
    "status": "cancelled",
    "cancelled": True,
    "cancelled_at": "2024-01-15T12:00:00.000Z",
}
REISSUED: dict[str, Any] = PROCESSED | {
    "invoice_id": "inv_8595a27b5d35015c3ef0c3ff",
    "processed_at": "2024-01-16T12:00:00.000Z",
}
CHANGE: dict[str, Any] = {"line": "1", "field": "quantity", "billed": 2, "desired": 1}
EVENT: dict[str, Any] = {
    "id": "evt_659d2a6b9f0c5a1e7d3b4c28",
    "type": "order.processed",
    "at": "2024-01-15T12:00:00.000Z",
    "actor": "backoffice",
    "reason": None,
    "data": {"number": "INV-2024-00001"},
}
PROBLEM: dict[str, Any] = {
    "type": "about:blank",
    "title": "Conflict",
    "status": 409,
    "detail": "this integration has an order with that source_id already",
    "code": "order_exists",
    "message": "this integration has an order with that source_id already",
    "details": {"id": "ord_6595a27b5d35015c3ef0c3fd"},
}
