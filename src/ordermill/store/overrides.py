"""What a person set over a shop's buyer data: it lasts until the shop changes that field. Pure.

``orders.overrides`` is JSON: by column the person's ``value`` and what the ``shop`` said then.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from msgspec.structs import replace as replaced

from ordermill.model.order import Order
from ordermill.store import read
from ordermill.store.rows import NAMES, OrderRow, json_text, search_text

_AT = {name: at for at, name in enumerate(NAMES)}
_NESTED = {"customer": read.customer_of, "billing_address": read.address_of,
           "shipping_address": read.address_of}  # fmt: skip
_decode = msgspec.json.decode


def over(before: Any, order: Order, row: OrderRow) -> tuple[OrderRow, str | None]:
    """The new version of an order as it is to be stored over the row ``before``, and what of the
    overrides is left.

    The content hash stays the shop's own, by which its next version is compared. Search finds the
    values that are stored, and those of the API's metadata.
    """
    if before.overrides is None and before.metadata == "{}":
        return row, None
    held = {} if before.overrides is None else _decode(before.overrides)
    kept = {n: one for n, one in held.items() if _same(one["shop"], _plain(row.values[_AT[n]], n))}
    values = list(row.values)
    for name in kept:
        values[_AT[name]] = getattr(before, name)
    values[_AT["search_text"]] = _search_text(before, order, kept)
    return replace(row, values=tuple(values)), json_text(kept) if kept else None


def _search_text(before: Any, order: Order, kept: dict[str, Any]) -> str:
    stored = {name: _read(name, getattr(before, name)) for name in kept}
    both = {"shop": order.metadata, "own": _decode(before.metadata)}
    return search_text(replaced(order, **stored, metadata=both))


def _read(name: str, value: Any) -> Any:
    return _NESTED[name](value) if name in _NESTED else value


def _plain(value: str | None, name: str) -> Any:
    """A column's value; of a nested one what its JSON says."""
    return _decode(value) if name in _NESTED and value is not None else value


def _same(one: Any, other: Any) -> bool:
    """Whether the shop says the same; a key without a value is none."""
    return bool(_said(one) == _said(other))


def _said(value: Any) -> Any:
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value
