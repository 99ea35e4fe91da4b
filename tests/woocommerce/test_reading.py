"""What the connector asks of a shop and what it makes of the answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import httpx
import pytest

from ordermill.connector.base import By, Gone, RawOrder, Window
from ordermill.errors import (
    InvalidAnswer,
    MalformedOrder,
    SourceError,
    SourceUnsupported,
    TransientSourceError,
)
from ordermill.simulator.catalogue import PRODUCTS
from ordermill.simulator.clock import ManualClock
from ordermill.simulator.drafts import Draft, Item, SetQuantity
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.woocommerce.face import WooCommerceFace
from woocommerce.shops import START, Connected

ALL = Window(by=By.CHANGED, since=None)
MUG = Draft((PRODUCTS[1],))


class Shop(Connected):
    """A simulated shop with its ledger, and the connector on it."""

    def __init__(
        self,
        *,
        page_size: int = 5,
        url: str = "https://shop.example",
        ahead: timedelta = timedelta(0),
        **face: Any,
    ) -> None:
        clock = ManualClock(START)
        self.ledger = Ledger(clock, seed=1)
        self.face = WooCommerceFace(self.ledger, **face)
        super().__init__(self.face, clock=clock, page_size=page_size, url=url, ahead=ahead)

    def place(self, count: int, **more: Any) -> list[int]:
        """So many orders, a second apart."""
        ids = []
        for _ in range(count):
            self.clock.advance(1)
            ids.append(self.ledger.place(MUG, **more).id)
        self.clock.advance(60)
        return ids

    def read(self, window: Window = ALL) -> dict[str, Any]:
        """A whole pass: orders by their ids."""
        cursor, found = None, {}
        while True:
            page = self.connector.fetch(window, cursor)
            found |= {raw.source_id: self.connector.normalize(raw) for raw in page.orders}
            if (cursor := page.cursor) is None:
                return found

    def swept(self, window: Window = ALL) -> tuple[dict[str, str], dict[str, Any]]:
        """The whole index: marks, and orders that came in full."""
        cursor, marks, orders = None, {}, {}
        while True:
            page = self.connector.index(window, cursor)
            marks |= {entry.source_id: entry.mark for entry in page.entries}
            orders |= {raw.source_id: self.connector.normalize(raw) for raw in page.orders}
            if (cursor := page.cursor) is None:
                return marks, orders


def test_a_second_whose_pages_are_too_large_for_the_shop_is_read_in_smaller_ones() -> None:
    """A backfill goes on from its cursor, whose page failed."""
    shop = Shop(page_size=5)
    with shop.ledger.one_second():
        placed = [shop.ledger.place(MUG).id for _ in range(12)]
    shop.clock.advance(60)

    def too_large(request: httpx.Request) -> httpx.Response | None:
        asked = request.url.params
        large = asked.get("orderby") == "id" and int(asked["per_page"]) > 2
        return httpx.Response(500, content=b"out of memory") if large else None

    shop.wire.instead = too_large
    cursor, found, going_on = None, set(), True
    for _ in range(40):
        with suppress(TransientSourceError):
            page = shop.connector.fetch(Window(by=By.CREATED, since=None), cursor)
            found |= {int(raw.source_id) for raw in page.orders}
            cursor, going_on = page.cursor, page.cursor is not None
            if not going_on:
                break
    assert not going_on
    assert sorted(found) == placed


@pytest.mark.parametrize("storage", ["posts", "hpos"])
@pytest.mark.parametrize("page_size", [1, 2, 3, 5, 8, 13])
def test_the_hour_that_comes_twice_in_autumn_is_read_whole(storage: str, page_size: int) -> None:
    """Posts are sorted by the site's time: 2:40 in summer comes after 2:10 in winter."""
    shop = Shop(storage=storage, page_size=page_size)
    to_the_hour = datetime(2026, 10, 24, 23, 30, tzinfo=UTC) - START
    shop.clock.advance(to_the_hour.total_seconds())
    placed = []
    for _ in range(30):
        shop.clock.advance(300)
        placed.append(shop.ledger.place(MUG).id)
    shop.clock.advance(-(to_the_hour.total_seconds() + 9000))
    for by in By:
        assert sorted(map(int, shop.read(Window(by=by, since=None)))) == placed


def test_trashed_orders_are_a_listing_of_their_own_and_read_first() -> None:
    shop = Shop()
    first, *_ = shop.place(7)
    shop.ledger.trash(first)
    assert shop.read()[str(first)].deleted
    statuses = [query["status"] for query in shop.wire.queries]
    assert statuses[0] == "trash"
    assert set(statuses[1:]) == {"any"}


def test_a_custom_status_is_read_and_kept_in_the_shops_own_word() -> None:
    shop = Shop(statuses=("packed",))
    (order,) = shop.place(1, status="packed")
    (read,) = shop.read().values()
    assert read.source_id == str(order)
    assert read.metadata["status"] == "packed"


def test_a_cart_that_is_being_filled_is_no_order_yet() -> None:
    shop = Shop()
    draft, order = shop.place(2)
    shop.ledger.set_status(draft, "checkout-draft")
    assert shop.read().keys() == {str(order)}
    answer = shop.connector.fetch_ids([str(draft), str(order)])
    assert answer.hidden == [str(draft)]
    assert answer.gone == {}


def test_no_link_of_the_shop_is_followed() -> None:
    """Measured: it names the shop's own idea of its address and drops status=any."""
    shop = Shop(home="https://127.0.0.1:8081")
    shop.place(13)
    assert len(shop.read()) == 13
    assert {request.url.host for request in shop.wire.seen} == {"shop.example"}
    assert all("status" in query for query in shop.wire.queries)
    assert not any("page" in query for query in shop.wire.queries)


def test_a_shop_that_ignores_the_window_is_recognized_and_refused() -> None:
    shop = Shop(ancient=True)
    shop.place(7)
    shop.clock.advance(3600)
    window = Window(by=By.CHANGED, since=shop.clock.now())
    with pytest.raises(SourceUnsupported, match=r"ignores modified_after.*5\.8"):
        shop.read(window)
    with pytest.raises(SourceUnsupported, match="ignores modified_after"):
        shop.connector.check()


def test_one_stale_row_does_not_make_a_shop_an_old_one() -> None:
    """An object cache may answer a row with the time it had before."""
    shop = Shop()
    shop.place(3)
    late = Window(by=By.CHANGED, since=shop.clock.now())
    stale = json.dumps([{"id": 1001, "date_modified_gmt": "2026-11-24T12:00:01"}])
    answers = [httpx.Response(200, text="[]"), httpx.Response(200, text=stale)]
    shop.wire.instead = lambda request: answers.pop(0) if answers else None
    page = shop.connector.fetch(late, None)
    assert page.cursor is not None
    assert len(shop.connector.fetch(late, page.cursor).orders) == 1


@pytest.mark.parametrize("version", ["7.9.0", "11.0.1"])
def test_refunds_come_with_their_lines_on_every_version(version: str) -> None:
    shop = Shop(version=version, storage="posts")
    (order,) = shop.place(1, paid=True)
    line = shop.ledger.order(order).lines[0]  # type: ignore[union-attr]
    shop.ledger.refund(order, {line.id: Decimal(1)}, reason="Broken")
    read = shop.read()[str(order)]
    (refund,) = read.refunds
    assert refund.amount == Decimal("7.45")
    assert refund.items[0].source_id == str(line.id)
    assert refund.items[0].quantity == 1
    assert read.owed == 0
    assert read.refunded


def test_a_refund_by_quantity_without_an_amount_is_read() -> None:
    """Its total in the order is "-", its amount "": measured."""
    shop = Shop()
    (order,) = shop.place(1, paid=True)
    line = shop.ledger.order(order).lines[0]  # type: ignore[union-attr]
    shop.ledger.refund(order, {line.id: Decimal(1)}, blank=True)
    read = shop.read()[str(order)]
    assert [refund.amount for refund in read.refunds] == [0]
    assert read.owed == read.total_with_tax


def test_more_refunds_than_a_page_holds_are_all_read() -> None:
    shop = Shop()
    order = shop.ledger.place(Draft((Item("A", "A", Decimal(500)),)), paid=True).id
    for _ in range(103):
        shop.ledger.refund(order, amount=Decimal("1.00"))
    read = shop.read()[str(order)]
    assert len(read.refunds) == 103
    assert read.owed == Decimal(397)


def test_a_refunded_order_that_lists_no_refunds_is_asked_for_them() -> None:
    """WooCommerce 65488: `refunds: []` while refunds exist."""
    shop = Shop()
    (order,) = shop.place(1, paid=True)
    shop.ledger.refund(order, everything=True)

    def emptied(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith("/orders"):
            return None
        rows = shop.wire._answered(request).json()
        return httpx.Response(200, json=[row | {"refunds": []} for row in rows])

    shop.wire.instead = emptied
    assert len(shop.read()[str(order)].refunds) == 1


def test_an_order_purged_between_its_row_and_its_refunds_is_left_out() -> None:
    shop = Shop()
    gone, stays = shop.place(2, paid=True)
    shop.ledger.refund(gone, amount=Decimal(1))

    def purged(request: httpx.Request) -> None:
        if request.url.path.endswith("/refunds"):
            shop.ledger.purge(gone)

    shop.wire.instead = purged
    assert shop.read().keys() == {str(stays)}


def test_with_tables_of_their_own_the_index_is_a_few_fields() -> None:
    shop = Shop()
    ids = shop.place(7)
    marks, orders = shop.swept()
    assert marks.keys() == {str(order) for order in ids}
    assert orders == {}
    assert all(query["_fields"] for query in shop.wire.queries)


@pytest.mark.parametrize(
    "options",
    [{"storage": "posts"}, {"storage": "posts", "version": "7.9.0"}],
    ids=["posts", "7.9"],
)
def test_with_posts_the_sweep_reads_contents_for_edits_move_no_date(
    options: dict[str, str],
) -> None:
    shop = Shop(**options)
    order, *_ = shop.place(3)
    since = Window(by=By.CHANGED, since=shop.clock.now())
    line = shop.ledger.order(order).lines[0]  # type: ignore[union-attr]
    shop.ledger.edit(order, SetQuantity(line.id, Decimal(4)))
    assert shop.read(since) == {}
    assert shop.swept()[1][str(order)].items[0].quantity == 4


def test_a_key_that_may_not_see_the_storage_sweeps_contents_to_be_sure() -> None:
    shop = Shop()
    shop.face.keys.may = "orders"
    shop.place(3)
    marks, orders = shop.swept()
    assert len(orders) == len(marks) == 3
    assert any("whole orders" in problem for problem in shop.connector.check().problems)


@pytest.mark.parametrize("storage", ["hpos", "posts"])
def test_the_index_shows_what_was_created_in_the_window_and_says_it_changed_before(
    storage: str,
) -> None:
    """As imports do, whose dates of change are the old shop's."""
    shop = Shop(storage=storage)
    (order,) = shop.place(1)
    shop.ledger.set_modified(order, shop.clock.now() - timedelta(days=300))
    since = Window(by=By.CHANGED, since=shop.clock.now() - timedelta(days=30))
    assert shop.read(since) == {}
    marks, _ = shop.swept(since)
    assert marks.keys() == {str(order)}


def test_a_deleted_refund_moves_no_date_and_shows_in_the_mark() -> None:
    shop = Shop()
    (order,) = shop.place(1, paid=True)
    refund = shop.ledger.refund(order, amount=Decimal(1))
    before, _ = shop.swept()
    shop.ledger.delete_refund(order, refund.id)
    after, _ = shop.swept()
    assert before != after


def test_ids_are_looked_for_among_live_and_trashed_orders_and_then_one_by_one() -> None:
    shop = Shop()
    live, trashed, purged, *_ = shop.place(7)
    shop.ledger.trash(trashed)
    shop.ledger.purge(purged)
    answer = shop.connector.fetch_ids([str(live), str(trashed), str(purged)])
    assert {raw.source_id for raw in answer.orders} == {str(live), str(trashed)}
    assert answer.gone == {str(purged): Gone.PURGED}
    assert answer.cost == len(shop.wire.seen) == 3


def test_a_plugin_that_was_switched_off_deletes_no_order() -> None:
    """404 rest_no_route is what list and single order answer then: measured."""
    shop = Shop()
    (order,) = shop.place(1)
    off = {"code": "rest_no_route", "message": "No route", "data": {"status": 404}}
    shop.wire.instead = lambda _: httpx.Response(404, json=off)
    with pytest.raises(InvalidAnswer, match="plug-in"):
        shop.connector.fetch_ids([str(order)])


def test_another_order_than_the_one_asked_for_is_an_error() -> None:
    shop = Shop()
    one, other = shop.place(2)

    def confused(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/orders"):
            return httpx.Response(200, text="[]")
        return httpx.Response(200, json={"id": other, "status": "processing"})

    shop.wire.instead = confused
    with pytest.raises(InvalidAnswer, match="another order"):
        shop.connector.fetch_ids([str(one)])


def test_a_shop_that_answers_more_than_was_asked_for_is_an_error() -> None:
    shop = Shop(page_size=2)
    shop.wire.instead = lambda _: httpx.Response(200, json=[{"id": n} for n in range(3)])
    with pytest.raises(InvalidAnswer, match="more orders"):
        shop.connector.fetch(ALL, None)


@pytest.mark.parametrize(
    "broken",
    [
        lambda: httpx.Response(500, text="<b>Fatal error</b>: Allowed memory size exhausted"),
        lambda: httpx.Response(200, text='[{"id":1001,"na'),
    ],
    ids=["out of memory", "cut"],
)
def test_a_page_that_is_too_large_for_the_shop_is_asked_for_smaller(
    broken: Callable[[], httpx.Response],
) -> None:
    shop = Shop(page_size=8)
    shop.place(9)

    def struggling(request: httpx.Request) -> httpx.Response | None:
        return broken() if int(request.url.params["per_page"]) > 2 else None

    shop.wire.instead = struggling
    for _ in range(2):
        with pytest.raises(TransientSourceError):
            shop.read()
    assert len(shop.connector.fetch(ALL, None).orders) == 0  # the trash, in twos
    shop.wire.instead = lambda _: None
    assert len(shop.read()) == 9
    assert {int(query["per_page"]) for query in shop.wire.queries[-2:]} == {8}


def test_a_row_that_cannot_be_read_is_kept_and_the_others_are_read() -> None:
    shop = Shop()
    shop.place(3)

    def odd(request: httpx.Request) -> httpx.Response:
        rows = shop.wire._answered(request).json()
        if request.url.params.get("status") == "trash" or not rows:
            return httpx.Response(200, json=rows)
        odd_one = rows[0] | {"id": "12x", "customer_ip_address": "192.0.2.7"}
        return httpx.Response(200, json=[odd_one, *rows[1:], 7])

    shop.wire.instead = odd
    page = shop.connector.fetch(ALL, shop.connector.fetch(ALL, None).cursor)
    assert page.orders[0].source_id == "12x"
    assert page.orders[-1].source_id.startswith("unreadable-")
    assert len(page.orders) == 4
    assert not any(b"192.0.2.7" in raw.payload for raw in page.orders)


def test_check_tells_version_currency_storage_and_clock() -> None:
    shop = Shop()
    info = shop.connector.check()
    assert (info.version, info.currency_code, info.problems) == ("11.0.1", "EUR", ())
    assert info.clock_difference == pytest.approx(0, abs=1)
    posts = Shop(storage="posts")
    assert any("kept as posts" in problem for problem in posts.connector.check().problems)


def test_a_clock_that_differs_is_told_and_does_not_matter_for_reading() -> None:
    shop = Shop(ahead=timedelta(seconds=90))
    shop.place(7)
    assert shop.connector.check().clock_difference == pytest.approx(-90, abs=1)
    assert len(shop.read()) == 7


def test_wordpress_in_a_folder_is_asked_there() -> None:
    shop = Shop(url="https://shop.example/store")
    with pytest.raises(SourceError):
        shop.read()
    assert {request.url.path for request in shop.wire.seen} == {"/store/wp-json/wc/v3/orders"}


class Deadly:
    """The shop's PHP dies over these orders whenever it is to show more of them than few fields."""

    def __init__(self, shop: Shop, orders: Iterable[int]) -> None:
        self._shop, self._orders = shop, set(orders)
        shop.wire.instead = self

    def __call__(self, request: httpx.Request) -> httpx.Response | None:
        if "_fields" in request.url.params or not request.url.path.endswith("/orders"):
            return None
        rows = self._shop.wire._answered(request).json()
        dies = any(row["id"] in self._orders for row in rows)
        return httpx.Response(500, text="<b>Fatal error</b>: Uncaught TypeError") if dies else None


def readable(shop: Shop, raws: Iterable[RawOrder]) -> tuple[set[int], set[int]]:
    """Ids of orders that can be read, and of those of which it is said that PHP dies."""
    read, unread = set(), set()
    for raw in raws:
        try:
            read.add(int(shop.connector.normalize(raw).source_id))
        except MalformedOrder as error:
            unread |= {int(raw.source_id)} if "PHP dies" in error.reason else set()
    return read, unread


@pytest.mark.parametrize("storage", ["posts", "hpos"])
@pytest.mark.parametrize("deadly", [(0,), (4,), (11,), (2, 3), range(4)], ids=str)
@pytest.mark.parametrize("page_size", [1, 3, 5, 20])
def test_an_order_over_which_php_dies_is_one_that_cannot_be_read_and_the_others_are_read(
    storage: str, deadly: Iterable[int], page_size: int
) -> None:
    """Items that an old WooCommerce wrote (60233): every list that holds them is a 500."""
    shop = Shop(storage=storage, page_size=page_size)
    placed = shop.place(12)
    broken = {placed[n] for n in deadly}
    Deadly(shop, broken)
    cursor, raws = None, []
    while True:
        page = shop.connector.fetch(ALL, cursor)
        raws += page.orders
        if (cursor := page.cursor) is None:
            break
    assert readable(shop, raws) == (set(placed) - broken, broken)
    by_id = shop.connector.fetch_ids([str(order) for order in placed])
    assert readable(shop, by_id.orders) == (set(placed) - broken, broken)
    assert (by_id.gone, by_id.hidden) == ({}, [])


def test_where_php_dies_over_every_order_the_shop_is_broken_and_none_is_skipped() -> None:
    shop = Shop(page_size=5)
    Deadly(shop, shop.place(12))
    trash = shop.connector.fetch(ALL, None)
    with pytest.raises(TransientSourceError, match="500"):
        shop.connector.fetch(ALL, trash.cursor)


def test_an_order_whose_refunds_kill_php_is_one_that_cannot_be_read() -> None:
    shop = Shop()
    refunded, other = shop.place(2)
    shop.ledger.refund(refunded, amount=Decimal(1))
    fatal = httpx.Response(500, text="<b>Fatal error</b>")
    shop.wire.instead = lambda asked: fatal if asked.url.path.endswith("/refunds") else None
    found = shop.connector.fetch_ids([str(refunded), str(other)])
    assert readable(shop, found.orders) == ({other}, {refunded})


def test_a_shop_that_fails_while_refunds_are_asked_for_is_no_fault_of_the_order() -> None:
    """It would be passed by until the next sweep."""
    shop = Shop()
    refunded, _ = shop.place(2)
    shop.ledger.refund(refunded, amount=Decimal(1))
    down: list[bool] = []

    def going_down(asked: httpx.Request) -> httpx.Response | None:
        down.extend([True] * asked.url.path.endswith("/refunds"))
        return httpx.Response(500, text="<b>Fatal error</b>") if down else None

    shop.wire.instead = going_down
    with pytest.raises(TransientSourceError):
        shop.connector.fetch_ids([str(refunded)])


@pytest.mark.parametrize("often", [0.3, 0.9])
def test_a_shop_that_fails_at_random_has_no_order_that_cannot_be_read(often: float) -> None:
    """Lists of few fields are cheap: they pass."""
    chance = Random(7)
    for _ in range(40):
        shop = Shop(page_size=4)
        placed = [str(order) for order in shop.place(9)]

        def storm(asked: httpx.Request) -> httpx.Response | None:
            fails = "_fields" not in asked.url.params and chance.random() < often
            return httpx.Response(500, text="<b>Fatal error</b>") if fails else None

        shop.wire.instead = storm
        for _ in range(10):
            with suppress(TransientSourceError):
                assert readable(shop, shop.connector.fetch_ids(placed[:4]).orders)[1] == set()


def test_the_only_order_of_a_shop_is_never_to_blame() -> None:
    shop = Shop()
    Deadly(shop, shop.place(1))
    trash = shop.connector.fetch(ALL, None)
    with pytest.raises(TransientSourceError, match="500"):
        shop.connector.fetch(ALL, trash.cursor)


def test_an_order_over_which_php_dies_leaves_the_pages_their_size() -> None:
    shop = Shop(page_size=20)
    with shop.ledger.one_second():
        placed = [shop.ledger.place(MUG).id for _ in range(60)]
    shop.clock.advance(60)
    Deadly(shop, placed[30:31])
    cursor, raws = None, []
    for _ in range(8):
        page = shop.connector.fetch(ALL, cursor)
        raws += page.orders
        if (cursor := page.cursor) is None:
            break
    assert cursor is None
    assert readable(shop, raws) == (set(placed) - {placed[30]}, {placed[30]})


def test_the_newest_and_an_older_order_that_end_php_are_both_told_from_a_broken_shop() -> None:
    shop = Shop()
    placed = shop.place(12)
    broken = {placed[6], placed[-1]}
    Deadly(shop, broken)
    for order in broken:
        assert readable(shop, shop.connector.fetch_ids([str(order)]).orders) == (set(), {order})


def test_a_broken_shop_is_not_asked_for_each_of_its_orders() -> None:
    shop = Shop(page_size=100)
    Deadly(shop, shop.place(250))
    cursor = shop.connector.fetch(ALL, None).cursor
    shop.wire.seen.clear()
    with pytest.raises(TransientSourceError, match="500"):
        shop.connector.fetch(ALL, cursor)
    assert len(shop.wire.seen) < 30


def test_a_row_that_cannot_be_read_is_kept_on_a_page_with_an_order_that_ends_php() -> None:
    shop = Shop()
    broken, odd, fine = shop.place(3)
    deadly = Deadly(shop, [broken])

    def instead(asked: httpx.Request) -> httpx.Response | None:
        if not asked.url.path.endswith("/orders") or (dies := deadly(asked)) is not None:
            return dies
        rows = shop.wire._answered(asked).json()
        return httpx.Response(
            200, json=[row | {"id": "12x"} if row["id"] == odd else row for row in rows]
        )

    shop.wire.instead = instead
    page = shop.connector.fetch(ALL, shop.connector.fetch(ALL, None).cursor)
    assert [raw.source_id for raw in page.orders] == [str(broken), "12x", str(fine)]


def test_a_rate_limited_shop_gets_past_an_order_that_ends_php() -> None:
    shop = Shop(page_size=20)
    placed = shop.place(12)
    deadly = Deadly(shop, placed[5:6])
    asked_at: list[datetime] = []

    def limited(asked: httpx.Request) -> httpx.Response | None:
        if sum(shop.clock.now() - at < timedelta(seconds=10) for at in asked_at) >= 4:
            return httpx.Response(429, headers={"Retry-After": "10"})
        asked_at.append(shop.clock.now())
        return deadly(asked)

    shop.wire.instead = limited
    found = shop.connector.fetch_ids([str(order) for order in placed])
    assert readable(shop, found.orders) == (set(placed) - {placed[5]}, {placed[5]})


def test_an_order_in_no_list_that_ends_php_when_it_is_asked_for_is_hidden() -> None:
    shop = Shop()
    unlisted, other = shop.place(2)

    def instead(asked: httpx.Request) -> httpx.Response | None:
        if asked.url.path.endswith(f"/orders/{unlisted}"):
            return httpx.Response(500, text="<b>Fatal error</b>")
        if not asked.url.path.endswith("/orders"):
            return None
        rows = shop.wire._answered(asked).json()
        return httpx.Response(200, json=[row for row in rows if row["id"] != unlisted])

    shop.wire.instead = instead
    found = shop.connector.fetch_ids([str(unlisted), str(other)])
    assert (list(found.hidden), found.gone) == ([str(unlisted)], {})
    assert readable(shop, found.orders)[0] == {other}


def test_refunds_that_end_php_for_every_order_are_asked_for_less_often() -> None:
    shop = Shop()
    placed = shop.place(4)
    for order in placed[1:]:
        shop.ledger.refund(order, amount=Decimal(1))
    fatal = httpx.Response(500, text="<b>Fatal error</b>")
    shop.wire.instead = lambda asked: fatal if asked.url.path.endswith("/refunds") else None
    found = shop.connector.fetch_ids([str(order) for order in placed])
    assert readable(shop, found.orders) == ({placed[0]}, set(placed[1:]))
    refunds = [asked for asked in shop.wire.seen if asked.url.path.endswith("/refunds")]
    assert len(refunds) == 4 + 2 + 2
