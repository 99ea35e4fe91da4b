"""Payloads read anew: what a connector has learned is stored, nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select, update

from ordermill.connector.base import RawOrder
from ordermill.errors import LeaseLost, NotFound, StoreBusy
from ordermill.model.order import Order
from ordermill.replay import REASON, Replay
from ordermill.store import events, leases, naming, orders
from ordermill.store.database import Database
from ordermill.store.payloads import Wanted
from ordermill.store.tables import integration_state, rejected_orders
from ordermill.store.tables import orders as order_table
from orders import an_order
from sync.fakes import FakeShop
from sync.house import House

EVERYTHING = Wanted()
Start = Callable[..., House]


class Wiser(FakeShop):
    """The connector after an update: it now sees a shipping cost in every order, and reads what it
    could not read."""

    def normalize(self, raw: RawOrder) -> Order:
        order = super().normalize(raw)
        return replace(order, total_shipping=Decimal("3.00"))


@pytest.fixture
def house(database: Database, clock: Any) -> Any:
    """A store with two orders and one that could not be read."""
    shop = FakeShop()
    shop.put(an_order("1", 1), an_order("2", 2), an_order("3", 3))
    shop.broken.add("3")
    made = House(database, clock, {"shop": shop})
    made.work()
    yield made
    made.engine.stop(timedelta(seconds=30))


def replayed(house: House, wanted: Wanted = EVERYTHING, shop: FakeShop | None = None) -> list[str]:
    stored = house.stored["shop"]
    replay = Replay(house.database, stored, shop or Wiser(), "replay", house.clock, lambda _: None)
    return [f"{one.ingested.source_id} {one.ingested.outcome}" for one in replay.run(wanted)]


def test_what_the_connector_reads_as_before_is_unchanged(house: House) -> None:
    before = house.order("1")
    assert replayed(house, shop=house.fakes["shop"]) == ["3 rejected", "1 unchanged", "2 unchanged"]
    assert house.order("1") == before


def test_what_it_reads_otherwise_is_stored_with_the_difference_and_no_shop_is_asked(
    house: House,
) -> None:
    wiser = Wiser()
    assert replayed(house, shop=wiser) == ["3 created", "1 updated", "2 updated"]
    assert wiser.requests == []
    row = house.order("1")
    assert (row["total_shipping"], row["version"]) == (Decimal("3.00"), 2)
    assert row["decide_at"] == house.clock()
    with house.database.read() as conn:
        *_, last = events.of_order(conn, row["id"])
        assert [v["version"] for v in orders.versions(conn, row["id"])] == [1, 2]
    assert (last.type, last.actor, last.reason) == ("order.updated", "ordermill", REASON)
    told = json.loads(last.data, parse_float=Decimal)["changes"]
    assert told == {"total_shipping": [Decimal("0.00"), Decimal("3.00")]}
    assert replayed(house) == ["1 unchanged", "2 unchanged", "3 unchanged"]


def test_an_order_that_can_be_read_now_is_no_longer_rejected(house: House) -> None:
    assert replayed(house, Wanted(failed=True)) == ["3 created"]
    with house.database.read() as conn:
        assert conn.execute(select(rejected_orders)).all() == []


def test_failed_means_the_orders_that_failed_too(house: House) -> None:
    with house.database.write() as conn:
        conn.execute(
            update(order_table).where(order_table.c.source_id == "2").values(status="failed")
        )
    assert replayed(house, Wanted(failed=True)) == ["3 created", "2 updated"]


def test_since_means_what_was_stored_since(house: House) -> None:
    moment = house.clock.advance(60)
    house.fakes["shop"].put(an_order("2", 200, tags=("new",)))
    house.fakes["shop"].broken.clear()
    house.work()
    assert replayed(house, Wanted(since=moment)) == ["2 updated", "3 updated"]


def test_one_order_is_replayed_alone(house: House) -> None:
    assert replayed(house, Wanted(source_id="2")) == ["2 updated"]
    assert replayed(house, Wanted(source_id="3")) == ["3 created"]


def test_a_rejected_version_is_newer_than_the_stored_one_and_is_not_lost(house: House) -> None:
    shop = house.fakes["shop"]
    house.clock.advance(60)
    shop.put(an_order("1", 100, tags=("later",)))
    shop.broken.add("1")
    house.work()
    assert replayed(house, shop=shop) == ["1 rejected", "3 rejected", "2 unchanged"]
    assert replayed(house) == ["1 updated", "3 created", "2 updated"]
    assert json.loads(house.order("1")["tags"]) == ["later"]


def test_an_order_that_is_gone_in_the_shop_stays_gone(house: House) -> None:
    with house.database.write() as conn:
        orders.mark_gone(conn, house.stored["shop"], {"1": "purged"}, now=house.clock())
    assert replayed(house, Wanted(source_id="1")) == ["1 updated"]
    row = house.order("1")
    assert (row["deleted_by"], row["total_shipping"]) == ("shop", Decimal("3.00"))
    with house.database.read() as conn:
        assert "order.restored" not in [e.type for e in events.of_order(conn, row["id"])]


def test_a_rejected_version_of_an_order_that_is_gone_since_does_not_bring_it_back(
    house: House,
) -> None:
    shop = house.fakes["shop"]
    shop.put(an_order("1", 200, tags=("new",)))
    shop.broken.add("1")
    house.clock.advance(60)
    house.work()
    with house.database.write() as conn:
        orders.mark_gone(conn, house.stored["shop"], {"1": "purged"}, now=house.clock())
    assert "1 updated" in replayed(house)
    row = house.order("1")
    assert (row["deleted_by"], row["tags"]) == ("shop", '["new"]')


def test_a_connector_that_breaks_costs_its_order_alone(house: House) -> None:
    class Breaking(Wiser):
        def normalize(self, raw: RawOrder) -> Order:
            if raw.source_id == "1":
                raise ZeroDivisionError
            return super().normalize(raw)

    assert replayed(house, shop=Breaking()) == ["3 created", "1 rejected", "2 updated"]
    assert house.order("1")["version"] == 1


def test_many_payloads_are_read_in_batches(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordermill.replay.BATCH", 2)
    shop = house.fakes["shop"]
    shop.broken.clear()
    house.clock.advance(60)
    shop.put(*(an_order(str(n), n) for n in range(10, 15)))
    house.work()
    assert len(replayed(house)) == len(set(replayed(house))) == 8


def test_nothing_is_read_anew_while_another_process_reads_the_shop(house: House) -> None:
    with house.database.write() as conn:
        assert leases.seize(conn, "other", timedelta(hours=1), "shop", now=house.clock())
    with pytest.raises(StoreBusy, match="another process is reading it"):
        replayed(house)


def test_a_replay_that_lost_its_lease_writes_nothing_more(
    house: House, database: Database, clock: Any
) -> None:
    replay = Replay(database, house.stored["shop"], Wiser(), "replay", clock, lambda _: None)
    steps = replay.run(EVERYTHING)
    next(steps)
    with database.write() as conn:
        token = integration_state.c.lease_token
        conn.execute(update(integration_state).values(lease_owner="other", lease_token=token + 1))
    with pytest.raises(LeaseLost):
        list(steps)
    assert house.order("1")["version"] == 1


@pytest.mark.parametrize("words", ["{id}", "shop/1", "1", "#1"])
def test_an_order_is_found_by_each_of_its_names(house: House, words: str) -> None:
    order_id = house.order("1")["id"]
    with house.database.read() as conn:
        found = naming.find(conn, words.format(id=order_id))
    assert found == naming.Found(order_id, "shop", "1")


def test_an_order_that_was_never_read_is_found_by_its_shop(house: House) -> None:
    with house.database.read() as conn:
        assert naming.find(conn, "shop/3") == naming.Found(None, "shop", "3")
        assert naming.find(conn, "3") == naming.Found(None, "shop", "3")


def test_a_name_that_may_mean_several_orders_says_which(
    database: Database, clock: Callable[[], datetime]
) -> None:
    one, other = FakeShop(), FakeShop()
    one.put(an_order("7"))
    other.put(an_order("8", source_order_number="#7"))
    made = House(database, clock, {"first": one, "second": other})
    made.work()
    with database.read() as conn:
        with pytest.raises(NotFound, match="first/7, second/8"):
            naming.find(conn, "7")
        with pytest.raises(NotFound, match="no order ord_unknown"):
            naming.find(conn, "ord_unknown")
    made.engine.stop(timedelta(seconds=30))
