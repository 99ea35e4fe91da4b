"""The shop's budget: never more is spent than it holds, and its own figures win."""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.conftest import House
from ordermill.connector.http import Answer, Budget, ShopClient


def test_what_the_bucket_holds_is_spent_without_waiting(house: House) -> None:
    budget = Budget(house.context, capacity=100, restore_rate=10)
    budget.acquire(60)
    budget.acquire(40)
    assert house.slept == []


def test_what_is_missing_is_waited_for(house: House) -> None:
    budget = Budget(house.context, capacity=100, restore_rate=10)
    budget.acquire(100)
    budget.acquire(30)
    assert house.slept == [3.0] == house.waits


def test_a_cost_above_the_capacity_waits_for_a_full_bucket(house: House) -> None:
    budget = Budget(house.context, capacity=100, restore_rate=10)
    budget.acquire(50)
    budget.acquire(1000)
    assert house.slept == [5.0]


@given(costs=st.lists(st.floats(0, 100), max_size=30), rate=st.floats(0.1, 100))
def test_no_more_is_spent_than_the_shop_restores(costs: list[float], rate: float) -> None:
    """After any series: spent <= capacity + restored in the time that was waited."""
    house = House()
    budget = Budget(house.context, capacity=100, restore_rate=rate)
    for cost in costs:
        budget.acquire(cost)
    # The clock keeps whole microseconds.
    assert sum(costs) <= 100 + rate * (sum(house.slept) + len(costs) * 1e-6) + 1e-6


def test_the_shops_figures_replace_ours(house: House) -> None:
    budget = Budget(house.context, capacity=100, restore_rate=10)
    with budget.spending(10):
        budget.settle(capacity=2000, available=20, restore_rate=100, used=10)
    budget.acquire(120)
    assert house.slept == [1.0]
    assert house.figures == [(2000, 20, 10)]


def test_a_restore_rate_of_nothing_is_not_believed(house: House) -> None:
    budget = Budget(house.context, capacity=10, restore_rate=5)
    with budget.spending(10):
        budget.settle(capacity=10, available=0, restore_rate=0, used=10)
    budget.acquire(5)
    assert house.slept == [1.0]


def test_an_answer_leaves_what_other_threads_have_under_way_reserved(house: House) -> None:
    """The shop's figure was taken before their requests reached it."""
    budget = Budget(house.context, capacity=100, restore_rate=10)
    under_way, landed = threading.Event(), threading.Event()

    def other() -> None:
        with budget.spending(30):
            under_way.set()
            landed.wait(5)

    thread = threading.Thread(target=other)
    thread.start()
    assert under_way.wait(5)
    with budget.spending(10):
        budget.settle(capacity=100, available=100, restore_rate=10, used=10)
    landed.set()
    thread.join()
    budget.acquire(80)  # 100 - 30 are left
    assert house.slept == [pytest.approx(1.0)]


def test_every_attempt_is_paid_for(
    shop: Callable[..., ShopClient], house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = Budget(house.context, capacity=100, restore_rate=10)
    one = shop(httpx.ConnectError("x"), httpx.Response(200), budget=budget)
    one.call("orders", "GET", "/orders", read=lambda a: a.status, cost=40)
    (jitter,) = house.slept
    budget.acquire(100)
    assert house.slept[1] == pytest.approx(8.0 - jitter, abs=1e-3)


def test_an_answer_read_inside_a_call_settles_its_budget(
    shop: Callable[..., ShopClient], house: House
) -> None:
    budget = Budget(house.context, capacity=100, restore_rate=10)

    def read(answer: Answer) -> int:
        budget.settle(capacity=100, available=5, restore_rate=10, used=95)
        return answer.status

    shop(httpx.Response(200), budget=budget).call("orders", "GET", "/", read=read, cost=95)
    budget.acquire(15)
    assert house.slept == [1.0]
