"""The shop's refunds of an order, a row each; one that the shop deleted stays, marked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select, update

from ordermill.model.order import Order
from ordermill.store.bulk import among, append, upsert
from ordermill.store.rows import json_text
from ordermill.store.tables import refunds

_NAMES = (
    "order_id", "source_id", "created_at", "amount", "total_tax", "reason", "items", "pending",
    "first_seen_at", "deleted_at",
)  # fmt: skip
_SHOP = ("created_at", "amount", "total_tax", "reason", "items", "pending", "deleted_at")


def write(
    conn: Connection, created: Mapping[str, Order], updated: Mapping[str, Order], now: datetime
) -> None:
    """Make the refunds of these orders (by our id) those that the shop shows now.

    A trashed WooCommerce order hides its refunds (7.9, measured): nothing is concluded from that.
    """
    append(conn, refunds, _NAMES, _rows(created, now))
    shown = {order_id: order for order_id, order in updated.items() if not order.deleted}
    known = _known(conn, shown)
    upsert(conn, refunds, _NAMES, _rows(shown, now), key=("order_id", "source_id"), update=_SHOP)
    for order_id, source_id in known:
        if source_id not in {refund.source_id for refund in shown[order_id].refunds}:
            conn.execute(
                update(refunds)
                .where(refunds.c.order_id == order_id, refunds.c.source_id == source_id)
                .values(deleted_at=now)
            )


def _known(conn: Connection, shown: Mapping[str, Order]) -> list[tuple[str, str]]:
    if not shown:
        return []
    statement = select(refunds.c.order_id, refunds.c.source_id).where(
        among(conn, refunds.c.order_id, shown), refunds.c.deleted_at.is_(None)
    )
    return [(order_id, source_id) for order_id, source_id in conn.execute(statement)]


def _rows(orders: Mapping[str, Order], now: datetime) -> list[tuple[object, ...]]:
    return [
        (
            order_id, refund.source_id, refund.created_at, refund.amount, refund.total_tax,
            refund.reason, json_text(refund.items), refund.pending, now, None,
        )
        for order_id, order in orders.items()
        for refund in order.refunds
    ]  # fmt: skip
