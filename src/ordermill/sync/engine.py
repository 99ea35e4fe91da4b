"""Claims the integrations that are due and works on them, a thread each, a lease each."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

import structlog

from ordermill.errors import IncompleteRead, LeaseLost, SourceError, StoreError
from ordermill.store import integrations, leases, processes, runs
from ordermill.store.database import Database
from ordermill.store.leases import Claim
from ordermill.store.processes import Burden
from ordermill.store.state import AUTH, IntegrationState
from ordermill.sync.backfill import backfill
from ordermill.sync.backoff import consequence
from ordermill.sync.hints import read_hints
from ordermill.sync.lease import RENEW, TTL, Lease
from ordermill.sync.listener import Listener
from ordermill.sync.poll import poll
from ordermill.sync.reconcile import reconcile
from ordermill.sync.shop import BACKFILL, INCREMENTAL, RECONCILE, SWEEP, Shop, Stopped
from ordermill.sync.sweep import sweep

log = structlog.get_logger()

# How many integrations are claimed at once: few, so that several processes share the load.
CLAIMS_AT_ONCE = 4

EVERYTHING = leases.ANY_WORK
SYNC_ONLY = frozenset({INCREMENTAL, SWEEP})
BACKFILL_ONLY = frozenset({BACKFILL})
RECONCILE_ONLY = frozenset({RECONCILE})


class Engine:
    """The workers of one process. ``tick`` and ``heartbeat`` are called by the clock.

    ``shops`` is read at every tick, so a reload swaps it. A shop that fails or hangs holds its own
    thread and lease and delays no other, up to ``workers`` of them at once.
    """

    def __init__(
        self,
        database: Database,
        owner: str,
        listener: Listener,
        now: Callable[[], datetime],
        *,
        tasks: frozenset[str] = EVERYTHING,
        workers: int = 16,
    ) -> None:
        self._database = database
        self._owner = owner
        self._listener = listener
        self._now = now
        self._tasks = tasks
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="sync")
        self._guard = threading.Lock()
        self._busy: dict[str, tuple[Lease, Future[None]]] = {}
        # A command, and whoever is alone on an SQLite file, shares with nobody.
        self._shares = tasks == EVERYTHING and database.dialect == "postgresql"
        self._before: set[tuple[str, int]] = set()  # what was held at the last heartbeat
        self._left: dict[str, datetime] = {}  # left to others until then
        self._claiming = threading.Lock()
        self._more = False  # whether the last claim found as many as it might take
        self._stopping = threading.Event()
        self._rng = random.Random()
        self.shops: Mapping[str, Shop] = {}

    def tick(self) -> None:
        """Claim what is due, as far as threads are free, and start on it. Returns at once.

        While there is more than one claim takes, each thread that ends its work claims the next, so
        that no clock limits a busy process; those who are quicker take more.
        """
        if not self._claiming.acquire(blocking=False):
            return  # another thread is at it
        try:
            self._claim()
        finally:
            self._claiming.release()

    def _claim(self) -> None:
        now = self._now()
        with self._guard:
            self._left = {h: until for h, until in self._left.items() if until > now}
            taken = self._busy.keys() | self._left.keys()
            shops = {h: shop for h, shop in self.shops.items() if h not in taken}
            free = min(self._workers - len(self._busy), CLAIMS_AT_ONCE)
        if not shops or free <= 0 or self._stopping.is_set():
            return
        with self._database.write() as conn:
            claims = leases.claim(
                conn, self._owner, TTL, list(shops), now=now, limit=free, modes=self._tasks
            )
        self._more = len(claims) == free
        for claim in claims:
            self._start(shops[claim.handle], claim)

    def heartbeat(self) -> None:
        """Renew the leases held; those that are lost stop their pass before its next request. Of
        several processes one that has more than its share gives some to the others."""
        with self._guard:
            held = {lease.claim.integration_id: lease for lease, _ in self._busy.values()}
        if not held and not self._shares:
            return
        with self._database.write() as conn:
            now = self._now()
            renewed = leases.renew(conn, self._owner, TTL, held, now=now) if held else set()
            if self._shares:
                burden = processes.alive(conn, self._owner, TTL, now=now)
        for integration_id in held.keys() - renewed:
            held[integration_id].mark_lost()
        if self._shares:
            self._share(burden, list(held.values()))

    def _share(self, burden: Burden, held: Sequence[Lease]) -> None:
        """End what was begun before the last heartbeat, as far as it is more than an equal share.

        A first load or a backfill takes long: who joins later would have nothing of it. What is
        short ends by itself. The others have until the next heartbeat to take it.
        """
        long = [lease for lease in held if (lease.claim.handle, lease.claim.token) in self._before]
        self._before = {(lease.claim.handle, lease.claim.token) for lease in held}
        beyond = burden.beyond - sum(lease.wanted for lease in long)
        for lease in long:
            if beyond > 0 and not lease.wanted and lease.ask_for():
                beyond -= 1

    def busy(self, handle: str | None = None) -> bool:
        """Whether this process is working on an integration (on any, if none is named)."""
        with self._guard:
            return handle in self._busy if handle is not None else bool(self._busy)

    def stop(self, within: timedelta) -> bool:
        """End every pass after its present page; False if one did not end in time."""
        with self._guard:
            self._stopping.set()
        finished = self.join(within)
        if self._shares:
            self._say_goodbye()
        self._pool.shutdown(wait=False, cancel_futures=True)
        return finished

    def _say_goodbye(self) -> None:
        try:
            with self._database.write() as conn:
                processes.gone(conn, self._owner)
        except Exception as error:  # noqa: BLE001 - the others then wait until it is forgotten
            log.warning("goodbye_not_said", error=type(error).__name__)

    def join(self, within: timedelta) -> bool:
        """Wait for what is being worked on now; False if it did not end in time."""
        with self._guard:
            futures = [future for _, future in self._busy.values()]
        return not wait(futures, within.total_seconds()).not_done

    def _start(self, shop: Shop, claim: Claim) -> None:
        if claim.taken_over:
            self._listener.lease_takeover(claim.handle)
        lease = Lease(self._database, claim, self._now)
        with self._guard:
            if not self._stopping.is_set():
                future = self._pool.submit(self._work, shop, lease)
                self._busy[claim.handle] = (lease, future)
                return
        self._finish(shop, lease)

    def _work(self, shop: Shop, lease: Lease) -> None:
        try:
            Work(
                shop, lease, self._tasks, self._stopping, self._rng, lambda: self._replaced(shop)
            ).all()
        except Yielded:
            with self._guard:
                self._left[shop.handle] = self._now() + RENEW
            log.info("left_to_another_process", connector=shop.handle)
        except LeaseLost:
            log.warning("lease_lost", connector=shop.handle)
        except Exception as error:  # the store refused even the record; the other shops go on
            self._listener.error(shop.handle, "store", "internal")
            log.exception("store_failed", connector=shop.handle, error=type(error).__name__)
        finally:
            self._finish(shop, lease)
        if self._more:
            self.tick()

    def _replaced(self, shop: Shop) -> bool:
        """Whether a reload took it out, or gave it another address or key."""
        present = self.shops.get(shop.handle)
        return present is None or present.connector is not shop.connector

    def _finish(self, shop: Shop, lease: Lease) -> None:
        try:
            with self._database.write() as conn:
                leases.release(conn, lease.claim, now=self._now())
        except Exception as error:  # noqa: BLE001 - the lease then ends by itself
            log.warning("lease_not_released", connector=shop.handle, error=type(error).__name__)
        with self._guard:
            self._busy.pop(shop.handle, None)


class Yielded(Stopped):
    """The pass has ended so that another process goes on with it."""


class Work:
    """What is due at one claimed integration, the most urgent first: hints, poll, sweep,
    reconcile, backfill.

    After each page of the long ones the urgent ones are looked at again.
    """

    def __init__(
        self,
        shop: Shop,
        lease: Lease,
        tasks: frozenset[str],
        stopping: threading.Event,
        rng: random.Random,
        replaced: Callable[[], bool],
    ) -> None:
        self.shop = shop
        self.lease = lease
        self._tasks = tasks
        self._stopping = stopping
        self._rng = rng
        self._replaced = replaced

    def all(self) -> None:
        """Do it all. Whatever breaks is recorded with its consequence and ends the work, so that it
        is tried again after a backoff and never in a loop."""
        try:
            self._all()
        except Yielded:
            raise
        except Stopped:
            return
        except IncompleteRead as error:
            self._came_short(error)
        except SourceError as error:
            self._failed(error)
        except LeaseLost:
            raise
        except StoreError as error:
            self._failed(SourceError(str(error)), stage="store")
        except Exception as error:
            log.exception("sync_broke", connector=self.shop.handle, error=type(error).__name__)
            self._failed(SourceError(f"ordermill broke: {type(error).__name__}, see its log"))

    def _all(self) -> None:
        with self.lease.divisible():
            self._urgent(self._state())
        if self._sweep_due(self._state()):
            sweep(self.shop, self.lease, self._between_pages)
        proof = self._asked(RECONCILE)
        if proof is not None:
            reconcile(self.shop, self.lease, proof, self._between_pages)
        history = self._asked(BACKFILL)
        if history is not None:
            with self.lease.divisible():
                backfill(self.shop, self.lease, history, self._between_pages)

    def _asked(self, mode: str) -> runs.StoredRun | None:
        if mode not in self._tasks:
            return None
        with self.lease.database.read() as conn:
            return runs.unfinished(conn, self.shop.stored.id, mode)

    def _urgent(self, state: IntegrationState) -> None:
        if INCREMENTAL not in self._tasks:
            return
        read_hints(self.shop, self.lease)
        if state.sync_requested_at is not None or state.poll_due_at <= self.shop.now():
            poll(self.shop, self.lease, state, self._unless_paused)

    def _between_pages(self) -> None:
        self._go_on()
        state = self._state()
        if state.paused_by is not None:
            raise Stopped
        self._urgent(state)

    def _unless_paused(self) -> None:
        """Between two pages of a poll: a person's pause ends it; the daemon's own it may lift."""
        self._go_on()
        state = self._state()
        if state.paused_by != AUTH and state.paused(self.shop.now()):
            raise Stopped

    def _go_on(self) -> None:
        """Raise if the pass must end here."""
        self.lease.assert_held()
        if self._stopping.is_set() or self._replaced():
            raise Stopped
        if self.lease.wanted:
            raise Yielded

    def _state(self) -> IntegrationState:
        with self.lease.database.read() as conn:
            return integrations.state(conn, self.shop.stored.id)

    def _sweep_due(self, state: IntegrationState) -> bool:
        """Only after a first complete poll: before it everything would differ."""
        on = SWEEP in self._tasks and self.shop.integration.sweep.every is not None
        wanted = on and state.caught_up
        return wanted and (state.sweep_due_at is None or state.sweep_due_at <= self.shop.now())

    def _came_short(self, error: IncompleteRead) -> None:
        """An alarm and no backoff: what the shop does list is read as before."""
        self.shop.listener.error(self.shop.handle, "fetch", error.error_class)
        log.error("shop_lists_fewer_orders", connector=self.shop.handle, reason=str(error))

    def _failed(self, error: SourceError, *, stage: str = "fetch") -> None:
        now = self.shop.now()
        failures = self._state().failures + 1
        every = self.shop.integration.poll.every
        what = consequence(error, failures, every, now, self._rng)
        pause = None if self._replaced() else what.pause  # the key that was refused may be the old
        with self.lease.write() as conn:
            integrations.failed(
                conn, self.lease.claim, now=now, error=error, backoff_until=what.until
            )
            if pause is not None:
                integrations.pause(
                    conn, self.shop.handle, reason=pause, by="auth", now=now, until=None
                )
        self.shop.listener.error(self.shop.handle, stage, error.error_class)
        log.warning(
            "sync_failed",
            connector=self.shop.handle,
            reason=str(error),
            failures=failures,
            paused=pause is not None,
        )
