"""Rows as the model's values again, with exact decimals; each JSON text is decoded once, typed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from ordermill.model.case import Difference
from ordermill.model.document import Buyer, Content, DocumentKind, DocumentStatus, Issued, Payment
from ordermill.model.integration import Entity, Numbering, Rules
from ordermill.model.order import (
    ZERO,
    Address,
    Customer,
    Item,
    ItemKind,
    ItemTax,
    Order,
    PaymentStatus,
    Refund,
    TaxTotal,
    Transaction,
)


class WrittenTax(Struct, frozen=True):
    """A tax as a person may write it: the rate alone."""

    rate: Decimal | None = None
    tax: Decimal | None = None


class WrittenItem(Struct, frozen=True, kw_only=True):
    """A line as the API takes it: what may be left out is left out, and other keys are not read."""

    name: str
    quantity: Decimal
    price: Decimal
    total: Decimal
    total_with_tax: Decimal
    sku: str | None = None
    source_id: str | None = None
    kind: ItemKind = ItemKind.LINE_ITEM
    gross_price: Decimal | None = None
    discount: Decimal | None = None
    tax_rate: Decimal | None = None
    taxes: tuple[WrittenTax, ...] | None = None


_HUNDREDTH = Decimal("0.01")
_HIGHEST_RATE = 1000

_items = msgspec.json.Decoder(tuple[Item, ...]).decode
_written_items = msgspec.json.Decoder(tuple[WrittenItem, ...]).decode
_taxes = msgspec.json.Decoder(tuple[TaxTotal, ...]).decode
_customer = msgspec.json.Decoder(Customer).decode
_address = msgspec.json.Decoder(Address).decode
_transactions = msgspec.json.Decoder(tuple[Transaction, ...]).decode
_refunds = msgspec.json.Decoder(tuple[Refund, ...]).decode
_texts = msgspec.json.Decoder(tuple[str, ...]).decode
_buyer = msgspec.json.Decoder(Buyer).decode
_rules = msgspec.json.Decoder(Rules).decode
_numbering = msgspec.json.Decoder(Numbering).decode
_parties = msgspec.json.Decoder(dict[str, str | None]).decode
_moments = msgspec.json.Decoder(tuple[datetime, ...]).decode
_differences = msgspec.json.Decoder(tuple[Difference, ...], float_hook=Decimal).decode
_anything = msgspec.json.Decoder(float_hook=Decimal).decode


def order_of(row: Any) -> Order:
    """A row of ``orders`` as what the shop, or a person, says now.

    Lines that a person wrote may lack what a connector always gives: their tax is then what their
    totals differ by, at their rate.
    """
    return Order(
        source_id=row.source_id,
        source_order_number=row.source_order_number,
        ordered_at=row.ordered_at,
        shop_updated_at=row.shop_updated_at,
        currency_code=row.currency_code,
        total=row.total,
        total_tax=row.total_tax,
        total_with_tax=row.total_with_tax,
        total_discount=row.total_discount,
        total_shipping=row.total_shipping,
        owed=row.owed,
        owed_tax=row.owed_tax,
        taxes_included=row.taxes_included,
        items=items_of(row.items, written=row.source == "manual"),
        taxes=_taxes(row.taxes),
        payment_status=PaymentStatus(row.payment_status),
        payment_method=row.payment_method,
        payment_gateway=row.payment_gateway,
        paid=row.paid,
        paid_at=row.paid_at,
        fulfilled=row.fulfilled,
        fulfilled_at=row.fulfilled_at,
        cancelled=row.cancelled,
        cancelled_at=row.cancelled_at,
        refunded=row.refunded,
        refunded_at=row.refunded_at,
        complete=row.complete,
        test=row.test,
        deleted=row.deleted_at is not None,
        customer_name=row.customer_name,
        customer_email=row.customer_email,
        customer=customer_of(row.customer),
        billing_address=address_of(row.billing_address),
        shipping_address=address_of(row.shipping_address),
        transactions=_transactions(row.transactions),
        refunds=_refunds(row.refunds),
        tags=_texts(row.tags),
        metadata=_anything(row.shop_metadata),
    )


def items_of(text: str, *, written: bool = False) -> tuple[Item, ...]:
    """Lines; ``written`` by a person they may be incomplete."""
    if not written:
        try:
            found = _items(text)
        except msgspec.ValidationError:
            return items_of(text, written=True)
        if all(item.taxes or item.total == item.total_with_tax for item in found):
            return found
    return tuple(_completed(item) for item in _written_items(text))


def taxes_of(text: str) -> tuple[TaxTotal, ...]:
    return _taxes(text)


def customer_of(text: str | None) -> Customer | None:
    return None if text is None else _customer(text)


def address_of(text: str | None) -> Address | None:
    return None if text is None else _address(text)


def differences_of(text: str) -> tuple[Difference, ...]:
    """Differences; what they compare has exact decimals for amounts."""
    return _differences(text)


def moments_of(text: str) -> tuple[datetime, ...]:
    return _moments(text)


def refund_of(row: Any) -> Refund:
    """A row of ``refunds``."""
    return Refund(
        source_id=row.source_id,
        created_at=row.created_at,
        amount=row.amount,
        total_tax=row.total_tax,
        reason=row.reason,
        items=_items(row.items),
        pending=row.pending,
    )


def issued_of(row: Any) -> Issued:
    """A row of ``documents`` joined to its ``document_state``."""
    return Issued(
        id=row.id,
        kind=DocumentKind(row.kind),
        number=row.number,
        date=row.date,
        content=Content(
            currency_code=row.currency_code,
            items=_items(row.items),
            taxes=_taxes(row.taxes),
            total=row.total,
            total_tax=row.total_tax,
            total_with_tax=row.total_with_tax,
            total_discount=row.total_discount,
            rounding=row.rounding,
        ),
        customer=_buyer(row.customer),
        created_at=row.created_at,
        credits=row.credits_id,
        refund_id=row.refund_id,
        status=DocumentStatus(row.status),
        paid=row.paid,
        credited=row.credited,
    )


def payment_of(row: Any) -> Payment:
    """A row of ``payments``. The hour of its day is not kept."""
    return Payment(
        id=row.id,
        key=row.key,
        type=row.type,
        amount=row.amount,
        currency_code=row.currency_code,
        reference=row.reference,
        invoice_id=row.invoice_id,
        credit_note_id=row.credit_note_id,
    )


@lru_cache(maxsize=1024)
def rules_of(text: str) -> Rules:
    """The rules kept with an integration; ``{}`` are the defaults."""
    return _rules(text)


# The columns of `entities` that make one, in the order of what follows.
ENTITY = (
    "handle", "name", "currency_code", "address", "tax_number", "timezone", "payment_due_days",
    "numbering",
)  # fmt: skip


@lru_cache(maxsize=1024)
def entity_of(
    handle: str,
    name: str,
    currency_code: str,
    address: str,
    tax_number: str | None,
    timezone: str,
    payment_due_days: int,
    numbering: str,
) -> Entity:
    """The columns of ``entities``; the same object for the same values."""
    return Entity(
        handle=handle,
        name=name,
        currency_code=currency_code,
        address=_parties(address),
        tax_number=tax_number,
        timezone=timezone,
        payment_due_days=payment_due_days,
        numbering=_numbering(numbering),
    )


def _completed(item: WrittenItem) -> Item:
    taxes = _completed_taxes(item)
    return Item(
        name=item.name,
        sku=item.sku,
        source_id=item.source_id,
        kind=item.kind,
        quantity=item.quantity,
        price=item.price,
        gross_price=item.gross_price,
        discount=ZERO if item.discount is None else item.discount,
        total=item.total,
        total_with_tax=item.total_with_tax,
        tax_rate=_sum_of_rates(taxes) if item.tax_rate is None else item.tax_rate,
        taxes=taxes,
    )


def _completed_taxes(item: WrittenItem) -> tuple[ItemTax, ...]:
    """Each rate with its amount. Rates that stand without one share the line's tax in proportion,
    the last taking what is left. A tax without a rate has the one that the amounts show."""
    whole = item.total_with_tax - item.total
    if not item.taxes:
        named = whole or item.tax_rate is not None  # 0 % is a rate, too
        return (_tax(item.tax_rate, whole, item.total),) if named else ()
    amounts = [tax.tax for tax in item.taxes if tax.tax is not None]
    if len(amounts) < len(item.taxes):
        amounts = _shares(whole, item.taxes)
    return tuple(
        _tax(tax.rate, amount, item.total) for tax, amount in zip(item.taxes, amounts, strict=True)
    )


def _tax(rate: Decimal | None, tax: Decimal, net: Decimal) -> ItemTax:
    if rate is not None or not net:
        return ItemTax(rate=rate, tax=tax)
    shown = (tax / net * 100).quantize(_HUNDREDTH, ROUND_HALF_UP)
    possible = 0 <= shown < _HIGHEST_RATE
    return ItemTax(rate=shown if possible else None, tax=tax, derived=possible)


def _sum_of_rates(taxes: Sequence[ItemTax]) -> Decimal | None:
    """In percent; None where there is none, or one that is unknown."""
    known = [tax.rate for tax in taxes if tax.rate is not None]
    return sum(known, ZERO) if taxes and len(known) == len(taxes) else None


def _shares(whole: Decimal, taxes: Sequence[WrittenTax]) -> list[Decimal]:
    rates = [tax.rate or ZERO for tax in taxes]
    sum_of_rates = sum(rates, ZERO) or Decimal(1)
    cent = Decimal("0.01")
    shares = [(whole * rate / sum_of_rates).quantize(cent) for rate in rates[:-1]]
    return [*shares, whole - sum(shares, ZERO)]
