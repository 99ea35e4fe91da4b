"""A living ordermill that polls one shop again and again; prints what the polls took as JSON.

python -m tests.benchmarks.polling CONFIG SHOP_URL CHANGED ROUNDS
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median

import httpx

from ordermill.commands.sync import Counting
from ordermill.connector.base import Unobserved
from ordermill.daemon import Shops, now, open_database, owner_id, read_settings
from ordermill.store import requests
from ordermill.store.database import Database
from ordermill.sync.engine import SYNC_ONLY, Engine
from ordermill.sync.lease import RENEW

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
        while not self._engine.join(RENEW):
            self._engine.heartbeat()
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
        gc.freeze()  # as the commands do
        yield Poller(database, engine, told)
    finally:
        engine.stop(timedelta(seconds=8))
        shops.close()
        database.close()


def main() -> None:
    file, url = Path(sys.argv[1]), sys.argv[2]
    changed, rounds = int(sys.argv[3]), int(sys.argv[4])
    with poller(file) as one:
        one.poll()
        time.sleep(OVERLAP + 2)  # so that the overlap holds none of the load's orders
        one.poll()
        idle = sorted(one.poll() for _ in range(IDLE_POLLS))
        each = [cost_of_change(one, url, changed) for _ in range(rounds)]
    print(json.dumps({"idle": idle, "each": each}))


def cost_of_change(one: Poller, url: str, changed: int) -> float:
    """Seconds per changed order beyond a poll that reads the same overlap with nothing changed."""
    before = median(one.poll() for _ in range(5))
    httpx.post(f"{url}/_simulator/change", params={"n": changed}).raise_for_status()
    took = one.poll()
    if one.told.last["updated"] != changed:
        raise SystemExit(f"not every change was seen: {one.told.last}")
    time.sleep(OVERLAP + 2)
    return (took - before) / changed


if __name__ == "__main__":
    main()
