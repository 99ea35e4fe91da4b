"""What an Order says of a Shopify order: amounts, flags, people; and what it never says."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordermill.connector.base import RawOrder
from ordermill.errors import MalformedOrder
from ordermill.model.content import of_order
from ordermill.model.order import ItemKind, PaymentStatus
from ordermill_shopify.answers import read_body
from ordermill_shopify.normalize import normalize
from ordermill_shopify.raws import raw_order
from shopify.made import bag, line, normalized, order, page_of, paid, shipping, tax

D = Decimal


def test_an_ordinary_order_has_every_amount_of_the_shop() -> None:
    found = normalized(order())
    assert (found.source_id, found.source_order_number) == ("1001", "#1001")
    assert (found.total, found.total_tax, found.total_with_tax) == (D("25"), D("5.5"), D("30.5"))
    assert (found.owed, found.owed_tax, found.total_shipping) == (D("30.5"), D("5.5"), D("5"))
    cup, post = found.items
    assert (cup.kind, cup.quantity, cup.price, cup.total) == (ItemKind.LINE_ITEM, 2, 10, 20)
    assert (cup.total_with_tax, cup.tax_rate, cup.source_id) == (D("24.4"), 22, "11")
    assert (post.kind, post.total, post.total_with_tax) == (ItemKind.SHIPPING, 5, D("6.1"))
    assert [(t.rate, t.tax) for t in found.taxes] == [(D(22), D("5.5"))]


def test_flags_carry_their_times() -> None:
    found = normalized(order(displayFulfillmentStatus="FULFILLED", closedAt="2026-11-21T00:00:00Z"))
    assert found.paid
    assert found.paid_at == datetime(2026, 11, 20, 10, 0, 2, tzinfo=UTC)
    assert found.fulfilled
    assert found.complete
    assert not found.cancelled
    cancelled = normalized(order(cancelledAt="2026-11-22T00:00:00Z"))
    assert cancelled.cancelled
    assert cancelled.cancelled_at == datetime(2026, 11, 22, tzinfo=UTC)


def test_buyer_and_addresses_are_read() -> None:
    found = normalized(order(customAttributes=[{"key": "VAT number", "value": "SI123"}]))
    assert (found.customer_name, found.customer_email) == ("Ann Lee", "ann@example.com")
    assert found.billing_address is not None
    assert found.billing_address.country_code == "SI"
    assert found.customer is not None
    assert found.customer.tax_number == "SI123"
    assert found.customer.is_business
    assert found.customer.source_id == "7"


def test_a_company_brings_its_name_and_tax_registration() -> None:
    entity = {
        "__typename": "PurchasingCompany", "company": {"id": "x", "name": "Acme d.o.o."},
        "location": {"name": "HQ", "taxSettings": {"taxRegistrationId": "SI999"}},
    }  # fmt: skip
    customer = normalized(order(purchasingEntity=entity)).customer
    assert customer is not None
    assert (customer.company_name, customer.tax_number) == ("Acme d.o.o.", "SI999")


def test_prices_with_tax_become_net_and_the_line_adds_up() -> None:
    gross = line(
        originalUnitPriceSet=bag("12.2"), originalTotalSet=bag("24.4"),
        discountAllocations=[{"allocatedAmountSet": bag("2.44")}], taxLines=[tax("3.96")],
    )  # fmt: skip
    found = normalized(
        order(taxesIncluded=True, lineItems=page_of(gross), shippingLines=page_of(),
              currentTotalPriceSet=bag("21.96"), currentTotalTaxSet=bag("3.96"))
    )  # fmt: skip
    (item,) = found.items
    assert (item.total, item.total_with_tax, item.gross_price) == (D("18"), D("21.96"), D("12.2"))
    assert item.price * item.quantity - item.discount == item.total
    assert item.price == D("10")
    assert found.total_discount == D("2")


def test_a_line_discounted_to_nothing_stays_at_zero() -> None:
    free = line(discountAllocations=[{"allocatedAmountSet": bag("20.0")}], taxLines=[tax("0.0")])
    (item,) = normalized(order(lineItems=page_of(free), shippingLines=page_of())).items
    assert (item.total, item.discount, item.price) == (0, 20, 10)


def test_a_removed_shipping_line_is_left_out() -> None:
    found = normalized(order(shippingLines=page_of(shipping(isRemoved=True))))
    assert [item.kind for item in found.items] == [ItemKind.LINE_ITEM]


def test_a_tax_without_a_rate_has_it_derived_and_says_so() -> None:
    (item, _) = normalized(order(lineItems=page_of(line(taxLines=[tax("4.4", None)])))).items
    (one,) = item.taxes
    assert (one.rate, one.derived) == (D(22), True)


def test_a_tax_that_neither_the_tax_lines_nor_the_lines_make_is_not_compared() -> None:
    """The shop's own side of foreign money is rounded on its own, sum by sum."""
    assert normalized(order(currentTotalTaxSet=bag("5.51"))).owed_tax is None
    assert normalized(order(currentTaxLines=[tax("5.51")])).owed_tax == D("5.5")
    by_lines_only = order(currentTaxLines=[tax("5.5", None)])
    assert normalized(by_lines_only).owed_tax == D("5.5")
    untaxed = order(currentTotalTaxSet=bag("0.0"), currentTaxLines=[])
    assert normalized(untaxed).owed_tax is None


def test_taxes_without_a_rate_are_grouped_by_what_their_lines_show() -> None:
    """The order's own sum of them names no base, and would stand as a tax on nothing."""
    unrated = order(
        lineItems=page_of(line(taxLines=[tax("4.4", None)])),
        shippingLines=page_of(shipping(taxLines=[tax("1.1", None)])),
        currentTaxLines=[tax("5.5", None)],
    )
    (group,) = of_order(normalized(unrated)).taxes
    assert (group.rate, group.base, group.tax, group.derived) == (22, 25, D("5.5"), True)


def test_one_side_of_the_money_is_taken_for_everything() -> None:
    dollars: Any = json.loads(
        json.dumps(order(presentmentCurrencyCode="USD")).replace(
            '"presentmentMoney": {"amount": "30.5", "currencyCode": "EUR"}',
            '"presentmentMoney": {"amount": "33.0", "currencyCode": "EUR"}',
        ).replace('"currencyCode": "EUR"}}', '"currencyCode": "USD"}}')
    )  # fmt: skip
    buyer, shop = normalized(dollars), normalized(dollars, presentment=False)
    assert (buyer.currency_code, buyer.total_with_tax) == ("USD", D("33"))
    assert (shop.currency_code, shop.total_with_tax) == ("EUR", D("30.5"))
    assert buyer.metadata["shop_total_with_tax"] == "30.5"


@pytest.mark.parametrize(
    ("financial", "received", "expected"),
    [
        ("PENDING", "0.0", PaymentStatus.UNPAID),
        ("AUTHORIZED", "0.0", PaymentStatus.UNPAID),
        ("PARTIALLY_PAID", "10.0", PaymentStatus.PARTIALLY_PAID),
        ("PARTIALLY_REFUNDED", "40.0", PaymentStatus.PAID),
        ("REFUNDED", "30.5", PaymentStatus.REFUNDED),
        ("SOMETHING_NEW", "30.5", PaymentStatus.PAID),
        (None, "0.0", PaymentStatus.UNPAID),
    ],
)
def test_the_financial_status_becomes_ours(
    financial: str | None, received: str, expected: PaymentStatus
) -> None:
    found = normalized(order(displayFinancialStatus=financial, totalReceivedSet=bag(received)))
    assert found.payment_status is expected


def test_values_that_shopify_adds_later_are_survived() -> None:
    found = normalized(
        order(displayFulfillmentStatus="TELEPORTED", transactions=[paid(kind="BARTER")])
    )
    assert not found.fulfilled
    assert found.transactions[0].kind == "barter"


def test_an_amount_in_another_currency_is_refused_by_field() -> None:
    with pytest.raises(MalformedOrder, match="currentTotalTaxSet: its currency"):
        normalized(order(currentTotalTaxSet=bag("5.5", "USD")))


def test_a_list_that_may_be_cut_is_refused() -> None:
    with pytest.raises(MalformedOrder, match="transactions"):
        normalized(order(transactions=[paid()] * 250))


def test_what_no_database_takes_is_cleaned_out_of_an_answer() -> None:
    body = b'{"data":{"note":"a\\u0000b\\ud800c","smile":"\\ud83d\\ude00","rate":0.095}}'
    assert read_body(body) == {
        "data": {"note": "a\ufffdb\ufffdc", "smile": "\U0001f600", "rate": 0.095}
    }


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8),
    st.sampled_from(["1e400", "-0", "NaN", "999999999999999", "2026-13-01", [], {}, [None], [{}]]),
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key in value:
            found += places(value[key], (*path, key))
    if isinstance(value, list):
        for at in range(len(value)):
            found += places(value[at], (*path, at))
    return found


WHOLE: Any = json.loads(raw_order(order()).payload)
PLACES = [path for path in places(WHOLE) if path]


@given(st.sampled_from(PLACES), st.one_of(SCALARS, st.just("remove")))
def test_any_mutation_of_an_order_is_read_or_named(path: tuple[Any, ...], value: Any) -> None:
    mutated: Any = json.loads(json.dumps(WHOLE))
    inner = mutated
    for step in path[:-1]:
        inner = inner[step]
    if value == "remove":
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    raw = RawOrder(source_id="1001", payload=json.dumps(mutated).encode(), updated_at=None)
    with suppress(MalformedOrder):
        normalize(raw)


def test_the_error_names_the_field_and_not_its_value() -> None:
    with pytest.raises(MalformedOrder, match=r"currentTotalPriceSet: not a plain") as caught:
        normalized(order(currentTotalPriceSet=bag("12,secret")))
    assert "secret" not in str(caught.value)


@given(st.binary(max_size=40))
def test_bytes_that_are_no_order_are_refused(payload: bytes) -> None:
    with pytest.raises(MalformedOrder):
        normalize(RawOrder(source_id="1001", payload=payload, updated_at=None))
