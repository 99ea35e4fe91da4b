"""A shop as a pass sees it, and a recorded run: the one way by which pages reach the store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from ordermill.connector.base import Connector, Fetched, Page, RawOrder, Window
from ordermill.errors import IncompleteRead, MalformedOrder, SourceError
from ordermill.model.integration import Integration
from ordermill.model.order import Order
from ordermill.store import hints, integrations, orders, runs
from ordermill.store.integrations import StoredIntegration
from ordermill.store.orders import Incoming, Ingested, Outcome
from ordermill.store.rows import OrderRow, order_row
from ordermill.sync.lease import Lease
from ordermill.sync.listener import Listener

log = structlog.get_logger()

INCREMENTAL, SWEEP = "incremental", "sweep"
BACKFILL, RECONCILE = "backfill", "reconcile"

Events = Mapping[str, str | None]
NO_EVENTS: Events = {}


@dataclass(frozen=True, slots=True)
class Shop:
    """One integration ready to be read. ``now`` is aware UTC."""

    integration: Integration
    stored: StoredIntegration
    connector: Connector
    listener: Listener
    now: Callable[[], datetime]

    @property
    def handle(self) -> str:
        return self.integration.handle

    def fetch(self, window: Window, cursor: str | None) -> Batch:
        """The next page of a window; raise SourceError."""
        page = self.connector.fetch(window, cursor)
        return Batch(page, self.read(page.orders))

    def read(self, raws: Iterable[RawOrder], events: Events = NO_EVENTS) -> list[Incoming]:
        """Normalize orders and lay them out: all that can be done before a transaction begins.

        ``events`` names, by source id, the webhook's event because of which one was read.
        """
        return [self._read(raw, events.get(raw.source_id)) for raw in raws]

    def _read(self, raw: RawOrder, event_id: str | None) -> Incoming:
        """A connector that breaks on an order costs this order, not the page."""
        order: Order | MalformedOrder
        row: OrderRow | None = None
        try:
            order = self.connector.normalize(raw)
            row = order_row(order)
        except MalformedOrder as error:
            order = error
        except Exception as error:  # noqa: BLE001 - a defect of the connector must not stop the shop
            log.error("normalize_broke", connector=self.handle, error=type(error).__name__)
            order = MalformedOrder(raw.source_id, f"normalize broke: {type(error).__name__}")
        if isinstance(order, MalformedOrder):
            self.listener.error(self.handle, "normalize", "schema")
        return Incoming(raw.source_id, raw.payload, raw.mark, order, row, event_id)


@dataclass(frozen=True, slots=True)
class Batch:
    """A page whose orders are ready to be stored."""

    page: Page
    orders: list[Incoming]

    @property
    def cursor(self) -> str | None:
        return self.page.cursor


class Run:
    """A run that is under way: stores pages, each in one transaction with its bookmark."""

    def __init__(self, shop: Shop, lease: Lease, mode: str, run_id: int) -> None:
        self.shop = shop
        self.lease = lease
        self.mode = mode
        self.id = run_id
        self.pages = 0
        self.finished = False

    def store(
        self,
        incoming: Sequence[Incoming],
        *,
        cursor: str | None = None,
        bookmark: datetime | None = None,
        cost: float = 0.0,
        total: int | None = None,
        confirmed: bool = False,
        succeeded: Callable[[Connection], None] | None = None,
    ) -> list[Ingested]:
        """Write one page, its cursor and bookmark, or nothing; raise LeaseLost or a database error.

        ``confirmed``: read by id, so it is written even where it is older than what is stored.
        ``succeeded`` comes with the last page of a run and writes what follows from its success:
        then the run is finished in the same transaction.
        """
        now = self.shop.now()
        with self.lease.write() as conn:
            ingested = orders.ingest(conn, self.shop.stored, incoming, now=now, confirmed=confirmed)
            if bookmark is not None:
                integrations.move_bookmark(conn, self.lease.claim, bookmark)
            runs.page_stored(
                conn,
                self.id,
                cursor=cursor,
                ingested=ingested,
                fetched=len(incoming),
                cost=cost,
                total=total,
            )
            if succeeded is not None:
                runs.finish(conn, self.id, "success", now=now)
                succeeded(conn)
        self.pages += 1
        self.finished = succeeded is not None
        self._tell(ingested, now)
        return ingested

    def apply(self, fetched: Fetched, events: Events = NO_EVENTS) -> list[Ingested]:
        """Store what came of a read by id; orders that are gone are marked so, never removed."""
        incoming = self.shop.read(fetched.orders, events)
        ingested = self.store(incoming, cost=fetched.cost, confirmed=True)
        if fetched.gone:
            with self.lease.write() as conn:
                reasons = {source_id: str(why) for source_id, why in fetched.gone.items()}
                gone = orders.mark_gone(
                    conn, self.shop.stored, reasons, now=self.shop.now(), events_of=events
                )
                runs.gone(conn, self.id, len(gone))
            self.shop.listener.orders(self.shop.handle, gone)
            ingested += gone
        return ingested

    def answered(self, wanted: Sequence[hints.Wanted], fetched: Fetched) -> None:
        """Strike the hints that were answered; the others come again later."""
        found = {raw.source_id for raw in fetched.orders} | set(fetched.gone) | set(fetched.hidden)
        done = [one for one in wanted if one.source_id in found]
        left = [one for one in wanted if one.source_id not in found]
        with self.lease.write() as conn:
            hints.done(conn, self.shop.stored.id, done)
            hints.later(conn, self.shop.stored.id, left, now=self.shop.now())

    def _tell(self, ingested: list[Ingested], now: datetime) -> None:
        listener, handle = self.shop.listener, self.shop.handle
        listener.page(handle, self.mode, Counter(i.outcome for i in ingested), len(ingested))
        if self.mode == INCREMENTAL:
            fresh = {Outcome.CREATED, Outcome.UPDATED}
            for one in ingested:
                if one.order is not None and one.outcome in fresh:
                    listener.propagation(handle, (now - one.order.shop_updated_at).total_seconds())
        listener.orders(handle, ingested)


class Stopped(Exception):
    """The process is ending, or the operator paused the integration: the pass ends after a page."""


@contextmanager
def recorded(
    shop: Shop, lease: Lease, mode: str, run_id: int | None = None, **window: datetime | None
) -> Iterator[Run]:
    """A run from its start to its result, whatever it is; every error is raised again.

    A pass that fails after some pages is *partial*: those stay. A backfill that fails stays open
    and goes on later, as does a reconcile that was stopped; one that came short has failed. A lost
    lease records nothing, for the row belongs to the new owner, who
    closes it as interrupted.
    """
    if run_id is None:
        with lease.write() as conn:
            run_id = runs.start(conn, lease.claim, mode, now=shop.now(), **window)
    run = Run(shop, lease, mode, run_id)
    began = time.monotonic()
    shop.listener.run_started(shop.handle, mode)
    result = "failure"
    try:
        yield run
        result = "success"
        if not run.finished:
            with lease.write() as conn:
                runs.finish(conn, run.id, result, now=shop.now())
    except (SourceError, Stopped) as error:
        short = isinstance(error, IncompleteRead)
        result = "partial" if run.pages and not short else "failure"
        with lease.write() as conn:
            if mode == BACKFILL or (mode == RECONCILE and isinstance(error, Stopped)):
                runs.trouble(conn, run.id, error)
            else:
                runs.finish(conn, run.id, result, now=shop.now(), error=error)
        raise
    finally:
        shop.listener.run_finished(shop.handle, mode, result, time.monotonic() - began)
