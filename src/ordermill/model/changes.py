"""What is billed against what an order now says, line by line. Pure.

Lines are matched by the platform's line id, by content where ids were given anew (WooCommerce
re-saves items), and by name where there never were any. Notes, names, fulfilment, payment and
shipping addresses are no change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from ordermill.model.buyer import legal
from ordermill.model.case import Difference
from ordermill.model.document import Buyer, Content
from ordermill.model.money import money, unit_of
from ordermill.model.order import ZERO, Item, ItemKind

_BUYER = frozenset(legal(Buyer()))


def diff(billed: Content, desired: Content) -> tuple[Difference, ...]:
    """Every difference in lines, currency and sums; empty means that the documents are right."""
    if billed.currency_code != desired.currency_code:
        return (Difference(line=None, field="currency_code", billed=billed.currency_code,
                           desired=desired.currency_code),)  # fmt: skip
    found = tuple(_lines(billed, desired))
    return found or tuple(_sums(billed, desired))


def buyer_diff(billed: Buyer, desired: Buyer) -> tuple[Difference, ...]:
    """Company, tax number and billing address, where they differ from the invoice's. An order that
    says nothing of its buyer (any more) contradicts nothing."""
    if desired == Buyer():
        return ()
    now = legal(desired)
    return tuple(
        Difference(line=None, field=name, billed=value, desired=now[name])
        for name, value in legal(billed).items()
        if value != now[name]
    )


def of_items(found: Iterable[Difference]) -> tuple[Difference, ...]:
    """Those of the items and sums, without the buyer's."""
    return tuple(each for each in found if each.field not in _BUYER)


def _lines(billed: Content, desired: Content) -> Iterator[Difference]:
    code = billed.currency_code
    pairs, removed, added = _matched(billed.items, desired.items, code)
    for before, after in pairs:
        yield from _fields(before, after, code)
    for item in removed:
        yield Difference(line=_name(item), field="removed", billed=_told(item), desired=None)
    for item in added:
        yield Difference(line=_name(item), field="added", billed=None, desired=_told(item))


def _matched(
    billed: Sequence[Item], desired: Sequence[Item], code: str
) -> tuple[list[tuple[Item, Item]], list[Item], list[Item]]:
    """Pairs of the same line, then what is only billed and what is only desired."""
    pairs: list[tuple[Item, Item]] = []
    removed, added = list(billed), list(desired)
    for same in (_by_id, lambda item: _substance(item, code), _by_name):
        waiting: dict[Any, list[Item]] = {}
        for item in added:
            waiting.setdefault(same(item), []).append(item)
        for item in list(removed):
            candidates = waiting.get(same(item)) if same(item) is not None else None
            if candidates:
                pairs.append((item, candidates.pop(0)))
                removed.remove(item)
        added = [item for left in waiting.values() for item in left]
    return pairs, removed, added


def _by_id(item: Item) -> Any:
    """An adjustment is known by its rates: it is an amount, and has no other name."""
    if item.kind is ItemKind.ADJUSTMENT and item.source_id is None:
        return (item.kind, *(_rate(tax.rate) for tax in item.taxes))
    return None if item.source_id is None else (item.kind, item.source_id)


def _substance(item: Item, code: str) -> Any:
    """What makes two lines one where their ids say nothing."""
    taxes = tuple(sorted((_rate(tax.rate), money(tax.tax, code)) for tax in item.taxes if tax.tax))
    return (item.kind, item.sku or item.name, item.quantity.normalize(), item.total, taxes)


def _by_name(item: Item) -> Any:
    """For lines that never had an id: a call may leave it out, and then edit the line."""
    without = item.source_id is None and item.kind is not ItemKind.ADJUSTMENT
    return (item.kind, item.sku or item.name) if without else None


def _fields(before: Item, after: Item, code: str) -> Iterator[Difference]:
    if before.quantity != after.quantity:
        yield _differs(before, "quantity", before.quantity, after.quantity)
    yield from _amounts(before, after, code)
    taxes = _taxes(before), _taxes(after)
    guessed = _guessed(before) and _guessed(after)
    if (taxes[0] != taxes[1] and not guessed) or _tax(before) != _tax(after):
        yield _differs(before, "tax", _shown(taxes[0]), _shown(taxes[1]))


def _amounts(before: Item, after: Item, code: str) -> Iterator[Difference]:
    """Unit price and discount. Both are told only beyond a cent a piece: a platform that names
    gross prices has them derived, with a last digit that moves by itself, and with more where the
    discount is large. So the same gross price is the same price, and with the same total the same
    discount."""
    unit = unit_of(code)
    pieces = max(abs(after.quantity), Decimal(1))
    same = before.gross_price is not None and before.gross_price == after.gross_price
    price = not same and abs(before.price - after.price) > unit
    discount = abs(before.discount - after.discount) > unit * pieces
    discount = discount and not (same and before.total == after.total)
    if price:
        yield _differs(before, "price", before.price, after.price)
    if discount:
        yield _differs(before, "discount", before.discount, after.discount)
    same_pieces = before.quantity == after.quantity
    if not price and not discount and same_pieces and before.total != after.total:
        yield _differs(before, "total", before.total, after.total)


def _sums(billed: Content, desired: Content) -> Iterator[Difference]:
    """Equal lines with another whole: the platform rounded anew."""
    for name in ("total_with_tax", "total_tax"):
        before, after = getattr(billed, name), getattr(desired, name)
        if before != after:
            yield Difference(line=None, field=name, billed=before, desired=after)


def _taxes(item: Item) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for tax in item.taxes:
        if tax.tax:
            sums[_rate(tax.rate)] = sums.get(_rate(tax.rate), ZERO) + tax.tax
    return sums


def _guessed(item: Item) -> bool:
    """Whether its rates only show in its amounts: then they move with every cent of rounding."""
    return any(tax.derived or tax.rate is None for tax in item.taxes if tax.tax)


def _tax(item: Item) -> Decimal:
    return item.total_with_tax - item.total


def _rate(rate: Decimal | None) -> str:
    return "unknown" if rate is None else format(rate.normalize(), "f")


def _shown(taxes: dict[str, Decimal]) -> Any:
    """One figure where there is one rate, as is usual."""
    return next(iter(taxes.values())) if len(taxes) == 1 else taxes or ZERO


def _differs(item: Item, field: str, billed: Any, desired: Any) -> Difference:
    return Difference(line=_name(item), field=field, billed=billed, desired=desired)


def _name(item: Item) -> str:
    return item.source_id or item.name


def _told(item: Item) -> dict[str, Any]:
    return {
        "name": item.name,
        "kind": str(item.kind),
        "quantity": item.quantity,
        "total": item.total,
        "total_with_tax": item.total_with_tax,
    }
