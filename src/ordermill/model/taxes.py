"""Taxes per rate: of an order, of lines, less what was taken. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from decimal import Decimal

from msgspec.structs import replace

from ordermill.model.money import money, unit_of
from ordermill.model.order import ZERO, Item, ItemTax, Order, TaxTotal

Key = tuple[Decimal | None, str | None, bool]  # rate, name, compound
Tax = ItemTax | TaxTotal


def tax_groups(order: Order) -> tuple[TaxTotal, ...]:
    """The platform's tax per rate: its own sums where they add up to its total tax, else the
    lines'. A rate that it leaves out because its tax is nothing has a base all the same."""
    if order.taxes and sum((tax.tax for tax in order.taxes), ZERO) == order.total_tax:
        bearing = (item for item in order.items if any(not tax.tax for tax in item.taxes))
        silent = (tax for tax in groups_of(bearing) if tax.base and not tax.tax)
        return (*order.taxes, *(tax for tax in silent if place_of(order.taxes, tax) is None))
    return groups_of(order.items)


def groups_of(items: Iterable[Item]) -> tuple[TaxTotal, ...]:
    """The lines' taxes, a group for each rate, name and kind; where a line has two that are alike
    in all of it (two halves of 9 %), each is in a group of its own."""
    groups: dict[tuple[Key, int], TaxTotal] = {}
    for item in items:
        alike: Counter[Key] = Counter()
        for tax in item.taxes:
            key = (key_of(tax), alike[key_of(tax)])
            alike[key_of(tax)] += 1
            there = groups.get(key)
            groups[key] = TaxTotal(
                rate=tax.rate,
                tax=tax.tax + (there.tax if there else ZERO),
                base=item.total + ((there.base or ZERO) if there else ZERO),
                name=tax.name,
                derived=tax.derived or (there is not None and there.derived),
                compound=tax.compound,
            )
    return tuple(groups.values())


def minus_taxes(taxes: Sequence[TaxTotal], taken: Sequence[TaxTotal]) -> tuple[TaxTotal, ...]:
    """Per rate. A rate that is named apart on either side (a refund may not name its taxes) is
    matched by the rate alone."""
    left, used = list(taxes), set[int]()
    for each in taken:
        at = place_of(left, each, used)
        if at is None:
            left.append(replace(each, tax=-each.tax, base=-(each.base or ZERO)))
        else:
            used.add(at)
            left[at] = replace(
                left[at],
                tax=left[at].tax - each.tax,
                base=(left[at].base or ZERO) - (each.base or ZERO),
            )
    return tuple(tax for tax in left if tax.tax or tax.base)


def taxes_in_minor_units(
    taxes: Sequence[TaxTotal], items: Sequence[Item], code: str
) -> tuple[TaxTotal, ...]:
    """The tax at each rate, so that together they are the platform's tax: where it counts parts of
    the unit, what rounding each leaves over goes to those that lost or won most by it."""
    exact = [tax.tax for tax in taxes]
    rounded = [money(tax, code) for tax in exact]
    off = money(sum(exact, ZERO), code) - sum(rounded, ZERO)
    unit = unit_of(code).copy_sign(off)
    lost = sorted(range(len(exact)), key=lambda at: (rounded[at] - exact[at]) * unit)
    for at in lost[: int(off / unit)]:
        rounded[at] += unit
    return tuple(
        replace(tax, tax=amount, base=_base(tax, items, code))
        for tax, amount in zip(taxes, rounded, strict=True)
    )


def _base(tax: TaxTotal, items: Sequence[Item], code: str) -> Decimal:
    if tax.base is not None:
        return money(tax.base, code)
    return sum((item.total for item in items if _bears(item, tax)), ZERO)


def _bears(item: Item, tax: TaxTotal) -> bool:
    return any((each.rate, each.name) == (tax.rate, tax.name) for each in item.taxes)


def place_of(taxes: Sequence[Tax], wanted: Tax, used: Container[int] = ()) -> int | None:
    """Where the same tax stands: by rate, name and kind, else by its rate alone. Of several that
    are the same the first that is not ``used``."""
    for same in (key_of, lambda tax: tax.rate):
        there = [at for at, tax in enumerate(taxes) if same(tax) == same(wanted)]
        if there:
            return next((at for at in there if at not in used), there[0])
    return None


def key_of(tax: Tax) -> Key:
    """What makes two taxes one."""
    return (tax.rate, tax.name, tax.compound)
