"""What is asked of a ledger: an order to be placed, and the edits of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from ordermill.simulator.parts import Address, Customer, Rate


@dataclass(frozen=True, slots=True)
class Item:
    """Goods to be added; ``unit_price`` is on the shop's price basis, taxed as ``tax_class``."""

    sku: str
    name: str
    unit_price: Decimal
    quantity: Decimal = Decimal(1)
    product_id: int = 0
    variation_id: int = 0
    tax_class: str = ""
    gift_card: bool = False
    requires_shipping: bool = True
    meta: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class NewShipping:
    """A way of delivery, price basis; taxed as the standard class."""

    title: str
    price: Decimal
    code: str = "flat_rate"


@dataclass(frozen=True, slots=True)
class NewCharge:
    """A fee, tip or duty; tips and duties carry no tax here."""

    name: str
    price: Decimal
    kind: Literal["fee", "tip", "duty"] = "fee"
    taxable: bool = True
    line: int | None = None  # a duty's line, by its place in the draft


@dataclass(frozen=True, slots=True)
class Coupon:
    """A discount. percent: of each line; fixed_cart: over all lines; fixed_product: per unit;
    shipping: percent of the shipping, with the order only. Amounts are on the price basis."""

    code: str
    kind: Literal["percent", "fixed_cart", "fixed_product", "shipping"]
    value: Decimal


@dataclass(frozen=True, slots=True)
class Draft:
    """An order to be placed. ``rates`` maps a tax class ("" is the standard one) to the rates where
    it goes; a class not named is not taxed. ``shop_rate``: shop currency per unit of ``currency``
    (None: the shop's own)."""

    items: tuple[Item, ...]
    rates: tuple[tuple[str, tuple[Rate, ...]], ...] = ()
    shipping: tuple[NewShipping, ...] = ()
    charges: tuple[NewCharge, ...] = ()
    coupons: tuple[Coupon, ...] = ()
    customer: Customer = field(default_factory=Customer)
    billing: Address = field(default_factory=Address)
    ship_to: Address | None = None
    gateway: str = "bacs"
    gateway_title: str = "Bank transfer"
    currency: str | None = None
    shop_rate: Decimal = Decimal(1)
    prices_include_tax: bool | None = None
    tax_exempt: bool = False
    test: bool = False
    note: str = ""
    tags: tuple[str, ...] = ()
    meta: tuple[tuple[str, Any], ...] = ()
    created_via: str = "checkout"


@dataclass(frozen=True, slots=True)
class SetQuantity:
    """Another quantity of a line; 0 removes it. Discounts shrink and grow with it."""

    line_id: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class SetPrice:
    """Another unit price of a line, price basis."""

    line_id: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class AddItem:
    item: Item


@dataclass(frozen=True, slots=True)
class AddShipping:
    shipping: NewShipping


@dataclass(frozen=True, slots=True)
class AddCharge:
    charge: NewCharge


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a line, shipping line or charge by its id."""

    id: int


@dataclass(frozen=True, slots=True)
class ApplyCoupon:
    """A further discount over the goods as they are now."""

    coupon: Coupon


Edit = SetQuantity | SetPrice | AddItem | AddShipping | AddCharge | Remove | ApplyCoupon
