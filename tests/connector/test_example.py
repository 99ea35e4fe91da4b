"""The connector that CONTRIBUTING.md shows passes the suite of every connector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.example import plugin
from connector.kiosk import TOKEN, KioskShop
from ordermill.connector.contract import ConnectorContract, ShopOnTrial
from ordermill.simulator.server import serve

EXAMPLE = Path(__file__).with_name("example.py")


@pytest.fixture
def shop() -> Iterator[ShopOnTrial]:
    kiosk = KioskShop()
    with serve(kiosk) as server:
        yield ShopOnTrial(
            plugin=plugin,
            options={"base_url": server.url, "token": TOKEN, "allow_private_network": True},
            secrets=("token",),
            touch=kiosk.touch,
            remove=kiosk.remove,
        )


class TestContract(ConnectorContract):
    pass


def test_it_has_fewer_than_150_lines() -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 150


def test_contributing_shows_it_as_it_is() -> None:
    shown = (EXAMPLE.parents[2] / "CONTRIBUTING.md").read_text()
    assert EXAMPLE.read_text() in shown
