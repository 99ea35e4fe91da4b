"""Simulated shops over real HTTP, read into a database of each kind, and what goes wrong there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sync.markets import Market, database_first, markets


@pytest.fixture
def market(request: pytest.FixtureRequest) -> Iterator[Callable[..., Market]]:
    """Opens shops; see ``sync.markets.open_market``."""
    database_first(request)
    with markets() as begin:
        yield begin
