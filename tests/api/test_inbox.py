"""Hints in memory: bounded, each once, written as soon as the database answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from ordermill.api import inbox as room
from ordermill.api.inbox import BATCH, Inbox, Writer
from ordermill.errors import StoreBusy
from ordermill.store import hints, webhooks
from ordermill.store.database import Database
from ordermill.store.webhooks import Arrival
from shops import Stored, an_integration

SECONDS = 30.0


def an_arrival(n: int = 1, event: str | None = None) -> Arrival:
    return Arrival("woo", str(n), "order.updated", event)


class Dropped:
    """Counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def test_what_finds_no_room_makes_the_oldest_go_and_is_counted() -> None:
    dropped = Dropped()
    inbox = Inbox(dropped, most=3)
    for n in range(5):
        inbox.put(an_arrival(n))
    assert [each.source_id for each in inbox.take()] == ["2", "3", "4"]
    assert dropped.count == 2


def test_a_replay_takes_no_room() -> None:
    dropped = Dropped()
    inbox = Inbox(dropped, most=3)
    inbox.put(an_arrival(1, "e1"))
    for _ in range(1000):
        inbox.put(an_arrival(2, "e2"))
    inbox.put(an_arrival(2, "e3"))
    assert len(inbox.take()) == 3
    assert dropped.count == 0


def test_it_hands_over_a_bounded_batch_and_ends_when_closed() -> None:
    inbox = Inbox(Dropped())
    for n in range(BATCH + 1):
        inbox.put(an_arrival(n))
    inbox.close()
    assert [len(inbox.take()) for _ in range(3)] == [BATCH, 1, 0]


class Writing:
    """A writer over a store; ``kept`` is set after each batch that was written."""

    def __init__(self, store: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = store
        self.inbox = Inbox(Dropped())
        self.kept = threading.Event()
        keep = webhooks.keep

        def kept(*args: Any, **more: Any) -> int:
            found = keep(*args, **more)
            self.kept.set()
            return found

        monkeypatch.setattr(webhooks, "keep", kept)
        monkeypatch.setattr(room, "WINDOW_SECONDS", 0.001)
        self.writer = Writer(store.database, self.inbox, store.clock)
        self.writer.start()

    def hints(self) -> list[str]:
        with self.store.database.read() as conn:
            one = conn.exec_driver_sql("SELECT id FROM integrations WHERE handle = 'woo'").scalar()
            later = self.store.clock() + timedelta(days=1)
            return [each.source_id for each in hints.due(conn, str(one), now=later, limit=999)]


@pytest.fixture
def writing(
    database: Database, clock: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Writing]:
    store = Stored(database, clock)
    store.configure(an_integration())
    made = Writing(store, monkeypatch)
    yield made
    made.writer.stop(SECONDS)


def test_what_is_put_in_is_written(writing: Writing) -> None:
    for n in (1, 2, 1):
        writing.inbox.put(an_arrival(n))
    writing.writer.stop(SECONDS)
    assert writing.hints() == ["1", "2"]


def test_while_the_database_fails_nothing_is_lost(
    writing: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, failed = Database.write, threading.Event()
    remaining = [3]

    def busy(self: Database) -> Any:
        if remaining[0]:
            remaining[0] -= 1
            raise StoreBusy("another thread was writing for too long")
        failed.set()
        return write(self)

    monkeypatch.setattr(Database, "write", busy)
    writing.inbox.put(an_arrival())
    assert failed.wait(SECONDS)
    assert writing.kept.wait(SECONDS)
    writing.writer.stop(SECONDS)
    assert writing.hints() == ["1"]


def test_a_defect_costs_a_batch_and_not_the_thread(
    writing: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, broke = webhooks.keep, threading.Event()

    def breaks(*args: Any, **more: Any) -> int:
        if not broke.is_set():
            broke.set()
            raise ZeroDivisionError
        return keep(*args, **more)

    monkeypatch.setattr(webhooks, "keep", breaks)
    writing.inbox.put(an_arrival(1))
    assert broke.wait(SECONDS)
    writing.inbox.put(an_arrival(2))
    assert writing.kept.wait(SECONDS)
    writing.writer.stop(SECONDS)
    assert writing.hints() == ["2"]


def test_it_ends_in_time_while_the_database_is_held(writing: Writing) -> None:
    with writing.store.database.write():
        writing.inbox.put(an_arrival())
        writing.writer.stop(0.01)
