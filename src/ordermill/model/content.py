"""Arithmetic of what documents say: building it, and taking one from another.

Everything is linear: order minus refunds, invoice minus credit notes and billed minus desired are
the same ``minus``. No amount is rounded but to the currency's minor unit, and what that leaves over
is ``rounding``. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from ordermill.model.document import Content
from ordermill.model.lines import (
    as_billed,
    gross_of,
    in_minor_units,
    is_among,
    less_than_nothing,
    minus_items,
    split,
)
from ordermill.model.money import money, unit_of
from ordermill.model.order import ZERO, Item, ItemKind, Order, Refund, TaxTotal
from ordermill.model.taxes import groups_of, key_of, minus_taxes, tax_groups, taxes_in_minor_units

A_CENT_A_LINE = Decimal("0.01")


def of_order(order: Order) -> Content:
    """The order as it stands, in the currency's minor units, with the platform's tax per rate."""
    code = order.currency_code
    items = tuple(in_minor_units(item, code) for item in order.items)
    taxes = taxes_in_minor_units(tax_groups(order), items, code)
    return _content(code, items, taxes, money(order.total_with_tax, code))


def of_refund(refund: Refund, remaining: Content) -> Content:
    """A refund as what is taken back: its lines, and what they leave of the amount as adjustments,
    split over the rates by the gross that ``remaining`` has at each. One that takes all that
    remains, or more, takes exactly that."""
    code = remaining.currency_code
    amount = money(refund.amount, code)
    if amount >= remaining.total_with_tax:
        return remaining
    items = lines_of(refund, remaining)
    rest = amount - gross_of(items)
    if rest and abs(rest) > A_CENT_A_LINE * len(items):
        base = minus_items(remaining.items, items, code)
        items += split(rest, base, "Refund", code)
    return _content(code, items, groups_of(items), amount)


def lines_of(refund: Refund, remaining: Content) -> tuple[Item, ...]:
    """The lines of a refund, at the rates of the lines that they take back: what is invoiced at a
    rate is credited at that rate."""
    code = remaining.currency_code
    items = (in_minor_units(item, code) for item in refund.items)
    return tuple(as_billed(item, remaining.items, code) for item in items)


def minus(content: Content, taken: Content) -> Content:
    """What is left. A line that is taken but not there stays as a negative one; what is nothing any
    more leaves. ``taken`` of the same currency as ``content``."""
    code = content.currency_code
    items = minus_items(content.items, taken.items, code)
    taxes = minus_taxes(content.taxes, taken.taxes)
    return _content(code, items, taxes, content.total_with_tax - taken.total_with_tax)


def in_units(code: str, *amounts: Decimal | None) -> bool:
    """Whether the shop counts no finer than the currency's minor unit."""
    return all(amount is None or amount == money(amount, code) for amount in amounts)


def to_owed(left: Content, owed: Decimal, tax: Decimal, refunds: int) -> Content:
    """Of a shop that counts parts of the minor unit: what is left, with the total and the tax that
    are owed. What the roundings of each refund add up to becomes part of ``rounding``."""
    code = left.currency_code
    total = money(owed, code)
    if abs(total - left.total_with_tax) > unit_of(code) * refunds:
        return left
    return with_tax(_content(code, left.items, left.taxes, total), tax)


def with_tax(content: Content, total_tax: Decimal) -> Content:
    """The content with that tax in all, where rounding each rate left it a little off: the largest
    rate takes the difference."""
    off, taxes = total_tax - content.total_tax, list(content.taxes)
    if not off or not taxes or abs(off) > unit_of(content.currency_code) * len(taxes):
        return content
    at = max(range(len(taxes)), key=lambda at: abs(taxes[at].tax))
    taxes[at] = replace(taxes[at], tax=taxes[at].tax + off)
    return _content(content.currency_code, content.items, tuple(taxes), content.total_with_tax)


def nothing(currency_code: str) -> Content:
    """A content without lines."""
    return _content(currency_code, (), (), ZERO)


def is_nothing(content: Content) -> bool:
    """Whether no line, no tax and no amount is left."""
    return not content.items and not content.taxes and not content.total_with_tax


def mismatch(order: Order) -> Decimal | None:
    """How far lines and taxes are from the platform's total, where it is more than a cent a line
    (or, once all of them are in whole minor units, one unit a line): then nothing may be issued.
    None where they agree."""
    taxes = sum((tax.tax for tax in tax_groups(order)), ZERO)
    off = order.total_with_tax - sum((item.total for item in order.items), ZERO) - taxes
    if abs(off) > A_CENT_A_LINE * len(order.items):
        return off
    code = order.currency_code
    amounts = (order.total_with_tax, taxes, *(item.total for item in order.items))
    if all(money(amount, code) == amount for amount in amounts):
        return None  # then nothing is rounded, and it stays as far as it is
    off = of_order(order).rounding
    unit = max(A_CENT_A_LINE, unit_of(code))
    return off if abs(off) > unit * len(order.items) else None


def net_mismatch(order: Order) -> Decimal | None:
    """How far the lines are from the net total, where it is more than a cent a line. For orders
    that a call made: of a shop's, the net total is what its tax leaves of the other one."""
    off = order.total - sum((item.total for item in order.items), ZERO)
    return off if abs(off) > A_CENT_A_LINE * len(order.items) else None


def refunded_below(order: Order, refunds: Sequence[Refund]) -> Item | None:
    """A line of which more was refunded than it now has, of net or of tax; None where there is
    none. A cent for each refund is none: shops refund piece by piece, and round each."""
    items = (item for refund in refunds for item in refund.items)
    allowed = A_CENT_A_LINE * len(refunds)
    left = minus_items(order.items, items, order.currency_code)
    below = (item for item in less_than_nothing(left, order.items, allowed)
             if item.kind is ItemKind.LINE_ITEM)  # fmt: skip
    return next(below, None)


def fits(taken: Content, content: Content) -> bool:
    """Whether ``content`` has what is taken: the lines at their rates, and no line and no rate is
    left with less than nothing."""
    lines = [item for item in taken.items if item.kind is not ItemKind.ADJUSTMENT]
    if not all(is_among(line, content.items) for line in lines):
        return False
    left = minus(content, taken)
    owing = {key_of(tax) for tax in content.taxes if _below(tax)}
    if any(_below(tax) and key_of(tax) not in owing for tax in left.taxes):
        return False
    return not any(
        item.kind is not ItemKind.ADJUSTMENT
        for item in less_than_nothing(left.items, content.items, ZERO)
    )


def _below(tax: TaxTotal) -> bool:
    return tax.tax < 0 or (tax.base or ZERO) < 0


def odd_taxes(content: Content) -> tuple[TaxTotal, ...]:
    """Taxes that are further from base times rate than a unit a line. One that is on other taxes,
    or that gave its rate itself, tells nothing."""
    code = content.currency_code
    allowed = unit_of(code) * len(content.items)
    return tuple(
        tax
        for tax in content.taxes
        if tax.rate is not None and not (tax.compound or tax.derived)
        if abs(tax.tax - money((tax.base or ZERO) * tax.rate / 100, code)) > allowed
    )


def _content(
    code: str, items: tuple[Item, ...], taxes: tuple[TaxTotal, ...], total_with_tax: Decimal
) -> Content:
    total = sum((item.total for item in items), ZERO)
    total_tax = sum((tax.tax for tax in taxes), ZERO)
    return Content(
        currency_code=code,
        items=items,
        taxes=taxes,
        total=total,
        total_tax=total_tax,
        total_with_tax=total_with_tax,
        total_discount=sum((item.discount for item in items), ZERO),
        rounding=total_with_tax - total - total_tax,
    )
