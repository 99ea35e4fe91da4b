"""What a PATCH sets: the columns of the row, and what follows from them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from ordermill.api.bodies import ChangedOrder
from ordermill.api.fields import MOST_KEYS
from ordermill.api.making import NESTED, PLAIN, amounts, invalid, items, nested, payment
from ordermill.errors import WrongState
from ordermill.model.codes import Refusal
from ordermill.model.order import OrderStatus
from ordermill.store.edits import MANUAL
from ordermill.store.rows import json_text

# What a person may set over a shop's order; it lasts until the shop changes that field.
BUYER = frozenset({"customer_name", "customer_email", *NESTED})
BILLED = frozenset({
    "currency_code", "items", "total", "total_with_tax", "total_discount", "total_shipping",
})  # fmt: skip
_OWING = ("total", "total_with_tax", "items")
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def changed_columns(row: Any, new: ChangedOrder, now: datetime) -> dict[str, Any]:
    """The columns to set. Raise WrongState for what the shop owns, and for what a cancelled order
    would be billed by."""
    sent = new.model_fields_set
    owned = row.source != MANUAL
    if owned:
        _refuse_owned(row, sent - BUYER - {"metadata"})
    elif row.status == OrderStatus.CANCELLED and sent & BILLED:
        raise WrongState(
            Refusal.ORDER_CANCELLED, "a cancelled order is not billed any more", id=row.id
        )
    columns = _columns(row, new, now)
    if owned and sent & BUYER:
        columns["overrides"] = _overrides(row, {n: columns[n] for n in sorted(sent & BUYER)})
    return columns


def _refuse_owned(row: Any, sent: set[str]) -> None:
    if sent:
        named = ", ".join(sorted(sent))
        raise WrongState(
            Refusal.ORDER_OWNED_BY_SHOP,
            f"the shop owns this order and says what it is: {named}",
            id=row.id,
        )


def _columns(row: Any, new: ChangedOrder, now: datetime) -> dict[str, Any]:
    sent = new.model_fields_set
    columns = {name: getattr(new, name) for name in PLAIN if name in sent}
    columns |= {name: nested(getattr(new, name)) for name in NESTED if name in sent}
    if "items" in sent:
        columns["items"] = items(new.items)
    if sent & {"total", "total_with_tax", "payment_status", "items"}:
        now_is = {name: columns.get(name, getattr(row, name)) for name in _OWING}
        status = new.payment_status if "payment_status" in sent else row.payment_status
        columns |= amounts(now_is["total"], now_is["total_with_tax"], status, now_is["items"])
    if "payment_status" in sent and new.payment_status != row.payment_status:
        columns |= payment(new.payment_status, now)
    if "metadata" in sent:
        columns["metadata"] = _merged(row, new.metadata)
    return columns


def _merged(row: Any, given: dict[str, Any]) -> str:
    """Keys are added and replaced; null removes the one it is sent for. ``shop`` of a shop's order
    is the shop's."""
    if row.source != MANUAL and "shop" in given:
        _refuse_owned(row, {"metadata.shop"})
    merged = _decode(row.metadata) | given
    removed = {key for key, value in given.items() if value is None}
    kept = {key: value for key, value in merged.items() if key not in removed}
    if len(kept) > MOST_KEYS:
        raise invalid("/metadata", f"would have more than {MOST_KEYS} keys")
    return json_text(kept)


def _overrides(row: Any, columns: dict[str, Any]) -> str | None:
    """What a person set, over what the shop said then; back to the shop's value is none."""
    kept = {} if row.overrides is None else _decode(row.overrides)
    for name, value in columns.items():
        before = kept[name]["shop"] if name in kept else _plain(name, getattr(row, name))
        kept[name] = {"value": _plain(name, value), "shop": before}
        if kept[name]["value"] == before:
            del kept[name]
    return json_text(kept) if kept else None


def _plain(name: str, value: str | None) -> Any:
    """A column's value; of a nested one what its JSON says."""
    return _decode(value) if name in NESTED and value is not None else value
