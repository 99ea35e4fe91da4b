"""What an operator asks for, written down: every process sees it and a restart keeps it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from ordermill.errors import NotFound
from ordermill.store import runs
from ordermill.store.tables import integration_state, integrations


def request_sync(conn: Connection, handle: str, *, now: datetime) -> None:
    """Ask for a pass now, whatever the backoff; raise NotFound. A person's pause still holds."""
    conn.execute(
        update(integration_state)
        .where(integration_state.c.integration_id == _active(conn, handle))
        .values(sync_requested_at=now)
    )


def request_backfill(
    conn: Connection,
    handle: str,
    since: datetime | None,
    until: datetime | None,
    *,
    now: datetime,
) -> int:
    """Ask for the history between two moments (None: open); the run's id. Raise NotFound.

    Asked again while the same window is still being read, it is the same run.
    """
    return runs.ask_backfill(conn, _active(conn, handle), since, until, now=now)


def request_reconcile(conn: Connection, handle: str, *, now: datetime) -> int:
    """Ask for a comparison of the whole window; the run's id. Raise NotFound."""
    return runs.ask_reconcile(conn, _active(conn, handle), now=now)


def _active(conn: Connection, handle: str) -> str:
    """The id of an integration that is read; its row stays locked until the commit."""
    query = (
        select(integrations.c.id)
        .join(integration_state, integration_state.c.integration_id == integrations.c.id)
        .where(integrations.c.handle == handle, integrations.c.is_active)
        .with_for_update(of=integration_state)
    )
    found: str | None = conn.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound(f"no active integration {handle}; `ordermill status` lists them")
    return found
