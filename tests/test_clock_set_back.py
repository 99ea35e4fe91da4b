"""A clock that was ahead and is set right while the daemon runs."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

from ordermill.daemon import Daemon, read_settings
from program import woocommerce, written
from test_program import Shop, eventually, stored


def test_a_shop_is_read_on_though_its_next_poll_was_due_tomorrow(tmp_path: Path) -> None:
    shop = Shop(2)
    file = tmp_path / "a.db"
    one = woocommerce("shop", shop.server.url, shop.face, every="1s")
    config = written(tmp_path, f"sqlite:///{file}", one)
    daemon = Daemon(config, read_settings(config))
    running = threading.Thread(target=daemon.run)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1), tick=True):
        running.start()
        assert daemon.ready.wait(30)
        eventually(lambda: stored(file) == 2)
    shop.life.place(1)
    try:
        eventually(lambda: stored(file) == 3)
    finally:
        daemon.stop()
        running.join()
        shop.server.close()
