"""Webhooks that arrived: each event becomes a hint once, however often it is delivered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from ordermill.store import hints
from ordermill.store.bulk import among, upsert
from ordermill.store.tables import integrations, webhook_events

# Shopify repeats a delivery for hours; a day late was seen.
KEPT = timedelta(hours=48)
_NAMES = ("integration_id", "event_id", "source_id", "topic", "received_at")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A genuine delivery to the integration ``handle``, about one order."""

    handle: str
    source_id: str
    topic: str
    event_id: str | None


def keep(conn: Connection, arrivals: Sequence[Arrival], *, now: datetime) -> int:
    """Ask for the orders of the events that are new; how many. Idempotent for 48 h.

    An event without a name counts as new each time; of several about one order it is one hint.
    Deliveries to an integration that is not read any more are dropped.
    """
    ids = _ids(conn, {one.handle for one in arrivals})
    by_integration: defaultdict[str, list[Arrival]] = defaultdict(list)
    for one in arrivals:
        if one.handle in ids:
            by_integration[ids[one.handle]].append(one)
    return sum(
        _keep(conn, integration_id, by_integration[integration_id], now)
        for integration_id in sorted(by_integration)  # who locks several does it in one order
    )


def forget(conn: Connection, *, now: datetime) -> None:
    """Events older than 48 h."""
    conn.execute(delete(webhook_events).where(webhook_events.c.received_at < now - KEPT))


def _keep(conn: Connection, integration_id: str, arrivals: Sequence[Arrival], now: datetime) -> int:
    named = {one.event_id: one for one in arrivals if one.event_id is not None}
    seen = _seen(conn, integration_id, list(named), now)
    news = [named[event_id] for event_id in sorted(named.keys() - seen)]
    rows = [(integration_id, one.event_id, one.source_id, one.topic, now) for one in news]
    upsert(
        conn,
        webhook_events,
        _NAMES,
        rows,
        key=("integration_id", "event_id"),
        update=("source_id", "topic", "received_at"),
    )
    fresh = [one for one in arrivals if one.event_id is None or one.event_id not in seen]
    hints.add(conn, integration_id, {one.source_id: one.event_id for one in fresh}, now=now)
    return len({one.source_id for one in fresh})


def _seen(conn: Connection, integration_id: str, event_ids: list[str], now: datetime) -> set[str]:
    table = webhook_events.c
    query = select(table.event_id).where(
        table.integration_id == integration_id,
        among(conn, table.event_id, event_ids),
        table.received_at >= now - KEPT,
    )
    return set(conn.scalars(query)) if event_ids else set()


def _ids(conn: Connection, handles: set[str]) -> dict[str, str]:
    query = select(integrations.c.handle, integrations.c.id).where(
        integrations.c.handle.in_(handles), integrations.c.is_active
    )
    return {handle: integration_id for handle, integration_id in conn.execute(query)}
