"""A store with one integration, ``woo``, that is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import event

from ordermill.store.database import Database
from shops import Stored, an_integration


@pytest.fixture
def store(database: Database, clock: Callable[[], datetime]) -> Stored:
    made = Stored(database, clock)
    made.configure(an_integration())
    return made


@pytest.fixture
def statements(database: Database) -> Callable[[], list[str]]:
    """The statements executed since the last call."""
    heard: list[str] = []
    event.listen(
        database._engine,
        "before_cursor_execute",
        lambda conn, cursor, statement, *rest: heard.append(statement),
    )

    def take() -> list[str]:
        taken = list(heard)
        heard.clear()
        return taken

    return take
