"""A page in the store, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ordermill.errors import MalformedOrder
from ordermill.model.integration import Entity, Integration
from ordermill.model.order import Order, Refund
from ordermill.store import edits, events, hints, integrations, orders, rejected, retention, tallies
from ordermill.store.database import Database
from ordermill.store.orders import Incoming, Ingested, Outcome
from ordermill.store.tables import orders as order_table
from ordermill.store.tables import refunds as refund_table
from ordermill.store.tables import rejected_orders
from orders import AT, a_refund, an_item, an_order, changed

Ingest = Callable[..., list[Ingested]]


def incoming(order: Order, mark: str = "") -> Incoming:
    payload = json.dumps({"id": order.source_id, "total": str(order.total)}).encode()
    return Incoming(order.source_id, payload, mark, order)


def malformed(source_id: str, payload: bytes = b'{"id": 7}') -> Incoming:
    return Incoming(source_id, payload, "", MalformedOrder(source_id, "currency is missing"))


@pytest.fixture
def stored(database: Database, clock: Callable[[], datetime]) -> integrations.StoredIntegration:
    entity = Entity(handle="acme", name="Acme", currency_code="EUR")
    shop = Integration(
        handle="shop",
        entity="acme",
        source="woocommerce",
        name="Shop",
        shop_key="shop.example:443",
        import_from=date(2026, 1, 1),
    )
    with database.write() as conn:
        integrations.apply_configuration(conn, [entity], [shop], now=clock())
    with database.read() as conn:
        return integrations.stored(conn)["shop"]


@pytest.fixture
def ingest(
    database: Database, stored: integrations.StoredIntegration, clock: Callable[[], datetime]
) -> Ingest:
    """Writes a page of orders or of prepared values."""

    def write(*page: Order | Incoming, confirmed: bool = False) -> list[Ingested]:
        values = [one if isinstance(one, Incoming) else incoming(one) for one in page]
        with database.write() as conn:
            return orders.ingest(conn, stored, values, now=clock(), confirmed=confirmed)

    return write


def outcomes(ingested: Sequence[Ingested]) -> list[str]:
    return [str(one.outcome) for one in ingested]


def event_types(database: Database, order_id: str) -> list[str]:
    with database.read() as conn:
        return [row.type for row in events.of_order(conn, order_id)]


def test_the_same_page_twice_is_unchanged_the_second_time(ingest: Ingest) -> None:
    page = [an_order(str(n)) for n in range(1, 101)]
    assert outcomes(ingest(*page)) == ["created"] * 100
    assert outcomes(ingest(*page)) == ["unchanged"] * 100


def test_a_trail_never_goes_back_whatever_the_clocks_of_its_writers_say(
    database: Database, stored: integrations.StoredIntegration, clock: Callable[[], datetime]
) -> None:
    def write(at: datetime, *page: Order) -> list[Ingested]:
        with database.write() as conn:
            return orders.ingest(conn, stored, [incoming(one) for one in page], now=at)

    began, behind = clock(), clock() - timedelta(minutes=1)
    ids = [str(one.order_id) for one in write(began, an_order("1"), an_order("2"))]
    edited = changed(an_order("1", 5), items=(an_item(price="9.00"),))
    write(behind, edited, an_order("2", 5, deleted=True), an_order("3"))
    with database.read() as conn:
        trails = [[row.at for row in events.of_order(conn, order_id)] for order_id in ids]
    assert [len(trail) > 1 for trail in trails] == [True, True]
    assert {at for trail in trails for at in trail} == {began}


def test_live_and_deleted_orders_are_counted(
    database: Database, stored: integrations.StoredIntegration, ingest: Ingest, clock: Any
) -> None:
    def counted() -> tuple[int, int]:
        with database.read() as conn:
            return (
                tallies.count(conn, stored.entity_id, tallies.ORDERS),
                tallies.count(conn, stored.entity_id, tallies.ORDERS_DELETED),
            )

    trashed = an_order("2", 5, deleted=True)
    ingest(an_order("1"), an_order("2"), an_order("3", deleted=True))
    assert counted() == (2, 1)
    ingest(trashed, an_order("1"))
    assert counted() == (1, 2)
    ingest(changed(trashed, deleted=False))
    assert counted() == (2, 1)
    for _ in range(2):
        with database.write() as conn:
            orders.mark_gone(conn, stored, {"1": "purged"}, now=clock())
    assert counted() == (1, 2)


def test_an_order_is_read_back_as_it_was_written(
    database: Database, stored: integrations.StoredIntegration, ingest: Ingest
) -> None:
    order = an_order(
        total_discount=Decimal("0.123456"), paid_at=AT + timedelta(milliseconds=7), tags=("a", "b")
    )
    ingest(order)
    with database.read() as conn:
        row = orders.get(conn, stored.id, "1001")
    assert row is not None
    assert (row["total_with_tax"], row["total_discount"]) == (
        order.total_with_tax,
        Decimal("0.123456"),
    )
    assert row["paid_at"] == order.paid_at
    assert row["paid"] is True
    assert json.loads(row["tags"]) == ["a", "b"]
    assert json.loads(row["items"], parse_float=Decimal)[0]["total"] == Decimal("20.00")
    assert row["status"] == "pending"


@pytest.mark.parametrize(
    "amount", ["0.01", "-0.01", "999999999999.999999", "0.000001", "-999999999999.999999", "0"]
)
def test_an_amount_is_exact_in_the_database_itself(
    database: Database, ingest: Ingest, amount: str
) -> None:
    ingest(an_order(owed=Decimal(amount)))
    with database.read() as conn:
        assert conn.execute(order_table.select()).one().owed == Decimal(amount)


def test_a_change_is_a_version_with_its_payload_and_an_event_that_says_what(
    database: Database, ingest: Ingest
) -> None:
    (created,) = ingest(an_order())
    (updated,) = ingest(an_order(second=5, items=(an_item(quantity=3),)))
    assert updated.outcome is Outcome.UPDATED
    assert {"total", "items"} <= {change.field for change in updated.changes}
    total = next(change for change in updated.changes if change.field == "total")
    assert (total.before, total.after) == (Decimal("20.00"), Decimal("30.00"))
    with database.read() as conn:
        assert [v["version"] for v in orders.versions(conn, str(created.order_id))] == [1, 2]
        event = events.of_order(conn, str(created.order_id))[-1]
    told = json.loads(event.data, parse_float=Decimal)
    assert told["changes"]["total"] == [Decimal("20.00"), Decimal("30.00")]
    assert event_types(database, str(created.order_id)) == ["order.created", "order.updated"]


def test_an_event_never_tells_a_buyers_data(database: Database, ingest: Ingest) -> None:
    (one,) = ingest(an_order())
    ingest(an_order(second=5, customer_name="Canary Person", customer_email="canary@example.com"))
    with database.read() as conn:
        data = [row.data for row in events.of_order(conn, str(one.order_id))]
    assert "customer_name" in data[-1]
    assert "anary" not in "".join(data)


def test_an_older_version_is_not_written_and_is_read_again_soon(
    database: Database,
    stored: integrations.StoredIntegration,
    ingest: Ingest,
    clock: Callable[[], datetime],
) -> None:
    ingest(an_order(second=10, customer_name="New"))
    assert outcomes(ingest(an_order(second=5, customer_name="Old"))) == ["stale"]
    with database.read() as conn:
        assert orders.get(conn, stored.id, "1001")["customer_name"] == "New"
        (hint,) = hints.due(conn, stored.id, now=clock(), limit=9)
    assert hint.source_id == "1001"


def test_what_was_read_by_id_is_written_whatever_its_date(
    database: Database, stored: integrations.StoredIntegration, ingest: Ingest
) -> None:
    ingest(an_order(second=10, customer_name="New"))
    assert outcomes(ingest(an_order(second=5, customer_name="Back"), confirmed=True)) == ["updated"]
    with database.read() as conn:
        assert orders.get(conn, stored.id, "1001")["customer_name"] == "Back"


def test_an_order_that_is_twice_in_a_page_counts_in_its_newest_version(
    database: Database, stored: integrations.StoredIntegration, ingest: Ingest
) -> None:
    page = [an_order(second=9, customer_name="New"), an_order(second=1, customer_name="Old")]
    assert sorted(outcomes(ingest(*page))) == ["created", "stale"]
    with database.read() as conn:
        assert orders.get(conn, stored.id, "1001")["customer_name"] == "New"


def test_what_cannot_be_read_is_kept_raw_and_the_rest_of_the_page_stored(
    database: Database, stored: integrations.StoredIntegration, ingest: Ingest
) -> None:
    assert outcomes(ingest(malformed("7", b"\xff\x00{"), an_order("8"))) == ["rejected", "created"]
    ingest(malformed("7"))
    with database.read() as conn:
        row = conn.execute(rejected_orders.select()).one()
        assert (row.source_id, row.times, row.reason) == ("7", 2, "currency is missing")
        assert rejected.counts(conn) == {stored.id: 1}
        assert orders.get(conn, stored.id, "8") is not None


def test_an_order_that_becomes_readable_leaves_the_rejected(
    database: Database, ingest: Ingest
) -> None:
    ingest(malformed("7"))
    assert outcomes(ingest(an_order("7"))) == ["created"]
    with database.read() as conn:
        assert rejected.counts(conn) == {}


def test_a_text_that_no_database_keeps_costs_its_order_alone(ingest: Ingest) -> None:
    page = [an_order("1", customer_name="a\0b"), an_order("2")]
    assert outcomes(ingest(*page)) == ["rejected", "created"]


@pytest.mark.parametrize(
    "bad",
    [
        (a_refund("r"), a_refund("r", "6.00")),
        (a_refund("r", "1000000000000"),),
        (a_refund("r", "NaN"),),
        (a_refund("r", total_tax=Decimal("1e15")),),
        (a_refund("r", reason="a\0b"),),
    ],
    ids=["twice", "too much", "no number", "too much tax", "U+0000"],
)
def test_a_refund_that_no_database_keeps_costs_its_order_alone(
    ingest: Ingest, bad: tuple[Refund, ...]
) -> None:
    page = [an_order("1", refunds=bad), an_order("2")]
    assert outcomes(ingest(*page)) == ["rejected", "created"]
    ingest(an_order("1"))
    assert outcomes(ingest(changed(page[0], shop_updated_at=AT + timedelta(1)))) == ["rejected"]


def test_an_order_placed_before_the_import_day_is_stored_as_skipped(
    database: Database, ingest: Ingest, stored: integrations.StoredIntegration
) -> None:
    (one,) = ingest(an_order(ordered_at=datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)))
    with database.read() as conn:
        row = orders.get(conn, stored.id, "1001")
    assert row["status"] == "skipped"
    assert row["error"].startswith("before_import_from: ")
    assert event_types(database, str(one.order_id)) == ["order.created", "order.skipped"]


def test_trash_marks_an_order_deleted_and_untrash_brings_it_back(
    database: Database, ingest: Ingest, stored: integrations.StoredIntegration
) -> None:
    (one,) = ingest(an_order())
    (trashed,) = ingest(an_order(second=1, deleted=True))
    assert trashed.event == "order.gone"
    with database.read() as conn:
        assert orders.get(conn, stored.id, "1001")["deleted_by"] == "shop"
    assert outcomes(ingest(an_order(second=1, deleted=True))) == ["unchanged"]
    (back,) = ingest(an_order(second=2))
    assert back.event == "order.restored"
    with database.read() as conn:
        assert orders.get(conn, stored.id, "1001")["deleted_at"] is None
    kinds = event_types(database, str(one.order_id))
    assert kinds.count("order.created") == 1
    assert [kind for kind in kinds if kind in ("order.gone", "order.restored")] == [
        "order.gone",
        "order.restored",
    ]


def test_a_persons_delete_is_updated_silently_and_never_undone(
    database: Database, ingest: Ingest, stored: integrations.StoredIntegration
) -> None:
    (one,) = ingest(an_order())
    with database.write() as conn:
        deleted = {"deleted_at": AT, "deleted_by": "person", "decide_at": None}
        conn.execute(order_table.update().values(deleted))
    ingest(an_order(second=1, customer_name="Later"))
    ingest(an_order(second=2, deleted=True))
    ingest(an_order(second=3))
    with database.read() as conn:
        row = orders.get(conn, stored.id, "1001")
    assert (row["deleted_by"], row["deleted_at"]) == ("person", AT)
    assert row["decide_at"] is None
    assert event_types(database, str(one.order_id)) == ["order.created"]


@pytest.mark.parametrize("how", ["trashed", "gone"])
def test_a_person_who_deletes_it_while_the_shop_does_is_counted_once(
    database: Database,
    ingest: Ingest,
    stored: integrations.StoredIntegration,
    clock: Callable[[], datetime],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    if database.dialect == "sqlite":
        pytest.skip("one writer at a time")
    (one,) = ingest(an_order())
    asked = orders._by_source_id

    def overtaken(*given: Any) -> list[Any]:
        """A person is quicker, after the order was looked at."""
        found = list(asked(*given))
        monkeypatch.undo()
        with database.write() as conn:
            row = edits.locked(conn, stored.entity_id, str(one.order_id))
            assert row is not None
            edits.delete(conn, row, now=clock(), actor="ann")
        return found

    monkeypatch.setattr(orders, "_by_source_id", overtaken)
    if how == "trashed":
        ingest(an_order(second=1, deleted=True))
    else:
        with database.write() as conn:
            assert orders.mark_gone(conn, stored, {"1001": "purged"}, now=clock()) == []
    with database.read() as conn:
        counted = [
            tallies.count(conn, stored.entity_id, name)
            for name in (tallies.ORDERS, tallies.ORDERS_DELETED)
        ]
        kept = orders.get(conn, stored.id, "1001")
    assert (counted, kept["deleted_by"]) == ([0, 1], "person")
    assert event_types(database, str(one.order_id)) == ["order.created", "order.deleted"]


def test_an_order_that_vanished_is_marked_once_and_comes_back_by_itself(
    database: Database,
    ingest: Ingest,
    stored: integrations.StoredIntegration,
    clock: Callable[[], datetime],
) -> None:
    (one,) = ingest(incoming(an_order(), mark="m1"))
    for expected in (1, 0):
        with database.write() as conn:
            gone = orders.mark_gone(conn, stored, {"1001": "vanished", "77": "purged"}, now=clock())
        assert len(gone) == expected
    with database.read() as conn:
        assert orders.marks(conn, stored.id, ["1001"]) == {"1001": ""}
        assert list(orders.known_in_window(conn, stored.id, AT)) == []
    assert outcomes(ingest(incoming(an_order(), mark="m1"))) == ["updated"]
    assert event_types(database, str(one.order_id)) == [
        "order.created",
        "order.gone",
        "order.restored",
    ]


def test_a_date_that_moves_alone_is_noted_without_a_version(
    database: Database, ingest: Ingest, stored: integrations.StoredIntegration
) -> None:
    (one,) = ingest(incoming(an_order(), mark="a"))
    assert outcomes(ingest(incoming(an_order(second=30), mark="b"))) == ["unchanged"]
    with database.read() as conn:
        assert orders.marks(conn, stored.id, ["1001"]) == {"1001": "b"}
        assert orders.get(conn, stored.id, "1001")["shop_updated_at"] == AT + timedelta(seconds=30)
        assert len(orders.versions(conn, str(one.order_id))) == 1


def test_refunds_are_rows_and_one_deleted_in_the_shop_stays_marked(
    database: Database, ingest: Ingest
) -> None:
    ingest(an_order(refunds=(a_refund("r1"), a_refund("r2", "1.00"))))
    ingest(an_order(second=1, refunds=(a_refund("r2", "1.50"),)))
    with database.read() as conn:
        rows = {row.source_id: row for row in conn.execute(refund_table.select())}
    assert rows["r1"].deleted_at is not None
    assert rows["r2"].deleted_at is None
    assert rows["r2"].amount == Decimal("1.50")


def test_refunds_hidden_by_the_trash_are_not_taken_for_deleted(
    database: Database, ingest: Ingest
) -> None:
    ingest(an_order(refunds=(a_refund("r1"),)))
    ingest(an_order(second=1, deleted=True))
    with database.read() as conn:
        assert conn.execute(refund_table.select()).one().deleted_at is None


def test_the_same_ids_in_two_shops_are_two_orders(
    database: Database, ingest: Ingest, clock: Callable[[], datetime]
) -> None:
    ingest(an_order())
    entity = Entity(handle="acme", name="Acme", currency_code="EUR")
    shops = [
        Integration(
            handle=h, entity="acme", source="woocommerce", name=h, shop_key=k,
            import_from=date(2026, 1, 1),
        )
        for h, k in (("shop", "shop.example:443"), ("other", "shop.example:8443"))
    ]  # fmt: skip
    with database.write() as conn:
        integrations.apply_configuration(conn, [entity], shops, now=clock())
    with database.read() as conn:
        other = integrations.stored(conn)["other"]
    with database.write() as conn:
        ingested = orders.ingest(conn, other, [incoming(an_order())], now=clock())
    assert outcomes(ingested) == ["created"]
    with database.read() as conn:
        assert sum(orders.counts(conn).values()) == 2


def test_a_page_that_breaks_leaves_nothing_behind(database: Database, ingest: Ingest) -> None:
    class Broken(Exception):
        pass

    def exploding() -> None:
        with database.write() as conn:
            orders.ingest(conn, integration, [incoming(an_order())], now=AT)
            raise Broken

    with database.read() as conn:
        integration = integrations.stored(conn)["shop"]
    with pytest.raises(Broken):
        exploding()
    with database.read() as conn:
        assert conn.execute(order_table.select()).all() == []


def test_an_order_of_ten_thousand_lines_and_a_name_of_a_megabyte_are_stored(
    database: Database, ingest: Ingest, stored: integrations.StoredIntegration
) -> None:
    big = an_order("1", items=tuple(an_item(f"Line {n}") for n in range(10_000)))
    long = changed(an_order("2"), customer_name="x" * 1_000_000)
    assert outcomes(ingest(big, long)) == ["created", "created"]
    with database.read() as conn:
        assert len(json.loads(orders.get(conn, stored.id, "1")["items"])) == 10_000
        assert len(orders.get(conn, stored.id, "2")["customer_name"]) == 1_000_000


def test_old_versions_are_forgotten_after_their_time_but_never_the_present_one(
    database: Database, ingest: Ingest, clock: Callable[[], datetime]
) -> None:
    (one,) = ingest(an_order())
    ingest(an_order(second=1, customer_name="B"))
    ingest(an_order(second=2, customer_name="C"))
    ingest(an_order("1002"))
    for days, kept in ((89, [1, 2, 3]), (91, [3]), (91, [3])):
        with database.write() as conn:
            now = clock() + timedelta(days=days)
            retention.forget(conn, now=now, raw_for=timedelta(days=90))
            assert [v["version"] for v in orders.versions(conn, str(one.order_id))] == kept
            if database.dialect == "postgresql":  # of a large store all are looked at
                limit = conn.exec_driver_sql("SHOW statement_timeout").scalar_one()
                assert limit == "0"


def test_the_event_that_produced_a_state_stays_with_it_until_another_state_comes(
    database: Database,
    stored: integrations.StoredIntegration,
    ingest: Ingest,
    clock: Callable[[], datetime],
) -> None:
    def because_of(event: str | None, order: Order) -> str | None:
        ingest(replace(incoming(order), event_id=event), confirmed=True)
        return named()

    def named() -> str | None:
        with database.read() as conn:
            row = orders.get(conn, stored.id, "1001")
        assert row is not None
        event: str | None = row["source_event_id"]
        return event

    assert because_of("e1", an_order()) == "e1"
    assert because_of("e2", an_order()) == "e1"
    assert because_of("e3", an_order(second=1, customer_name="Other")) == "e3"
    assert because_of(None, an_order(second=2, customer_name="Other")) == "e3"
    assert because_of(None, an_order(second=3, customer_name="Polled")) is None
    with database.write() as conn:
        gone = {"1001": "purged"}
        orders.mark_gone(conn, stored, gone, now=clock(), events_of={"1001": "e4"})
    assert named() == "e4"
