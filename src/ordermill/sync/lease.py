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
        self._divisible = self._wanted = False

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction; raise LeaseLost, with nothing written, if another process took over."""
        with self.database.write() as conn:
            leases.fence(conn, self.claim, self._now())
            yield conn

    def mark_lost(self) -> None:
        """Told by the renewal; the pass ends before its next request to the shop."""
        self._lost.set()

    @contextmanager
    def divisible(self) -> Iterator[None]:
        """What is done inside may end after any page and be gone on with by another process."""
        self._divisible = True
        try:
            yield
        finally:
            self._divisible = self._wanted = False

    def ask_for(self) -> bool:
        """Ask for its end after the present page, because another process has less to do; False
        if what is being done would have to begin anew."""
        self._wanted = self._divisible
        return self._wanted

    @property
    def wanted(self) -> bool:
        """Whether another process shall have it."""
        return self._wanted

    def assert_held(self) -> None:
        if self._lost.is_set():
            raise LeaseLost(f"{self.claim.handle}: another process has taken over")
