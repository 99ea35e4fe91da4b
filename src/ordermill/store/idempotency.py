"""Answers of calls that changed something, kept for whoever sends the same call again.

The record is written in the transaction of the change and nowhere else, so a call that was killed
leaves nothing. Who comes while the first call runs waits for it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, text

from ordermill.store import postgres
from ordermill.store.tables import idempotency


@dataclass(frozen=True, slots=True)
class Kept:
    """The first answer, and a hash of the request that it answers."""

    request_hash: str
    status: int
    body: str


def claim(conn: Connection, entity_id: str, key: str, *, wait: float) -> Kept | None:
    """The answer that is kept, else None; from then on the key is this transaction's.

    On PostgreSQL a call with the same key that runs elsewhere is waited for, ``wait`` seconds at
    most, then StoreBusy. On SQLite the transaction itself is the only writer.
    """
    if conn.dialect.name == "postgresql":
        name = hashlib.blake2b(f"{entity_id}\0{key}".encode(), digest_size=8).digest()
        number = int.from_bytes(name, "big", signed=True)
        postgres.wait_at_most(conn, wait)
        conn.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
    table = idempotency.c
    row = conn.execute(
        select(table.request_hash, table.status, table.body).where(
            table.entity_id == entity_id, table.key == key
        )
    ).one_or_none()
    return None if row is None else Kept(*row)


def keep(conn: Connection, entity_id: str, key: str, kept: Kept, *, now: datetime) -> None:
    """Keep an answer for as long as the database is kept."""
    conn.execute(
        insert(idempotency).values(
            entity_id=entity_id,
            key=key,
            request_hash=kept.request_hash,
            status=kept.status,
            body=kept.body,
            created_at=now,
        )
    )
