"""A raw payload as typed values: a fast way for what shops send, a patient one for the rest.

The fast way is one typed decode. Where it fails (an empty amount, numbers as text, a NUL) the
patient way reads the JSON untyped, mends what has one meaning only, and converts; what it cannot
read is a MalformedOrder that names the field, never the value.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ordermill.errors import MalformedOrder
from ordermill.model.order import ZERO


# gc=False: none of these can be part of a cycle, so the collector need not walk them, which took a
# third of the time of decoding.
class LineTax(Struct, gc=False):
    """One tax on one line; ``id`` is the rate's, or the code that a tax service gave it. Without
    ``total`` the rate does not apply."""

    id: int | str
    total: Decimal | None = None


class Meta(Struct, gc=False):
    key: str
    value: Raw = Raw(b"null")


class Line(Struct, gc=False):
    """A product line: totals net, after discount; subtotals net, before it."""

    id: int
    total: Decimal
    name: str = ""
    quantity: Decimal = Decimal(1)
    subtotal: Decimal | None = None
    subtotal_tax: Decimal | None = None
    total_tax: Decimal = ZERO
    taxes: list[LineTax] = []
    sku: str | None = None


class Shipping(Struct, gc=False):
    id: int
    total: Decimal = ZERO
    method_title: str | None = None
    method_id: str | None = None
    total_tax: Decimal = ZERO
    taxes: list[LineTax] = []


class Fee(Struct, gc=False):
    id: int
    total: Decimal = ZERO
    name: str | None = None
    total_tax: Decimal = ZERO
    taxes: list[LineTax] = []


class TaxLine(Struct, gc=False):
    """The order's tax at one rate: a copy of the rate, frozen when the order was calculated."""

    rate_id: int
    tax_total: Decimal = ZERO
    shipping_tax_total: Decimal = ZERO
    rate_percent: Decimal | None = None
    label: str | None = None
    compound: bool = False
    rate_code: str | None = None


class Coupon(Struct, gc=False):
    code: str = ""


class RefundLine(Line, kw_only=True, gc=False):
    """A line of a refund: negative quantity and totals; the meta data names the refunded line."""

    total: Decimal = ZERO
    meta_data: list[Meta] = []


class RefundShipping(Shipping, kw_only=True, gc=False):
    meta_data: list[Meta] = []


class RefundFee(Fee, kw_only=True, gc=False):
    meta_data: list[Meta] = []


class WooRefund(Struct, gc=False):
    """A refund as /orders/{id}/refunds gives it; ``amount`` is positive. With tables of its own
    WooCommerce before 8.0 says 0.00 there and keeps amount and reason in the meta data."""

    id: int
    date_created_gmt: datetime
    amount: Decimal | None = None
    reason: str | None = None
    line_items: list[RefundLine] = []
    shipping_lines: list[RefundShipping] = []
    fee_lines: list[RefundFee] = []
    tax_lines: list[TaxLine] = []
    meta_data: list[Meta] = []


class Contact(Struct, gc=False):
    """Billing or shipping address; only billing has an e-mail address."""

    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address_1: str | None = None
    address_2: str | None = None
    city: str | None = None
    state: str | None = None
    postcode: str | None = None
    country: str | None = None
    email: str | None = None
    phone: str | None = None


class WooOrder(Struct, gc=False):
    """An order as the payload keeps it."""

    id: int
    currency: str
    total: Decimal
    total_tax: Decimal
    status: str = ""
    number: str | None = None
    prices_include_tax: bool = False
    date_created_gmt: datetime | None = None
    date_modified_gmt: datetime | None = None
    date_completed_gmt: datetime | None = None
    date_paid_gmt: datetime | None = None
    discount_total: Decimal = ZERO
    shipping_total: Decimal = ZERO
    customer_id: int = 0
    billing: Contact | None = None
    shipping: Contact | None = None
    payment_method: str | None = None
    payment_method_title: str | None = None
    transaction_id: str | None = None
    created_via: str | None = None
    customer_note: str | None = None
    meta_data: list[Meta] = []
    line_items: list[Line] = []
    tax_lines: list[TaxLine] = []
    shipping_lines: list[Shipping] = []
    fee_lines: list[Fee] = []
    coupon_lines: list[Coupon] = []
    refunds: list[WooRefund] = []


_decode = msgspec.json.Decoder(WooOrder).decode
_encode = msgspec.json.Encoder().encode

# Amounts and times that a shop may leave empty; it writes "-" for a refund without an amount.
_MAY_BE_EMPTY = re.compile(r"total|.*_total|.*_tax|subtotal|amount|date_.*|rate_percent", re.ASCII)
_EMPTY = frozenset(("", "-", None, False))
_LISTS = frozenset((
    "meta_data", "line_items", "tax_lines", "shipping_lines", "fee_lines", "coupon_lines",
    "refunds", "taxes",
))  # fmt: skip
# Texts that plug-ins write as numbers.
_TEXTS = frozenset(
    ("number", "transaction_id", "sku", "postcode", "phone", "name", "code", "label")
)
_UNFIT = re.compile("[\0\ud800-\udfff]")


def order_of(source_id: str, payload: bytes) -> WooOrder:
    """Read a payload; raise MalformedOrder."""
    if rb"\u0000" not in payload:
        try:
            return _decode(payload)
        except (ValueError, RecursionError):
            pass
    try:
        value = json.loads(
            payload.decode("utf-8", "replace"),
            parse_float=Decimal,
            parse_constant=_no_number,
        )
        if _is_not_shown(value):
            raise MalformedOrder(
                source_id, "the shop's PHP dies when it is to show it; its error log says why"
            )
        return msgspec.convert(_mended(value), WooOrder, strict=False, str_keys=True)
    except msgspec.ValidationError as error:
        raise MalformedOrder(source_id, str(error)) from None
    except (ValueError, ArithmeticError, RecursionError):
        raise MalformedOrder(source_id, "the payload is not JSON that can be read") from None


def json_of(value: Raw) -> str | None:
    """The value of meta data: text as it is, everything else as its JSON text."""
    written = bytes(value).strip()
    if written == b"null":
        return None
    if written.startswith(b'"'):
        return msgspec.json.decode(written, type=str)
    return written.decode("utf-8", "replace")


def _is_not_shown(value: Any) -> bool:
    """Whether the shop could show the order, or its refunds, in part only."""
    if not isinstance(value, dict):
        return False
    return value.get("refunds") == "not shown" or not {"currency", "line_items"} & value.keys()


def _no_number(_: str) -> None:
    raise ValueError("not a number")


def _mended(value: Any, key: str = "") -> Any:
    """The same without what shops write for nothing, and without characters no database keeps."""
    if isinstance(value, str):
        return _UNFIT.sub(lambda found: "" if found[0] == "\0" else "\ufffd", value)
    if isinstance(value, list):
        return [_mended(inner) for inner in value]
    if not isinstance(value, dict):
        number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        return str(value) if number and key in _TEXTS else value
    if key == "" and "key" in value and "value" in value:
        return {"key": _mended(value["key"]), "value": Raw(_encode(_mended(value["value"])))}
    return {
        _mended(name): _mended(inner, name)
        for name, inner in value.items()
        if not _is_empty(name, inner)
    }


def _is_empty(name: str, value: Any) -> bool:
    """Whether the attribute says nothing, so that its default holds (PHP writes "" or false)."""
    if isinstance(value, dict | list | Decimal):
        return False
    if value is None or value is False:
        return True
    return value in _EMPTY and (name in _LISTS or _MAY_BE_EMPTY.fullmatch(name) is not None)
