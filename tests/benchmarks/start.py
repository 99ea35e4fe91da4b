"""How soon ordermill answers, and what it holds while nothing happens."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import ROOT, Table, best, environment, held, run
from tests.benchmarks.places import config, shop_of

IDLE = 20.0  # seconds of polling an empty shop every second
NOTES = (
    "Best of several starts. The daemon runs on SQLite with one empty shop that it polls every"
    f" second; it is ready when it says so, and is looked at after {IDLE:.0f} s.",
    "",
    "Goals: help in 0.5 s, ready in 3 s, at most 120 MB while idle.",
)


@dataclass(frozen=True, slots=True)
class Daemon:
    """Seconds until it was ready; MB that it held and the share of a core it took while idle."""

    ready: float
    memory: float
    cpu: float


def measure(rounds: int) -> Table:
    help_shown = best(rounds + 2, lambda: run("-m", "ordermill", "--help"))
    daemons = [daemon(IDLE if i == 0 else 0.0) for i in range(rounds)]
    ready = min(one.ready for one in daemons)
    rows = (
        ("`ordermill --help`", f"{help_shown.seconds:.2f} s"),
        ("daemon ready", f"{ready:.2f} s"),
        ("idle daemon, memory", f"{daemons[0].memory:.0f} MB"),
        ("idle daemon, of one core", f"{daemons[0].cpu * 100:.1f} %"),
    )
    return Table("Start and idle", ("what", "figure"), rows, NOTES)


def daemon(idle: float) -> Daemon:
    """Start one, let it idle, end it."""
    with shop_of(0) as shop, tempfile.TemporaryDirectory() as folder:
        file = config(Path(folder), f"sqlite:///{folder}/idle.db", shop, every="1s")
        run("-m", "ordermill", "db", "upgrade", "-c", file)
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "ordermill", "run", "-c", str(file)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(),
        )
        assert process.stdout is not None
        try:
            while '"ready"' not in (line := process.stdout.readline()):
                if not line:
                    raise RuntimeError("the daemon ended before it was ready")
            ready = time.perf_counter() - began
            before = ticks(process.pid)
            time.sleep(idle)
            spent = ticks(process.pid) - before
            return Daemon(ready, held(process.pid, "VmRSS"), spent / idle if idle else 0.0)
        finally:
            process.terminate()
            process.wait(15)
            process.stdout.close()


def ticks(pid: int) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
