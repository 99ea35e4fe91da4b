"""What a restore leaves in the store: when it was, what is held since, which numbers it passed.

A backup does not know what was issued after it. Where nothing else does, numbers are passed over so
that none comes twice, and nothing is billed by itself until a person has looked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, exists, func, insert, select, update

from ordermill.model.document import DocumentKind
from ordermill.store import read
from ordermill.store.numbering import Wanted
from ordermill.store.tables import (
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
    values = {"at": now, "backup": backup, "newest": newest(conn), "held": held}
    conn.execute(insert(restores).values(**values))


def newest(conn: Connection) -> datetime | None:
    """The latest thing that the store knows."""
    found: datetime | None = conn.execute(select(func.max(events.c.at))).scalar_one()
    return found


def skip_numbers(conn: Connection, count: int, *, now: datetime) -> None:
    """Let every series go on ``count`` numbers later, those that no document has yet included."""
    last = {(r.entity_id, r.kind, r.year): r.last for r in conn.execute(select(series))}
    for key, day in _series(conn, now).items():
        last.setdefault(key, 0)
        if not last[key]:
            values = dict(zip(("entity_id", "kind", "year"), key, strict=True))
            conn.execute(insert(series).values(**values, last=0, last_date=day))
    for (entity_id, kind, year), before in last.items():
        conn.execute(
            insert(skipped_numbers).values(
                entity_id=entity_id,
                kind=kind,
                year=year,
                first=before + 1,
                last=before + count,
                at=now,
            )
        )
    conn.execute(update(series).values(last=series.c.last + count))


def _series(conn: Connection, now: datetime) -> dict[tuple[str, str, int], str]:
    """Every series that a document of today would be numbered in, with today's date there."""
    found = {}
    for row in conn.execute(select(entities)):
        entity = read.entity_of(
            row.handle, row.name, row.currency_code, row.address, row.tax_number, row.timezone,
            row.payment_due_days, row.numbering,
        )  # fmt: skip
        today = now.astimezone(ZoneInfo(row.timezone)).date()
        for kind in DocumentKind:
            found[Wanted(row.id, entity, kind).series(today)] = today.isoformat()
    return found


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


def held_since(conn: Connection) -> datetime | None:
    """The latest restore since which nothing is billed by itself; None where billing goes on."""
    return next((one.at for one in reversed(every(conn)) if one.held), None)
