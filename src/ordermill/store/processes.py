"""The processes over one database: who is alive, and who has how many of the leases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, delete, func, insert, select, update

from ordermill.store.leases import clock, held
from ordermill.store.tables import integration_state, processes

_STATE, _PROCESS = integration_state.c, processes.c


@dataclass(frozen=True, slots=True)
class Burden:
    """How many leases one process holds, how many all hold, and how many processes there are."""

    mine: int
    all: int
    processes: int

    @property
    def beyond(self) -> int:
        """How many it has more than an equal share, rounded up."""
        return max(self.mine - -(-self.all // max(self.processes, 1)), 0)


def alive(conn: Connection, owner: str, ttl: timedelta, *, now: datetime) -> Burden:
    """Note that ``owner`` is alive; what it bears beside those who were heard of within ``ttl``."""
    at = clock(conn, now)
    noted = update(processes).where(_PROCESS.owner == owner).values(seen_at=at)
    if conn.execute(noted).rowcount == 0:
        conn.execute(insert(processes).values(owner=owner, seen_at=at))
    fresh = select(func.count()).where(_PROCESS.seen_at > clock(conn, now, -ttl))
    mine = func.coalesce(func.sum(case((_STATE.lease_owner == owner, 1), else_=0)), 0)
    leased = conn.execute(select(mine, func.count()).where(held(conn, now))).one()
    return Burden(leased[0], leased[1], conn.execute(fresh).scalar_one())


def gone(conn: Connection, owner: str) -> None:
    """It has ended in order."""
    conn.execute(delete(processes).where(_PROCESS.owner == owner))


def forget(conn: Connection, *, before: datetime) -> None:
    """Delete those that died."""
    conn.execute(delete(processes).where(_PROCESS.seen_at < before))
