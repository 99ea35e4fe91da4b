"""The API over a store with two entities, ``acme`` and its ``rival``, each with a shop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from api.asked import Api, made_api
from ordermill.store.database import Database
from shops import Stored, an_entity, an_integration


@pytest.fixture
def store(database: Database, clock: Callable[[], datetime]) -> Stored:
    made = Stored(database, clock)
    made.configure(
        an_integration("woo"),
        an_integration("shopify", source="shopify"),
        an_integration("their-woo", entity="rival"),
        entities=(
            an_entity("acme", timezone="Europe/Ljubljana"),
            an_entity("rival", name="Rival", currency_code="EUR"),
        ),
    )
    return made


@pytest.fixture
def anybody(store: Stored, clock: Callable[[], datetime]) -> Api:
    """The app, called without a key."""
    return made_api(store.database, clock)


@pytest.fixture
def api(anybody: Api) -> Api:
    """Called with a key that may write for ``acme``."""
    return anybody.as_("writer")
