"""Amounts of one order: checked, and never more exact than they can be kept. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from msgspec import Struct

_MICRO = Decimal("0.000001")
_CENT = Decimal("0.01")
_ONE = Decimal(1)
_HUNDRED = Decimal(100)


def exact(value: Decimal) -> Decimal:
    """The amount with the digits the shop gave, at most six after the point and twelve before it;
    raise ValueError for more and for what is no number."""
    if value.adjusted() > 11:
        raise too_large()
    # Nearly every amount is one of these; looking at the exponent itself takes five times as long.
    if value.same_quantum(_CENT) or value.same_quantum(_ONE):
        return value
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError("an amount is no number")
    if exponent < -6:
        return value.quantize(_MICRO, ROUND_HALF_UP)
    return value if exponent <= 0 else value.quantize(_ONE)


def unfit(value: Any, path: str = "") -> str | None:
    """Where the first amount is that cannot be kept (line_items[0].total); None if all can."""
    if isinstance(value, Decimal):
        try:
            exact(value)
        except ValueError:
            return path
    parts: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Struct):
        names = value.__struct_fields__
        parts = ((f"{path}.{name}".lstrip("."), getattr(value, name)) for name in names)
    elif isinstance(value, list):
        parts = ((f"{path}[{at}]", inner) for at, inner in enumerate(value))
    return next((found for at, inner in parts if (found := unfit(inner, at))), None)


def per_unit(amount: Decimal, quantity: Decimal) -> Decimal:
    """A unit's share, to six digits; the amount itself where there is no quantity."""
    if not quantity or quantity == 1:
        return amount
    share = amount / quantity
    if share.adjusted() > 11:
        raise too_large()
    return share.quantize(_MICRO, ROUND_HALF_UP)


def rate_of(tax: Decimal, base: Decimal) -> Decimal | None:
    """The rate in percent that the amounts show, to 0.01 %; None without a base."""
    if not base:
        return None
    rate = tax / base * _HUNDRED
    return None if rate.adjusted() > 6 else rate.quantize(_CENT, ROUND_HALF_UP)


def too_large() -> ValueError:
    return ValueError("an amount has more than 12 digits before the point")
