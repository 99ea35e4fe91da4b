"""One process over shops in memory, driven by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from ordermill.model.integration import Entity, Integration, Poll, Sweep
from ordermill.store import integrations, orders, requests, runs
from ordermill.store.database import Database
from ordermill.store.orders import Ingested
from ordermill.store.tables import orders as order_table
from ordermill.sync import report
from ordermill.sync.engine import EVERYTHING, Engine
from ordermill.sync.report import Report
from ordermill.sync.shop import Shop
from sync.fakes import FakeShop

LONG = timedelta(seconds=30)
SHOP = Integration(
    handle="shop", entity="acme", source="fake", name="Shop", shop_key="shop.example:443",
    poll=Poll(every=timedelta(minutes=1), overlap=timedelta(minutes=5)),
    sweep=Sweep(every=timedelta(hours=1), window=timedelta(days=30)),
    import_from=date(2026, 1, 1),
)  # fmt: skip


@dataclass
class Heard:
    """A listener that remembers."""

    pages: list[tuple[str, str, dict[str, int]]] = field(default_factory=list)
    errors: list[tuple[str, str, str]] = field(default_factory=list)
    takeovers: list[str] = field(default_factory=list)
    ingested: list[Ingested] = field(default_factory=list)

    def run_started(self, handle: str, mode: str) -> None: ...
    def run_finished(self, handle: str, mode: str, result: str, seconds: float) -> None: ...

    def page(self, handle: str, mode: str, outcomes: Mapping[str, int], fetched: int) -> None:
        self.pages.append((handle, mode, {str(k): n for k, n in outcomes.items()}))

    def propagation(self, handle: str, seconds: float) -> None: ...

    def error(self, handle: str, stage: str, error_class: str) -> None:
        self.errors.append((handle, stage, error_class))

    def lease_takeover(self, handle: str) -> None:
        self.takeovers.append(handle)

    def orders(self, handle: str, ingested: Sequence[Ingested]) -> None:
        self.ingested.extend(ingested)


class House:
    """One process over one database: its shops and its engine."""

    def __init__(
        self,
        database: Database,
        clock: Any,
        shops: Mapping[str, FakeShop],
        owner: str = "one",
        tasks: frozenset[str] = EVERYTHING,
        **options: Any,
    ) -> None:
        self.database, self.clock, self.fakes = database, clock, shops
        self.heard = Heard()
        self.engine = Engine(database, owner, self.heard, clock, tasks=tasks)
        self.integrations = [
            replace(SHOP, handle=handle, shop_key=f"{handle}.example:443", **options)
            for handle in shops
        ]
        entity = Entity(handle="acme", name="Acme", currency_code="EUR")
        with database.write() as conn:
            integrations.apply_configuration(conn, [entity], self.integrations, now=clock())
        with database.read() as conn:
            self.stored = integrations.stored(conn)
        self.engine.shops = {
            i.handle: Shop(i, self.stored[i.handle], shops[i.handle], self.heard, clock)
            for i in self.integrations
        }

    def work(self, ticks: int = 4) -> None:
        """Let the engine do all that is due now."""
        for _ in range(ticks):
            self.engine.tick()
            assert self.engine.join(LONG)

    def after(self, seconds: float) -> None:
        """Let time pass, then work."""
        self.clock.advance(seconds)
        self.work()

    def ids(self, handle: str = "shop") -> list[str]:
        """Source ids of the live orders in the store."""
        with self.database.read() as conn:
            return sorted(
                conn.scalars(
                    select(order_table.c.source_id).where(
                        order_table.c.integration_id == self.stored[handle].id,
                        order_table.c.deleted_at.is_(None),
                    )
                ),
                key=int,
            )

    def order(self, source_id: str, handle: str = "shop") -> Mapping[str, Any]:
        with self.database.read() as conn:
            row = orders.get(conn, self.stored[handle].id, source_id)
        assert row is not None
        return row

    def state(self, handle: str = "shop") -> Any:
        with self.database.read() as conn:
            return integrations.state(conn, self.stored[handle].id)

    def last_run(self, handle: str = "shop") -> Any:
        with self.database.read() as conn:
            return runs.last(conn, self.stored[handle].id)[0]

    def request_sync(self, handle: str = "shop") -> None:
        with self.database.write() as conn:
            requests.request_sync(conn, handle, now=self.clock())

    def reconcile(self) -> Report:
        """Ask for a reconcile, run it, and give what it found."""
        self.request_reconcile()
        self.work(ticks=1)
        found = self.reconciled()
        assert found.report is not None, found.error
        return report.read(found.report)

    def reconciled(self, handle: str = "shop") -> Any:
        """The newest reconcile."""
        with self.database.read() as conn:
            last = runs.last(conn, self.stored[handle].id, 500)
        return next(run for run in last if run.mode == "reconcile")

    def request_reconcile(self, handle: str = "shop") -> int:
        with self.database.write() as conn:
            return requests.request_reconcile(conn, handle, now=self.clock())

    def request_backfill(self, since: datetime, until: datetime | None = None) -> int:
        with self.database.write() as conn:
            return requests.request_backfill(conn, "shop", since, until, now=self.clock())
