"""`verify`: proves the books, on a live database; a line per finding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer
from sqlalchemy import Connection

from ordermill.commands.words import shown
from ordermill.daemon import open_database, read_settings
from ordermill.model import proof
from ordermill.model.audit import Finding
from ordermill.store import books, restores
from ordermill.store.database import Database

OK, FOUND = 0, 1


def verify_books(path: Path) -> int:
    """The exit code: 1 if something does not hold. Works beside a running daemon."""
    database = open_database(read_settings(path), upgrade=False)
    try:
        verified = Verified(database)
        for finding in verified:
            typer.echo(f"{finding.about}: {finding.what}")
        for note in verified.notes:
            typer.echo(f"note: {note}")
    finally:
        database.close()
    typer.echo(verified.summary(), err=bool(verified.found))
    return FOUND if verified.found else OK


class Verified:
    """Iterates over the findings of one state of the database, and counts what was proved.
    ``notes`` are no findings, but what a reader of the books must know."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.orders = self.documents = self.found = 0
        self.notes: list[str] = []

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
        self.notes = [*restored(conn), *passed_over(conn)]


def restored(conn: Connection) -> Iterator[str]:
    """That a backup was put back, and whether billing waits since."""
    for one in restores.every(conn):
        knew = "nothing" if one.newest is None else f"everything up to {shown(one.newest)} UTC"
        yield f"restored on {shown(one.at)} UTC from {one.backup}, which knew {knew}"
        if one.held:
            yield "nothing is billed by itself since then: `ordermill restore --resume`"


def passed_over(conn: Connection) -> Iterator[str]:
    """The numbers that may stand on documents which are not here."""
    for one in restores.skipped(conn):
        yield (
            f"numbers {one.first} to {one.last} of the {one.kind} series {one.year or ''} of "
            f"{one.entity} were passed over on {shown(one.at)} UTC: documents may have them that "
            "are not here"
        )
