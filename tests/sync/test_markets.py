"""The guarantee of reading: what a shop shows is in the store, once, whatever goes wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from ordermill.simulator.faults import Faults
from ordermill.store.database import Database
from sync.markets import PLATFORMS, Market, differences, markets, moved_in, settle

RATES: Any = {
    "429": 0.03, "500": 0.03, "503": 0.03, "reset": 0.03, "cut": 0.03, "cut_chunked": 0.02,
    "html": 0.03, "empty": 0.02, "warning": 0.02, "bom": 0.02, "fatal": 0.02, "maintenance": 0.02,
    "throttled": 0.03, "change": 0.10,
}  # fmt: skip

Open = Callable[..., Market]


@pytest.fixture
def market() -> Iterator[Open]:
    with markets() as begin:
        yield begin


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_shops_history_and_its_life_arrive_and_stay_equal(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform)
    shop.life.place(35)
    house = moved_in(shop, database)
    house.work()
    assert differences(shop, house) == []
    for _ in range(40):
        shop.life.step()
        shop.sleep(7)
    settle(shop, house)
    assert differences(shop, house) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("platform", PLATFORMS)
def test_under_every_fault_of_the_transport_nothing_is_lost_or_doubled(
    market: Open, database: Database, platform: str, seed: int
) -> None:
    faults = Faults(seed, RATES)
    shop = market(platform, seed=seed, faults=faults)
    faults._on_change = shop.life.step
    rng = random.Random(seed)
    shop.life.place(25)
    house = moved_in(shop, database)
    for _ in range(25):
        for _ in range(rng.randint(0, 3)):
            shop.life.step()
        if rng.random() < 0.1:
            shop.life.burst(rng.randint(2, 25))
        shop.sleep(rng.choice([1, 20, 70, 400]))
        house.work(ticks=2)
    faults.stop()
    settle(shop, house)
    assert differences(shop, house) == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_more_orders_in_one_second_than_a_page_holds_all_arrive(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform)
    with shop.ledger.one_second():
        shop.life.place(33)
    house = moved_in(shop, database)
    house.work()
    assert differences(shop, house) == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_orders_that_are_touched_between_two_pages_are_not_missed(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform)
    for _ in range(60):
        shop.life.place(1)
        shop.sleep(1)
    shop.sleep(5)
    touched = iter(list(shop.ledger.orders())[:45])

    def touch_three(_: object) -> None:
        for order in (next(touched, None) for _ in range(3)):
            if order is not None:
                shop.ledger.touch(order.id)

    shop.ledger.before_answer = touch_three
    house = moved_in(shop, database)
    house.work(ticks=1)
    shop.ledger.before_answer = None
    assert len(house.ids()) == 60


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_order_shown_later_than_its_date_is_stored_within_a_sweep(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform)
    shop.life.place(12)
    house = moved_in(shop, database)
    house.work()
    shop.ledger.lag = timedelta(seconds=900)
    shop.life.place(1)
    shop.ledger.lag = timedelta(0)
    shop.sleep(60)
    shop.life.place(3)
    settle(shop, house)
    assert differences(shop, house) == []
