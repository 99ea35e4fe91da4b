"""Hints that webhooks brought, from the receiver's memory into the store, by a thread.

What is lost on the way (a full memory, a kill) costs time and nothing else: poll and sweep find the
orders.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from itertools import islice

import structlog

from ordermill.errors import StoreError
from ordermill.store import webhooks
from ordermill.store.database import Database
from ordermill.store.webhooks import Arrival

log = structlog.get_logger()

MOST_WAITING = 10_000
BATCH = 500
# An order is asked for once in so long by webhooks, however many come.
WINDOW_SECONDS = 1.0


class Inbox:
    """Hints between the receiver and the store, at most ``most``: the oldest makes room and is
    counted. One event of one order is in it once. Thread-safe."""

    def __init__(self, dropped: Callable[[], None], most: int = MOST_WAITING) -> None:
        self._dropped = dropped
        self._most = most
        self._waiting: dict[tuple[str, str, str | None], Arrival] = {}
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, arrival: Arrival) -> None:
        """Never waits for anything but another ``put`` or ``take``."""
        with self._changed:
            self._waiting[arrival.handle, arrival.source_id, arrival.event_id] = arrival
            if len(self._waiting) > self._most:
                del self._waiting[next(iter(self._waiting))]
                self._dropped()
            self._changed.notify()

    def take(self) -> list[Arrival]:
        """The oldest of them, as soon as there are any; none once it is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            taken = list(islice(self._waiting, BATCH))
            return [self._waiting.pop(key) for key in taken]

    def close(self) -> None:
        """Nothing more will be put in."""
        with self._changed:
            self._closed = True
            self._changed.notify()


class Writer:
    """The thread that writes what the inbox holds. While the database fails it holds one batch and
    tries again; the inbox fills meanwhile."""

    def __init__(self, database: Database, inbox: Inbox, now: Callable[[], datetime]) -> None:
        self._database = database
        self._inbox = inbox
        self._now = now
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, within: float) -> None:
        """Write what is there, if that takes no longer than ``within`` seconds, and end."""
        self._stopping.set()
        self._inbox.close()
        self._thread.join(within)

    def _run(self) -> None:
        while batch := self._inbox.take():
            while not self._written(batch) and not self._stopping.is_set():
                self._stopping.wait(WINDOW_SECONDS)
            self._stopping.wait(WINDOW_SECONDS)

    def _written(self, batch: list[Arrival]) -> bool:
        try:
            with self._database.write() as conn:
                webhooks.keep(conn, batch, now=self._now())
        except StoreError as error:
            log.warning("hints_wait", reason=str(error), hints=len(batch))
            return False
        except Exception as error:
            log.exception("hints_lost", error=type(error).__name__, hints=len(batch))
        return True
