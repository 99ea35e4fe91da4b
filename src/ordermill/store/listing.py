"""Pages of rows: filtered, searched and sorted, with a place to go on from in both directions.

A page is found by key, never by counting rows, so it stays right while rows arrive, and page 1,000
costs what the first one costs. Sorting is total: every sort ends in the id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)

from ordermill.store import search, tallies


class Operator(StrEnum):
    """How a field is compared. Text compares by code point; only CONTAINS ignores letter case."""

    EQUALS = "equals"
    NOT = "not"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    NOT_IN = "notIn"
    CONTAINS = "contains"
    STARTS_WITH = "startsWith"
    ENDS_WITH = "endsWith"
    BETWEEN = "between"  # both ends included


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. ``value`` is a tuple for IN, NOT_IN and BETWEEN, and None only for EQUALS and
    NOT; what is not equal to a value includes what is empty."""

    field: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class Listed:
    """A list: its rows, what is read of them, and by what they are chosen and sorted.

    ``searched`` are the columns that a search looks into, ``folded`` whether they are casefolded
    already. ``in_search`` names the fields whose values stand in that text too. ``only`` is a
    condition that every row of the list fulfils.
    """

    source: FromClause
    id: ColumnElement[str]
    entity_id: ColumnElement[str]
    columns: tuple[ColumnElement[Any], ...]
    fields: Mapping[str, ColumnElement[Any]]
    sorts: Mapping[str, ColumnElement[Any]]
    searched: tuple[ColumnElement[str], ...]
    folded: bool = True
    in_search: frozenset[str] = frozenset()
    deleted_at: ColumnElement[Any] | None = None
    only: ColumnElement[bool] = field(default_factory=true)
    tally: str | None = None
    tally_deleted: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Beside which row a page begins: that row's sorted value and id. ``included``: the row itself
    is of the page."""

    value: Any
    id: str
    included: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a list. ``backwards``: the page that ends at ``position`` instead of the one
    that begins there; its rows still come in the order of the sort."""

    entity_ids: tuple[str, ...]
    limit: int = 10
    conditions: tuple[Condition, ...] = ()
    term: str | None = None
    deleted: bool = False
    sort: str = "id"
    descending: bool = False
    position: Position | None = None
    backwards: bool = False
    counted: bool = True


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
    chosen = _chosen(conn, listed, wanted)
    rows = _rows(conn, listed, wanted, chosen)
    more, rows = len(rows) > wanted.limit, rows[: wanted.limit]
    come_from = wanted.position is not None
    if wanted.backwards:
        rows = rows[::-1]
    return Page(
        rows=rows,
        before=more if wanted.backwards else come_from,
        after=come_from if wanted.backwards else more,
        total=_total(conn, listed, wanted, chosen) if wanted.counted else -1,
    )


def one(
    conn: Connection, listed: Listed, entity_ids: Sequence[str], row_id: str, *, lock: bool = False
) -> Row[Any] | None:
    """A row by its id; None where there is none, or it is deleted, or another entity's.

    With ``lock`` nobody else writes it before this transaction ends.
    """
    query = select(*listed.columns).select_from(listed.source)
    query = query.where(listed.id == row_id, listed.entity_id.in_(entity_ids), listed.only)
    if listed.deleted_at is not None:
        query = query.where(listed.deleted_at.is_(None))
    return conn.execute(query.with_for_update() if lock else query).one_or_none()


def _chosen(conn: Connection, listed: Listed, wanted: Wanted) -> ColumnElement[bool]:
    """What every row of the list fulfils, whatever the page."""
    parts = [_of_entities(listed, wanted.entity_ids), listed.only]
    if listed.deleted_at is not None:
        gone = listed.deleted_at.is_not(None)
        parts.append(gone if wanted.deleted else listed.deleted_at.is_(None))
    elif wanted.deleted:
        parts.append(false())
    parts += [_fulfils(conn, listed, condition) for condition in wanted.conditions]
    if wanted.term is not None:
        find = search.finds if listed.folded else search.contains
        parts.append(or_(*(find(conn, column, wanted.term) for column in listed.searched)))
    return and_(*parts)


def _of_entities(listed: Listed, entity_ids: tuple[str, ...]) -> ColumnElement[bool]:
    if len(entity_ids) == 1:
        return listed.entity_id == entity_ids[0]
    return listed.entity_id.in_(entity_ids)


def _fulfils(conn: Connection, listed: Listed, condition: Condition) -> ColumnElement[bool]:
    column = listed.fields[condition.field]
    found = _compared(conn, column, condition.operator, condition.value)
    return _helped(conn, listed, condition, found)


def _compared(
    conn: Connection, column: ColumnElement[Any], operator: Operator, value: Any
) -> ColumnElement[bool]:
    match operator:
        case Operator.EQUALS:
            return column.is_(None) if value is None else column == value
        case Operator.NOT if value is None:
            return column.is_not(None)
        case Operator.NOT:
            return or_(column != value, column.is_(None))
        case Operator.IN:
            return column.in_(value)
        case Operator.NOT_IN:
            return or_(column.not_in(value), column.is_(None))
        case Operator.BETWEEN:
            return and_(column >= value[0], column <= value[1])
        case Operator.CONTAINS | Operator.STARTS_WITH | Operator.ENDS_WITH:
            found: ColumnElement[bool] = _TEXTUAL[operator](conn, column, value)
        case _:
            found = _ORDERED[operator](column, value)
    return found


_TEXTUAL: Mapping[Operator, Any] = {
    Operator.CONTAINS: search.contains,
    Operator.STARTS_WITH: search.starts,
    Operator.ENDS_WITH: search.ends,
}
_ORDERED: Mapping[Operator, Any] = {
    Operator.GT: lambda column, value: column > value,
    Operator.GTE: lambda column, value: column >= value,
    Operator.LT: lambda column, value: column < value,
    Operator.LTE: lambda column, value: column <= value,
}
_HELPED = {Operator.EQUALS, *_TEXTUAL}


def _helped(
    conn: Connection, listed: Listed, condition: Condition, found: ColumnElement[bool]
) -> ColumnElement[bool]:
    """What a field contains, its row's search text contains: PostgreSQL has an index of that."""
    fits = condition.field in listed.in_search and condition.operator in _HELPED
    if conn.dialect.name == "sqlite" or not fits or len(condition.value or "") < search.TRIGRAM:
        return found
    return and_(search.finds(conn, listed.searched[0], condition.value), found)


def _rows(
    conn: Connection, listed: Listed, wanted: Wanted, chosen: ColumnElement[bool]
) -> Sequence[Row[Any]]:
    """One row more than the page has, if there is one; backwards in reverse."""
    descending = wanted.descending != wanted.backwards
    column = listed.sorts[wanted.sort]
    query = select(*listed.columns).select_from(listed.source).where(chosen)
    if wanted.position is not None:
        query = query.where(_beyond(listed, column, wanted.position, descending=descending))
    query = query.order_by(*_order(listed, column, descending=descending))
    return conn.execute(query.limit(wanted.limit + 1)).all()


def _order(listed: Listed, column: ColumnElement[Any], *, descending: bool) -> list[Any]:
    by_id = listed.id.desc() if descending else listed.id
    if column is listed.id:
        return [by_id]
    sort: Any = column.desc() if descending else column.asc()
    if _may_be_empty(column):
        sort = sort.nulls_first() if descending else sort.nulls_last()
    return [sort, by_id]


def _may_be_empty(column: ColumnElement[Any]) -> bool:
    return isinstance(column, Column) and bool(column.nullable)


def _beyond(
    listed: Listed, column: ColumnElement[Any], position: Position, *, descending: bool
) -> ColumnElement[bool]:
    """Whether a row comes after a position; what is empty comes last, descending first."""
    if column is listed.id:
        return _past(listed.id, position.id, position, descending=descending)
    if position.value is None:
        among = and_(
            column.is_(None), _past(listed.id, position.id, position, descending=descending)
        )
        return or_(among, column.is_not(None)) if descending else among
    place = tuple_(literal(position.value, column.type), literal(position.id))
    past = _past(tuple_(column, listed.id), place, position, descending=descending)
    return or_(past, column.is_(None)) if _may_be_empty(column) and not descending else past


def _past(key: Any, place: Any, position: Position, *, descending: bool) -> ColumnElement[bool]:
    found: ColumnElement[bool]
    if descending:
        found = key <= place if position.included else key < place
    else:
        found = key >= place if position.included else key > place
    return found


def _total(conn: Connection, listed: Listed, wanted: Wanted, chosen: ColumnElement[bool]) -> int:
    """Of an unfiltered list the tally; of a filtered one its rows are counted."""
    tally = listed.tally_deleted if wanted.deleted else listed.tally
    plain = not wanted.conditions and wanted.term is None
    if tally is not None and plain:
        return sum(tallies.count(conn, entity_id, tally) for entity_id in wanted.entity_ids)
    counted = select(func.count()).select_from(listed.source).where(chosen)
    return int(conn.execute(counted).scalar_one())
