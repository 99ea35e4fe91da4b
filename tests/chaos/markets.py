"""The two shops of a run: they live by seed, and what they answer goes wrong by the weather."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from chaos.profiles import Profile, Weather
from ordermill.simulator.building import Shop
from ordermill.simulator.catalogue import Habits
from ordermill.simulator.clock import ScaledClock
from ordermill.simulator.courier import Mishaps
from ordermill.simulator.drafts import SetPrice, SetQuantity
from ordermill.simulator.faults import Faults
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life, Ways
from ordermill.simulator.orders import Order
from ordermill.simulator.server import Server, serve
from ordermill.simulator.shopify.face import ShopifyFace
from ordermill.simulator.woocommerce.face import WooCommerceFace
from ordermill_shopify import webhooks as shopify_webhooks
from ordermill_woocommerce import webhooks as woocommerce_webhooks

LATEST = 60
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
    hooked: bool = False

    HOME: ClassVar = "https://mill.test"  # where webhooks are sent; couriers know the processes

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

    @property
    def sender(self) -> Any:
        """What sends the shop's webhooks."""
        return self.face.hooks if self.platform == "woocommerce" else self.face.deliveries

    @property
    def webhook_secret(self) -> str:
        if self.platform == "shopify":
            return str(self.face.credentials.client_secret)
        return "a webhook secret of the shop, long enough for anyone"

    def subscribe(self) -> None:
        """Ask for webhooks, again for those that the shop has given up."""
        if not self.hooked:
            return
        to = f"{self.HOME}/webhooks/{self.handle}"
        if self.platform == "shopify":
            for topic in shopify_webhooks.TOPICS:  # one that is there is refused, and stays
                self.face.engine.subscriptions.create(topic, {"uri": to})
            return
        hooks = self.face.hooks
        for hook in hooks.all():
            if hook.status != "active":
                hooks.switch(hook.id, "active")
        for topic in set(woocommerce_webhooks.TOPICS) - {hook.topic for hook in hooks.all()}:
            hooks.create({"topic": topic, "delivery_url": to, "secret": self.webhook_secret})

    def calm(self) -> None:
        """Nothing goes wrong and nothing happens any more."""
        self.faults.stop()
        self.sender.mishaps = Mishaps()
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
    silent["withhold"] = 1
    markets = []
    for number, platform in enumerate(("woocommerce", "shopify")):
        ledger = Ledger(clock, seed=seed * 2 + number, shop=Shop(timezone=weather.timezone))
        ways = dict(silent) if platform == "woocommerce" else {
            "trash": 0, "untrash": 0, "purge": int(profile.sweep), "withhold": 1}  # fmt: skip
        habits = Habits()
        life = Life(
            ledger, seed=seed * 2 + number, habits=habits, ways=Ways(**ways | dict(weather.ways))
        )
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
        if weather.webhooks is not None:
            market.hooked = True
            market.sender.mishaps = weather.webhooks
            market.subscribe()
        life.place(8)
        ledger.lag = timedelta(seconds=weather.lag)
        if weather.between_pages:
            ledger.before_answer = _touching(market)
        markets.append(market)
    return markets


def _touching(market: Market) -> Any:
    """Rows move between two pages, some of those that were just read among them."""

    rng = random.Random(market.handle)

    def touch(request: Any) -> None:
        if ("orders" in request.path or "graphql" in request.path) and rng.random() < 0.3:
            moved = sorted(market.ledger.orders(), key=lambda order: order.modified_at)[-LATEST:]
            for order in rng.sample(moved, min(3, len(moved))):
                with suppress(KeyError):  # purged meanwhile
                    market.ledger.touch(order.id)

    return touch


def exchange(ledger: Ledger, rng: random.Random) -> None:
    """Of one order twice as many of something for half the price each: the totals stay, the items
    are others."""
    orders = [o for o in ledger.orders() if o.status == "processing" and not o.refunds]
    for order in rng.sample(orders, len(orders)):
        for line in order.lines:
            half = line.now.unit_price / 2
            if line.now.quantity and not line.now.discounts and half == round(half, 2):
                ledger.edit(
                    order.id, SetQuantity(line.id, line.now.quantity * 2), SetPrice(line.id, half)
                )
                return


class Living(threading.Thread):
    """Lets the shops live until told to stop; bursts put many orders into one second."""

    def __init__(self, markets: list[Market], weather: Weather, seed: int) -> None:
        super().__init__(daemon=True)
        self._markets = markets
        self._bursts = weather.bursts
        self._over = threading.Event()
        self._rng = random.Random(f"living {seed}")
        self.steps = 0

    def run(self) -> None:
        while not self._over.is_set():
            self.steps += 1
            for market in self._markets:
                market.life.step()
                if self._bursts and self.steps % 30 == 0:
                    market.life.burst(12)
                if self.steps % 10 == 0:
                    exchange(market.ledger, self._rng)
            time.sleep(PACE)

    def stop(self) -> None:
        self._over.set()
        self.join()
