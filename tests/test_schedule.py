"""The clock: nothing dropped in silence, nothing twice, nothing saved up (fault 46)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from ordermill.schedule import Schedule

SHORT = timedelta(milliseconds=50)
PATIENCE = 20.0


class Heard:
    """What a clock tells, and how often it called."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.errors: list[str] = []
        self.skipped = threading.Event()
        self.calls = threading.Semaphore(0)

    def missed(self, name: str, reason: str) -> None:
        self.reasons.append(reason)
        self.skipped.set()

    def failed(self, name: str, error: BaseException) -> None:
        self.errors.append(f"{name}: {error}")

    def called(self) -> bool:
        """Wait for one call more."""
        return self.calls.acquire(timeout=PATIENCE)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def schedule(heard: Heard) -> Iterator[Schedule]:
    made = Schedule(heard.missed, heard.failed)
    yield made
    made.stop()


def test_a_call_that_takes_longer_than_its_interval_is_skipped_counted_and_called_again(
    heard: Heard, schedule: Schedule
) -> None:
    at_work = threading.Semaphore(1)

    def slow() -> None:
        assert at_work.acquire(blocking=False), "it overlaps itself"
        heard.skipped.wait(PATIENCE)
        at_work.release()
        heard.calls.release()

    schedule.every("slow", SHORT, slow)
    schedule.start()
    assert heard.called()
    assert heard.called()
    assert "overlap" in heard.reasons
    assert heard.errors == []


def test_a_call_that_raises_is_told_and_called_again(heard: Heard, schedule: Schedule) -> None:
    def breaks() -> None:
        heard.calls.release()
        raise ValueError("no")

    schedule.every("breaks", SHORT, breaks)
    schedule.start()
    assert heard.called()
    assert heard.called()
    assert heard.errors[0] == "breaks: no"


STOPPED = """
import sys, threading
from datetime import timedelta
from ordermill.schedule import Schedule

late = threading.Event()
def missed(name, reason):
    if reason == "late":
        late.set()
def call():
    print("late" if late.is_set() else "called", flush=True)
schedule = Schedule(missed, print)
schedule.every("call", timedelta(milliseconds=20), call)
schedule.start()
sys.stdin.read()
schedule.stop()
"""


def test_a_process_that_was_stopped_goes_on_with_one_call_and_counts_the_others() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    with process.stdin, process.stdout:
        assert process.stdout.readline() == "called\n"
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        threading.Event().wait(0.5)  # many intervals pass it by
        process.send_signal(signal.SIGCONT)
        said = iter(process.stdout.readline, "")
        assert any(line == "late\n" for line in said)
    assert process.wait(PATIENCE) == 0


def gaps(*, wandering: bool) -> list[float]:
    """Seconds between a thousand calls, as the clock has planned them."""
    schedule = Schedule(lambda name, reason: None, lambda name, error: None)
    schedule.every("tick", timedelta(seconds=1), lambda: None, wandering=wandering)
    (job,) = schedule._scheduler.get_jobs()
    at = [datetime(2026, 11, 24, tzinfo=UTC)]
    for _ in range(1000):
        at.append(job.trigger.get_next_fire_time(at[-1], at[-1]))
    return [(after - before).total_seconds() for before, after in pairwise(at)]


def test_a_call_comes_at_its_interval() -> None:
    assert set(gaps(wandering=False)) == {1.0}


def test_a_wandering_call_comes_at_its_interval_on_average_and_never_in_step() -> None:
    found = gaps(wandering=True)
    assert sum(found) / len(found) == pytest.approx(1.0, abs=0.05)
    assert 0.5 <= min(found) < 0.6
    assert 1.4 < max(found) <= 1.5
