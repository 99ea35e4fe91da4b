"""What is forgotten after its time: old raw versions, runs and webhook events, never an order."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, select, tuple_

from ordermill.store import postgres, processes, runs, webhooks
from ordermill.store.tables import raw_versions

RUNS = timedelta(days=30)
DEAD = timedelta(days=1)


def forget(conn: Connection, *, now: datetime, raw_for: timedelta) -> int:
    """Delete raw versions that were replaced longer than ``raw_for`` ago, runs after 30 days,
    webhook events after 48 hours, and processes that died after a day.

    The present version of an order always stays. How many versions went; idempotent. It takes as
    long as it takes, and looks at keys alone for what was replaced, never at all payloads.
    """
    if conn.dialect.name == "postgresql":
        postgres.without_limits(conn)
    runs.prune(conn, before=now - RUNS)
    webhooks.forget(conn, now=now)
    processes.forget(conn, before=now - DEAD)
    kept, later = raw_versions.alias(), raw_versions.alias()
    newer = exists().where(later.c.order_id == kept.c.order_id, later.c.version > kept.c.version)
    replaced = select(kept.c.order_id, kept.c.version).where(newer)
    key = tuple_(raw_versions.c.order_id, raw_versions.c.version)
    old = delete(raw_versions).where(raw_versions.c.at < now - raw_for, key.in_(replaced))
    return conn.execute(old).rowcount
