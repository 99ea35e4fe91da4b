"""PostgreSQL: sessions with limits, locks by name, and the search index where it can be made."""

from __future__ import annotations

import zlib

import structlog
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

log = structlog.get_logger()

# Set after connecting, not as a start parameter: PgBouncer refuses unknown ones.
SESSION = {
    "TimeZone": "UTC",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "default_transaction_isolation": "read committed",
}
SEARCH_INDEX = "ix_orders_search_text"


def engine_for(url: URL) -> Engine:
    """A pooled engine by psycopg 3; a connection that broke is noticed when it is taken."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_size=8,
        max_overflow=24,
        pool_timeout=10,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": 10,
            "application_name": "ordermill",
            "keepalives_idle": 30,
        },
    )
    event.listen(engine, "connect", _prepare)
    return engine


def lock(conn: Connection, name: str) -> None:
    """Wait for the lock of that name; it ends with the transaction."""
    conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": zlib.crc32(name.encode())})


def without_limits(conn: Connection) -> None:
    """For this transaction: a migration may take as long as it takes."""
    conn.exec_driver_sql("SET LOCAL statement_timeout = 0")
    conn.exec_driver_sql("SET LOCAL lock_timeout = 0")


def wait_at_most(conn: Connection, seconds: float) -> None:
    """For the rest of this transaction: no lock is waited for longer."""
    milliseconds = max(1, int(seconds * 1000))
    conn.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")


def limit(conn: Connection, seconds: float) -> None:
    """For this transaction: no statement takes longer."""
    milliseconds = max(1, int(seconds * 1000))
    conn.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")


def trial(conn: Connection) -> None:
    """Need as much room as a page of orders may, and give it back."""
    conn.exec_driver_sql(
        "CREATE TEMPORARY TABLE ordermill_trial ON COMMIT DROP AS "
        "SELECT md5(n::text) FROM generate_series(1, 20000) n"
    )


def make_search_index(conn: Connection) -> None:
    """The trigram index of the search; where the extension cannot be had the search scans."""
    available = text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
    if conn.execute(available).first() is None:
        return
    try:
        with conn.begin_nested():
            conn.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            conn.exec_driver_sql(
                f"CREATE INDEX IF NOT EXISTS {SEARCH_INDEX} ON orders "
                "USING gin (search_text gin_trgm_ops)"
            )
    except DBAPIError as error:
        log.warning("search_index_not_made", code=getattr(error.orig, "sqlstate", None))


def _prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for name, value in SESSION.items():
        cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
    cursor.close()
    connection.commit()
