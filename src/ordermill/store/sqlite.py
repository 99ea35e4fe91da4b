"""SQLite: the file, its modes, its lock, and connections that begin as they should.

One process schedules on a file. Others may read it and write a little; a writer waits for the one
before it, first in this process (a lock, so that no thread starves), then in SQLite.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from ordermill.errors import ConfigError, StoreError, StoreLocked

BUSY_SECONDS = 10
WRITES = "ordermill_writes"  # the execution option of connections that begin as writers
CASEFOLD = "ordermill_casefold"  # SQLite's own lower() knows ASCII alone
_OLDEST = (3, 35, 0)  # RETURNING
STEPS = 20_000  # of SQLite's machine between two looks at the clock: some hundred microseconds

_ON_CONNECT = (
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -16000",
)


def file_of(url: URL) -> Path:
    """The file of a ``sqlite:///path`` URL; relative paths start at the working directory. A link
    to it is the file itself, so that its lock is one and a restore replaces what is linked to."""
    if not url.database or url.database == ":memory:" or url.query:
        raise ConfigError("database_url: write sqlite:///path/to/file.db, a file and nothing else")
    return Path(url.database).resolve()


def engine_for(file: Path) -> Engine:
    """An engine on the file; connecting fails where there is none."""
    if sqlite3.sqlite_version_info < _OLDEST:
        raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old; 3.35 or newer is needed")
    engine = create_engine(
        "sqlite://",
        creator=partial(connect, file),
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=-1,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def address(file: Path, mode: str) -> str:
    """How SQLite is told of a file: ``ro`` only reads, ``rw`` creates none."""
    return f"{file.as_uri()}?mode={mode}"


def connect(file: Path) -> sqlite3.Connection:
    """A connection to the file; it fails where there is none."""
    return sqlite3.connect(
        address(file, "rw"),
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_SECONDS,
    )


def create_file(file: Path) -> None:
    """Make the file (0600) and the folders that are missing (0700). Harmless when they exist.

    SQLite gives its -wal and -shm files the mode of the file. One that exists is not opened: with
    its close this process would lose every lock that SQLite holds on it.
    """
    make_folders(file)
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreError(f"cannot write {file}: {error.strerror}") from None


def make_folders(file: Path) -> None:
    """Make the folders of the file that are missing (0700)."""
    try:
        for folder in reversed(file.parents):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {file}: {error.strerror}") from None


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the scheduler's lock, gone with the process; raise StoreLocked if another holds it."""
    beside = file.with_name(file.name + ".lock")
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(f"cannot write {beside}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreLocked(
                f"another process schedules on {file}. Ask it instead, at its admin address: "
                "POST /integrations/{handle}/sync, /backfill or /reconcile; or stop it first"
            ) from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def limited(conn: Connection, seconds: float) -> Iterator[None]:
    """End the statement that is running when ``seconds`` have passed; SQLite has no such setting
    of its own."""
    driver = conn.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    end = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > end, STEPS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


def trial(conn: Connection) -> None:
    """Need as much room as a page of orders may, and give it back."""
    conn.exec_driver_sql("CREATE TABLE ordermill_trial (bytes BLOB)")
    conn.exec_driver_sql("INSERT INTO ordermill_trial VALUES (zeroblob(1048576))")
    conn.exec_driver_sql("DROP TABLE ordermill_trial")


def _prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    connection.create_function(CASEFOLD, 1, _casefold, deterministic=True)
    cursor = connection.cursor()
    for statement in _ON_CONNECT:
        cursor.execute(statement)
    cursor.close()


def _casefold(value: str | None) -> str | None:
    return None if value is None else value.casefold()


def _begin(conn: Connection) -> None:
    # A writer that begins deferred and writes after a read gets SQLITE_BUSY at once, not a wait.
    writes = conn.get_execution_options().get(WRITES, False)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")
