"""The parts an order is made of: goods, shipping, charges, discounts, taxes, people. Values only.

Amounts are Decimal in the order's currency. ``net`` is without tax. A *price* (``unit_price``, an
allocation) is on the shop's price basis: it contains the tax when ``Order.prices_include_tax``,
else not. ``total`` of a ``Priced`` is always net.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Rate:
    """A tax rate as the order froze it: ``percent`` 22 means 22 %, ``compound`` taxes the taxes."""

    id: int
    code: str
    title: str
    percent: Decimal
    compound: bool = False


@dataclass(frozen=True, slots=True)
class Tax:
    """The tax of one rate on one thing: rounded to the currency, and before rounding."""

    rate_id: int
    amount: Decimal
    exact: Decimal


@dataclass(frozen=True, slots=True)
class Allocation:
    """The share of one thing in the discount ``Order.discounts[index]``; positive, price basis."""

    index: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Discount:
    """A coupon or manual discount of an order. ``kind``: percent | fixed_cart | fixed_product |
    shipping. No code: given by hand."""

    id: int
    code: str
    kind: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class Priced:
    """Quantity, price, discounts and taxes of a thing. subtotal and total are net, before and after
    discounts; ``subtotal_taxes`` belong to subtotal, ``taxes`` to total."""

    quantity: Decimal
    unit_price: Decimal
    subtotal: Decimal
    subtotal_taxes: tuple[Tax, ...]
    total: Decimal
    taxes: tuple[Tax, ...]
    discounts: tuple[Allocation, ...] = ()

    @property
    def tax(self) -> Decimal:
        """The tax after discounts, rounded per rate."""
        return sum((tax.amount for tax in self.taxes), ZERO)

    @property
    def gross(self) -> Decimal:
        """What the buyer pays for it."""
        return self.total + self.tax

    @property
    def discount(self) -> Decimal:
        """All its discounts, price basis."""
        return sum((each.amount for each in self.discounts), ZERO)


@dataclass(frozen=True, slots=True)
class Line:
    """Goods. ``ordered`` is how the line came into the order and never changes; ``now`` is after
    edits (quantity 0: removed). Refunds change neither; see ``Order.refunded_quantity``."""

    id: int
    product_id: int
    variation_id: int
    sku: str
    name: str
    tax_class: str
    ordered: Priced
    now: Priced
    added_by_edit: bool = False
    gift_card: bool = False
    requires_shipping: bool = True
    meta: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Shipping:
    """A shipping line; ``now.quantity`` 0 means removed, ``ordered`` as for lines."""

    id: int
    title: str
    code: str
    ordered: Priced
    now: Priced


@dataclass(frozen=True, slots=True)
class Charge:
    """A fee, a tip, or a duty on one line. A fee may be negative where the shop allows it. Tips
    carry no tax. WooCommerce shows each as a fee line."""

    id: int
    kind: Literal["fee", "tip", "duty"]
    name: str
    ordered: Priced
    now: Priced
    line_id: int | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; every field may be empty. ``country`` is ISO 3166 alpha-2."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """The buyer. ``id`` 0 is a guest. ``vat_id`` of a company, else empty."""

    id: int = 0
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    company: str = ""
    vat_id: str = ""
