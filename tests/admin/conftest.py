"""The admin app over a store with one integration, ``woo``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from admin.watched import Beat, Caller, watched
from ordermill.admin.app import create_app
from ordermill.admin.metrics import Metrics
from ordermill.store.database import Database
from shops import Stored, an_integration

HOST = "http://localhost"


@pytest.fixture
def beat() -> Beat:
    return Beat()


@pytest.fixture
def store(database: Database, clock: Callable[[], datetime]) -> Stored:
    made = Stored(database, clock)
    made.configure(an_integration())
    return made


@pytest.fixture
def metrics(store: Stored) -> Metrics:
    made = watched("woo")
    made.watch_database(store.database)
    return made


@pytest.fixture
def admin(store: Stored, beat: Beat, clock: Callable[[], datetime], metrics: Metrics) -> Caller:
    """Its callers, on this machine."""
    app = create_app(store.database, metrics, token=None, heartbeat=beat, now=clock)
    return Caller(app, base_url=HOST)
