"""The suite that every connector passes: what base.py promises, put to the test.

In the connector's own tests:

    from ordermill.connector.contract import ConnectorContract, ShopOnTrial

    @pytest.fixture
    def shop() -> Iterator[ShopOnTrial]: ...    # its docstring says what it must hold

    class TestContract(ConnectorContract):
        pass

Needs pytest and nothing else. A rule that a platform cannot keep is overridden in the subclass,
where the next reader sees it. tests/connector/example.py is a whole connector that passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import msgspec
import pytest
from pydantic import ValidationError

from ordermill.connector import mangled
from ordermill.connector.base import By, Connector, Page, RawOrder, ShopInfo, Window
from ordermill.connector.trial import (
    ALL,
    ALL_CREATED,
    CANARY,
    PAGE_SIZE,
    Counted,
    ShopOnTrial,
    asking,
    assert_concludes_nothing,
    assert_discreet,
    everything,
    ids,
    index,
    pages,
    rests,
    shown,
)
from ordermill.connector.wrong import WRONG, Wrong, closed_address, serving
from ordermill.errors import MalformedOrder, RateLimited, SourceError
from ordermill.model.order import Order

__all__ = ["CANARY", "ConnectorContract", "ShopOnTrial"]

LATER = datetime(2099, 1, 1, tzinfo=UTC)
CODES = {"2xx", "3xx", "4xx", "429", "5xx", "network"}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PRIVATE = re.compile(r"(^|_)(ip|ip_?address|user_?agent|token|secret|passw(or)?d|session)($|_)")


class ConnectorContract:
    """Subclass it, with a fixture ``shop`` beside the subclass."""

    @pytest.fixture
    def counted(self) -> Counted:
        return Counted()

    @pytest.fixture
    def connector(self, shop: ShopOnTrial, counted: Counted) -> Iterator[Connector]:
        connector = shop.connect(counted)
        yield connector
        connector.close()

    # The door.

    def test_its_options_are_checked_and_keep_their_secrets(self, shop: ShopOnTrial) -> None:
        secret = dict.fromkeys(shop.secrets, CANARY)
        options = shop.read_options(**secret)
        assert CANARY not in f"{options!r} {options} {options.model_dump()}"
        with pytest.raises(ValidationError) as refused:
            shop.read_options(**secret, no_such_option=1)
        assert CANARY not in str(refused.value)

    def test_its_shop_key_is_lower_case_and_tells_ports_apart(self, shop: ShopOnTrial) -> None:
        keys = [
            shop.plugin.shop_key(shop.read_options(**{shop.url: f"http://{host}"}))
            for host in ("Shop.Example:8001", "shop.example:8001", "shop.example:8002")
        ]
        assert keys[0] == keys[1] == keys[1].lower() != keys[2]

    def test_connecting_asks_the_shop_nothing(self, shop: ShopOnTrial) -> None:
        with serving(Wrong(500)) as server:
            shop.connect_to(server.url).close()
            assert server.requests == []

    def test_check_says_what_shop_it_is(self, connector: Connector) -> None:
        info = connector.check()
        assert isinstance(info, ShopInfo)
        assert info.name

    def test_requests_are_counted_under_the_plugins_own_words(
        self, connector: Connector, counted: Counted, shop: ShopOnTrial
    ) -> None:
        connector.check()
        index(connector)
        orders = everything(connector)
        connector.fetch_ids(sorted(orders)[:3])
        assert counted.requests, "the observer of the context was told of no request"
        assert counted.operations <= set(shop.plugin.operations)
        assert {code for _, code in counted.requests} <= CODES

    # A pass.

    @pytest.mark.parametrize("by", By)
    def test_a_pass_shows_every_order_and_ends(self, connector: Connector, by: By) -> None:
        read = pages(connector, Window(by=by, since=None))
        assert len(ids(read)) >= 25, "the shop on trial has too few orders"
        assert ids(read) == everything(connector).keys()
        assert all(len(page.orders) <= PAGE_SIZE for page in read)

    @pytest.mark.parametrize("by", By)
    def test_no_cursor_comes_twice(self, connector: Connector, by: By) -> None:
        cursors = [page.cursor for page in pages(connector, Window(by=by, since=None))]
        assert len(set(cursors)) == len(cursors)
        assert all(isinstance(cursor, str) and "\0" not in cursor for cursor in cursors[:-1])

    def test_a_page_begins_with_its_oldest_change(self, connector: Connector) -> None:
        for page in pages(connector, ALL):
            times = [raw.updated_at for raw in page.orders]
            assert None not in times
            assert times == sorted(times, key=str)

    def test_a_page_of_a_backfill_begins_with_its_oldest_order(self, connector: Connector) -> None:
        for page in pages(connector, ALL_CREATED):
            times = [connector.normalize(raw).ordered_at for raw in page.orders]
            assert times == sorted(times, key=str)

    def test_what_is_said_to_be_safe_was_shown(self, connector: Connector) -> None:
        """The bookmark moves to ``safe_until``; an older order on a later page would be lost."""
        read = pages(connector, ALL)
        assert any(page.safe_until for page in read), "the bookmark would never move"
        seen: set[str] = set()
        for page, later in zip(read, rests(read), strict=True):
            seen |= {raw.source_id for raw in page.orders}
            missed = [raw for raw in later if raw.source_id not in seen]
            safe = page.safe_until
            assert safe is None or all(raw.updated_at and raw.updated_at > safe for raw in missed)

    def test_a_backfill_does_not_move_the_bookmark(self, connector: Connector) -> None:
        assert {page.safe_until for page in pages(connector, ALL_CREATED)} == {None}

    @pytest.mark.parametrize("by", By)
    def test_a_window_holds_its_first_second_and_not_its_last(
        self, connector: Connector, by: By
    ) -> None:
        times = {source_id: self._time(connector, raw, by)
                 for source_id, raw in everything(connector).items()}  # fmt: skip
        for at in sorted(set(times.values()))[:: max(1, len(set(times.values())) // 4)]:
            after = ids(pages(connector, Window(by=by, since=at)))
            before = ids(pages(connector, Window(by=by, since=None, until=at)))
            assert after == {source_id for source_id, its in times.items() if its >= at}
            assert before == times.keys() - after

    @staticmethod
    def _time(connector: Connector, raw: RawOrder, by: By) -> datetime:
        at = raw.updated_at if by is By.CHANGED else connector.normalize(raw).ordered_at
        assert at is not None
        return at.replace(microsecond=0)

    @pytest.mark.parametrize("by", By)
    def test_a_window_in_which_nothing_happened_is_empty(
        self, connector: Connector, by: By
    ) -> None:
        """A shop that ignores the window answers everything: that must be noticed."""
        assert ids(pages(connector, Window(by=by, since=LATER))) == set()

    @pytest.mark.parametrize("by", By)
    def test_a_pass_goes_on_from_any_cursor_in_another_process(
        self, connector: Connector, shop: ShopOnTrial, by: By
    ) -> None:
        window = Window(by=by, since=None)
        read = pages(connector, window)
        with closing(shop.connect()) as other:
            for at, page in enumerate(read[:-1]):
                rest = ids(pages(other, window, page.cursor))
                assert rest | ids(read[: at + 1]) == ids(read)

    def test_an_order_that_changes_between_two_pages_costs_no_other(
        self, connector: Connector, shop: ShopOnTrial
    ) -> None:
        """Page numbers fail here: what moves to the end pulls the others past the page's edge."""
        expected = everything(connector).keys()
        touched: set[str] = set()

        def touch(page: Page) -> None:
            for raw in page.orders:
                if raw.source_id not in touched:
                    touched.add(raw.source_id)
                    shop.touch(raw.source_id)

        assert ids(pages(connector, ALL, after=touch)) >= expected

    def test_two_passes_at_once_see_the_same(self, connector: Connector) -> None:
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(lambda by: ids(pages(connector, by)), (ALL, ALL_CREATED))
        assert first == second

    def test_the_cost_of_a_page_is_told_and_so_is_a_right_total(self, connector: Connector) -> None:
        read = pages(connector, ALL_CREATED)
        assert all(page.cost >= 0 for page in read)
        assert {page.total for page in read} <= {None, len(ids(read))}

    # One order.

    def test_an_order_is_whole_in_whatever_way_it_is_read(self, connector: Connector) -> None:
        """Its refunds and nested pages come with it, listed, by creation and by id alike."""
        listed = everything(connector)
        created = {raw.source_id: raw for page in pages(connector, ALL_CREATED)
                   for raw in page.orders}  # fmt: skip
        by_id = {raw.source_id: raw for raw in connector.fetch_ids(sorted(listed)).orders}
        for source_id, raw in listed.items():
            order = connector.normalize(raw)
            assert order.source_id == raw.source_id == source_id
            assert connector.normalize(by_id[source_id]) == order
            assert connector.normalize(created[source_id]) == order
            assert by_id[source_id].mark == raw.mark

    def test_a_payload_is_json_without_what_is_nobodys_business(self, connector: Connector) -> None:
        for raw in everything(connector).values():
            names = mangled.names(msgspec.json.decode(raw.payload))
            words = {_CAMEL.sub("_", name).lower() for name in names}
            assert {word for word in words if _PRIVATE.search(word)} == set()

    def test_normalizing_is_pure(self, connector: Connector) -> None:
        raws = list(everything(connector).values())
        before = [connector.normalize(raw) for raw in raws]
        connector.close()
        assert [connector.normalize(raw) for raw in raws] == before

    def test_an_order_holds_exact_amounts_and_utc_times(self, connector: Connector) -> None:
        for raw in everything(connector).values():
            order = connector.normalize(raw)
            assert mangled.unfit(order) == []

    def test_whatever_a_payload_holds_is_an_order_or_malformed(self, connector: Connector) -> None:
        """One order that cannot be read is kept and shown; any other error would cost the page."""
        largest = max(everything(connector).values(), key=lambda raw: len(raw.payload))
        for payload in mangled.payloads(largest.payload):
            found = self._normalized(connector, msgspec.structs.replace(largest, payload=payload))
            if isinstance(found, MalformedOrder):
                assert CANARY not in str(found), "an error text shows a value of the order"
            else:
                assert mangled.unfit(found) == [], payload[:200]

    @staticmethod
    def _normalized(connector: Connector, raw: RawOrder) -> Order | MalformedOrder:
        try:
            return connector.normalize(raw)
        except MalformedOrder as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it is, the test fails with it
            pytest.fail(f"normalize raised {error!r} for {raw.payload[:300]!r}")

    # The sweep.

    def test_the_index_shows_every_order_with_the_mark_it_is_stored_with(
        self, connector: Connector
    ) -> None:
        """A mark that differs is an order that is read again, in every sweep."""
        orders = everything(connector)
        shown = index(connector)
        found = {raw.source_id for page in shown for raw in page.orders}
        marks = {entry.source_id: entry.mark for page in shown for entry in page.entries}
        assert found | marks.keys() == orders.keys()
        assert marks == {source_id: orders[source_id].mark for source_id in marks}

    def test_a_change_shows_in_the_index(self, connector: Connector, shop: ShopOnTrial) -> None:
        source_id = sorted(everything(connector))[3]
        before = shown(index(connector), source_id)
        shop.touch(source_id)
        assert shown(index(connector), source_id) != before

    # By id.

    def test_ids_are_answered_for_what_was_asked_and_nothing_else(
        self, connector: Connector
    ) -> None:
        asked = [*sorted(everything(connector))[:7], "no order", "", "999999999999", "../1001"]
        answer = connector.fetch_ids(asked)
        found = [raw.source_id for raw in answer.orders]
        assert sorted(found) == sorted(asked[:7])
        assert set(answer.gone) | set(answer.hidden) <= set(asked[7:])
        assert not connector.fetch_ids([]).orders

    def test_an_order_that_is_gone_for_good_is_said_to_be_so(
        self, connector: Connector, shop: ShopOnTrial
    ) -> None:
        gone, stays = sorted(everything(connector))[:2]
        shop.remove(gone)
        answer = connector.fetch_ids([gone, stays])
        assert set(answer.gone) == {gone}
        assert [raw.source_id for raw in answer.orders] == [stays]
        assert shown(index(connector), gone) is None

    # What goes wrong.

    @pytest.mark.parametrize("wrong", WRONG)
    def test_an_error_is_never_an_empty_page(self, shop: ShopOnTrial, wrong: str) -> None:
        with serving(WRONG[wrong]) as server:
            self._fails(shop.connect_to(server.url), server.url)

    def test_a_shop_that_does_not_answer_is_an_error(self, shop: ShopOnTrial) -> None:
        address = closed_address()
        self._fails(shop.connect_to(address), address)

    def _fails(self, connector: Connector, address: str) -> None:
        with closing(connector):
            for ask in asking(connector):
                with pytest.raises(SourceError) as caught:
                    ask()
                assert_discreet(caught.value, address)
            assert_concludes_nothing(connector, address)

    def test_a_shop_that_asks_for_a_pause_gets_it(self, shop: ShopOnTrial) -> None:
        pause = Wrong(429, headers={"Retry-After": "120"})
        with (
            serving(pause) as server,
            closing(shop.connect_to(server.url)) as connector,
            pytest.raises(RateLimited) as caught,
        ):
            connector.fetch(ALL, None)
        assert caught.value.retry_after == 120

    def test_a_redirect_takes_no_secret_elsewhere(self, shop: ShopOnTrial) -> None:
        with serving(Wrong(200, b"{}")) as elsewhere:
            moved = Wrong(302, headers={"Location": f"{elsewhere.url}/?t={CANARY}"})
            with serving(moved) as server:
                self._fails(shop.connect_to(server.url), server.url)
            assert elsewhere.requests == []

    def test_closing_twice_is_harmless_and_ends_reading(self, connector: Connector) -> None:
        connector.close()
        connector.close()
        with pytest.raises(SourceError):
            connector.fetch(ALL, None)
