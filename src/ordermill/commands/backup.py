"""`backup` and `restore`: a copy of a live SQLite file, and putting one back without doing twice
what was done after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from ordermill.commands.verify import Verified
from ordermill.commands.words import shown
from ordermill.daemon import now, open_database, read_settings
from ordermill.errors import SchemaOutdated, StoreError
from ordermill.settings import Settings
from ordermill.store import backup, books, restores, sqlite
from ordermill.store.carry import Carried, NotCarried, carry
from ordermill.store.database import Database

OK, FAILED = 0, 1
POSTGRESQL = """\
this database is PostgreSQL, which has tools of its own; give them the values of database_url:
  back up    pg_dump --format=custom --file=FILE DATABASE
  put back   stop every ordermill, then
             pg_restore --clean --if-exists --single-transaction --dbname=DATABASE FILE
             ordermill restore --mark --skip-numbers N"""
UNKNOWN = """\
What was issued after the backup is not known: {why}.
The backup knows everything up to {newest} UTC. Say how many numbers to pass over in every series,
at least as many as documents may have been issued since: --skip-numbers N. Nothing is then billed
by itself until `ordermill restore --resume`. If nothing was issued since: --skip-numbers 0"""
HELD = """\
every series goes on {count} numbers later, and nothing is billed by itself:
  `ordermill sync --dry-run` shows what would be; cancel there what was billed before (see
  docs/operations.md), then `ordermill restore --resume`"""


def write_backup(path: Path, target: Path) -> int:
    """Copy the live file; nothing is overwritten."""
    file = file_of(read_settings(path))
    if file is None:
        typer.echo(POSTGRESQL, err=True)
        return FAILED
    backup.copy(file, target.absolute())
    typer.echo(f"{target}: {target.stat().st_size} bytes")
    return OK


def restore(path: Path, source: Path, *, skip: int | None, despite_findings: bool) -> int:
    """Put a backup in the place of the present file, which stays beside it; nothing is changed
    unless all of it succeeds."""
    file = file_of(read_settings(path))
    if file is None:
        typer.echo(POSTGRESQL, err=True)
        return FAILED
    sqlite.make_folders(file)
    with sqlite.locked(file), copied(source.absolute(), file) as (copy, database):
        carried = carried_over(copy, file, database, skip)
        if carried is None:
            return FAILED
        if not holds(database) and not despite_findings:
            typer.echo("nothing was changed; --despite-findings restores it as it is", err=True)
            return FAILED
        note(database, source.name, skip if isinstance(carried, NotCarried) else None)
        database.close()
        kept = backup.put_in_place(copy, file, now())
    typer.echo(f"{file}: restored from {source}")
    if kept is not None:
        typer.echo(f"the file that was there is {kept}")
    return OK


def mark(path: Path, *, skip: int | None) -> int:
    """After a backup was put back by other means."""
    if skip is None:
        typer.echo("say how many numbers to pass over: --skip-numbers N", err=True)
        return FAILED
    database = open_database(read_settings(path))
    try:
        with database.lock_scheduler():
            note(database, "put back by other means", skip)
    finally:
        database.close()
    return OK


def resume(path: Path) -> int:
    """Let billing go on after a restore."""
    database = open_database(read_settings(path), upgrade=False)
    try:
        with database.write() as conn:
            resumed = restores.resume(conn, now=now())
    finally:
        database.close()
    typer.echo("billing goes on" if resumed else "billing was not held")
    return OK


def file_of(settings: Settings) -> Path | None:
    """The SQLite file, None for PostgreSQL."""
    database = Database.open(settings.database_url)
    database.close()
    return database.file


@contextmanager
def copied(source: Path, file: Path) -> Iterator[tuple[Path, Database]]:
    """The backup as a copy beside the present file, with this program's schema; gone at the end
    unless it was put in place."""
    if source.exists() and file.exists() and source.samefile(file):
        raise StoreError(f"{source} is the database itself")
    copy = file.with_name(f".{file.name}.restoring")
    remove(copy)
    backup.copy(source, copy)
    database = Database.open(f"sqlite:///{copy}")
    try:
        if database.revision() is None:
            raise SchemaOutdated(f"{source} is no backup of ordermill")
        database.upgrade()
        yield copy, database
    finally:
        database.close()
        remove(copy)


def remove(copy: Path) -> None:
    for suffix in ("", *backup.BESIDE):
        copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def carried_over(
    copy: Path, file: Path, database: Database, skip: int | None
) -> Carried | NotCarried | None:
    """What was billed or done by a person since comes along; where it is not known, why not, and
    None if the person has to say how many numbers to pass over."""
    try:
        carried = carry(copy, file)
    except NotCarried as why:
        if skip is not None:
            return why
        with database.read() as conn:
            newest = restores.newest(conn)
        typer.echo(UNKNOWN.format(why=why, newest=shown(newest)), err=True)
        return None
    with database.write() as conn:
        books.recount(conn)
    if carried.orders:
        typer.echo(
            f"{carried.orders} orders were billed or changed by a person since the backup: they "
            f"came along, with {carried.documents} documents"
        )
    return carried


def holds(database: Database) -> bool:
    """Whether the books hold; findings are printed."""
    verified = Verified(database)
    for finding in verified:
        typer.echo(f"{finding.about}: {finding.what}")
    typer.echo(verified.summary())
    return not verified.found


def note(database: Database, name: str, skip: int | None) -> None:
    """Write the restore down; ``skip`` numbers are passed over, None where all is known."""
    with database.write() as conn:
        restores.mark(conn, name, held=bool(skip), now=now())
        if skip:
            restores.skip_numbers(conn, skip, now=now())
            typer.echo(HELD.format(count=skip))
