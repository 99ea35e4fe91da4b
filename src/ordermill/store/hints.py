"""Hints: orders that should be read by id soon, because a webhook or a stale row named them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    select,
    tuple_,
    update,
)

from ordermill.store.bulk import upsert
from ordermill.store.tables import hints

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
# With waits that double from 5 s to an hour, about twelve hours of trying.
MOST_TRIES = 20
_NAMES = ("integration_id", "source_id", "noticed_at", "due_at", "tries", "event_id")
# What names no event forgets none.
_EVENT = (("event_id", "COALESCE(excluded.event_id, hints.event_id)"),)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order to read. ``noticed_at`` tells this asking from one that came while it was read."""

    source_id: str
    noticed_at: datetime
    event_id: str | None


def add(
    conn: Connection,
    integration_id: str,
    source_ids: Collection[str] | Mapping[str, str | None],
    *,
    now: datetime,
) -> None:
    """Ask for these orders to be read at once. One that was asked for before is tried afresh.

    A mapping gives each the webhook's event that named it.
    """
    events = source_ids if isinstance(source_ids, Mapping) else dict.fromkeys(source_ids)
    rows = [(integration_id, s, now, now, 0, events[s]) for s in sorted(events)]
    upsert(
        conn,
        hints,
        _NAMES,
        rows,
        key=("integration_id", "source_id"),
        update=("noticed_at", "due_at", "tries"),
        expressions=_EVENT,
    )


def due(conn: Connection, integration_id: str, *, now: datetime, limit: int) -> list[Wanted]:
    """The orders whose time has come, the longest waiting first; without those given up."""
    query = (
        select(hints.c.source_id, hints.c.noticed_at, hints.c.event_id)
        .where(
            hints.c.integration_id == integration_id,
            hints.c.due_at <= now,
            hints.c.tries < MOST_TRIES,
        )
        .order_by(hints.c.due_at, hints.c.source_id)
        .limit(limit)
    )
    return [Wanted(*row) for row in conn.execute(query)]


def done(conn: Connection, integration_id: str, answered: Collection[Wanted]) -> None:
    """Strike those that were answered, but not what was asked for anew in the meantime."""
    if answered:
        conn.execute(delete(hints).where(_these(integration_id, answered)))


def later(
    conn: Connection, integration_id: str, unanswered: Collection[Wanted], *, now: datetime
) -> None:
    """Those that were not answered come again, each time after a longer wait, MOST_TRIES times.

    One that is given up stays, so that ``given_up`` can show it; the sweep still finds its order.
    """
    if not unanswered:
        return
    tried = select(hints.c.source_id, hints.c.tries).where(_these(integration_id, unanswered))
    waits = [
        {"source": row.source_id, "tried": row.tries + 1, "due": now + wait(row.tries + 1)}
        for row in conn.execute(tried)
    ]
    one = and_(hints.c.integration_id == integration_id, hints.c.source_id == bindparam("source"))
    if waits:
        conn.execute(
            update(hints).where(one).values(tries=bindparam("tried"), due_at=bindparam("due")),
            waits,
        )


def wait(tries: int) -> timedelta:
    """Before the next try, after ``tries`` of them: 5 s, 10 s, 20 s, to an hour."""
    return min(FIRST_WAIT * (1 << min(tries - 1, 16)), LONGEST_WAIT)


def given_up(conn: Connection) -> dict[str, int]:
    """How many orders were asked for in vain, by integration id."""
    column = hints.c.integration_id
    query = select(column, func.count()).where(hints.c.tries >= MOST_TRIES).group_by(column)
    return {key: n for key, n in conn.execute(query)}


def _these(integration_id: str, wanted: Collection[Wanted]) -> ColumnElement[bool]:
    asking = tuple_(hints.c.source_id, hints.c.noticed_at)
    these = asking.in_([(one.source_id, one.noticed_at) for one in wanted])
    return and_(hints.c.integration_id == integration_id, these)
