"""One claimed integration: its transactions commit only while the claim is ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ordermill.errors import LeaseLost
from ordermill.store import leases
from ordermill.store.database import Database
from ordermill.store.leases import Claim

TTL = timedelta(seconds=10)
RENEW = timedelta(seconds=3)


class Lease:
    """The right to read one shop and to write what it said.

    Every write begins with the fencing check, so that a process which was stopped for longer than
    the lease (SIGSTOP, a long pause of the machine) writes nothing when it wakes up.
    """

    def __init__(self, database: Database, claim: Claim, now: Callable[[], datetime]) -> None:
        self.claim = claim
        self.database = database
        self._now = now
        self._lost = threading.Event()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction; raise LeaseLost, with nothing written, if another process took over."""
        with self.database.write() as conn:
            leases.fence(conn, self.claim, self._now())
            yield conn

    def mark_lost(self) -> None:
        """Told by the renewal; the pass ends before its next request to the shop."""
        self._lost.set()

    def assert_held(self) -> None:
        if self._lost.is_set():
            raise LeaseLost(f"{self.claim.handle}: another process has taken over")
