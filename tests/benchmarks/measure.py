"""Runs a program in a process of its own and says what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Took:
    """Of one process, imports and all: seconds by the wall, seconds of its processor time, and the
    most memory it held, in MB (10^6 bytes). ``output`` is what it printed."""

    seconds: float
    cpu: float
    peak: float
    output: str


def run(*words: str | Path) -> Took:
    """Run Python with these arguments to its end; raise RuntimeError if it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with watched(process.pid) as peaks:
        output = process.stdout.read().decode()
        errors = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(f"{words} failed ({process.returncode}):\n{output}\n{errors}")
    return Took(seconds, usage.ru_utime + usage.ru_stime, max(peaks), output)


@contextmanager
def watched(pid: int) -> Iterator[list[float]]:
    """The most memory a process has held so far, in MB, asked again and again.

    What the system tells when a process has ended includes what its parent held when it began.
    """
    peaks, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            peaks.append(held(pid, "VmHWM"))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()


def held(pid: int, name: str) -> float:
    """MB of memory by its name in the process' status; 0 once it has ended."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def environment() -> dict[str, str]:
    """Ours, but that Python keeps what it compiled, as it does where ordermill is installed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"RUNTIME__DLTHUB_TELEMETRY": "false"}


def best(rounds: int, once: Callable[[], Took]) -> Took:
    """The quickest of several runs; its neighbours on the machine only ever add."""
    return min((once() for _ in range(rounds)), key=lambda took: took.seconds)


@dataclass(frozen=True, slots=True)
class Table:
    """Figures as they are shown; ``notes`` say what was measured, and the goals; ``missed`` names
    the goals that were not reached, where the program judges them itself."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    missed: Sequence[str] = ()

    def markdown(self) -> str:
        lines = (
            [f"## {self.title}", "", *self.notes, ""] if self.notes else [f"## {self.title}", ""]
        )
        lines += [_row(self.head), _row(["---"] * len(self.head)), *map(_row, self.rows)]
        return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
