"""Edits of an order's items and its refunds, as pure functions from one order to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from ordermill.simulator import money
from ordermill.simulator.building import ONE, Ids, Pricing, less, sales_between
from ordermill.simulator.drafts import (
    AddCharge,
    AddItem,
    AddShipping,
    ApplyCoupon,
    Edit,
    Remove,
    SetPrice,
    SetQuantity,
)
from ordermill.simulator.orders import Agreement, Back, Order, Refund, Sale
from ordermill.simulator.parts import (
    ZERO,
    Allocation,
    Charge,
    Discount,
    Line,
    Priced,
    Rate,
    Shipping,
)


def edited(order: Order, edits: Sequence[Edit], ids: Ids, now: datetime) -> Order:
    """The order after all edits, recalculated, with one agreement for the difference."""
    after = order
    for edit in edits:
        after = _one(after, edit, ids)
    return recalculated(order, after, ids, now)


def recalculated(before: Order, after: Order, ids: Ids, now: datetime) -> Order:
    """``after`` with its sums and an agreement for what it differs in from ``before``."""
    totals = Pricing.of(after).rules.totals(after.lines, after.shipping, after.charges)
    after = replace(after, totals=totals)
    sales = sales_between(before, after, ids)
    if not sales:
        return after
    return replace(after, agreements=(*after.agreements, Agreement(ids(), "edit", now, sales)))


def _one(order: Order, edit: Edit, ids: Ids) -> Order:
    pricing = Pricing.of(order)
    match edit:
        case SetQuantity(line_id, quantity):
            line = order.line(line_id)
            return _with_line(order, line, quantity, line.now.unit_price)
        case SetPrice(line_id, unit_price):
            line = order.line(line_id)
            return _with_line(order, line, line.now.quantity, unit_price)
        case AddItem(item):
            line = replace(pricing.line(item, ids), added_by_edit=True)
            return replace(order, lines=(*order.lines, line))
        case AddShipping(shipping):
            return replace(order, shipping=(*order.shipping, pricing.shipping(shipping, ids)))
        case AddCharge(charge):
            return replace(order, charges=(*order.charges, pricing.charge(charge, ids)))
        case ApplyCoupon(coupon):
            discount = Discount(ids(), coupon.code, coupon.kind, coupon.value)
            prices = [pricing.rules.basis(line.now) for line in order.lines]
            quantities = [line.now.quantity for line in order.lines]
            return _discounted(order, discount, pricing.allocations(coupon, prices, quantities))
        case Remove(id_):
            return _removed(order, id_)


def _with_line(order: Order, line: Line, quantity: Decimal, unit_price: Decimal) -> Order:
    """Discounts keep their proportion to the price: a fifth off stays a fifth off."""
    pricing = Pricing.of(order)
    rules, now = pricing.rules, line.now
    before = rules.round(now.quantity * now.unit_price)
    after = rules.round(quantity * unit_price)
    ratio = after / before if before else ZERO
    shares = tuple(
        Allocation(each.index, rules.round(each.amount * ratio)) for each in now.discounts
    )
    rates = tuple(order.rate(tax.rate_id) for tax in now.taxes)
    priced = rules.priced(quantity, unit_price, rates, tuple(s for s in shares if s.amount))
    return _replaced(order, line, priced)


def _replaced(order: Order, line: Line, priced: Priced) -> Order:
    lines = tuple(replace(x, now=priced) if x.id == line.id else x for x in order.lines)
    return replace(order, lines=lines)


def _discounted(order: Order, discount: Discount, shares: Sequence[Decimal]) -> Order:
    rules, index = Pricing.of(order).rules, len(order.discounts)
    after = replace(order, discounts=(*order.discounts, discount))
    for line, off in zip(order.lines, shares, strict=True):
        if off:
            now = line.now
            rates = tuple(order.rate(tax.rate_id) for tax in now.taxes)
            discounts = (*now.discounts, Allocation(index, off))
            priced = rules.priced(now.quantity, now.unit_price, rates, discounts)
            after = _replaced(after, line, priced)
    return after


def _removed(order: Order, id_: int) -> Order:
    def gone(priced: Priced) -> Priced:
        rates = tuple(order.rate(tax.rate_id) for tax in priced.taxes)
        return Pricing.of(order).rules.priced(ZERO, priced.unit_price, rates)

    return replace(
        order,
        lines=tuple(replace(x, now=gone(x.now)) if x.id == id_ else x for x in order.lines),
        shipping=tuple(replace(x, now=gone(x.now)) if x.id == id_ else x for x in order.shipping),
        charges=tuple(replace(x, now=gone(x.now)) if x.id == id_ else x for x in order.charges),
    )


def refund(
    order: Order,
    refund_id: int,
    ids: Ids,
    now: datetime,
    *,
    lines: Mapping[int, Decimal],
    shipping: bool,
    charges: bool,
    amount: Decimal | None,
    reason: str,
    restock: str,
    blank: bool,
) -> Refund:
    """A refund of so many units of lines, with shipping and charges if wanted.

    ``amount`` None: what the parts are worth, or what is left of the order if that is less.
    ``blank``: quantities without amounts.
    """
    backs = tuple(
        replace(_back(order, order.line(of), quantity, ids), restock=restock)
        for of, quantity in lines.items()
    )
    freight = tuple(_rest(order, each, ids) for each in order.shipping) if shipping else ()
    extra = tuple(_rest(order, each, ids) for each in order.charges) if charges else ()
    if blank:
        backs = tuple(replace(back, net=ZERO, taxes=()) for back in backs)
        amount = ZERO
    freight = tuple(back for back in freight if back.gross)
    extra = tuple(back for back in extra if back.gross)
    if amount is None:
        worth = sum((back.gross for back in (*backs, *freight, *extra)), ZERO)
        amount = min(worth, order.current_total)
    return Refund(refund_id, now, amount, reason, backs, freight, extra, blank=blank)


def _back(order: Order, line: Line | Shipping | Charge, quantity: Decimal, ids: Ids) -> Back:
    before = [back for each in order.refunds for back in each.parts if back.of == line.id]
    given = money.share(line.now, before, quantity, order.places)
    return replace(given, id=ids(), of=line.id)


def _rest(order: Order, each: Shipping | Charge, ids: Ids) -> Back:
    """All that was not given back yet of a shipping line or charge."""
    before = [back for r in order.refunds for back in r.parts if back.of == each.id]
    taxes = each.now.taxes
    for back in before:
        taxes = less(taxes, back.taxes)
    net = each.now.total - sum((back.net for back in before), ZERO)
    return Back(ids(), each.id, ONE, net, taxes)


def with_refund(order: Order, given: Refund, ids: Ids) -> Order:
    """The order with one more refund and its sales; an amount without parts is an adjustment."""
    kinds = {line.id: "gift_card" if line.gift_card else "product" for line in order.lines}
    kinds |= {each.id: "shipping" for each in order.shipping}
    kinds |= {each.id: each.kind for each in order.charges}
    sales = [
        Sale(
            ids(), kinds[back.of], "return", back.of, -back.quantity, -back.gross, -back.tax,
            tuple(replace(t, amount=-t.amount, exact=-t.exact)
                  for t in back.taxes),
        )
        for back in given.parts
    ]  # fmt: skip
    if given.adjustment:
        sales.append(Sale(ids(), "adjustment", "return", None, ZERO, -given.adjustment, ZERO))
    agreement = Agreement(ids(), "refund", given.at, tuple(sales), given.id)
    return replace(
        order,
        refunds=(*order.refunds, given),
        agreements=(*order.agreements, agreement),
    )


def without_refund(order: Order, refund_id: int) -> Order:
    """As if the refund had never been: its agreement goes with it. WooCommerce alone can do so."""
    return replace(
        order,
        refunds=tuple(each for each in order.refunds if each.id != refund_id),
        agreements=tuple(each for each in order.agreements if each.refund_id != refund_id),
    )


def retaxed(order: Order, classes: dict[str, tuple[Rate, ...]], ids: Ids, now: datetime) -> Order:
    """The order calculated again with other rates, as after a change of address."""
    distinct = {rate.id: rate for rates in classes.values() for rate in rates}
    kept = {rate.id: rate for rate in order.rates}
    after = replace(
        order,
        rates=tuple((kept | distinct).values()),
        class_rates=tuple((name, tuple(r.id for r in rates)) for name, rates in classes.items()),
    )
    pricing = Pricing.of(after)

    def again(priced: Priced, tax_class: str, taxed: bool = True) -> Priced:
        rates = pricing.rates(tax_class) if taxed else ()
        return pricing.rules.priced(priced.quantity, priced.unit_price, rates, priced.discounts)

    after = replace(
        after,
        lines=tuple(
            replace(x, now=again(x.now, x.tax_class, not x.gift_card)) for x in order.lines
        ),
        shipping=tuple(replace(x, now=again(x.now, "")) for x in order.shipping),
        charges=tuple(
            replace(x, now=again(x.now, "", x.kind == "fee" and bool(x.now.taxes)))
            for x in order.charges
        ),
    )
    return recalculated(order, after, ids, now)
