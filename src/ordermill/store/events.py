"""The audit trail of an order: only ever added to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from ordermill.model.integration import ORDERMILL as ORDERMILL
from ordermill.model.integration import SHOP as SHOP
from ordermill.store.bulk import append
from ordermill.store.rows import json_text
from ordermill.store.tables import events

CREATED = "order.created"
UPDATED = "order.updated"
SKIPPED = "order.skipped"
GONE = "order.gone"
RESTORED = "order.restored"

_NAMES = ("order_id", "at", "type", "actor", "reason", "data")


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to one order. ``data`` holds amounts and flags, never a buyer's data."""

    order_id: str
    type: str
    actor: str = SHOP
    reason: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def record(conn: Connection, happened: Sequence[Event], now: datetime) -> None:
    """Write them in their order, in the transaction of what they tell of.

    None is earlier than the one before it of the same order: another process' clock may be ahead,
    and who waited for the order's lock looked at the clock before that.
    """
    last = _last(conn, {e.order_id for e in happened if e.type != CREATED})
    rows = [
        (e.order_id, max(now, last.get(e.order_id, now)), e.type, e.actor, e.reason,
         json_text(e.data))
        for e in happened
    ]  # fmt: skip
    append(conn, events, _NAMES, rows)


def _last(conn: Connection, order_ids: set[str]) -> dict[str, datetime]:
    """When the last thing happened to each of these orders."""
    if not order_ids:
        return {}
    of = events.c.order_id
    query = select(of, func.max(events.c.at)).where(of.in_(order_ids)).group_by(of)
    return {order_id: at for order_id, at in conn.execute(query)}


def of_order(conn: Connection, order_id: str) -> Sequence[Any]:
    """The rows of one order, oldest first."""
    return conn.execute(
        select(events).where(events.c.order_id == order_id).order_by(events.c.id)
    ).all()
