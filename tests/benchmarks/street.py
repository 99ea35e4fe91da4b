"""Many living shops behind one port: every other one WooCommerce, the others Shopify.

    python -m tests.benchmarks.street --shops 100 --per-second 8

``--faster`` is how much faster than meant their time passes for Shopify's budget of points.
With ``--orders`` they are all large WooCommerce shops (prepared.py) in which nothing happens.

A shop is known by the address it is called at: 127.0.0.2 is the first, 127.0.0.3 the second, and so
on, all of them this machine (of Linux). The first line of output is JSON: the port, and of each
shop its platform and keys. ``POST /_street/calm`` ends all happenings, ``POST /_street/slow`` makes
each answer of a shop take so many seconds; ``GET /_street/books`` has each shop's orders with how
often its items changed, and how many requests there were.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from ordermill.simulator.clock import Clock, ScaledClock
from ordermill.simulator.drafts import Edit
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life, Ways
from ordermill.simulator.orders import Order, Refund
from ordermill.simulator.server import Answer, Request, Server, serve
from ordermill.simulator.shopify.face import ShopifyFace
from ordermill.simulator.shopify.shop import App
from ordermill.simulator.shopify.throttle import Size
from ordermill.simulator.woocommerce.face import WooCommerceFace
from ordermill.simulator.woocommerce.prepared import PreparedShop

FIRST = 2  # of the addresses; 127.0.0.1 is left to others
WAYS = {"woocommerce": Ways(), "shopify": Ways(cancel=3, trash=0, untrash=0, purge=2)}
BEFORE = 5  # orders that each shop has when the daemon meets it


class Edited(Ledger):
    """Counts how often the items of each order changed: nothing else asks for a reissue. A piece
    that is taken back for nothing (it was free) leaves the items, and no money says so."""

    def __init__(self, clock: Clock, seed: int) -> None:
        super().__init__(clock, seed)
        self.edits: Counter[int] = Counter()

    def edit(self, order_id: int, *edits: Edit, **options: Any) -> Order:
        self.edits[order_id] += len(edits)
        return super().edit(order_id, *edits, **options)

    def refund(self, order_id: int, *what: Any, **options: Any) -> Refund:
        given = super().refund(order_id, *what, **options)
        self.edits[order_id] += not given.amount
        return given


@dataclass
class House:
    """One shop of the street."""

    platform: str
    face: Any
    ledger: Edited | None = None
    life: Life | None = None
    slow: float = 0.0

    def keys(self) -> dict[str, str]:
        if self.platform == "shopify":
            return {"access_token": self.face.access_token}
        keys = self.face
        return {"consumer_key": keys.consumer_key, "consumer_secret": keys.consumer_secret}


class Street:
    """A face that answers as the shop whose address was called."""

    def __init__(self, shops: int, seed: int, orders: int | None, faster: float) -> None:
        clock = ScaledClock(datetime.now(UTC))
        self.houses = [
            _house(number, clock, seed + number, faster)
            if orders is None
            else House("woocommerce", PreparedShop(orders, seed + number, clock=clock))
            for number in range(shops)
        ]
        self.asked: Counter[int] = Counter()
        self.calm = threading.Event()

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/_street/"):
            return self._control(request)
        host = request.base_url.removeprefix("http://").partition(":")[0]
        number = int(host.rpartition(".")[2]) - FIRST
        house = self.houses[number]
        self.asked[number] += 1
        if house.slow:
            time.sleep(house.slow)
        return house.face.answer(request)

    def live(self, per_second: float, seed: int) -> None:
        """Something happens in some shop, again and again, until calm is asked for."""
        rng = Random(f"street {seed}")
        living = [house.life for house in self.houses if house.life is not None]
        while living and not self.calm.wait(rng.expovariate(per_second)):
            rng.choice(living).step()

    def _control(self, request: Request) -> Answer:
        what = request.path.rpartition("/")[2]
        if what == "calm":
            self.calm.set()
        elif what == "slow":
            self.houses[int(request.params["shop"])].slow = float(request.params["seconds"])
        else:
            return Answer.of([self._told(number) for number in range(len(self.houses))])
        return Answer.of({})

    def _told(self, number: int) -> dict[str, Any]:
        ledger, requests = self.houses[number].ledger, self.asked[number]
        if ledger is None:
            return {"orders": {}, "requests": requests}
        orders = {str(order.id): ledger.edits[order.id] for order in ledger.orders()}
        return {"orders": orders, "requests": requests}


def _house(number: int, clock: Clock, seed: int, faster: float) -> House:
    platform = ("woocommerce", "shopify")[number % 2]
    ledger = Edited(clock, seed)
    life = Life(ledger, seed, ways=WAYS[platform])
    life.place(BEFORE)
    if platform == "woocommerce":
        return House(platform, WooCommerceFace(ledger), ledger, life)
    usual = Size()
    app = App(size=Size(usual.maximum, usual.restore * faster))
    return House(platform, ShopifyFace(ledger, app=app), ledger, life)


def _log_kept_short(server: Server) -> None:
    """Hours of requests are not kept."""
    while True:
        time.sleep(10)
        server.requests.clear()
        for text in server.errors:
            print(text, flush=True)
        server.errors.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=100)
    parser.add_argument("--per-second", type=float, default=8.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--orders", type=int)
    parser.add_argument("--faster", type=float, default=1.0)
    given = parser.parse_args()
    street = Street(given.shops, given.seed, given.orders, given.faster)
    with serve(street, "0.0.0.0") as server:
        shops = [{"platform": one.platform, **one.keys()} for one in street.houses]
        print(json.dumps({"port": server.port, "shops": shops}), flush=True)
        threading.Thread(target=_log_kept_short, args=(server,), daemon=True).start()
        street.live(given.per_second, given.seed)
        threading.Event().wait()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(0) from None
