"""Finds the order that a person means."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from ordermill.errors import NotFound
from ordermill.store.tables import integrations, orders, rejected_orders

MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Found:
    """An order by all its names; ``id`` is None for one that was rejected whenever it was read."""

    id: str | None
    handle: str
    source_id: str


def find(conn: Connection, words: str) -> Found:
    """The order that is meant: by its id, as HANDLE/source_id, by the shop's number (with or
    without its #) or the shop's id. Raise NotFound, naming what else could be meant.
    """
    query = (
        select(orders.c.id, integrations.c.handle, orders.c.source_id)
        .join_from(orders, integrations)
        .where(_meant(words))
        .order_by(integrations.c.handle, orders.c.id)
        .limit(MOST_NAMED)
    )
    found = [Found(*row) for row in conn.execute(query)] or _rejected(conn, words)
    if not found:
        raise NotFound(
            f"no order {words}; write its id (ord_...), HANDLE/source_id, or the shop's number"
        )
    if len(found) > 1:
        named = ", ".join(f"{one.handle}/{one.source_id}" for one in found)
        raise NotFound(f"{words} may be one of several orders: {named}")
    return found[0]


def _meant(words: str) -> ColumnElement[bool]:
    if words.startswith("ord_"):
        return orders.c.id == words
    handle, slash, source_id = words.partition("/")
    if slash:
        return and_(integrations.c.handle == handle, orders.c.source_id == source_id)
    number = words.removeprefix("#")
    return or_(
        orders.c.source_order_number.in_([number, f"#{number}"]), orders.c.source_id == number
    )


def _rejected(conn: Connection, words: str) -> list[Found]:
    handle, slash, source_id = words.rpartition("/")
    table = rejected_orders.c
    query = (
        select(integrations.c.handle, table.source_id)
        .join_from(rejected_orders, integrations)
        .where(table.source_id == source_id)
        .limit(MOST_NAMED)
    )
    if slash:
        query = query.where(integrations.c.handle == handle)
    return [Found(None, *row) for row in conn.execute(query)]
