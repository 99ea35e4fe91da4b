"""The arithmetic of one document: whether what it says adds up, to the last minor unit. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from ordermill.model.document import Content
from ordermill.model.money import minor_units, unit_of
from ordermill.model.order import ZERO, Item

_CENT = Decimal("0.01")
_TOTALS = ("total", "total_tax", "total_with_tax", "total_discount", "rounding")


def arithmetic(content: Content, most: Decimal) -> Iterator[str]:
    """Everything that does not add up, a sentence with the figures each; ``most`` is how large the
    rounding may be."""
    yield from _equal("the items' totals", _sum(content, lambda i: i.total), "total", content.total)
    taxes = sum((tax.tax for tax in content.taxes), ZERO)
    yield from _equal("the taxes", taxes, "total_tax", content.total_tax)
    discounts = _sum(content, lambda item: item.discount)
    yield from _equal("the discounts", discounts, "total_discount", content.total_discount)
    whole = content.total + content.total_tax + content.rounding
    yield from _equal(
        "total + total_tax + rounding", whole, "total_with_tax", content.total_with_tax
    )
    if abs(content.rounding) > most:
        yield f"rounding {content.rounding:f} is more than {most:f}, a cent for each line"
    if not content.items and content.total_with_tax != content.rounding:
        yield "it has no items"
    yield from _lines(content)
    yield from _bases(content, most)
    yield from _minor(content)


def most_rounding(content: Content) -> Decimal:
    """How large a document's rounding may be: a cent, or its currency's unit, for each line."""
    return max(_CENT, unit_of(content.currency_code)) * max(len(content.items), 1)


def _sum(content: Content, of: Callable[[Item], Decimal]) -> Decimal:
    return sum((of(item) for item in content.items), ZERO)


def _equal(what: str, found: Decimal, name: str, said: Decimal) -> Iterator[str]:
    if found != said:
        yield f"{what} come to {found:f}, {name} says {said:f}"


def _lines(content: Content) -> Iterator[str]:
    for at, item in enumerate(content.items, 1):
        with_tax = item.total + sum((tax.tax for tax in item.taxes), ZERO)
        yield from _equal(
            f"item {at}: total and taxes", with_tax, "total_with_tax", item.total_with_tax
        )


def _bases(content: Content, most: Decimal) -> Iterator[str]:
    """A rate's base against the lines that bear it, as often as they do. A compound tax stands on
    other taxes too, and of a rate that no line names there is nothing to compare with."""
    said: dict[tuple[Decimal | None, str | None], Decimal] = {}
    for tax in content.taxes:
        if tax.base is not None and not tax.compound:
            said[tax.rate, tax.name] = said.get((tax.rate, tax.name), ZERO) + tax.base
    for (rate, name), base in said.items():
        bearing = [
            item.total
            for item in content.items
            for tax in item.taxes
            if (tax.rate, tax.name) == (rate, name) and not tax.compound
        ]
        found = sum(bearing, ZERO)
        if bearing and abs(found - base) > most:
            yield f"the lines at {_rate(rate)} come to {found:f}, its base says {base:f}"


def _minor(content: Content) -> Iterator[str]:
    """Amounts with more digits than the currency has. Unit prices may have them."""
    digits = minor_units(content.currency_code)
    for name, amount in _amounts(content):
        if amount != round(amount, digits):
            yield f"{name} {amount:f} has more than the {digits} digits of {content.currency_code}"


def _amounts(content: Content) -> Iterator[tuple[str, Decimal]]:
    for name in _TOTALS:
        yield name, getattr(content, name)
    for tax in content.taxes:
        yield f"tax at {_rate(tax.rate)}", tax.tax
        if tax.base is not None:
            yield f"base at {_rate(tax.rate)}", tax.base
    for at, item in enumerate(content.items, 1):
        yield f"item {at}: total", item.total
        yield f"item {at}: total_with_tax", item.total_with_tax
        yield f"item {at}: discount", item.discount
        for line_tax in item.taxes:
            yield f"item {at}: tax at {_rate(line_tax.rate)}", line_tax.tax


def _rate(rate: Decimal | None) -> str:
    return "an unknown rate" if rate is None else f"{rate.normalize():f} %"
