"""Integrations: the YAML's, with ids that stay, and what happens to their state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, case, false, or_, select, update

from ordermill.errors import NotFound
from ordermill.store.classify import Terms
from ordermill.store.configuration import apply_configuration
from ordermill.store.leases import Claim
from ordermill.store.read import ENTITY, entity_of, rules_of
from ordermill.store.state import AUTH, COLUMNS, NOT_PAUSED, IntegrationState, moment, state_of
from ordermill.store.tables import entities, integration_state, integrations
from ordermill.store.types import Moment

__all__ = [
    "StoredIntegration",
    "apply_configuration",
    "compared",
    "failed",
    "move_bookmark",
    "pause",
    "reconciled",
    "resume",
    "state",
    "stored",
    "succeeded",
    "sweep_done",
    "terms_of",
    "zone_of",
]

_STATE = integration_state.c


@dataclass(frozen=True, slots=True)
class StoredIntegration:
    """An integration as the store knows it. Orders placed before ``import_cutoff`` are skipped; it
    is None for the integrations of manual orders."""

    id: str
    handle: str
    entity_id: str
    source: str
    import_cutoff: datetime | None


def stored(conn: Connection) -> dict[str, StoredIntegration]:
    """Every integration that ever was, by handle, those of manual orders included."""
    table = integrations.c
    rows = conn.execute(
        select(table.id, table.handle, table.entity_id, table.source, table.import_cutoff)
    )
    return {row.handle: StoredIntegration(*row) for row in rows}


def terms_of(conn: Connection, integration_id: str) -> Terms:
    """By what its orders are judged. The rules do not change before the commit of a transaction
    that holds the lease: who changes them locks its row first."""
    row = conn.execute(_TERMS, {"id": integration_id}).one()
    entity = entity_of(*(getattr(row, f"entity_{name}") for name in ENTITY))
    return Terms(row.source, entity, rules_of(row.rules), row.import_cutoff)


_TERMS = (
    select(
        integrations.c.source,
        integrations.c.rules,
        integrations.c.import_cutoff,
        *(entities.c[name].label(f"entity_{name}") for name in ENTITY),
    )
    .join_from(integrations, entities, entities.c.id == integrations.c.entity_id)
    .where(integrations.c.id == bindparam("id"))
)


def state(conn: Connection, integration_id: str) -> IntegrationState:
    """Where it stands; raise NotFound for one without a state (of manual orders)."""
    row = conn.execute(
        select(*COLUMNS).where(_STATE.integration_id == integration_id)
    ).one_or_none()
    if row is None:
        raise NotFound(f"no integration {integration_id} is read")
    return state_of(row)


def move_bookmark(conn: Connection, claim: Claim, to: datetime) -> None:
    """Move it to ``to``; an earlier time changes nothing, for a bookmark never goes back."""
    conn.execute(_MOVE, {"id": claim.integration_id, "to": to})


_MOVE = (
    update(integration_state)
    .where(
        _STATE.integration_id == bindparam("id"),
        or_(_STATE.bookmark.is_(None), _STATE.bookmark < bindparam("to", type_=Moment)),
    )
    .values(bookmark=bindparam("to", type_=Moment))
)


def succeeded(
    conn: Connection, claim: Claim, *, now: datetime, due: datetime, asked: datetime | None
) -> None:
    """A poll reached the end. It ends failures, backoff and a pause for refused credentials.

    Of requests it answers the one it began with, ``asked``: one that came later stays, whatever the
    clock of whoever asked says.
    """
    answered = false() if asked is None else _STATE.sync_requested_at == moment(asked)
    by_us = _STATE.paused_by == AUTH
    _set(
        conn,
        claim,
        poll_due_at=due,
        caught_up=True,
        failures=0,
        backoff_until=None,
        last_success_at=now,
        last_error=None,
        last_error_class=None,
        sync_requested_at=case((answered, None), else_=_STATE.sync_requested_at),
        **{name: case((by_us, None), else_=_STATE[name]) for name in NOT_PAUSED},
    )


def failed(
    conn: Connection, claim: Claim, *, now: datetime, error: Exception, backoff_until: datetime
) -> None:
    """One more failure in a row; nothing is read before ``backoff_until`` unless asked for anew."""
    _set(
        conn,
        claim,
        failures=_STATE.failures + 1,
        backoff_until=backoff_until,
        sync_requested_at=None,
        last_attempt_at=now,
        last_error=str(error),
        last_error_class=getattr(error, "error_class", "internal"),
    )


def reconciled(conn: Connection, claim: Claim, *, shortfall: int) -> None:
    """A reconcile has compared everything; the shop's lists came short by so many orders."""
    _set(conn, claim, shortfall=shortfall)


def compared(conn: Connection, claim: Claim, *, after: str) -> None:
    """A sweep has compared the contents of orders up to this one; the next goes on behind it."""
    _set(conn, claim, contents_after=after)


def sweep_done(conn: Connection, claim: Claim, *, now: datetime, due: datetime | None) -> None:
    """A sweep reached the end; the next one is due at ``due``, None where sweeps are off."""
    _set(conn, claim, sweep_due_at=due, last_attempt_at=now)


def pause(
    conn: Connection, handle: str, *, reason: str, by: str, now: datetime, until: datetime | None
) -> None:
    """Rest until ``until`` (None: until resumed); raise NotFound. A later pause replaces an earlier
    one, but the daemon's own (``by`` auth) never replaces a person's that still holds."""
    row = _state_of_handle(conn, handle)
    held_by_person = row.paused_by not in (None, AUTH) and state_of(row).paused(now)
    if by == AUTH and held_by_person:
        return
    values = {
        "paused_by": by,
        "paused_reason": reason,
        "paused_since": now,
        "paused_until": until,
    }
    _set_by_id(conn, row.integration_id, values)


def resume(conn: Connection, handle: str, *, now: datetime) -> None:
    """End every pause and backoff and poll at once; raise NotFound."""
    row = _state_of_handle(conn, handle)
    _set_by_id(conn, row.integration_id, {**NOT_PAUSED, "backoff_until": None, "poll_due_at": now})


def zone_of(conn: Connection, handle: str) -> ZoneInfo:
    """The time zone of the integration's entity: its days are the integration's. Raise NotFound."""
    query = (
        select(entities.c.timezone)
        .join(integrations, integrations.c.entity_id == entities.c.id)
        .where(integrations.c.handle == handle)
    )
    zone: str | None = conn.execute(query).scalar_one_or_none()
    if zone is None:
        raise NotFound(f"no integration {handle}; `ordermill status` lists them")
    return ZoneInfo(zone)


def _state_of_handle(conn: Connection, handle: str) -> Any:
    query = (
        select(_STATE.integration_id, *COLUMNS)
        .join(integrations, integrations.c.id == _STATE.integration_id)
        .where(integrations.c.handle == handle)
        .with_for_update(of=integration_state)
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"no integration {handle}")
    return row


def _set(conn: Connection, claim: Claim, **values: Any) -> None:
    _set_by_id(conn, claim.integration_id, values)


def _set_by_id(conn: Connection, integration_id: str, values: dict[str, Any]) -> None:
    conn.execute(
        update(integration_state).where(_STATE.integration_id == integration_id).values(**values)
    )
