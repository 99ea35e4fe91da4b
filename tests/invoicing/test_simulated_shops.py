"""Shops that live for a while, their orders billed after every change.

`make bench ARGS=books` does the same with thousands of orders, and prints the count.
"""

from __future__ import annotations

from collections import Counter

import pytest

from invoicing.simulated import PLATFORMS, BilledShop

SHOPS = [(platform, seed) for platform in PLATFORMS for seed in (1, 2)]


@pytest.mark.parametrize(("platform", "seed"), SHOPS)
def test_after_every_change_of_every_order_the_documents_are_what_is_owed(
    platform: str, seed: int
) -> None:
    shop = BilledShop(platform, seed)
    try:
        shop.live(steps=12)
    finally:
        shop.close()
    assert shop.wrong == []
    assert sum(len(life.invoices) for life in shop.lives.values()) > 15
    assert Counter(d.kind for life in shop.lives.values() for d in life.case.documents)[
        "credit_note"
    ]  # fmt: skip
