"""The two shops of a run: they live by seed, and what they answer goes wrong by the weather."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chaos.profiles import Profile, Weather
from ordermill.simulator.building import Shop
from ordermill.simulator.catalogue import Habits
from ordermill.simulator.clock import ScaledClock
from ordermill.simulator.faults import Faults
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life, Ways
from ordermill.simulator.orders import Order
from ordermill.simulator.server import Server, serve
from ordermill.simulator.shopify.face import ShopifyFace
from ordermill.simulator.woocommerce.face import WooCommerceFace

PACE = 0.06  # seconds between two happenings in each shop


@dataclass
class Market:
    """One shop. ``handle`` is its integration's."""

    handle: str
    ledger: Ledger
    life: Life
    faults: Faults
    server: Server
    face: Any
    platform: str
    changes: Counter[int] = field(default_factory=Counter)  # of what is billed, by order
    purged: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Every change passes here, those that no date tells of as well."""
        keep, purge = self.ledger._keep, self.ledger.purge

        def kept(before: Order | None, after: Order, **how: Any) -> Order:
            if before is not None and billable(before) != billable(after):
                self.changes[after.id] += 1
            return keep(before, after, **how)

        def purged(order_id: int) -> None:
            self.purged.add(str(order_id))
            purge(order_id)

        self.ledger._keep = kept  # type: ignore[method-assign]
        self.ledger.purge = purged  # type: ignore[method-assign]

    def calm(self) -> None:
        """Nothing goes wrong and nothing happens any more."""
        self.faults.stop()
        self.ledger.lag = timedelta(0)
        self.ledger.before_answer = None


def billable(order: Order) -> tuple[Any, ...]:
    """What of an order a document says, and what decides whether there is one."""
    lines = tuple((line.id, line.now) for line in order.lines)
    more = tuple((each.id, each.now) for each in (*order.shipping, *order.charges))
    ended = order.status in ("cancelled", "trash")
    return (lines, more, order.totals, order.refunds, ended, order.cancelled_at)


def open_markets(seed: int, profile: Profile, weather: Weather, stack: ExitStack) -> list[Market]:
    """Both shops, serving, with a few orders each."""
    clock = ScaledClock(datetime.now(UTC) + timedelta(seconds=weather.skew))
    silent = {"purge": 1, "delete_refund": 1} if profile.sweep else {"trash": 0, "untrash": 0}
    markets = []
    for number, platform in enumerate(("woocommerce", "shopify")):
        ledger = Ledger(clock, seed=seed * 2 + number, shop=Shop(timezone=weather.timezone))
        ways = dict(silent) if platform == "woocommerce" else {
            "trash": 0, "untrash": 0, "purge": int(profile.sweep)}  # fmt: skip
        habits = Habits()
        life = Life(ledger, seed=seed * 2 + number, habits=habits, ways=Ways(**ways))
        faults = Faults(
            seed, dict(weather.rates), on_change=life.step, slow_seconds=0.3, retry_after=0
        )  # type: ignore[arg-type]
        face: Any = (
            WooCommerceFace(ledger, storage=weather.storage)
            if platform == "woocommerce"
            else ShopifyFace(ledger)
        )
        server = stack.enter_context(serve(face, faults=faults))
        market = Market(f"shop-{platform}", ledger, life, faults, server, face, platform)
        life.place(8)
        ledger.lag = timedelta(seconds=weather.lag)
        if weather.between_pages:
            ledger.before_answer = _touching(market)
        markets.append(market)
    return markets


def _touching(market: Market) -> Any:
    """Rows move between two pages."""

    def touch(request: Any) -> None:
        if "orders" in request.path or "graphql" in request.path:
            for order in market.ledger.orders()[-3:]:
                market.ledger.touch(order.id)

    return touch


class Living(threading.Thread):
    """Lets the shops live until told to stop; bursts put many orders into one second."""

    def __init__(self, markets: list[Market], weather: Weather, seed: int) -> None:
        super().__init__(daemon=True)
        self._markets = markets
        self._bursts = weather.bursts
        self._over = threading.Event()
        self._seed = seed
        self.steps = 0

    def run(self) -> None:
        while not self._over.is_set():
            for market in self._markets:
                market.life.step()
                self.steps += 1
                if self._bursts and self.steps % 60 == 0:
                    market.life.burst(12)
            time.sleep(PACE)

    def stop(self) -> None:
        self._over.set()
        self.join()
