"""kill -9 in the middle of a long backfill: nothing lost or doubled, hardly a request more."""

from __future__ import annotations

import random
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

from ordermill.simulator.clock import ScaledClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life
from ordermill.simulator.server import serve
from ordermill.simulator.woocommerce.face import WooCommerceFace
from program import Running, call, woocommerce, written

ORDERS, KILLS, PAGE = 5000, 20, 50


def test_a_backfill_killed_twenty_times_ends_complete_with_hardly_a_request_more(
    tmp_path: Path,
) -> None:
    ledger = Ledger(ScaledClock(datetime.now(UTC)), seed=3)
    Life(ledger, seed=3).place(ORDERS)
    face = WooCommerceFace(ledger)
    with serve(face) as server:
        shop = woocommerce("shop", server.url, face, page_size=PAGE)
        config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", shop)
        undisturbed = written_elsewhere(tmp_path, shop)
        assert backfilled(undisturbed).returncode == 0
        needed = len(server.requests)
        asked = threading.Semaphore(0)
        ledger.before_answer = lambda request: asked.release()
        rng = random.Random(5)
        for _ in range(KILLS):
            with Running("backfill", "shop", "--from", "2020-01-01", "-c", config) as running:
                for _ in range(rng.randint(1, needed // KILLS)):
                    asked.acquire(timeout=20)
                running.kill()
        assert backfilled(config).returncode == 0
        used = len(server.requests) - needed
    with sqlite3.connect(tmp_path / "a.db") as conn:
        count, distinct = conn.execute(
            "SELECT count(*), count(DISTINCT source_id) FROM orders"
        ).fetchone()
        created = conn.execute(
            "SELECT count(*) FROM events WHERE type = 'order.created'"
        ).fetchone()[0]
    assert (count, distinct, created) == (ORDERS, ORDERS, ORDERS)
    assert used <= needed * 1.3


def written_elsewhere(tmp_path: Path, shop: str) -> Path:
    folder = tmp_path / "undisturbed"
    folder.mkdir()
    return written(folder, f"sqlite:///{folder / 'a.db'}", shop)


def backfilled(config: Path) -> object:
    return call("backfill", "shop", "--from", "2020-01-01", "-c", config, timeout=120)
