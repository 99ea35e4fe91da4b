"""Gauges that are read from the database: the same in every process that shares it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ordermill.errors import OrdermillError
from ordermill.model.order import OrderStatus
from ordermill.store import status
from ordermill.store.database import Database
from ordermill.store.status import IntegrationStatus, Overview, Waiting

KEPT_SECONDS = 5.0
PAUSES = ("operator", "auth", "breaker")
_TIMES = {
    "sync_last_success_timestamp_seconds": ("When a poll last succeeded.", "last_success_at"),
    "sync_last_attempt_timestamp_seconds": ("When a pass last began.", "last_attempt_at"),
    "sync_cursor_timestamp_seconds": ("The bookmark, in the shop's time.", "bookmark"),
}


class DatabaseMetrics(Collector):
    """A handful of grouped queries a scrape, kept for 5 s. While the database fails the last
    figures are shown, and `ordermill_database_up` is 0."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._shown: Overview | None = None
        self._due: dict[str, Waiting] = {}
        self._up = False
        self._read_at = float("-inf")

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield from ()

    def collect(self) -> Iterator[Metric]:
        yield from _of_process(self._database)
        with self._guard:
            if time.monotonic() - self._read_at > KEPT_SECONDS:
                self._read()
            shown, due, up = self._shown, self._due, self._up
        yield GaugeMetricFamily("ordermill_database_up", "Whether it answered.", value=up)
        if shown is not None:
            yield from _times(shown)
            yield from _counts(shown)
            yield from _waiting(due, shown.now)

    def _read(self) -> None:
        self._read_at = time.monotonic()
        now = datetime.now(UTC)
        try:
            with self._database.read() as conn:
                self._shown, self._due = status.overview(conn, now), status.due(conn, now)
            self._up = True
        except OrdermillError:
            self._up = False


def _of_process(database: Database) -> Iterator[Metric]:
    """Of this process alone, and had without asking the database."""
    pool = GaugeMetricFamily(
        "ordermill_db_pool_connections", "Connections to the database.", labels=["state"]
    )
    for state, n in zip(("in_use", "idle"), database.connections(), strict=True):
        pool.add_metric([state], n)
    retried = CounterMetricFamily(
        "ordermill_db_transactions_retried",
        "Transactions that changed nothing, for another was in the way or the database was away.",
        labels=["reason"],
    )
    for reason, n in database.retried().items():
        retried.add_metric([reason], n)
    yield from (pool, retried)


def _times(shown: Overview) -> Iterator[GaugeMetricFamily]:
    for name, (text, attribute) in _TIMES.items():
        family = GaugeMetricFamily(f"ordermill_{name}", text, labels=["connector"])
        for one in shown.integrations:
            at: datetime | None = getattr(one.state, attribute)
            family.add_metric([one.handle], at.timestamp() if at else 0)
        yield family
    lag = GaugeMetricFamily("ordermill_sync_lag_seconds", "0 when caught up.", labels=["connector"])
    for one in shown.integrations:
        seconds = one.lag_seconds(shown.now)
        if seconds is not None:
            lag.add_metric([one.handle], seconds)
    yield lag


def _counts(shown: Overview) -> Iterator[GaugeMetricFamily]:
    counted = GaugeMetricFamily("ordermill_orders", "Orders.", labels=["connector", "status"])
    short = GaugeMetricFamily(
        "ordermill_reconcile_shortfall_orders",
        "By how many orders the shop's lists came short of its own count in the last reconcile.",
        labels=["connector"],
    )
    unread = GaugeMetricFamily(
        "ordermill_orders_rejected", "Orders kept raw, unreadable.", labels=["connector"]
    )
    paused = GaugeMetricFamily(
        "ordermill_connector_paused", "1 while it rests.", labels=["connector", "reason"]
    )
    for one in shown.integrations:
        for word in OrderStatus:
            counted.add_metric([one.handle, word], one.orders.get(word, 0))
        unread.add_metric([one.handle], one.rejected)
        short.add_metric([one.handle], one.state.shortfall)
        for reason in PAUSES:
            paused.add_metric([one.handle, reason], _paused(one, shown, reason))
    yield from (counted, unread, short, paused)


def _waiting(due: Mapping[str, Waiting], now: datetime) -> Iterator[GaugeMetricFamily]:
    """With nothing due the oldest is as old as now, so that its age is 0."""
    counted = GaugeMetricFamily("ordermill_due_orders", "Orders that are due.", labels=["kind"])
    oldest = GaugeMetricFamily(
        "ordermill_due_oldest_timestamp_seconds", "Since when the oldest is due.", labels=["kind"]
    )
    for kind, waiting in due.items():
        counted.add_metric([kind], waiting.count)
        oldest.add_metric([kind], (waiting.oldest or now).timestamp())
    yield from (counted, oldest)


def _paused(one: IntegrationStatus, shown: Overview, reason: str) -> float:
    return float(one.state.paused(shown.now) and one.state.paused_by == reason)
