"""A store with one shop, ``woo``, of the entity ``acme``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from billing import Billing
from ordermill.store.database import Database


@pytest.fixture
def billing(database: Database, clock: Callable[[], datetime]) -> Billing:
    made = Billing(database, clock)
    made.configure()
    return made
