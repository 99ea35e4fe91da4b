"""What was done after a backup, carried over from the present file into a copy of the backup.

Issued documents exist whatever a store remembers: a buyer has them. So while the file that a backup
is to replace can still be read, every order that was billed since comes along as it is there, and
no number is lost or given away again. So does every order that a person made, changed, cancelled
or deleted since, through the API: no shop tells that again, and billing would go on against it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ordermill.errors import StoreError
from ordermill.store.events import ORDERMILL, SHOP
from ordermill.store.failures import translated
from ordermill.store.migrations import HEAD
from ordermill.store.sqlite import address
from ordermill.store.tables import metadata


class NotCarried(StoreError):
    """The present file does not tell what was issued since; the text says why."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What came along."""

    orders: int
    documents: int


# What an order has. Rows of the first are as they are in the present file, of the second only more.
_REPLACED = ("raw_versions", "refunds", "document_state")
_ADDED = ("events", "documents", "payments")
_HOUSE = ("entities", "integrations", "integration_state", "customers", "restores",
          "skipped_numbers")  # fmt: skip


def carry(copy: Path, present: Path) -> Carried:
    """Bring every order that was billed, or that a person had a hand in, since into ``copy``, all
    of them or none.

    Raise NotCarried if the present file is missing, cannot be read, is of another version, or does
    not continue what the backup knows.
    """
    if not present.exists():
        raise NotCarried(f"there is no file {present}")
    try:
        with closing(sqlite3.connect(address(copy, "rw"), uri=True, isolation_level=None)) as conn:
            conn.execute("ATTACH ? AS present", (address(present, "ro"),))
            conn.execute("BEGIN IMMEDIATE")
            _continues(conn)
            carried = _carry(conn)
            conn.execute("COMMIT")
            return carried
    except sqlite3.Error as error:
        raise NotCarried(str(translated(error))) from None


def _continues(conn: sqlite3.Connection) -> None:
    """Raise NotCarried unless the present file is the same store, later."""
    if _all(conn, "PRAGMA present.integrity_check") != [("ok",)]:
        raise NotCarried("the present file is damaged")
    found = conn.execute("SELECT version_num FROM present.alembic_version").fetchone()
    if found != (HEAD,):
        raise NotCarried("the present file has another schema: run `ordermill db upgrade` first")
    for table in ("entities", "integrations"):
        if _all(conn, f"SELECT handle FROM {table} a JOIN present.{table} b USING (handle) "
                      "WHERE a.id <> b.id"):  # fmt: skip
            raise NotCarried("the present file is another store than the one of the backup")
    if _all(conn, "SELECT id FROM documents EXCEPT SELECT id FROM present.documents LIMIT 1"):
        raise NotCarried("the backup has documents that the present file does not have")


def _carry(conn: sqlite3.Connection) -> Carried:
    conn.execute(
        "CREATE TEMP TABLE done AS "
        "SELECT order_id FROM present.documents WHERE id NOT IN (SELECT id FROM main.documents) "
        "UNION SELECT order_id FROM present.payments WHERE id NOT IN (SELECT id FROM main.payments)"
        " UNION SELECT order_id FROM present.events WHERE id NOT IN (SELECT id FROM main.events)"
        " AND actor NOT IN (?, ?)",
        (SHOP, ORDERMILL),
    )
    before = _count(conn, "main.documents")
    # A customer is as they are there: who was erased since stays so, and gave up their key.
    conn.execute("DELETE FROM customers WHERE id IN (SELECT id FROM present.customers)")
    for table in _HOUSE:
        _add(conn, table)
    conn.execute("DELETE FROM orders WHERE id IN done")
    _add(conn, "orders", "id IN done")
    for table in _REPLACED:
        conn.execute(f"DELETE FROM {table} WHERE order_id IN done")
        _add(conn, table, "order_id IN done")
    for table in _ADDED:
        _add(conn, table, "order_id IN done")
    _add(conn, "document_links", "document_id IN (SELECT id FROM main.documents)")
    # Who repeats a call for one of these orders gets the answer again, not a second order.
    _add(conn, "idempotency", "EXISTS (SELECT 1 FROM done WHERE instr(body, done.order_id))")
    conn.execute("DELETE FROM series")
    _add(conn, "series")
    # A key that was revoked since the backup must not open anything again.
    conn.execute(
        "UPDATE api_keys SET revoked_at = theirs.revoked_at FROM present.api_keys theirs "
        "WHERE theirs.prefix = api_keys.prefix AND theirs.revoked_at IS NOT NULL"
    )
    return Carried(_count(conn, "done"), _count(conn, "main.documents") - before)


def _add(conn: sqlite3.Connection, table: str, which: str = "true") -> None:
    """Insert the rows that are not there yet; a conflict with one that is raises."""
    columns = ", ".join(column.name for column in metadata.tables[table].columns)
    key = [column.name for column in metadata.tables[table].primary_key]
    same = " AND ".join(f"mine.{name} = theirs.{name}" for name in key)
    conn.execute(
        f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM present.{table} theirs "
        f"WHERE {which} AND NOT EXISTS (SELECT 1 FROM main.{table} mine WHERE {same})"
    )


def _count(conn: sqlite3.Connection, table: str) -> int:
    n: int = conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return n


def _all(conn: sqlite3.Connection, query: str) -> list[tuple[object, ...]]:
    return conn.execute(query).fetchall()
