"""Pages of a list: filtered, searched, sorted, counted, with a place to go on from both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, false, func, or_, select, true

from ordermill.store import search, stepwise, tallies
from ordermill.store.conditions import Condition, Operator, compared
from ordermill.store.keyset import Listed, Wanted, rows


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, whether there are more before and after them, and how many there are in all (-1 where
    that was not asked for)."""

    rows: Sequence[Row[Any]]
    before: bool
    after: bool
    total: int


def page(conn: Connection, listed: Listed, wanted: Wanted) -> Page:
    """One page."""
    live, sought = _live(listed, wanted), _sought(conn, listed, wanted)
    chosen = and_(live, sought)
    known: int | None = None
    if _by_index(conn, listed, wanted):
        found, known = stepwise.rows(conn, listed, wanted, live, sought)
    else:
        found = rows(conn, listed, wanted, chosen)
    more, found = len(found) > wanted.limit, found[: wanted.limit]
    come_from = wanted.position is not None
    if wanted.counted and known is None:
        known = _total(conn, listed, wanted, chosen)
    return Page(
        rows=found[::-1] if wanted.backwards else found,
        before=more if wanted.backwards else come_from,
        after=come_from if wanted.backwards else more,
        total=known if wanted.counted and known is not None else -1,
    )


def one(
    conn: Connection,
    listed: Listed,
    entity_ids: Sequence[str],
    row_id: str,
    *,
    deleted: bool = False,
) -> Row[Any] | None:
    """A row by its id; None where there is none, or it is another entity's. One in the trash only
    where ``deleted`` says so."""
    query = select(*listed.columns).select_from(listed.source)
    query = query.where(listed.id == row_id, listed.entity_id.in_(entity_ids), listed.only)
    if listed.deleted_at is not None and not deleted:
        query = query.where(listed.deleted_at.is_(None))
    return conn.execute(query).one_or_none()


def _live(listed: Listed, wanted: Wanted) -> ColumnElement[bool]:
    """The rows of the list that are, or are not, in the trash."""
    parts = [_of_entities(listed, wanted.entity_ids), listed.only]
    if listed.deleted_at is not None:
        gone = listed.deleted_at.is_not(None)
        parts.append(gone if wanted.deleted else listed.deleted_at.is_(None))
    elif wanted.deleted:
        parts.append(false())
    return and_(*parts)


def _of_entities(listed: Listed, entity_ids: tuple[str, ...]) -> ColumnElement[bool]:
    if len(entity_ids) == 1:
        return listed.entity_id == entity_ids[0]
    return listed.entity_id.in_(entity_ids)


def _sought(conn: Connection, listed: Listed, wanted: Wanted) -> ColumnElement[bool]:
    """What is asked of them: the conditions and the search."""
    parts = [_fulfils(conn, listed, condition) for condition in wanted.conditions]
    if wanted.term is not None:
        find = search.finds if listed.folded else search.contains
        parts.append(or_(*(find(conn, column, wanted.term) for column in listed.searched)))
    return and_(true(), *parts)


def _fulfils(conn: Connection, listed: Listed, condition: Condition) -> ColumnElement[bool]:
    """What a field contains, its row's search text contains: PostgreSQL may have an index of it."""
    found = compared(conn, listed.fields[condition.field], condition)
    if conn.dialect.name == "postgresql" and _in_text(listed, condition):
        return and_(search.finds(conn, listed.searched[0], condition.value), found)
    return found


_TEXTUAL = {Operator.EQUALS, Operator.CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH}


def _in_text(listed: Listed, condition: Condition) -> bool:
    fits = condition.field in listed.in_search and condition.operator in _TEXTUAL
    return fits and len(condition.value or "") >= search.TRIGRAM


def _by_index(conn: Connection, listed: Listed, wanted: Wanted) -> bool:
    """Whether the trigram index can find what is wanted."""
    long = wanted.term is not None and len(wanted.term) >= search.TRIGRAM
    asked = long or any(_in_text(listed, condition) for condition in wanted.conditions)
    return asked and search.has_index(conn, listed.source.description)


def _total(conn: Connection, listed: Listed, wanted: Wanted, chosen: ColumnElement[bool]) -> int:
    """Of an unfiltered list the tally; of a filtered one its rows are counted."""
    tally = listed.tally_deleted if wanted.deleted else listed.tally
    plain = not wanted.conditions and wanted.term is None
    if tally is not None and plain:
        return sum(tallies.count(conn, entity_id, tally) for entity_id in wanted.entity_ids)
    counted = select(func.count()).select_from(listed.source).where(chosen)
    return int(conn.execute(counted).scalar_one())
