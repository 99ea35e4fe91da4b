"""The proof of completeness: ids and contents, day by day, repaired and told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ordermill.errors import TransientSourceError
from ordermill.model.order import Order
from ordermill.store import integrations
from ordermill.store import orders as stored_orders
from ordermill.store.tables import orders as order_table
from ordermill.sync import report
from ordermill.sync.report import Day, Report
from orders import AT, an_item, an_order, changed
from sync.fakes import FakeShop
from sync.house import House

Start = Callable[..., House]
DAY = timedelta(days=1)


def placed(source_id: str, days_ago: int = 0, **other: Any) -> Order:
    at = AT - days_ago * DAY
    return changed(an_order(source_id, ordered_at=at, **other), shop_updated_at=at)


def fill(shop: FakeShop, count: int = 25) -> None:
    """Five orders a day."""
    shop.put(*(placed(str(n), n // 5) for n in range(count)))


def lines(found: Report) -> dict[str | None, Day]:
    """The days on which anything was; the sums must hold on each."""
    for day in found.days:
        assert day.in_shop == day.here + day.missing - day.gone - day.hidden
    return {day.day: day for day in found.days if day.in_shop or day.here}


def test_where_shop_and_store_agree_it_says_so_for_every_day(start: Start, shop: FakeShop) -> None:
    fill(shop)
    house = start(shop)
    house.work()
    found = house.reconcile()
    assert (found.agrees, found.sum.found, found.sum.repaired) == (True, 0, 0)
    assert {day: (one.in_shop, one.here) for day, one in lines(found).items()} == {
        f"2026-11-{24 - n}": (5, 5) for n in range(5)
    }
    assert found.days[0].day == "2026-10-25"
    run = house.reconciled()
    assert (run.result, run.total, run.fetched) == ("success", 25, 25)


def test_what_is_missing_changed_or_gone_is_told_by_its_day_and_repaired(
    start: Start, shop: FakeShop
) -> None:
    fill(shop)
    shop.invisible = {"7"}
    house = start(shop)
    house.work()
    shop.invisible = set()
    shop.put(placed("12", 2, items=(an_item(quantity=9),)))
    del shop.orders["23"]
    found = house.reconcile()
    days = lines(found)
    assert days["2026-11-23"] == Day(
        day="2026-11-23", in_shop=5, here=4, missing=1, repaired=1, named={"7": "missing"}
    )
    assert days["2026-11-22"] == Day(
        day="2026-11-22", in_shop=5, here=5, changed=1, repaired=1, named={"12": "changed"}
    )
    assert days["2026-11-20"] == Day(
        day="2026-11-20", in_shop=4, here=5, gone=1, repaired=1, named={"23": "gone"}
    )
    assert found.agrees
    assert house.ids() == [str(n) for n in range(25) if n != 23]
    assert house.order("12")["total"] == 90
    assert house.order("23")["deleted_by"] == "shop"
    again = house.reconcile()
    assert (again.sum.found, again.sum.repaired) == (0, 0)


def test_what_is_gone_keeps_its_row_and_is_decided_anew(start: Start, shop: FakeShop) -> None:
    """An invoiced one is flagged by that decision; its documents stay."""
    fill(shop)
    house = start(shop)
    house.work()
    with house.database.write() as conn:
        conn.execute(order_table.update().values(decide_at=None, status="invoiced"))
    del shop.orders["23"]
    house.reconcile()
    row = house.order("23")
    assert (row["status"], row["deleted_by"]) == ("invoiced", "shop")
    assert row["decide_at"] is not None


def test_a_shop_that_lists_fewer_orders_than_it_counts_is_a_failed_run_with_an_alarm(
    start: Start, shop: FakeShop
) -> None:
    fill(shop)
    house = start(shop)
    shop.invisible = shop.kept_back = {"7", "8", "12"}
    house.work()
    shop.invisible = set()
    found = house.reconcile()
    run = house.reconciled()
    assert run.result == "failure"
    assert "3 orders more than it lists (1 of 2026-11-22, 2 of 2026-11-23)" in run.error
    assert not found.agrees
    assert house.state().shortfall == 3
    assert ("shop", "fetch", "schema") in house.heard.errors
    assert (house.state().failures, house.state().backoff_until) == (0, None)
    shop.kept_back = set()
    assert house.reconcile().agrees
    assert (house.state().shortfall, house.reconciled().result) == (0, "success")


def test_what_is_in_no_list_and_answered_by_id_is_not_short(start: Start, shop: FakeShop) -> None:
    fill(shop)
    house = start(shop)
    house.work()
    shop.kept_back = {"7"}
    shop.put(placed("7", 1, customer_name="Late"))
    found = house.reconcile()
    assert found.sum.short == 0
    assert lines(found)["2026-11-23"].changed == 1
    assert house.order("7")["customer_name"] == "Late"


def test_an_order_purged_while_its_day_is_read_is_no_shortfall(
    start: Start, shop: FakeShop
) -> None:
    shop.put(*(placed(str(n)) for n in range(10, 35)))
    house = start(shop)
    house.work()

    def purge(asked: str) -> None:
        if shop.requests.count("backfill") == 32:  # the second page of the last day
            shop.orders.pop("34", None)

    shop.requests.clear()
    shop.before = purge
    found = house.reconcile()
    assert (found.sum.gone, found.sum.short) == (1, 0)
    assert house.reconciled().result == "success"


def test_what_cannot_be_seen_is_not_gone(start: Start, shop: FakeShop) -> None:
    fill(shop)
    house = start(shop)
    house.work()
    shop.hidden = {"7"}
    del shop.orders["7"]
    found = house.reconcile()
    assert (found.sum.gone, found.sum.hidden) == (0, 1)
    assert "7" in house.ids()


def test_orders_placed_before_the_window_and_changed_in_it_are_compared_too(
    start: Start, shop: FakeShop
) -> None:
    old = [changed(placed(str(n), 90), shop_updated_at=AT) for n in range(40, 45)]
    shop.put(*old, placed("50", 90))
    shop.invisible = {"44"}
    house = start(shop)
    house.work()
    shop.invisible = set()
    silent = changed(an_order("41", items=(an_item("Cup"),), ordered_at=AT - 90 * DAY))
    shop.put(silent)
    del shop.orders["42"]
    earlier = lines(house.reconcile())[None]
    assert (earlier.in_shop, earlier.here) == (4, 4)
    assert earlier.named == {"41": "changed", "42": "gone", "44": "missing"}
    assert earlier.repaired == 3
    assert house.ids() == ["40", "41", "43", "44", "50"]


def test_one_that_cannot_be_read_is_found_and_not_repaired(start: Start, shop: FakeShop) -> None:
    fill(shop)
    house = start(shop)
    house.work()
    shop.put(placed("99"), placed("3", customer_name="Other"))
    shop.broken = {"99", "3"}
    found = house.reconcile()
    day = lines(found)["2026-11-24"]
    assert day.named == {"3": "changed", "99": "missing"}
    assert (day.repaired, found.agrees) == (0, False)
    assert house.reconciled().result == "success"


def test_a_persons_delete_stays_and_counts_as_here(start: Start, shop: FakeShop) -> None:
    fill(shop)
    house = start(shop)
    house.work()
    with house.database.write() as conn:
        mine = order_table.c.source_id == "7"
        values = {"deleted_at": house.clock(), "deleted_by": "person"}
        conn.execute(order_table.update().where(mine).values(values))
    found = house.reconcile()
    assert (found.sum.found, lines(found)["2026-11-23"].here) == (0, 5)
    assert house.order("7")["deleted_by"] == "person"


def test_what_the_shop_trashed_is_gone_and_what_it_took_back_is_missing(
    start: Start, shop: FakeShop
) -> None:
    fill(shop)
    house = start(shop)
    house.work()
    shop.put(changed(shop.orders["3"], deleted=True))
    assert house.reconcile().sum.gone == 1
    assert "3" not in house.ids()
    shop.put(changed(shop.orders["3"], deleted=False))
    found = house.reconcile()
    assert (found.sum.missing, found.sum.repaired) == (1, 1)
    assert "3" in house.ids()


def test_an_older_answer_is_settled_by_id(start: Start, shop: FakeShop) -> None:
    shop.put(changed(placed("3", customer_name="New"), shop_updated_at=AT + timedelta(seconds=9)))
    house = start(shop)
    house.work()
    newest = shop.orders["3"]
    shop.put(placed("3", customer_name="From a cache"))

    def fresh_by_id(asked: str) -> None:
        if asked == "fetch_ids":
            shop.put(newest)

    shop.before = fresh_by_id
    found = house.reconcile()
    assert (found.sum.in_shop, found.sum.found) == (1, 0)
    assert house.order("3")["customer_name"] == "New"


def test_a_shop_that_fails_ends_it_and_it_is_not_begun_again_by_itself(
    start: Start, shop: FakeShop
) -> None:
    fill(shop)
    house = start(shop)
    house.work()

    def down(asked: str) -> None:
        if asked == "backfill":
            raise TransientSourceError("down")

    shop.before = down
    house.request_reconcile()
    house.work()
    assert (house.reconciled().result, house.reconciled().error) == ("failure", "down")
    shop.requests.clear()
    house.after(901)
    assert "backfill" not in shop.requests


@pytest.mark.parametrize("how", ["stopped", "killed", "paused"])
def test_one_that_was_interrupted_begins_again(start: Start, shop: FakeShop, how: str) -> None:
    fill(shop)
    house = start(shop)
    house.work()
    run = house.request_reconcile()
    shop.put(placed("99"))

    def interrupt(asked: str) -> None:
        if asked != "backfill":
            return
        if how == "stopped":
            house.engine._stopping.set()
        elif how == "killed":
            raise SystemExit
        else:
            with house.database.write() as conn:
                integrations.pause(
                    conn, "shop", reason="", by="operator", now=house.clock(), until=None
                )

    shop.before = interrupt
    house.work(ticks=1)
    assert house.reconciled().finished_at is None
    shop.before = lambda _: None
    house.clock.advance(3600)
    with house.database.write() as conn:
        integrations.resume(conn, "shop", now=house.clock())
    again = start(shop, owner="two")
    again.work()
    assert (again.reconciled().id, again.reconciled().result) == (run, "success")
    assert report.read(again.reconciled().report).agrees


def test_a_poll_goes_first_while_it_is_long(start: Start, shop: FakeShop) -> None:
    fill(shop)
    house = start(shop)
    house.work()
    house.request_reconcile()

    def new_order_meanwhile(asked: str) -> None:
        if asked == "backfill" and "900" not in shop.orders:
            shop.put(an_order("900", second=900, ordered_at=AT + timedelta(minutes=15)))
            house.request_sync()

    shop.before = new_order_meanwhile
    house.heard.pages.clear()
    house.work()
    modes = [mode for _, mode, _ in house.heard.pages]
    assert "incremental" in modes[modes.index("reconcile") :]
    found = report.read(house.reconciled().report)
    assert (found.sum.in_shop, found.sum.here, found.sum.missing) == (26, 26, 0)


def test_one_that_is_asked_for_twice_is_one(start: Start, shop: FakeShop) -> None:
    house = start(shop)
    house.work()
    assert house.request_reconcile() == house.request_reconcile()


def test_it_moves_no_bookmark(start: Start, shop: FakeShop) -> None:
    fill(shop)
    house = start(shop)
    house.work()
    before = house.state().bookmark
    shop.put(placed("99", customer_name="late"))
    house.reconcile()
    assert house.state().bookmark == before
    with house.database.read() as conn:
        assert stored_orders.get(conn, house.stored["shop"].id, "99") is not None
