"""The suite of every connector finds what it is there to find: each of these is a known mistake."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import msgspec
import pytest
from _pytest.outcomes import Failed

from connector.example import Kiosk, plugin
from connector.kiosk import TOKEN, KioskShop
from ordermill.connector.base import (
    By,
    Fetched,
    Gone,
    IndexEntry,
    IndexPage,
    Page,
    Plugin,
    RawOrder,
    ShopInfo,
    Window,
)
from ordermill.connector.contract import ConnectorContract, ShopOnTrial
from ordermill.connector.trial import Counted
from ordermill.connector.wrong import WRONG
from ordermill.errors import InvalidAnswer, SourceError
from ordermill.model.order import Order
from ordermill.simulator.server import serve

replace = msgspec.structs.replace
NUMBERS = count()


class EmptyOnError(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        try:
            return super().fetch(window, cursor)
        except SourceError:
            return Page(orders=(), cursor=None)


class StopsEarly(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        page = super().fetch(window, cursor)
        return replace(page, cursor=page.cursor if cursor is None else None)


class Loops(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        return replace(super().fetch(window, None), cursor="again")


class PageNumbers(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        """By number over a set that moves, as an API with ?page= is read naively."""
        rows: list[RawOrder] = []
        after: str | None = None
        while True:
            page = super().fetch(window, after)
            rows += page.orders
            if (after := page.cursor) is None:
                break
        start = int(cursor or 0)
        more = len(rows) > start + self._limit
        following = str(start + self._limit) if more else None
        return replace(page, orders=rows[start : start + self._limit], cursor=following)


class NewestFirst(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        page = super().fetch(window, cursor)
        return replace(page, orders=page.orders[::-1])


class TooSafe(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        page = super().fetch(window, cursor)
        safe = page.safe_until and page.safe_until + timedelta(hours=3)
        return replace(page, safe_until=safe)


class NeverSafe(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        return replace(super().fetch(window, cursor), safe_until=None)


class SafeInBackfills(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        page = super().fetch(window, cursor)
        return replace(page, safe_until=page.orders[-1].updated_at)


class ExclusiveStart(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        since = window.since and window.since + timedelta(seconds=1)
        return super().fetch(replace(window, since=since), cursor)


class InclusiveEnd(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        until = window.until and window.until + timedelta(seconds=1)
        return super().fetch(replace(window, until=until), cursor)


class IgnoresTheWindow(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        return super().fetch(Window(by=window.by, since=None), cursor)


class ConfusesTheTimes(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        return super().fetch(replace(window, by=By.CHANGED), cursor)


class HugePages(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        self._limit = 20
        return super().fetch(window, cursor)


class WrongTotal(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        return replace(super().fetch(window, cursor), total=7)


class OtherWhenListed(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        page = super().fetch(window, cursor)
        lean = [replace(raw, payload=raw.payload.replace(b"Mug", b"M")) for raw in page.orders]
        return replace(page, orders=lean)


class KeepsEverything(Kiosk):
    def fetch(self, window: Window, cursor: str | None) -> Page:
        page = super().fetch(window, cursor)
        told = [replace(raw, payload=raw.payload[:-1] + b',"clientIp":"x"}') for raw in page.orders]
        return replace(page, orders=told)


class OtherMarks(Kiosk):
    def index(self, window: Window, cursor: str | None) -> IndexPage:
        page = super().index(window, cursor)
        entries = [IndexEntry(raw.source_id, "x") for raw in page.orders]
        return replace(page, entries=entries, orders=())


class ShortIndex(Kiosk):
    def index(self, window: Window, cursor: str | None) -> IndexPage:
        return replace(super().index(window, cursor), cursor=None)


class BlindIndex(Kiosk):
    def index(self, window: Window, cursor: str | None) -> IndexPage:
        page = super().index(window, cursor)
        return replace(page, entries=[IndexEntry(r.source_id, "") for r in page.orders], orders=())


class GoneOnAnyError(Kiosk):
    def fetch_ids(self, source_ids: Sequence[str]) -> Fetched:
        try:
            return super().fetch_ids(source_ids)
        except SourceError:
            return Fetched(gone=dict.fromkeys(source_ids, Gone.PURGED))


class NeverGone(Kiosk):
    def fetch_ids(self, source_ids: Sequence[str]) -> Fetched:
        return replace(super().fetch_ids(source_ids), gone={})


class AnswersOthers(Kiosk):
    def fetch_ids(self, source_ids: Sequence[str]) -> Fetched:
        return super().fetch_ids([*source_ids, "1003", "1029"])


class Impure(Kiosk):
    def normalize(self, raw: RawOrder) -> Order:
        return replace(super().normalize(raw), customer_name=str(next(NUMBERS)))


class AsksWhileNormalizing(Kiosk):
    def normalize(self, raw: RawOrder) -> Order:
        self.check()
        return super().normalize(raw)


class Floats(Kiosk):
    def normalize(self, raw: RawOrder) -> Order:
        order = super().normalize(raw)
        return replace(order, total=float(order.total))


class RaisesAnything(Kiosk):
    def normalize(self, raw: RawOrder) -> Order:
        msgspec.json.decode(raw.payload)["total"].strip()
        return super().normalize(raw)


class QuotesSecrets(Kiosk):
    def __init__(self, options: Any, context: Any) -> None:
        super().__init__(options, context)
        self._token = options.token.get_secret_value()

    def fetch(self, window: Window, cursor: str | None) -> Page:
        try:
            return super().fetch(window, cursor)
        except SourceError as error:
            raise InvalidAnswer(f"{error}, token {self._token}") from None


class CountsUnderOtherWords(Kiosk):
    def _ask(self, operation: str, path: str, kind: Any, **asked: Any) -> Any:
        return super()._ask(f"{operation}-{path}", path, kind, **asked)


class AsksAtOnce(Kiosk):
    def __init__(self, options: Any, context: Any) -> None:
        super().__init__(options, context)
        try:
            super().check()
        except SourceError:
            return


class Anonymous(Kiosk):
    def check(self) -> ShopInfo:
        return replace(super().check(), name="")


class ClosesOnce(Kiosk):
    def __init__(self, options: Any, context: Any) -> None:
        super().__init__(options, context)
        self._open = True
        self.close = self._close_once

    def _close_once(self) -> None:
        assert self._open
        self._open = False


FOUND_BY = {
    EmptyOnError: "an_error_is_never_an_empty_page",
    StopsEarly: "a_pass_shows_every_order_and_ends",
    Loops: "a_pass_shows_every_order_and_ends",
    PageNumbers: "an_order_that_changes_between_two_pages_costs_no_other",
    NewestFirst: "a_page_begins_with_its_oldest_change",
    TooSafe: "what_is_said_to_be_safe_was_shown",
    NeverSafe: "what_is_said_to_be_safe_was_shown",
    SafeInBackfills: "a_backfill_does_not_move_the_bookmark",
    ExclusiveStart: "a_window_holds_its_first_second_and_not_its_last",
    InclusiveEnd: "a_window_holds_its_first_second_and_not_its_last",
    IgnoresTheWindow: "a_window_in_which_nothing_happened_is_empty",
    ConfusesTheTimes: "a_page_of_a_backfill_begins_with_its_oldest_order",
    HugePages: "a_pass_shows_every_order_and_ends",
    WrongTotal: "the_cost_of_a_page_is_told_and_so_is_a_right_total",
    OtherWhenListed: "an_order_is_whole_in_whatever_way_it_is_read",
    KeepsEverything: "a_payload_is_json_without_what_is_nobodys_business",
    OtherMarks: "the_index_shows_every_order_with_the_mark_it_is_stored_with",
    ShortIndex: "the_index_shows_every_order_with_the_mark_it_is_stored_with",
    BlindIndex: "a_change_shows_in_the_index",
    GoneOnAnyError: "an_error_is_never_an_empty_page",
    NeverGone: "an_order_that_is_gone_for_good_is_said_to_be_so",
    AnswersOthers: "ids_are_answered_for_what_was_asked_and_nothing_else",
    Impure: "normalizing_is_pure",
    AsksWhileNormalizing: "normalizing_is_pure",
    Floats: "an_order_holds_exact_amounts_and_utc_times",
    RaisesAnything: "whatever_a_payload_holds_is_an_order_or_malformed",
    QuotesSecrets: "an_error_is_never_an_empty_page",
    CountsUnderOtherWords: "requests_are_counted_under_the_plugins_own_words",
    AsksAtOnce: "connecting_asks_the_shop_nothing",
    Anonymous: "check_says_what_shop_it_is",
    ClosesOnce: "closing_twice_is_harmless_and_ends_reading",
}


@pytest.fixture
def on_trial() -> Iterator[Callable[[type[Kiosk]], ShopOnTrial]]:
    kiosk = KioskShop()
    with serve(kiosk) as server:
        options = {"base_url": server.url, "token": TOKEN, "allow_private_network": True}

        def of(connect: type[Kiosk]) -> ShopOnTrial:
            wrong = Plugin("kiosk", plugin.options, plugin.shop_key, connect, plugin.operations)
            return ShopOnTrial(
                plugin=wrong,
                options=options,
                secrets=("token",),
                touch=kiosk.touch,
                remove=kiosk.remove,
            )

        yield of


@pytest.mark.parametrize("mistake", FOUND_BY, ids=lambda mistake: mistake.__name__)
def test_the_mistake_is_found(
    on_trial: Callable[[type[Kiosk]], ShopOnTrial], mistake: type[Kiosk]
) -> None:
    shop = on_trial(mistake)
    if mistake is ConfusesTheTimes:
        shop.touch("1001")  # before that both times are the same
    test = getattr(ConnectorContract(), f"test_{FOUND_BY[mistake]}")
    with pytest.raises((AssertionError, Failed, SourceError)):
        run(test, shop)


def run(test: Callable[..., None], shop: ShopOnTrial) -> None:
    """Call a test of the suite with all that it asks for, in each of its variants."""
    counted = Counted()
    connector = shop.connect(counted)
    given = {"shop": shop, "counted": counted, "connector": connector}
    asked = set(inspect.signature(test).parameters)
    variants: list[dict[str, Any]] = [{}]
    if "by" in asked:
        variants = [{"by": by} for by in By]
    if "wrong" in asked:
        variants = [{"wrong": wrong} for wrong in WRONG]
    try:
        for variant in variants:
            test(**{name: value for name, value in (given | variant).items() if name in asked})
    finally:
        connector._client.close()  # type: ignore[attr-defined]


def test_a_right_connector_passes_every_one_of_these_tests(
    on_trial: Callable[[type[Kiosk]], ShopOnTrial],
) -> None:
    """So what is found above is the mistake and nothing else."""
    changing = {"an_order_that_is_gone_for_good_is_said_to_be_so"}
    for name in sorted(set(FOUND_BY.values()) - changing):
        run(getattr(ConnectorContract(), f"test_{name}"), on_trial(Kiosk))
