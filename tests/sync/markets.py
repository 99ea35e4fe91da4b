"""Simulated shops over real HTTP, read by the real connectors, on a clock moved by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from ordermill.connector.base import Connector, Context, Unobserved
from ordermill.connector.registry import installed
from ordermill.simulator.clock import ManualClock
from ordermill.simulator.faults import Faults
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life, Ways
from ordermill.simulator.server import Server, serve
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
    """One shop: its books, its life, its server, and the connector that reads it."""

    clock: ManualClock
    ledger: Ledger
    life: Life
    server: Server
    connector: Connector
    house: House | None = None

    def sleep(self, seconds: float) -> None:
        """Time passes in small steps, so that leases are renewed as they are in a daemon."""
        while seconds > 0:
            self.clock.advance(min(seconds, 2.0))
            seconds -= 2.0
            if self.house is not None:
                self.house.engine.heartbeat()

    def close(self) -> None:
        self.connector.close()
        self.server.close()


def open_market(
    platform: str, *, seed: int = 1, page_size: int = 10, faults: Faults | None = None
) -> Market:
    """A shop of that platform, empty as yet."""
    clock = ManualClock(START)
    ledger = Ledger(clock, seed=seed)
    face, source, options = _face(platform, ledger)
    server = serve(face, faults=faults)
    plugin = installed()[source]
    ways = SILENT if source == "woocommerce" else Ways(purge=1, trash=0, untrash=0)
    market = Market(clock, ledger, Life(ledger, seed=seed, ways=ways), server, None)  # type: ignore[arg-type]
    context = Context("shop", clock.now, market.sleep, Unobserved(), page_size)
    values = plugin.options.model_validate(
        options | {"base_url": server.url, "allow_private_network": True}
    )
    market.connector = plugin.connect(values, context)
    return market


def _face(platform: str, ledger: Ledger) -> tuple[Any, str, Mapping[str, Any]]:
    if platform == "shopify":
        from ordermill.simulator.shopify.face import ShopifyFace

        face: Any = ShopifyFace(ledger)
        token = {"shop_domain": "acme.myshopify.com", "access_token": face.access_token}
        return face, "shopify", token
    from ordermill.simulator.woocommerce.face import WooCommerceFace

    storage = "hpos" if platform == "woo-hpos" else "posts"
    version = "7.9.0" if platform == "woo-7.9" else "11.0.1"
    face = WooCommerceFace(ledger, storage=storage, version=version)  # type: ignore[arg-type]
    keys = {"consumer_key": face.consumer_key, "consumer_secret": face.consumer_secret}
    return face, "woocommerce", keys


def moved_in(market: Market, database: Database, **options: Any) -> House:
    """A process that reads the market's shop."""
    house = House(database, market.clock.now, {"shop": market.connector}, **options)  # type: ignore[dict-item]
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
