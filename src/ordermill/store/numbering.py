"""Numbers: gapless within entity, kind and year, taken last, in the transaction of the document.

A row of ``series`` is locked from the moment its numbers are taken until the commit; a transaction
that is rolled back gives them back. Never a sequence, never ``max + 1``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, case
from sqlalchemy.dialects import postgresql, sqlite

from ordermill.model.document import DocumentKind
from ordermill.model.integration import Entity
from ordermill.store.tables import series


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document that is to be numbered."""

    entity_id: str
    entity: Entity
    kind: DocumentKind

    @property
    def format(self) -> str:
        """How the entity writes the numbers of this kind."""
        found: str = getattr(self.entity.numbering, str(self.kind))
        return found

    def series(self, today: date) -> tuple[str, str, int]:
        """Entity, kind and year. The year is 0 where the format has none: numbers then go on from
        year to year, for none may come twice."""
        return self.entity_id, str(self.kind), today.year if "{year" in self.format else 0


@dataclass(frozen=True, slots=True)
class Numbered:
    """A number taken. ``series`` is the number's format without the number."""

    year: int
    sequence: int
    series: str
    number: str
    date: date


def take(conn: Connection, wanted: Sequence[Wanted], now: datetime) -> list[Numbered]:
    """Give each its number, in their order, dated today in the entity's zone.

    One statement per series, in sorted order, so that two writers never wait for each other in a
    circle. A date is never before the one of the number before it, also where the clock went back.
    """
    days = [now.astimezone(ZoneInfo(one.entity.timezone)).date() for one in wanted]
    keys = [one.series(day) for one, day in zip(wanted, days, strict=True)]
    counts, today = Counter(keys), dict(zip(keys, days, strict=True))
    taken = {key: _take(conn, key, counts[key], today[key]) for key in sorted(counts)}
    following = {key: last - counts[key] for key, (last, _) in taken.items()}
    numbered = []
    for one, key in zip(wanted, keys, strict=True):
        following[key] += 1
        numbered.append(_numbered(one.format, key[2], following[key], taken[key][1]))
    return numbered


def _take(conn: Connection, key: tuple[str, str, int], count: int, today: date) -> tuple[int, date]:
    """The last number taken and its date."""
    entity_id, kind, year = key
    values = {"entity_id": entity_id, "kind": kind, "year": year, "last": count}
    taken = conn.execute(_taking(conn.dialect.name), values | {"last_date": today.isoformat()})
    last, last_date = taken.one()
    return last, date.fromisoformat(last_date)


@cache
def _taking(dialect: str) -> Any:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    row = insert(series)
    old, new = series.c, row.excluded
    return row.on_conflict_do_update(
        index_elements=["entity_id", "kind", "year"],
        set_={
            "last": old.last + new.last,
            "last_date": case((old.last_date > new.last_date, old.last_date), else_=new.last_date),
        },
    ).returning(old.last, old.last_date)


def _numbered(format_: str, year: int, sequence: int, day: date) -> Numbered:
    parts = Formatter().parse(format_)
    series_name = "".join(text + (str(day.year) if name == "year" else "")
                          for text, name, _, _ in parts)  # fmt: skip
    number = format_.format(year=day.year, number=sequence)
    return Numbered(year, sequence, series_name, number, day)
