"""The metrics. Every label value is from a closed set and starts at 0; times are timestamps."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import product
from typing import Any, Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics import MetricWrapperBase

from ordermill import __version__
from ordermill.admin.billing_metrics import BillingMetrics, Done
from ordermill.admin.database_metrics import DatabaseMetrics
from ordermill.store.database import Database

SYNC = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
UPSTREAM = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
HTTP = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
PROPAGATION = (1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)

MODES = ("incremental", "sweep", "backfill", "reconcile")
RESULTS = ("success", "partial", "failure", "skipped")
OUTCOMES = ("created", "updated", "unchanged", "stale", "rejected")
CODES = ("2xx", "3xx", "4xx", "429", "5xx", "network")
REASONS = ("throttled", "timeout", "network", "upstream_5xx", "schema", "internal")
STAGES = ("fetch", "normalize", "store")
BILLING_STAGES = ("process", "invoice")  # which have defects of ours alone
CLASSES = (
    "auth", "throttled", "timeout", "network", "upstream_5xx", "schema", "conflict", "tax",
    "internal",
)  # fmt: skip
CALLS = ("tick", "due", "heartbeat", "tally", "forget")
MISSED = ("overlap", "late")


class Shop(Protocol):
    """What must be known of a shop's connector: its kind and the operations it counts."""

    @property
    def source(self) -> str: ...
    @property
    def operations(self) -> tuple[str, ...]: ...


class Metrics:
    """The process's own registry; a listener of sync and of invoicing, and an
    observer of shop requests.

    Names are API: they change only on purpose (tests/admin has the list).
    """

    def __init__(self, revision: str = "") -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._watched: set[str] = set()
        self._of_process(revision)
        self._of_sync()
        self._of_shops()
        self._of_api()
        self._billing = BillingMetrics(self.registry)

    def _of_process(self, revision: str) -> None:
        build = self._gauge("build_info", "The program.", "version", "revision", "python")
        build.labels(__version__, revision, platform.python_version()).set(1)
        self._reload_ok = self._gauge(
            "config_last_reload_successful", "Whether the last reading of the file succeeded."
        )
        self._reload_at = self._gauge(
            "config_last_reload_success_timestamp_seconds", "When the running settings were read."
        )
        self._missed = self._counter(
            "scheduler_runs_missed", "Calls of the clock that were skipped.", "job", "reason"
        )
        for labels in product(CALLS, MISSED):
            self._missed.labels(*labels)

    def _of_sync(self) -> None:
        self._info = self._gauge("connector_info", "What is read.", "connector", "kind")
        self._interval = self._gauge("sync_interval_seconds", "Between two polls.", "connector")
        self._running = self._gauge("sync_in_progress", "Passes under way.", "connector")
        self._runs = self._counter("sync_runs", "Passes ended.", "connector", "mode", "result")
        self._duration = self._histogram(
            "sync_duration_seconds", "How long a pass took.", SYNC, "connector", "mode"
        )
        self._fetched = self._counter("orders_fetched", "Orders read.", "connector")
        self._ingested = self._counter(
            "orders_ingested", "Orders read, by what was done.", "connector", "outcome"
        )
        self._propagation = self._histogram(
            "order_propagation_seconds", "From the shop's change to our store.", PROPAGATION,
            "connector",
        )  # fmt: skip
        self._errors = self._counter(
            "errors", "What went wrong, by stage and class.", "connector", "stage", "class"
        )
        self._takeovers = self._counter(
            "lease_takeovers", "Shops taken over from a process that died.", "connector"
        )
        self._dropped = self._counter(
            "hints_dropped", "Hints that found no room; poll and sweep find the orders."
        )

    def _of_shops(self) -> None:
        self._requests = self._counter(
            "upstream_requests", "Requests to the shop.", "connector", "operation", "code"
        )
        self._request_seconds = self._histogram(
            "upstream_request_duration_seconds", "Until the answer was read.", UPSTREAM,
            "connector", "operation",
        )  # fmt: skip
        self._retries = self._counter(
            "upstream_retries", "Requests tried again.", "connector", "reason"
        )
        self._throttled = self._counter(
            "upstream_throttle_wait_seconds", "Waited for the shop's budget.", "connector"
        )
        self._capacity = self._gauge(
            "upstream_budget_capacity", "The shop's budget when full.", "connector"
        )
        self._available = self._gauge(
            "upstream_budget_available", "What was left of it after the last answer.", "connector"
        )
        self._used = self._counter("upstream_budget_used", "What answers have cost.", "connector")

    def _of_api(self) -> None:
        self._http = self._counter(
            "http_requests", "Answers of the Orders API.", "handler", "method", "code"
        )
        self._http_seconds = self._histogram(
            "http_request_duration_seconds", "Until the answer was sent.", HTTP, "handler", "method"
        )
        self._http_open = self._gauge("http_requests_in_flight", "Requests under way.")

    def watch_database(self, database: Database) -> None:
        """Add the gauges that are read from the database when scraped."""
        self.registry.register(DatabaseMetrics(database))

    def watch(
        self,
        shops: Mapping[str, Shop],
        every: Mapping[str, timedelta],
        by_hand: Sequence[str] = (),
    ) -> None:
        """Start every series of these shops at 0; forget those of shops that left the file.

        ``by_hand`` are the integrations of orders that no shop sends: they are billed only.
        """
        watched = {*shops, *by_hand}
        for handle in self._watched - watched:
            self._forget(handle)
        for handle, shop in shops.items():
            self._start(handle, shop)
            self._interval.labels(handle).set(every[handle].total_seconds())
        for handle in by_hand:
            self._billing.start(handle)
        self._watched = watched

    def _start(self, handle: str, shop: Shop) -> None:
        self._info.labels(handle, shop.source).set(1)
        series: list[tuple[MetricWrapperBase, Iterable[tuple[str, ...]]]] = [
            (self._runs, product(MODES, RESULTS)),
            (self._duration, product(MODES)),
            (self._ingested, product(OUTCOMES)),
            (self._errors, product(STAGES, CLASSES)),
            (self._errors, product(BILLING_STAGES, ("internal",))),
            (self._requests, product(shop.operations, CODES)),
            (self._request_seconds, product(shop.operations)),
            (self._retries, product(REASONS)),
        ]
        for metric, combinations in series:
            for labels in combinations:
                metric.labels(handle, *labels)
        for plain in (
            self._running, self._fetched, self._propagation, self._takeovers, self._throttled,
            self._capacity, self._available, self._used,
        ):  # fmt: skip
            plain.labels(handle)
        self._billing.start(handle)

    def _forget(self, handle: str) -> None:
        for metric in (*vars(self).values(), *self._billing.all):
            if isinstance(metric, MetricWrapperBase) and "connector" in metric._labelnames:
                metric.remove_by_labels({"connector": handle})

    # A listener of sync.

    def run_started(self, handle: str, mode: str) -> None:
        self._running.labels(handle).inc()

    def run_finished(self, handle: str, mode: str, result: str, seconds: float) -> None:
        self._running.labels(handle).dec()
        self._runs.labels(handle, mode, result).inc()
        self._duration.labels(handle, mode).observe(seconds)

    def page(self, handle: str, mode: str, outcomes: Mapping[str, int], fetched: int) -> None:
        self._fetched.labels(handle).inc(fetched)
        for outcome, n in outcomes.items():
            self._ingested.labels(handle, str(outcome)).inc(n)

    def propagation(self, handle: str, seconds: float) -> None:
        self._propagation.labels(handle).observe(max(seconds, 0.0))

    def error(self, handle: str, stage: str, error_class: str) -> None:
        self._errors.labels(handle, stage, error_class).inc()

    def lease_takeover(self, handle: str) -> None:
        self._takeovers.labels(handle).inc()

    def orders(self, handle: str, ingested: Sequence[Any]) -> None: ...

    # A listener of the Orders API; handler is the template of a route, or `other`.

    def request_started(self) -> None:
        self._http_open.inc()

    def request_ended(self, handler: str, method: str, code: int, seconds: float) -> None:
        self._http_open.dec()
        self._http.labels(handler, method, code).inc()
        self._http_seconds.labels(handler, method).observe(seconds)

    # A listener of invoicing.

    def processed(self, handle: str, done: Sequence[Done], seconds: float) -> None:
        """Orders that were due, with the seconds that each took."""
        self._billing.processed(handle, done, seconds)

    # What the daemon tells.

    def hint_dropped(self) -> None:
        """A webhook found no room in memory."""
        self._dropped.inc()

    def scheduler_missed(self, name: str, reason: str) -> None:
        self._missed.labels(name, reason).inc()

    def reload(self, ok: bool, at: datetime) -> None:
        """The file was read, or refused and the running settings stayed."""
        self._reload_ok.set(ok)
        if ok:
            self._reload_at.set(at.timestamp())

    def observer(self, handle: str) -> ShopObserver:
        """Counts the requests to one shop."""
        return ShopObserver(self, handle)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"ordermill_{name}", text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"ordermill_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"ordermill_{name}", text, labels, buckets=buckets, registry=self.registry)


class ShopObserver:
    """An Observer of the connector's door for one shop."""

    def __init__(self, metrics: Metrics, handle: str) -> None:
        self._m = metrics
        self._handle = handle

    def request(self, operation: str, code: str, seconds: float) -> None:
        self._m._requests.labels(self._handle, operation, code).inc()
        self._m._request_seconds.labels(self._handle, operation).observe(seconds)

    def retry(self, operation: str, reason: str) -> None:
        self._m._retries.labels(self._handle, reason).inc()

    def throttled(self, seconds: float) -> None:
        self._m._throttled.labels(self._handle).inc(seconds)

    def budget(self, capacity: float, available: float, used: float) -> None:
        self._m._capacity.labels(self._handle).set(capacity)
        self._m._available.labels(self._handle).set(available)
        self._m._used.labels(self._handle).inc(max(used, 0.0))
