"""What an operator asks for is written down once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ordermill.errors import NotFound
from ordermill.store import requests, runs
from shops import Stored, an_integration

DAY = timedelta(days=1)


def backfill(store: Stored, days: int, until: bool = True) -> int:
    now = store.clock()
    with store.database.write() as conn:
        return requests.request_backfill(
            conn, "woo", now - days * DAY, now if until else None, now=now
        )


def test_a_sync_asked_for_is_due_at_once(store: Stored) -> None:
    store.quiet()
    with store.database.write() as conn:
        requests.request_sync(conn, "woo", now=store.clock())
    (claim,) = store.claim("woo")
    assert claim.state.sync_requested_at == store.clock()


@pytest.mark.parametrize("until", [True, False])
def test_the_same_backfill_asked_for_twice_is_one(store: Stored, until: bool) -> None:
    first = backfill(store, 5, until)
    assert backfill(store, 5, until) == first
    assert backfill(store, 6, until) != first


def test_a_reconcile_that_was_asked_for_is_work_until_it_is_done(store: Stored) -> None:
    store.quiet()
    with store.database.write() as conn:
        run = requests.request_reconcile(conn, "woo", now=store.clock())
        assert requests.request_reconcile(conn, "woo", now=store.clock()) == run
    store.release(store.claimed())
    claim = store.claimed()
    with store.database.write() as conn:
        runs.start(conn, claim, "sweep", now=store.clock())
        runs.reported(conn, run, "{}", 7)
        runs.finish(conn, run, "success", now=store.clock())
    store.release(claim)
    assert store.claim() == []
    with store.database.read() as conn:
        done = runs.get(conn, run)
    assert (done.result, done.report, done.total) == ("success", "{}", 7)
    with store.database.write() as conn:
        assert requests.request_reconcile(conn, "woo", now=store.clock()) != run


def test_a_finished_backfill_can_be_asked_for_again(store: Stored) -> None:
    first = backfill(store, 5)
    with store.database.write() as conn:
        runs.finish(conn, first, "success", now=store.clock())
    assert backfill(store, 5) != first


@pytest.mark.parametrize("handle", ["unknown", "manual-acme", "inactive"])
def test_what_is_not_read_cannot_be_asked_for(store: Stored, handle: str) -> None:
    store.configure(an_integration(), an_integration("inactive", is_active=False))
    now = store.clock()
    with store.database.write() as conn:
        with pytest.raises(NotFound, match=handle):
            requests.request_sync(conn, handle, now=now)
        with pytest.raises(NotFound, match=handle):
            requests.request_backfill(conn, handle, now, None, now=now)
        with pytest.raises(NotFound, match=handle):
            requests.request_reconcile(conn, handle, now=now)
