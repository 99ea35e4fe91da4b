"""How it goes: the figures of /status, of the metrics and of the operator's page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, func, or_, select

from ordermill.model.codes import Hold
from ordermill.model.order import OrderStatus
from ordermill.store import hints, leases, rejected
from ordermill.store.state import COLUMNS, IntegrationState, state_of
from ordermill.store.tables import entities, integration_state, integrations, orders

# The codes that begin `error` of an order that waits for a person or for new data.
HOLD_CODES = tuple(str(code) for code in Hold)
# A poll that is this late means that nobody is polling.
OVERDUE = timedelta(seconds=30)
# What can be due about an order: its first document, a reissue, anything else that changed.
DUE = ("process", "reissue", "update")


@dataclass(frozen=True, slots=True)
class IntegrationStatus:
    """One integration that is read. ``orders`` counts those that the shop has not deleted, by
    status; ``held`` those with a hold code; ``rejected`` what could not be read and is kept raw;
    ``hints_given_up`` orders that were asked for by id in vain."""

    id: str
    handle: str
    name: str
    entity: str
    source: str
    state: IntegrationState
    running: bool
    orders: Mapping[str, int]
    held: int
    failed: int
    rejected: int
    hints_given_up: int

    def word(self, now: datetime) -> str:
        """paused, running, backoff, error or ok; the first that is so."""
        state = self.state
        if state.paused(now):
            return "paused"
        if self.running:
            return "running"
        if state.backoff_until is not None and state.backoff_until > now:
            return "backoff"
        return "error" if state.failures else "ok"

    def lag_seconds(self, now: datetime) -> float | None:
        """How old the newest state is that we may be missing: 0 when caught up and polled in time,
        else since the last complete poll, else since the bookmark; None before any."""
        state = self.state
        in_time = state.poll_due_at + OVERDUE >= now
        if state.caught_up and not state.failures and in_time and not state.paused(now):
            return 0.0
        since = state.last_success_at or state.bookmark
        return None if since is None else max((now - since).total_seconds(), 0.0)

    def next_run_at(self, now: datetime) -> datetime | None:
        """When it is read next; None while it rests until somebody resumes it."""
        state = self.state
        begins = [state.poll_due_at, state.backoff_until]
        if state.paused(now):
            if state.paused_until is None:
                return None
            begins.append(state.paused_until)
        return max(at for at in begins if at is not None)


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that is read, by handle, as it is at ``now``."""

    now: datetime
    integrations: tuple[IntegrationStatus, ...]


def overview(conn: Connection, now: datetime) -> Overview:
    """A handful of grouped queries, whatever the number of integrations."""
    counts = _counts(conn)
    held, failed = _held(conn)
    unread = rejected.counts(conn)
    in_vain = hints.given_up(conn)
    return Overview(
        now,
        tuple(
            IntegrationStatus(
                id=row.id,
                handle=row.handle,
                name=row.name,
                entity=row.entity,
                source=row.source,
                state=state_of(row),
                running=bool(row.running),
                orders=counts[row.id],
                held=held.get(row.id, 0),
                failed=counts[row.id].get(OrderStatus.FAILED, 0) - failed.get(row.id, 0),
                rejected=unread.get(row.id, 0),
                hints_given_up=in_vain.get(row.id, 0),
            )
            for row in _read(conn, now)
        ),
    )


def order_counts(conn: Connection) -> dict[tuple[str, str], int]:
    """How many orders, by handle and status, without the deleted: one grouped query."""
    query = (
        select(integrations.c.handle, orders.c.status, func.count())
        .join_from(orders, integrations)
        .where(orders.c.deleted_at.is_(None))
        .group_by(integrations.c.handle, orders.c.status)
    )
    return {(handle, status): n for handle, status, n in conn.execute(query)}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Orders that are due and not done yet; ``oldest`` is since when, None if there are none."""

    count: int = 0
    oldest: datetime | None = None


def due(conn: Connection, now: datetime) -> dict[str, Waiting]:
    """What is due at ``now``, by kind (DUE), without integrations that are switched off."""
    kind = case(
        (orders.c.invoice_id.is_(None), "process"),
        (orders.c.reissue_after <= now, "reissue"),
        else_="update",
    )
    query = (
        select(kind, func.count(), func.min(orders.c.decide_at))
        .join_from(orders, integrations, integrations.c.id == orders.c.integration_id)
        .where(orders.c.decide_at <= now, integrations.c.is_active)
        .group_by(kind)
    )
    found = {name: Waiting(n, oldest) for name, n, oldest in conn.execute(query)}
    return {name: found.get(name, Waiting()) for name in DUE}


def as_json(shown: Overview) -> dict[str, Any]:
    """What GET /status and `ordermill status --json` give."""
    return {"integrations": [_as_json(one, shown.now) for one in shown.integrations]}


def _as_json(one: IntegrationStatus, now: datetime) -> dict[str, Any]:
    state = one.state
    return {
        "handle": one.handle,
        "source": one.source,
        "state": one.word(now),
        "last_success_at": written(state.last_success_at),
        "last_attempt_at": written(state.last_attempt_at),
        "lag_seconds": one.lag_seconds(now),
        "bookmark": written(state.bookmark),
        "pending": one.orders.get(OrderStatus.PENDING, 0),
        "held": one.held,
        "failed": one.failed,
        "paused": _paused(state, now),
        "next_run_at": written(one.next_run_at(now)),
        "last_error": state.last_error,
    }


def _paused(state: IntegrationState, now: datetime) -> dict[str, str | None] | None:
    if not state.paused(now):
        return None
    return {
        "reason": state.paused_reason,
        "by": state.paused_by,
        "since": written(state.paused_since),
        "until": written(state.paused_until),
    }


def written(at: datetime | None) -> str | None:
    """UTC with milliseconds and Z, as the API writes every time."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read(conn: Connection, now: datetime) -> list[Row[Any]]:
    table = integrations.c
    query = (
        select(
            table.id,
            table.handle,
            table.name,
            table.source,
            entities.c.handle.label("entity"),
            leases.held(conn, now).label("running"),
            *COLUMNS,
        )
        .join_from(integrations, integration_state)
        .join(entities, entities.c.id == table.entity_id)
        .where(table.is_active)
        .order_by(table.handle)
    )
    return list(conn.execute(query).all())


def _counts(conn: Connection) -> defaultdict[str, dict[str, int]]:
    query = (
        select(orders.c.integration_id, orders.c.status, func.count())
        .where(orders.c.deleted_at.is_(None))
        .group_by(orders.c.integration_id, orders.c.status)
    )
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for integration_id, status, n in conn.execute(query):
        found[integration_id][status] = n
    return found


def _held(conn: Connection) -> tuple[dict[str, int], dict[str, int]]:
    """Orders with a hold code, and how many of these have the status failed, by integration."""
    failed = func.count().filter(orders.c.status == OrderStatus.FAILED.value)
    query = (
        select(orders.c.integration_id, func.count(), failed)
        .where(orders.c.error.is_not(None), orders.c.deleted_at.is_(None), _has_hold_code())
        .group_by(orders.c.integration_id)
    )
    rows = conn.execute(query).all()
    return {key: held for key, held, _ in rows}, {key: n for key, _, n in rows}


def _has_hold_code() -> ColumnElement[bool]:
    error = orders.c.error
    return or_(
        error.in_(HOLD_CODES),
        *(error.startswith(f"{code}:", autoescape=True) for code in HOLD_CODES),
    )
