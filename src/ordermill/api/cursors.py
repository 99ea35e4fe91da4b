"""Cursors: where a page ended, good only for the same list and question.

A cursor says a position (sorted value and id) behind a digest of itself and of what was asked:
list, entity, sort, filters, search. It grants nothing: whatever it says, only rows of the caller's
entity are read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from ordermill.api.problems import invalid_cursor
from ordermill.store.keyset import Position, Wanted
from ordermill.store.types import from_milliseconds, to_milliseconds

LONGEST = 500
_DIGEST = 9
_MONEY = frozenset({"total", "total_with_tax"})


def written(position: Position, name: str, wanted: Wanted) -> str:
    """The position as a cursor of the list ``name``."""
    parts = [_plain(position.value), position.id, position.included]
    payload = json.dumps(parts, separators=(",", ":")).encode()
    return _packed(payload, _asked(name, wanted))


def read(cursor: str, name: str, wanted: Wanted) -> Position:
    """The position; 400 for what was not given out for this very question."""
    value, row_id, included = json.loads(_unpacked(cursor, _asked(name, wanted)))
    return Position(_restored(wanted.sort)(value), row_id, included)


def event_cursor(serial: int, order_id: str) -> str:
    """After which event of an order a page begins."""
    return _packed(str(serial).encode(), order_id.encode())


def event_of_cursor(cursor: str, order_id: str) -> int:
    """The event; 400 for what was not given out for this order."""
    return int(_unpacked(cursor, order_id.encode()))


def _packed(payload: bytes, asked: bytes) -> str:
    packed = _digest(payload, asked) + payload
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _unpacked(cursor: str, asked: bytes) -> bytes:
    raw = _decoded(cursor)
    digest, payload = raw[:_DIGEST], raw[_DIGEST:]
    if not hmac.compare_digest(digest, _digest(payload, asked)):
        raise _refusal()
    return payload


def _decoded(cursor: str) -> bytes:
    if not cursor.isascii() or len(cursor) > LONGEST:
        raise _refusal()
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _refusal() from None
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != cursor:
        raise _refusal()  # the last character has bits to spare
    return raw


def _asked(name: str, wanted: Wanted) -> bytes:
    question = replace(wanted, limit=0, position=None, backwards=False, counted=False)
    return f"{name}\0{question!r}".encode()


def _digest(payload: bytes, asked: bytes) -> bytes:
    key = hashlib.blake2b(asked, digest_size=32).digest()
    return hashlib.blake2b(payload, digest_size=_DIGEST, key=key).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_milliseconds(value)
    return str(value) if isinstance(value, Decimal) else value


def _restored(sort: str) -> Callable[[Any], Any]:
    if sort in _MONEY:
        return Decimal
    if sort == "id":
        return str
    return lambda value: None if value is None else from_milliseconds(value)


def _refusal() -> Exception:
    return invalid_cursor("this cursor was not given out for this list, filter, search and order")
