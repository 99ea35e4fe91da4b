"""The only APScheduler: calls what it is given, at intervals, in threads; it knows no room.

What is due lives in the database, so the clock keeps nothing: memory job store, missed calls are
coalesced into one and never dropped, a call never overlaps itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler


class Schedule:
    """A clock with named calls. ``missed(name, reason)`` hears of a call skipped because the one
    before it was still running ("overlap"); ``failed(name, error)`` of one that raised."""

    def __init__(
        self, missed: Callable[[str, str], None], failed: Callable[[str, BaseException], None]
    ) -> None:
        # APScheduler warns at every skipped call; the callback counts them instead.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        self._missed = missed
        self._failed = failed
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(8)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._heard, EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES)

    def every(self, name: str, interval: timedelta, call: Callable[[], None]) -> None:
        """Call at once and then every ``interval``; a call that raises is called again."""
        self._scheduler.add_job(
            call,
            "interval",
            seconds=interval.total_seconds(),
            id=name,
            next_run_time=datetime.now(UTC),
        )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Start no further call; what runs goes on and is waited for by its owner."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _heard(self, event: JobExecutionEvent) -> None:
        if event.code == EVENT_JOB_MAX_INSTANCES:
            self._missed(event.job_id, "overlap")
        elif event.exception is not None:
            self._failed(event.job_id, event.exception)
