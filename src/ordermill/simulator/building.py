"""Turns a draft into an order: priced, discounted, taxed, added up. Pure but for its ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from ordermill.simulator import money
from ordermill.simulator.drafts import Coupon, Draft, Item, NewCharge, NewShipping
from ordermill.simulator.money import Rules
from ordermill.simulator.orders import Agreement, Order, Sale
from ordermill.simulator.parts import (
    ZERO,
    Allocation,
    Charge,
    Discount,
    Line,
    Priced,
    Rate,
    Shipping,
    Tax,
)

Ids = Callable[[], int]
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Shop:
    """What a shop's orders take from its settings. ``decimals`` None: those of the currency."""

    currency: str = "EUR"
    prices_include_tax: bool = True
    round_at_subtotal: bool = False
    decimals: int | None = None
    timezone: str = "Europe/Ljubljana"
    name: str = "Lab Shop"
    country: str = "SI"


@dataclass(frozen=True, slots=True)
class Pricing:
    """Prices parts of one order: its rules, and the rates that tax each class there."""

    rules: Rules
    class_rates: dict[str, tuple[Rate, ...]]

    @classmethod
    def of(cls, order: Order) -> Pricing:
        """As the order was calculated when it was placed; its rates are frozen."""
        rules = Rules(order.prices_include_tax, order.round_at_subtotal, order.places)
        classes = {
            name: tuple(order.rate(rate_id) for rate_id in ids) for name, ids in order.class_rates
        }
        return cls(rules, classes)

    def rates(self, tax_class: str) -> tuple[Rate, ...]:
        return self.class_rates.get(tax_class, ())

    def line(self, item: Item, ids: Ids, discounts: tuple[Allocation, ...] = ()) -> Line:
        """A line that is ordered now."""
        rates = () if item.gift_card else self.rates(item.tax_class)
        priced = self.rules.priced(item.quantity, item.unit_price, rates, discounts)
        return Line(
            ids(), item.product_id, item.variation_id, item.sku, item.name, item.tax_class,
            priced, priced, gift_card=item.gift_card, requires_shipping=item.requires_shipping,
            meta=item.meta,
        )  # fmt: skip

    def shipping(
        self, new: NewShipping, ids: Ids, discounts: tuple[Allocation, ...] = ()
    ) -> Shipping:
        priced = self.rules.priced(ONE, new.price, self.rates(""), discounts)
        return Shipping(ids(), new.title, new.code, priced, priced)

    def charge(self, new: NewCharge, ids: Ids, line_id: int | None = None) -> Charge:
        taxed = new.kind == "fee" and new.taxable
        priced = self.rules.priced(ONE, new.price, self.rates("") if taxed else ())
        return Charge(ids(), new.kind, new.name, priced, priced, line_id)

    def allocations(self, coupon: Coupon, prices: Sequence[Decimal], quantities: Sequence[Decimal]
    ) -> list[Decimal]:  # fmt: skip
        """The share of each line, whose price is what the discounts so far have left of it."""
        if coupon.kind == "shipping":
            return [ZERO for _ in prices]
        if coupon.kind == "fixed_cart":
            return money.allocate(coupon.value, prices, self.rules.places)
        if coupon.kind == "fixed_product":
            off = [coupon.value * quantity for quantity in quantities]
        else:
            off = [price * coupon.value / 100 for price in prices]
        return [min(self.rules.round(o), price) for o, price in zip(off, prices, strict=True)]


def place(
    draft: Draft, shop: Shop, order_id: int, key: str, ids: Ids, now: datetime, status: str
) -> Order:
    """The order that a buyer's checkout makes of a draft; unpaid."""
    currency = draft.currency or shop.currency
    decimals = money.places(currency) if shop.decimals is None else shop.decimals
    included = shop.prices_include_tax
    if draft.prices_include_tax is not None:
        included = draft.prices_include_tax
    classes = {} if draft.tax_exempt else dict(draft.rates)
    pricing = Pricing(Rules(included, shop.round_at_subtotal, decimals), classes)
    lines, discounts = _lines(draft, pricing, ids)
    shipping = tuple(
        pricing.shipping(each, ids, _off_shipping(draft, each, pricing)) for each in draft.shipping
    )
    charges = tuple(
        pricing.charge(each, ids, None if each.line is None else lines[each.line].id)
        for each in draft.charges
    )
    totals = pricing.rules.totals(lines, shipping, charges)
    order = Order(
        id=order_id, number=str(order_id), key=key, status=status, currency=currency,
        shop_currency=shop.currency, shop_rate=draft.shop_rate, places=decimals,
        prices_include_tax=included, round_at_subtotal=shop.round_at_subtotal,
        created_at=now, modified_at=now, posts_modified_at=now,
        totals=totals, placed_totals=totals, rates=_distinct(classes),
        class_rates=tuple((name, tuple(r.id for r in rates)) for name, rates in classes.items()),
        lines=lines, shipping=shipping, charges=charges, discounts=discounts,
        customer=draft.customer, billing=draft.billing,
        ship_to=draft.billing if draft.ship_to is None else draft.ship_to,
        gateway=draft.gateway, gateway_title=draft.gateway_title,
        tax_exempt=draft.tax_exempt, test=draft.test, note=draft.note, tags=draft.tags,
        meta=tuple((ids(), name, value) for name, value in draft.meta),
        created_via=draft.created_via,
    )  # fmt: skip
    sales = sales_between(None, order, ids)
    return replace(order, agreements=(Agreement(ids(), "order", now, sales),))


def _distinct(classes: dict[str, tuple[Rate, ...]]) -> tuple[Rate, ...]:
    return tuple({rate.id: rate for rates in classes.values() for rate in rates}.values())


def _lines(
    draft: Draft, pricing: Pricing, ids: Ids
) -> tuple[tuple[Line, ...], tuple[Discount, ...]]:
    rules = pricing.rules
    prices = [rules.round(item.quantity * item.unit_price) for item in draft.items]
    quantities = [item.quantity for item in draft.items]
    shares: list[tuple[Allocation, ...]] = [() for _ in prices]
    discounts = []
    for index, coupon in enumerate(draft.coupons):
        discounts.append(Discount(ids(), coupon.code, coupon.kind, coupon.value))
        for i, off in enumerate(pricing.allocations(coupon, prices, quantities)):
            prices[i] -= off
            shares[i] += (Allocation(index, off),) if off else ()
    lines = [pricing.line(item, ids, each) for item, each in zip(draft.items, shares, strict=True)]
    return tuple(lines), tuple(discounts)


def _off_shipping(draft: Draft, new: NewShipping, pricing: Pricing) -> tuple[Allocation, ...]:
    """What coupons for the shipping take off one way of delivery, one after the other."""
    left, shares = pricing.rules.round(new.price), []
    for index, coupon in enumerate(draft.coupons):
        off = pricing.rules.round(left * coupon.value / 100) if coupon.kind == "shipping" else ZERO
        left -= off
        shares += [Allocation(index, off)] if off else []
    return tuple(shares)


def sales_between(before: Order | None, after: Order, ids: Ids) -> tuple[Sale, ...]:
    """What changed in the goods, shipping and charges; from nothing when ``before`` is None."""
    old = {} if before is None else {of: priced for _, of, priced in _sold(before)}
    action = "order" if before is None else "update"
    sales = []
    for kind, of, now in _sold(after):
        then = old.get(of)
        if then != now:
            sales.append(_sale(ids(), kind, action if then else "order", of, then, now))
    return tuple(sales)


def _sold(order: Order) -> list[tuple[str, int, Priced]]:
    goods = [("gift_card" if x.gift_card else "product", x.id, x.now) for x in order.lines]
    freight = [("shipping", x.id, x.now) for x in order.shipping]
    return goods + freight + [(x.kind, x.id, x.now) for x in order.charges]


def _sale(id_: int, kind: str, action: str, of: int, then: Priced | None, now: Priced) -> Sale:
    if then is None:
        return Sale(
            id_, kind, action, of, now.quantity, now.gross, now.tax, now.taxes, now.discount
        )
    taxes = less(now.taxes, then.taxes)
    return Sale(
        id_, kind, action, of,
        now.quantity - then.quantity, now.gross - then.gross, now.tax - then.tax, taxes,
        now.discount - then.discount,
    )  # fmt: skip


def less(taxes: Sequence[Tax], others: Sequence[Tax]) -> tuple[Tax, ...]:
    """Rate by rate, what the first are more than the others; a rate of the others alone is taken
    back whole, as where another address brought other rates."""
    left = {tax.rate_id: tax for tax in taxes}
    for tax in others:
        had = left.get(tax.rate_id, Tax(tax.rate_id, ZERO, ZERO))
        left[tax.rate_id] = Tax(tax.rate_id, had.amount - tax.amount, had.exact - tax.exact)
    return tuple(left.values())
