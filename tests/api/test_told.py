"""Documents that calls issue are counted like those that were due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from prometheus_client import generate_latest

from api.asked import ITEM, Api, made_api
from ordermill.admin.metrics import Metrics
from ordermill.model.integration import manual_handle
from ordermill.store.database import Database
from shops import Stored

HANDLE = manual_handle("acme")
LINE = ITEM | {"source_id": "1"}
HALF = {
    "items": [LINE | {"quantity": 1, "total": 50, "total_with_tax": 61}],
    "total": 50,
    "total_with_tax": 61,
}


@pytest.fixture
def metrics() -> Metrics:
    made = Metrics()
    made.watch({}, {}, by_hand=[HANDLE])
    return made


@pytest.fixture
def told(store: Stored, database: Database, clock: Callable[[], datetime], metrics: Metrics) -> Api:
    return made_api(database, clock, billing=[metrics]).as_("writer")


def counted(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(
        f"ordermill_{name}_total", labels | {"connector": HANDLE}
    )


def test_an_order_that_is_processed_by_a_call_is_counted_once_however_often_it_is_asked_for(
    told: Api, metrics: Metrics
) -> None:
    order = told.made()
    for _ in range(2):
        answer = told.post(f"/orders/{order['id']}/process", Idempotency_Key="once")
        assert answer.status_code == 200
    assert told.post(f"/orders/{order['id']}/process").status_code == 409
    assert counted(metrics, "orders_processed", outcome="invoiced") == 1
    assert counted(metrics, "invoices_issued", document="invoice", reason="order") == 1


def test_a_refused_process_and_a_reissue_are_counted_in_series_that_were_there(
    told: Api, metrics: Metrics
) -> None:
    before = generate_latest(metrics.registry).count(b"\n")
    unequal = told.made("m-2", total=100, total_with_tax=130)
    assert told.post(f"/orders/{unequal['id']}/process").status_code == 422
    order = told.made(items=[LINE])
    told.post(f"/orders/{order['id']}/process")
    told.patch(f"/orders/{order['id']}", HALF)
    assert told.post(f"/orders/{order['id']}/reissue").status_code == 200
    assert counted(metrics, "orders_processed", outcome="failed") == 1
    assert counted(metrics, "reissues", reason="items", result="success") == 1
    assert counted(metrics, "invoices_issued", document="credit_note", reason="reissue") == 1
    assert generate_latest(metrics.registry).count(b"\n") == before


def test_what_is_made_and_changed_before_its_invoice_is_no_attempt(
    told: Api, metrics: Metrics
) -> None:
    order = told.made()
    told.patch(f"/orders/{order['id']}", {"customer": {"name": "Ana"}})
    assert (
        metrics.registry.get_sample_value(
            "ordermill_order_processing_duration_seconds_count", {"connector": HANDLE}
        )
        == 0
    )
