"""`replay`: reads the stored payloads anew and stores what differs; no shop is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import typer

from ordermill.commands.sync import Counting
from ordermill.commands.words import told
from ordermill.connector.base import Unobserved
from ordermill.daemon import Shops, now, open_database, owner_id, read_settings
from ordermill.errors import NotFound
from ordermill.replay import Replay, Replayed
from ordermill.settings import Settings
from ordermill.store import integrations, naming
from ordermill.store.configuration import MANUAL
from ordermill.store.database import Database
from ordermill.store.integrations import StoredIntegration
from ordermill.store.orders import Outcome
from ordermill.store.payloads import Wanted

OK, FAILED = 0, 1
CHANGED = (Outcome.CREATED, Outcome.UPDATED)


def replay_orders(path: Path, order: str | None, *, failed: bool, since: datetime | None) -> int:
    """The exit code: 1 if something still cannot be read."""
    settings = read_settings(path)
    database = open_database(settings)
    try:
        with database.lock_scheduler():
            with database.read() as conn:
                known = integrations.stored(conn)
                named = None if order is None else naming.find(conn, order)
            wanted = Wanted(named.source_id if named else None, failed, utc(since))
            shops = [known[named.handle]] if named else in_the_file(known.values(), settings)
            counts = Counter(
                said(stored.handle, one, always=named is not None)
                for stored in shops
                for one in replayed(database, settings, stored, wanted)
            )
    finally:
        database.close()
    typer.echo(summary(counts))
    return FAILED if counts[Outcome.REJECTED] else OK


def utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def in_the_file(
    known: Iterable[StoredIntegration], settings: Settings
) -> Iterator[StoredIntegration]:
    """The shops that can be read; the others are said."""
    for stored in known:
        if stored.handle in settings.integrations:
            yield stored
        elif stored.source != MANUAL:
            typer.echo(f"{stored.handle}: no longer in the file; left out")


def replayed(
    database: Database, settings: Settings, stored: StoredIntegration, wanted: Wanted
) -> Iterator[Replayed]:
    """Replay one shop's payloads; raise NotFound where nothing says how they are to be read."""
    integration = settings.integrations.get(stored.handle)
    if integration is None:
        why = "made by hand" if stored.source == MANUAL else "no longer in the file"
        raise NotFound(f"{stored.handle}: {why}, so no connector can read it anew")
    connector = Shops(lambda _: Unobserved(), Counting()).connect(integration)
    try:
        yield from Replay(database, stored, connector, owner_id(), now).run(wanted)
    finally:
        connector.close()


def said(handle: str, one: Replayed, *, always: bool) -> Outcome:
    """Print what became of one payload, of an unchanged one only if ``always``; the outcome."""
    came = one.ingested
    name = f"{handle}/{came.source_id}"
    if one.reason is not None:
        typer.echo(f"{name}: cannot be read: {one.reason}")
    elif came.changes:
        typer.echo(f"{name}: {', '.join(told(came.changes))}")
    elif always or came.outcome is not Outcome.UNCHANGED:
        typer.echo(f"{name}: {came.outcome}")
    return came.outcome


def summary(counts: Counter[Outcome]) -> str:
    """How many came out how, and who goes on."""
    parts = ", ".join(f"{n} {outcome}" for outcome, n in sorted(counts.items()))
    text = f"{counts.total()} payloads read anew: {parts}" if counts else "nothing to replay"
    changed = sum(counts[outcome] for outcome in CHANGED)
    return f"{text}; `run` or `sync` then bills what changed" if changed else text
