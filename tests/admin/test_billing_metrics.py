"""The metrics of what is billed: closed sets that are invoicing's own, and every series at 0."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from admin.watched import watched
from billing import Billing, invoice
from ordermill.admin import billing_metrics
from ordermill.admin.database_metrics import DatabaseMetrics
from ordermill.admin.metrics import Metrics
from ordermill.invoicing.done import Cause, Done, Made, Outcome, Reason, Reissue, Result
from ordermill.invoicing.due import Due
from ordermill.model.case import Plan
from ordermill.model.document import DocumentKind
from ordermill.store import status
from ordermill.store.database import Database
from ordermill.store.status import Waiting
from orders import an_order


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"ordermill_{name}", labels | {"connector": "woo"})


def samples(metrics: Metrics) -> int:
    text = generate_latest(metrics.registry).decode()
    return sum(len(family.samples) for family in text_string_to_metric_families(text))


def test_the_closed_sets_are_those_of_invoicing() -> None:
    assert tuple(Outcome) == billing_metrics.OUTCOMES
    assert tuple(Cause) == billing_metrics.CAUSES
    assert tuple(Result) == billing_metrics.RESULTS
    kinds, reasons = zip(*billing_metrics.DOCUMENTS, strict=True)
    assert set(kinds) == set(DocumentKind)
    assert set(reasons) == set(Reason)


def done(outcome: Outcome | None, *documents: Made, reissue: Reissue | None = None) -> Done:
    return Done("woo", "ord_1", "#1", outcome, None, documents, reissue)


def test_what_happens_is_counted_in_series_that_were_there_before() -> None:
    metrics = watched("woo")
    before = samples(metrics)
    for kind, reason in billing_metrics.DOCUMENTS:
        made = Made(DocumentKind(kind), "N-1", Decimal(5), "EUR", Reason(reason))
        metrics.processed("woo", [done(None, made)], 0.01)
    for outcome in Outcome:
        metrics.processed("woo", [done(outcome)], 0.01)
    for cause, result in product(Cause, Result):
        reissue = Reissue(cause, result, "INV-1")
        metrics.processed("woo", [done(None, reissue=reissue)], 0.01)
    for stage in ("process", "invoice"):
        metrics.error("woo", stage, "internal")
    assert samples(metrics) == before
    assert value(metrics, "orders_processed_total", outcome="invoiced") == 1
    assert value(metrics, "invoices_issued_total", document="credit_note", reason="refund") == 1
    assert value(metrics, "reissues_total", reason="items", result="skipped") == 1
    assert value(metrics, "order_processing_duration_seconds_count") == 24
    assert value(metrics, "errors_total", stage="invoice", **{"class": "internal"}) == 1


def test_a_shop_that_leaves_takes_its_series_along() -> None:
    metrics = watched("woo")
    metrics.processed("woo", [done(Outcome.INVOICED)], 0.01)
    watched(metrics=metrics)
    assert 'connector="woo"' not in generate_latest(metrics.registry).decode()


def test_the_worker_tells_the_metrics(billing: Billing) -> None:
    metrics = watched("woo")
    billing.take_in(an_order("1"), an_order("2"))
    Due(billing.database, billing.clock, [metrics], decide=invoice).run()
    assert value(metrics, "orders_processed_total", outcome="invoiced") == 2
    assert value(metrics, "invoices_issued_total", document="invoice", reason="order") == 2


def test_what_is_due_is_counted_by_kind_with_the_oldest(billing: Billing, clock: Any) -> None:
    began = clock()
    _, second, third = billing.take_in(*(an_order(str(n)) for n in range(3)))
    billing.bill([second, third])
    later = clock.advance(60)

    def due_again(reissue: bool) -> Callable[..., Plan]:
        return lambda case, desk: Plan(
            decisions={"decide_at": desk.now, "reissue_after": desk.now if reissue else None}
        )

    billing.bill([second], due_again(True))
    billing.bill([third], due_again(False))
    with billing.database.read() as conn:
        assert status.due(conn, later) == {
            "process": Waiting(1, began), "reissue": Waiting(1, later), "update": Waiting(1, later),
        }  # fmt: skip
        assert status.due(conn, began - timedelta(seconds=1)) == dict.fromkeys(
            status.DUE, Waiting()
        )
    billing.configure(is_active=False)
    with billing.database.read() as conn:
        assert set(status.due(conn, later).values()) == {Waiting()}


def test_with_nothing_due_the_oldest_is_as_old_as_now(database: Database) -> None:
    found = {
        (sample.name, sample.labels["kind"]): sample.value
        for family in DatabaseMetrics(database).collect()
        if family.name.startswith("ordermill_due")
        for sample in family.samples
    }
    now = datetime.now().timestamp()  # noqa: DTZ005
    for kind in status.DUE:
        assert found["ordermill_due_orders", kind] == 0
        assert abs(found["ordermill_due_oldest_timestamp_seconds", kind] - now) < 600
