"""Hints: asked for until answered, ever more rarely, and never forgotten in silence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ordermill.store import hints
from shops import Stored


def add(store: Stored, one: str, *source_ids: str) -> None:
    with store.database.write() as conn:
        hints.add(conn, one, source_ids, now=store.clock())


def wanted(store: Stored, one: str, limit: int = 50) -> list[hints.Wanted]:
    with store.database.read() as conn:
        return hints.due(conn, one, now=store.clock(), limit=limit)


def due(store: Stored, one: str, limit: int = 50) -> list[str]:
    return [each.source_id for each in wanted(store, one, limit)]


def later(store: Stored, one: str, *source_ids: str) -> None:
    these = [each for each in asked(store, one) if each.source_id in source_ids]
    with store.database.write() as conn:
        hints.later(conn, one, these, now=store.clock())


def asked(store: Stored, one: str) -> list[hints.Wanted]:
    """All that is not given up, whenever it is due."""
    with store.database.read() as conn:
        return hints.due(conn, one, now=store.clock() + timedelta(days=1), limit=50)


def done(store: Stored, one: str, *these: hints.Wanted) -> None:
    with store.database.write() as conn:
        hints.done(conn, one, these)


def test_a_hint_is_due_at_once_and_once(store: Stored) -> None:
    one = store.quiet()
    add(store, one, "2", "1", "2")
    assert due(store, one) == ["1", "2"]
    assert due(store, one, limit=1) == ["1"]
    first, _ = wanted(store, one)
    done(store, one, first, replace(first, source_id="never asked for"))
    assert due(store, one) == ["2"]


def test_one_that_was_not_answered_waits_longer_each_time(store: Stored) -> None:
    one = store.quiet()
    add(store, one, "1", "2")
    for seconds in (5, 10, 20):
        later(store, one, "1")
        assert due(store, one) == ["2"]
        store.clock.advance(seconds - 1)  # type: ignore[attr-defined]
        assert due(store, one) == ["2"]
        store.clock.advance(1)  # type: ignore[attr-defined]
        assert set(due(store, one)) == {"1", "2"}


def test_the_wait_never_exceeds_an_hour() -> None:
    assert [hints.wait(n) for n in (1, 10, 11, 1000)] == [
        timedelta(seconds=5), timedelta(seconds=2560), timedelta(hours=1), timedelta(hours=1),
    ]  # fmt: skip


def test_one_asked_for_in_vain_is_given_up_and_shown(store: Stored) -> None:
    one = store.quiet()
    add(store, one, "1")
    for _ in range(hints.MOST_TRIES):
        later(store, one, "1")
        store.clock.advance(3600)  # type: ignore[attr-defined]
    assert due(store, one) == []
    assert store.claim("woo", limit=0) == []
    with store.database.read() as conn:
        assert hints.given_up(conn) == {one: 1}


def test_one_that_is_named_again_is_tried_afresh(store: Stored) -> None:
    one = store.quiet()
    add(store, one, "1")
    for _ in range(hints.MOST_TRIES):
        later(store, one, "1")
    add(store, one, "1")
    assert due(store, one) == ["1"]
    with store.database.read() as conn:
        assert hints.given_up(conn) == {}


def test_nothing_to_do_is_no_mistake(store: Stored) -> None:
    one = store.quiet()
    add(store, one)
    later(store, one)
    later(store, one, "unknown")
    done(store, one)
    assert due(store, one) == []


def test_one_that_is_named_while_it_is_read_is_read_again(store: Stored) -> None:
    """The shop may have changed after it answered."""
    one = store.quiet()
    add(store, one, "1")
    (before,) = wanted(store, one)
    store.clock.advance(1)  # type: ignore[attr-defined]
    add(store, one, "1")
    done(store, one, before)
    assert due(store, one) == ["1"]
    with store.database.write() as conn:
        hints.later(conn, one, [before], now=store.clock())
    assert due(store, one) == ["1"]


def test_it_names_the_last_event_that_told_of_it(store: Stored) -> None:
    one = store.quiet()
    for event in ("e1", "e2", None):
        with store.database.write() as conn:
            hints.add(conn, one, {"1": event}, now=store.clock())
    add(store, one, "1")
    assert [each.event_id for each in wanted(store, one)] == ["e2"]


@pytest.mark.parametrize("n", [1, 40])  # few rows and many go different ways to PostgreSQL
def test_one_that_was_noticed_between_two_milliseconds_is_struck_as_well(
    store: Stored, n: int
) -> None:
    one = store.quiet()
    between = store.clock() + timedelta(microseconds=734)
    with store.database.write() as conn:
        hints.add(conn, one, [str(i) for i in range(n)], now=between)
    store.clock.advance(1)  # type: ignore[attr-defined]
    these = wanted(store, one)
    assert len(these) == n
    assert {each.noticed_at.microsecond % 1000 for each in these} == {0}
    done(store, one, *these)
    assert due(store, one) == []
