"""What a reconcile found: a line per day, kept as JSON with its run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
from msgspec import Struct

MISSING, CHANGED, GONE = "missing", "changed", "gone"


class Day(Struct, kw_only=True, omit_defaults=True):
    """One day of orders, by the day on which they were placed, in the entity's zone; ``day`` None:
    placed before the window and changed in it.

    ``in_shop`` and ``here`` are without what lies in the trash or is gone, ``here`` as it was
    before: in_shop = here + missing - gone, unless orders are ``hidden``. ``repaired``: how many
    were written. ``hidden``: the shop does not let us see them, so nothing is concluded of them.
    ``short``: by how many orders the shop's list came short of its own count. ``named`` has some of
    the orders found, with what was found of each.
    """

    day: str | None = None
    in_shop: int = 0
    here: int = 0
    missing: int = 0
    changed: int = 0
    gone: int = 0
    repaired: int = 0
    hidden: int = 0
    short: int = 0
    named: dict[str, str] = {}

    @property
    def found(self) -> int:
        """How many orders were otherwise than in the shop."""
        return self.missing + self.changed + self.gone


COUNTS = ("in_shop", "here", "missing", "changed", "gone", "repaired", "hidden", "short")


class Report(Struct, kw_only=True):
    """The days of the window from ``since`` on, the oldest first; the earlier ones last."""

    since: datetime
    days: list[Day] = []

    @property
    def sum(self) -> Day:
        """All days in one."""
        return Day(**{name: sum(getattr(day, name) for day in self.days) for name in COUNTS})

    @property
    def agrees(self) -> bool:
        """Whether shop and store are the same now, as far as can be seen."""
        total = self.sum
        return total.repaired >= total.found and not total.short

    def named(self) -> Iterator[tuple[str, str]]:
        """Some of the orders that were found otherwise, with what was found."""
        for day in self.days:
            yield from day.named.items()

    def written(self) -> str:
        return msgspec.json.encode(self).decode()


def read(text: str) -> Report:
    """The report of a run."""
    return msgspec.json.decode(text, type=Report)
