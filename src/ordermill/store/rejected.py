"""Orders that could not be read: kept raw, counted and shown until they can be."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Delete, bindparam, delete, func, select

from ordermill.errors import MalformedOrder
from ordermill.store.bulk import among_given, upsert
from ordermill.store.rows import payload_text
from ordermill.store.tables import rejected_orders

_NAMES = (
    "integration_id", "source_id", "reason", "payload", "first_seen_at", "last_seen_at", "times",
)  # fmt: skip


def keep(
    conn: Connection,
    integration_id: str,
    rejected: Sequence[tuple[MalformedOrder, bytes]],
    now: datetime,
) -> None:
    """Keep each with its payload as it came; one that is known already is counted again."""
    rows = {
        error.source_id: (
            integration_id, error.source_id, error.reason, payload_text(payload), now, now, 1,
        )
        for error, payload in rejected
    }  # fmt: skip
    upsert(
        conn,
        rejected_orders,
        _NAMES,
        list(rows.values()),
        key=("integration_id", "source_id"),
        update=("reason", "payload", "last_seen_at"),
        expressions=(("times", "rejected_orders.times + 1"),),
    )


def readable_again(conn: Connection, integration_id: str, source_ids: Collection[str]) -> None:
    """Strike those that were read after all."""
    if source_ids:
        given = {"integration": integration_id, "source_ids": list(source_ids)}
        conn.execute(_strike(conn.dialect.name), given)


@cache
def _strike(dialect: str) -> Delete:
    """Made once, for it is asked with every page."""
    return delete(rejected_orders).where(
        rejected_orders.c.integration_id == bindparam("integration"),
        among_given(dialect, rejected_orders.c.source_id, "source_ids"),
    )


@dataclass(frozen=True, slots=True)
class Rejected:
    """A state of an order that could not be read; ``reason`` names the field, never its value."""

    reason: str
    first_seen_at: datetime
    last_seen_at: datetime
    times: int


def of(conn: Connection, integration_id: str, source_id: str) -> Rejected | None:
    """What could not be read of one order; None if all could."""
    table = rejected_orders.c
    row = conn.execute(
        select(table.reason, table.first_seen_at, table.last_seen_at, table.times).where(
            table.integration_id == integration_id, table.source_id == source_id
        )
    ).one_or_none()
    return None if row is None else Rejected(*row)


def counts(conn: Connection) -> dict[str, int]:
    """How many there are, by integration id."""
    column = rejected_orders.c.integration_id
    return {key: n for key, n in conn.execute(select(column, func.count()).group_by(column))}
