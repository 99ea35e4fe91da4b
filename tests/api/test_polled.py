"""What a person sets over a shop's order, while the shop goes on changing it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from api.asked import Api, an_order, is_problem
from ordermill.model.order import Order, Transaction
from ordermill.store.integrations import stored
from ordermill.store.orders import Incoming, Outcome, ingest
from orders import AT, an_item
from orders import an_order as shops_order
from orders import changed as other
from shops import Stored


def polled(store: Stored, order: Order) -> Outcome:
    """As if a poll had read it just now."""
    store.clock.advance(1)  # type: ignore[attr-defined]
    with store.database.write() as conn:
        incoming = [Incoming(order.source_id, b"{}", "", order)]
        (done,) = ingest(conn, stored(conn)["woo"], incoming, now=store.clock(), confirmed=True)
    return done.outcome


@pytest.fixture
def order(store: Stored) -> Order:
    made = shops_order("1001", customer_name="Ana", metadata={"channel": "web"})
    assert polled(store, made) is Outcome.CREATED
    return made


def shown(api: Api) -> dict[str, Any]:
    (row,) = api.get("/orders").json()["data"]
    return dict(row)


def test_what_was_set_lasts_until_the_shop_changes_that_field(
    api: Api, store: Stored, order: Order
) -> None:
    path = f"/orders/{shown(api)['id']}"
    given = {"customer_name": "Bojan", "shipping_address": {"city": "Kranj", "floor": 3}}
    api.patch(path, given | {"metadata": {"note": "wholesale"}})
    later = other(order, items=(an_item(quantity=3),), shop_updated_at=store.clock())
    assert polled(store, later) is Outcome.UPDATED
    assert shown(api) | given == shown(api)
    assert shown(api)["items"][0]["quantity"] == 3
    assert shown(api)["metadata"] == {"note": "wholesale", "shop": {"channel": "web"}}
    for term in ("bojan", "kranj", "wholesale", "web"):
        assert len(api.ids("/orders", search=term)) == 1, term
    renamed = other(later, customer_name="Cene", shop_updated_at=store.clock())
    assert polled(store, renamed) is Outcome.UPDATED
    now = shown(api)
    assert now["customer_name"] == "Cene"
    assert now["shipping_address"] == given["shipping_address"]
    assert api.ids("/orders", search="bojan") == []
    assert len(api.ids("/orders", search="kranj")) == 1


def test_the_same_version_again_changes_nothing(api: Api, store: Stored, order: Order) -> None:
    api.patch(f"/orders/{shown(api)['id']}", {"customer_name": "Bojan"})
    before = shown(api)
    assert polled(store, order) is Outcome.UNCHANGED
    assert shown(api) == before


def test_an_order_made_for_a_shop_becomes_the_shops_when_it_is_read(
    api: Api, store: Stored
) -> None:
    woo = next(i for i in api.get("/order-integrations").json()["data"] if i["handle"] == "woo")
    sent = an_order("1001", source="woocommerce", order_integration_id=woo["id"])
    made = api.post("/orders", sent).json()
    assert polled(store, shops_order("1001")) is Outcome.UPDATED
    read = shown(api)
    assert (read["id"], read["total_with_tax"]) == (made["id"], 24.4)
    assert is_problem(api.patch(f"/orders/{made['id']}", {"total": 1}), 409, "order_owned_by_shop")


def test_what_the_shop_knows_is_not_written_by_who_makes_its_order(api: Api) -> None:
    woo = next(i for i in api.get("/order-integrations").json()["data"] if i["handle"] == "woo")
    sent = an_order("1001", source="woocommerce", order_integration_id=woo["id"])
    refused = api.post("/orders", sent | {"metadata": {"shop": {"channel": "mine"}}})
    assert is_problem(refused, 422, "invalid_body")
    assert [each["pointer"] for each in refused.json()["errors"]] == ["/metadata/shop"]
    assert api.made(metadata={"shop": "Kranj"})["metadata"] == {"shop": "Kranj"}


def test_a_transaction_has_the_attributes_and_times_of_the_contract(
    api: Api, store: Stored
) -> None:
    moved = Transaction(
        id="t1", kind="sale", status="success", gateway="stripe", amount=Decimal("24.40"),
        currency_code="EUR", at=AT,
    )  # fmt: skip
    polled(store, shops_order("1001", transactions=(moved,)))
    assert shown(api)["transactions"] == [
        {"id": "t1", "kind": "sale", "status": "success", "gateway": "stripe", "amount": 24.4,
         "currency_code": "EUR", "at": "2026-11-24T10:00:00.000Z"},
    ]  # fmt: skip
    line = shown(api)["items"][0]
    assert set(line) == {
        "name", "sku", "source_id", "kind", "quantity", "price", "gross_price", "discount", "total",
        "total_with_tax", "tax_rate", "taxes",
    }  # fmt: skip
    assert line["taxes"] == [{"rate": 22, "tax": 4.4}]


def test_a_persons_delete_outlives_every_sync(api: Api, store: Stored, order: Order) -> None:
    path = f"/orders/{shown(api)['id']}"
    assert api.call("DELETE", path).status_code == 204
    polled(store, other(order, customer_name="Cene", shop_updated_at=store.clock()))
    assert is_problem(api.get(path), 404, "not_found")
    assert api.get("/orders").json()["pagination"]["total"] == 0
    assert api.post(f"{path}/restore").json()["customer_name"] == "Cene"
    assert api.get("/orders").json()["pagination"]["total"] == 1
