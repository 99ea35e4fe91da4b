"""Leases: which process reads which shop. A fencing token makes a zombie's writes impossible.

Lease times are of the database's clock on PostgreSQL, so that the clocks of several machines may
differ; what is due is judged by the caller's ``now``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    update,
)

from ordermill.errors import LeaseLost
from ordermill.store.hints import MOST_TRIES
from ordermill.store.state import (
    AUTH,
    COLUMNS,
    NOT_PAUSED,
    IntegrationState,
    due_at,
    moment,
    paused_at,
    state_of,
)
from ordermill.store.tables import hints, integration_state, integrations, sync_runs
from ordermill.store.types import Moment

_STATE = integration_state.c

INCREMENTAL, SWEEP = "incremental", "sweep"
BACKFILL, RECONCILE = "backfill", "reconcile"
# Runs that somebody asked for: they wait in the table until they are done, over every restart.
ASKED_FOR = frozenset({BACKFILL, RECONCILE})
ANY_WORK = frozenset({INCREMENTAL, SWEEP}) | ASKED_FOR


# Made once: it is asked in every page's transaction, and making it took longer than asking it.
_FENCE = {
    dialect: select(_STATE.integration_id)
    .where(
        _STATE.integration_id == bindparam("id"),
        _STATE.lease_token == bindparam("token"),
        _STATE.lease_owner == bindparam("owner"),
        _STATE.lease_until > at,
    )
    .with_for_update()
    for dialect, at in (
        ("sqlite", bindparam("now", type_=Moment)),
        ("postgresql", func.clock_timestamp()),
    )
}


@dataclass(frozen=True, slots=True)
class Claim:
    """An integration that is ours for now. ``token`` grows with every claim of it; ``taken_over``:
    another owner held it and let it expire. ``state`` is as it was when it was claimed."""

    integration_id: str
    handle: str
    owner: str
    token: int
    taken_over: bool
    state: IntegrationState


def claim(
    conn: Connection,
    owner: str,
    ttl: timedelta,
    handles: Sequence[str],
    *,
    now: datetime,
    limit: int,
    modes: Set[str] = ANY_WORK,
) -> list[Claim]:
    """Lease at most ``limit`` of ``handles`` that are due, the ones asked for first.

    Only work of ``modes`` counts: who does nothing else would claim the same ones again and again.
    One query when nothing is due. Rows that another process is claiming are passed over.
    """
    rows = conn.execute(_due(conn, handles, now, modes).limit(limit)).all()
    if not rows:
        return []
    _take(conn, owner, ttl, [row.integration_id for row in rows], now)
    rested = [row.integration_id for row in rows if _pause_ended(row, now)]
    if rested:
        conn.execute(
            update(integration_state).where(_STATE.integration_id.in_(rested)).values(**NOT_PAUSED)
        )
    return [_claimed(row, owner, now) for row in rows]


def seize(
    conn: Connection, owner: str, ttl: timedelta, handle: str, *, now: datetime
) -> Claim | None:
    """Lease one integration though nothing is due and whatever its pause; None while another
    process has it."""
    query = _LEASES.where(integrations.c.handle == handle, _free(conn, now)).with_for_update(
        skip_locked=True, of=integration_state
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    _take(conn, owner, ttl, [row.integration_id], now)
    return _claimed(row, owner, now)


def renew(
    conn: Connection, owner: str, ttl: timedelta, integration_ids: Iterable[str], *, now: datetime
) -> set[str]:
    """Extend the leases of these that ``owner`` still holds; the integration ids of those.

    Only what is being worked on may be named: a lease that could not be given back, or was taken
    without its owner's learning so, ends by itself.
    """
    mine = (
        select(_STATE.integration_id)
        .where(
            _STATE.lease_owner == owner,
            _STATE.lease_until > clock(conn, now),
            _STATE.integration_id.in_(list(integration_ids)),
        )
        .order_by(_STATE.integration_id)  # who locks several does it in one order
        .with_for_update()
    )
    renewed = conn.execute(
        update(integration_state)
        .where(_STATE.integration_id.in_(mine))
        .values(lease_until=clock(conn, now, ttl))
        .returning(_STATE.integration_id)
    )
    return set(renewed.scalars())


def release(conn: Connection, claim: Claim, *, now: datetime) -> None:
    """Give it back; nothing happens if it is no longer ours."""
    conn.execute(
        update(integration_state).where(_ours(claim)).values(lease_owner=None, lease_until=None)
    )


def fence(conn: Connection, claim: Claim, now: datetime) -> None:
    """Raise LeaseLost unless the lease is ours and unexpired; hold its row until the commit.

    Nobody can take the lease over between this check and the commit.
    """
    asked = {"id": claim.integration_id, "token": claim.token, "owner": claim.owner, "now": now}
    if conn.execute(_FENCE[conn.dialect.name], asked).first() is None:
        raise LeaseLost(f"{claim.handle}: the lease has ended or another process has it")


def held(conn: Connection, now: datetime) -> ColumnElement[bool]:
    """Whether some process is working on the integration of the row."""
    return func.coalesce(_STATE.lease_until > clock(conn, now), False)


_LEASES: Select[Any] = select(
    _STATE.integration_id,
    integrations.c.handle,
    _STATE.lease_owner,
    _STATE.lease_token,
    *COLUMNS,
).join_from(integration_state, integrations)


def _free(conn: Connection, now: datetime) -> ColumnElement[bool]:
    return or_(_STATE.lease_until.is_(None), _STATE.lease_until <= clock(conn, now))


def _take(conn: Connection, owner: str, ttl: timedelta, ids: Sequence[str], now: datetime) -> None:
    conn.execute(
        update(integration_state)
        .where(_STATE.integration_id.in_(ids))
        .values(
            lease_owner=owner,
            lease_until=clock(conn, now, ttl),
            lease_token=_STATE.lease_token + 1,
        )
    )


def _due(conn: Connection, handles: Sequence[str], now: datetime, modes: Set[str]) -> Select[Any]:
    asked = _STATE.sync_requested_at.is_not(None) if INCREMENTAL in modes else false()
    paused = paused_at(now)
    by_person = and_(paused, _STATE.paused_by != AUTH)
    waiting = and_(_STATE.backoff_until.is_not(None), _STATE.backoff_until > now)
    work = or_(_asked_for(ASKED_FOR & modes), *_by_itself(modes, now))
    return (
        _LEASES.where(integrations.c.handle.in_(handles), integrations.c.is_active)
        .where(
            _free(conn, now), not_(by_person), or_(asked, and_(not_(paused), not_(waiting), work))
        )
        .order_by(_STATE.sync_requested_at.is_(None), _STATE.poll_due_at)
        .with_for_update(skip_locked=True, of=integration_state)
    )


def _sweep_due(now: datetime) -> ColumnElement[bool]:
    """Only after a first complete poll: before it everything would differ."""
    return and_(integrations.c.sweeps, _STATE.caught_up, due_at(_STATE.sweep_due_at, now))


def _by_itself(modes: Set[str], now: datetime) -> Iterator[ColumnElement[bool]]:
    """What falls due without anybody's asking."""
    if INCREMENTAL in modes:
        yield due_at(_STATE.poll_due_at, now)
        yield _hint_due(now)
    if SWEEP in modes:
        yield _sweep_due(now)


def _asked_for(modes: Set[str]) -> ColumnElement[bool]:
    run = sync_runs.c
    mine = run.integration_id == _STATE.integration_id
    return exists().where(mine, run.finished_at.is_(None), run.mode.in_(modes))


def _hint_due(now: datetime) -> ColumnElement[bool]:
    mine = hints.c.integration_id == _STATE.integration_id
    return exists().where(mine, hints.c.due_at <= now, hints.c.tries < MOST_TRIES)


def _ours(claim: Claim) -> ColumnElement[bool]:
    return and_(
        _STATE.integration_id == claim.integration_id,
        _STATE.lease_token == claim.token,
        _STATE.lease_owner == claim.owner,
    )


def clock(
    conn: Connection, now: datetime, plus: timedelta = timedelta()
) -> ColumnElement[datetime]:
    """The time by which leases are judged, and so much more."""
    if conn.dialect.name == "sqlite":
        return moment(now + plus)
    return func.clock_timestamp() + plus


def _pause_ended(row: Any, now: datetime) -> bool:
    return row.paused_until is not None and row.paused_until <= now


def _claimed(row: Any, owner: str, now: datetime) -> Claim:
    state = state_of(row)
    return Claim(
        integration_id=row.integration_id,
        handle=row.handle,
        owner=owner,
        token=row.lease_token + 1,
        taken_over=row.lease_owner not in (None, owner),
        state=state.unpaused() if _pause_ended(row, now) else state,
    )
