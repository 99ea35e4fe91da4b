"""Runs: counted page by page, closed when their process died, gone on with when they are long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from ordermill.errors import NotFound, RateLimited
from ordermill.store import integrations, requests, runs
from ordermill.store.leases import Claim
from ordermill.store.runs import StoredRun
from shops import ENDED, Stored


@dataclass
class Done:
    outcome: str


def start(store: Stored, claim: Claim, mode: str = "incremental") -> int:
    with store.database.write() as conn:
        return runs.start(conn, claim, mode, now=store.clock())


def page(
    store: Stored, run: int, cursor: str | None = None, total: int | None = None, *outcomes: str
) -> None:
    with store.database.write() as conn:
        runs.page_stored(
            conn,
            run,
            cursor=cursor,
            ingested=[Done(one) for one in outcomes],
            fetched=len(outcomes),
            cost=1.5,
            total=total,
        )


def get(store: Stored, run: int) -> StoredRun:
    with store.database.read() as conn:
        return runs.get(conn, run)


def test_a_run_adds_up_its_pages(store: Stored) -> None:
    run = start(store, store.claimed())
    page(store, run, "c1", 5, "created", "created", "stale")
    page(store, run, "c2", None, "created", "updated", "rejected", "unchanged")
    with store.database.write() as conn:
        runs.gone(conn, run, 2)
    found = get(store, run)
    assert (found.pages, found.fetched, found.total, found.cost) == (2, 7, 5, 3.0)
    assert (found.created, found.updated, found.unchanged) == (3, 1, 1)
    assert (found.stale, found.rejected, found.gone) == (1, 1, 2)
    assert found.cursor == "c2"
    assert found.finished_at is None


def test_the_last_page_keeps_the_cursor_before_it(store: Stored) -> None:
    run = start(store, store.claimed(), "backfill")
    page(store, run, "c1")
    page(store, run, None)
    assert get(store, run).cursor == "c1"


def test_a_finished_run_knows_its_bookmarks_and_its_error(store: Stored) -> None:
    claim = store.claimed()
    before = store.clock() - timedelta(hours=1)
    with store.database.write() as conn:
        run = runs.start(conn, claim, "incremental", now=store.clock(), bookmark=before)
        integrations.move_bookmark(conn, claim, store.clock())
    store.clock.advance(3)  # type: ignore[attr-defined]
    with store.database.write() as conn:
        error = RateLimited("slow down", retry_after=1)
        runs.finish(conn, run, "partial", now=store.clock(), error=error)
    found = get(store, run)
    assert (found.bookmark_before, found.result) == (before, "partial")
    assert found.bookmark_after == found.started_at
    assert found.finished_at == store.clock()
    assert (found.error, found.error_class) == ("slow down", "throttled")


def test_a_closed_run_is_not_closed_again(store: Stored) -> None:
    run = start(store, store.claimed())
    for result in ("success", "failure"):
        with store.database.write() as conn:
            runs.finish(conn, run, result, now=store.clock())
    assert get(store, run).result == "success"


def test_a_run_of_a_dead_process_is_closed_as_interrupted(store: Stored) -> None:
    (dead,) = store.claim("woo", owner="dead", ttl=ENDED)
    left = start(store, dead)
    start(store, store.claimed(owner="heir"))
    assert get(store, left).result == "interrupted"


def test_a_sweep_stays_open_while_polls_run_in_between(store: Stored) -> None:
    claim = store.claimed()
    sweep = start(store, claim, "sweep")
    start(store, claim)
    assert get(store, sweep).finished_at is None


def test_a_backfill_outlives_its_process_and_says_what_troubles_it(store: Stored) -> None:
    since = store.clock() - timedelta(days=30)
    with store.database.write() as conn:
        asked = requests.request_backfill(conn, "woo", since, None, now=store.clock())
    (dead,) = store.claim("woo", owner="dead", ttl=ENDED)
    page(store, asked, "day 3", 900, "created")
    with store.database.write() as conn:
        runs.trouble(conn, asked, RateLimited("slow down", retry_after=1))
    heir = store.claimed(owner="heir")
    start(store, heir)
    with store.database.read() as conn:
        found = runs.unfinished(conn, dead.integration_id, "backfill")
    assert found is not None
    assert (found.id, found.cursor, found.since, found.until) == (asked, "day 3", since, None)
    assert (found.error, found.result) == ("slow down", None)


def test_the_oldest_unfinished_run_comes_first(store: Stored) -> None:
    claim = store.claimed()
    with store.database.write() as conn:
        now = store.clock()
        first = requests.request_backfill(conn, "woo", now - timedelta(days=2), now, now=now)
        requests.request_backfill(conn, "woo", now - timedelta(days=9), now, now=now)
    with store.database.read() as conn:
        found = runs.unfinished(conn, claim.integration_id, "backfill")
        assert found is not None
        assert found.id == first
        assert runs.unfinished(conn, claim.integration_id, "sweep") is None


def test_the_newest_runs_come_first(store: Stored) -> None:
    claim = store.claimed()
    made = [start(store, claim) for _ in range(3)]
    with store.database.read() as conn:
        assert [run.id for run in runs.last(conn, claim.integration_id, 2)] == made[:0:-1]
        assert [run.id for run in runs.recent(conn)] == made[::-1]


def test_old_runs_are_forgotten_but_never_open_ones(store: Stored) -> None:
    claim = store.claimed()
    old, still_open = start(store, claim), start(store, claim)
    with store.database.write() as conn:
        runs.finish(conn, old, "success", now=store.clock())
    with store.database.write() as conn:
        assert runs.prune(conn, before=store.clock()) == 0
        assert runs.prune(conn, before=store.clock() + timedelta(seconds=1)) == 1
    get(store, still_open)
    with pytest.raises(NotFound):
        get(store, old)
