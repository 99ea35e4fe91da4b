"""Bad input: what an order may hold, stored or held with a reason, and the rest of its page stored.

Against simulated shops over HTTP, on both databases.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from faults.looking import A_MINUTE, NO_SWEEP, rejected
from faults.rewriting import Rewritten
from ordermill.simulator.catalogue import HOME, PRODUCTS
from ordermill.simulator.drafts import Draft, Item
from ordermill.simulator.parts import Address, Customer
from ordermill.store.database import Database
from sync.markets import Market, differences, moved_in

Open = Callable[..., Market]
BOTH = pytest.mark.parametrize("platform", ["woo-hpos", "shopify"])
MUG = Draft((PRODUCTS[1],), rates=HOME.rates)
LONG = "Ž" * 500_000  # a megabyte of UTF-8


def spoiled(market: Open, platform: str, spoil: Callable[[dict[str, Any]], None]) -> Market:
    """A shop that sends one of its orders, the second, in another shape."""

    def of_list(rows: Any) -> Any:
        for row in rows:
            if row.get("number") == "1002" or row.get("name") == "#1002":
                spoil(row)
        return rows

    def of_answer(answer: Any) -> Any:
        data = answer.get("data") or {}
        of_list((data.get("orders") or {}).get("nodes", []))
        of_list([node for node in data.get("nodes") or [] if node])
        return answer

    woo = platform.startswith("woo")
    ending, change = ("/orders", of_list) if woo else ("/graphql.json", of_answer)
    return market(platform, behind=lambda face: Rewritten(face, ending, change))


SPOILED: dict[str, dict[str, Any]] = {
    "an amount that is none": {"total": "n/a", "currentTotalPriceSet": "n/a"},
    "an amount that is missing": {"total": None, "currentTotalPriceSet": None},
    "an amount of thirty digits": {
        "total": "9" * 30,
        "currentTotalPriceSet": {
            side: {"amount": "9" * 30, "currencyCode": "EUR"}
            for side in ("shopMoney", "presentmentMoney")
        },
    },
    "lines that are none": {"line_items": 7, "lineItems": 7},
    "a currency that is none": {"currency": "", "presentmentCurrencyCode": ""},
    "times that are none": {
        "date_modified_gmt": "never", "date_created_gmt": "never", "updatedAt": "never",
    },
}  # fmt: skip


@pytest.mark.parametrize("how", SPOILED)
@BOTH
def test_an_order_that_cannot_be_read_is_kept_and_the_rest_of_its_page_stored(
    market: Open, database: Database, platform: str, how: str
) -> None:
    broken = [True]

    def spoil(row: dict[str, Any]) -> None:
        if broken[0]:
            row |= {name: value for name, value in SPOILED[how].items() if name in row}

    shop = spoiled(market, platform, spoil)
    ids = [str(shop.ledger.place(MUG).id) for _ in range(5)]
    bad = "1002"
    assert bad in ids
    house = moved_in(shop, database, sweep=NO_SWEEP)
    house.work()
    assert house.ids() == [order for order in ids if order != bad]
    assert rejected(house).keys() == {bad}
    assert "n/a" not in rejected(house)[bad]
    assert house.state().failures == 0
    broken[0] = False
    for _ in range(2):
        shop.sleep(A_MINUTE)
        house.work()
    assert house.ids() == ids
    assert rejected(house) == {}
    assert differences(shop, house) == []


@BOTH
def test_an_unknown_currency_is_kept_as_it_is(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform)
    odd = shop.ledger.place(replace(MUG, currency="XTS"))
    shop.ledger.place(MUG)
    house = moved_in(shop, database)
    house.work()
    assert len(house.ids()) == 2
    assert house.order(str(odd.id))["currency_code"] == "XTS"


@BOTH
def test_ten_thousand_lines_are_stored_with_their_total(
    market: Open, database: Database, platform: str
) -> None:
    items = tuple(Item(f"S{n}", f"Line {n}", Decimal("0.01"), product_id=1) for n in range(10_000))
    shop = market(platform)
    before = shop.ledger.place(MUG)
    order = shop.ledger.place(Draft(items))
    after = shop.ledger.place(MUG)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    house.work()
    assert house.ids() == [str(one.id) for one in (before, order, after)]
    stored = house.order(str(order.id))
    assert len(json.loads(stored["items"])) == 10_000
    assert stored["total_with_tax"] == Decimal(100)


@BOTH
def test_names_of_a_megabyte_are_stored(market: Open, database: Database, platform: str) -> None:
    shop = market(platform)
    buyer = {
        "customer": Customer(first_name=LONG, last_name="Čop", email="ana@example.test"),
        "billing": Address(first_name=LONG, last_name="Čop", city="Ljubljana", country="SI"),
    }
    order = shop.ledger.place(replace(MUG, items=(replace(PRODUCTS[1], name=LONG),), **buyer))
    shop.ledger.place(MUG)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    house.work()
    assert len(house.ids()) == 2
    stored = house.order(str(order.id))
    assert stored["customer_name"] == f"{LONG} Čop"
    assert LONG in json.loads(stored["items"])[0]["name"]
    assert differences(shop, house) == []
