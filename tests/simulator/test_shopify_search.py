"""The search of the simulated Shopify: times, terms, counts, and an index that lags."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ordermill.simulator.ledger import Ledger
from ordermill.simulator.orders import Order
from simulator.books import a_draft, a_ledger, placed
from simulator.shopify_shop import Asker, a_second_apart, gid, names, open_shop

PAGE = """query($first: Int!, $q: String) {
  orders(first: $first, query: $q) { nodes { name updatedAt } } }"""


@pytest.fixture
def times() -> tuple[Ledger, list[Order]]:
    """Changed at 12:00:00.0, 12:00:05.4 and 12:00:06.0."""
    ledger = a_ledger()
    orders = [placed(ledger)]
    ledger.clock.sleep(5.4)
    orders.append(placed(ledger))
    ledger.clock.sleep(0.6)
    orders.append(placed(ledger))
    return ledger, orders


@pytest.mark.parametrize(
    ("query", "version", "found"),
    [
        ("updated_at:>='2026-11-24T12:00:05Z'", "2026-10", [1, 2]),
        ("updated_at:>'2026-11-24T12:00:05Z'", "2026-10", [2]),
        ("updated_at:>'2026-11-24T12:00:05Z'", "2026-07", [1, 2]),
        ("updated_at:<'2026-11-24T12:00:05Z'", "2026-10", [0]),
        ("updated_at:<='2026-11-24T12:00:05Z'", "2026-10", [0, 1]),
        ("updated_at:<='2026-11-24T12:00:05Z'", "2026-07", [0]),
        ("updated_at:'2026-11-24T12:00:05Z'", "2026-10", [1]),
        ("updated_at:>=2026-11-24T12:00:05Z", "2026-10", [0, 1, 2]),
        ("updated_at:>='2026-11-24T13:00:06+01:00'", "2026-10", [2]),
        ("created_at:>='2026-11-24T12:00:05Z' created_at:<'2026-11-24T12:00:06Z'", "2026-10", [1]),
        ("updated_at:2026-11-24", "2026-10", [0, 1, 2]),
        ("updated_at:>='yesterday'", "2026-10", [0, 1, 2]),
    ],
)
def test_times_are_compared_as_shopify_compares_them(
    times: tuple[Ledger, list[Order]], query: str, version: str, found: list[int]
) -> None:
    """Unquoted, the time of day is dropped; since 2026-10 ``>`` leaves the whole second out."""
    ledger, orders = times
    with open_shop(ledger) as asker:
        asker.version = version
        assert asker.orders(query) == names([orders[at] for at in found])


def test_what_is_shown_has_whole_seconds(times: tuple[Ledger, list[Order]]) -> None:
    with open_shop(times[0]) as asker:
        nodes = asker(PAGE, first=5).data["orders"]["nodes"]
        assert [node["updatedAt"][-9:] for node in nodes] == ["12:00:00Z", "12:00:05Z", "12:00:06Z"]


@pytest.fixture
def kinds() -> tuple[Ledger, dict[str, Order]]:
    ledger = a_ledger()
    found = {
        "paid": placed(ledger, tags=("vip", "new")), "unpaid": placed(ledger, paid=False),
        "closed": placed(ledger), "cancelled": placed(ledger, paid=False),
        "test": placed(ledger, test=True, gateway="bogus"),
    }  # fmt: skip
    ledger.close(found["closed"].id)
    ledger.cancel(found["cancelled"].id)
    ledger.fulfil(found["closed"].id)
    return ledger, found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "paid unpaid closed cancelled test"),
        ("status:any", "paid unpaid closed cancelled test"),
        ("status:open", "paid unpaid cancelled test"),
        ("status:closed", "closed"),
        ("status:cancelled", "cancelled"),
        ("financial_status:paid", "paid closed test"),
        ("financial_status:pending,voided", "unpaid cancelled"),
        ("fulfillment_status:fulfilled", "closed"),
        ("tag:VIP", "paid"),
        ("test:true", "test"),
        ("-test:true status:open", "paid unpaid cancelled"),
        ("NOT status:open", "closed"),
        ("status:closed OR tag:vip", "paid closed"),
        ("(status:closed OR tag:vip) AND financial_status:paid", "paid closed"),
        ("status:closed OR tag:vip test:true", "closed"),
        ("gateway:bogus", "test"),
    ],
)
def test_terms_are_joined_as_shopify_joins_them(
    kinds: tuple[Ledger, dict[str, Order]], query: str, found: str
) -> None:
    ledger, orders = kinds
    with open_shop(ledger) as asker:
        assert asker.orders(query) == names([orders[name] for name in found.split()])


def test_by_id_and_by_name(kinds: tuple[Ledger, dict[str, Order]]) -> None:
    ledger, orders = kinds
    one = orders["closed"]
    with open_shop(ledger) as asker:
        for query in (f"id:{one.id}", f"name:#{one.number}", f"#{one.number}"):
            assert asker.orders(query) == names([one])
        assert len(asker.orders(f"id:>={one.id}")) == 3


def test_a_filter_that_does_not_exist_is_ignored_with_a_warning() -> None:
    ledger = a_ledger()
    a_second_apart(ledger, 2)
    with open_shop(ledger) as asker:
        said = asker(PAGE, first=5, q="updated_after:'2026-01-01'")
        assert len(said.data["orders"]["nodes"]) == 2
        (search,) = said.body["extensions"]["search"]
        assert search["path"] == ["orders"]
        assert search["warnings"][0]["field"] == "updated_after"
        assert search["warnings"][0]["code"] == "invalid_field"


def test_the_index_lags_behind_the_orders() -> None:
    ledger = a_ledger()
    old = placed(ledger)
    ledger.clock.sleep(1)
    ledger.lag = timedelta(seconds=90)
    ledger.annotate(old.id, note="late")
    new = placed(ledger)
    one = "query($id: ID!) { order(id: $id) { note updatedAt } }"
    with open_shop(ledger) as asker:
        assert asker.orders() == names([old])
        assert asker.orders("updated_at:>='2026-11-24T12:00:01Z'") == []
        assert count(asker) == {"count": 1, "precision": "EXACT"}
        # What is found is shown as it is now, and single orders do not wait for the index.
        assert asker(one, id=gid(old)).data["order"]["note"] == "late"
        assert asker(one, id=gid(new)).data["order"] is not None
        ledger.clock.sleep(90)
        assert asker.orders("updated_at:>='2026-11-24T12:00:01Z'") == names([old, new])


def test_a_deleted_order_leaves_the_list_before_the_index_knows() -> None:
    ledger = a_ledger()
    orders = a_second_apart(ledger, 2)
    ledger.lag = timedelta(seconds=90)
    ledger.purge(orders[0].id)
    with open_shop(ledger) as asker:
        assert asker.orders() == names(orders[1:])


def count(asker: Asker, **args: Any) -> Any:
    text = (
        "query($limit: Int) { ordersCount(limit: $limit) { count precision } }"
        if args
        else "{ ordersCount { count precision } }"
    )
    return asker(text, **args).data["ordersCount"]


def test_a_count_beyond_its_limit_is_at_least_that() -> None:
    ledger = a_ledger()
    a_second_apart(ledger, 3)
    with open_shop(ledger) as asker:
        assert count(asker) == {"count": 3, "precision": "EXACT"}
        assert count(asker, limit=2) == {"count": 2, "precision": "AT_LEAST"}
        assert count(asker, limit=None) == {"count": 3, "precision": "EXACT"}


def test_times_carry_their_fractions_inside_only() -> None:
    ledger = a_ledger()
    at = datetime(2026, 11, 24, 11, 59, 59, 999_999, tzinfo=UTC)
    order = ledger.place(a_draft(), at=at)
    with open_shop(ledger) as asker:
        (node,) = asker(PAGE, first=1, q=f"id:{order.id}").data["orders"]["nodes"]
        assert node["updatedAt"] == "2026-11-24T11:59:59Z"
        assert asker.orders("created_at:<'2026-11-24T12:00:00Z'") == names([order])
