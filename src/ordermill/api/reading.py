"""Reads JSON that strangers wrote: exact numbers, and nothing that a database chokes on.

Python's own reader takes NaN, keeps the last of two equal keys, makes floats of amounts, and lets
lone surrogates and U+0000 pass, which PostgreSQL refuses.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

DEPTH = 32
NODES = 50_000
DIGITS = 64  # of one number
LARGEST_EXPONENT = 300  # what any reader of JSON still takes for a number
SMALL = 18  # an int of so many digits fits into 64 bits

_UNFIT = re.compile("[\0\ud800-\udfff]")


class Unreadable(ValueError):
    """The text is no JSON that is taken; says why, never what stood there."""


def read(text: bytes | str) -> Any:
    """The value; every number that is not a small integer is a Decimal of the digits written."""
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        value = _decode(decoded)
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8") from None
    except RecursionError:
        raise Unreadable(f"it is nested deeper than {DEPTH} levels") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise Unreadable(f"it is no JSON: {error.msg.lower()} at {where}") from None
    _measure(value)
    return value


def fit(text: str) -> bool:
    """Whether both databases can keep a text."""
    return _UNFIT.search(text) is None


def _number(text: str) -> Decimal:
    if len(text) > DIGITS:
        raise Unreadable(f"a number has more than {DIGITS} characters")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Unreadable("a number is out of range") from None
    if not value.is_finite() or abs(value.adjusted()) > LARGEST_EXPONENT:
        raise Unreadable("a number is out of range")
    return value or abs(value)  # no minus zero


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= SMALL else _number(text)


def _constant(text: str) -> NoReturn:
    raise Unreadable(f"{text} is no JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Unreadable("an object has the same key twice")
    return made


_decode = json.JSONDecoder(
    parse_float=_number,
    parse_int=_integer,
    parse_constant=_constant,
    object_pairs_hook=_object,
).decode


def _measure(value: Any) -> None:
    """Level by level, so that depth costs no stack."""
    level, nodes = [value], 0
    for _ in range(DEPTH):
        nodes += len(level)
        if nodes > NODES:
            raise Unreadable(f"it has more than {NODES} values")
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return
    raise Unreadable(f"it is nested deeper than {DEPTH} levels")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, str):
        if not fit(value):
            raise Unreadable("a text holds U+0000 or half a surrogate pair")
        return []
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []
