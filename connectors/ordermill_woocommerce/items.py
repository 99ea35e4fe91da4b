"""The lines of an order with their taxes, and the order's taxes per rate. Pure.

A line's tax is the platform's: WooCommerce rounds taxes[] and total_tax apart from each other (1.01
beside 1.00 on exact half cents, measured), and total_tax is what the order's total is made of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from ordermill.model.order import ZERO, Item, ItemKind, ItemTax, TaxTotal
from ordermill_woocommerce.money import exact, per_unit, rate_of
from ordermill_woocommerce.typed import Fee, Line, LineTax, Shipping, TaxLine, WooOrder

Rates = Mapping[int, TaxLine]
_ONE = Decimal(1)


def rates_of(tax_lines: Iterable[TaxLine]) -> Rates:
    """The order's rates by their ids, which the lines' taxes name."""
    return {line.rate_id: line for line in tax_lines}


def items_of(order: WooOrder, rates: Rates) -> tuple[Item, ...]:
    """Products, then shipping, then fees."""
    return (
        *(product(line, rates) for line in order.line_items),
        *(charge(line, shipping_name(line), ItemKind.SHIPPING, rates)
          for line in order.shipping_lines),
        *(charge(line, line.name or "Fee", ItemKind.FEE, rates) for line in order.fee_lines),
    )  # fmt: skip


def product(line: Line, rates: Rates) -> Item:
    """A product line. A total above the subtotal (set by hand) is no negative discount: the price
    is then what was charged."""
    total, total_tax = exact(line.total), exact(line.total_tax)
    before = total if line.subtotal is None else exact(line.subtotal)
    tax_before = total_tax if line.subtotal_tax is None else exact(line.subtotal_tax)
    if abs(before) < abs(total):
        before, tax_before = total, total_tax
    quantity = exact(line.quantity)
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
        tax_rate=_rate(total, total_tax, line.taxes, rates),
        taxes=_taxes(total, total_tax, line.taxes, rates),
    )


def charge(line: Shipping | Fee, name: str, kind: ItemKind, rates: Rates) -> Item:
    """Shipping or a fee, which may be negative: one piece, without a discount."""
    total, total_tax = exact(line.total), exact(line.total_tax)
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
        tax_rate=_rate(total, total_tax, line.taxes, rates),
        taxes=_taxes(total, total_tax, line.taxes, rates),
    )


def shipping_name(line: Shipping) -> str:
    return line.method_title or line.method_id or "Shipping"


def order_taxes(order: WooOrder, items: Sequence[Item], total_tax: Decimal) -> tuple[TaxTotal, ...]:
    """The order's tax per rate: from tax_lines where they add up to total_tax, else (rounding at
    subtotal, edits without a recalculation) from the lines. Bases are the lines' nets."""
    sums = _sums_by_rate(order)
    taxes = tuple(
        _tax_total(line, exact(line.tax_total) + exact(line.shipping_tax_total),
                   sums.get(line.rate_id, (ZERO, ZERO))[0])
        for line in order.tax_lines
    )  # fmt: skip
    if sum((tax.tax for tax in taxes), ZERO) == total_tax:
        return taxes
    rates = rates_of(order.tax_lines)
    from_lines = tuple(
        _tax_total(rates.get(rate_id), tax, base) for rate_id, (base, tax) in sums.items()
    )
    return from_lines if _adds_up(from_lines, items) else taxes or from_lines


def _adds_up(taxes: Sequence[TaxTotal], items: Sequence[Item]) -> bool:
    of_items = sum((item.total_with_tax - item.total for item in items), ZERO)
    return sum((tax.tax for tax in taxes), ZERO) == of_items


def _sums_by_rate(order: WooOrder) -> dict[int, tuple[Decimal, Decimal]]:
    """Net and tax of all lines at each rate."""
    sums: dict[int, tuple[Decimal, Decimal]] = defaultdict(lambda: (ZERO, ZERO))
    lines: tuple[Line | Shipping | Fee, ...] = (
        *order.line_items,
        *order.shipping_lines,
        *order.fee_lines,
    )
    for line in lines:
        for rate_id, tax in _amounts(line.taxes, line.total_tax):
            base, so_far = sums[rate_id]
            sums[rate_id] = (base + line.total, so_far + tax)
    return sums


def _tax_total(line: TaxLine | None, tax: Decimal, base: Decimal) -> TaxTotal:
    rate, derived = _percent(line, tax, base)
    return TaxTotal(
        rate=rate,
        tax=tax,
        base=base,
        name=line.label if line is not None else None,
        derived=derived,
        compound=line is not None and line.compound,
    )


def _taxes(
    total: Decimal, total_tax: Decimal, taxes: Sequence[LineTax], rates: Rates
) -> tuple[ItemTax, ...]:
    """A tax per rate; the whole of it without a name where the shop names no rate."""
    named = _amounts(taxes, total_tax)
    if not named and total_tax:
        return (ItemTax(rate=rate_of(total_tax, total), tax=total_tax, derived=True),)
    return tuple(_item_tax(rates.get(rate_id), tax, total) for rate_id, tax in named)


def _amounts(taxes: Sequence[LineTax], total_tax: Decimal) -> Sequence[tuple[int, Decimal]]:
    """Rate ids with the tax at each. A line's only tax is its total_tax: taxes[] is unrounded on
    7.9 and half a cent off elsewhere (measured)."""
    applying = [tax for tax in taxes if tax.total is not None]
    if len(applying) == 1:
        return ((applying[0].id, exact(total_tax)),)
    return [(tax.id, exact(tax.total)) for tax in applying if tax.total is not None]


def _item_tax(line: TaxLine | None, tax: Decimal, base: Decimal) -> ItemTax:
    rate, derived = _percent(line, tax, base)
    return ItemTax(
        rate=rate,
        tax=tax,
        name=line.label if line is not None else None,
        derived=derived,
        compound=line is not None and line.compound,
    )


def _percent(line: TaxLine | None, tax: Decimal, base: Decimal) -> tuple[Decimal | None, bool]:
    """The rate, and whether it was derived from the amounts."""
    if line is not None and line.rate_percent is not None:
        return exact(line.rate_percent), False
    rate = rate_of(tax, base)
    return rate, rate is not None


def _rate(
    total: Decimal, total_tax: Decimal, taxes: Sequence[LineTax], rates: Rates
) -> Decimal | None:
    """The sum of the line's rates in percent; None where one of them is unknown."""
    each = [tax.rate for tax in _taxes(total, total_tax, taxes, rates)]
    known = [rate for rate in each if rate is not None]
    return sum(known, ZERO) if len(known) == len(each) else None
