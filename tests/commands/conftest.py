"""A simulated WooCommerce shop that serves, for the commands that ask one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ordermill.simulator.clock import ScaledClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life
from ordermill.simulator.server import Server, serve
from ordermill.simulator.woocommerce.face import WooCommerceFace
from program import woocommerce, written


class Shop:
    """Twelve orders, and the YAML of its integration."""

    def __init__(self) -> None:
        self.ledger = Ledger(ScaledClock(datetime.now(UTC)), seed=4)
        self.life = Life(self.ledger, seed=4)
        self.life.place(12)
        self.face = WooCommerceFace(self.ledger)
        self.server: Server = serve(self.face)

    def config(self, folder: Path, database_url: str, *rules: str) -> Path:
        """A configuration file with this shop and lines of rules, ``auto_process: true``."""
        yaml = woocommerce("shop", self.server.url, self.face)
        yaml += "".join(f"    {rule}\n" for rule in rules)
        return written(folder, database_url, yaml)


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.server.close()
