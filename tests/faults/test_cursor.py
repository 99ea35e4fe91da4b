"""Part A of the fault catalogue: the watermark and the pages.

Each against simulated shops over HTTP, on both databases; nothing lost, nothing doubled.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from faults.looking import (
    A_MINUTE,
    NO_SWEEP,
    happened,
    read_in_last_pass,
    rows,
    stored_versions,
    versions,
)
from faults.rewriting import Rewritten
from ordermill.simulator.building import Shop as Settings
from ordermill.simulator.catalogue import HOME, PRODUCTS
from ordermill.simulator.clock import ManualClock
from ordermill.simulator.drafts import Draft, SetQuantity
from ordermill.simulator.faults import Faults
from ordermill.simulator.shopify.shop import SCOPES, App
from ordermill.store.database import Database
from sync.markets import START, Market, differences, moved_in, settle

Open = Callable[..., Market]
BOTH = pytest.mark.parametrize("platform", ["woo-hpos", "shopify"])
MUG = Draft((PRODUCTS[1],), rates=HOME.rates)


def poll(shop: Market, house: Any, times: int = 1) -> None:
    for _ in range(times):
        shop.sleep(A_MINUTE)
        house.work(ticks=1)


@BOTH
def test_a_second_order_of_a_second_that_was_read_is_stored_within_two_polls(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    at = shop.clock.now()
    first = shop.ledger.place(MUG, at=at).id
    shop.sleep(30)
    house.work()
    second = shop.ledger.place(MUG, at=at).id
    poll(shop, house, times=2)
    assert house.ids() == [str(first), str(second)]


@BOTH
def test_fifty_polls_of_one_order_make_one_row_and_no_version_more(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform)
    order = str(shop.ledger.place(MUG).id)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    poll(shop, house, times=50)
    assert house.ids() == [order]
    assert stored_versions(house) == 1
    assert happened(house, order) == ["order.created"]


@BOTH
def test_a_second_with_more_orders_than_a_page_that_are_touched_meanwhile_is_read_whole(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform)
    with shop.ledger.one_second():
        shop.life.place(25)
    shop.sleep(60)
    touched = iter(shop.ledger.orders()[:12])

    def touch_three(_: object) -> None:
        for order in [next(touched, None) for _ in range(3)]:
            if order is not None:
                shop.ledger.touch(order.id)

    shop.ledger.before_answer = touch_three
    house = moved_in(shop, database, sweep=NO_SWEEP)
    house.work(ticks=1)
    assert len(house.ids()) == 25


@pytest.mark.parametrize("broken", ["500", "html", "empty", "cut", "reset"])
@BOTH
def test_a_page_that_fails_is_no_last_page(
    market: Open, database: Database, platform: str, broken: Any
) -> None:
    """Each of the connector's attempts at the page fails; what came before stays."""
    faults = Faults()
    shop = market(platform, faults=faults)
    for second in range(35):
        shop.ledger.place(MUG, at=START + timedelta(seconds=second))
    shop.sleep(60)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    faults.plan([None] * 3 + [broken] * 20)
    house.work(ticks=1)
    faults.stop()
    assert 0 < len(house.ids()) < 35
    assert len(house.heard.errors) == 1
    assert house.last_run().result == "partial"
    shop.sleep(900)
    house.work(ticks=1)
    assert differences(shop, house) == []


@pytest.mark.parametrize("seconds", [-60, 7, 60])
@BOTH
def test_a_clock_that_is_wrong_loses_nothing(
    market: Open, database: Database, platform: str, seconds: int
) -> None:
    shop = market(platform, ahead=timedelta(seconds=seconds))
    shop.life.place(12)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    for _ in range(8):
        shop.life.place(2)
        shop.life.burst(3)
        poll(shop, house)
    poll(shop, house, times=6)
    assert differences(shop, house) == []


@pytest.mark.parametrize("zone", ["Europe/Ljubljana", "America/New_York", "Asia/Kathmandu"])
def test_a_site_in_any_time_zone_is_read_whole_and_hardly_twice(
    market: Open, database: Database, zone: str
) -> None:
    shop = market("woo-hpos", settings=Settings(timezone=zone))
    house = moved_in(shop, database, sweep=NO_SWEEP)
    shop.life.place(12)
    for _ in range(12):
        shop.life.place(3)
        house.heard.ingested.clear()
        poll(shop, house)
        assert max(read_in_last_pass(house).values()) <= 3
    assert differences(shop, house) == []


def test_orders_in_the_hour_that_a_zone_has_twice_are_told_apart(
    market: Open, database: Database
) -> None:
    """02:30 summer time and 02:30 winter time, an hour later."""
    clock = ManualClock(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    shop = market("woo-hpos", clock=clock)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    summer = str(shop.ledger.place(MUG).id)
    house.work(ticks=1)
    shop.sleep(3600)
    winter = str(shop.ledger.place(MUG).id)
    poll(shop, house)
    shop.ledger.annotate(int(summer), note="later")
    poll(shop, house)
    times = [house.order(order)["ordered_at"] for order in (summer, winter)]
    assert times[1] - times[0] == timedelta(hours=1)
    assert house.order(summer)["customer"] != house.order(winter)["customer"]
    assert differences(shop, house) == []


@BOTH
def test_an_old_order_that_is_edited_is_read_again(
    market: Open, database: Database, platform: str
) -> None:
    """What filters by the day of creation would not see it."""
    shop = market(platform)
    order = shop.ledger.place(MUG, at=START - timedelta(days=200))
    house = moved_in(shop, database, sweep=NO_SWEEP)
    house.work()
    shop.sleep(3600)
    shop.ledger.edit(order.id, SetQuantity(order.lines[0].id, Decimal(3)))
    poll(shop, house)
    assert house.order(str(order.id))["total_with_tax"] == shop.ledger.order(order.id).totals.total  # type: ignore[union-attr]


@pytest.mark.parametrize("platform", ["woo-hpos", "woo-posts", "woo-7.9"])
def test_a_refund_that_moved_no_date_is_stored_within_a_sweep(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform)
    order = shop.ledger.place(MUG, paid=True)
    house = moved_in(shop, database)
    shop.sleep(600)
    shop.ledger.place(MUG)
    house.work()
    shop.ledger.refund(order.id, amount=Decimal("5.00"))
    shop.ledger.set_modified(order.id, order.modified_at)
    poll(shop, house)
    assert house.order(str(order.id))["owed"] == order.totals.total
    settle(shop, house, times=1)
    assert house.order(str(order.id))["owed"] == order.totals.total - Decimal("5.00")


def test_refunds_that_the_list_leaves_out_are_asked_for(market: Open, database: Database) -> None:
    def emptied(rows: Any) -> Any:
        return [row | {"refunds": []} for row in rows]

    shop = market("woo-hpos", behind=lambda face: Rewritten(face, "/orders", emptied))
    order = shop.ledger.place(MUG, paid=True)
    shop.ledger.refund(order.id, everything=True)
    house = moved_in(shop, database)
    house.work()
    assert house.order(str(order.id))["owed"] == 0
    assert house.order(str(order.id))["refunded"]


@BOTH
def test_a_hundred_looks_at_an_order_change_nothing(
    market: Open, database: Database, platform: str
) -> None:
    """Order tables of WooCommerce move the date when an order is only viewed or saved."""
    shop = market(platform)
    order = shop.ledger.place(MUG)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    for _ in range(25):
        for _ in range(4):
            shop.sleep(1)
            shop.ledger.touch(order.id)
        poll(shop, house)
    assert versions(house, str(order.id)) == 1
    assert happened(house, str(order.id)) == ["order.created"]


def test_a_trashed_order_is_marked_and_comes_back(market: Open, database: Database) -> None:
    shop = market("woo-hpos")
    order = str(shop.ledger.place(MUG, paid=True).id)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    house.work()
    shop.ledger.trash(int(order))
    poll(shop, house)
    assert house.ids() == []
    assert house.order(order)["deleted_by"] == "shop"
    shop.ledger.untrash(int(order))
    poll(shop, house)
    assert house.ids() == [order]
    told = [event for event in happened(house, order) if event != "order.updated"]
    assert told == ["order.created", "order.gone", "order.restored"]


@BOTH
def test_a_purged_order_is_marked_by_the_sweep_and_its_row_stays(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform)
    gone, stays = (str(shop.ledger.place(MUG).id) for _ in range(2))
    house = moved_in(shop, database)
    house.work()
    shop.ledger.purge(int(gone))
    settle(shop, house, times=1)
    assert house.ids() == [stays]
    assert happened(house, gone) == ["order.created", "order.gone"]
    assert len(rows(house)) == 2


def test_closed_and_cancelled_orders_of_shopify_are_read(market: Open, database: Database) -> None:
    shop = market("shopify")
    closed, cancelled, both = (shop.ledger.place(MUG, paid=True).id for _ in range(3))
    shop.ledger.close(closed)
    shop.ledger.cancel(cancelled)
    shop.ledger.close(shop.ledger.cancel(both).id)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    house.work()
    assert house.ids() == [str(closed), str(cancelled), str(both)]
    assert house.order(str(cancelled))["cancelled"]


def test_an_order_that_shopify_hides_after_sixty_days_is_not_gone(
    market: Open, database: Database
) -> None:
    app = App(scopes=SCOPES - {"read_all_orders"})
    shop = market("shopify", app=app)
    old = str(shop.ledger.place(MUG).id)
    house = moved_in(shop, database)
    house.work()
    shop.clock.advance(timedelta(days=61).total_seconds())
    new = str(shop.ledger.place(MUG).id)
    settle(shop, house)
    assert house.ids() == [old, new]
    assert any("read_all_orders" in problem for problem in shop.connector.check().problems)


@BOTH
def test_ids_that_do_not_follow_the_time_are_all_read(
    market: Open, database: Database, platform: str
) -> None:
    """As after an import: the newest ids are the oldest orders."""
    shop = market(platform)
    for days in (3, 90, 1, 40, 70, 2, 60, 20, 50, 10, 80, 30, 5):
        shop.ledger.place(MUG, at=START - timedelta(days=days))
    shop.life.place(15)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    house.work()
    assert differences(shop, house) == []


@BOTH
def test_an_order_of_600_lines_has_them_all(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform)
    (order,) = shop.life.place(1, lines=600)
    house = moved_in(shop, database)
    house.work()
    stored = house.order(str(order.id))
    items = json.loads(stored["items"])
    assert sum(1 for item in items if item["kind"] == "line_item") == 600
    assert stored["total_with_tax"] == order.totals.total
    assert differences(shop, house) == []


@BOTH
def test_a_version_of_the_api_that_ended_is_noticed_and_read_on(
    market: Open, database: Database, platform: str
) -> None:
    """Shopify answers with the oldest version that it still serves; WooCommerce has no such."""
    if platform != "shopify":
        shop = market("woo-7.9")
        assert shop.connector.check().version == "7.9.0"
        return
    shop = market(platform, supported=("2027-01", "2027-04"))
    shop.life.place(3)
    house = moved_in(shop, database)
    house.work()
    assert len(house.ids()) == 3
    assert any("2027-01" in problem for problem in shop.connector.check().problems)
