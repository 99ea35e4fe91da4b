"""`make chaos`: many seeds over all profiles; exit 1 if anything was violated.

`make chaos ARGS="--seeds 300"`, `ARGS="--seed 42 --profile postgresql-two --keep"` for one again,
`ARGS=--bugs` to see that planted defects are caught.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from chaos.calls import every_call
from chaos.databases import Server
from chaos.planted import BUGS
from chaos.profiles import PROFILES
from chaos.run import REST, Outcome, run

SEEDS = 6  # for each planted defect
BUG_REST = 20.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=24, help="how many runs")
    parser.add_argument("--first", type=int, default=None, help="the first seed; default: random")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--profile", choices=list(PROFILES), help="this one alone")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--keep", action="store_true", help="keep the files of a failed run")
    parser.add_argument("--bugs", action="store_true", help="plant every defect, one after another")
    parser.add_argument("--bug", choices=list(BUGS), help="plant this one alone")
    parser.add_argument("--calls", choices=("after", "alone", "never"), default="after",
                        help="the n-th call for every n; default: after the seeds")  # fmt: skip
    given = parser.parse_args()
    failed = _storms(given) if given.calls != "alone" else 0
    one = given.seed is not None or given.bugs or given.bug
    if given.calls == "alone" or (given.calls == "after" and not one):
        failed |= every_call(given.jobs)
    return failed


def _storms(given: argparse.Namespace) -> int:
    with ThreadPoolExecutor(given.jobs) as pool:
        servers = Servers()
        try:
            if given.bugs or given.bug:
                return _bugs(given, pool, servers)
            return _seeds(given, pool, servers)
        finally:
            servers.close()


class Servers:
    """A PostgreSQL server for each run at a time, for one is crashed."""

    def __init__(self) -> None:
        self._free: list[Server] = []
        self._all: list[Server] = []
        self._making = threading.Lock()

    def take(self) -> Server:
        with self._making:
            if not self._free:
                folder = Path(tempfile.mkdtemp(prefix="om-chaos-pg-"))
                self._all.append(Server(folder))
                return self._all[-1]
            return self._free.pop()

    def give_back(self, server: Server) -> None:
        self._free.append(server)

    def close(self) -> None:
        for server in self._all:
            server.close()


def _seeds(given: argparse.Namespace, pool: ThreadPoolExecutor, servers: Servers) -> int:
    first = given.first if given.first is not None else random.SystemRandom().randrange(100_000)
    seeds = [given.seed] if given.seed is not None else range(first, first + given.seeds)
    names = [given.profile] if given.profile else list(PROFILES)
    work = [(seed, names[at % len(names)]) for at, seed in enumerate(seeds)]
    failed = 0
    for outcome in pool.map(lambda one: _one(servers, *one, keep=given.keep), work):
        print(outcome.line(), flush=True)
        for each in outcome.violations[:10]:
            print(f"    {each}", flush=True)
        failed += bool(outcome.violations)
    print(f"{len(work) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _bugs(given: argparse.Namespace, pool: ThreadPoolExecutor, servers: Servers) -> int:
    """Each defect must be caught within a few seeds."""
    names = [given.bug] if given.bug else list(BUGS)
    first = given.first if given.first is not None else 1
    hunt, began, missed = Hunt(servers), time.monotonic(), 0
    hunts = {pool.submit(hunt.told, name, first): name for name in names}
    for done in as_completed(hunts):
        name, told = hunts[done], done.result()
        print(f"{name:<20} {BUGS[name].profile:<24} {told}", flush=True)
        missed += told.startswith("MISSED")
    seconds = time.monotonic() - began
    print(f"{len(names) - missed} of {len(names)} planted defects caught in {seconds:.0f} s")
    return 1 if missed else 0


class Hunt:
    """Storms with a defect and the same storms without it, each of those once."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._innocent: dict[str, list[str]] = {}
        self._guard = threading.Lock()
        self._running: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def told(self, name: str, first: int) -> str:
        """By which seed a defect is caught, and what shows it. It is caught if the invariants say
        of the storm what the defect causes, and nothing like it of the same storm without it."""
        shows, others = BUGS[name].shows, ""
        for seed in range(first, first + SEEDS):
            found = self._storm(name, seed, bug=name)
            shown = [each for each in found if re.search(shows, each)]
            others = f"; it said {found[0]}" if found else others
            if shown and any(re.search(shows, each) for each in self._without(name, seed)):
                return f"MISSED: without it seed {seed} says the same"
            if shown:
                return f"caught by seed {seed}: {shown[0][:200]}"
        return f"MISSED by {SEEDS} seeds{others[:200]}"

    def _without(self, name: str, seed: int) -> list[str]:
        defect = BUGS[name]
        storm = f"{seed} {defect.profile} {defect.weather} {defect.turmoil}"
        with self._guard:
            running = self._running[storm]
        with running:
            if storm not in self._innocent:
                self._innocent[storm] = self._storm(name, seed)
        return self._innocent[storm]

    def _storm(self, name: str, seed: int, *, bug: str | None = None) -> list[str]:
        defect = BUGS[name]
        return _one(
            self._servers, seed, defect.profile, bug=bug, given=defect.weather,
            turmoil=defect.turmoil, rest=BUG_REST if bug else REST,
        ).violations  # fmt: skip


def _one(servers: Servers, seed: int, profile: str, **how: Any) -> Outcome:
    server = servers.take() if PROFILES[profile].database == "postgresql" else None
    try:
        return run(seed, PROFILES[profile], server, **how)
    finally:
        if server is not None:
            servers.give_back(server)


if __name__ == "__main__":
    sys.exit(main())
