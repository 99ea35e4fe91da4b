"""An attempt that broke: when it is tried again, and what the order says meanwhile."""

from __future__ import annotations

import pytest

from ordermill.errors import StoreError
from ordermill.invoicing.attempts import broken, given_up, wait
from ordermill.model.codes import code_of
from ordermill.model.order import OrderStatus
from orders import AT


def test_the_waits_double_from_a_minute_to_an_hour_eight_times() -> None:
    minutes, plan, attempts = [], None, 0
    while plan is None or not given_up(plan):
        plan = broken(OrderStatus.PENDING, attempts, KeyError("x"), AT)
        attempts = plan.decisions["attempts"]
        if not given_up(plan):
            minutes.append((plan.decisions["decide_at"] - AT).total_seconds() / 60)
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60]
    assert plan.decisions["status"] is OrderStatus.FAILED
    assert "given up after 9 tries" in plan.decisions["error"]


def test_a_wait_after_any_number_of_attempts_is_at_most_an_hour() -> None:
    assert wait(10_000).total_seconds() == 3600


@pytest.mark.parametrize("status", OrderStatus)
def test_what_has_a_document_keeps_its_status(status: OrderStatus) -> None:
    kept = {OrderStatus.INVOICED, OrderStatus.ESTIMATED, OrderStatus.CANCELLED}
    found = broken(status, 0, KeyError("x"), AT).decisions["status"]
    assert found is (status if status in kept else OrderStatus.FAILED)


def test_the_error_has_no_code_and_tells_nothing_of_the_data() -> None:
    plan = broken(OrderStatus.PENDING, 0, KeyError("ana@example.com"), AT)
    error = plan.decisions["error"]
    assert code_of(error) is None
    assert "ana" not in error
    assert "KeyError" in error
    (event,) = plan.events
    assert (event.type, event.reason) == ("order.failed", error)


def test_the_stores_own_words_may_be_told() -> None:
    error = StoreError("the database refused: x (23505)")
    plan = broken(OrderStatus.PENDING, 0, error, AT)
    assert "(23505)" in plan.decisions["error"]
