"""Part B of the fault catalogue: what happens on the way between a shop and us.

Each against simulated shops over HTTP, on both databases. The deadline of a request, the cap on an
answer's size and redirects are tested where they are kept: tests/connector.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from faults.looking import A_MINUTE, NO_SWEEP, happened, rows, stored_versions, versions
from faults.rewriting import Rewritten, StaleCache
from ordermill.simulator.catalogue import HOME, PRODUCTS
from ordermill.simulator.drafts import Draft
from ordermill.simulator.faults import Faults
from ordermill.simulator.server import Answer, Face, Request
from ordermill.store.database import Database
from orders import an_order
from sync.fakes import FakeShop
from sync.house import LONG, House
from sync.markets import Market, differences, moved_in, settle

Open = Callable[..., Market]
BOTH = pytest.mark.parametrize("platform", ["woo-hpos", "shopify"])
MUG = Draft((PRODUCTS[1],), rates=HOME.rates)


def poll(shop: Market, house: House) -> None:
    shop.sleep(A_MINUTE)
    house.work(ticks=1)


@pytest.mark.parametrize(
    ("platform", "rates"),
    [("woo-hpos", {"429": 0.4}), ("shopify", {"429": 0.3, "throttled": 0.1})],
)
def test_a_shop_that_asks_for_pauses_gets_them(
    market: Open, database: Database, platform: str, rates: Any
) -> None:
    faults = Faults(7, rates, retry_after=7)
    shop = market(platform, faults=faults)
    shop.life.place(25)
    times: list[Any] = []
    shop.ledger.before_answer = lambda _: times.append(shop.clock.now())
    house = moved_in(shop, database)
    for _ in range(6):
        shop.life.place(1)
        poll(shop, house)
    asked = [request.status for request in shop.server.requests]
    assert asked.count(429) > 2
    for status, at, following in zip(asked, times, times[1:], strict=False):
        if status == 429:
            assert following - at >= timedelta(seconds=7)
    faults.stop()
    settle(shop, house)
    assert differences(shop, house) == []


@BOTH
def test_a_minute_of_503_costs_few_requests_and_no_order(
    market: Open, database: Database, platform: str
) -> None:
    faults = Faults()
    shop = market(platform, faults=faults)
    shop.life.place(5)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    house.work()
    faults._rates["503"] = 1.0
    before, end = len(shop.server.requests), shop.clock.now() + timedelta(seconds=60)
    while shop.clock.now() < end:
        house.request_sync()
        shop.sleep(5)
        house.engine.tick()
        assert house.engine.join(LONG)
        if house.state().failures:
            break
    while shop.clock.now() < end:
        shop.sleep(5)
        house.work(ticks=1)
    assert len(shop.server.requests) - before <= 12
    faults.stop()
    shop.life.place(3)
    for _ in range(2):
        shop.sleep(120)
        house.work(ticks=1)
    assert differences(shop, house) == []


BROKEN = [
    "html", "login", "bot_wall", "empty", "warning", "fatal", "maintenance", "database", "no_route",
    "cut", "cut_chunked", "reset",
]  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
@BOTH
def test_an_answer_that_is_none_changes_nothing_and_is_counted(
    market: Open, database: Database, platform: str, broken: Any
) -> None:
    faults = Faults()
    shop = market(platform, faults=faults)
    shop.life.place(3)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    house.work()
    before = rows(house)
    shop.life.place(1)
    faults._rates[broken] = 1.0
    poll(shop, house)
    assert rows(house) == before
    assert len(house.heard.errors) == 1
    assert house.state().paused_by is None
    faults.stop()
    shop.sleep(900)
    house.work(ticks=1)
    assert differences(shop, house) == []


class Commented:
    """A plug-in writes a comment behind every answer."""

    def __init__(self, face: Any) -> None:
        self._face = face
        self.ledger = face.ledger
        self.writes = False

    def answer(self, request: Request) -> Answer:
        answer: Answer = self._face.answer(request)
        more = b"<!-- served from cache -->" if self.writes else b""
        return Answer(answer.status, answer.body + more, answer.headers)


@BOTH
def test_what_follows_the_json_makes_it_none(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform, behind=Commented)
    shop.life.place(2)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    shop.server.face.writes = True  # type: ignore[attr-defined]
    house.work()
    assert house.ids() == []
    assert len(house.heard.errors) == 1
    shop.server.face.writes = False  # type: ignore[attr-defined]
    shop.sleep(900)
    house.work(ticks=1)
    assert len(house.ids()) == 2


@BOTH
def test_an_answer_that_is_cut_once_is_asked_for_again_at_once(
    market: Open, database: Database, platform: str
) -> None:
    faults = Faults()
    shop = market(platform, faults=faults)
    shop.life.place(25)
    faults.plan([None, "cut", None, "cut_chunked", None, "reset"])
    house = moved_in(shop, database)
    house.work(ticks=1)
    assert house.heard.errors == []
    assert len(house.ids()) == 25


@BOTH
def test_a_fifth_of_all_connections_may_break(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform, faults=Faults(3, {"reset": 0.2}))
    house = moved_in(shop, database)
    for _ in range(5):
        shop.life.place(7)
        poll(shop, house)
    shop.server.faults.stop()  # type: ignore[union-attr]
    settle(shop, house)
    assert differences(shop, house) == []


def test_a_shop_that_never_answers_delays_no_other(database: Database, clock: Any) -> None:
    """Its thread waits; the other shop is polled on time, again and again."""
    stuck, healthy = FakeShop(), FakeShop()
    asked, answered = threading.Event(), threading.Event()

    def never(_: str) -> None:
        asked.set()
        answered.wait(60)

    stuck.before = never
    house = House(database, clock, {"stuck": stuck, "healthy": healthy})
    try:
        for n in range(1, 6):
            healthy.put(an_order(str(n), second=n))
            house.engine.tick()
            assert asked.wait(10)
            until_read(house, n)
            clock.advance(61)
            house.engine.heartbeat()
        assert house.engine.busy("stuck")
    finally:
        answered.set()
        house.engine.stop(LONG)


def until_read(house: House, count: int) -> None:
    """Wait for the passes that are under way, but for the one that never ends."""
    from concurrent.futures import wait

    with house.engine._guard:
        others = [future for h, (_, future) in house.engine._busy.items() if h != "stuck"]
    assert not wait(others, 30).not_done
    assert house.ids("healthy") == [str(n) for n in range(1, count + 1)]


def doubled(rows: Any) -> Any:
    return [*rows, *rows[:1]] if len(rows) < 10 else rows


def test_an_order_that_is_twice_in_a_page_is_one(market: Open, database: Database) -> None:
    shop = market("woo-hpos", behind=lambda face: Rewritten(face, "/orders", doubled))
    shop.life.place(7)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    house.work()
    poll(shop, house)
    assert len(rows(house)) == 7
    assert stored_versions(house) == 7


def test_an_order_that_is_on_two_pages_is_one(market: Open, database: Database) -> None:
    """Each page repeats the last second of the one before."""
    shop = market("woo-hpos")
    for _ in range(8):
        shop.sleep(1)
        shop.life.burst(6)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    house.work()
    assert len(house.heard.ingested) > 48
    assert len(rows(house)) == 48
    assert stored_versions(house) == 48


@pytest.mark.parametrize("by_id", [False, True], ids=["lists", "everything"])
def test_a_cache_that_answers_an_older_version_does_not_bring_it_back(
    market: Open, database: Database, by_id: bool
) -> None:
    shop = market("woo-hpos", behind=StaleCache)
    cache: Any = shop.server.face
    order = shop.ledger.place(MUG)
    house = moved_in(shop, database)
    house.work()
    shop.sleep(30)
    shop.ledger.annotate(order.id, note="second version")
    poll(shop, house)
    cache.stale, cache.by_id = True, by_id
    for _ in range(3):
        poll(shop, house)
    if not by_id:
        assert versions(house, str(order.id)) == 2
    cache.stale = False
    settle(shop, house)
    assert "second version" in house.order(str(order.id))["customer"]
    assert differences(shop, house) == []


@BOTH
def test_two_shops_with_the_same_ids_are_kept_apart(
    market: Open, database: Database, platform: str
) -> None:
    one, two = market(platform, seed=1), market(platform, seed=1)
    for shop in (one, two):
        shop.life.place(20)
    two.ledger.annotate(two.ledger.orders()[0].id, note="of the second shop")
    shops: Any = {"one": one.connector, "two": two.connector}
    house = House(database, one.now, shops)
    house.work()
    assert house.ids("one") == house.ids("two")
    assert len(rows(house)) == 40
    first = str(one.ledger.orders()[0].id)
    assert house.order(first, "one")["customer"] != house.order(first, "two")["customer"]
    house.engine.stop(LONG)


@BOTH
def test_a_revoked_key_stops_its_shop_alone_and_hardly_asks(
    market: Open, database: Database, platform: str
) -> None:
    """401 for twenty intervals of the poll."""
    revoked = market(platform, behind=Revoked)
    healthy = market(platform, clock=revoked.clock)
    for shop in (revoked, healthy):
        shop.life.place(3)
    shops: Any = {"revoked": revoked.connector, "healthy": healthy.connector}
    house = House(database, revoked.now, shops)
    for _ in range(20):
        healthy.life.place(1)
        revoked.clock.advance(A_MINUTE)
        house.work(ticks=2)
    assert len(house.ids("healthy")) == 23
    assert len(revoked.server.requests) <= 6
    assert house.state("revoked").paused_by == "auth"
    assert house.state("healthy").failures == 0
    house.engine.stop(LONG)


class Revoked:
    """The shop takes no key."""

    def __init__(self, face: Face) -> None:
        self.ledger = face.ledger  # type: ignore[attr-defined]

    def answer(self, request: Request) -> Answer:
        code = "woocommerce_rest_authentication_error"
        body = {"code": code, "message": "no", "data": {"status": 401}, "errors": "[API] Invalid"}
        return Answer(401, json.dumps(body).encode(), {"Content-Type": "application/json"})


def test_what_happened_to_an_order_is_told_once(market: Open, database: Database) -> None:
    """Whatever the connection did meanwhile."""
    shop = market("woo-hpos", faults=Faults(5, {"reset": 0.3, "cut": 0.2}))
    order = shop.ledger.place(MUG)
    house = moved_in(shop, database)
    for _ in range(8):
        poll(shop, house)
    shop.ledger.pay(order.id)
    settle(shop, house)
    assert happened(house, str(order.id)) == ["order.created", "order.updated"]
