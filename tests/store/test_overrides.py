"""What a person set over a shop's buyer data lasts until the shop changes that field."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import update

from billing import Billing
from ordermill.model.order import Address
from ordermill.store import events
from ordermill.store.tables import orders
from orders import an_order

HOME, WORK = Address(city="Bled", country_code="SI"), Address(city="Kranj", country_code="SI")


def set_over(billing: Billing, order_id: str, **values: Any) -> None:
    """As a PATCH does, over what the shop says now."""
    (row,) = billing.rows(orders)
    over = {name: {"value": value, "shop": plain(getattr(row, name))}
            for name, value in values.items()}  # fmt: skip
    columns = {n: json.dumps(v) if isinstance(v, dict) else v for n, v in values.items()}
    with billing.database.write() as conn:
        conn.execute(update(orders).values(**columns, overrides=json.dumps(over)))


def plain(value: str | None) -> Any:
    return json.loads(value) if value and value.startswith("{") else value


def stored(billing: Billing) -> Any:
    (row,) = billing.rows(orders)
    return row


def test_a_persons_value_stays_while_the_shop_says_the_same(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order(billing_address=HOME))
    set_over(billing, order_id, customer_name="Čop d.o.o.",
             billing_address={"city": "Kranj", "colour": "red"})  # fmt: skip
    billing.take_in(an_order(second=1, billing_address=HOME, tags=("vip",)))
    row = stored(billing)
    assert row.version == 2
    assert row.customer_name == "Čop d.o.o."
    assert json.loads(row.billing_address) == {"city": "Kranj", "colour": "red"}
    assert set(json.loads(row.overrides)) == {"customer_name", "billing_address"}
    assert billing.case(order_id).order.billing_address == Address(city="Kranj")
    for found in ("čop d.o.o.", "kranj", "vip"):
        assert found in row.search_text
    assert "bled" not in row.search_text


def test_a_field_that_the_shop_changes_is_the_shops_again(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order(billing_address=HOME))
    set_over(billing, order_id, customer_name="Eva", billing_address={"city": "Celje"})
    billing.take_in(an_order(second=1, billing_address=WORK))
    row = stored(billing)
    assert (row.customer_name, json.loads(row.billing_address)["city"]) == ("Eva", "Kranj")
    assert set(json.loads(row.overrides)) == {"customer_name"}
    billing.take_in(an_order(second=2, billing_address=WORK, customer_name="Ana Novak"))
    row = stored(billing)
    assert (row.customer_name, row.overrides) == ("Ana Novak", None)
    assert "eva" not in row.search_text


def test_an_event_tells_what_changed_in_the_store(billing: Billing) -> None:
    """The person's name is no change, the shop's tags are."""
    (order_id,) = billing.take_in(an_order())
    set_over(billing, order_id, customer_name="Eva")
    billing.take_in(an_order(second=1, tags=("vip",)))
    with billing.database.read() as conn:
        *_, row = events.of_order(conn, order_id)
    assert set(json.loads(row.data)["changes"]) == {"tags"}


def test_the_same_version_again_changes_nothing(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    set_over(billing, order_id, customer_name="Eva")
    billing.take_in(an_order())
    row = stored(billing)
    assert (row.version, row.customer_name) == (1, "Eva")
    assert row.overrides is not None


def test_search_still_finds_the_apis_metadata_after_a_new_version(billing: Billing) -> None:
    billing.take_in(an_order(metadata={"note": "From the shop"}))
    with billing.database.write() as conn:
        conn.execute(update(orders).values(metadata='{"ref":"Ours-7"}'))
    billing.take_in(an_order(second=1, metadata={"note": "Another"}))
    lines = stored(billing).search_text.splitlines()
    assert "ours-7" in lines
    assert "another" in lines


def test_a_buyer_taken_away_by_a_person_stays_away(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order(billing_address=HOME))
    set_over(billing, order_id, customer_email=None, billing_address=None)
    billing.take_in(an_order(second=1, billing_address=HOME, tags=("vip",)))
    row = stored(billing)
    assert (row.customer_email, row.billing_address) == (None, None)
