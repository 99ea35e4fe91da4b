"""The shops' own money engine: taxes, discounts, totals. It shares nothing with the product's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal

from ordermill.simulator.orders import Back, Totals
from ordermill.simulator.parts import ZERO, Allocation, Charge, Line, Priced, Rate, Shipping, Tax

_PLACES = {"JPY": 0, "KRW": 0, "ISK": 0, "CLP": 0, "VND": 0, "KWD": 3, "BHD": 3, "TND": 3, "JOD": 3}
_HUNDRED = Decimal(100)


def places(currency: str) -> int:
    """The currency's minor units: JPY 0, EUR 2, KWD 3."""
    return _PLACES.get(currency, 2)


def rounded(amount: Decimal, decimals: int, how: str = ROUND_HALF_UP) -> Decimal:
    """Halves go away from zero unless told otherwise."""
    return amount.quantize(Decimal(1).scaleb(-decimals), rounding=how)


@dataclass(frozen=True, slots=True)
class Rules:
    """How a shop calculates: prices with or without tax, tax rounded per line or at subtotal."""

    included: bool
    at_subtotal: bool
    places: int

    def round(self, amount: Decimal) -> Decimal:
        return rounded(amount, self.places)

    def taxes(self, amount: Decimal, rates: Sequence[Rate]) -> tuple[Tax, ...]:
        """The tax of each rate on (or within) ``amount``; compound rates tax the others' tax too.

        Within inclusive prices halves go down: WooCommerce does so.
        """
        how = ROUND_HALF_DOWN if self.included else ROUND_HALF_UP
        exact = _within(amount, rates) if self.included else _upon(amount, rates)
        return tuple(
            Tax(rate.id, rounded(tax, self.places, how), tax)
            for rate, tax in zip(rates, exact, strict=True)
        )

    def priced(
        self,
        quantity: Decimal,
        unit_price: Decimal,
        rates: Sequence[Rate],
        discounts: tuple[Allocation, ...] = (),
    ) -> Priced:
        """A thing at its price; the discounts are on the price basis."""
        before = self.round(quantity * unit_price)
        after = before - sum((each.amount for each in discounts), ZERO)
        subtotal, subtotal_taxes = self._net(before, rates)
        total, taxes = self._net(after, rates)
        return Priced(quantity, unit_price, subtotal, subtotal_taxes, total, taxes, discounts)

    def _net(self, amount: Decimal, rates: Sequence[Rate]) -> tuple[Decimal, tuple[Tax, ...]]:
        taxes = self.taxes(amount, rates)
        if not self.included:
            return amount, taxes
        taken = sum((t.exact if self.at_subtotal else t.amount for t in taxes), ZERO)
        return self.round(amount - taken), taxes

    def basis(self, priced: Priced) -> Decimal:
        """What is paid for it, on the price basis."""
        return self.round(priced.quantity * priced.unit_price) - priced.discount

    def totals(
        self, lines: Iterable[Line], shipping: Iterable[Shipping], charges: Iterable[Charge]
    ) -> Totals:
        """The sums of an order as WooCommerce adds them up."""
        goods = [line.now for line in lines]
        cart = goods + [charge.now for charge in charges]
        freight = [each.now for each in shipping]
        cart_taxes, freight_taxes = self._by_rate(cart), self._by_rate(freight)
        items = sum((each.total for each in cart), ZERO)
        freight_net = sum((each.total for each in freight), ZERO)
        tax = self._tax(cart + freight)
        total = items + freight_net + tax
        if self.included and self.at_subtotal:
            total = sum((self.basis(each) for each in cart + freight), ZERO)
        return Totals(
            items=items,
            shipping=freight_net,
            taxes=tuple(
                (rate, cart_taxes.get(rate, ZERO), freight_taxes.get(rate, ZERO))
                for rate in sorted(cart_taxes | freight_taxes)
            ),
            cart_tax=self._tax(cart),
            shipping_tax=self._tax(freight),
            tax=tax,
            discount=sum((each.subtotal - each.total for each in goods), ZERO),
            discount_tax=sum((_tax_off(each) for each in goods), ZERO),
            total=total,
        )

    def _by_rate(self, things: Iterable[Priced]) -> dict[int, Decimal]:
        sums: dict[int, Decimal] = {}
        for tax in (tax for thing in things for tax in thing.taxes):
            amount = tax.exact if self.at_subtotal else tax.amount
            sums[tax.rate_id] = sums.get(tax.rate_id, ZERO) + amount
        return {rate: self.round(amount) for rate, amount in sums.items()}

    def _tax(self, things: Iterable[Priced]) -> Decimal:
        taxes = (tax for thing in things for tax in thing.taxes)
        return self.round(sum((t.exact if self.at_subtotal else t.amount for t in taxes), ZERO))


def _tax_off(priced: Priced) -> Decimal:
    before = sum((tax.amount for tax in priced.subtotal_taxes), ZERO)
    return before - priced.tax


def _upon(amount: Decimal, rates: Sequence[Rate]) -> list[Decimal]:
    taxes: dict[int, Decimal] = {
        rate.id: amount * rate.percent / _HUNDRED for rate in rates if not rate.compound
    }
    base = amount + sum(taxes.values(), ZERO)
    for rate in (rate for rate in rates if rate.compound):
        taxes[rate.id] = base * rate.percent / _HUNDRED
        base += taxes[rate.id]
    return [taxes[rate.id] for rate in rates]


def _within(amount: Decimal, rates: Sequence[Rate]) -> list[Decimal]:
    taxes: dict[int, Decimal] = {}
    rest = amount
    for rate in reversed([rate for rate in rates if rate.compound]):
        taxes[rate.id] = rest - rest / (1 + rate.percent / _HUNDRED)
        rest -= taxes[rate.id]
    plain = [rate for rate in rates if not rate.compound]
    net = rest / (1 + sum((rate.percent for rate in plain), ZERO) / _HUNDRED)
    for rate in plain:
        taxes[rate.id] = net * rate.percent / _HUNDRED
    return [taxes[rate.id] for rate in rates]


def allocate(amount: Decimal, weights: Sequence[Decimal], decimals: int) -> list[Decimal]:
    """Split an amount by weight; the parts add up to it, odd cents go to the largest remainders.

    No part exceeds its weight, so a discount never makes a line negative.
    """
    whole = sum(weights, ZERO)
    amount = min(amount, whole)
    if not whole:
        return [ZERO for _ in weights]
    exact = [amount * weight / whole for weight in weights]
    parts = [rounded(part, decimals, ROUND_DOWN) for part in exact]
    cent = Decimal(1).scaleb(-decimals)
    order = sorted(range(len(parts)), key=lambda i: parts[i] - exact[i])
    missing = int((amount - sum(parts, ZERO)) / cent)
    for i in order[:missing]:
        parts[i] += cent
    return parts


def share(priced: Priced, before: Sequence[Back], quantity: Decimal, decimals: int) -> Back:
    """The net and taxes of ``quantity`` more units given back, after those ``before``.

    The last unit takes what is left, so refunding everything gives back exactly everything.
    The ids are the caller's to fill in.
    """
    done = sum((back.quantity for back in before), ZERO)
    part = (done + quantity) / priced.quantity

    def more(whole: Decimal, given: Decimal) -> Decimal:
        return rounded(whole * part, decimals) - given

    taxes = []
    for tax in priced.taxes:
        given = [t for back in before for t in back.taxes if t.rate_id == tax.rate_id]
        amount = more(tax.amount, sum((t.amount for t in given), ZERO))
        taxes.append(Tax(tax.rate_id, amount, tax.exact * quantity / priced.quantity))
    net = more(priced.total, sum((back.net for back in before), ZERO))
    return Back(0, 0, quantity, net, tuple(taxes))
