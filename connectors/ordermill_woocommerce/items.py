"""The lines of an order with their taxes, and the order's taxes per rate. Pure.

A line's tax is the platform's: WooCommerce rounds taxes[] and total_tax apart from each other (1.01
beside 1.00 on exact half cents, measured), and total_tax is what the order's total is made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import NamedTuple

from ordermill.model.order import ZERO, Item, ItemKind, ItemTax, TaxTotal
from ordermill_woocommerce.money import exact, per_unit, rate_of
from ordermill_woocommerce.typed import Fee, Line, LineTax, Shipping, TaxLine, WooOrder

_ONE = Decimal(1)


class Rate(NamedTuple):
    """A rate of the order: what its taxes have in common."""

    percent: Decimal | None = None
    name: str | None = None
    compound: bool = False


RateId = int | str
Rates = Mapping[RateId, Rate]
_UNKNOWN = Rate()
_NOTHING = (ZERO, ZERO)


def rates_of(tax_lines: Sequence[TaxLine]) -> Rates:
    """The order's rates by what the lines' taxes name: their ids, or, where a tax service (AvaTax)
    computed them, which have none, their codes."""
    rates: dict[RateId, Rate] = {line.rate_id: _rate(line) for line in tax_lines}
    rates |= {line.rate_code: _rate(line)
              for line in tax_lines if line.rate_code and not line.rate_id}  # fmt: skip
    return rates


def _rate(line: TaxLine) -> Rate:
    percent = None if line.rate_percent is None else exact(line.rate_percent)
    return Rate(percent, line.label, line.compound)


def items_of(order: WooOrder, rates: Rates) -> tuple[Item, ...]:
    """An item for each of ``lines_of``, in their order."""
    return (
        *[product(line, rates) for line in order.line_items],
        *[charge(line, shipping_name(line), ItemKind.SHIPPING, rates)
          for line in order.shipping_lines],
        *[charge(line, line.name or "Fee", ItemKind.FEE, rates) for line in order.fee_lines],
    )  # fmt: skip


def lines_of(order: WooOrder) -> Iterator[Line | Shipping | Fee]:
    """Products, then shipping, then fees."""
    return chain(order.line_items, order.shipping_lines, order.fee_lines)


def product(line: Line, rates: Rates) -> Item:
    """A product line. A total above the subtotal (set by hand) is no negative discount: the price
    is then what was charged."""
    total, total_tax = exact(line.total), exact(line.total_tax)
    before = total if line.subtotal is None else exact(line.subtotal)
    tax_before = total_tax if line.subtotal_tax is None else exact(line.subtotal_tax)
    if abs(before) < abs(total):
        before, tax_before = total, total_tax
    quantity = exact(line.quantity)
    taxes = _taxes(total, total_tax, line.taxes, rates)
    return Item(
        name=line.name,
        sku=line.sku or None,
        source_id=str(line.id),
        kind=ItemKind.LINE_ITEM,
        quantity=quantity,
        price=per_unit(before, quantity),
        gross_price=per_unit(before + tax_before, quantity) if quantity else None,
        discount=before - total,
        total=total,
        total_with_tax=total + total_tax,
        tax_rate=_sum_of_rates(taxes),
        taxes=taxes,
    )


def charge(line: Shipping | Fee, name: str, kind: ItemKind, rates: Rates) -> Item:
    """Shipping or a fee, which may be negative: one piece, without a discount."""
    total, total_tax = exact(line.total), exact(line.total_tax)
    taxes = _taxes(total, total_tax, line.taxes, rates)
    return Item(
        name=name,
        sku=None,
        source_id=str(line.id),
        kind=kind,
        quantity=_ONE,
        price=total,
        gross_price=total + total_tax,
        discount=ZERO,
        total=total,
        total_with_tax=total + total_tax,
        tax_rate=_sum_of_rates(taxes),
        taxes=taxes,
    )


def shipping_name(line: Shipping) -> str:
    return line.method_title or line.method_id or "Shipping"


def order_taxes(
    order: WooOrder, items: Sequence[Item], rates: Rates, total_tax: Decimal
) -> tuple[TaxTotal, ...]:
    """The order's tax per rate: from tax_lines where they add up to total_tax, else (rounding at
    subtotal, edits without a recalculation) from the lines. Bases are the lines' nets."""
    sums = _sums_by_rate(lines_of(order), items)
    taxes = tuple(
        _tax_total(_rate(line), exact(line.tax_total) + exact(line.shipping_tax_total),
                   (sums.get(line.rate_id) or sums.get(line.rate_code or "", _NOTHING))[0])
        for line in order.tax_lines
    )  # fmt: skip
    if sum((tax.tax for tax in taxes), ZERO) == total_tax:
        return taxes
    from_lines = tuple(
        _tax_total(rates.get(rate_id, _UNKNOWN), tax, base) for rate_id, (base, tax) in sums.items()
    )
    return from_lines if _adds_up(from_lines, items) else taxes or from_lines


def _adds_up(taxes: Sequence[TaxTotal], items: Sequence[Item]) -> bool:
    of_items = sum((item.total_with_tax - item.total for item in items), ZERO)
    return sum((tax.tax for tax in taxes), ZERO) == of_items


def _sums_by_rate(
    lines: Iterable[Line | Shipping | Fee], items: Iterable[Item]
) -> dict[RateId, tuple[Decimal, Decimal]]:
    """Net and tax of all lines at each rate."""
    sums: dict[RateId, tuple[Decimal, Decimal]] = {}
    for line, item in zip(lines, items, strict=True):
        # A tax that no rate explains stands last and alone, beside no rate of the line.
        for (rate_id, _), tax in zip(_applying(line.taxes), item.taxes, strict=False):
            base, so_far = sums.get(rate_id, _NOTHING)
            sums[rate_id] = (base + item.total, so_far + tax.tax)
    return sums


def _tax_total(rate: Rate, tax: Decimal, base: Decimal) -> TaxTotal:
    percent, derived = _percent(rate, tax, base)
    return TaxTotal(
        rate=percent,
        tax=tax,
        base=base,
        name=rate.name,
        derived=derived,
        compound=rate.compound,
    )


def _taxes(
    total: Decimal, total_tax: Decimal, taxes: Sequence[LineTax], rates: Rates
) -> tuple[ItemTax, ...]:
    """A tax per rate that applies; the whole of it without a name where the shop names no rate.

    A line's only tax is its total_tax: taxes[] is unrounded on 7.9 and half a cent off elsewhere
    (measured).
    """
    applying = _applying(taxes)
    if len(applying) == 1:
        return (_item_tax(applying[0][0], total_tax, total, rates),)
    if not applying and total_tax:
        return (ItemTax(rate=rate_of(total_tax, total), tax=total_tax, derived=True),)
    return tuple([_item_tax(rate_id, exact(tax), total, rates) for rate_id, tax in applying])


def _applying(taxes: Sequence[LineTax]) -> Sequence[tuple[RateId, Decimal]]:
    """Rate ids with the tax at each."""
    return [(_number(tax.id), tax.total) for tax in taxes if tax.total is not None]


def _number(rate_id: RateId) -> RateId:
    """A number that was written as text is one."""
    if isinstance(rate_id, str) and rate_id.isascii() and rate_id.isdigit():
        return int(rate_id)
    return rate_id


def _item_tax(rate_id: RateId, tax: Decimal, base: Decimal, rates: Rates) -> ItemTax:
    rate = rates.get(rate_id, _UNKNOWN)
    percent, derived = _percent(rate, tax, base)
    return ItemTax(rate=percent, tax=tax, name=rate.name, derived=derived, compound=rate.compound)


def _percent(rate: Rate, tax: Decimal, base: Decimal) -> tuple[Decimal | None, bool]:
    """The rate in percent, and whether it was derived from the amounts."""
    if rate.percent is not None:
        return rate.percent, False
    percent = rate_of(tax, base)
    return percent, percent is not None


def _sum_of_rates(taxes: Sequence[ItemTax]) -> Decimal | None:
    """In percent; None where one of them is unknown."""
    known = [tax.rate for tax in taxes if tax.rate is not None]
    return sum(known, ZERO) if len(known) == len(taxes) else None
