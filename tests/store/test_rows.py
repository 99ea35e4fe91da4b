"""An order as a row."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordermill.errors import MalformedOrder
from ordermill.model.order import Address, Customer
from ordermill.store.rows import order_row, payload_text, search_text
from ordermill.store.types import from_millionths, from_milliseconds, to_millionths, to_milliseconds
from orders import AT, an_item, an_order


@given(st.decimals(-(10**12) + 1, 10**12 - 1, places=6))
def test_an_amount_survives_as_millionths(amount: Decimal) -> None:
    assert from_millionths(to_millionths(amount)) == amount


@given(st.datetimes(timezones=st.just(AT.tzinfo)))
def test_a_time_survives_to_the_millisecond(at) -> None:
    cut = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert from_milliseconds(to_milliseconds(at)) == cut


def test_search_reads_values_in_every_script_and_no_keys() -> None:
    order = an_order(
        customer=Customer(phone="+386 1", company_name="Äpfel GmbH", tax_number="SI12345678"),
        billing_address=Address(city="Ljubljana", post_code="1000"),
        metadata={"gift_note": {"text": "Za ČOPA", "count": 3}},
        items=(an_item("Škorenj"),),
    )
    text = search_text(order)
    for wanted in ("ana čop", "äpfel gmbh", "si12345678", "ljubljana", "za čopa", "škorenj", "3"):
        assert wanted in text
    assert "gift_note" not in text


@pytest.mark.parametrize(
    "bad",
    [
        {"customer_name": "a\0b"},
        {"customer_name": "\ud800"},
        {"total": Decimal(10) ** 12},
        {"owed": Decimal("-1e13")},
        {"metadata": {"x": "\udfff"}},
    ],
)
def test_a_value_that_a_database_cannot_keep_costs_its_order_alone(bad: dict) -> None:
    with pytest.raises(MalformedOrder) as caught:
        order_row(an_order(**bad))
    assert "a\0b" not in str(caught.value)


@given(st.binary())
def test_any_payload_becomes_text_that_both_databases_keep(payload: bytes) -> None:
    text = payload_text(payload)
    assert "\0" not in text
    text.encode()
