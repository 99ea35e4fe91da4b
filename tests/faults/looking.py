"""What the tests of faults ask of a store and of a shop's log."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from ordermill.model.integration import Sweep
from ordermill.store.tables import events, orders, raw_versions, rejected_orders
from sync.house import House

# Without a sweep, for a sweep hides every mistake of the cursor.
NO_SWEEP = Sweep(every=None, window=timedelta(days=30))
A_MINUTE = 61.0


def versions(house: House, source_id: str) -> int:
    """How many states of an order were ever written."""
    return int(house.order(source_id)["version"])


def stored_versions(house: House) -> int:
    with house.database.read() as conn:
        return conn.scalar(select(func.count()).select_from(raw_versions)) or 0


def rejected(house: House) -> dict[str, str]:
    """The reasons of the orders that could not be read, by their ids."""
    with house.database.read() as conn:
        columns = select(rejected_orders.c.source_id, rejected_orders.c.reason)
        return dict(conn.execute(columns).all())


def happened(house: House, source_id: str) -> list[str]:
    """The events of an order, oldest first."""
    with house.database.read() as conn:
        order = house.order(source_id)["id"]
        types = select(events.c.type).where(events.c.order_id == order)
        return list(conn.scalars(types.order_by(events.c.id)))


def rows(house: House) -> list[Any]:
    with house.database.read() as conn:
        return list(conn.execute(select(orders).order_by(orders.c.source_id)))


def read_in_last_pass(house: House) -> Counter[str]:
    """How often each order was read since ``house.heard.ingested`` was cleared."""
    return Counter(one.source_id for one in house.heard.ingested)
