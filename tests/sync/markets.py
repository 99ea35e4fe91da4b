"""Simulated shops over real HTTP, read by the real connectors, on a clock moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from ordermill.connector.base import Connector, Context, Unobserved
from ordermill.connector.registry import installed
from ordermill.errors import StoreError
from ordermill.simulator.building import Shop as Settings
from ordermill.simulator.clock import ManualClock
from ordermill.simulator.faults import Faults
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life, Ways
from ordermill.simulator.server import Server, serve
from ordermill.simulator.shopify.face import ShopifyFace
from ordermill.simulator.woocommerce.face import WooCommerceFace
from ordermill.store.database import Database
from ordermill.store.rows import order_row
from ordermill.store.tables import events
from ordermill.store.tables import orders as order_table
from sync.house import House

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
SILENT = Ways(purge=1, delete_refund=1, blank_refund=1)
PLATFORMS = ("woo-hpos", "woo-posts", "woo-7.9", "shopify")


@dataclass
class Market:
    """One shop: its books, its life, its server, and the connector that reads it.

    ``clock`` is the shop's; ours may be ``ahead`` of it.
    """

    clock: ManualClock
    ledger: Ledger
    life: Life
    server: Server
    connector: Connector
    ahead: timedelta = timedelta(0)
    house: House | None = None

    def now(self) -> datetime:
        """Our time."""
        return self.clock.now() + self.ahead

    def sleep(self, seconds: float) -> None:
        """Time passes in small steps, so that leases are renewed as they are in a daemon."""
        while seconds > 0:
            self.clock.advance(min(seconds, 2.0))
            seconds -= 2.0
            if self.house is not None and self.house.engine.busy():
                with suppress(StoreError):  # the clock calls again
                    self.house.engine.heartbeat()

    def close(self) -> None:
        self.connector.close()
        self.server.close()


def open_market(
    platform: str,
    *,
    seed: int = 1,
    page_size: int = 10,
    faults: Faults | None = None,
    settings: Settings | None = None,
    clock: ManualClock | None = None,
    ahead: timedelta = timedelta(0),
    behind: Callable[[Any], Any] = lambda face: face,
    **face: Any,
) -> Market:
    """A shop of that platform, empty as yet.

    ``settings``: of the shop's money and time zone. ``ahead``: our clock less the shop's.
    ``behind`` puts something in front of its face, a cache for instance; the rest is the face's.
    """
    clock = clock or ManualClock(START)
    ledger = Ledger(clock, seed=seed, shop=settings)
    shown, source, options = _face(platform, ledger, face)
    server = serve(behind(shown), faults=faults)
    plugin = installed()[source]
    ways = SILENT if source == "woocommerce" else Ways(purge=1, trash=0, untrash=0)
    life = Life(ledger, seed=seed, ways=ways)
    market = Market(clock, ledger, life, server, None, ahead)  # type: ignore[arg-type]
    context = Context("shop", market.now, market.sleep, Unobserved(), page_size)
    values = plugin.options.model_validate(
        options | {"base_url": server.url, "allow_private_network": True}
    )
    market.connector = plugin.connect(values, context)
    return market


@contextmanager
def markets() -> Iterator[Callable[..., Market]]:
    """Opens shops as ``open_market`` does; closes them all, with the processes that read them."""
    opened: list[Market] = []

    def begin(platform: str, **options: Any) -> Market:
        opened.append(open_market(platform, **options))
        return opened[-1]

    try:
        yield begin
    finally:
        for one in opened:
            if one.house is not None:
                one.house.engine.stop(timedelta(seconds=30))
            one.close()


def _face(
    platform: str, ledger: Ledger, face: Mapping[str, Any]
) -> tuple[Any, str, Mapping[str, Any]]:
    if platform == "shopify":
        shopify = ShopifyFace(ledger, **face)
        token = {"shop_domain": "acme.myshopify.com", "access_token": shopify.access_token}
        return shopify, "shopify", token
    storage: Any = "hpos" if platform == "woo-hpos" else "posts"
    version = "7.9.0" if platform == "woo-7.9" else "11.0.1"
    woo = WooCommerceFace(ledger, storage=storage, version=version, **face)
    keys = {"consumer_key": woo.consumer_key, "consumer_secret": woo.consumer_secret}
    return woo, "woocommerce", keys


def moved_in(market: Market, database: Database, **options: Any) -> House:
    """A process that reads the market's shop."""
    house = House(database, market.now, {"shop": market.connector}, **options)  # type: ignore[dict-item]
    market.house = house
    return house


def settle(market: Market, house: House, times: int = 3) -> None:
    """Let polls and sweeps pass, as long as any backoff lasts."""
    for _ in range(times):
        market.sleep(timedelta(minutes=61).total_seconds())
        house.work()


def differences(market: Market, house: House) -> list[str]:
    """What the store has otherwise than the shop, order by order; empty when they agree."""
    found = []
    with house.database.read() as conn:
        rows = {row.source_id: row for row in conn.execute(select(order_table))}
        created = dict(
            conn.execute(
                select(order_table.c.source_id, func.count())
                .join(events, events.c.order_id == order_table.c.id)
                .where(events.c.type == "order.created")
                .group_by(order_table.c.source_id)
            ).all()
        )
    present = {str(order.id) for order in market.ledger.orders()}
    shown = market.connector.fetch_ids(sorted(present))
    for raw in shown.orders:
        order, row = market.connector.normalize(raw), rows.get(raw.source_id)
        if row is None:
            found.append(f"{raw.source_id} is lost")
        elif row.content_hash != order_row(order).content_hash:
            found.append(f"{raw.source_id} differs")
        elif (row.deleted_at is not None) != order.deleted:
            found.append(f"{raw.source_id} is {'' if order.deleted else 'not '}deleted in the shop")
    for source_id, row in rows.items():
        if source_id not in present and row.deleted_at is None:
            found.append(f"{source_id} is gone from the shop")
        if created.get(source_id) != 1:
            found.append(f"{source_id} was created {created.get(source_id, 0)} times")
    unanswered = present - {raw.source_id for raw in shown.orders}
    return found + [f"{source_id} was not answered" for source_id in sorted(unanswered)]
