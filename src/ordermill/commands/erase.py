"""`erase`: a buyer's personal data, from everything but what was issued to them."""

from __future__ import annotations

from pathlib import Path

import typer

from ordermill.daemon import now, open_database, read_settings
from ordermill.store import erasure
from ordermill.store.database import Database
from ordermill.store.erasure import Person

OK, FAILED = 0, 1


def erase_person(path: Path, whom: str, *, really: bool) -> int:
    """The exit code: 1 where something is left, because it may still be invoiced. Works beside a
    running daemon. ``whom`` is never printed: it may be an address."""
    database = open_database(read_settings(path), upgrade=False)
    try:
        person = found(database, whom, erase=really)
    finally:
        database.close()
    counted = (
        f"{len(person.orders)} orders, {len(person.customers)} customers, "
        f"{len(person.rejected)} unread payloads"
    )
    typer.echo(f"erased: {counted}" if really else f"{counted}; --yes erases them, for good")
    for name in person.open:
        typer.echo(f"{name} may still be invoiced: process or cancel it, then erase again")
    return FAILED if person.open else OK


def found(database: Database, whom: str, *, erase: bool) -> Person:
    """Who is meant, by an address or an order; what is theirs is erased if ``erase`` says so."""
    of = erasure.of_email if "@" in whom else erasure.of_order
    if not erase:
        with database.read() as conn:
            return of(conn, whom)
    with database.write() as conn:
        person = of(conn, whom)
        erasure.erase(conn, person, now=now())
        return person
