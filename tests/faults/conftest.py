"""Simulated shops over real HTTP, read into a database of each kind, and what goes wrong there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sync.markets import Market, markets


@pytest.fixture
def market() -> Iterator[Callable[..., Market]]:
    """Opens shops; see ``sync.markets.open_market``."""
    with markets() as begin:
        yield begin
