"""A shop in memory behind the connector's protocol, for faults at exact moments."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from ordermill.connector.base import (
    By,
    Fetched,
    Gone,
    IndexEntry,
    IndexPage,
    Page,
    RawOrder,
    ShopInfo,
    Window,
)
from ordermill.errors import MalformedOrder
from ordermill.model.order import Order


class FakeShop:
    """Orders by id. ``before`` is called with each request's name and may change or raise."""

    def __init__(self, page_size: int = 10) -> None:
        self.orders: dict[str, Order] = {}
        self.invisible: set[str] = set()  # not in any list yet, as a lagging index has it
        self.hidden: set[str] = set()
        self.kept_back: set[str] = set()  # counted, and in no list
        self.broken: set[str] = set()  # cannot be normalized
        self.page_size = page_size
        self.requests: list[str] = []
        self.before: Callable[[str], None] = lambda _: None
        self.closed = False

    def put(self, *orders: Order) -> None:
        for order in orders:
            self.orders[order.source_id] = order

    # The connector's side.

    def check(self) -> ShopInfo:
        return ShopInfo(name="fake", version="1", currency_code="EUR")

    def fetch(self, window: Window, cursor: str | None) -> Page:
        self._asked("backfill" if window.by is By.CREATED else "fetch")
        counted = self._listed(window)
        rows = [order for order in counted if order.source_id not in self.kept_back]
        if cursor is not None:
            at, source_id = json.loads(cursor)
            rows = [
                r
                for r in rows
                if (self._time(r, window).isoformat(), r.source_id) > (at, source_id)
            ]
        page, more = rows[: self.page_size], len(rows) > self.page_size
        last = page[-1] if page else None
        where = json.dumps([self._time(last, window).isoformat(), last.source_id]) if last else None
        return Page(
            orders=[self._raw(order) for order in page],
            cursor=where if more else None,
            safe_until=last.shop_updated_at if last and window.by is By.CHANGED else None,
            cost=1,
            total=len(counted) if cursor is None else None,
        )

    def index(self, window: Window, cursor: str | None) -> IndexPage:
        self._asked("index")
        rows = sorted(self._listed(window), key=lambda order: order.source_id)
        rows = [order for order in rows if cursor is None or order.source_id > cursor]
        page, more = rows[: self.page_size], len(rows) > self.page_size
        return IndexPage(
            entries=[IndexEntry(order.source_id, mark(order)) for order in page],
            cursor=page[-1].source_id if more else None,
            cost=1,
        )

    def fetch_ids(self, source_ids: Sequence[str]) -> Fetched:
        self._asked("fetch_ids")
        gone: Mapping[str, Gone] = {
            s: Gone.PURGED for s in source_ids if s not in self.orders and s not in self.hidden
        }
        seen = [s for s in source_ids if s in self.orders and s not in self.hidden]
        return Fetched(
            orders=[self._raw(self.orders[s]) for s in seen],
            gone=gone,
            hidden=[s for s in source_ids if s in self.hidden],
            cost=1,
        )

    def normalize(self, raw: RawOrder) -> Order:
        if raw.source_id in self.broken:
            raise MalformedOrder(raw.source_id, "total is missing")
        return msgspec.json.decode(raw.payload, type=Order)

    def close(self) -> None:
        self.closed = True

    def _asked(self, operation: str) -> None:
        self.requests.append(operation)
        self.before(operation)

    def _listed(self, window: Window) -> list[Order]:
        shown = [o for s, o in self.orders.items() if s not in self.invisible]
        inside = [o for o in shown if _within(self._time(o, window), window)]
        return sorted(inside, key=lambda order: (self._time(order, window), order.source_id))

    @staticmethod
    def _time(order: Order, window: Window) -> datetime:
        if window.by is By.CHANGED:
            return order.shop_updated_at
        assert order.ordered_at is not None
        return order.ordered_at

    def _raw(self, order: Order) -> RawOrder:
        return RawOrder(
            source_id=order.source_id,
            payload=msgspec.json.encode(order),
            updated_at=order.shop_updated_at,
            mark=mark(order),
        )


def mark(order: Order) -> str:
    """What an index shows of an order: not its items."""
    return f"{order.shop_updated_at:%H%M%S} {order.total} {len(order.refunds)}"


def _within(at: datetime, window: Window) -> bool:
    since, until = window.since, window.until
    return (since is None or at >= since) and (until is None or at < until)
