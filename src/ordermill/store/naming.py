"""Finds the order that a person means."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from ordermill.errors import NotFound
from ordermill.store.tables import integrations, orders

MOST_NAMED = 10


def find(conn: Connection, words: str) -> str:
    """The id of the order that is meant: by its id, as HANDLE/source_id, by the shop's number (with
    or without its #) or the shop's id. Raise NotFound, naming what else could be meant.
    """
    query = (
        select(orders.c.id, integrations.c.handle, orders.c.source_id)
        .join_from(orders, integrations)
        .where(_meant(words))
        .order_by(orders.c.id)
        .limit(MOST_NAMED)
    )
    found = conn.execute(query).all()
    if not found:
        raise NotFound(
            f"no order {words}; write its id (ord_...), HANDLE/source_id, or the shop's number"
        )
    if len(found) > 1:
        named = ", ".join(f"{row.handle}/{row.source_id}" for row in found)
        raise NotFound(f"{words} may be one of several orders: {named}")
    order_id: str = found[0].id
    return order_id


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
