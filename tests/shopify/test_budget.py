"""The shop's budget: a long catch-up uses it up and is hardly ever throttled."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from ordermill.connector.base import By, Window
from ordermill.simulator.clock import ManualClock
from ordermill.simulator.shopify.throttle import Bucket, Size
from shopify.made import NOW, connected, order, page_of

SINCE = Window(by=By.CHANGED, since=datetime(2026, 1, 1, tzinfo=UTC))


class Metered:
    """Pages of one order each that stand for ``first`` orders, priced as Shopify prices them."""

    def __init__(self, orders: int, size: Size) -> None:
        self.left = orders
        self.size = size
        self.used = 0.0
        self.throttled = 0
        self.clock: ManualClock | None = None
        self.bucket: Bucket | None = None

    def __call__(self, name: str, variables: dict[str, Any]) -> Any:
        assert self.clock is not None
        self.bucket = self.bucket or Bucket(self.size, self.clock.now)
        first = variables["first"]
        requested = 2 + math.floor(2 * math.log(first)) * 44
        used = requested * 0.6
        if not self.bucket.take(requested):
            self.throttled += 1
            refused = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return {"errors": [refused], "extensions": self.cost(requested, None)}
        self.bucket.give_back(requested - used)
        self.used += used
        self.left -= first
        end = "more" if self.left > 0 else None
        page = page_of(order(), end=f"c{self.left}" if end else None)
        return {"data": {"orders": page}, "extensions": self.cost(requested, used)}

    def cost(self, requested: float, used: float | None) -> dict[str, Any]:
        assert self.bucket is not None
        status = self.bucket.status()
        return {"cost": {"requestedQueryCost": requested, "actualQueryCost": used,
                         "throttleStatus": status}}  # fmt: skip


@pytest.mark.parametrize("size", [Size(1000, 50), Size(2000, 100), Size(20000, 1000)])
@pytest.mark.parametrize("page_size", [100, 250])
def test_a_catch_up_of_20000_orders_uses_nine_tenths_of_the_budget(
    size: Size, page_size: int
) -> None:
    shop = Metered(20_000, size)
    connector, _, clock = connected(shop, page_size=page_size)
    shop.clock = clock
    cursor, ended = None, False
    while not ended:
        page = connector.fetch(SINCE, cursor)
        cursor, ended = page.cursor, page.cursor is None
    seconds = (clock.now() - NOW).total_seconds()
    allowed = size.maximum + size.restore * seconds
    assert not seconds or shop.used >= 0.9 * allowed  # no wait at all: nothing was short
    assert shop.throttled <= 1 + seconds / 60


def test_another_app_that_empties_the_bucket_costs_one_refusal() -> None:
    shop = Metered(2_000, Size())
    connector, _, clock = connected(shop)
    shop.clock = clock
    first = connector.fetch(SINCE, None)
    assert shop.bucket is not None
    shop.bucket.drain()
    connector.fetch(SINCE, first.cursor)
    assert shop.throttled == 1
