"""Nothing lost, nothing doubled, whatever the shop does between and inside passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ordermill.errors import (
    CredentialsRefused,
    InvalidAnswer,
    RateLimited,
    SourceError,
    SourceUnsupported,
    TransientSourceError,
)
from ordermill.store import integrations
from orders import AT, an_item, an_order, changed
from sync.fakes import FakeShop
from sync.house import House

Start = Callable[..., House]


def numbers(count: int, first: int = 1) -> list[str]:
    return [str(n) for n in range(first, first + count)]


def fill(shop: FakeShop, count: int, *, first: int = 1, apart: int = 1) -> None:
    shop.put(*(an_order(str(n), second=n * apart) for n in range(first, first + count)))


def failing(error: SourceError, at: int, operation: str = "fetch") -> Callable[[str], None]:
    """Raises at the ``at``-th request of that kind (1 = the first), once."""
    seen = 0

    def before(asked: str) -> None:
        nonlocal seen
        seen += asked == operation
        if asked == operation and seen == at:
            raise error

    return before


def test_every_order_arrives_once(start: Start, shop: FakeShop) -> None:
    fill(shop, 35)
    house = start(shop)
    house.work()
    assert house.ids() == numbers(35)
    assert house.state().bookmark == AT + timedelta(seconds=35)


def test_a_poll_with_nothing_new_writes_nothing(start: Start, shop: FakeShop) -> None:
    fill(shop, 35)
    house = start(shop)
    house.work()
    house.heard.ingested.clear()
    house.after(61)
    assert {str(one.outcome) for one in house.heard.ingested} <= {"unchanged"}


def test_an_order_that_appears_late_with_an_earlier_date_is_found_within_the_overlap(
    start: Start, shop: FakeShop
) -> None:
    fill(shop, 20)
    shop.invisible = {"7"}
    house = start(shop)
    house.work()
    shop.invisible = set()
    house.after(61)
    assert house.ids() == numbers(20)


def test_a_shop_whose_clock_was_ahead_for_a_while_is_polled_on(
    start: Start, shop: FakeShop
) -> None:
    house = start(shop)
    day = timedelta(days=1).total_seconds()
    shop.put(an_order("1", second=int((house.clock() - AT).total_seconds() + day)))
    house.work()
    assert house.state().bookmark > house.clock()
    shop.put(an_order("2", second=int((house.clock() - AT).total_seconds())))
    house.after(60)
    assert house.ids() == ["1", "2"]


def test_an_order_that_appears_after_the_overlap_is_found_by_the_sweep(
    start: Start, shop: FakeShop
) -> None:
    fill(shop, 20, apart=60)
    shop.invisible = {"2"}
    house = start(shop)
    house.work()
    shop.invisible = set()
    house.after(61)
    assert "2" not in house.ids()
    house.after(3600)
    assert house.ids() == numbers(20)


@pytest.mark.parametrize(
    "error",
    [
        TransientSourceError("cut"),
        InvalidAnswer("HTML"),
        RateLimited("slower", retry_after=30),
        SourceUnsupported("old"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_page_that_fails_ends_the_pass_keeps_what_came_and_the_next_poll_recovers(
    start: Start, shop: FakeShop, error: SourceError
) -> None:
    fill(shop, 60)
    house = start(shop)
    shop.before = failing(error, at=4)
    house.work()
    assert house.ids() == numbers(30)
    assert house.last_run().result == "partial"
    assert house.state().failures == 1
    assert house.heard.errors == [("shop", "fetch", error.error_class)]
    house.after(901)
    assert house.ids() == numbers(60)
    assert house.state().failures == 0


def test_refused_credentials_pause_the_shop_with_the_reason_and_ask_no_more(
    start: Start, shop: FakeShop
) -> None:
    house = start(shop)
    shop.before = failing(CredentialsRefused("the key was refused"), at=1)
    house.work()
    assert (house.state().paused_by, house.state().paused_reason) == ("auth", "the key was refused")
    asked = len(shop.requests)
    house.after(7200)
    assert len(shop.requests) == asked


def test_a_persons_pause_ends_a_long_poll_after_its_page_and_it_goes_on_later(
    start: Start, shop: FakeShop
) -> None:
    fill(shop, 50)
    house = start(shop)

    def pause(name: str) -> None:
        if len(shop.requests) == 2:
            with house.database.write() as conn:
                integrations.pause(
                    conn, "shop", reason="why", by="operator", now=house.clock(), until=None
                )

    shop.before = pause
    house.work()
    assert len(house.ids()) < 30
    assert house.last_run().result == "partial"
    with house.database.write() as conn:
        integrations.resume(conn, "shop", now=house.clock())
    house.work()
    assert len(house.ids()) == 50


@pytest.mark.parametrize("how", ["goes on", "is refused"])
def test_a_reload_with_another_key_ends_what_reads_with_the_old_one_and_pauses_nothing(
    start: Start, shop: FakeShop, how: str
) -> None:
    fill(shop, 50)
    house, another = start(shop), FakeShop()
    another.put(*shop.orders.values())

    def reload(name: str) -> None:
        if len(shop.requests) == 2:
            new = replace(house.engine.shops["shop"], connector=another)
            house.engine.shops = {"shop": new}
            if how == "is refused":
                raise CredentialsRefused("the key is revoked")

    shop.before = reload
    house.work()
    house.after(120)
    assert len(shop.requests) <= 3
    assert house.state().paused_by is None
    assert len(house.ids()) == 50


def test_a_reload_without_an_integration_ends_what_reads_it(start: Start, shop: FakeShop) -> None:
    fill(shop, 50)
    house = start(shop)

    def reload(name: str) -> None:
        if len(shop.requests) == 2:
            house.engine.shops = {}

    shop.before = reload
    house.work()
    assert len(shop.requests) <= 3
    assert len(house.ids()) < 50


def test_a_sync_that_is_asked_for_lifts_the_daemons_pause_once_the_key_works_again(
    start: Start, shop: FakeShop
) -> None:
    fill(shop, 5)
    house = start(shop)
    shop.before = failing(CredentialsRefused("the key was refused"), at=1)
    house.work()
    house.request_sync()
    house.work()
    assert house.ids() == numbers(5)
    assert house.state().paused_by is None


def test_a_shop_that_fails_delays_no_other(start: Start) -> None:
    broken, healthy = FakeShop(), FakeShop()
    fill(healthy, 25)

    def always(_: str) -> None:
        raise TransientSourceError("down")

    broken.before = always
    house = start(broken, healthy)
    house.work()
    assert house.ids("shop1") == numbers(25)
    assert house.state("shop0").failures == 1
    assert house.state("shop1").failures == 0


def test_backoff_survives_a_restart(start: Start, shop: FakeShop) -> None:
    house = start(shop)
    shop.before = failing(TransientSourceError("down"), at=1)
    house.work()
    asked = len(shop.requests)
    again = start(shop, owner="two")
    again.work()
    assert len(shop.requests) == asked
    again.after(901)
    assert len(shop.requests) > asked


def test_a_connector_that_breaks_on_one_order_costs_that_order(
    start: Start, shop: FakeShop
) -> None:
    fill(shop, 15)
    shop.broken = {"7"}
    house = start(shop)
    house.work()
    assert house.ids() == [n for n in numbers(15) if n != "7"]
    assert house.state().failures == 0
    shop.broken = set()
    house.after(61)
    assert house.ids() == numbers(15)


def test_a_connector_with_a_bug_backs_off_instead_of_looping(start: Start, shop: FakeShop) -> None:
    def bug(_: str) -> None:
        raise KeyError("canary-secret")

    shop.before = bug
    house = start(shop)
    house.work(ticks=10)
    assert len(shop.requests) <= 2
    assert house.state().failures == 1
    assert "canary" not in house.state().last_error


def test_the_sweep_finds_an_item_edit_that_moved_no_date(start: Start, shop: FakeShop) -> None:
    fill(shop, 25)
    house = start(shop)
    house.work()
    shop.put(
        changed(
            an_order("3", items=(an_item(quantity=9),)),
            shop_updated_at=shop.orders["3"].shop_updated_at,
        )
    )
    house.clock.advance(3601)
    house.work()
    assert house.order("3")["total"] == 90


def test_the_sweep_marks_what_the_shop_no_longer_has_and_only_that(
    start: Start, shop: FakeShop
) -> None:
    fill(shop, 25)
    house = start(shop)
    house.work()
    del shop.orders["4"]
    shop.hidden = {"5"}
    del shop.orders["5"]
    house.after(3601)
    assert house.ids() == [n for n in numbers(25) if n != "4"]
    assert house.order("4")["deleted_by"] == "shop"


def test_a_sweep_that_fails_halfway_marks_nothing_and_begins_anew(
    start: Start, shop: FakeShop
) -> None:
    fill(shop, 35)
    house = start(shop)
    house.work()
    shop.before = failing(InvalidAnswer("cut"), at=2, operation="index")
    house.after(3601)
    assert house.ids() == numbers(35)
    house.after(901)
    assert house.ids() == numbers(35)
    assert house.last_run().result == "success"


def test_a_sweep_of_nothing_changed_reads_no_order(start: Start, shop: FakeShop) -> None:
    fill(shop, 25)
    house = start(shop)
    house.work()
    house.after(3601)
    shop.requests.clear()
    house.after(3601)
    assert "index" in shop.requests
    assert "fetch_ids" not in shop.requests


def test_a_stale_answer_is_not_written_and_the_order_is_read_again_by_id(
    start: Start, shop: FakeShop
) -> None:
    fill(shop, 3)
    house = start(shop)
    shop.put(an_order("2", second=90, customer_name="Newest"))
    house.work()
    newest = shop.orders["2"]
    old = an_order("2", second=2, customer_name="From a cache")
    shop.put(old)

    def cached_list(asked: str) -> None:
        if asked == "fetch_ids":
            shop.put(newest)

    shop.before = cached_list
    house.request_sync()
    house.clock.advance(61)
    house.work()
    house.after(120)
    assert house.order("2")["customer_name"] == "Newest"


def test_a_backfill_reads_history_and_moves_no_bookmark(start: Start, shop: FakeShop) -> None:
    shop.put(
        *(
            an_order(str(n), ordered_at=AT - timedelta(days=400), second=-n * 86_400 * 5)
            for n in range(70, 100)
        )
    )
    house = start(shop)
    house.work()
    before = house.state().bookmark
    house.request_backfill(AT - timedelta(days=500))
    house.work()
    assert len(house.ids()) == 30
    assert house.state().bookmark == before


def test_a_backfill_that_fails_goes_on_where_it_was(start: Start, shop: FakeShop) -> None:
    fill(shop, 60, apart=0)
    shop.orders = {s: changed(o, ordered_at=AT - timedelta(days=2)) for s, o in shop.orders.items()}
    house = start(shop)
    house.work()
    run = house.request_backfill(AT - timedelta(days=3), AT)
    assert house.request_backfill(AT - timedelta(days=3), AT) == run
    shop.requests.clear()
    shop.before = failing(TransientSourceError("cut"), at=4, operation="backfill")
    house.work()
    house.after(901)
    assert shop.requests.count("backfill") == 6 + 1
    assert house.last_run().result == "success"


def test_a_poll_goes_first_while_a_backfill_is_long(start: Start, shop: FakeShop) -> None:
    fill(shop, 50)
    house = start(shop)
    house.work()
    house.request_backfill(AT - timedelta(days=1))
    arrived: list[Any] = []

    def new_order_meanwhile(_: str) -> None:
        if not arrived:
            arrived.append(True)
            shop.put(an_order("900", second=900, ordered_at=AT + timedelta(days=1)))
            house.request_sync()

    shop.before = new_order_meanwhile
    house.work()
    modes = [mode for _, mode, _ in house.heard.pages]
    last_backfill = len(modes) - 1 - modes[::-1].index("backfill")
    first_backfill = modes.index("backfill")
    assert "incremental" in modes[first_backfill:last_backfill]


def test_runs_are_recorded_with_counts_cost_and_bookmarks(start: Start, shop: FakeShop) -> None:
    fill(shop, 25)
    house = start(shop)
    house.work(ticks=1)
    with house.database.read() as conn:
        from ordermill.store.tables import sync_runs

        row = conn.execute(sync_runs.select().where(sync_runs.c.mode == "incremental")).one()
    assert (row.pages, row.fetched, row.created, row.cost) == (3, 25, 25, 3)
    assert row.result == "success"
    assert row.bookmark_before is None
    assert row.bookmark_after == AT + timedelta(seconds=25)
