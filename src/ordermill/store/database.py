"""The one door to the database: transactions, its schema's version, the scheduler's lock."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, func, inspect, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from ordermill.errors import (
    ConfigError,
    SchemaOutdated,
    SchemaTooNew,
    StoreBusy,
    StoreError,
    StoreUnavailable,
    StoreUnwritable,
    TooSlow,
)
from ordermill.store import postgres, sqlite
from ordermill.store.failures import translated
from ordermill.store.migrations import HEAD, REVISIONS
from ordermill.store.tables import integration_state
from ordermill.store.watch import PostgresWatch, SqliteWatch, Watch

POSTGRES_SCHEMES = {"postgres", "postgresql", "postgresql+psycopg"}
RETRIED = ("busy", "unavailable")  # why a transaction was given up, to be tried again


class Database:
    """A database of either kind. Thread-safe; transactions are not shared between threads.

    Inside ``read`` and ``write`` every error of a driver leaves as a StoreError whose text holds no
    row, no statement and no address; the transaction is rolled back then, as after any exception.
    """

    def __init__(self, engine: Engine, file: Path | None) -> None:
        self._file = file
        self._engine = engine
        self._readers = engine.execution_options(**_READS[engine.dialect.name])
        self._snapshots = engine.execution_options(**_SNAPSHOTS[engine.dialect.name])
        self._writers = engine.execution_options(**{sqlite.WRITES: True})
        self._writing = threading.Lock()
        self._unwritable = self._closed = False
        self._counting = threading.Lock()
        self._retried = dict.fromkeys(RETRIED, 0)
        self._driver_errors = _driver_errors(engine.dialect.name)
        self._watch: Watch = (
            PostgresWatch(engine) if file is None else SqliteWatch(partial(sqlite.connect, file))
        )

    @classmethod
    def open(cls, url: str) -> Self:
        """The database at ``url``; nothing is connected or created yet. Raise ConfigError if the
        URL is of another kind; its text is not repeated, for it may hold a password."""
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            raise ConfigError(f"database_url is no URL; write {_FORMS}") from None
        if parsed.drivername == "sqlite":
            file = sqlite.file_of(parsed)
            return cls(sqlite.engine_for(file), file)
        if parsed.drivername in POSTGRES_SCHEMES:
            return cls(postgres.engine_for(parsed), None)
        raise ConfigError(f"database_url: {parsed.drivername} is not supported; write {_FORMS}")

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    @property
    def file(self) -> Path | None:
        """The SQLite file, else None."""
        return self._file

    def connections(self) -> tuple[int, int]:
        """How many of the pool are in use, and how many wait in it."""
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        return pool.checkedout(), pool.checkedin()

    def retried(self) -> dict[str, int]:
        """How many transactions changed nothing and are tried again, by reason (RETRIED)."""
        with self._counting:
            return dict(self._retried)

    @contextmanager
    def read(self, *, seconds: float | None = None) -> Iterator[Connection]:
        """A transaction that only reads; it sees one state of an SQLite file throughout.

        With ``seconds`` a statement that takes longer is ended: TooSlow. (On SQLite that is counted
        for the whole transaction.)
        """
        with self._transaction(self._readers) as conn, self._limited(conn, seconds):
            yield conn

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction that only reads and sees one state throughout, however long it takes."""
        with self._transaction(self._snapshots) as conn:
            if self._file is None:
                postgres.without_limits(conn)
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes: committed at the end, rolled back by any exception.

        Never open one inside another: on SQLite the second waits for the first and then raises
        StoreBusy.
        """
        if self._file is None:
            with self._transaction(self._writers) as conn:
                yield conn
            return
        if not self._writing.acquire(timeout=sqlite.BUSY_SECONDS):
            self._count("busy")
            raise StoreBusy("another thread was writing for too long; trying again helps")
        try:
            with self._transaction(self._writers) as conn:
                yield conn
        finally:
            self._writing.release()

    @contextmanager
    def rehearsal(self) -> Iterator[Connection]:
        """A transaction that writes like ``write`` and is rolled back at its end, whatever came."""
        with self.write() as conn:
            try:
                yield conn
            finally:
                conn.rollback()

    def clock(self, conn: Connection) -> datetime:
        """The database's clock, the same for every process: on SQLite this machine's."""
        if self._file is not None:
            return datetime.now(UTC)
        at: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
        return at.astimezone(UTC)

    @contextmanager
    def lock_scheduler(self) -> Iterator[None]:
        """Be the only scheduler of an SQLite file while inside, or raise StoreLocked.

        The leases of a process that died are cleared at once, for it cannot be alive. On PostgreSQL
        any number of processes schedule and nothing is locked.
        """
        if self._file is None:
            yield
            return
        with sqlite.locked(self._file):
            with self.write() as conn:
                held = integration_state.c.lease_owner.is_not(None)
                conn.execute(
                    update(integration_state).where(held).values(lease_owner=None, lease_until=None)
                )
            yield

    def token(self) -> object | None:
        """Equal to an earlier one only if nothing was committed in between, by whomever; None where
        it cannot be had."""
        return self._watch.token()

    def revision(self) -> str | None:
        """The schema's revision, None if there is no database or it is empty."""
        if self._file is not None and not self._file.exists():
            return None
        with self.read() as conn:
            return _revision(conn)

    def check_schema(self) -> None:
        """Raise SchemaOutdated or SchemaTooNew if the schema is not this program's."""
        _check(self.revision())

    def check_writable(self) -> None:
        """Raise StoreUnwritable from a write that failed for want of room or permission on, until a
        trial of some size succeeds. Without such a failure nothing is tried."""
        if self._unwritable:
            with self.write() as conn:
                (postgres if self._file is None else sqlite).trial(conn)
            self._unwritable = False

    def upgrade(self) -> bool:
        """Bring the schema to this program's; False if it was there. Raise SchemaTooNew.

        One transaction: a killed upgrade leaves the old schema. Of several processes that upgrade
        at once one does the work and the others wait.
        """
        if self._file is not None:
            sqlite.create_file(self._file)
        elif self.revision() == HEAD:
            self._make_search_index()
            return False
        if self.revision() == HEAD:
            return False
        with self.write() as conn:
            if self._file is None:
                postgres.without_limits(conn)
                postgres.lock(conn, "ordermill schema")
            before = _revision(conn)
            _refuse_newer(before)
            if before != HEAD:
                _migrate(conn)
        if self._file is None:
            self._make_search_index()
        return before != HEAD

    def close(self) -> None:
        """Close every connection; whoever comes later gets StoreUnavailable and opens none."""
        self._closed = True
        self._watch.close()
        self._engine.dispose()

    def _make_search_index(self) -> None:
        with self.write() as conn:
            postgres.without_limits(conn)
            postgres.lock(conn, "ordermill schema")
            postgres.make_search_index(conn)

    @contextmanager
    def _limited(self, conn: Connection, seconds: float | None) -> Iterator[None]:
        if seconds is None:
            yield
        elif self._file is not None:
            with sqlite.limited(conn, seconds):
                yield
        else:
            postgres.limit(conn, seconds)
            yield

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        if self._closed:
            raise StoreUnavailable("this process has closed the database")
        try:
            with engine.begin() as conn:
                yield conn
        except PoolTimeout:
            self._count("busy")
            raise StoreBusy("every database connection is in use; trying again helps") from None
        except self._driver_errors as error:
            meant = translated(error)
            # A flag alone: a small write may find room where the next page of orders does not.
            self._unwritable |= isinstance(meant, StoreUnwritable)
            if isinstance(meant, StoreUnavailable):
                self._count("unavailable")
            elif isinstance(meant, StoreBusy) and not isinstance(meant, TooSlow):
                self._count("busy")
            raise meant from None

    def _count(self, reason: str) -> None:
        with self._counting:
            self._retried[reason] += 1


_FORMS = "sqlite:///path/to/file.db or postgresql://user:password@host:5432/name"
_READS: dict[str, dict[str, bool]] = {
    "sqlite": {sqlite.WRITES: False},
    "postgresql": {"postgresql_readonly": True},
}
_SNAPSHOTS: dict[str, dict[str, Any]] = {
    "sqlite": _READS["sqlite"],  # a reader of WAL sees one state anyway
    "postgresql": {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"},
}


def _driver_errors(dialect: str) -> tuple[type[Exception], ...]:
    if dialect == "sqlite":
        return (DBAPIError, sqlite3.Error)
    import psycopg

    return (DBAPIError, psycopg.Error)  # COPY speaks to the driver itself


def _revision(conn: Connection) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    found: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _check(revision: str | None) -> None:
    _refuse_newer(revision)
    if revision is None:
        raise SchemaOutdated("there is no ordermill database yet: run `ordermill db upgrade`")
    if revision != HEAD:
        raise SchemaOutdated(
            f"the database has schema {revision}, this ordermill needs {HEAD}: "
            "run `ordermill db upgrade`"
        )


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision not in REVISIONS:
        raise SchemaTooNew(
            f"the database has schema {revision}, newer than this ordermill's {HEAD}: "
            "install the newer ordermill again"
        )


def _migrate(conn: Connection) -> None:
    from ordermill.store.migrations.run import to_head  # alembic takes seconds to import

    try:
        to_head(conn)
    except ImportError as error:
        raise StoreError(f"the migrations cannot be loaded: {error.name}") from None
