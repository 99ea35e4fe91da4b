"""The figures of /status, over orders that were really ingested."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from ordermill.model.order import OrderStatus
from ordermill.store import hints, integrations, orders, status
from ordermill.store.orders import Incoming
from ordermill.store.tables import orders as order_table
from orders import an_order
from shops import Stored, an_integration


def shown(store: Stored, handle: str = "woo") -> dict[str, Any]:
    with store.database.read() as conn:
        everything = status.as_json(status.overview(conn, store.clock()))
    return next(row for row in everything["integrations"] if row["handle"] == handle)


def overview(store: Stored) -> status.IntegrationStatus:
    with store.database.read() as conn:
        (one,) = status.overview(conn, store.clock()).integrations
    return one


def ingest(store: Stored, *source_ids: str) -> None:
    page = [Incoming(one, b"{}", "", an_order(one)) for one in source_ids]
    with store.database.write() as conn:
        orders.ingest(conn, integrations.stored(conn)["woo"], page, now=store.clock())


def decide(store: Stored, source_id: str, **values: Any) -> None:
    with store.database.write() as conn:
        one = order_table.c.source_id == source_id
        conn.execute(update(order_table).where(one).values(**values))


def test_a_new_integration_has_every_field_and_no_time_yet(store: Stored) -> None:
    assert shown(store) == {
        "handle": "woo", "source": "woocommerce", "state": "ok", "last_success_at": None,
        "last_attempt_at": None, "lag_seconds": None, "bookmark": None, "pending": 0, "held": 0,
        "failed": 0, "paused": None, "next_run_at": "2026-11-24T12:00:00.000Z", "last_error": None,
    }  # fmt: skip


def test_only_what_is_read_is_shown(store: Stored) -> None:
    store.configure(an_integration(), an_integration("off", is_active=False))
    with store.database.read() as conn:
        found = status.overview(conn, store.clock()).integrations
    assert [one.handle for one in found] == ["woo"]


def test_times_are_utc_with_milliseconds(store: Stored) -> None:
    claim = store.claimed()
    with store.database.write() as conn:
        at = store.clock() + timedelta(microseconds=123_456)
        integrations.move_bookmark(conn, claim, at)
    assert shown(store)["bookmark"] == "2026-11-24T12:00:00.123Z"
    json.dumps(shown(store))


def test_lag_is_nothing_when_caught_up_and_grows_when_nobody_polls(store: Stored) -> None:
    store.quiet()
    assert shown(store)["lag_seconds"] == 0
    store.clock.advance(60)  # type: ignore[attr-defined]
    assert shown(store)["lag_seconds"] == 0
    store.clock.advance(540)  # type: ignore[attr-defined]
    assert shown(store)["lag_seconds"] == 600


def test_lag_of_a_failing_shop_counts_from_its_last_success(store: Stored) -> None:
    claim = store.claimed()
    store.polled(claim)
    store.clock.advance(30)  # type: ignore[attr-defined]
    with store.database.write() as conn:
        now = store.clock()
        until = now + timedelta(minutes=5)
        error = RuntimeError("the shop answered 503")
        integrations.failed(conn, claim, now=now, error=error, backoff_until=until)
    store.release(claim)
    row = shown(store)
    assert (row["state"], row["lag_seconds"]) == ("backoff", 30)
    assert row["last_error"] == "the shop answered 503"
    assert row["next_run_at"] == "2026-11-24T12:05:30.000Z"
    store.clock.advance(300)  # type: ignore[attr-defined]
    assert shown(store)["state"] == "error"


def test_an_integration_that_is_being_read_is_running(store: Stored) -> None:
    claim = store.claimed()
    assert shown(store)["state"] == "running"
    store.release(claim)
    assert shown(store)["state"] == "ok"


@pytest.mark.parametrize("minutes", [None, 10])
def test_a_pause_says_why_by_whom_and_until_when(store: Stored, minutes: int | None) -> None:
    until = None if minutes is None else store.clock() + timedelta(minutes=minutes)
    with store.database.write() as conn:
        integrations.pause(
            conn, "woo", reason="stocktaking", by="ana", now=store.clock(), until=until
        )
    row = shown(store)
    end = None if minutes is None else "2026-11-24T12:10:00.000Z"
    assert row["state"] == "paused"
    assert row["paused"] == {
        "reason": "stocktaking", "by": "ana", "since": "2026-11-24T12:00:00.000Z", "until": end,
    }  # fmt: skip
    assert row["next_run_at"] == end
    store.clock.advance(600)  # type: ignore[attr-defined]
    assert (shown(store)["paused"] is None) is (minutes is not None)


def test_orders_are_counted_once_by_what_they_wait_for(store: Stored) -> None:
    ingest(store, "1", "2", "3", "4", "5", "6")
    decide(store, "2", status="failed", error="order_totals_mismatch: 0.03 too much")
    decide(store, "3", status="failed", error="the invoice could not be written")
    decide(store, "4", status="invoiced", error="refund_deleted")
    decide(store, "5", status="skipped", error="test_order")
    decide(store, "6", deleted_at=store.clock(), deleted_by="shop", error="order_gone")
    row = shown(store)
    assert (row["pending"], row["held"], row["failed"]) == (1, 2, 1)
    with store.database.read() as conn:
        assert status.order_counts(conn) == {
            ("woo", OrderStatus.PENDING): 1, ("woo", OrderStatus.FAILED): 2,
            ("woo", OrderStatus.INVOICED): 1, ("woo", OrderStatus.SKIPPED): 1,
        }  # fmt: skip


def test_hints_given_up_are_shown(store: Stored) -> None:
    one = store.quiet()
    with store.database.write() as conn:
        hints.add(conn, one, ["1"], now=store.clock())
        wanted = hints.due(conn, one, now=store.clock(), limit=1)
        for _ in range(hints.MOST_TRIES):
            hints.later(conn, one, wanted, now=store.clock())
    assert overview(store).hints_given_up == 1
