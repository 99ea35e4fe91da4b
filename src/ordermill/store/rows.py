"""An order as a row: the shop's columns, the hash over them and the text that search reads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
from msgspec.structs import asdict
from sqlalchemy import Text

from ordermill.errors import MalformedOrder
from ordermill.model.order import Order, Transaction
from ordermill.store.tables import SHOP_COLUMNS
from ordermill.store.types import Money

# What sorts or is derived, and so is no content: a change of these alone is no change.
NOT_CONTENT = frozenset({"shop_updated_at", "search_text"})
NAMES = tuple(column.name for column in SHOP_COLUMNS)
# Amounts have at most twelve digits before the point (NUMERIC(18,6)).
TOO_MUCH = Decimal(10) ** 12

_JSON = frozenset({
    "items", "taxes", "customer", "billing_address", "shipping_address", "transactions", "refunds",
    "tags", "shop_metadata",
})  # fmt: skip
_ATTRIBUTES = [{"shop_metadata": "metadata"}.get(name, name) for name in NAMES[:-1]]
_stated = attrgetter(*_ATTRIBUTES)
_MONEY = tuple(at for at, column in enumerate(SHOP_COLUMNS) if isinstance(column.type, Money))
_MOVED_AT = NAMES.index("transactions")
_JSON_AT = tuple(at for at, name in enumerate(NAMES) if name in _JSON)
_texts = itemgetter(
    *(
        at
        for at, column in enumerate(SHOP_COLUMNS)
        if isinstance(column.type, Text) and column.name not in _JSON
    )
)
_plain = itemgetter(
    *(at for at, name in enumerate(NAMES) if name not in NOT_CONTENT and name not in _JSON)
)

# Amounts as JSON numbers of exactly their digits: the API hands these texts on as they are.
_encode = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class OrderRow:
    """``values`` in the order of SHOP_COLUMNS; ``content_hash`` over what matters of them."""

    values: tuple[Any, ...]
    content_hash: str


def order_row(order: Order) -> OrderRow:
    """Lay out an order; raise MalformedOrder if a value is none that both databases can keep.

    A connector has cleaned its texts (no U+0000, no lone surrogate) and bounded its amounts; one
    that did not costs this order, never the page.
    """
    try:
        values, digest = _laid_out(order)
    except (UnicodeEncodeError, ValueError, TypeError) as error:
        raise MalformedOrder(
            order.source_id, f"a value cannot be written: {type(error).__name__}"
        ) from None
    for at in _MONEY:
        if values[at] is not None and not -TOO_MUCH < values[at] < TOO_MUCH:
            raise MalformedOrder(order.source_id, f"{NAMES[at]} has more than 12 digits")
    if "\0" in "".join(filter(None, _texts(values))):
        raise MalformedOrder(order.source_id, "a text holds U+0000")
    if order.refunds:
        _check_refunds(order)
    return OrderRow(tuple(values), digest)


def _check_refunds(order: Order) -> None:
    """They are rows too."""
    ids = [refund.source_id for refund in order.refunds]
    if len(set(ids)) < len(ids):
        raise MalformedOrder(order.source_id, "two refunds have one id")
    for refund in order.refunds:
        for amount in (refund.amount, refund.total_tax):
            if amount is not None and not (amount.is_finite() and abs(amount) < TOO_MUCH):
                raise MalformedOrder(order.source_id, "a refund has more than 12 digits")
        if "\0" in refund.source_id + (refund.reason or ""):
            raise MalformedOrder(order.source_id, "a text of a refund holds U+0000")


def _laid_out(order: Order) -> tuple[list[Any], str]:
    """The values in the order of SHOP_COLUMNS, whose last is search_text, and the hash: over the
    JSON of the plain ones and over the JSON columns as they are, so that nothing is encoded twice.
    """
    values = [*_stated(order), search_text(order)]
    values[_MOVED_AT] = [_transaction(each) for each in order.transactions]
    hashed = [_encode(_plain(values))]
    for at in _JSON_AT:
        written = _encode(values[at])
        hashed.append(written)
        if values[at] is not None:
            values[at] = written.decode()
    return values, hashlib.blake2b(b"\n".join(hashed), digest_size=16).hexdigest()


def _transaction(moved: Transaction) -> dict[str, Any]:
    """With its time as the API writes times, to the millisecond."""
    shown = asdict(moved)
    if moved.at is not None:
        shown["at"] = moved.at.isoformat(timespec="milliseconds")[:-6] + "Z"
    return shown


def json_text(value: Any) -> str:
    """JSON of our own structs, keys in a fixed order."""
    return _encode(value).decode()


def payload_text(payload: bytes) -> str:
    """A payload as both databases keep it; bytes that are no UTF-8, and raw NULs, are replaced."""
    return payload.decode("utf-8", "replace").replace("\0", "\\u0000")


def search_text(order: Order) -> str:
    """Every value a person may look for, casefolded, a line each; never the JSON's keys."""
    customer = order.customer
    texts = [order.source_id, order.source_order_number, order.customer_name, order.customer_email]
    if customer is not None:
        texts += _searched_customer(customer)
    for address in (order.billing_address, order.shipping_address):
        if address is not None:
            texts += _searched_address(address)
    for item in order.items:
        texts += (item.name, item.sku)
    texts += (order.payment_method, order.payment_gateway, *order.tags)
    _add_leaves(order.metadata, texts)
    return "\n".join(filter(None, texts)).casefold()


_searched_customer = attrgetter("phone", "company_name", "tax_number", "company_number", "notes")
_searched_address = attrgetter(
    "name", "company", "address", "address_2", "city", "state", "post_code", "country", "phone"
)


def _add_leaves(value: Any, texts: list[str | None]) -> None:
    """Add the values of nested JSON, numbers included."""
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, dict):
        for inner in value.values():
            _add_leaves(inner, texts)
    elif isinstance(value, list | tuple):
        for inner in value:
            _add_leaves(inner, texts)
    elif value is not None and not isinstance(value, bool):
        texts.append(str(value))
