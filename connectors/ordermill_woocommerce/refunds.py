"""The refunds of an order: negative in the shop, positive here. Pure.

The order itself never changes by a refund; the refund's lines name the lines they take back. A
refund may have an amount without lines, lines without an amount ("-"), or lines that say less than
the amount.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

import msgspec

from ordermill.model.order import ZERO, Item, ItemKind, Refund
from ordermill_woocommerce.items import Rates, charge, product, rates_of, shipping_name
from ordermill_woocommerce.money import exact
from ordermill_woocommerce.raw import utc
from ordermill_woocommerce.typed import (
    Meta,
    RefundFee,
    RefundLine,
    RefundShipping,
    WooRefund,
    json_of,
)

_CENT = Decimal("0.01")


def refunds_of(refunds: Iterable[WooRefund], rates: Rates) -> tuple[Refund, ...]:
    """Oldest first."""
    return tuple(_refund(refund, rates) for refund in sorted(refunds, key=lambda one: one.id))


def owed_tax_of(total_tax: Decimal, owed: Decimal, refunds: Sequence[Refund]) -> Decimal | None:
    """The tax in what is owed; None where a refund does not say its own."""
    if owed == 0:
        return ZERO
    said = [refund.total_tax for refund in refunds if refund.amount]
    known = [tax for tax in said if tax is not None]
    return total_tax - sum(known, ZERO) if len(known) == len(said) else None


def _refund(refund: WooRefund, rates: Rates) -> Refund:
    items = _items(refund, {**rates, **rates_of(refund.tax_lines)})
    gross = sum((item.total_with_tax for item in items), ZERO)
    kept = {entry.key: json_of(entry.value) for entry in refund.meta_data}
    said = refund.amount or _amount(kept.get("_refund_amount")) or refund.amount
    amount = gross if said is None else abs(exact(said))
    at = utc(refund.date_created_gmt)
    if at is None:
        raise ValueError("a refund without a time")
    return Refund(
        source_id=str(refund.id),
        created_at=at,
        amount=amount,
        total_tax=_tax(items, gross, amount),
        reason=refund.reason or kept.get("_refund_reason") or None,
        items=items,
    )


def _amount(written: str | None) -> Decimal | None:
    """An amount of meta data; None for what is none."""
    try:
        return Decimal(written) if written else None
    except InvalidOperation:
        return None


def _tax(items: Sequence[Item], gross: Decimal, amount: Decimal) -> Decimal | None:
    """The lines' tax, where the lines make up the amount; else the platform does not say."""
    if not items or abs(gross - amount) > _CENT * len(items):
        return None if amount else ZERO
    return sum((item.total_with_tax - item.total for item in items), ZERO)


def _items(refund: WooRefund, rates: Rates) -> tuple[Item, ...]:
    lines: tuple[tuple[RefundLine | RefundShipping | RefundFee, Item], ...] = (
        *((line, product(line, rates)) for line in refund.line_items),
        *((line, charge(line, shipping_name(line), ItemKind.SHIPPING, rates))
          for line in refund.shipping_lines),
        *((line, charge(line, line.name or "Fee", ItemKind.FEE, rates))
          for line in refund.fee_lines),
    )  # fmt: skip
    return tuple(_given_back(line, item) for line, item in lines)


def _given_back(line: RefundLine | RefundShipping | RefundFee, item: Item) -> Item:
    """The line with its signs turned, under the id of the line it was given back for. A product's
    quantity is negative with its total, so its price is not; but part of a price has no quantity.

    The refund of a discount (a positive line) stays what it is: the opposite of the others.
    """
    product_line = item.kind is ItemKind.LINE_ITEM
    pieces = product_line and item.quantity != 0
    return msgspec.structs.replace(
        item,
        source_id=_refunded(line.meta_data) or item.source_id,
        quantity=abs(item.quantity) if product_line else item.quantity,
        price=item.price if pieces else _turned(item.price),
        gross_price=(
            item.gross_price if pieces or item.gross_price is None
            else _turned(item.gross_price)
        ),
        discount=_turned(item.discount),
        total=_turned(item.total),
        total_with_tax=_turned(item.total_with_tax),
        taxes=tuple(msgspec.structs.replace(tax, tax=_turned(tax.tax)) for tax in item.taxes),
    )  # fmt: skip


def _turned(amount: Decimal) -> Decimal:
    """The opposite, never a negative zero."""
    return -amount if amount else abs(amount)


def _refunded(meta: Iterable[Meta]) -> str | None:
    for entry in meta:
        if entry.key == "_refunded_item_id":
            return json_of(entry.value) or None
    return None
