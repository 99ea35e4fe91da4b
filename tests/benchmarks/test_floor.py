"""The floor of the benchmarks is honest: it computes every value that ordermill does."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec import Raw
from tests.benchmarks import floor

from ordermill.simulator.clock import ManualClock
from ordermill.simulator.woocommerce.prepared import PreparedShop
from ordermill.store.orders import COLUMNS as INGESTED
from ordermill.store.rows import NAMES, order_row
from ordermill_woocommerce.normalize import normalize
from ordermill_woocommerce.raw import head_of, raw_order

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
# Null in an order that is new, live and invoiced by a call, as those of the benchmark's shop are.
NULL_AT_FIRST = {
    "error", "deleted_at", "deleted_by", "source_event_id", "overrides", "decide_at",
}  # fmt: skip


def told(value: Any) -> Any:
    """A value as the database has it, whatever the order of the names in its JSON."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    if isinstance(value, str) and value[:1] in ("[", "{"):
        return json.loads(value, parse_float=Decimal)
    return value


def test_the_floor_writes_every_column_that_ordermill_writes() -> None:
    assert set(floor.COLUMNS) == set(INGESTED) - NULL_AT_FIRST


def test_the_floor_computes_the_values_that_ordermill_computes() -> None:
    shop = PreparedShop(200, clock=ManualClock(NOW))
    for i in range(200):
        raw = Raw(shop.order(i))
        expected = order_row(normalize(raw_order(raw, head_of(raw)))).values
        written = dict(zip(floor.COLUMNS, floor.row(raw, NOW), strict=True))
        assert {name: told(written[name]) for name in NAMES} == {
            name: told(value) for name, value in zip(NAMES, expected, strict=True)
        }
