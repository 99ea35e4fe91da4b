"""`keys`: those of the Orders API that are kept in the database, beside a running daemon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import typer

from ordermill.daemon import now, open_database, read_settings
from ordermill.errors import ConfigError
from ordermill.model.integration import ACTORS
from ordermill.settings import Settings
from ordermill.settings.fields import duration
from ordermill.store import keys
from ordermill.store.database import Database
from ordermill.store.keys import StoredKey


def create_key(
    path: Path, name: str, scope: str, entities: Sequence[str], expires_in: str | None
) -> None:
    """Print a new key, alone on its line; what must be known of it goes to standard error."""
    lasts = None if expires_in is None else lasting(expires_in)
    settings = read_settings(path)
    unknown = [handle for handle in entities if handle not in settings.entities]
    if unknown:
        known = ", ".join(settings.entities) or "none"
        raise ConfigError(f"no entity {', '.join(unknown)} in the file; there are: {known}")
    if not name.strip() or name.strip() in ACTORS:
        others = ", ".join(sorted(ACTORS))
        raise ConfigError(f"a key needs a name of its own; the audit trail calls others {others}")
    with opened(settings) as database, database.write() as conn:
        at = now()
        ends = None if lasts is None else at + lasts
        key = keys.create(conn, name, scope, entities, now=at, expires_at=ends)
    typer.echo(key)
    typer.echo("it is shown this once; it works at once, in a running daemon, too", err=True)


def list_keys(path: Path) -> None:
    """A line per key, oldest first."""
    with opened(read_settings(path)) as database, database.read() as conn:
        found = keys.listed(conn)
    for key in found:
        typer.echo(line(key))


def revoke_key(path: Path, prefix: str) -> None:
    """End the key with that prefix."""
    with opened(read_settings(path)) as database, database.write() as conn:
        keys.revoke(conn, prefix, now=now())
    typer.echo(f"{prefix} is revoked")


def lasting(words: str) -> timedelta:
    """How long a key works; ConfigError for what is no time."""
    try:
        time = duration(words)
    except ValueError as error:
        raise ConfigError(f"--expires-in {error}") from None
    if not time:
        raise ConfigError("--expires-in must be more than nothing: 90d")
    return time


def line(key: StoredKey) -> str:
    """Prefix, name, scope, entities, whether it works and until when, and when it was used."""
    used = f"used {_day(key.last_used_at)}" if key.last_used_at else "never used"
    entities = ",".join(key.entities) or "all"
    return f"{key.prefix}  {key.scope:<5}  {entities}  {state(key, now())}  {used}  {key.name}"


def state(key: StoredKey, at: datetime) -> str:
    """`live`, `live until` a day, `expired` or `revoked` since one."""
    if key.revoked_at:
        return f"revoked {_day(key.revoked_at)}"
    if key.expires_at is None:
        return "live"
    return f"{'live until' if key.works(at) else 'expired'} {_day(key.expires_at)}"


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    try:
        yield database
    finally:
        database.close()


def _day(at: datetime) -> str:
    return at.strftime("%Y-%m-%d")
