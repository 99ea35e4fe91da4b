"""How commands write values for people: exact amounts, yes and no, changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from ordermill.store.orders import Change


def told(changes: Iterable[Change]) -> Iterator[str]:
    """The changed fields, with before and after where both may be told."""
    for change in changes:
        if change.before is None and change.after is None:
            yield change.field
        else:
            yield f"{change.field} {shown(change.before)} -> {shown(change.after)}"


def shown(value: Any) -> str:
    """An amount with all its digits, at least two; a time to the second in UTC."""
    if isinstance(value, Decimal):
        return f"{value:.2f}" if value == round(value, 2) else f"{value.normalize():f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if value is None:
        return "none"
    return "yes" if value is True else "no" if value is False else str(value)


def amount(value: Decimal, currency_code: str) -> str:
    """An amount with its currency."""
    return f"{shown(value)} {currency_code}"
