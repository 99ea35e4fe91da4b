"""Lines of documents: one taken from another, an amount split over them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from msgspec.structs import replace

from ordermill.model.money import money, unit_of
from ordermill.model.order import ZERO, Item, ItemKind, ItemTax
from ordermill.model.taxes import Key, key_of, place_of

_ONE = Decimal(1)
_MICRO = Decimal("0.000001")


def in_minor_units(item: Item, code: str) -> Item:
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


def gross_of(items: Iterable[Item]) -> Decimal:
    """Nets and taxes of lines."""
    return sum((item.total_with_tax for item in items), ZERO)


def minus_items(items: Sequence[Item], taken: Iterable[Item], code: str) -> tuple[Item, ...]:
    """The lines that are left. One that is taken but not there stays as a negative one."""
    left: list[Item] = list(items)
    for each in taken:
        at = _line(left, each)
        if at is None:
            left.append(_negative(each))
        else:
            left[at] = _less(left[at], each, code)
    return tuple(item for item in left if not _gone(item))


def as_billed(item: Item, billed: Sequence[Item], code: str) -> Item:
    """A line given back, at the rates of the line that it is of. Where the shop does not name its
    own, its tax is that line's in proportion; where it names others (the order was taxed anew
    since), so is the tax in its gross."""
    at = _line(billed, item)
    if at is None:
        return item
    line = billed[at]
    if not item.taxes:
        return _taxed_as(item, line, ZERO, code)
    if _taxed(item) <= _rates(line) - {None}:
        return _at_every_rate(item, line)
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


def _taxed_as(item: Item, line: Item, tax: Decimal, code: str) -> Item:
    """The item with so much tax in its gross, at the line's rates in proportion."""
    weights = [abs(each.tax) for each in line.taxes]
    if tax and not any(weights):
        return item
    shares = shares_of(tax, weights, code) if tax else [ZERO] * len(weights)
    taxes = tuple(replace(each, tax=share) for each, share in zip(line.taxes, shares, strict=True))
    total = item.total_with_tax - tax
    same = total == item.total or not item.quantity
    price = item.price if same else (total / item.quantity).quantize(_MICRO)
    return replace(item, price=price, total=total, taxes=taxes, tax_rate=line.tax_rate)


def split(amount: Decimal, over: Iterable[Item], name: str, currency_code: str) -> tuple[Item, ...]:
    """``amount`` (with tax, of either sign) as adjustment lines, one for each set of rates among
    the lines ``over``, in proportion to their gross; the cents go to the largest remainders."""
    gross: dict[tuple[Key, ...], Decimal] = {}
    taxes: dict[tuple[Key, ...], list[Decimal]] = {}
    for item in over:
        keys = tuple(key_of(tax) for tax in item.taxes)
        gross[keys] = gross.get(keys, ZERO) + item.total_with_tax
        sums = taxes.setdefault(keys, [ZERO] * len(keys))
        taxes[keys] = [so_far + tax.tax for so_far, tax in zip(sums, item.taxes, strict=True)]
    weights = {keys: whole for keys, whole in gross.items() if whole > 0} or {(): _ONE}
    shares = shares_of(amount, list(weights.values()), currency_code)
    return tuple(
        _adjustment(name, share, keys, taxes.get(keys, []), weight, currency_code)
        for (keys, weight), share in zip(weights.items(), shares, strict=True)
        if share
    )


def shares_of(amount: Decimal, weights: Sequence[Decimal], code: str) -> list[Decimal]:
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


def less_than_nothing(
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


def there(wanted: Item, items: Sequence[Item]) -> Item | None:
    """The line that is meant, if it is one of these."""
    at = _line(items, wanted)
    return None if at is None else items[at]


def is_among(taken: Item, items: Sequence[Item]) -> bool:
    """Whether the line that is taken is one of these, and still at the same rates."""
    at = _line(items, taken)
    return at is not None and _rates(items[at]) == _rates(taken)


def _line(items: Sequence[Item], wanted: Item) -> int | None:
    """The line that is meant: by the platform's id, else (ids were given anew, or there are none)
    by what it is and has left."""
    if wanted.source_id is not None:
        for at, item in enumerate(items):
            if (item.kind, item.source_id) == (wanted.kind, wanted.source_id):
                return at
    alike = [at for at, item in enumerate(items) if _alike(item, wanted)]
    enough = [at for at in alike if abs(items[at].total) >= abs(wanted.total)]
    enough.sort(key=lambda at: _size(items[at]) != _size(wanted))  # first what is all of a line
    if wanted.source_id is not None:
        return next(iter(enough), None)
    return next(iter(enough or alike), None)


def _size(item: Item) -> tuple[Decimal, Decimal]:
    return (item.quantity, item.total)


def _alike(item: Item, wanted: Item) -> bool:
    if (item.source_id is None, item.kind) != (wanted.source_id is None, wanted.kind):
        return False
    if item.kind is ItemKind.ADJUSTMENT:  # an amount at some rates, whatever its name and sign
        return [key_of(t) for t in item.taxes] == [key_of(t) for t in wanted.taxes]
    if not _same_taxes(item, wanted):
        return False
    same_sign = (item.total >= 0) == (wanted.total >= 0)
    return same_sign and (item.name, item.sku) == (wanted.name, wanted.sku)


def _same_taxes(item: Item, wanted: Item) -> bool:
    """At the same rates. One whose tax is nothing may be left out, and of a small part it rounds to
    nothing."""
    if [key_of(t) for t in item.taxes] == [key_of(t) for t in wanted.taxes]:
        return True
    return [key_of(t) for t in item.taxes if t.tax] == [key_of(t) for t in wanted.taxes if t.tax]


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
    left, used = list(taxes), set[int]()
    for each in taken:
        at = 0 if len(left) == 1 else place_of(left, each, used)
        if at is None:
            left.append(replace(each, tax=-each.tax))
        else:
            used.add(at)
            left[at] = replace(left[at], tax=left[at].tax - each.tax)
    return tuple(left)


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


def _rates(item: Item) -> set[Decimal | None]:
    return {tax.rate for tax in item.taxes}


def _taxed(item: Item) -> set[Decimal | None]:
    return {tax.rate for tax in item.taxes if tax.tax}


def _unnamed(tax: ItemTax) -> bool:
    return tax.derived or tax.rate is None
