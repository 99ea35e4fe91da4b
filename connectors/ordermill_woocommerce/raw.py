"""From the shop's answer to raw orders: what is kept of the text, by allow-list.

Everything here copies slices of the shop's own JSON; nothing is parsed further than needed to walk
the pages. Not on the list, and so dropped: order_key and payment_url (they open the order to
anybody), customer_ip_address, customer_user_agent, cart_hash, links, hidden meta data.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from ordermill.connector.base import RawOrder

Kept = Raw | UnsetType

# Hidden meta data (a leading underscore) that says something about the order's money or buyer.
_HIDDEN_BUT_KEPT = re.compile(
    r"(_wc_(billing|shipping|other)/[a-z0-9_-]+/|_)(billing_|shipping_|customer_)?(company_)?(eu_)?"
    r"(vat|tax|nif|nip|cif|cui|dic|ic_dph|ico|pib|oib|piva|cf|btw)"
    r"([_-]?(number|nummer|no|id|code|company))?|_billing_company_(number|id)"
    r"|_refunded_item_id|_refund_type|_refund_amount|_refund_reason|_order_number(_formatted)?"
    r"|_wcpay_mode|_ppcp_paypal_payment_mode|_wp_trash_meta_status"
)
_NEVER_KEPT = re.compile(
    r"token|secret|passw|nonce|cookie|session|fingerprint|user_?agent|(^|[_-])(ip|auth)($|[_-])"
    r"|ip_?addr|api_?key|order_key"
)


class Head(Struct):
    """What walking the pages needs of a row. Times without gmt are the site's own. Without a
    currency it is of few fields."""

    id: int
    status: str = ""
    date_created: Kept = UNSET
    date_created_gmt: datetime | None = None
    date_modified: Kept = UNSET
    date_modified_gmt: datetime | None = None
    currency: Kept = UNSET
    total: Kept = UNSET
    refunds: Kept = UNSET


class _Order(Struct, omit_defaults=True):
    """The allow-list of an order's attributes, each kept as the shop wrote it."""

    id: Kept = UNSET
    parent_id: Kept = UNSET
    number: Kept = UNSET
    status: Kept = UNSET
    currency: Kept = UNSET
    version: Kept = UNSET
    prices_include_tax: Kept = UNSET
    date_created_gmt: Kept = UNSET
    date_modified_gmt: Kept = UNSET
    date_completed_gmt: Kept = UNSET
    date_paid_gmt: Kept = UNSET
    discount_total: Kept = UNSET
    discount_tax: Kept = UNSET
    shipping_total: Kept = UNSET
    shipping_tax: Kept = UNSET
    cart_tax: Kept = UNSET
    total: Kept = UNSET
    total_tax: Kept = UNSET
    customer_id: Kept = UNSET
    billing: Kept = UNSET
    shipping: Kept = UNSET
    payment_method: Kept = UNSET
    payment_method_title: Kept = UNSET
    transaction_id: Kept = UNSET
    created_via: Kept = UNSET
    customer_note: Kept = UNSET
    meta_data: Kept = UNSET
    line_items: Kept = UNSET
    tax_lines: Kept = UNSET
    shipping_lines: Kept = UNSET
    fee_lines: Kept = UNSET
    coupon_lines: Kept = UNSET
    refunds: Kept = UNSET


class _Refund(Struct, omit_defaults=True):
    """The allow-list of a refund's attributes."""

    id: Kept = UNSET
    date_created_gmt: Kept = UNSET
    amount: Kept = UNSET
    reason: Kept = UNSET
    refunded_payment: Kept = UNSET
    meta_data: Kept = UNSET
    line_items: Kept = UNSET
    tax_lines: Kept = UNSET
    shipping_lines: Kept = UNSET
    fee_lines: Kept = UNSET


class _Meta(Struct):
    key: str
    value: Raw
    id: Kept = UNSET


ROWS = msgspec.json.Decoder(list[Raw])
_heads = msgspec.json.Decoder(Head)
_times = msgspec.json.Decoder(datetime)
_orders = msgspec.json.Decoder(_Order)
_refunds = msgspec.json.Decoder(_Refund)
_metas = msgspec.json.Decoder(list[_Meta])
_meta = msgspec.json.Decoder(_Meta)
_loose = msgspec.json.Decoder(list[Raw] | dict[str, Raw])
_encode = msgspec.json.Encoder().encode
_NONE = (b"", b"[]", b"null")

NOT_SHOWN = b'"not shown"'


def head_of(row: Raw) -> Head | None:
    """What walking needs, None where the row is too odd to say."""
    try:
        return _heads.decode(row)
    except (ValueError, RecursionError):
        return None


def utc(at: datetime | None) -> datetime | None:
    """The shop's *_gmt times have no zone and are UTC."""
    if at is None:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def offset_of(local: Kept, gmt: datetime | None) -> int | None:
    """By how many seconds the site's clock was ahead of UTC; None where it cannot be read."""
    try:
        return int((_times.decode(_bytes(local)) - gmt).total_seconds()) if gmt else None
    except (ValueError, TypeError):
        return None


def has_refunds(head: Head) -> bool:
    """Whether the refunds are to be asked for. A refunded order can list none (measured by others:
    WooCommerce 65488), so its status asks as well. Of an order that is not shown whole they help
    nobody."""
    if head.currency is UNSET:
        return False
    return _bytes(head.refunds) not in _NONE or head.status == "refunded"


def mark_of(head: Head) -> str:
    """The order's line in the index: the same from a list with few fields and from a full order."""
    modified = head.date_modified_gmt
    refunds = _bytes(head.refunds)
    return "|".join((
        head.status,
        "" if modified is None else modified.replace(tzinfo=None).isoformat(),
        _bytes(head.total).decode("utf-8", "replace").strip('"'),
        "" if refunds in _NONE else hashlib.blake2b(refunds, digest_size=8).hexdigest(),
    ))  # fmt: skip


def raw_order(row: Raw, head: Head | None, refunds: bytes | None = None) -> RawOrder:
    """One row as it is stored; ``refunds`` is the JSON list of its full refunds.

    A row that cannot be read becomes a raw order too, so that it is counted and shown.
    """
    if head is None:
        return _odd_order(row)
    try:
        order = _orders.decode(row)
    except (ValueError, RecursionError):
        return _odd_order(row)
    if order.meta_data is not UNSET:
        order.meta_data = kept_meta(order.meta_data)
    if refunds is not None:
        order.refunds = Raw(refunds)
    return RawOrder(
        source_id=str(head.id),
        payload=_encode(order),
        updated_at=utc(head.date_modified_gmt),
        mark=mark_of(head),
    )


def kept_refunds(rows: list[Raw]) -> bytes:
    """Rows of /orders/{id}/refunds as one list of what is kept; raise ValueError if unreadable."""
    refunds = [_refunds.decode(row) for row in rows]
    for refund in refunds:
        if refund.meta_data is not UNSET:
            refund.meta_data = kept_meta(refund.meta_data)
    return _encode(refunds)


def kept_meta(written: Raw) -> Raw:
    """The meta data without what is nobody's business here, and without what cannot be read."""
    if bytes(written) == b"[]":
        return written
    try:
        entries = _metas.decode(written)
    except (ValueError, RecursionError):
        entries = _readable(written)
    return Raw(_encode([entry for entry in entries if is_kept(entry.key)]))


def _readable(written: Raw) -> list[_Meta]:
    """The entries one by one: the buyer's tax number must not go because of an odd one beside it.
    A plug-in that took an entry out leaves an object, for that is what PHP makes of such a list."""
    try:
        rows = _loose.decode(written)
    except (ValueError, RecursionError):
        return []
    found = []
    for row in rows.values() if isinstance(rows, dict) else rows:
        try:
            found.append(_meta.decode(row))
        except (ValueError, RecursionError):
            continue
    return found


@lru_cache(4096)
def is_kept(key: str) -> bool:
    """Whether meta data of this name is kept: what the shop shows, and hidden keys on the list."""
    name = key.lower()
    if _NEVER_KEPT.search(name):
        return False
    return not name.startswith("_") or _HIDDEN_BUT_KEPT.fullmatch(name) is not None


def _odd_order(row: Raw) -> RawOrder:
    """A row of another shape, reduced to the allow-list as far as it can be read."""
    try:
        value: Any = msgspec.json.decode(row)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        value = {}
    number = value.get("id")
    known = isinstance(number, int | str) and not isinstance(number, bool) and number != ""
    digest = hashlib.blake2b(bytes(row), digest_size=6).hexdigest()
    kept = {name: value[name] for name in _Order.__struct_fields__ if name in value}
    if "meta_data" in kept:
        kept["meta_data"] = kept_meta(Raw(_encode(kept["meta_data"])))
    return RawOrder(
        source_id=str(number)[:100] if known else f"unreadable-{digest}",
        payload=_encode(kept),
        updated_at=None,
    )


def _bytes(text: Kept) -> bytes:
    return b"" if isinstance(text, UnsetType) else bytes(text).strip()
