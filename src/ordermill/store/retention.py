"""What is forgotten after its time: old raw versions, runs and webhook events, never an order."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from ordermill.store import processes, runs, webhooks
from ordermill.store.tables import orders, raw_versions

RUNS = timedelta(days=30)
DEAD = timedelta(days=1)


def forget(conn: Connection, *, now: datetime, raw_for: timedelta) -> int:
    """Delete raw versions that were replaced longer than ``raw_for`` ago, runs after 30 days,
    webhook events after 48 hours, and processes that died after a day.

    The present version of an order always stays. How many versions went; idempotent.
    """
    runs.prune(conn, before=now - RUNS)
    webhooks.forget(conn, now=now)
    processes.forget(conn, before=now - DEAD)
    present = select(orders.c.version).where(orders.c.id == raw_versions.c.order_id)
    old = delete(raw_versions).where(
        raw_versions.c.at < now - raw_for, raw_versions.c.version < present.scalar_subquery()
    )
    return conn.execute(old).rowcount
