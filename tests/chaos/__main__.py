"""`make chaos`: many seeds over all profiles; exit 1 if anything was violated.

`make chaos ARGS="--seeds 300"`, `ARGS="--seed 42 --profile postgresql-two --keep"` for one again,
`ARGS=--bugs` to see that planted defects are caught.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chaos.databases import Server
from chaos.planted import BUGS
from chaos.profiles import PROFILES
from chaos.run import Outcome, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=24, help="how many runs")
    parser.add_argument("--first", type=int, default=None, help="the first seed; default: random")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--profile", choices=list(PROFILES), help="this one alone")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--keep", action="store_true", help="keep the files of a failed run")
    parser.add_argument("--bugs", action="store_true", help="plant every defect, one after another")
    given = parser.parse_args()
    with ThreadPoolExecutor(given.jobs) as pool:
        servers = Servers()
        try:
            if given.bugs:
                return _bugs(pool, servers)
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


def _bugs(pool: ThreadPoolExecutor, servers: Servers) -> int:
    """Each defect must be caught under its profile within a few seeds."""
    missed = 0
    for name, (profile, _) in BUGS.items():
        caught = None
        for seed in range(1, 5):
            outcome = _one(servers, seed, profile, bug=name)
            if outcome.violations:
                caught = outcome
                break
        what = f"caught by seed {caught.seed}: {caught.violations[0]}" if caught else "MISSED"
        print(f"{name:<28} {profile:<24} {what}", flush=True)
        missed += caught is None
    print(f"{len(BUGS) - missed} of {len(BUGS)} planted defects caught")
    return 1 if missed else 0


def _one(
    servers: Servers, seed: int, profile: str, *, bug: str | None = None, keep: bool = False
) -> Outcome:
    server = servers.take() if PROFILES[profile].database == "postgresql" else None
    try:
        return run(seed, PROFILES[profile], server, bug=bug, keep=keep,
                   rest=20.0 if bug else 45.0)  # fmt: skip
    finally:
        if server is not None:
            servers.give_back(server)


if __name__ == "__main__":
    sys.exit(main())
