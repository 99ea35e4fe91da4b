"""API keys made with `ordermill keys create`: kept as a digest, found by their open prefix.

A key is 256 random bits, so a plain SHA-256 of it tells nothing: there is no word to guess.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from ordermill.errors import NotFound
from ordermill.store.tables import api_keys

_FORM = re.compile(r"(omk_[0-9a-f]{12})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key without itself. ``entities`` are handles; none of them means all."""

    prefix: str
    name: str
    digest: str
    scope: str
    entities: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    expires_at: datetime | None

    def works(self, now: datetime) -> bool:
        """Neither revoked nor past its time: at ``expires_at`` itself it is over."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def create(
    conn: Connection,
    name: str,
    scope: str,
    entities: Sequence[str],
    *,
    now: datetime,
    expires_at: datetime | None = None,
) -> str:
    """A new key, told this once."""
    prefix = f"omk_{secrets.token_hex(6)}"
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    conn.execute(
        insert(api_keys).values(
            prefix=prefix,
            name=name,
            digest=digest_of(key),
            scope=scope,
            entities=json.dumps(list(entities)),
            created_at=now,
            expires_at=expires_at,
        )
    )
    return key


def digest_of(key: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def prefix_of(key: str) -> str | None:
    """The open part of a key of our form; None for others, those of the YAML among them."""
    match = _FORM.fullmatch(key)
    return match[1] if match else None


def find(conn: Connection, prefix: str) -> StoredKey | None:
    """The key with that prefix, revoked ones too."""
    row = conn.execute(select(api_keys).where(api_keys.c.prefix == prefix)).one_or_none()
    return None if row is None else _stored(row)


def listed(conn: Connection) -> list[StoredKey]:
    """Every key that ever was, oldest first."""
    rows = conn.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.prefix))
    return [_stored(row) for row in rows]


def revoke(conn: Connection, prefix: str, *, now: datetime) -> None:
    """End it; a second time changes nothing. Raise NotFound for a prefix that no key has."""
    if find(conn, prefix) is None:
        raise NotFound(f"no key begins with {prefix}")
    mine, alive = api_keys.c.prefix == prefix, api_keys.c.revoked_at.is_(None)
    conn.execute(update(api_keys).where(mine, alive).values(revoked_at=now))


def used(conn: Connection, prefix: str, *, now: datetime) -> None:
    """Note that it was used."""
    conn.execute(update(api_keys).where(api_keys.c.prefix == prefix).values(last_used_at=now))


def _stored(row: object) -> StoredKey:
    names = StoredKey.__slots__
    values = {name: getattr(row, name) for name in names}
    return StoredKey(**(values | {"entities": tuple(json.loads(values["entities"]))}))
