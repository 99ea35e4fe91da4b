"""The only APScheduler: calls what it is given, at intervals, in threads; it knows no room.

What is due lives in the database, so the clock keeps nothing: memory job store, missed calls are
coalesced into one and never dropped, a call never overlaps itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_SUBMITTED,
    JobExecutionEvent,
    JobSubmissionEvent,
)
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler


class Schedule:
    """A clock with named calls. ``missed(name, reason)`` hears of a call skipped because the one
    before it was still running ("overlap") or because the process did not get to it before the next
    was due ("late": it was stopped, or the machine slept); ``failed(name, error)`` of one that
    raised."""

    def __init__(
        self, missed: Callable[[str, str], None], failed: Callable[[str, BaseException], None]
    ) -> None:
        # APScheduler warns at every skipped call; the callback counts them instead.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        self._missed = missed
        self._failed = failed
        self._last: dict[str, datetime] = {}
        self._intervals: dict[str, timedelta] = {}
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(8)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._broke, EVENT_JOB_ERROR)
        self._scheduler.add_listener(self._came, EVENT_JOB_SUBMITTED | EVENT_JOB_MAX_INSTANCES)

    def every(
        self, name: str, interval: timedelta, call: Callable[[], None], *, wandering: bool = False
    ) -> None:
        """Call at once and then every ``interval``; a call that raises is called again.

        ``wandering``: only on average, half of it to one and a half apart. Of several processes
        that claim what is due, none then stays a moment ahead of the others and takes it all.
        """
        self._intervals[name] = interval
        seconds = interval.total_seconds()
        self._scheduler.add_job(
            call,
            "interval",
            seconds=seconds / 2 if wandering else seconds,
            jitter=seconds if wandering else None,
            id=name,
            next_run_time=datetime.now(UTC),
        )

    def at_once(self) -> None:
        """Make every call now and count on from there: after the clock was set back they would all
        wait until it is again as late as it was."""
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=datetime.now(UTC))

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Start no further call; what runs goes on and is waited for by its owner."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _broke(self, event: JobExecutionEvent) -> None:
        if event.exception is not None:
            self._failed(event.job_id, event.exception)

    def _came(self, event: JobSubmissionEvent) -> None:
        """A call's time came; the times since the last one that were passed over were late."""
        name, at = event.job_id, event.scheduled_run_times[-1]
        before = self._last.get(name, at - self._intervals[name])
        self._last[name] = at
        for _ in range(round((at - before) / self._intervals[name]) - 1):
            self._missed(name, "late")
        if event.code == EVENT_JOB_MAX_INSTANCES:
            self._missed(name, "overlap")
