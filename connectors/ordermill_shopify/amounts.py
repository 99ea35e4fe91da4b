"""One side of Shopify's money, tax rates in percent, and lines built from them. Pure.

Every function raises ValueError naming the field, never repeating its value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from ordermill.model.money import amount, minor_units
from ordermill.model.order import ZERO, Item, ItemKind, ItemTax
from ordermill_shopify.structs import Bag, TaxLine

_MICRO = Decimal("0.000001")
_ONE = Decimal(1)
_HUNDREDTH = Decimal("0.01")
_HUNDRED = Decimal(100)
_HIGHEST_RATE = Decimal(1000)


@dataclass(frozen=True, slots=True)
class Side:
    """The money that counts: the buyer's (presentment) or the shop's, in one currency."""

    presentment: bool
    currency: str

    @property
    def unit(self) -> Decimal:
        """The smallest amount: a cent, a yen, a fils."""
        return Decimal(1).scaleb(-minor_units(self.currency))

    def of(self, bag: Bag, field: str) -> Decimal:
        """The amount; ValueError for none, or for one of another currency."""
        money = bag.presentment_money if self.presentment else bag.shop_money
        if money.currency_code != self.currency:
            raise ValueError(f"{field}: its currency is not the order's")
        try:
            return amount(money.amount)
        except ValueError as error:
            raise ValueError(f"{field}: {error}") from None

    def maybe(self, bag: Bag | None, field: str) -> Decimal:
        """Zero where the field is not set."""
        return ZERO if bag is None else self.of(bag, field)


def time(text: str | None, field: str) -> datetime | None:
    """Aware UTC in whole milliseconds; ValueError for what is no time with an offset."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError
        at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{field}: not a time with an offset") from None
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def percent(line: TaxLine) -> Decimal | None:
    """The rate in percent, to four places; None where Shopify names none."""
    if line.rate_percentage is not None:
        rate = line.rate_percentage
    elif line.rate is not None:
        rate = line.rate * _HUNDRED
    else:
        return None
    if not rate.is_finite() or not 0 <= rate < _HIGHEST_RATE:
        raise ValueError("taxLines.rate: not a rate")
    return _tidy(rate.quantize(Decimal("0.0001"), ROUND_HALF_UP))


def taxed(
    lines: Iterable[tuple[TaxLine, Decimal]], net: Decimal, side: Side
) -> tuple[ItemTax, ...]:
    """One tax per title and rate, in the order of their coming; unnamed rates are derived.

    A rate whose amounts cancel out no longer taxes the line: an edit replaced it by another. It
    stays where its tax on what is left is less than the smallest amount, and so shows as nothing.
    """
    sums: dict[tuple[str, Decimal | None], Decimal] = {}
    replaced: dict[tuple[str, Decimal | None], bool] = {}
    for line, tax in lines:
        key = (line.title, percent(line))
        sums[key] = sums.get(key, ZERO) + tax
        replaced[key] = replaced.get(key, False) or tax != 0
    return tuple(
        _item_tax(title, rate, tax, net)
        for (title, rate), tax in sums.items()
        if tax or not replaced[title, rate] or _too_small_to_show(rate, net, side)
    )


def _too_small_to_show(rate: Decimal | None, net: Decimal, side: Side) -> bool:
    return not net or (rate is not None and abs(net * rate) < side.unit * _HUNDRED)


def _item_tax(title: str, rate: Decimal | None, tax: Decimal, net: Decimal) -> ItemTax:
    if rate is not None or not net:
        return ItemTax(rate=rate, tax=tax, name=title or None)
    found = derived_rate(tax, net)
    return ItemTax(rate=found, tax=tax, name=title or None, derived=found is not None)


def derived_rate(tax: Decimal, net: Decimal) -> Decimal | None:
    """The rate to 0.01 % that the amounts show; None where they show none that is possible."""
    rate = (tax / net * _HUNDRED).quantize(_HUNDREDTH, ROUND_HALF_UP)
    return _tidy(rate) if 0 <= rate < _HIGHEST_RATE else None


@dataclass(frozen=True, slots=True)
class Sold:
    """A line before it is an Item. ``unit`` is the price of one on the shop's price basis
    (``included``: with tax), before discounts; ``net`` and ``taxes`` are after them. ``quantity``
    is 0 where part of a price goes back."""

    name: str
    kind: ItemKind
    quantity: Decimal
    unit: Decimal
    net: Decimal
    taxes: tuple[ItemTax, ...]
    included: bool
    sku: str | None = None
    source_id: str | None = None

    def item(self) -> Item:
        """total = price x quantity - discount, as far as a price of six decimals can say it."""
        tax = sum((each.tax for each in self.taxes), ZERO)
        price, discount = self._price(tax)
        return Item(
            name=self.name,
            sku=self.sku,
            source_id=self.source_id,
            kind=self.kind,
            quantity=self.quantity,
            price=price,
            gross_price=self._gross_price(tax, discount),
            discount=discount,
            total=self.net,
            total_with_tax=self.net + tax,
            tax_rate=rate_of(self.taxes),
            taxes=self.taxes,
        )

    def _price(self, tax: Decimal) -> tuple[Decimal, Decimal]:
        off = self.unit * self.quantity - (self.net + tax if self.included else self.net)
        each = _micro(self.net / (self.quantity or _ONE))
        if off <= 0:
            return each, ZERO  # nothing taken off, or a raised price: the line says what one is
        if not self.included:
            return self.unit, off
        price = _micro(self.unit * self._net_share(tax))
        discount = price * self.quantity - self.net
        return (price, discount) if discount >= 0 else (each, ZERO)

    def _net_share(self, tax: Decimal) -> Decimal:
        if self.net > 0:
            return self.net / (self.net + tax)
        return _HUNDRED / (_HUNDRED + (rate_of(self.taxes) or ZERO))

    def _gross_price(self, tax: Decimal, discount: Decimal) -> Decimal | None:
        if self.included:
            return self.unit
        if discount or not self.quantity:
            return None
        gross = _micro((self.net + tax) / self.quantity)
        return gross if gross * self.quantity == self.net + tax else None


def rate_of(taxes: Sequence[ItemTax]) -> Decimal | None:
    """The sum of the rates: 0 where nothing is taxed, None where one is unknown."""
    rates = [tax.rate for tax in taxes]
    return None if None in rates else sum((rate for rate in rates if rate is not None), ZERO)


def _micro(value: Decimal) -> Decimal:
    return _tidy(value.quantize(_MICRO, ROUND_HALF_UP))


def _tidy(value: Decimal) -> Decimal:
    """The same number without zeros at its end, so that equal rates are written equally."""
    short = value.normalize()
    exponent = short.as_tuple().exponent
    return short.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else short
