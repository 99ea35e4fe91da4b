"""The metrics: their names are API, their labels closed sets, their series counted."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import Metric, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from admin.watched import Caller, watched
from ordermill.admin.database_metrics import DatabaseMetrics
from ordermill.admin.metrics import Metrics
from ordermill.errors import StoreError
from ordermill.store import status
from ordermill.store.database import Database
from ordermill.sync.listener import Listener
from shops import Stored

GOLDEN = Path(__file__).parent / "names.txt"


def families(metrics: Metrics) -> dict[str, Metric]:
    text = generate_latest(metrics.registry).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def series(metrics: Metrics) -> int:
    return sum(len(family.samples) for family in families(metrics).values())


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"ordermill_{name}", labels)


def test_the_names_and_labels_are_those_of_the_list(
    admin: Caller, store: Stored, metrics: Metrics
) -> None:
    store.polled(store.claimed())  # a lag is shown from the first poll on
    metrics.request_started()
    metrics.request_ended("/orders", "GET", 200, 0.01)
    shown = [
        f"{family.name} {family.type} {','.join(sorted(labels(family)))}".rstrip()
        for family in text_string_to_metric_families(admin.get("/metrics").text)
        if family.name.startswith("ordermill_")
    ]
    assert sorted(shown) == GOLDEN.read_text().splitlines()


def labels(family: Metric) -> set[str]:
    return {name for sample in family.samples for name in sample.labels} - {"le"}


def test_names_keep_the_rules_of_prometheus(admin: Caller) -> None:
    for family in text_string_to_metric_families(admin.get("/metrics").text):
        assert family.documentation
        assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name)
        assert not re.search(r"_(milliseconds|minutes|hours|ms|kilobytes|created)$", family.name)
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples)
        else:
            assert not family.name.endswith("_total"), family.name
        if "duration" in family.name or "timestamp" in family.name:
            assert family.name.endswith("_seconds")


def test_every_series_of_a_shop_stands_at_zero_before_anything_happens() -> None:
    metrics = watched("woo")
    happened = {"ordermill_connector_info", "ordermill_sync_interval_seconds"}
    of_shop = [
        sample
        for name, family in families(metrics).items()
        if name not in happened
        for sample in family.samples
        if sample.labels.get("connector") == "woo"
    ]
    assert len(of_shop) > 50
    assert {sample.value for sample in of_shop} == {0.0}


def test_what_happens_makes_no_new_series() -> None:
    metrics = watched("woo")
    before = series(metrics)
    listener: Listener = metrics
    listener.run_started("woo", "incremental")
    listener.page("woo", "incremental", {"created": 3, "rejected": 1}, 4)
    listener.propagation("woo", 7.0)
    listener.error("woo", "fetch", "throttled")
    listener.lease_takeover("woo")
    listener.run_finished("woo", "incremental", "partial", 2.0)
    observer = metrics.observer("woo")
    observer.request("orders", "429", 0.2)
    observer.retry("orders", "throttled")
    observer.throttled(3.0)
    observer.budget(2000, 1900, 100)
    metrics.scheduler_missed("tick", "overlap")
    assert series(metrics) == before
    assert value(metrics, "orders_fetched_total", connector="woo") == 4
    assert value(metrics, "orders_ingested_total", connector="woo", outcome="created") == 3
    assert value(metrics, "sync_in_progress", connector="woo") == 0
    assert value(metrics, "lease_takeovers_total", connector="woo") == 1
    assert value(metrics, "upstream_throttle_wait_seconds_total", connector="woo") == 3
    assert value(metrics, "upstream_budget_available", connector="woo") == 1900
    assert value(metrics, "scheduler_runs_missed_total", job="tick", reason="overlap") == 1
    runs = {"connector": "woo", "mode": "incremental", "result": "partial"}
    assert value(metrics, "sync_runs_total", **runs) == 1


def test_a_shop_costs_at_most_250_series() -> None:
    one, two = series(watched("a")), series(watched("a", "b"))
    assert two - one <= 250
    assert one - (two - one) <= 110


def test_a_shop_that_leaves_the_file_leaves_no_series_and_the_others_keep_theirs() -> None:
    metrics = watched("left", "stays")
    metrics.page("stays", "incremental", {"created": 1}, 1)
    watched("stays", "new", metrics=metrics)
    text = generate_latest(metrics.registry).decode()
    assert 'connector="left"' not in text
    assert 'connector="new"' in text
    assert value(metrics, "orders_fetched_total", connector="stays") == 1


def test_a_clock_that_runs_ahead_counts_as_no_delay() -> None:
    metrics = watched("woo")
    metrics.propagation("woo", -40.0)
    assert value(metrics, "order_propagation_seconds_sum", connector="woo") == 0


def test_a_refused_reload_keeps_the_time_of_the_last_good_one() -> None:
    metrics = Metrics()
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    metrics.reload(True, at)
    metrics.reload(False, datetime(2026, 11, 24, 13, tzinfo=UTC))
    assert value(metrics, "config_last_reload_successful") == 0
    assert value(metrics, "config_last_reload_success_timestamp_seconds") == at.timestamp()


def test_two_registries_live_beside_each_other() -> None:
    first, second = watched("woo"), watched("woo")
    first.page("woo", "incremental", {"created": 1}, 1)
    assert value(second, "orders_fetched_total", connector="woo") == 0


def test_openmetrics_is_given_to_who_asks(admin: Caller) -> None:
    accept = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    asked = admin.get("/metrics", headers={"Accept": accept})
    assert asked.headers["content-type"].startswith("application/openmetrics-text")
    assert asked.text.endswith("# EOF\n")
    assert list(read_openmetrics(asked.text))
    assert admin.get("/metrics").headers["content-type"].startswith("text/plain")
    assert "_created" not in openmetrics(watched("woo").registry).decode()


def test_the_database_is_read_once_in_five_seconds(
    store: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = status.overview
    monkeypatch.setattr(status, "overview", lambda *a: (asked.append(1), real(*a))[1])
    figures = DatabaseMetrics(store.database)
    for _ in range(3):
        assert "ordermill_orders" in {family.name for family in figures.collect()}
    assert len(asked) == 1


def test_while_the_database_fails_the_last_figures_stay(
    store: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ordermill.admin import database_metrics

    monkeypatch.setattr(database_metrics, "KEPT_SECONDS", -1.0)
    figures = DatabaseMetrics(store.database)
    good = {f.name: f for f in figures.collect()}
    assert good["ordermill_database_up"].samples[0].value == 1

    def fails(self: Database) -> None:
        raise StoreError("the database cannot be reached")

    monkeypatch.setattr(Database, "read", fails)
    bad = {f.name: f for f in figures.collect()}
    assert bad["ordermill_database_up"].samples[0].value == 0
    assert bad.keys() == good.keys()
    assert bad["ordermill_orders"].samples == good["ordermill_orders"].samples


def test_times_are_timestamps_and_a_pause_shows_who_paused(admin: Caller, store: Stored) -> None:
    store.polled(store.claimed())
    admin.post("/integrations/woo/pause", json={"reason": "stocktaking"})
    found = {
        (sample.name, tuple(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(admin.get("/metrics").text)
        for sample in family.samples
    }
    at = store.clock().timestamp()
    assert found["ordermill_sync_last_success_timestamp_seconds", ("woo",)] == at
    assert found["ordermill_connector_paused", ("operator", "woo")] == 1
    assert found["ordermill_connector_paused", ("auth", "woo")] == 0
