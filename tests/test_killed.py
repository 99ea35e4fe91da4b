"""kill -9 in the middle of a long backfill: nothing lost or doubled, hardly a request more."""

from __future__ import annotations

import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import distinct, func, select, update

from ordermill.simulator.clock import ScaledClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life
from ordermill.simulator.server import serve
from ordermill.simulator.woocommerce.face import WooCommerceFace
from ordermill.store.database import Database
from ordermill.store.tables import events, integration_state, orders
from program import Running, call, woocommerce, written

ORDERS, KILLS, PAGE = 5000, 20, 50
AT_MOST = 1.3  # times the requests of a backfill that nobody kills


def test_a_backfill_killed_twenty_times_ends_complete_with_hardly_a_request_more(
    tmp_path: Path, database_url: str
) -> None:
    ledger = Ledger(ScaledClock(datetime.now(UTC)), seed=3)
    Life(ledger, seed=3).place(ORDERS)
    face = WooCommerceFace(ledger)
    rng = random.Random(5)
    with serve(face) as server:
        shop = woocommerce("shop", server.url, face, page_size=PAGE)
        undisturbed = written_elsewhere(tmp_path, shop)
        assert backfilled(undisturbed).returncode == 0
        needed = len(server.requests)
        config = written(tmp_path, database_url, shop)
        asked = threading.Semaphore(0)
        ledger.before_answer = lambda request: asked.release()
        for _ in range(KILLS):
            with Running("backfill", "shop", "--from", "2020-01-01", "-c", config) as running:
                killed_somewhere(running, asked, rng.randint(1, needed // KILLS), rng)
            end_the_lease(database_url)
        assert backfilled(config).returncode == 0
        used = len(server.requests) - needed
    assert counts(database_url) == (ORDERS, ORDERS, ORDERS)
    assert used <= needed * AT_MOST


def killed_somewhere(
    running: Running, asked: threading.Semaphore, requests: int, rng: random.Random
) -> None:
    """So many requests later, and then somewhere between one of them and the next: while the shop
    answers, while the page is read, or while it is being written."""
    for _ in range(requests):
        asked.acquire(timeout=20)
    try:
        running.process.wait(rng.uniform(0, 0.1))
    except subprocess.TimeoutExpired:
        running.kill()


def end_the_lease(url: str) -> None:
    """As if the ten seconds had passed in which nobody takes over from a process that died. (On
    SQLite the next one knows that it is dead.)"""
    with opened(url) as database, database.write() as conn:
        past = datetime(2020, 1, 1, tzinfo=UTC)
        conn.execute(update(integration_state).values(lease_until=past))


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database.open(url)
    try:
        yield database
    finally:
        database.close()


def written_elsewhere(tmp_path: Path, shop: str) -> Path:
    folder = tmp_path / "undisturbed"
    folder.mkdir()
    return written(folder, f"sqlite:///{folder / 'a.db'}", shop)


def backfilled(config: Path) -> subprocess.CompletedProcess[str]:
    return call("backfill", "shop", "--from", "2020-01-01", "-c", config, timeout=240)


def counts(url: str) -> tuple[int, ...]:
    """Orders, different orders, and orders that were created."""
    with opened(url) as database, database.read() as conn:
        many = select(func.count(), func.count(distinct(orders.c.source_id)))
        created = select(func.count()).where(events.c.type == "order.created")
        return (*conn.execute(many).one(), conn.scalar(created))
