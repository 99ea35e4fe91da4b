"""One full Shopify for the tests that compare what was read with what the ledger holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ordermill.model.order import Order
from simulator.books import a_ledger, by_hand, lived
from simulator.shopify_shop import Asker, connected, open_shop, read_all


@pytest.fixture(scope="session")
def shop() -> Iterator[Asker]:
    """More than 500 orders of every kind, with prices that contain tax and prices that do not.

    Nobody changes it.
    """
    ledger = a_ledger(included=True)
    by_hand(ledger)
    lived(ledger, 120, 400, seed=1)
    ledger.shop = a_ledger(included=False).shop
    by_hand(ledger)
    lived(ledger, 120, 400, seed=2)
    with open_shop(ledger) as asker:
        yield asker


@pytest.fixture(scope="session")
def seen(shop: Asker) -> dict[str, Order]:
    """What the real connector reads there."""
    with connected(shop) as connector:
        return read_all(connector)
