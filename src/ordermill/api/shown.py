"""Rows as the JSON that callers get, built once: texts that are JSON already are spliced in.

Amounts leave as the exact digits that are kept, times as UTC with milliseconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct
from sqlalchemy import Connection

from ordermill.model.order import ZERO
from ordermill.store import lists
from ordermill.store.read import rules_of
from ordermill.store.types import to_milliseconds

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Order(Struct):
    """The attributes of the published example, in its order."""

    id: str
    entity_id: str
    order_integration_id: str
    source: str
    source_id: str
    source_order_number: str | None
    status: str
    paid: bool
    paid_at: str | None
    fulfilled: bool
    fulfilled_at: str | None
    cancelled: bool
    cancelled_at: str | None
    refunded: bool
    refunded_at: str | None
    customer_name: str | None
    customer_email: str | None
    customer: Raw | None
    billing_address: Raw | None
    shipping_address: Raw | None
    customer_id: str | None
    currency_code: str
    total: Decimal
    total_with_tax: Decimal
    total_discount: Decimal
    total_shipping: Decimal
    items: Raw
    payment_status: str
    payment_method: str | None
    payment_gateway: str | None
    invoice_id: str | None
    estimate_id: str | None
    process_after: str | None
    transactions: Raw
    complete: bool
    items_changed_after_processing: bool
    raw_data: Raw | None
    source_event_id: str | None
    error: str | None
    ordered_at: str | None
    processed_at: str | None
    metadata: Raw
    created_at: str
    updated_at: str
    deleted_at: str | None


class Relation(Struct):
    """Another document that this one refers to."""

    type: str
    id: str
    number: str


class Document(Struct):
    """An invoice, a credit note or an estimate."""

    id: str
    kind: str
    number: str
    series: str
    entity_id: str
    order_id: str
    order_integration_id: str
    customer_id: str
    customer: Raw
    issuer: Raw
    currency_code: str
    date: str
    date_due: str
    date_service: str
    items: Raw
    taxes: Raw
    total: Decimal
    total_tax: Decimal
    total_with_tax: Decimal
    total_discount: Decimal
    rounding: Decimal
    total_paid: Decimal
    total_due: Decimal
    status: str
    relations: list[Relation]
    reason: str | None
    metadata: Raw
    created_at: str


def time(at: datetime) -> str:
    """``2026-01-31T12:00:00.000Z``."""
    return at.isoformat(timespec="milliseconds")[:-6] + "Z"


def _raw(text: str | None) -> Raw | None:
    return None if text is None else Raw(text.encode())


_FIELDS = Order.__struct_fields__
_RAW_DATA = _FIELDS.index("raw_data")
_TIMES = tuple(at for at, name in enumerate(_FIELDS) if name.endswith(("_at", "_after")))
_JSON = tuple(
    _FIELDS.index(name)
    for name in ("customer", "billing_address", "shipping_address", "items", "transactions")
)
_CANCELLED, _CANCELLED_AT = _FIELDS.index("cancelled"), _FIELDS.index("cancelled_at")
_METADATA, _SOURCE = _FIELDS.index("metadata"), _FIELDS.index("source")


def order(row: Sequence[Any], raw_data: str | None = None) -> bytes:
    """A row of the list of orders; values are converted by their place, for a page has a hundred.

    A person's cancellation shows as the shop's would.
    """
    *values, withdrawn_at, shop_metadata = row
    values.insert(_RAW_DATA, _raw(raw_data))
    if withdrawn_at is not None:
        values[_CANCELLED] = True
        values[_CANCELLED_AT] = values[_CANCELLED_AT] or withdrawn_at
    for at in _TIMES:
        if values[at] is not None:
            values[at] = time(values[at])
    for at in _JSON:
        if values[at] is not None:
            values[at] = Raw(values[at].encode())
    own = values[_METADATA]
    values[_METADATA] = Raw(_metadata(own, shop_metadata, values[_SOURCE]).encode())
    return _encode(Order(*values))


def orders(conn: Connection, rows: Sequence[Any]) -> list[bytes]:
    return [order(row) for row in rows]


def _metadata(own: str, shop: str, source: str) -> str:
    """The API's own, with what the shop knows under ``shop``."""
    if source == "manual" or shop == "{}":
        return own
    return f'{{"shop":{shop}}}' if own == "{}" else f'{own[:-1]},"shop":{shop}}}'


def documents(conn: Connection, rows: Sequence[Any]) -> list[bytes]:
    """Documents with what they refer to, read for all of them at once."""
    related = lists.relations(conn, [row.id for row in rows])
    return [_document(row, [Relation(*each) for each in related[row.id]]) for row in rows]


def _document(row: Any, relations: list[Relation]) -> bytes:
    paid, credited = row.paid or ZERO, row.credited or ZERO
    due = max(ZERO, row.total_with_tax - paid - credited)
    return _encode(
        Document(
            row.id, row.kind, row.number, row.series, row.entity_id, row.order_id,
            row.integration_id, row.customer_id, Raw(row.customer.encode()),
            Raw(row.issuer.encode()), row.currency_code, row.date, row.date_due, row.date_service,
            Raw(row.items.encode()), Raw(row.taxes.encode()), row.total, row.total_tax,
            row.total_with_tax, row.total_discount, row.rounding, paid, due, row.status or "open",
            relations, row.reason, Raw(row.metadata.encode()), time(row.created_at),
        )
    )  # fmt: skip


def payments(conn: Connection, rows: Sequence[Any]) -> list[bytes]:
    names = (
        "id", "entity_id", "order_id", "invoice_id", "credit_note_id", "type", "amount",
        "currency_code", "reference", "date",
    )  # fmt: skip
    return [_encode({name: getattr(row, name) for name in names}) for row in rows]


def customers(conn: Connection, rows: Sequence[Any]) -> list[bytes]:
    names = (
        "id", "entity_id", "name", "email", "phone", "company_name", "tax_number",
        "company_number", "is_business",
    )  # fmt: skip
    return [
        _encode(
            {name: getattr(row, name) for name in names}
            | {
                "address": _raw(row.address),
                "metadata": Raw(row.metadata.encode()),
                "created_at": time(row.created_at),
                "updated_at": time(row.updated_at),
            }
        )
        for row in rows
    ]


_RULES = (
    "auto_process", "auto_process_on", "auto_process_delay_seconds", "issue_invoice_on_complete",
    "issue_invoice_for_bank", "auto_reissue_on_update", "reissue_settle_seconds",
    "default_payment_type", "on_cancel_after_invoice",
)  # fmt: skip


def integrations(conn: Connection, rows: Sequence[Any]) -> list[bytes]:
    return [_encode(_integration(row)) for row in rows]


def _integration(row: Any) -> dict[str, Any]:
    """Never its options: they hold secrets, and the store does not have them."""
    rules = rules_of(row.rules)
    names = ("id", "entity_id", "handle", "name", "source", "is_active")
    return {
        **{name: getattr(row, name) for name in names},
        "shop_domain": None if row.shop_key is None else row.shop_key.rpartition(":")[0],
        **{name: getattr(rules, name) for name in _RULES},
        "metadata": Raw(row.metadata.encode()),
        "created_at": time(row.created_at),
        "updated_at": time(row.updated_at),
        "deleted_at": None,
    }


def entities(conn: Connection, rows: Sequence[Any]) -> list[bytes]:
    return [
        _encode(
            {
                "id": row.id,
                "handle": row.handle,
                "name": row.name,
                "address": Raw(row.address.encode()),
                "tax_number": row.tax_number,
                "currency_code": row.currency_code,
                "timezone": row.timezone,
                "payment_due_days": row.payment_due_days,
                "created_at": time(row.created_at),
            }
        )
        for row in rows
    ]


def event(row: Any) -> bytes:
    """An event. Its serial number would tell how much happens to others: its id only hashes it."""
    digest = hashlib.blake2b(f"{row.order_id}/{row.id}".encode(), digest_size=8).hexdigest()
    seconds = to_milliseconds(row.at) // 1000
    return _encode(
        {
            "id": f"evt_{seconds:08x}{digest}",
            "type": row.type,
            "at": time(row.at),
            "actor": row.actor,
            "reason": row.reason,
            "data": Raw(row.data.encode()),
        }
    )
