"""What a restore leaves in the store: when it was, what is held since, which numbers it passed.

A backup does not know what was issued after it. Where nothing else does, numbers are passed over so
that none comes twice, and nothing is billed by itself until a person has looked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, exists, func, insert, select, update

from ordermill.store.tables import (
    documents,
    entities,
    events,
    restores,
    series,
    skipped_numbers,
)


@dataclass(frozen=True, slots=True)
class Restored:
    """One restore. ``newest`` is the latest thing that the backup knew; ``held``: nothing is billed
    by itself since, because what was issued between the two is unknown."""

    at: datetime
    backup: str
    newest: datetime | None
    held: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """Numbers of a series that were passed over."""

    entity: str  # its handle
    kind: str
    year: int
    first: int
    last: int
    at: datetime


def mark(conn: Connection, backup: str, *, held: bool, now: datetime) -> None:
    """Write down that the store is what ``backup`` knew."""
    newest = conn.execute(select(func.max(events.c.at))).scalar_one()
    values = {"at": now, "backup": backup, "newest": newest, "held": held}
    conn.execute(insert(restores).values(**values))


def skip_numbers(conn: Connection, count: int, *, now: datetime) -> None:
    """Let every series go on ``count`` numbers later."""
    for row in conn.execute(select(series).with_for_update()).all():
        conn.execute(
            insert(skipped_numbers).values(
                entity_id=row.entity_id,
                kind=row.kind,
                year=row.year,
                first=row.last + 1,
                last=row.last + count,
                at=now,
            )
        )
    conn.execute(update(series).values(last=series.c.last + count))


def resume(conn: Connection, *, now: datetime) -> bool:
    """Let billing go on; False if it was not held."""
    held = restores.c.held & restores.c.resumed_at.is_(None)
    return conn.execute(update(restores).where(held).values(resumed_at=now)).rowcount > 0


def billing_held() -> ColumnElement[bool]:
    """Whether nothing may be billed by itself."""
    return exists().where(restores.c.held, restores.c.resumed_at.is_(None))


def every(conn: Connection) -> list[Restored]:
    """All restores, the latest last; one that was resumed is not held."""
    rows = conn.execute(select(restores).order_by(restores.c.id))
    return [
        Restored(row.at, row.backup, row.newest, row.held and row.resumed_at is None)
        for row in rows
    ]


def skipped(conn: Connection) -> list[Skipped]:
    """All numbers that were passed over."""
    table = skipped_numbers.c
    query = (
        select(entities.c.handle, table.kind, table.year, table.first, table.last, table.at)
        .join_from(skipped_numbers, entities)
        .order_by(entities.c.handle, table.kind, table.year, table.first)
    )
    return [Skipped(*row) for row in conn.execute(query)]


def issued(conn: Connection) -> int:
    """How many documents there are."""
    n: int = conn.execute(select(func.count()).select_from(documents)).scalar_one()
    return n
