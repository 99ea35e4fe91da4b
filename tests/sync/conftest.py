"""One integration over a shop in memory, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ordermill.store.database import Database
from sync.fakes import FakeShop
from sync.house import LONG, House


@pytest.fixture
def shop() -> FakeShop:
    return FakeShop()


@pytest.fixture
def start(database: Database, clock: Any) -> Iterator[Callable[..., House]]:
    """Starts a process over the test's database; several may run over the same one."""
    houses: list[House] = []

    def begin(*shops: FakeShop, **options: Any) -> House:
        handles = ["shop"] if len(shops) == 1 else [f"shop{n}" for n in range(len(shops))]
        house = House(database, clock, dict(zip(handles, shops, strict=True)), **options)
        houses.append(house)
        return house

    yield begin
    for house in houses:
        house.engine.stop(LONG)
