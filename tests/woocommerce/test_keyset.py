"""The walk through a window: nothing lost, always an end, whatever moves meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ordermill.connector.base import By, Window
from ordermill.errors import InvalidAnswer
from ordermill_woocommerce import keyset
from ordermill_woocommerce.keyset import SECOND, Position, Row, Seen, Stage, Tie

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
CHANGED = Window(by=By.CHANGED, since=None)


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


@dataclass
class Shop:
    """Orders as {id: second of the last change}; trashed ones are in a listing of their own.
    ``unloadable`` ones are counted and left out of their page; a page has ``most`` at most."""

    orders: dict[int, int]
    trashed: set[int] = field(default_factory=set)
    unloadable: set[int] = field(default_factory=set)
    most: int = 100
    now: int = 1000
    asked: int = 0

    def answer(self, position: Position, window: Window, size: int) -> Seen:
        """What WooCommerce answers to these parameters: exclusive, to the second."""
        asked = keyset.parameters(position, window, size)
        assert asked["dates_are_gmt"] == "true"
        self.asked += 1
        rows = [
            Row(order, at(second))
            for order, second in self.orders.items()
            if (order in self.trashed) == (asked["status"] == "trash")
            and _inside(at(second), asked)
        ]
        by_id = asked["orderby"] == "id"
        rows.sort(key=lambda row: (row.id if by_id else 0, row.at or START, row.id))
        given = min(size, self.most)
        start = (int(asked.get("page", "1")) - 1) * given
        page = [row for row in rows[start : start + given] if row.id not in self.unloadable]
        return Seen(page, len(page), size, len(rows), at(self.now))


def _inside(when: datetime, asked: dict[str, str] | object) -> bool:
    assert isinstance(asked, dict)
    naive = when.replace(tzinfo=None)
    after, before = asked.get("modified_after"), asked.get("modified_before")
    return (after is None or naive > datetime.fromisoformat(after)) and (
        before is None or naive < datetime.fromisoformat(before)
    )


@dataclass
class Walked:
    ids: set[int] = field(default_factory=set)
    safe: list[tuple[datetime, frozenset[int]]] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)


def walk(shop: Shop, size: int, window: Window = CHANGED, between=lambda: None) -> Walked:  # type: ignore[no-untyped-def]
    """A whole pass, each cursor through its text."""
    walked = Walked()
    cursor: str | None = None
    for _ in range(2000):
        position = keyset.start(window, cursor)
        step = keyset.follow(position, window, seen := shop.answer(position, window, size))
        walked.ids |= {row.id for row in seen.rows}
        if step.safe_until is not None:
            walked.safe.append((step.safe_until, frozenset(walked.ids)))
        if step.total is not None:
            walked.totals.append(step.total)
        if step.position is None:
            return walked
        cursor = keyset.text(step.position)
        between()
    raise AssertionError("the pass does not end")


SHOPS = st.builds(
    Shop,
    orders=st.dictionaries(st.integers(1, 60), st.integers(0, 12), max_size=40),
    trashed=st.sets(st.integers(1, 60), max_size=8),
)


MUCH_TRASH = Shop({1: 3, 2: 4, 3: 5, 4: 6, 5: 1}, trashed={1, 2, 3, 4})


@settings(max_examples=300)
@given(shop=SHOPS, size=st.integers(1, 9))
@example(shop=MUCH_TRASH, size=2)
def test_a_quiet_shop_is_read_whole_and_the_bookmark_never_passes_what_was_not_shown(
    shop: Shop, size: int
) -> None:
    walked = walk(shop, size)
    assert walked.ids == shop.orders.keys()
    for safe, shown in walked.safe:
        assert {order for order, second in shop.orders.items() if at(second) <= safe} <= shown
    assert walked.totals in ([len(shop.orders)], [])


@settings(max_examples=300)
@given(shop=SHOPS, size=st.integers(1, 9), seed=st.integers(0, 10_000))
def test_orders_that_move_between_pages_cost_no_other(shop: Shop, size: int, seed: int) -> None:
    """Each moves to the shop's present at most a few times, then the pass catches up."""
    rng, left = Random(seed), [30]
    before = set(shop.orders)

    def move() -> None:
        shop.now += 1
        for order in rng.sample(sorted(shop.orders), min(len(shop.orders), rng.randint(0, 3))):
            if left[0] > 0:
                left[0] -= 1
                shop.orders[order] = shop.now

    assert walk(shop, size, between=move).ids >= before


@settings(max_examples=300)
@given(
    shop=SHOPS,
    size=st.integers(2, 9),
    most=st.integers(1, 9),
    unloadable=st.sets(st.integers(1, 60)),
)
def test_a_page_that_is_shorter_than_the_shop_counts_is_not_the_last(
    shop: Shop, size: int, most: int, unloadable: set[int]
) -> None:
    """WooCommerce leaves out of a page what it cannot load or a plug-in forbids to read, and some
    shops give fewer orders than were asked for."""
    shop.most = most
    shop.unloadable = set(sorted(unloadable)[: min(size, most) - 1])  # never a whole page
    assert walk(shop, size).ids == shop.orders.keys() - shop.unloadable


def test_a_short_page_without_a_readable_time_ends_its_listing_whatever_the_shop_counts() -> None:
    live = Position(stage=Stage.LIVE, after=at(0), bound=at(900))
    step = keyset.follow(live, CHANGED, Seen([Row(1, None)], 1, 5, 7, at(1000)))
    assert step.position is None
    full = Seen([Row(order, None) for order in range(5)], 5, 5, 7, at(1000))
    with pytest.raises(InvalidAnswer, match="readable time"):
        keyset.follow(live, CHANGED, full)


@given(shop=SHOPS, size=st.integers(1, 9), since=st.integers(0, 12), length=st.integers(1, 12))
def test_a_window_begins_with_its_first_second_and_ends_before_its_last(
    shop: Shop, size: int, since: int, length: int
) -> None:
    window = Window(by=By.CHANGED, since=at(since), until=at(since + length))
    inside = {o for o, second in shop.orders.items() if since <= second < since + length}
    assert walk(shop, size, window).ids == inside


def test_a_second_that_fills_pages_is_read_by_id_until_as_many_came_as_the_shop_counts() -> None:
    shop = Shop(dict.fromkeys(range(1, 26), 5))
    assert walk(shop, 10).ids == set(range(1, 26))
    # The trash, a full page, three pages of the second by id, and the end.
    assert shop.asked == 1 + 1 + 3 + 1


def test_a_count_that_never_comes_true_ends_when_a_reading_shows_nothing_new() -> None:
    """A cache before the shop may count orders that it does not list."""
    position = Position(stage=Stage.LIVE, after=at(0), tie=Tie(size=2))
    for rows in ([Row(1, at(1))], [], [Row(1, at(1))], []):
        step = keyset.follow(position, CHANGED, Seen(rows, len(rows), 2, 99, at(9)))
        assert step.position is not None
        position = step.position
    assert position.tie is None
    assert position.after == at(1)


def test_the_bookmark_stays_behind_what_was_trashed_while_the_live_orders_were_read() -> None:
    """The trash was read at second 20; one trashed at 30 is in neither listing of this pass."""
    shop = Shop({1: 1, 2: 2, 3: 30}, now=20)

    def later() -> None:
        shop.now = 60
        shop.trashed.add(2)
        shop.orders[2] = 30

    walked = walk(shop, 2, between=later)
    assert max(safe for safe, _ in walked.safe) <= at(20)


def test_where_the_sites_clock_was_set_back_all_up_to_then_is_read_by_id() -> None:
    listed = [Row(1, at(0), 7200), Row(2, at(3900), 3600), Row(3, at(600), 7200)]
    seen = Seen(listed, 3, 3, 99, at(9000))
    step = keyset.follow(Position(stage=Stage.LIVE), CHANGED, seen)
    assert step.position is not None
    asked = keyset.parameters(step.position, CHANGED, 3)
    assert (asked["orderby"], asked["modified_before"]) == ("id", "2026-11-24T13:05:01")
    done = keyset.follow(step.position, CHANGED, Seen([], 0, 3, 0, at(9000)))
    assert done.position is not None
    assert (done.position.after, done.position.tie) == (at(3900), None)


def test_an_order_of_summer_that_changed_just_now_is_not_read_up_to() -> None:
    """The shop's clock may be behind its Date, which then does not tell that it did."""
    listed = [Row(1, at(0), 7200), Row(2, at(30 * 86400), 3600)]
    seen = Seen(listed, 2, 2, 99, at(31 * 86400))
    step = keyset.follow(Position(stage=Stage.LIVE), CHANGED, seen)
    assert step.position is not None
    assert (step.position.after, step.position.tie) == (at(-1), Tie(size=2))


@pytest.mark.parametrize("rows", [[500], [500, 500], [1, 500, 500], [1, 2, 500, 500, 500]])
def test_however_many_change_while_the_shop_answers_none_is_progress(rows: list[int]) -> None:
    listed = [Row(n, at(second)) for n, second in enumerate(rows)]
    seen = Seen(listed, len(rows), len(rows), 99, at(500))
    step = keyset.follow(Position(stage=Stage.LIVE, after=at(0)), CHANGED, seen)
    assert step.position is not None
    assert step.position.after is not None
    assert step.position.after <= at(2)
    assert keyset.text(step.position) != keyset.text(Position(stage=Stage.LIVE, after=at(0)))


def test_an_order_that_changes_while_the_shop_answers_is_no_progress() -> None:
    """It is listed where it was sorted, with the time that it has now."""
    seen = Seen([Row(1, at(1)), Row(2, at(2)), Row(3, at(500))], 3, 3, 9, at(500))
    step = keyset.follow(Position(stage=Stage.LIVE, opened=True), CHANGED, seen)
    assert step.position is not None
    assert step.position.after == at(2) - SECOND


def test_a_page_without_any_readable_time_is_an_error_not_a_loop() -> None:
    seen = Seen([Row(1, None), Row(2, None)], 2, 2, 9, at(500))
    with pytest.raises(InvalidAnswer):
        keyset.follow(Position(stage=Stage.LIVE), CHANGED, seen)


def test_times_are_asked_for_in_naive_utc_whatever_their_zone() -> None:
    """With a Z the shop shifts them by its own offset: measured."""
    from zoneinfo import ZoneInfo

    since = datetime(2026, 11, 24, 13, tzinfo=ZoneInfo("Europe/Ljubljana"))
    window = Window(by=By.CREATED, since=since, until=since + timedelta(hours=1))
    asked = keyset.parameters(keyset.start(window, None), window, 50)
    assert asked["after"] == "2026-11-24T11:59:59"
    assert asked["before"] == "2026-11-24T13:00:00"
    assert (asked["orderby"], asked["order"], asked["status"]) == ("date", "asc", "trash")


def test_a_cursor_of_another_version_is_an_error_that_says_what_to_do() -> None:
    for text in ("", "x", "{", '{"stage":"else"}', "[]"):
        with pytest.raises(InvalidAnswer, match="start the backfill anew"):
            keyset.start(CHANGED, text)
