"""Runs: what each pass over a shop did, page by page, and where a backfill goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import (
    Connection,
    Integer,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from ordermill.errors import NotFound
from ordermill.store.leases import BACKFILL, RECONCILE, Claim
from ordermill.store.tables import integration_state, sync_runs

INTERRUPTED = "interrupted"
OUTCOMES = ("created", "updated", "unchanged", "stale", "rejected")

_RUN = sync_runs.c


class HasOutcome(Protocol):
    @property
    def outcome(self) -> str: ...


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A pass over a shop. ``mode``: incremental, sweep, backfill or reconcile. ``result``: success,
    partial (it failed after some pages, which stay), failure, interrupted (its process died); None
    while it is open. ``total`` is what the shop said there is, ``cost`` is in the shop's points,
    ``report`` is a reconcile's, JSON."""

    id: int
    integration_id: str
    mode: str
    requested_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    result: str | None
    since: datetime | None
    until: datetime | None
    cursor: str | None
    bookmark_before: datetime | None
    bookmark_after: datetime | None
    pages: int
    fetched: int
    total: int | None
    created: int
    updated: int
    unchanged: int
    stale: int
    rejected: int
    gone: int
    cost: float
    error: str | None
    error_class: str | None
    report: str | None


_COLUMNS = tuple(_RUN[field.name] for field in fields(StoredRun))


def start(
    conn: Connection,
    claim: Claim,
    mode: str,
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    bookmark: datetime | None = None,
) -> int:
    """Open a run; its id. Runs that an earlier claim left open are closed as interrupted, but not
    those that were asked for, which go on or begin again."""
    left_open = (
        _RUN.integration_id == claim.integration_id,
        _RUN.finished_at.is_(None),
        _RUN.lease_token < claim.token,
    )
    conn.execute(update(sync_runs).where(*left_open).values(finished_at=now, result=INTERRUPTED))
    conn.execute(
        update(integration_state)
        .where(integration_state.c.integration_id == claim.integration_id)
        .values(last_attempt_at=now)
    )
    return _insert(
        conn,
        integration_id=claim.integration_id,
        mode=mode,
        lease_token=claim.token,
        started_at=now,
        since=since,
        until=until,
        bookmark_before=bookmark,
    )


def ask_backfill(
    conn: Connection,
    integration_id: str,
    since: datetime | None,
    until: datetime | None,
    *,
    now: datetime,
) -> int:
    """Open a backfill that waits to be read; the id of the one that is open for the same window."""
    for run in _open(conn, integration_id, BACKFILL):
        if (run.since, run.until) == (since, until):
            return run.id
    return _insert(
        conn,
        integration_id=integration_id,
        mode=BACKFILL,
        requested_at=now,
        started_at=now,
        since=since,
        until=until,
    )


def ask_reconcile(conn: Connection, integration_id: str, *, now: datetime) -> int:
    """Open a reconcile that waits to be run; the id of the one that waits already."""
    for run in _open(conn, integration_id, RECONCILE):
        return run.id
    return _insert(
        conn, integration_id=integration_id, mode=RECONCILE, requested_at=now, started_at=now
    )


def reported(conn: Connection, run_id: int, report: str, total: int) -> None:
    """Keep what a reconcile has found so far, and how many orders the shop says there are."""
    _set(conn, run_id, report=report, total=total)


def page_stored(
    conn: Connection,
    run_id: int,
    *,
    cursor: str | None,
    ingested: Iterable[HasOutcome],
    fetched: int,
    cost: float,
    total: int | None,
) -> None:
    """Count one page in its own transaction.

    Without a ``cursor`` (the last page) the one before is kept: a backfill that is killed between
    its last page and its end then reads one page again and not everything.
    """
    counts = Counter(one.outcome for one in ingested)
    more = {f"more_{name}": counts[name] for name in OUTCOMES}
    told = {"run": run_id, "to": cursor, "of": total, "more_fetched": fetched, "more_cost": cost}
    conn.execute(_COUNT, told | more)


# Made once: it is asked with every page.
_COUNT = (
    update(sync_runs)
    .where(_RUN.id == bindparam("run"))
    .values(
        pages=_RUN.pages + 1,
        cursor=func.coalesce(bindparam("to", type_=Text), _RUN.cursor),
        total=func.coalesce(bindparam("of", type_=Integer), _RUN.total),
        **{name: _RUN[name] + bindparam(f"more_{name}") for name in (*OUTCOMES, "fetched", "cost")},
    )
)


def gone(conn: Connection, run_id: int, n: int) -> None:
    """Count orders that were found gone from the shop."""
    _set(conn, run_id, gone=_RUN.gone + n)


def finish(
    conn: Connection,
    run_id: int,
    result: str,
    *,
    now: datetime,
    error: Exception | None = None,
) -> None:
    """Close it with where the bookmark stands; one that is closed stays as it was."""
    bookmark = (
        select(integration_state.c.bookmark)
        .where(integration_state.c.integration_id == _RUN.integration_id)
        .scalar_subquery()
    )
    conn.execute(
        update(sync_runs)
        .where(_RUN.id == run_id, _RUN.finished_at.is_(None))
        .values(finished_at=now, result=result, bookmark_after=bookmark, **_told(error))
    )


def trouble(conn: Connection, run_id: int, error: Exception) -> None:
    """Say why a run that was asked for rests; it stays open and goes on later."""
    _set(conn, run_id, **_told(error))


def unfinished(conn: Connection, integration_id: str, mode: str) -> StoredRun | None:
    """The oldest open run of the mode."""
    return next(iter(_open(conn, integration_id, mode)), None)


def get(conn: Connection, run_id: int) -> StoredRun:
    """The run; raise NotFound."""
    row = conn.execute(select(*_COLUMNS).where(_RUN.id == run_id)).one_or_none()
    if row is None:
        raise NotFound(f"no run {run_id}")
    return StoredRun(*row)


def last(conn: Connection, integration_id: str, limit: int = 10) -> list[StoredRun]:
    """The newest runs of an integration, the newest first."""
    query = (
        select(*_COLUMNS)
        .where(_RUN.integration_id == integration_id)
        .order_by(_RUN.id.desc())
        .limit(limit)
    )
    return [StoredRun(*row) for row in conn.execute(query)]


def recent(conn: Connection, limit: int = 20) -> list[StoredRun]:
    """The newest runs of all integrations, the newest first."""
    query = select(*_COLUMNS).order_by(_RUN.id.desc()).limit(limit)
    return [StoredRun(*row) for row in conn.execute(query)]


def prune(conn: Connection, *, before: datetime) -> int:
    """Forget runs that ended before that time; how many. Their orders and versions stay."""
    return conn.execute(delete(sync_runs).where(_RUN.finished_at < before)).rowcount


def _open(conn: Connection, integration_id: str, mode: str) -> list[StoredRun]:
    query = (
        select(*_COLUMNS)
        .where(_RUN.integration_id == integration_id, _RUN.finished_at.is_(None), _RUN.mode == mode)
        .order_by(_RUN.id)
    )
    return [StoredRun(*row) for row in conn.execute(query)]


def _insert(conn: Connection, **values: Any) -> int:
    made: int = conn.execute(insert(sync_runs).values(**values).returning(_RUN.id)).scalar_one()
    return made


def _set(conn: Connection, run_id: int, **values: Any) -> None:
    conn.execute(update(sync_runs).where(_RUN.id == run_id).values(**values))


def _told(error: Exception | None) -> dict[str, str | None]:
    if error is None:
        return {"error": None, "error_class": None}
    text = str(error) or "stopped before its end"
    return {"error": text, "error_class": getattr(error, "error_class", None)}
