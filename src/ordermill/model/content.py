"""Arithmetic of what documents say: building it, taking one from another, splitting an amount.

Everything is linear: order minus refunds, invoice minus credit notes and billed minus desired are
the same ``minus``. No amount is rounded but to the currency's minor unit, and what that leaves over
is ``rounding``. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from msgspec.structs import replace

from ordermill.model.document import Content
from ordermill.model.money import minor_units, money
from ordermill.model.order import ZERO, Item, ItemKind, ItemTax, Order, Refund, TaxTotal

_ONE = Decimal(1)
_MICRO = Decimal("0.000001")
A_CENT_A_LINE = Decimal("0.01")

Key = tuple[Decimal | None, str | None, bool]  # what makes two taxes one: rate, name, compound


def of_order(order: Order) -> Content:
    """The order as it stands, in the currency's minor units, with the platform's tax per rate."""
    code = order.currency_code
    items = tuple(_in_minor_units(item, code) for item in order.items)
    taxes = _taxes_in_minor_units(tax_groups(order), items, code)
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
        base = _minus_items(remaining.items, items, code)
        items += split(rest, base, "Refund", code)
    return _content(code, items, _groups(items), amount)


def lines_of(refund: Refund, remaining: Content) -> tuple[Item, ...]:
    """The lines of a refund, at the rates of the lines that they take back: what is invoiced at a
    rate is credited at that rate."""
    code = remaining.currency_code
    items = (_in_minor_units(item, code) for item in refund.items)
    return tuple(_as_billed(item, remaining.items, code) for item in items)


def gross_of(items: Iterable[Item]) -> Decimal:
    """Nets and taxes of lines."""
    return sum((item.total_with_tax for item in items), ZERO)


def minus(content: Content, taken: Content) -> Content:
    """What is left. A line that is taken but not there stays as a negative one; what is nothing any
    more leaves. ``taken`` of the same currency as ``content``."""
    code = content.currency_code
    items = _minus_items(content.items, taken.items, code)
    taxes = _minus_taxes(content.taxes, taken.taxes)
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


def unit_of(currency_code: str) -> Decimal:
    """The currency's minor unit."""
    return _ONE.scaleb(-minor_units(currency_code))


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
    left = _minus_items(order.items, items, order.currency_code)
    below = (item for item in _less_than_nothing(left, order.items, allowed)
             if item.kind is ItemKind.LINE_ITEM)  # fmt: skip
    return next(below, None)


def fits(taken: Content, content: Content) -> bool:
    """Whether ``content`` has what is taken: the lines at their rates, and no line and no rate is
    left with less than nothing."""
    lines = [item for item in taken.items if item.kind is not ItemKind.ADJUSTMENT]
    if not all(_there(line, content.items) for line in lines):
        return False
    left = minus(content, taken)
    owing = {_key(tax) for tax in content.taxes if _below(tax)}
    if any(_below(tax) and _key(tax) not in owing for tax in left.taxes):
        return False
    return not any(
        item.kind is not ItemKind.ADJUSTMENT
        for item in _less_than_nothing(left.items, content.items, ZERO)
    )


def _there(taken: Item, items: Sequence[Item]) -> bool:
    """Whether the line that is taken is one of these, and still at the same rates."""
    at = _line(items, taken)
    return at is not None and _rates(items[at]) == _rates(taken)


def _taxed(item: Item) -> set[Decimal | None]:
    return {tax.rate for tax in item.taxes if tax.tax}


def _below(tax: TaxTotal) -> bool:
    return tax.tax < 0 or (tax.base or ZERO) < 0


def _less_than_nothing(
    left: Iterable[Item], before: Iterable[Item], allowed: Decimal
) -> Iterator[Item]:
    """Lines with a negative quantity, net or tax, or with tax on no net, that were not so
    ``before``."""
    negative = {item.source_id for item in before if item.total < 0 or item.quantity < 0}
    for item in left:
        tax = item.total_with_tax - item.total
        less = item.quantity < 0 or min(item.total, tax) < -allowed
        if (less or (item.total <= 0 and tax > allowed)) and item.source_id not in negative:
            yield item


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


def tax_groups(order: Order) -> tuple[TaxTotal, ...]:
    """The platform's tax per rate: its own sums where they add up to its total tax, else the
    lines'. A rate that it leaves out because its tax is nothing has a base all the same."""
    if order.taxes and sum((tax.tax for tax in order.taxes), ZERO) == order.total_tax:
        bearing = (item for item in order.items if any(not tax.tax for tax in item.taxes))
        silent = (tax for tax in _groups(bearing) if tax.base and not tax.tax)
        return (*order.taxes, *(tax for tax in silent if _place(order.taxes, tax) is None))
    return _groups(order.items)


def split(amount: Decimal, over: Iterable[Item], name: str, currency_code: str) -> tuple[Item, ...]:
    """``amount`` (with tax, of either sign) as adjustment lines, one for each set of rates among
    the lines ``over``, in proportion to their gross; the cents go to the largest remainders."""
    gross: dict[tuple[Key, ...], Decimal] = {}
    taxes: dict[tuple[Key, ...], list[Decimal]] = {}
    for item in over:
        keys = tuple(_key(tax) for tax in item.taxes)
        gross[keys] = gross.get(keys, ZERO) + item.total_with_tax
        sums = taxes.setdefault(keys, [ZERO] * len(keys))
        taxes[keys] = [so_far + tax.tax for so_far, tax in zip(sums, item.taxes, strict=True)]
    weights = {keys: whole for keys, whole in gross.items() if whole > 0} or {(): _ONE}
    shares = _shares(amount, list(weights.values()), currency_code)
    return tuple(
        _adjustment(name, share, keys, taxes.get(keys, []), weight, currency_code)
        for (keys, weight), share in zip(weights.items(), shares, strict=True)
        if share
    )


def _shares(amount: Decimal, weights: Sequence[Decimal], code: str) -> list[Decimal]:
    unit = unit_of(code)
    whole = sum(weights, ZERO)
    units = abs(amount) / unit
    exact = [units * weight / whole for weight in weights]
    shares = [part.to_integral_value("ROUND_FLOOR") for part in exact]
    order = sorted(range(len(exact)), key=lambda at: (shares[at] - exact[at], at))
    for at in order[: int(units - sum(shares, ZERO))]:
        shares[at] += 1
    sign = 1 if amount > 0 else -1
    return [sign * share * unit for share in shares]


def _adjustment(
    name: str, gross: Decimal, keys: tuple[Key, ...], taxes: Sequence[Decimal], whole: Decimal,
    code: str,
) -> Item:  # fmt: skip
    parts = tuple(
        ItemTax(rate=rate, tax=money(gross * tax / whole, code), name=label, compound=compound)
        for (rate, label, compound), tax in zip(keys, taxes, strict=True)
    )
    net = gross - sum((part.tax for part in parts), ZERO)
    rates = [rate for rate, _, _ in keys]
    return Item(
        name=name,
        sku=None,
        source_id=None,
        kind=ItemKind.ADJUSTMENT,
        quantity=_ONE,
        price=net,
        gross_price=gross,
        discount=ZERO,
        total=net,
        total_with_tax=gross,
        tax_rate=None if None in rates else sum((r for r in rates if r is not None), ZERO),
        taxes=parts,
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


def _in_minor_units(item: Item, code: str) -> Item:
    """Amounts of the line, which add up whatever the shop rounded; its unit price keeps its
    digits."""
    total = money(item.total, code)
    taxes = tuple(replace(tax, tax=money(tax.tax, code)) for tax in item.taxes)
    return replace(
        item,
        discount=money(item.discount, code),
        total=total,
        total_with_tax=total + sum((tax.tax for tax in taxes), ZERO),
        taxes=taxes,
    )


def _taxes_in_minor_units(
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


def _groups(items: Iterable[Item]) -> tuple[TaxTotal, ...]:
    groups: dict[Key, TaxTotal] = {}
    for item in items:
        for tax in item.taxes:
            there = groups.get(_key(tax))
            groups[_key(tax)] = TaxTotal(
                rate=tax.rate,
                tax=tax.tax + (there.tax if there else ZERO),
                base=item.total + ((there.base or ZERO) if there else ZERO),
                name=tax.name,
                derived=tax.derived or (there is not None and there.derived),
                compound=tax.compound,
            )
    return tuple(groups.values())


def _minus_taxes(taxes: Sequence[TaxTotal], taken: Sequence[TaxTotal]) -> tuple[TaxTotal, ...]:
    """Per rate. A rate that is named apart on either side (a refund may not name its taxes) is
    matched by the rate alone."""
    left = list(taxes)
    for each in taken:
        at = _place(left, each)
        if at is None:
            left.append(replace(each, tax=-each.tax, base=-(each.base or ZERO)))
        else:
            left[at] = replace(
                left[at],
                tax=left[at].tax - each.tax,
                base=(left[at].base or ZERO) - (each.base or ZERO),
            )
    return tuple(tax for tax in left if tax.tax or tax.base)


def _place(taxes: Sequence[TaxTotal], wanted: TaxTotal) -> int | None:
    for same in (_key, lambda tax: tax.rate):
        for at, tax in enumerate(taxes):
            if same(tax) == same(wanted):
                return at
    return None


def _minus_items(items: Sequence[Item], taken: Iterable[Item], code: str) -> tuple[Item, ...]:
    left: list[Item] = list(items)
    for each in taken:
        at = _line(left, each)
        if at is None:
            left.append(_negative(each))
        else:
            left[at] = _less(left[at], each, code)
    return tuple(item for item in left if not _gone(item))


def _as_billed(item: Item, billed: Sequence[Item], code: str) -> Item:
    """A line given back, at the rates of the line that it is of. Where the shop does not name its
    own, its tax is that line's in proportion; where it names others (the order was taxed anew
    since), so is the tax in its gross."""
    at = _line(billed, item)
    if at is None or _taxed(item) <= _rates(billed[at]) - {None}:
        if at is None or not item.taxes:
            return item if at is None else _taxed_as(item, billed[at], ZERO, code)
        return _at_every_rate(item, billed[at])
    line = billed[at]
    tax = item.total_with_tax - item.total
    if not all(_unnamed(each) for each in item.taxes):
        share = (line.total_with_tax - line.total) / (line.total_with_tax or _ONE)
        tax = money(item.total_with_tax * share, code)
    return _taxed_as(item, line, tax, code)


def _at_every_rate(item: Item, line: Item) -> Item:
    """A shop leaves out a tax that rounds to nothing; its base is given back all the same. And one
    of nothing that the line never had is none."""
    named = tuple(tax for tax in item.taxes if tax.tax or tax.rate in _rates(line))
    absent = tuple(
        replace(tax, tax=ZERO)
        for tax in line.taxes
        if tax.rate is not None and tax.rate not in _rates(item)
    )
    return replace(item, taxes=named + absent)


def _rates(item: Item) -> set[Decimal | None]:
    return {tax.rate for tax in item.taxes}


def _taxed_as(item: Item, line: Item, tax: Decimal, code: str) -> Item:
    """The item with so much tax in its gross, at the line's rates in proportion."""
    weights = [abs(each.tax) for each in line.taxes]
    if tax and not any(weights):
        return item
    shares = _shares(tax, weights, code) if tax else [ZERO] * len(weights)
    taxes = tuple(replace(each, tax=share) for each, share in zip(line.taxes, shares, strict=True))
    total = item.total_with_tax - tax
    same = total == item.total or not item.quantity
    price = item.price if same else (total / item.quantity).quantize(_MICRO)
    return replace(item, price=price, total=total, taxes=taxes, tax_rate=line.tax_rate)


def _unnamed(tax: ItemTax) -> bool:
    return tax.derived or tax.rate is None


def _line(items: Sequence[Item], wanted: Item) -> int | None:
    """The line that is meant: by the platform's id, else (ids were given anew, or there are none)
    by what it is and has left."""
    if wanted.source_id is not None:
        for at, item in enumerate(items):
            if (item.kind, item.source_id) == (wanted.kind, wanted.source_id):
                return at
    alike = [at for at, item in enumerate(items) if _alike(item, wanted)]
    enough = [at for at in alike if abs(items[at].total) >= abs(wanted.total)]
    if wanted.source_id is not None:
        return next(iter(enough), None)
    return next(iter(enough or alike), None)


def _alike(item: Item, wanted: Item) -> bool:
    if (item.source_id is None, item.kind) != (wanted.source_id is None, wanted.kind):
        return False
    if item.kind is ItemKind.ADJUSTMENT:  # an amount at some rates, whatever its name and sign
        return [_key(t) for t in item.taxes] == [_key(t) for t in wanted.taxes]
    if not _same_taxes(item, wanted):
        return False
    same_sign = (item.total >= 0) == (wanted.total >= 0)
    return same_sign and (item.name, item.sku) == (wanted.name, wanted.sku)


def _same_taxes(item: Item, wanted: Item) -> bool:
    """At the same rates. One whose tax is nothing may be left out, and of a small part it rounds to
    nothing."""
    if [_key(t) for t in item.taxes] == [_key(t) for t in wanted.taxes]:
        return True
    return [_key(t) for t in item.taxes if t.tax] == [_key(t) for t in wanted.taxes if t.tax]


def _less(item: Item, taken: Item, code: str) -> Item:
    """The line without what was taken of it, at its own unit price."""
    quantity = item.quantity - taken.quantity
    total = item.total - taken.total
    price = item.price
    if not quantity and total:  # an amount is left without a piece: it counts as one
        quantity = _ONE
        price = total
    discount = money(price * quantity - total, code) + ZERO  # never -0.00
    if discount < 0 <= item.discount and quantity:
        price, discount = (total / quantity).quantize(_MICRO), ZERO
    return replace(
        item,
        quantity=quantity,
        price=price,
        gross_price=item.gross_price if abs(price - item.price) <= unit_of(code) else None,
        discount=discount,
        total=total,
        total_with_tax=item.total_with_tax - taken.total_with_tax,
        taxes=_less_taxes(item.taxes, taken.taxes),
    )


def _less_taxes(taxes: Sequence[ItemTax], taken: Sequence[ItemTax]) -> tuple[ItemTax, ...]:
    left = list(taxes)
    for each in taken:
        at = _place_of(left, each)
        if at is None:
            left.append(replace(each, tax=-each.tax))
        else:
            left[at] = replace(left[at], tax=left[at].tax - each.tax)
    return tuple(left)


def _place_of(taxes: Sequence[ItemTax], wanted: ItemTax) -> int | None:
    for same in (_key, lambda tax: tax.rate):
        for at, tax in enumerate(taxes):
            if same(tax) == same(wanted):
                return at
    return 0 if len(taxes) == 1 else None


def _negative(item: Item) -> Item:
    return replace(
        item,
        price=-item.price,
        gross_price=None if item.gross_price is None else -item.gross_price,
        discount=-item.discount,
        total=-item.total,
        total_with_tax=-item.total_with_tax,
        taxes=tuple(replace(tax, tax=-tax.tax) for tax in item.taxes),
    )


def _gone(item: Item) -> bool:
    """Whether nothing is left of it. A 100 % discounted line has a quantity, and stays."""
    if item.total or item.total_with_tax or any(tax.tax for tax in item.taxes):
        return False
    return item.quantity <= 0 or item.kind is ItemKind.ADJUSTMENT


def _key(tax: ItemTax | TaxTotal) -> Key:
    return (tax.rate, tax.name, tax.compound)
