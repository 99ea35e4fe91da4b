"""Recorded orders of real shops as ordermill's orders, and what no shop should send."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ordermill.connector.base import RawOrder
from ordermill.errors import MalformedOrder
from ordermill.model.order import Item, ItemKind, Order, PaymentStatus
from ordermill_woocommerce.normalize import normalize
from woocommerce.shops import lines, normalized, raw_of, recorded_orders, recorded_refunds

D = Decimal
ORDERS = recorded_orders()
REFUNDS = recorded_refunds()
CASES = {row["id"]: row["case"] for row in lines("orders.jsonl")}
CENT = D("0.01")


def recorded(order_id: int) -> Order:
    return normalized(ORDERS[order_id], REFUNDS.get(order_id))


def items(order: Order, kind: ItemKind) -> list[Item]:
    return [item for item in order.items if item.kind is kind]


@pytest.mark.parametrize("order_id", ORDERS)
def test_a_recorded_order_keeps_every_figure_of_the_shop(order_id: int) -> None:
    document, order = ORDERS[order_id], recorded(order_id)
    assert order.total_with_tax == D(document["total"])
    assert order.total_tax == D(document["total_tax"])
    assert order.total + order.total_tax == order.total_with_tax
    assert order.total_discount == D(document["discount_total"])
    assert order.total_shipping == D(document["shipping_total"])
    assert (order.currency_code, order.taxes_included) == (
        document["currency"],
        document["prices_include_tax"],
    )
    for kind, name in (
        (ItemKind.LINE_ITEM, "line_items"),
        (ItemKind.SHIPPING, "shipping_lines"),
        (ItemKind.FEE, "fee_lines"),
    ):
        shown = [(D(line["total"]), D(line["total_tax"])) for line in document[name]]
        read = [(item.total, item.total_with_tax - item.total) for item in items(order, kind)]
        assert read == shown


@pytest.mark.parametrize("order_id", ORDERS)
def test_the_lines_of_a_recorded_order_add_up_as_measured(order_id: int) -> None:
    """To the cent where tax is rounded per line; a few cents off where it is not, or where the
    shop's decimals were changed afterwards."""
    order = recorded(order_id)
    difference = sum((item.total for item in order.items), D(0)) - order.total
    assert abs(difference) <= CENT * max(len(order.items), 1)
    if "/line" in CASES.get(order_id, ""):
        assert difference == 0


@pytest.mark.parametrize("order_id", ORDERS)
def test_a_line_is_price_times_quantity_less_discount(order_id: int) -> None:
    for item in recorded(order_id).items:
        product = item.price * item.quantity - item.discount
        assert abs(product - item.total) <= D("0.000001") * max(abs(item.quantity), 1)
        assert item.discount >= 0 or item.kind is not ItemKind.LINE_ITEM


@pytest.mark.parametrize("order_id", ORDERS)
def test_taxes_per_rate_are_the_orders_tax(order_id: int) -> None:
    order = recorded(order_id)
    assert abs(sum((tax.tax for tax in order.taxes), D(0)) - order.total_tax) <= D("0.04")
    for item in order.items:
        of_item = sum((tax.tax for tax in item.taxes), D(0))
        assert abs(of_item - (item.total_with_tax - item.total)) <= CENT


def test_a_negative_fee_is_a_fee() -> None:
    (fee,) = items(recorded(50), ItemKind.FEE)
    assert fee.total < 0
    assert fee.discount == 0


def test_a_price_set_by_hand_below_the_list_is_a_discount_and_above_it_is_the_price() -> None:
    """Order 55: 20 % off without any coupon."""
    (line,) = items(recorded(55), ItemKind.LINE_ITEM)
    assert line.discount > 0
    document = json.loads(json.dumps(ORDERS[55]))
    above = document["line_items"][0]
    above["total"] = str(D(above["subtotal"]) + 5)
    (raised,) = items(normalized(document), ItemKind.LINE_ITEM)
    assert raised.discount == 0
    assert raised.price * raised.quantity == pytest.approx(raised.total)


def test_a_company_that_is_exempt_has_its_tax_number_and_no_tax() -> None:
    order = recorded(56)
    assert order.customer is not None
    assert order.customer.tax_number
    assert order.customer.is_business
    assert order.total_tax == 0
    assert order.taxes == ()


def test_compound_taxes_are_marked_and_stand_apart() -> None:
    taxes = {tax.name: tax for tax in recorded(78).taxes}
    assert [tax.compound for tax in taxes.values()] == [False, True]
    assert [tax.rate for tax in taxes.values()] == [5, D("9.975")]


def test_half_cents_that_were_rounded_twice_are_the_lines_total_tax() -> None:
    """Order 76: total_tax 1.00 beside taxes[] 1.01; the order's total is made of the first."""
    document, order = ORDERS[76], recorded(76)
    differing = [
        (line, item)
        for line, item in zip(document["shipping_lines"], items(order, ItemKind.SHIPPING),
                              strict=True)
        if D(line["taxes"][0]["total"]) != D(line["total_tax"])
    ]  # fmt: skip
    assert differing
    for line, item in differing:
        assert item.taxes[0].tax == D(line["total_tax"])


def test_what_a_status_means() -> None:
    states = {
        order.metadata["status"]: (order.complete, order.fulfilled, order.cancelled, order.deleted)
        for order in map(recorded, (186, 187, 188, 189, 191, 195, 196))
    }
    assert states == {
        "on-hold": (False, False, False, False),
        "completed": (True, True, False, False),
        "cancelled": (False, False, True, False),
        "refunded": (False, False, False, False),
        "failed": (False, False, False, False),
        "packed": (False, False, False, False),
        "processing": (False, False, False, False),
    }
    assert recorded(196).paid_at == datetime(2026, 11, 23, 8, 10, 34, tzinfo=UTC)
    assert recorded(189).payment_status is PaymentStatus.REFUNDED
    assert recorded(189).owed == 0


def test_orders_without_address_buyer_or_price_are_orders() -> None:
    empty, free = recorded(198), recorded(200)
    assert (empty.billing_address, empty.customer_name, empty.customer_email) == (None, None, None)
    assert (free.total_with_tax, free.owed) == (0, 0)


def test_a_fraction_of_a_piece_is_exact() -> None:
    assert D("0.375") in [item.quantity for item in recorded(202).items]


def test_names_are_kept_as_they_are_written() -> None:
    assert any("<b>" in item.name for item in recorded(71).items)
    names = [item.name for item in recorded(264).items] + [recorded(264).customer_name or ""]
    assert any(ord(letter) > 0xFFFF for name in names for letter in name)


def test_a_deleted_product_keeps_its_line() -> None:
    (line,) = items(recorded(267), ItemKind.LINE_ITEM)
    assert (line.sku, line.total_with_tax) == (None, D("22.22"))
    assert line.name


def test_times_are_utc_even_in_the_hour_that_a_zone_skips() -> None:
    assert recorded(268).ordered_at == datetime(2019, 3, 31, 1, 30, tzinfo=UTC)
    assert recorded(271).ordered_at == datetime(2025, 12, 31, 22, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "row", lines("orders_shop_decimals.jsonl"), ids=lambda row: str(row["case"])
)
def test_other_decimals_are_kept_to_six_digits(row: dict[str, Any]) -> None:
    fine = normalized(row["order_dp6"], row["refunds"])
    assert fine.total_with_tax == D(row["order_dp6"]["total"])
    for item in fine.items:
        for amount in (item.total, item.total_with_tax, item.price, item.discount):
            assert int(amount.as_tuple().exponent) >= -6


@pytest.mark.parametrize("order_id", REFUNDS)
def test_a_recorded_refund_is_positive_and_names_the_lines_it_takes_back(order_id: int) -> None:
    order = recorded(order_id)
    lines_of = {item.source_id for item in order.items}
    for refund, document in zip(
        order.refunds, sorted(REFUNDS[order_id], key=lambda one: one["id"]), strict=True
    ):
        assert refund.amount == D(document["amount"])
        assert len(refund.items) == sum(
            len(document[name]) for name in ("line_items", "shipping_lines", "fee_lines")
        )
        for item in refund.items:
            assert item.source_id in lines_of
            assert item.quantity >= 0
            assert item.total >= 0
    assert order.owed == order.total_with_tax - sum((one.amount for one in order.refunds), D(0))


def test_part_of_a_price_is_given_back_without_a_piece() -> None:
    """A refund may name an amount of a line and no quantity."""
    order_id, refunds = next((i, kept) for i, kept in REFUNDS.items() if kept[0]["line_items"])
    document = json.loads(json.dumps(refunds[0]))
    document["line_items"][0]["quantity"] = 0
    item = normalized(ORDERS[order_id], [document]).refunds[0].items[0]
    assert (item.quantity, item.gross_price) == (0, None)
    assert item.price == item.total + item.discount > 0


STEPS = [step for step in lines("timeline.jsonl") if step["status"] == 200]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step['id']} {step['step']}"[:60])
def test_every_state_of_the_recorded_timeline_is_read(step: dict[str, Any]) -> None:
    order = normalized(step["order"], step["refunds"] or [])
    assert order.total_with_tax == D(step["order"]["total"])
    assert len(order.refunds) == len(step["refunds"] or [])
    assert order.deleted == (step["order"]["status"] == "trash")


def changed(order_id: int = 36, **values: Any) -> Order:
    return normalized(ORDERS[order_id] | values)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"total": None}, "total"),
        ({"total": "12,50"}, "total"),
        ({"total": "NaN"}, "total"),
        ({"total": "1e400"}, "total"),
        ({"total": "1234567890123.00"}, "total: an amount"),
        ({"total": "-Infinity"}, "total: an amount"),
        ({"currency": ""}, "currency"),
        ({"currency": "EURO"}, "currency"),
        ({"date_created_gmt": None, "date_modified_gmt": None}, "date_modified_gmt"),
        ({"line_items": "none"}, "line_items"),
        ({"line_items": [{"name": "Mug"}]}, "line_items"),
    ],
)
def test_what_cannot_be_read_names_the_field_and_not_its_value(
    values: dict[str, Any], field: str
) -> None:
    with pytest.raises(MalformedOrder, match=field) as caught:
        changed(**values)
    said = str(caught.value)
    assert said.startswith("order 36: ")
    assert not [value for value in values.values() if value and str(value) in said]


def test_what_php_writes_for_nothing_is_nothing() -> None:
    order = changed(
        shipping_total="", discount_total=None, refunds=False, fee_lines="", coupon_lines=None,
        transaction_id=None, customer_note=None, meta_data=[],
    )  # fmt: skip
    assert (order.total_shipping, order.total_discount, order.refunds) == (0, 0, ())


def test_numbers_may_be_text_and_text_may_be_numbers() -> None:
    order = changed(id="36", total=166.82, customer_id="7", number=36, transaction_id=123)
    assert order.total_with_tax == D("166.82")
    assert order.customer is not None
    assert order.customer.source_id == "7"
    assert order.source_order_number == "36"


def test_an_amount_that_cannot_be_kept_is_named_wherever_it_is() -> None:
    line = ORDERS[36]["line_items"][1] | {"subtotal": "1e30"}
    with pytest.raises(MalformedOrder, match=r"line_items\[0\]\.subtotal: an amount has more"):
        changed(line_items=[line])


def test_an_unknown_currency_and_an_unknown_status_are_kept() -> None:
    order = changed(currency="xbt", status="waiting-for-moon")
    assert order.currency_code == "XBT"
    assert order.metadata["status"] == "waiting-for-moon"


def test_characters_that_no_database_keeps_are_taken_out() -> None:
    document = ORDERS[36] | {"customer_note": "a\0b", "number": "3\ud8006"}
    payload = json.dumps(document).encode()
    order = normalize(RawOrder(source_id="36", payload=payload, updated_at=None))
    assert order.customer is not None
    assert order.customer.notes == "ab"
    assert order.source_order_number == "3\ufffd6"


def test_meta_data_of_any_shape_is_kept_as_text() -> None:
    meta = [
        {"id": 1, "key": "gift", "value": {"wrapped": True}},
        {"id": 2, "key": "steps", "value": [1, 2]},
        {"id": 3, "key": "seen", "value": "yes"},
        {"id": 4, "key": "none", "value": None},
        {"id": 5, "key": "huge", "value": "x" * 100_000},
    ]
    kept = changed(meta_data=meta).metadata["meta"]
    assert kept == {"gift": '{"wrapped":true}', "steps": "[1,2]", "seen": "yes"}


@pytest.mark.parametrize(
    "key",
    [
        "_billing_vat_number",
        "_vat_number",
        "vat_number",
        "billing_eu_vat_number",
        "_billing_nif",
        "_billing_piva",
        "billing_tax_id",
        "_billing_oib",
        "_billing_nip",
        "_shipping_vat_id",
        "yweu_billing_vat",
        "_billing_btw_nummer",
        "_billing_ic_dph",
        "VAT Number",
        "_wc_other/eu-vat/vat-number",
        "_wc_billing/polski/nip",
    ],
)
def test_a_tax_number_is_found_under_the_names_that_plugins_chose(key: str) -> None:
    order = changed(meta_data=[{"id": 1, "key": key, "value": " SI12345678 "}])
    assert order.customer is not None
    assert order.customer.tax_number == "SI12345678"


@pytest.mark.parametrize("key", ["shipping_tax", "_shipping_tax", "customer_tax", "_customer_tax"])
def test_the_amount_of_a_tax_is_no_tax_number(key: str) -> None:
    order = changed(meta_data=[{"id": 1, "key": key, "value": "2.20"}])
    assert order.customer is not None
    assert order.customer.tax_number is None


def test_the_tax_number_of_the_billing_address_goes_before_that_of_the_shipping_address() -> None:
    keys = ("_shipping_vat_id", "_billing_vat_id")
    order = changed(meta_data=[{"id": 1, "key": key, "value": key} for key in keys])
    assert order.customer is not None
    assert order.customer.tax_number == "_billing_vat_id"


def test_ten_thousand_lines_are_read() -> None:
    line = ORDERS[36]["line_items"][0]
    many = [line | {"id": number} for number in range(10_000)]
    assert len(changed(line_items=many).items) == 10_000 + 1  # the shipping


def test_the_same_order_from_its_stored_payload_is_the_same() -> None:
    """What a replay reads is what was read."""
    for order_id, document in ORDERS.items():
        raw = raw_of(document, REFUNDS.get(order_id))
        stored = msgspec.structs.replace(raw, payload=raw.payload.decode().encode())
        assert normalize(stored) == recorded(order_id)


def test_rates_that_a_tax_service_names_by_code_are_kept_apart() -> None:
    """AvaTax: the lines name a code where WooCommerce has a number, and tax_lines no number."""
    codes = ("AVATAX-1-NJ-STATE-TAX", "AVATAX-2-NJ-CITY-TAX")
    taxes = [
        {"id": code, "total": tax, "subtotal": tax}
        for code, tax in zip(codes, ("6.63", "1.00"), strict=True)
    ]
    line = ORDERS[36]["line_items"][0] | {
        "subtotal": "100.00", "subtotal_tax": "7.63", "total": "100.00", "total_tax": "7.63",
        "taxes": taxes,
    }  # fmt: skip
    tax_lines = [
        {
            "id": number, "rate_code": code, "rate_id": 0, "label": label, "compound": False,
            "tax_total": tax, "shipping_tax_total": "0.00", "rate_percent": None,
        }
        for number, (code, label, tax) in enumerate(
            zip(codes, ("State", "City"), ("6.63", "1.00"), strict=True)
        )
    ]  # fmt: skip
    order = changed(
        line_items=[line], shipping_lines=[], tax_lines=tax_lines, total="107.63", total_tax="7.63"
    )
    assert [(tax.name, tax.rate, tax.tax, tax.base) for tax in order.taxes] == [
        ("State", D("6.63"), D("6.63"), 100), ("City", 1, 1, 100),
    ]  # fmt: skip
    assert [(tax.name, tax.tax) for tax in order.items[0].taxes] == [
        ("State", D("6.63")), ("City", 1),
    ]  # fmt: skip


def test_a_rate_whose_number_is_nought_is_the_rate_of_its_lines() -> None:
    """An importer that knows no rate of the shop's."""
    text = json.dumps(ORDERS[65])
    document = json.loads(text)
    (tax_line,) = document["tax_lines"]
    renamed = text.replace(f'"rate_id": {tax_line["rate_id"]}', '"rate_id": 0')
    renamed = renamed.replace(f'"taxes": [{{"id": {tax_line["rate_id"]}', '"taxes": [{"id": 0')
    assert renamed != text
    assert normalized(json.loads(renamed)) == normalized(document)


@pytest.mark.parametrize("name", ["fee_lines", "shipping_lines"])
def test_a_charge_whose_amount_was_cleared_is_one_of_nothing(name: str) -> None:
    """WooCommerce keeps a fee or a shipping cost that is saved empty as an empty text."""
    line = {"id": 70007, "name": "Gift", "method_title": "Gift", "total": "", "total_tax": "0.00"}
    order = changed(**{name: [line | {"taxes": []}]})
    (item,) = [item for item in order.items if item.source_id == "70007"]
    assert (item.total, item.total_with_tax) == (0, 0)


def test_the_amount_of_a_refund_that_is_in_its_meta_data_is_its_amount() -> None:
    """WooCommerce before 8.0 with tables of its own (37697, 39215)."""
    meta = [
        {"id": 1, "key": "_refund_amount", "value": "40.50"},
        {"id": 2, "key": "_refund_reason", "value": "too late"},
    ]
    refund = REFUNDS[189][0] | {"amount": "0.00", "reason": "", "meta_data": meta}
    order = normalized(ORDERS[189], [refund])
    (read,) = order.refunds
    assert (read.amount, read.reason) == (D("40.50"), "too late")
    assert order.owed == order.total_with_tax - D("40.50")
