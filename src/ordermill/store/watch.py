"""Whether anything was committed since: a token that stays equal for as long as nothing was.

SQLite counts commits of other connections (PRAGMA data_version) and the watching connection makes
none; on PostgreSQL the snapshot of running transactions moves with every one that writes. Both cost
a fraction of reading a page, and err on one side only: a token may change although nothing that
matters did.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError


class Watch(Protocol):
    """Thread-safe. ``token`` is None where it cannot be had; it then equals nothing."""

    def token(self) -> object | None: ...

    def close(self) -> None: ...


class SqliteWatch:
    """``connect`` opens a connection of its own."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened = 0

    def token(self) -> object | None:
        with self._guard:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                    self._opened += 1
                version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            except sqlite3.Error:
                self._drop()
                return None
            return self._opened, version  # another connection counts anew

    def close(self) -> None:
        with self._guard:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


class PostgresWatch:
    """Keeps one connection of the pool, without a transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._guard = threading.Lock()
        self._connection: Connection | None = None

    def token(self) -> object | None:
        import psycopg  # a store of SQLite does without

        with self._guard:
            try:
                if self._connection is None:
                    self._connection = self._engine.connect()
                driver = self._connection.connection.driver_connection
                assert isinstance(driver, psycopg.Connection)
                answer = driver.pgconn.exec_(b"SELECT pg_current_snapshot()::text")
                if answer.status != psycopg.pq.ExecStatus.TUPLES_OK:
                    raise psycopg.OperationalError
            except (SQLAlchemyError, psycopg.Error):
                self._drop()
                return None
            return answer.get_value(0, 0)

    def close(self) -> None:
        with self._guard:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                self._connection.invalidate()
                self._connection.close()
            self._connection = None
