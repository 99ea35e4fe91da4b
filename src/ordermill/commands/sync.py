"""`sync` and `backfill`: the daemon's engine, run once for named integrations."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

import typer

from ordermill.connector.base import Unobserved
from ordermill.daemon import Shops, now, open_database, owner_id, read_settings
from ordermill.errors import ConfigError
from ordermill.invoicing.done import Done
from ordermill.invoicing.due import Due
from ordermill.settings import Settings
from ordermill.store import requests, runs
from ordermill.store.database import Database
from ordermill.store.integrations import state
from ordermill.store.orders import Ingested
from ordermill.sync.engine import BACKFILL_ONLY, SYNC_ONLY, Engine
from ordermill.sync.lease import RENEW
from ordermill.sync.shop import Shop

OK, FAILED, REFUSED = 0, 1, 3
STEP = timedelta(milliseconds=250)  # how often the store is asked whether all is done
PROGRESS_EVERY = 10.0


class Counting:
    """A listener that adds up outcomes and remembers the last error of each integration."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Counter[str]] = {}
        self.issued: dict[str, Counter[str]] = {}
        self.errors: dict[str, str] = {}

    def run_started(self, handle: str, mode: str) -> None:
        self.outcomes.setdefault(handle, Counter())

    def run_finished(self, handle: str, mode: str, result: str, seconds: float) -> None: ...

    def page(self, handle: str, mode: str, outcomes: Mapping[str, int], fetched: int) -> None:
        self.outcomes.setdefault(handle, Counter()).update(outcomes)

    def propagation(self, handle: str, seconds: float) -> None: ...

    def error(self, handle: str, stage: str, error_class: str) -> None:
        if stage != "normalize":
            self.errors[handle] = error_class

    def lease_takeover(self, handle: str) -> None: ...

    def orders(self, handle: str, ingested: Sequence[Ingested]) -> None: ...

    def processed(self, handle: str, done: Sequence[Done], seconds: float) -> None:
        kinds = (str(made.kind) for one in done for made in one.documents)
        self.issued.setdefault(handle, Counter()).update(kinds)


def sync_once(path: Path, handles: Sequence[str]) -> int:
    """One pass over the named integrations (default all), then what is due, theirs and others';
    the exit code says how it went."""
    with working(path, handles, SYNC_ONLY) as (database, _, engine, counting):
        with database.write() as conn:
            for handle in engine.shops:
                requests.request_sync(conn, handle, now=now())
        work_until(engine, lambda: not still_requested(database, engine))
        Due(database, now, [counting]).run()
        for handle in engine.shops:
            typer.echo(f"{handle}: {summary(counting, handle)}")
        return exit_code(counting)


def still_requested(database: Database, engine: Engine) -> bool:
    """Whether a pass that was asked for is neither done nor failed."""
    with database.read() as conn:
        states = [state(conn, shop.stored.id) for shop in engine.shops.values()]
    return any(state.sync_requested_at is not None for state in states)


def summary(counting: Counting, handle: str) -> str:
    """What a pass did, in words: counts by outcome, the documents that were issued, and the class
    of the error that ended it."""
    counts = counting.outcomes.get(handle, Counter())
    text = ", ".join(f"{n} {outcome}" for outcome, n in sorted(counts.items())) or "nothing new"
    issued = counting.issued.get(handle, Counter())
    if issued:
        kinds = (f"{n} {kind}" for kind, n in sorted(issued.items()))
        text += f"; issued: {', '.join(kinds)}".replace("_", " ")
    failed = counting.errors.get(handle)
    return text if failed is None else f"{text}; failed: {failed}, see `ordermill status`"


def exit_code(counting: Counting) -> int:
    if "auth" in counting.errors.values():
        return REFUSED
    return FAILED if counting.errors else OK


def backfill_once(path: Path, handle: str, since: date, until: date | None) -> int:
    """Read the days from ``since`` to ``until`` (both included, in the entity's zone).

    Without ``until`` it reads up to the present. A run that was killed goes on where it stood; one
    for the same days that is already open is joined, never begun twice.
    """
    with working(path, [handle], BACKFILL_ONLY) as (database, zone_of, engine, counting):
        zone = zone_of[handle]
        if not engine.shops:
            return FAILED
        first = start_of_day(since, zone)
        end = start_of_day(until + timedelta(days=1), zone) if until is not None else None
        with database.write() as conn:
            run_id = requests.request_backfill(conn, handle, first, end, now=now())
        progress = Progress(database, run_id)
        work_until(engine, progress.finished_or_failed(counting))
        typer.echo(f"{handle}: {progress.line()}")
        return exit_code(counting)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time_of_day(), zone).astimezone(UTC)


class Progress:
    """How far a backfill is, printed every ten seconds."""

    def __init__(self, database: Database, run_id: int) -> None:
        self._database = database
        self._run_id = run_id
        self._began = time.monotonic()
        self._printed = self._began
        self._before = self._run().fetched

    def finished_or_failed(self, counting: Counting) -> Callable[[], bool]:
        """True when the run is over, or the shop failed for now."""

        def check() -> bool:
            if time.monotonic() - self._printed > PROGRESS_EVERY:
                self._printed = time.monotonic()
                typer.echo(self.line())
            return self._run().finished_at is not None or bool(counting.errors)

        return check

    def line(self) -> str:
        """Orders read, of how many the shop says there are, and the time left at this pace."""
        run = self._run()
        here = run.fetched - self._before
        text = f"{run.fetched} orders read"
        if run.total is None or run.finished_at is not None or here == 0:
            return text
        left = (run.total - run.fetched) * (time.monotonic() - self._began) / here
        return f"{text} of {run.total}, about {timedelta(seconds=round(max(left, 0)))} left"

    def _run(self) -> runs.StoredRun:
        with self._database.read() as conn:
            return runs.get(conn, self._run_id)


@contextmanager
def working(
    path: Path, handles: Sequence[str], tasks: frozenset[str]
) -> Iterator[tuple[Database, dict[str, ZoneInfo], Engine, Counting]]:
    """An engine for the named integrations, without the daemon around it; with each one's zone.

    One that a person paused is left out and said so: their pause outranks a command.
    """
    settings = read_settings(path)
    wanted = named(settings, handles)
    counting = Counting()
    database = open_database(settings)
    shops = Shops(lambda handle: Unobserved(), counting)
    try:
        with database.lock_scheduler():
            shops.apply(database, settings)
            engine = Engine(database, owner_id(), counting, now, tasks=tasks)
            engine.shops = at_work(database, shops, wanted, counting)
            gc.freeze()  # nothing made so far ends before the process does
            yield database, zones(settings), engine, counting
            engine.stop(timedelta(seconds=8))
    finally:
        shops.close()
        database.close()


def zones(settings: Settings) -> dict[str, ZoneInfo]:
    """The time zone of each integration's entity: its days are the integration's days."""
    return {
        handle: ZoneInfo(settings.entities[integration.entity].timezone)
        for handle, integration in settings.integrations.items()
    }


def at_work(
    database: Database, shops: Shops, wanted: set[str], counting: Counting
) -> dict[str, Shop]:
    """The wanted shops but for those that are switched off or paused by a person."""
    chosen: dict[str, Shop] = {}
    for handle in sorted(wanted):
        shop = shops.by_handle.get(handle)
        if shop is None:
            typer.echo(f"{handle}: is_active is false in the file; left out")
            continue
        with database.read() as conn:
            present = state(conn, shop.stored.id)
        if present.paused_by == "operator":
            typer.echo(f"{handle}: paused ({present.paused_reason}); resume it first")
            counting.errors[handle] = "paused"
        else:
            chosen[handle] = shop
    return chosen


def named(settings: Settings, handles: Sequence[str]) -> set[str]:
    """The integrations that are meant; raise ConfigError for one that is not in the file."""
    unknown = [handle for handle in handles if handle not in settings.integrations]
    if unknown:
        known = ", ".join(settings.integrations) or "none"
        raise ConfigError(f"no integration {', '.join(unknown)} in the file; there are: {known}")
    return set(handles or settings.integrations)


def work_until(engine: Engine, done: Callable[[], bool]) -> None:
    """Claim and work until ``done``; then let what is under way end."""
    renewed = time.monotonic()
    while True:
        finished = done()
        if finished and not engine.busy():
            return
        if not finished:
            engine.tick()
        if time.monotonic() - renewed > RENEW.total_seconds():
            renewed = time.monotonic()
            engine.heartbeat()
        if not engine.busy():
            time.sleep(STEP.total_seconds())
        engine.join(STEP)
