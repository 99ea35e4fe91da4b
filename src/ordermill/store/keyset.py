"""Rows beside a place in an order, found by key: never by counting the ones before.

So a page stays right while rows arrive, and page 1,000 costs what the first one costs. Sorting is
total: every sort ends in the id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    and_,
    literal,
    or_,
    select,
    true,
    tuple_,
)

from ordermill.store.conditions import Condition


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


def rows(
    conn: Connection, listed: Listed, wanted: Wanted, chosen: ColumnElement[bool]
) -> Sequence[Row[Any]]:
    """One row more than the page has, if there is one; backwards in reverse."""
    column, descending = _direction(listed, wanted)
    query = select(*listed.columns).select_from(listed.source).where(chosen)
    if wanted.position is not None:
        query = query.where(_beyond(listed, column, wanted.position, descending=descending))
    query = query.order_by(*_order(listed, column, descending=descending))
    return conn.execute(query.limit(wanted.limit + 1)).all()


def as_far_as(
    conn: Connection, listed: Listed, wanted: Wanted, chosen: ColumnElement[bool], count: int
) -> ColumnElement[bool]:
    """Whether a row is among the next ``count`` ones, in the direction of the page."""
    column, descending = _direction(listed, wanted)
    query = select(column.label("sorted"), listed.id.label("id")).select_from(listed.source)
    query = query.where(chosen)
    if wanted.position is not None:
        query = query.where(_beyond(listed, column, wanted.position, descending=descending))
    query = query.order_by(*_order(listed, column, descending=descending))
    last = conn.execute(query.offset(count - 1).limit(1)).one_or_none()
    if last is None:
        return true()
    edge = Position(last.sorted, last.id, included=True)
    return _beyond(listed, column, edge, descending=not descending)


def _direction(listed: Listed, wanted: Wanted) -> tuple[ColumnElement[Any], bool]:
    return listed.sorts[wanted.sort], wanted.descending != wanted.backwards


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
        past = _past(listed.id, position.id, position, descending=descending)
        empty = and_(column.is_(None), past)
        return or_(empty, column.is_not(None)) if descending else empty
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
