"""The order as ordermill keeps it, whatever shop it came from.

All amounts are `Decimal` in ``currency_code`` with the digits the shop gave (at most six after
the point); all times are aware UTC. Nothing here knows a platform, a database or the clock.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from msgspec import Struct

ZERO = Decimal(0)


class OrderStatus(StrEnum):
    """What we decided about an order; the shop's own facts are separate attributes."""

    PENDING = "pending"  # stored, no document yet: waiting for a trigger, a delay or a person
    ESTIMATED = "estimated"  # an estimate was issued, the invoice is still to come
    INVOICED = "invoiced"  # a live invoice exists
    CANCELLED = "cancelled"  # cancelled before any invoice
    FAILED = "failed"  # held (a code in `error`) or an attempt broke (no code; tried again)
    SKIPPED = "skipped"  # a rule says never invoice; the code is in `error`


class PaymentStatus(StrEnum):
    """How much of the order the shop says is paid."""

    UNPAID = "unpaid"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    REFUNDED = "refunded"  # everything that was paid went back


class ItemKind(StrEnum):
    """What a line of an order or document stands for."""

    LINE_ITEM = "line_item"
    SHIPPING = "shipping"
    FEE = "fee"  # fees, tips, duties; may be negative
    ADJUSTMENT = "adjustment"  # an amount without a line, e.g. a goodwill refund


# gc=False: these values cannot be part of a cycle, so the collector need not walk them.
class ItemTax(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One tax on one line: ``rate`` in percent (22 = 22 %), ``tax`` as the platform computed it.

    ``rate`` is None where the platform names none and it cannot be derived; ``derived`` is true
    where it was derived from the amounts, to 0.01 %. ``compound`` taxes stand on other taxes.
    """

    rate: Decimal | None
    tax: Decimal
    name: str | None = None
    derived: bool = False
    compound: bool = False


class Item(Struct, frozen=True, kw_only=True, gc=False):
    """A line. ``price`` is the net unit price before discount, ``discount`` the line's net
    discount, ``total`` = price x quantity - discount as the platform says, ``total_with_tax`` =
    total + tax.

    ``gross_price`` is the unit price with tax before discount, where it is known exactly enough.
    ``tax_rate`` is the sum of the rates in percent; ``source_id`` the platform's line id.
    """

    name: str
    sku: str | None
    source_id: str | None
    kind: ItemKind
    quantity: Decimal
    price: Decimal
    gross_price: Decimal | None
    discount: Decimal
    total: Decimal
    total_with_tax: Decimal
    tax_rate: Decimal | None
    taxes: tuple[ItemTax, ...] = ()


class TaxTotal(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The platform's tax of the whole order at one rate (percent); ``base`` is net or unsaid."""

    rate: Decimal | None
    tax: Decimal
    base: Decimal | None = None
    name: str | None = None
    derived: bool = False
    compound: bool = False


class Address(Struct, frozen=True, kw_only=True, gc=False):
    """A postal address; ``country_code`` is ISO 3166 alpha-2 in capitals."""

    name: str | None = None
    company: str | None = None
    address: str | None = None
    address_2: str | None = None
    city: str | None = None
    state: str | None = None
    post_code: str | None = None
    country: str | None = None
    country_code: str | None = None
    phone: str | None = None


class Customer(Struct, frozen=True, kw_only=True, gc=False):
    """Who bought, as far as it is not in ``customer_name`` and ``customer_email`` of the order.

    ``source_id`` is the platform's customer id, None for guests.
    """

    phone: str | None = None
    company_name: str | None = None
    tax_number: str | None = None
    company_number: str | None = None
    is_business: bool = False
    notes: str | None = None
    source_id: str | None = None


class Transaction(Struct, frozen=True, kw_only=True, gc=False):
    """A movement of money at the platform. ``amount`` is positive whatever the kind.

    kind: sale, capture, authorization, refund, void (others pass as the platform writes them);
    status: success, pending, failure, error. ``at`` is None where the platform gives no time.
    """

    id: str
    kind: str
    status: str
    gateway: str | None
    amount: Decimal
    currency_code: str
    at: datetime | None


class Refund(Struct, frozen=True, kw_only=True, gc=False):
    """Money given back, with the lines it was given back for. All amounts are positive.

    ``amount`` is what the buyer gets, tax included; ``total_tax`` the tax in it, None where the
    platform does not say (an amount-only refund). ``items`` may add up to less than ``amount``.
    ``pending`` refunds have not moved money yet.
    """

    source_id: str
    created_at: datetime
    amount: Decimal
    total_tax: Decimal | None
    reason: str | None
    items: tuple[Item, ...] = ()
    pending: bool = False


class Order(Struct, frozen=True, kw_only=True, gc=False):
    """One order of a shop in its present state: amounts, lines and flags after edits.

    ``total``, ``total_discount`` and ``total_shipping`` are net; ``total_with_tax`` is gross and
    the platform's own figure, never a sum of ours. ``owed`` is what the buyer owes or has paid for
    good: the total after refunds (WooCommerce: total minus refunds; Shopify: the current total),
    with ``owed_tax`` in it (None where the platform cannot say). ``metadata`` is what the shop
    knows beyond the attributes; it becomes ``metadata.shop``. Its key ``stalled`` says in words why
    the shop itself waits for the buyer (payment failed, not confirmed): such an order is not billed
    for being placed. ``deleted``: a trashed order.
    """

    source_id: str
    source_order_number: str | None
    ordered_at: datetime | None
    shop_updated_at: datetime  # the shop's own time of the last change; moves without one, too

    currency_code: str
    total: Decimal
    total_tax: Decimal
    total_with_tax: Decimal
    total_discount: Decimal
    total_shipping: Decimal
    owed: Decimal
    owed_tax: Decimal | None
    taxes_included: bool  # the shop's prices were entered with tax
    items: tuple[Item, ...]
    taxes: tuple[TaxTotal, ...]

    payment_status: PaymentStatus
    payment_method: str | None
    payment_gateway: str | None
    paid: bool
    paid_at: datetime | None
    fulfilled: bool
    fulfilled_at: datetime | None
    cancelled: bool
    cancelled_at: datetime | None
    refunded: bool
    refunded_at: datetime | None
    complete: bool
    test: bool
    deleted: bool

    customer_name: str | None
    customer_email: str | None
    customer: Customer | None
    billing_address: Address | None
    shipping_address: Address | None

    transactions: tuple[Transaction, ...]
    refunds: tuple[Refund, ...]
    tags: tuple[str, ...]
    metadata: dict[str, Any]
