"""Answers recorded from real WooCommerce shops go through the connector into the store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ordermill.connector.base import Context, Unobserved
from ordermill.connector.registry import installed
from ordermill.simulator.clock import ManualClock
from ordermill.simulator.server import Server, serve
from ordermill.simulator.woocommerce.recorded import RecordedShop
from ordermill.store.database import Database
from ordermill.store.tables import orders as order_table
from ordermill.store.tables import raw_versions, rejected_orders
from ordermill.store.tables import refunds as refund_table
from sync.house import House

DATA = Path(__file__).parents[1] / "data/woocommerce"


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def recorded() -> tuple[list[dict[str, Any]], dict[int, list[dict[str, Any]]]]:
    """Every order with its refunds; the one draft of a checkout is no order yet and not listed."""
    shops = lines("orders_shop_decimals.jsonl")
    orders = [row["order"] for row in lines("orders.jsonl") + shops]
    orders = [order for order in orders if order["status"] != "checkout-draft"]
    refunds = {row["order_id"]: row["refunds"] for row in lines("refunds.jsonl")}
    return orders, refunds | {row["id"]: row["refunds"] for row in shops if row["refunds"]}


class Recorded:
    """A process that reads the recorded shop."""

    def __init__(self, database: Database, shop: RecordedShop) -> None:
        self.database = database
        self.clock = ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
        self.server: Server = serve(shop)
        plugin = installed()["woocommerce"]
        options = plugin.options.model_validate({
            "base_url": self.server.url, "allow_private_network": True,
            "consumer_key": shop.consumer_key, "consumer_secret": shop.consumer_secret,
        })  # fmt: skip
        context = Context("shop", self.clock.now, self.clock.sleep, Unobserved(), 20)
        self.connector = plugin.connect(options, context)
        self.house = House(
            database,
            self.clock.now,
            {"shop": self.connector},  # type: ignore[dict-item]
            import_from=date(2020, 1, 1),
        )

    def close(self) -> None:
        self.connector.close()
        self.server.close()


@pytest.fixture
def begin(database: Database) -> Iterator[Any]:
    opened: list[Recorded] = []

    def start(shop: RecordedShop) -> Recorded:
        opened.append(Recorded(database, shop))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def rows(database: Database, table: Any) -> list[Mapping[str, Any]]:
    with database.read() as conn:
        return list(conn.execute(select(table)).mappings())


def test_every_recorded_order_is_stored_with_its_total_and_a_second_pass_changes_none(
    begin: Any, database: Database
) -> None:
    orders, refunds = recorded()
    process = begin(RecordedShop(orders, refunds))
    process.house.work()
    assert rows(database, rejected_orders) == []
    totals = {row["source_id"]: row["total_with_tax"] for row in rows(database, order_table)}
    assert totals == {str(order["id"]): Decimal(order["total"]) for order in orders}
    assert len(totals) == 124
    process.house.heard.ingested.clear()
    process.clock.advance(3700)
    process.house.request_sync()
    process.house.work()
    assert {str(one.outcome) for one in process.house.heard.ingested} == {"unchanged"}
    assert len(rows(database, raw_versions)) == 124


def test_every_recorded_refund_is_a_row_with_its_amount(begin: Any, database: Database) -> None:
    orders, refunds = recorded()
    begin(RecordedShop(orders, refunds)).house.work()
    stored = {row["source_id"]: row["amount"] for row in rows(database, refund_table)}
    told = {
        str(refund["id"]): Decimal(refund["amount"] or 0)
        for of_order in refunds.values()
        for refund in of_order
    }
    assert stored == told


def test_each_recorded_change_of_an_order_becomes_a_version_and_leaves_the_last_state(
    begin: Any, database: Database
) -> None:
    steps = [step for step in lines("timeline.jsonl") if step["status"] == 200]
    shop = RecordedShop([])
    process = begin(shop)
    for step in steps:
        shop.put(step["order"])
        shop._refunds[step["order"]["id"]] = step["refunds"] or []
        process.clock.advance(3700)
        process.house.request_sync()
        process.house.work()
    last = {str(step["id"]): step["order"] for step in steps}
    stored = {row["source_id"]: row for row in rows(database, order_table)}
    assert stored.keys() == last.keys()
    for source_id, order in last.items():
        assert stored[source_id]["total_with_tax"] == Decimal(order["total"])
        assert (stored[source_id]["deleted_at"] is not None) == (order["status"] == "trash")
