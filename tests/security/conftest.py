"""The API over two tenants: ``acme`` has nothing, its ``rival`` something of everything."""

from __future__ import annotations

import pytest

from api.asked import Api
from api.conftest import store as store
from api.test_tenants import theirs as theirs
from security.attempts import Walls, walls_of
from shops import Stored


@pytest.fixture
def walls(store: Stored) -> Walls:
    return walls_of(store)


@pytest.fixture
def anybody(walls: Walls) -> Api:
    """The same app, called without a key."""
    return walls.api
