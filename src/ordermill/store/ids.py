"""Ids: a prefix and 24 hex digits that sort by time and grow strictly within a process."""

from __future__ import annotations

import secrets
import threading
from datetime import datetime

_COUNTER_END = 1 << 24


class _Sequence:
    """8 hex digits of seconds and 6 of a counter; a clock that goes back does not take ids back."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._last = 0

    def after(self, seconds: int) -> int:
        with self._guard:
            self._last = max(self._last + 1, seconds * _COUNTER_END)
            return self._last


_sequence = _Sequence()


def new_id(prefix: str, now: datetime) -> str:
    """A new id, e.g. ``ord_6745…``; unique across processes by its ten random digits."""
    return f"{prefix}_{_sequence.after(int(now.timestamp())):014x}{secrets.token_hex(5)}"
