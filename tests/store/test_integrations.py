"""The state of one integration: bookmark, success, failure, pause."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ordermill.errors import NotFound, RateLimited
from ordermill.store import integrations, requests, runs
from ordermill.store.database import Database
from ordermill.store.leases import Claim
from shops import Stored

MINUTE = timedelta(minutes=1)


def fail(store: Stored, claim: Claim, error: Exception) -> None:
    now = store.clock()
    with store.database.write() as conn:
        integrations.failed(conn, claim, now=now, error=error, backoff_until=now + MINUTE)


def pause(store: Stored, by: str, reason: str = "why") -> None:
    with store.database.write() as conn:
        integrations.pause(conn, "woo", reason=reason, by=by, now=store.clock(), until=None)


def test_a_bookmark_never_goes_back(store: Stored) -> None:
    claim = store.claimed()
    later = store.clock()
    for to in (later - MINUTE, later, later - MINUTE):
        with store.database.write() as conn:
            integrations.move_bookmark(conn, claim, to)
    assert store.state(claim).bookmark == later


def test_a_success_ends_failures_and_backoff(store: Stored) -> None:
    claim = store.claimed()
    fail(store, claim, RateLimited("slow down", retry_after=5))
    fail(store, claim, RateLimited("slow down", retry_after=5))
    failed = store.state(claim)
    assert (failed.failures, failed.last_error, failed.last_error_class) == (
        2, "slow down", "throttled",
    )  # fmt: skip
    assert failed.backoff_until == store.clock() + MINUTE
    assert failed.caught_up is False
    store.polled(claim)
    after = store.state(claim)
    assert (after.failures, after.backoff_until, after.last_error) == (0, None, None)
    assert after.caught_up
    assert after.last_success_at == store.clock()
    assert after.poll_due_at == store.clock() + MINUTE


@pytest.mark.parametrize("skew", [0, 60, -60], ids=["the same", "ahead", "behind"])
def test_a_sync_asked_for_during_a_poll_is_still_asked_for_after_it(
    store: Stored, skew: int
) -> None:
    """Whatever the clock of the machine says where it was asked for."""
    claim = store.claimed()
    theirs = timedelta(seconds=skew)

    def ask() -> datetime:
        at = store.clock() + theirs
        with store.database.write() as conn:
            requests.request_sync(conn, "woo", now=at)
        return at

    store.polled(claim, asked=ask())
    assert store.state(claim).sync_requested_at is None

    first = ask()
    with store.database.write() as conn:
        runs.start(conn, claim, "incremental", now=store.clock())
    store.clock.advance(1)  # type: ignore[attr-defined]
    second = ask()
    store.polled(claim, asked=first)
    assert store.state(claim).sync_requested_at == second


def test_a_failure_answers_the_request_for_a_sync(store: Stored) -> None:
    claim = store.claimed()
    with store.database.write() as conn:
        requests.request_sync(conn, "woo", now=store.clock())
    fail(store, claim, RuntimeError("down"))
    assert store.state(claim).sync_requested_at is None


def test_a_success_ends_the_daemons_pause_but_not_a_persons(store: Stored) -> None:
    claim = store.claimed()
    pause(store, "auth")
    store.polled(claim)
    assert store.state(claim).paused_by is None
    pause(store, "ana")
    store.polled(claim)
    assert store.state(claim).paused_by == "ana"


def test_the_daemon_does_not_replace_a_persons_pause(store: Stored) -> None:
    claim = store.claimed()
    pause(store, "ana", "stocktaking")
    pause(store, "auth", "401")
    assert store.state(claim).paused_reason == "stocktaking"
    pause(store, "ben", "holiday")
    assert store.state(claim).paused_reason == "holiday"


def test_resuming_ends_pause_and_backoff_and_polls_at_once(store: Stored) -> None:
    claim = store.claimed()
    store.polled(claim)
    fail(store, claim, RuntimeError("down"))
    pause(store, "ana")
    store.release(claim)
    assert store.claim("woo") == []
    with store.database.write() as conn:
        integrations.resume(conn, "woo", now=store.clock())
    (again,) = store.claim("woo")
    assert again.state.paused_by is None
    assert again.state.backoff_until is None


def test_a_pause_survives_a_new_connection(store: Stored, database_url: str) -> None:
    claim = store.claimed()
    pause(store, "ana")
    store.database.close()
    again = replace(store, database=Database.open(database_url))
    try:
        assert again.state(claim).paused(store.clock())
    finally:
        again.database.close()


@pytest.mark.parametrize("handle", ["unknown", "manual-acme"])
def test_what_is_not_read_cannot_be_paused_or_resumed(store: Stored, handle: str) -> None:
    now = store.clock()
    with store.database.write() as conn:
        with pytest.raises(NotFound, match=handle):
            integrations.pause(conn, handle, reason="", by="ana", now=now, until=None)
        with pytest.raises(NotFound, match=handle):
            integrations.resume(conn, handle, now=now)


def test_the_state_of_nothing_is_not_found(store: Stored) -> None:
    with pytest.raises(NotFound), store.database.read() as conn:
        integrations.state(conn, "oint_none")
