"""Several daemons over one PostgreSQL: who reads what, and what one leaves that died or slept."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from ordermill.simulator.clock import ScaledClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life
from ordermill.simulator.server import Answer, Request, serve
from ordermill.simulator.woocommerce.face import WooCommerceFace
from ordermill.store.database import Database
from ordermill.store.tables import integration_state, sync_runs
from ordermill.sync.lease import TTL
from program import Running, woocommerce, written

SHOPS, EVERY, ORDERS = 9, 1.0, 3
ROUNDS = 6
LONG = 60.0  # seconds until a test gives up


class Row:
    """Shops in folders of one host. The next answer of the one in ``keep_back`` is made and then
    kept back until ``let_go``."""

    def __init__(self, shops: int) -> None:
        clock = ScaledClock(datetime.now(UTC))
        self.faces = {f"shop{n}": WooCommerceFace(Ledger(clock, seed=n)) for n in range(shops)}
        for n, face in enumerate(self.faces.values()):
            Life(face.ledger, seed=n).place(ORDERS)
        self.asked: Counter[str] = Counter()
        self.keep_back: str | None = None
        self.let_go = threading.Event()
        self._told = threading.Condition()

    def answer(self, request: Request) -> Answer:
        _, folder, rest = request.path.split("/", 2)
        base = f"{request.base_url}/{folder}"
        answer = self.faces[folder].answer(replace(request, path=f"/{rest}", base_url=base))
        with self._told:
            kept_back = folder == self.keep_back
            if kept_back:
                self.keep_back = None
            self.asked[folder] += 1
            self._told.notify_all()
        if kept_back:
            self.let_go.wait(LONG)
        return answer

    def wait_for(self, so: Callable[[], bool]) -> None:
        """Until something holds that requests bring about."""
        with self._told:
            assert self._told.wait_for(so, LONG)

    def wait(self, requests: int) -> None:
        """Until there were so many more requests."""
        until = self.asked.total() + requests
        self.wait_for(lambda: self.asked.total() >= until)


class Process(Running):
    """A daemon."""

    def __init__(self, config: Path) -> None:
        super().__init__("run", "-c", config)
        found = re.search(r'"admin": "(http://[0-9.:]+)', self.until('"ready"'))
        assert found is not None
        self.admin = found[1]

    def polls(self) -> int:
        """How many it has completed."""
        text = httpx.get(f"{self.admin}/metrics", timeout=LONG).text
        found = r'^ordermill_sync_runs_total{.*mode="incremental",result="success"} ([0-9.]+)$'
        return sum(int(float(n)) for n in re.findall(found, text, re.MULTILINE))


class Place:
    """A row of shops, a configuration for them, and the database."""

    def __init__(self, row: Row, config: Path, database: Database, stack: ExitStack) -> None:
        self.row, self.config, self.database, self._stack = row, config, database, stack

    def start(self) -> Process:
        return self._stack.enter_context(Process(self.config))

    def state(self, handle: str) -> Any:
        """The row of its lease."""
        from ordermill.store import integrations

        with self.database.read() as conn:
            integration_id = integrations.stored(conn)[handle].id
            table = integration_state
            return conn.execute(select(table).where(table.c.integration_id == integration_id)).one()

    def now(self) -> datetime:
        """By the database's clock."""
        with self.database.read() as conn:
            return self.database.clock(conn)


@contextmanager
def place(tmp_path: Path, url: str, shops: int) -> Iterator[Place]:
    row = Row(shops)
    with ExitStack() as stack:
        server = stack.enter_context(serve(row))
        stack.callback(row.let_go.set)
        listed = [
            woocommerce(handle, f"{server.url}/{handle}", face, every=f"{EVERY}s")
            for handle, face in row.faces.items()
        ]
        database = Database.open(url)
        stack.callback(database.close)
        yield Place(row, written(tmp_path, url, *listed), database, stack)


@pytest.fixture
def url(postgresql_url: Callable[[], str]) -> str:
    return postgresql_url()


def shared(row: Row, processes: list[Process], requests: int) -> bool:
    """Whether each does a third of its equal part of the polls, or more. So many requests are few
    polls, a matter of chance where one process is slow to start; so they are looked at for longer
    if they must be."""
    before = [one.polls() for one in processes]
    for _ in range(ROUNDS):
        row.wait(requests)
        polls = [one.polls() - n for one, n in zip(processes, before, strict=True)]
        if min(polls) > sum(polls) / len(polls) / 3:
            return True
    return False


def test_the_work_is_shared_with_who_joins_and_by_who_stays(tmp_path: Path, url: str) -> None:
    with place(tmp_path, url, SHOPS) as here:
        first = here.start()
        here.row.wait(3 * SHOPS)
        each = here.row.asked.total() / max(first.polls(), 1)  # requests of a poll
        three = [first, here.start(), here.start()]
        began, asked = time.monotonic(), here.row.asked.total()
        assert shared(here.row, three, 12 * SHOPS)
        polls_of_one = (time.monotonic() - began) / EVERY * SHOPS + SHOPS
        assert here.row.asked.total() - asked <= 1.2 * polls_of_one * each
        assert first.terminate() == 0
        gone = Counter(here.row.asked)
        assert shared(here.row, three[1:], 6 * SHOPS)
        here.row.wait_for(lambda: len(here.row.asked - gone) == SHOPS)


def test_a_process_that_was_stopped_for_longer_than_its_lease_writes_nothing_when_it_wakes(
    tmp_path: Path, url: str
) -> None:
    with place(tmp_path, url, 1) as here:
        here.row.keep_back = "shop0"
        zombie = here.start()
        here.row.wait_for(lambda: here.row.keep_back is None)
        token = here.state("shop0").lease_token
        zombie.process.send_signal(signal.SIGSTOP)
        with here.database.write() as conn:  # as if ten seconds had passed
            past = datetime(2020, 1, 1, tzinfo=UTC)
            conn.execute(update(integration_state).values(lease_until=past))
        here.start()
        before = here.row.asked.total()
        here.row.wait_for(lambda: here.row.asked.total() >= before + 3)
        here.row.let_go.set()
        zombie.process.send_signal(signal.SIGCONT)
        zombie.until("lease_lost")
        with here.database.read() as conn:
            run = conn.execute(select(sync_runs).where(sync_runs.c.lease_token == token)).one()
    assert (run.result, run.pages, run.fetched) == ("interrupted", 0, 0)


def test_what_a_dead_process_held_is_taken_over_within_two_lease_times(
    tmp_path: Path, url: str
) -> None:
    with place(tmp_path, url, 2) as here:
        dead = here.start()
        here.row.wait(4)
        other = here.start()
        here.row.keep_back = "shop0"
        here.row.wait_for(lambda: here.row.keep_back is None)
        held = here.state("shop0")
        owner = next(one for one in (dead, other) if f"-{one.process.pid}-" in held.lease_owner)
        owner.kill()
        killed, asked = here.now(), here.row.asked["shop0"]
        here.row.wait_for(lambda: here.row.asked["shop0"] > asked)
        assert here.now() - killed < 2 * TTL
        heir = here.state("shop0")
    assert heir.lease_token > held.lease_token
    assert held.lease_until - killed <= TTL + timedelta(seconds=1)
