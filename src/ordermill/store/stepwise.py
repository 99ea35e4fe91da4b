"""A search on PostgreSQL in steps, for its planner cannot know how many rows contain a term.

Left alone it sometimes walks a table of a million orders for a term that few of them have, and
they old (measured: 2.7 s instead of 60 ms); made to use the trigram index it fetches 100,000 rows
for a term that fills the page at once (180 ms instead of 5). So a page begins along the list's own
order. How much of the first rows matched says whether to go on there or to ask the index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, literal, select

from ordermill.store import keyset
from ordermill.store.bulk import among
from ordermill.store.keyset import Listed, Wanted

NEAR = 2_000  # rows that are looked at first: some milliseconds
SOME = 5  # matches among them that promise a page further on
FAR = 60_000  # rows that are looked at where so much was promised
FEW = 5_000  # matches by the index that are sorted at once
_WAYS = ("bitmapscan", "indexscan", "indexonlyscan", "seqscan")
_WALKING = ("indexscan", "indexonlyscan")
_FETCHING = ("bitmapscan",)


def rows(
    conn: Connection,
    listed: Listed,
    wanted: Wanted,
    live: ColumnElement[bool],
    sought: ColumnElement[bool],
) -> tuple[Sequence[Row[Any]], int | None]:
    """What ``keyset.rows`` gives for ``live`` and ``sought``; and how many there are in all, where
    that came by the way."""
    found = _walked(conn, listed, wanted, live, sought, NEAR)
    if SOME <= len(found) <= wanted.limit:
        promised = 3 * NEAR * (wanted.limit + 1) // len(found)
        found = _walked(conn, listed, wanted, live, sought, min(promised, FAR))
    elif len(found) < SOME:
        ids = _few(conn, listed, and_(live, sought))
        if ids is not None:
            mine = and_(live, among(conn, listed.id, ids))
            return keyset.rows(conn, listed, wanted, mine), len(ids)
    if len(found) <= wanted.limit:
        with _only(conn, _FETCHING):
            found = keyset.rows(conn, listed, wanted, and_(live, sought))
    return found, None


def _walked(
    conn: Connection,
    listed: Listed,
    wanted: Wanted,
    live: ColumnElement[bool],
    sought: ColumnElement[bool],
    count: int,
) -> Sequence[Row[Any]]:
    """Matches among the next ``count`` rows of the list."""
    with _only(conn, _WALKING):
        near = keyset.as_far_as(conn, listed, wanted, live, count)
        return keyset.rows(conn, listed, wanted, and_(live, near, sought))


def _few(conn: Connection, listed: Listed, chosen: ColumnElement[bool]) -> list[str] | None:
    """The ids of all matches; None where there are more than a few."""
    query = select(listed.id).select_from(listed.source).where(chosen).limit(FEW + 1)
    with _only(conn, _FETCHING):
        ids = list(conn.scalars(query))
    return ids if len(ids) <= FEW else None


@contextmanager
def _only(conn: Connection, ways: tuple[str, ...]) -> Iterator[None]:
    """The planner reads tables these ways, while inside."""
    _allow(conn, ways)
    yield
    _allow(conn, _WAYS)


def _allow(conn: Connection, ways: tuple[str, ...]) -> None:
    """In one statement, for each costs a round trip."""
    given = [
        func.set_config(f"enable_{way}", literal("on" if way in ways else "off"), True)
        for way in _WAYS
    ]
    conn.execute(select(*given))
