"""`keys`: those of the Orders API that are kept in the database, beside a running daemon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import typer

from ordermill.daemon import now, open_database, read_settings
from ordermill.errors import ConfigError
from ordermill.settings import Settings
from ordermill.store import keys
from ordermill.store.database import Database
from ordermill.store.keys import StoredKey


def create_key(path: Path, name: str, scope: str, entities: Sequence[str]) -> None:
    """Print a new key, alone on its line; what must be known of it goes to standard error."""
    settings = read_settings(path)
    unknown = [handle for handle in entities if handle not in settings.entities]
    if unknown or not name.strip():
        known = ", ".join(settings.entities) or "none"
        raise ConfigError(
            f"no entity {', '.join(unknown)} in the file; there are: {known}"
            if unknown
            else "a key needs a name"
        )
    with opened(settings) as database, database.write() as conn:
        key = keys.create(conn, name, scope, entities, now=now())
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


def line(key: StoredKey) -> str:
    """Prefix, name, scope, entities, and when it was made, used and revoked."""
    revoked = f"revoked {_day(key.revoked_at)}" if key.revoked_at else "live"
    used = f"used {_day(key.last_used_at)}" if key.last_used_at else "never used"
    entities = ",".join(key.entities) or "all"
    return f"{key.prefix}  {key.scope:<5}  {entities}  {revoked}  {used}  {key.name}"


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    try:
        yield database
    finally:
        database.close()


def _day(at: datetime) -> str:
    return at.strftime("%Y-%m-%d")
