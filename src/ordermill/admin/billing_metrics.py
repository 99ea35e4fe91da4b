"""The metrics of what is billed: attempts, documents, reissues. A listener of invoicing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

JOB = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
OUTCOMES = ("invoiced", "estimated", "skipped", "retry", "failed", "dead")
# What can be issued, and why.
DOCUMENTS = (
    ("invoice", "order"), ("invoice", "reissue"), ("credit_note", "refund"),
    ("credit_note", "reissue"), ("credit_note", "cancellation"), ("estimate", "order"),
)  # fmt: skip
CAUSES = ("items", "address", "tax", "refund")
RESULTS = ("success", "failure", "skipped")


class Made(Protocol):
    """A document that was issued, and why."""

    @property
    def kind(self) -> str: ...
    @property
    def reason(self) -> str: ...


class Reissue(Protocol):
    """A reissue that was due."""

    @property
    def cause(self) -> str: ...
    @property
    def result(self) -> str: ...


class Done(Protocol):
    """What became of one order that was due."""

    @property
    def outcome(self) -> str | None: ...
    @property
    def documents(self) -> Sequence[Made]: ...
    @property
    def reissue(self) -> Reissue | None: ...


class BillingMetrics:
    """Every combination that can happen stands at 0 from the start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._processed = Counter(
            "ordermill_orders_processed", "Attempts on orders, by what they came to.",
            ("connector", "outcome"), registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "ordermill_order_processing_duration_seconds",
            "Of an order: its share of a batch, or the whole call.",
            ("connector",), buckets=JOB, registry=registry,
        )  # fmt: skip
        self._issued = Counter(
            "ordermill_invoices_issued", "Documents issued, by kind and cause.",
            ("connector", "document", "reason"), registry=registry,
        )  # fmt: skip
        self._reissues = Counter(
            "ordermill_reissues", "Reissues, by what changed and how they ended.",
            ("connector", "reason", "result"), registry=registry,
        )  # fmt: skip

    @property
    def all(self) -> tuple[MetricWrapperBase, ...]:
        """What has the label ``connector``."""
        return (self._processed, self._seconds, self._issued, self._reissues)

    def start(self, handle: str) -> None:
        series: tuple[tuple[MetricWrapperBase, Iterable[tuple[str, ...]]], ...] = (
            (self._processed, product(OUTCOMES)),
            (self._seconds, ((),)),
            (self._issued, DOCUMENTS),
            (self._reissues, product(CAUSES, RESULTS)),
        )
        for metric, combinations in series:
            for labels in combinations:
                metric.labels(handle, *labels)

    def processed(self, handle: str, done: Sequence[Done], seconds: float) -> None:
        for one in done:
            self._seconds.labels(handle).observe(seconds)
            if one.outcome is not None:
                self._processed.labels(handle, str(one.outcome)).inc()
            for made in one.documents:
                self._issued.labels(handle, str(made.kind), str(made.reason)).inc()
            if one.reissue is not None:
                labels = (str(one.reissue.cause), str(one.reissue.result))
                self._reissues.labels(handle, *labels).inc()
