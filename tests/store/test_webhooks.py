"""Webhooks that arrived: an event is a hint once, for 48 hours."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from ordermill.store import hints, retention, webhooks
from ordermill.store.tables import webhook_events
from ordermill.store.webhooks import Arrival
from shops import Stored, an_integration


def keep(store: Stored, *arrivals: Arrival) -> int:
    with store.database.write() as conn:
        return webhooks.keep(conn, arrivals, now=store.clock())


def an_arrival(source_id: str = "1", event: str | None = "e1", handle: str = "woo") -> Arrival:
    return Arrival(handle, source_id, "orders/updated", event)


def read(store: Stored, one: str) -> list[tuple[str, str | None]]:
    """What is due, as if it were answered at once."""
    with store.database.write() as conn:
        wanted = hints.due(conn, one, now=store.clock(), limit=50)
        hints.done(conn, one, wanted)
    return [(each.source_id, each.event_id) for each in wanted]


def test_an_event_that_is_delivered_again_asks_for_nothing(store: Stored) -> None:
    one = store.quiet()
    assert keep(store, an_arrival(), an_arrival()) == 1
    assert read(store, one) == [("1", "e1")]
    for _ in range(5):
        store.clock.advance(3600 * 9)  # type: ignore[attr-defined]
        assert keep(store, an_arrival(), an_arrival("2", "e1")) == 0
    assert read(store, one) == []


def test_another_event_and_one_without_a_name_ask_again(store: Stored) -> None:
    one = store.quiet()
    for event in ("e1", "e2", None, None):
        assert keep(store, an_arrival(event=event)) == 1
        assert read(store, one) == [("1", event)]


def test_several_events_of_one_order_are_one_hint(store: Stored) -> None:
    one = store.quiet()
    assert keep(store, *(an_arrival(event=f"e{n}") for n in range(20))) == 1
    assert read(store, one) == [("1", "e19")]


def test_the_same_event_at_two_shops_is_two_events(store: Stored) -> None:
    store.configure(an_integration("woo"), an_integration("shopify"))
    assert keep(store, an_arrival(handle="woo"), an_arrival(handle="shopify")) == 2


def test_what_comes_for_a_shop_that_is_not_read_is_dropped(store: Stored) -> None:
    store.configure(an_integration("woo", is_active=False))
    assert keep(store, an_arrival(), an_arrival(handle="nobody"), an_arrival(handle="manual")) == 0


def test_after_48_hours_an_event_is_forgotten(store: Stored) -> None:
    store.quiet()
    keep(store, an_arrival())
    store.clock.advance(webhooks.KEPT.total_seconds() - 1)  # type: ignore[attr-defined]
    forgotten = []
    for _ in range(2):
        with store.database.write() as conn:
            retention.forget(conn, now=store.clock(), raw_for=timedelta(days=90))
            forgotten.append(conn.scalar(select(func.count()).select_from(webhook_events)))
        store.clock.advance(2)  # type: ignore[attr-defined]
    assert forgotten == [1, 0]
    assert keep(store, an_arrival()) == 1
