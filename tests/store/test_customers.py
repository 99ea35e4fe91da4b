"""Customers: one row per buyer, however many orders come at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from billing import Billing, invoice
from ordermill.invoicing import desk
from ordermill.model.document import Buyer
from ordermill.model.order import Customer
from ordermill.store.customers import key_of
from ordermill.store.database import Database
from ordermill.store.tables import customers, documents
from orders import AT, an_order


def test_forty_orders_of_one_buyer_at_once_make_one_customer(
    billing: Billing, database_url: str
) -> None:
    emails = ("Ana@Example.com", "ana@example.com ", "ANA@EXAMPLE.COM")
    page = [an_order(str(n), customer_email=emails[n % 3]) for n in range(40)]
    ids = billing.take_in(*page)
    entity_id = billing.load(ids[0])[0].entity_id
    databases = [Database.open(database_url) for _ in range(4)]
    begin = threading.Barrier(40)

    def call(at: int) -> None:
        begin.wait()
        with databases[at % 4].write() as conn:
            desk.act(conn, entity_id, ids[at], invoice, now=billing.clock(), actor="test")

    with ThreadPoolExecutor(40) as pool:
        for future in [pool.submit(call, at) for at in range(40)]:
            future.result()
    for database in databases:
        database.close()
    (customer,) = billing.rows(customers)
    assert customer.key == "email:ana@example.com"
    assert {row.customer_id for row in billing.rows(documents)} == {customer.id}
    assert len(billing.numbers()) == 40


def test_one_batch_resolves_a_buyer_once(billing: Billing) -> None:
    ids = billing.take_in(*(an_order(str(n)) for n in range(3)))
    billing.bill(ids)
    assert len(billing.rows(customers)) == 1


@pytest.mark.parametrize(
    ("buyer", "platform_id", "key"),
    [
        (Buyer(email=" Straße@x.de"), "7", "email:strasse@x.de"),
        (Buyer(email=" "), "7", "source:oint_1:7"),
        (Buyer(), None, "order:ord_1"),
    ],
)
def test_buyers_are_one_by_e_mail_else_by_the_platforms_id(
    buyer: Buyer, platform_id: str | None, key: str
) -> None:
    found = key_of(buyer, integration_id="oint_1", platform_id=platform_id, order_id="ord_1")
    assert found == key


def test_a_guest_without_an_address_is_known_by_the_platforms_customer(billing: Billing) -> None:
    known = {"customer_email": None, "customer": Customer(source_id="7")}
    ids = billing.take_in(an_order("1", **known), an_order("2", **known),
                          an_order("3", customer_email=None))  # fmt: skip
    billing.bill(ids)
    assert sorted(row.key.partition(":")[0] for row in billing.rows(customers)) == [
        "order", "source",
    ]  # fmt: skip


def test_a_customer_is_as_the_latest_order_names_them(billing: Billing, clock: Any) -> None:
    """By the time the orders were placed, not by the time they were invoiced."""
    old, new = AT - timedelta(days=9), AT
    later, earlier = billing.take_in(
        an_order("1", ordered_at=new, customer_name="Ana Novak"),
        an_order("2", ordered_at=old, customer_name="Ana Čop"),
    )
    billing.bill([later])
    made = billing.rows(customers)[0]
    clock.advance(60)
    billing.bill([earlier])
    (row,) = billing.rows(customers)
    assert (row.name, row.updated_at, row.search_text) == (
        "Ana Novak", made.updated_at, "ana novak\nana@example.com",
    )  # fmt: skip
    (third,) = billing.take_in(
        an_order("3", ordered_at=new + timedelta(days=1), customer_name="Ana Kos")
    )
    billing.bill([third])
    (row,) = billing.rows(customers)
    assert (row.id, row.name, row.updated_at) == (made.id, "Ana Kos", clock())
    assert row.created_at == made.created_at
