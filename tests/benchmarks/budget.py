"""A long catch-up on Shopify: how much of the budget it uses, and how often it is refused."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.benchmarks.measure import Table

from ordermill.connector.base import By, Context, Unobserved, Window
from ordermill.simulator.clock import ManualClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life
from ordermill.simulator.server import serve
from ordermill.simulator.shopify.face import ShopifyFace
from ordermill.simulator.shopify.shop import DOMAIN, App
from ordermill.simulator.shopify.throttle import Size
from ordermill_shopify.connector import ShopifyConnector
from ordermill_shopify.options import Options

START = datetime(2026, 11, 1, tzinfo=UTC)
ORDERS = 20_000
EVERY = 10.0  # seconds between two orders
# What a request takes, by the shop's clock.
LATENCY = 0.5
PLANS = {
    "standard": Size(2000.0, 100.0),
    "advanced": Size(4000.0, 200.0),
}
NOTES = (
    f"{ORDERS:,} orders of a simulated Shopify, read over HTTP from the first to the last by the"
    " connector as a poll does it, in the shop's own time: it stands still but for the pauses that"
    f" the connector makes and {LATENCY} s for each request. *of the budget*: points used, of those"
    " in the bucket at the start and restored until the end. *refused* are requests that the shop"
    " refused for want of points.",
    "",
    "Goals: at least 90 % of the budget where it is what limits, at most one refusal a minute.",
)


class Watch(Unobserved):
    """Adds up what the shop says each answer cost, and its refusals."""

    def __init__(self) -> None:
        self.requests = 0
        self.used = 0.0
        self.refused = 0

    def request(self, operation: str, code: str, seconds: float) -> None:
        self.requests += 1

    def retry(self, operation: str, reason: str) -> None:
        self.refused += reason == "throttled"

    def budget(self, capacity: float, available: float, used: float) -> None:
        self.used += used


@dataclass(frozen=True, slots=True)
class CatchUp:
    """One pass, in the shop's time."""

    orders: int
    minutes: float
    share: float
    requests: int
    refused: int


def measure(rounds: int) -> Table:
    ledger, clock = filled(ORDERS)
    rows = []
    for name, size in PLANS.items():
        rows.append(_row(name, size, catch_up(ledger, clock, size)))
        print(f"budget of {name}: {rows[-1]}", file=sys.stderr, flush=True)
    head = (
        "plan", "points", "restored a second", "orders", "requests", "minutes", "of the budget",
        "refused",
    )  # fmt: skip
    return Table("Shopify's budget", head, rows, NOTES)


def filled(orders: int) -> tuple[Ledger, ManualClock]:
    """A shop that has sold something every few seconds."""
    clock = ManualClock(START)
    ledger = Ledger(clock, seed=0)
    life = Life(ledger, seed=0)
    for _ in range(orders):
        clock.advance(EVERY)
        life.place()
    clock.advance(timedelta(hours=1).total_seconds())
    return ledger, clock


def catch_up(ledger: Ledger, clock: ManualClock, size: Size) -> CatchUp:
    """Read everything with a full bucket of that size."""
    ledger.before_answer = lambda request: clock.advance(LATENCY)
    face, watch = ShopifyFace(ledger, app=App(size=size)), Watch()
    with serve(face) as server:
        options = Options.model_validate({
            "shop_domain": DOMAIN, "access_token": face.access_token,
            "base_url": server.url, "allow_private_network": True,
        })  # fmt: skip
        shop = ShopifyConnector(options, Context("bench", clock.now, clock.sleep, watch))
        began, orders, cursor, ended = clock.now(), 0, None, False
        while not ended:
            page = shop.fetch(Window(by=By.CHANGED, since=START), cursor)
            orders += len(page.orders)
            cursor, ended = page.cursor, page.cursor is None
        shop.close()
    seconds = (clock.now() - began).total_seconds()
    allowed = size.maximum + size.restore * seconds
    return CatchUp(orders, seconds / 60, watch.used / allowed, watch.requests, watch.refused)


def _row(plan: str, size: Size, found: CatchUp) -> tuple[str, ...]:
    return (
        plan, f"{size.maximum:,.0f}", f"{size.restore:,.0f}", f"{found.orders:,}",
        f"{found.requests:,}", f"{found.minutes:.1f}", f"{found.share * 100:.0f} %",
        f"{found.refused}",
    )  # fmt: skip
