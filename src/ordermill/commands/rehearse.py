"""`sync --dry-run`: what a pass would store and issue. Each page is stored and rolled back again.

Only the poll is rehearsed: a sweep would ask the shop for far more. No number is given away: they
are shown with question marks.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from string import Formatter

import typer
from sqlalchemy import Connection

from ordermill.commands.sync import FAILED, OK, REFUSED, Counting, named
from ordermill.commands.words import amount, told
from ordermill.connector.base import By, Unobserved, Window
from ordermill.daemon import Shops, now, open_database, read_settings
from ordermill.errors import CredentialsRefused, SourceError
from ordermill.invoicing.decide import automatic
from ordermill.invoicing.desk import desk_of
from ordermill.model.books import applied
from ordermill.model.case import Case
from ordermill.model.document import Draft
from ordermill.model.integration import Entity
from ordermill.model.order import ZERO
from ordermill.model.outlook import outlook
from ordermill.settings import Settings
from ordermill.store import cases, integrations, orders, restores
from ordermill.store.cases import Loaded
from ordermill.store.database import Database
from ordermill.store.integrations import StoredIntegration
from ordermill.store.orders import Incoming, Ingested, Outcome
from ordermill.store.state import IntegrationState
from ordermill.sync.pages import pages
from ordermill.sync.poll import start_of
from ordermill.sync.shop import Shop

ACTOR = "ordermill"
CHANGED = (Outcome.CREATED, Outcome.UPDATED)
MOST_DUE = 10_000  # of what is due already


def rehearse(path: Path, handles: Sequence[str]) -> int:
    """Print what `sync` would do; 3 if a shop refused the credentials, 1 if one was not read."""
    settings = read_settings(path)
    wanted = sorted(named(settings, handles))
    with opened(settings) as database:
        rehearsal = Rehearsal(database, settings)
        codes = [rehearsal.shop(handle) for handle in wanted]
        rehearsal.due(wanted)
        typer.echo(rehearsal.summary())
    return next((code for code in (REFUSED, FAILED) if code in codes), OK)


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database as it is; where there is none yet, an empty one that is thrown away."""
    there = Database.open(settings.database_url)
    new = there.file is not None and not there.file.exists()
    there.close()
    with tempfile.TemporaryDirectory(prefix="ordermill-dry-") as folder:
        url = f"sqlite:///{folder}/dry.db" if new else settings.database_url
        database = open_database(replace(settings, database_url=url), upgrade=new)
        try:
            yield database
        finally:
            database.close()


class Rehearsal:
    """One dry run: prints a line per order, and adds up what would be issued."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._shops = Shops(lambda _: Unobserved(), Counting())
        self._seen: set[tuple[str, str]] = set()  # what a shop said, changed or not
        self._decided: set[tuple[str, str]] = set()  # what it said whose documents are told
        self._outcomes: Counter[str] = Counter()
        self._totals: dict[tuple[str, str], list[Decimal]] = defaultdict(list)

    def shop(self, handle: str) -> int:
        """What a poll of one shop would do; the exit code."""
        integration = self._settings.integrations[handle]
        with self._rehearsed() as (conn, known):
            state = integrations.state(conn, known[handle].id)
        if not integration.is_active or state.paused_by == "operator":
            why = "paused" if integration.is_active else "is_active is false in the file"
            typer.echo(f"{handle}: {why}; left out")
            return OK
        connector = self._shops.connect(integration)
        try:
            self._poll(Shop(integration, known[handle], connector, Counting(), now), state)
        except CredentialsRefused as error:
            typer.echo(f"{handle}: refused: {error}")
            return REFUSED
        except SourceError as error:
            typer.echo(f"{handle}: {error}")
            return FAILED
        finally:
            connector.close()
        return OK

    def due(self, handles: Collection[str]) -> None:
        """What is due already of orders that the shops said nothing new of."""
        with self._rehearsed() as (conn, _):
            restores.resume(conn, now=now())  # what is held is what a person wants to see
            ids = cases.claim_due(conn, now(), MOST_DUE)
            for loaded in cases.load(conn, ids):
                name = (loaded.handle, loaded.case.order.source_id)
                if loaded.handle in handles and name not in self._decided:
                    self._say(loaded, "due")

    def summary(self) -> str:
        """What all of it comes to."""
        found = ", ".join(f"{n} {outcome}" for outcome, n in sorted(self._outcomes.items()))
        documents = [
            f"{len(totals)} {kind.replace('_', ' ')}{'s' * (len(totals) > 1)} of "
            f"{amount(sum(totals, ZERO), code)}"
            for (kind, code), totals in sorted(self._totals.items())
        ]
        issued = ", ".join(documents) or "no documents"
        return f"{found or 'nothing new'}; it would issue {issued}. Nothing was written"

    def _poll(self, shop: Shop, state: IntegrationState) -> None:
        window = Window(by=By.CHANGED, since=start_of(shop, state))
        for batch in pages(lambda cursor: shop.fetch(window, cursor)):
            new = [one for one in batch.orders if (shop.handle, one.source_id) not in self._seen]
            self._seen |= {(shop.handle, one.source_id) for one in new}
            self._page(shop.handle, new)

    def _page(self, handle: str, incoming: Sequence[Incoming]) -> None:
        with self._rehearsed() as (conn, known):
            ingested = orders.ingest(conn, known[handle], incoming, now=now())
            ids = [one.order_id for one in ingested if one.order_id and one.outcome in CHANGED]
            loaded = {one.case.order.source_id: one for one in cases.load(conn, ids)}
            for one in ingested:
                self._outcomes[one.outcome] += 1
                if one.source_id in loaded:
                    self._say(loaded[one.source_id], outcome_of(one))
                else:
                    typer.echo(f"{handle}/{one.source_id} {one.outcome}")

    def _say(self, loaded: Loaded, outcome: str) -> None:
        """A line of what would come of an order."""
        case = loaded.case
        self._decided.add((loaded.handle, case.order.source_id))
        desk = desk_of(now(), ACTOR)
        plan = automatic(case, desk)
        documents = [self._document(draft, case.entity) for draft in plan.documents]
        after = applied(case, plan, desk)
        what = ", ".join(documents) or next(outlook(after, desk.now, written(case)), "nothing")
        typer.echo(f"{loaded.handle}/{case.order.source_id} {outcome}: {what}")

    def _document(self, draft: Draft, entity: Entity) -> str:
        content, kind = draft.content, str(draft.kind)
        self._totals[kind, content.currency_code].append(content.total_with_tax)
        number = unnumbered(getattr(entity.numbering, kind), now())
        total = amount(content.total_with_tax, content.currency_code)
        return f"{kind.replace('_', ' ')} {number} of {total}"

    @contextmanager
    def _rehearsed(self) -> Iterator[tuple[Connection, dict[str, StoredIntegration]]]:
        """A transaction that is rolled back, in which the store says what the file says."""
        with self._database.rehearsal() as conn:
            integrations.apply_configuration(
                conn,
                list(self._settings.entities.values()),
                list(self._settings.integrations.values()),
                now=now(),
            )
            yield conn, integrations.stored(conn)


def outcome_of(one: Ingested) -> str:
    """The outcome, with what changed."""
    changes = f" ({', '.join(told(one.changes))})" if one.changes else ""
    return f"{one.outcome}{changes}"


def written(case: Case) -> Callable[[datetime], str]:
    """How times of an order are written: in its entity's zone."""
    return lambda at: f"{at.astimezone(case.zone):%Y-%m-%d %H:%M:%S}"


def unnumbered(format_: str, at: datetime) -> str:
    """A number that is not given away: question marks, as many as it would have digits."""
    return "".join(
        text + {"year": str(at.year), "number": "?" * max(width(spec or ""), 1)}.get(name or "", "")
        for text, name, spec, _ in Formatter().parse(format_)
    )


def width(spec: str) -> int:
    """Of a format like ``05d``."""
    digits = spec.rstrip("d")
    return int(digits) if digits.isdigit() else 1
