"""`verify`: proves the books, on a live database; a line per finding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer
from sqlalchemy import Connection

from ordermill.daemon import open_database, read_settings
from ordermill.model import proof
from ordermill.model.audit import Finding
from ordermill.store import books
from ordermill.store.database import Database

OK, FOUND = 0, 1


def verify_books(path: Path) -> int:
    """The exit code: 1 if something does not hold. Works beside a running daemon."""
    database = open_database(read_settings(path), upgrade=False)
    try:
        verified = Verified(database)
        for finding in verified:
            typer.echo(f"{finding.about}: {finding.what}")
    finally:
        database.close()
    typer.echo(verified.summary(), err=bool(verified.found))
    return FOUND if verified.found else OK


class Verified:
    """Iterates over the findings of one state of the database, and counts what was proved."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.orders = self.documents = self.found = 0

    def __iter__(self) -> Iterator[Finding]:
        with self._database.snapshot() as conn:
            for finding in self._all(conn):
                self.found += 1
                yield finding

    def summary(self) -> str:
        """One line for both ends."""
        proved = f"{self.documents} documents of {self.orders} orders"
        return f"{proved}: {self.found} findings" if self.found else f"{proved}: all holds"

    def _all(self, conn: Connection) -> Iterator[Finding]:
        yield from books.damage(conn)
        yield from proof.numbers(books.numbered(conn), books.counters(conn), books.skipped(conn))
        for order in books.in_orders(conn):
            self.orders += 1
            self.documents += len(order.documents)
            yield from proof.order(order)
        yield from books.miscounted(conn)
