"""Rows become the model's values again, to the last digit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import Billing
from ordermill.model.case import Difference
from ordermill.model.integration import Numbering, Rules, Skip
from ordermill.model.order import Address, Customer, ItemKind, ItemTax, Order, Transaction
from ordermill.store import read
from ordermill.store.rows import NAMES, json_text, order_row
from orders import AT, a_refund, an_item, an_order, changed

WHOLE = an_order(
    ordered_at=AT,
    customer=Customer(phone="1", company_name="Čop d.o.o.", is_business=True, source_id="77"),
    billing_address=Address(city="Ljubljana", country_code="SI"),
    transactions=(Transaction(id="t", kind="sale", status="success", gateway="stripe",
                              amount=Decimal("24.40"), currency_code="EUR", at=AT),),
    refunds=(a_refund("r1", "1.10", items=(an_item(),)),),
    tags=("b", "a"),
    metadata={"note": "x", "weight": Decimal("1.10"), "n": 3, "nested": {"list": [Decimal("2.5")]}},
)  # fmt: skip


def test_an_order_comes_back_as_it_was_stored(billing: Billing) -> None:
    (order_id,) = billing.take_in(WHOLE)
    assert billing.case(order_id).order == WHOLE


def test_an_order_of_all_kinds_of_nothing_comes_back(billing: Billing) -> None:
    bare = an_order(items=(), taxes=(), ordered_at=None, owed_tax=None, payment_gateway=None)
    (order_id,) = billing.take_in(bare)
    assert billing.case(order_id).order == bare


@given(
    st.decimals(min_value=-(10**11), max_value=10**11, places=6),
    st.datetimes(timezones=st.just(UTC)),
)
def test_amounts_and_times_survive_their_json(amount: Decimal, at: datetime) -> None:
    order = an_order(items=(an_item(price="1.00"),))
    item = changed(order.items[0], price=amount)
    text = json_text((item,))
    assert read.items_of(text) == (item,)
    assert read.moments_of(json_text((at,))) == (at,)


def as_row(order: Order, **columns: object) -> SimpleNamespace:
    row = dict(zip(NAMES, order_row(order).values, strict=True))
    return SimpleNamespace(**(row | {"source_id": "1", "source": "manual", "deleted_at": None}
                              | columns))  # fmt: skip


def written(*items: dict[str, object]) -> tuple[object, ...]:
    return read.order_of(as_row(an_order(), items=json.dumps(items))).items


def test_a_line_that_a_person_wrote_is_completed() -> None:
    (item,) = written({"name": "Pro", "quantity": 2, "price": 50, "gross_price": 61, "total": 100,
                       "total_with_tax": 122, "tax_rate": 22, "colour": "red"})  # fmt: skip
    assert item.kind is ItemKind.LINE_ITEM
    assert (item.sku, item.source_id, item.discount) == (None, None, 0)
    assert item.taxes == (ItemTax(rate=Decimal(22), tax=Decimal(22)),)


def test_a_line_without_tax_has_a_tax_of_nothing_where_it_names_the_rate() -> None:
    (item,) = written({"name": "A", "quantity": 1, "price": 5, "total": 5, "total_with_tax": 5})
    assert item.taxes == ()
    (zero,) = written({"name": "A", "quantity": 1, "price": 5, "total": 5, "total_with_tax": 5,
                       "tax_rate": 0})  # fmt: skip
    assert [(tax.rate, tax.tax) for tax in zero.taxes] == [(0, 0)]


@pytest.mark.parametrize(
    ("taxes", "expected"),
    [
        ([{"rate": 22}], [("22", "22")]),
        ([{"rate": 10}, {"rate": 12}], [("10", "10.00"), ("12", "12.00")]),
        ([{"rate": 5, "tax": 7}, {"rate": 17, "tax": 15}], [("5", "7"), ("17", "15")]),
        ([], [("22", "22")]),
    ],
)
def test_rates_without_amounts_share_the_tax_of_their_line(
    taxes: list[dict[str, int]], expected: list[tuple[str, str]]
) -> None:
    (item,) = written({"name": "A", "quantity": 1, "price": 100, "total": 100,
                       "total_with_tax": 122, "tax_rate": 22, "taxes": taxes})  # fmt: skip
    assert [(str(tax.rate), str(tax.tax)) for tax in item.taxes] == expected


@pytest.mark.parametrize("taxes", [None, [], [{"rate": None}], [{"rate": None, "tax": 20}]])
def test_a_tax_without_a_rate_has_the_one_that_its_amounts_show_and_says_so(
    taxes: list[dict[str, int | None]] | None,
) -> None:
    (item,) = written({"name": "A", "quantity": 1, "price": 91, "total": 91, "total_with_tax": 111,
                       "taxes": taxes})  # fmt: skip
    assert item.taxes == (ItemTax(rate=Decimal("21.98"), tax=Decimal(20), derived=True),)
    assert item.tax_rate == Decimal("21.98")


@pytest.mark.parametrize(("total", "gross"), [(0, 3), (1, 11), (10, 9)])
def test_a_rate_that_cannot_be_stays_unknown(total: int, gross: int) -> None:
    (item,) = written({"name": "A", "quantity": 1, "price": total, "total": total,
                       "total_with_tax": gross})  # fmt: skip
    assert item.taxes == (ItemTax(rate=None, tax=Decimal(gross - total)),)
    assert item.tax_rate is None


def test_the_rate_of_a_line_is_the_sum_of_its_taxes() -> None:
    (item,) = written({"name": "A", "quantity": 1, "price": 100, "total": 100,
                       "total_with_tax": 115, "taxes": [{"rate": 5}, {"rate": 10}]})  # fmt: skip
    assert item.tax_rate == 15


def test_lines_of_a_shop_that_came_over_the_api_are_completed_too() -> None:
    line = {"name": "A", "quantity": 1, "price": 100, "total": 100, "total_with_tax": 122,
            "tax_rate": 22}  # fmt: skip
    whole = line | {"sku": "S", "source_id": "7", "kind": "line_item", "discount": 0,
                    "gross_price": None}  # fmt: skip
    for one in (line, whole):
        row = as_row(an_order(), items=json.dumps([one]), source="shopify")
        assert read.order_of(row).items[0].taxes == (ItemTax(rate=Decimal(22), tax=Decimal(22)),)


def test_differences_keep_their_amounts_exact() -> None:
    found = (Difference(line="1", field="price", billed=Decimal("1.10"), desired=None),
             Difference(line=None, field="added", billed=None,
                        desired={"total": Decimal("0.30"), "name": "x"}))  # fmt: skip
    assert read.differences_of(json_text(found)) == found


def test_entity_and_rules_are_those_of_the_configuration(billing: Billing) -> None:
    rules = Rules(auto_process=True, auto_process_delay_seconds=7, skip=Skip(gateways=("cod",)))
    numbering = Numbering(invoice="R{year}/{number:03d}")
    address = {"city": "Ljubljana", "post_code": None}
    billing.configure(
        {"numbering": numbering, "address": address, "timezone": "Europe/Ljubljana"}, rules=rules
    )
    (order_id,) = billing.take_in(an_order())
    case = billing.case(order_id)
    assert case.rules == rules
    assert case.entity.numbering == numbering
    assert case.entity.address == address
    assert case.import_cutoff == datetime(2019, 12, 31, 23, tzinfo=UTC)


def test_an_integration_without_rules_has_the_defaults() -> None:
    assert read.rules_of("{}") == Rules()


def test_a_deleted_order_says_who_deleted_it(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    billing.take_in(an_order(second=1, deleted=True))
    case = billing.case(order_id)
    assert (case.deleted_by, case.order.deleted) == ("shop", True)
    assert case.order.shop_updated_at == AT + timedelta(seconds=1)
