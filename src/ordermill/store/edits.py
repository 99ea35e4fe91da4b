"""Orders as people make, change, delete and restore them. What is then decided is not here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from msgspec import json
from msgspec.structs import replace
from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ordermill.errors import WrongState
from ordermill.model.codes import Refusal
from ordermill.model.order import OrderStatus
from ordermill.store import events, postgres, tallies
from ordermill.store.classify import TOLD
from ordermill.store.events import Event
from ordermill.store.ids import new_id
from ordermill.store.read import order_of
from ordermill.store.rows import search_text
from ordermill.store.tables import integrations, orders
from ordermill.store.tallies import ORDERS, ORDERS_DELETED
from ordermill.store.types import EPOCH

MANUAL = "manual"
DELETED = "order.deleted"
PERSON = "person"
PATIENCE = 5.0  # seconds, for another transaction that holds the order
_decode = json.decode


@dataclass(frozen=True, slots=True)
class Made:
    """An order that a person made. ``columns`` are the shop's columns but for ``shop_updated_at``
    and ``search_text``; ``metadata`` is JSON."""

    entity_id: str
    integration_id: str
    source: str
    source_id: str
    columns: Mapping[str, Any]
    metadata: str


def integration_for(
    conn: Connection, entity_id: str, source: str, integration_id: str | None
) -> str | None:
    """The integration of a new order: the one that is named, or the entity's own for manual ones;
    None where there is no such integration of this source."""
    table = integrations.c
    query = select(table.id).where(table.entity_id == entity_id, table.source == source)
    if integration_id is not None:
        query = query.where(table.id == integration_id)
    elif source != MANUAL:
        return None
    found: str | None = conn.execute(query).scalar()
    return found


def create(conn: Connection, made: Made, *, now: datetime, actor: str) -> str:
    """Write it, pending; its id. Raise WrongState if the integration has an order of that
    source_id, in the trash or not.

    A shop's version of it, when one is read, is newer: it overwrites what was made here.
    """
    columns = dict(made.columns) | {"shop_updated_at": now if made.source == MANUAL else EPOCH}
    order_id = new_id("ord", now)
    values = {
        "id": order_id, "entity_id": made.entity_id, "integration_id": made.integration_id,
        "source": made.source, "source_id": made.source_id, "content_hash": "", "version": 1,
        "mark": "", "status": str(OrderStatus.PENDING), "decide_at": now,
        "metadata": made.metadata, "created_at": now, "updated_at": now, **columns,
    }  # fmt: skip
    values["search_text"] = _search_text(values)
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[conn.dialect.name]
    written = insert(orders).values(values).on_conflict_do_nothing().returning(orders.c.id)
    if conn.execute(written).scalar() is None:
        _refuse_double(conn, made)
    tallies.add(conn, {(made.entity_id, ORDERS): 1})
    events.record(conn, [Event(order_id, events.CREATED, actor=actor)], now)
    return order_id


def _refuse_double(conn: Connection, made: Made) -> None:
    mine = (orders.c.integration_id == made.integration_id, orders.c.source_id == made.source_id)
    there = conn.execute(select(orders.c.id, orders.c.deleted_at).where(*mine)).one()
    trashed = "" if there.deleted_at is None else ", in the trash: restore it"
    raise WrongState(
        Refusal.ORDER_EXISTS,
        f"this integration has an order with that source_id already{trashed}",
        id=there.id,
    )


def locked(
    conn: Connection, entity_id: str, order_id: str, *, deleted: bool = False
) -> Row[Any] | None:
    """The whole row under its lock; a deleted one only where ``deleted`` says so.

    Raises StoreBusy, when the transaction ends, if another one holds it for too long.
    """
    if conn.dialect.name == "postgresql":
        postgres.wait_at_most(conn, PATIENCE)
    query = select(orders).where(orders.c.id == order_id, orders.c.entity_id == entity_id)
    if not deleted:
        query = query.where(orders.c.deleted_at.is_(None))
    return conn.execute(query.with_for_update()).one_or_none()


def change(
    conn: Connection, row: Row[Any], columns: Mapping[str, Any], *, now: datetime, actor: str
) -> bool:
    """Set columns of a locked row; False where they say the same already.

    The event tells amounts and flags; of a buyer's data only that it changed.
    """
    before = row._mapping
    changed = {name: value for name, value in columns.items() if before[name] != value}
    if not changed:
        return False
    values = changed | {"search_text": _search_text(dict(before) | changed), "updated_at": now}
    conn.execute(update(orders).where(orders.c.id == row.id).values(values))
    told = {
        name: [before[name], value] if name in TOLD else [None, None]
        for name, value in changed.items()
        if name != "overrides"
    }
    happened = Event(row.id, events.UPDATED, actor=actor, data={"changes": told})
    events.record(conn, [happened], now)
    return True


def delete(conn: Connection, row: Row[Any], *, now: datetime, actor: str) -> None:
    """Into the trash, for good against every sync; its documents stay."""
    values = {"deleted_at": now, "deleted_by": PERSON, "decide_at": None, "updated_at": now}
    conn.execute(update(orders).where(orders.c.id == row.id).values(values))
    tallies.add(conn, {(row.entity_id, ORDERS): -1, (row.entity_id, ORDERS_DELETED): 1})
    events.record(conn, [Event(row.id, DELETED, actor=actor)], now)


def restore(conn: Connection, row: Row[Any], *, now: datetime, actor: str) -> None:
    """Out of the trash; nothing happens to one that is not in it. It is looked at anew."""
    if row.deleted_at is None:
        return
    values = {"deleted_at": None, "deleted_by": None, "decide_at": now, "updated_at": now}
    conn.execute(update(orders).where(orders.c.id == row.id).values(values))
    tallies.add(conn, {(row.entity_id, ORDERS): 1, (row.entity_id, ORDERS_DELETED): -1})
    events.record(conn, [Event(row.id, events.RESTORED, actor=actor)], now)


def _search_text(values: Mapping[str, Any]) -> str:
    """What search reads: the order's own words and the values of the API's metadata."""
    order = order_of(SimpleNamespace(**({"deleted_at": None} | dict(values))))
    both = {"shop": order.metadata, "own": _decode(values["metadata"])}
    return search_text(replace(order, metadata=both))
