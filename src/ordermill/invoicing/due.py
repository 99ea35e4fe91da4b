"""Claims the orders whose time has come and does what is due: the worker of one process.

What is due lives in the database (``decide_at``), so that a restart loses nothing and any number of
processes share it: each claims rows that the others do not hold. A batch is one transaction. An
order that breaks costs itself alone: it is tried again later, and if it is the database that
refuses, the batch is done once more, order by order.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from itertools import groupby

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection

from ordermill.errors import StoreBusy, StoreUnavailable
from ordermill.invoicing import attempts
from ordermill.invoicing.decide import automatic
from ordermill.invoicing.desk import Action, desk_of
from ordermill.invoicing.done import Done, Listener, Outcome, done_of
from ordermill.model.case import Desk, Plan
from ordermill.model.order import OrderStatus
from ordermill.store import cases, plans
from ordermill.store.cases import Loaded
from ordermill.store.database import Database
from ordermill.store.plans import Planned

log = structlog.get_logger()

BATCH = 50
# Of these no order is to blame: what was claimed is due again at the next look.
NOBODYS = (StoreBusy, StoreUnavailable)
ACTOR = "ordermill"
# A plan that wants to be looked at again at once is, but not in a loop without a pause.
SOON = timedelta(milliseconds=200)


class Due:
    """The workers. ``tick`` is called by the clock and returns at once."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        listeners: Sequence[Listener] = (),
        *,
        decide: Action = automatic,
        workers: int = 2,
    ) -> None:
        self._database = database
        self._now = now
        self._listeners = listeners
        self._decide = decide
        self._workers = 1 if database.dialect == "sqlite" else workers  # one writer at a time
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="due")
        self._guard = threading.Lock()
        self._busy: set[Future[None]] = set()
        self._stopping = threading.Event()

    def tick(self) -> None:
        """Start one more worker if something is due and a thread is free."""
        with self._guard:
            self._busy = {future for future in self._busy if not future.done()}
            free = len(self._busy) < self._workers and not self._stopping.is_set()
        if not free or not self._anything():
            return
        with self._guard:
            if not self._stopping.is_set():
                self._busy.add(self._pool.submit(self._work))

    def stop(self, within: timedelta) -> bool:
        """End after the present batches; False if one did not end in time."""
        with self._guard:
            self._stopping.set()
        ended = self.join(within)
        self._pool.shutdown(wait=False, cancel_futures=True)
        return ended

    def join(self, within: timedelta) -> bool:
        """Wait for the workers that run now; False if one did not end in time."""
        with self._guard:
            futures = list(self._busy)
        return not wait(futures, within.total_seconds()).not_done

    def run(self) -> None:
        """Do all that is due now, in this thread."""
        while not self._stopping.is_set() and self.batch() >= BATCH:
            pass

    def batch(self) -> int:
        """Process up to BATCH due orders; how many were claimed."""
        now, began = _whole_milliseconds(self._now()), time.monotonic()
        claimed: list[str] = []
        try:
            with self._database.write() as conn:
                claimed += cases.claim_due(conn, now, BATCH)
                done = self._process(conn, claimed, now)
        except Exception as error:
            if isinstance(error, NOBODYS) or not claimed:
                raise
            log.warning("batch_broke", orders=len(claimed), reason=attempts.said(error))
            self._one_by_one(claimed)
        else:
            self._tell(done, time.monotonic() - began)
        return len(claimed)

    def _work(self) -> None:
        try:
            self.run()
        except NOBODYS as error:
            log.info("due_waits", reason=str(error))
        except Exception as error:
            self._error("", "store", "internal")
            log.exception("due_broke", error=type(error).__name__)

    def _anything(self) -> bool:
        with self._database.read() as conn:
            return cases.anything_due(conn, self._now())

    def _process(self, conn: Connection, order_ids: Sequence[str], now: datetime) -> list[Done]:
        """Plan for orders that are locked, and write it all."""
        desk = desk_of(now, ACTOR)
        work, broke = [], {}
        for loaded in cases.load(conn, order_ids, lock=False):
            plan, outcome = self._planned(loaded, desk)
            work.append(Planned(loaded, plan))
            broke[loaded.case.id] = outcome
        numbers = plans.write(conn, work, now=now, actor=ACTOR)
        return [
            done_of(one.loaded.handle, one.case, one.plan, numbers, broke[one.case.id])
            for one in work
        ]

    def _planned(self, loaded: Loaded, desk: Desk) -> tuple[Plan, Outcome | None]:
        """The order's plan, with a due time that is not now; what to do if it cannot be made."""
        case = loaded.case
        try:
            plan = self._decide(case, desk)
        except Exception as error:
            log.exception("decide_broke", order=case.id, error=type(error).__name__)
            plan = attempts.broken(case.status, case.attempts, error, desk.now)
            return plan, _broke(plan)
        decisions = {"decide_at": None, "attempts": 0} | plan.decisions
        if decisions["decide_at"] is not None:
            decisions["decide_at"] = max(decisions["decide_at"], desk.now + SOON)
        return replace(plan, decisions=decisions), None

    def _one_by_one(self, order_ids: Iterable[str]) -> None:
        """Each in a transaction of its own, so that the one that the database refuses stops no
        other. One that another process took meanwhile is left to it."""
        for order_id in order_ids:
            now, began = _whole_milliseconds(self._now()), time.monotonic()
            try:
                with self._database.write() as conn:
                    mine = cases.claim_due(conn, now, 1, only=order_id)
                    done = self._process(conn, mine, now)
            except NOBODYS:
                continue
            except Exception as error:  # noqa: BLE001 - logged and kept; it costs this order alone
                self._refused(order_id, error, now)
            else:
                self._tell(done, time.monotonic() - began)

    def _refused(self, order_id: str, error: Exception, now: datetime) -> None:
        """Record it without the case, which may be what cannot be read."""
        log.exception("order_broke", order=order_id, error=type(error).__name__)
        with self._database.write() as conn:
            row = cases.attempts_of(conn, order_id)
            plan = attempts.broken(OrderStatus(row.status), row.attempts, error, now)
            plans.note(conn, order_id, plan, now=now, actor=ACTOR)
        self._error(row.handle, "invoice", "internal")
        done = Done(row.handle, order_id, row.source_order_number or row.source_id, _broke(plan),
                    plan.decisions["error"])  # fmt: skip
        self._tell([done], 0.0)

    def _tell(self, done: Sequence[Done], seconds: float) -> None:
        for one in done:
            if one.outcome in (Outcome.RETRY, Outcome.DEAD):
                self._error(one.handle, "process", "internal")
        each = seconds / max(len(done), 1)
        for handle, group in groupby(sorted(done, key=_handle), _handle):
            told = list(group)
            for listener in self._listeners:
                listener.processed(handle, told, each)

    def _error(self, handle: str, stage: str, error_class: str) -> None:
        for listener in self._listeners:
            listener.error(handle, stage, error_class)


def _handle(done: Done) -> str:
    return done.handle


def _broke(plan: Plan) -> Outcome:
    return Outcome.DEAD if attempts.given_up(plan) else Outcome.RETRY


def _whole_milliseconds(at: datetime) -> datetime:
    """As both databases keep it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
