"""Payloads as no shop should send them, and what is unfit in an order. Pure; for contract.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from ordermill.connector.trial import CANARY

_DEEP: Any = json.loads("[" * 500 + "]" * 500)
_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 3.7, 10**40, "", "-", CANARY, f"{CANARY} 12.5", "1e400", "NaN", "-Infinity",
    "0.1234567890123", "9" * 30, "2026-02-30T25:61:00", "0000-00-00 00:00:00", "e\u0301" * 300,
    [], {}, [None], [CANARY], {CANARY: CANARY}, _DEEP,
)  # fmt: skip
_DEPTH = 4
_NOT_JSON = (b"", b"null", b"[]", b"{}", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000, b"NaN")


def payloads(payload: bytes) -> Iterator[bytes]:
    """The payload cut, replaced, and with each of its values missing or replaced by odd ones."""
    yield from _NOT_JSON
    yield payload[: len(payload) // 2]
    value = msgspec.json.decode(payload)
    for path in sorted(_paths(value), key=str):
        holder = _holder(value, path)
        kept = holder[path[-1]]
        for odd in _VALUES:
            holder[path[-1]] = odd
            yield json.dumps(value).encode()
        holder[path[-1]] = kept
        if isinstance(holder, dict):
            del holder[path[-1]]
            yield json.dumps(value).encode()
            holder[path[-1]] = kept


def names(value: Any) -> Iterator[str]:
    """Every name of every object in a JSON value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names(inner)


def unfit(value: Any, at: str = "order") -> list[str]:
    """The places that hold what cannot be kept: amounts beyond twelve digits before the point or
    six after it, floats, times that are not aware UTC."""
    if isinstance(value, msgspec.Struct):
        fields = value.__struct_fields__
        return [bad for name in fields for bad in unfit(getattr(value, name), f"{at}.{name}")]
    if isinstance(value, list | tuple):
        return [bad for i, inner in enumerate(value) for bad in unfit(inner, f"{at}[{i}]")]
    if isinstance(value, Decimal):
        return [] if _exact(value) else [f"{at} is {value}"]
    if isinstance(value, datetime):
        return [] if value.utcoffset() == timedelta(0) else [f"{at} is not in UTC"]
    return [f"{at} is a float"] if isinstance(value, float) else []


def _exact(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -6 and value.adjusted() < 12


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where values are, down to ``_DEPTH``; of a list the first two are enough."""
    if path:
        yield path
    if len(path) == _DEPTH:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, (*path, name))
    elif isinstance(value, list):
        for i, inner in enumerate(value[:2]):
            yield from _paths(inner, (*path, i))


def _holder(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path[:-1]:
        value = value[step]
    return value
