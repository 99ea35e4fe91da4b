"""A living ordermill that polls one shop again and again; prints what the polls took as JSON.

python -m tests.benchmarks.polling CONFIG SHOP_URL CHANGED ROUNDS
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx

from ordermill.commands.sync import Counting
from ordermill.connector.base import Unobserved
from ordermill.daemon import Shops, now, open_database, owner_id, read_settings
from ordermill.store import requests
from ordermill.store.database import Database
from ordermill.sync.engine import SYNC_ONLY, Engine

OVERLAP = 10.0  # seconds, as the configuration has it: what changed within them is read again
IDLE_POLLS = 50


class Told(Counting):
    """Remembers of the last pass its seconds and outcomes."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.last: Counter[str] = Counter()

    def run_started(self, handle: str, mode: str) -> None:
        super().run_started(handle, mode)
        self.last = Counter()

    def page(self, handle: str, mode: str, outcomes: Mapping[str, int], fetched: int) -> None:
        self.last.update({str(outcome): n for outcome, n in outcomes.items()})

    def run_finished(self, handle: str, mode: str, result: str, seconds: float) -> None:
        self.seconds = seconds


class Poller:
    """Polls on demand, as the daemon does."""

    def __init__(self, database: Database, engine: Engine, told: Told) -> None:
        self._database = database
        self._engine = engine
        self.told = told

    def poll(self) -> float:
        """The seconds of one pass, from its first request to its last commit."""
        with self._database.write() as conn:
            requests.request_sync(conn, "shop", now=now())
        self._engine.tick()
        self._engine.join(timedelta(minutes=10))
        if self.told.errors:
            raise SystemExit(f"the poll failed: {self.told.errors}")
        return self.told.seconds


@contextmanager
def poller(file: Path) -> Iterator[Poller]:
    settings = read_settings(file)
    database = open_database(settings)
    told = Told()
    shops = Shops(lambda handle: Unobserved(), told)
    shops.apply(database, settings)
    engine = Engine(database, owner_id(), told, now, tasks=SYNC_ONLY)
    engine.shops = shops.by_handle
    try:
        yield Poller(database, engine, told)
    finally:
        engine.stop(timedelta(seconds=8))
        shops.close()
        database.close()


def main() -> None:
    file, url, changed, rounds = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    with poller(file) as one:
        one.poll()
        time.sleep(OVERLAP + 2)  # so that the overlap holds none of the load's orders
        one.poll()
        idle = sorted(one.poll() for _ in range(IDLE_POLLS))
        busy = []
        for _ in range(rounds):
            httpx.post(f"{url}/_simulator/change", params={"n": changed}).raise_for_status()
            busy.append(one.poll())
            if one.told.last["updated"] != int(changed):
                raise SystemExit(f"not every change was seen: {one.told.last}")
            time.sleep(OVERLAP + 2)
    print(json.dumps({"idle": idle, "busy": busy}))


if __name__ == "__main__":
    main()
