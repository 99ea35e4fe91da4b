"""What is kept of an order's text: an allow-list, in the shop's own words."""

from __future__ import annotations

import json

import msgspec
import pytest
from msgspec import Raw

from ordermill_woocommerce.raw import head_of, is_kept, kept_meta, mark_of, raw_order
from woocommerce.shops import raw_of, recorded_orders

CHECKOUT = 94  # placed by a buyer, so it shows an IP address and a browser


def test_a_checkout_order_loses_what_is_nobodys_business_and_nothing_else() -> None:
    document = recorded_orders()[CHECKOUT]
    assert document["customer_ip_address"]
    assert document["customer_user_agent"]
    kept = json.loads(raw_of(document).payload)
    assert document.keys() - kept.keys() == {
        "_links", "cart_hash", "currency_symbol", "customer_ip_address", "customer_user_agent",
        "date_completed", "date_created", "date_modified", "date_paid", "is_editable",
        "needs_payment", "needs_processing", "order_key", "payment_url",
    }  # fmt: skip
    for name in kept.keys() - {"meta_data"}:
        assert kept[name] == document[name]


def test_amounts_are_kept_in_the_shops_own_digits() -> None:
    row = Raw(b'{"id":1,"total":"2446.900","total_tax":13.327333333333334}')
    payload = raw_order(row, head_of(row)).payload
    assert b'"2446.900"' in payload
    assert b"13.327333333333334" in payload


@pytest.mark.parametrize(
    ("key", "kept"),
    [
        ("gift_message", True), ("lab_case", True), ("is_vat_exempt", True),
        ("_billing_vat_number", True), ("_vat_number", True), ("_order_number", True),
        ("_wcpay_mode", True), ("_refunded_item_id", True),
        ("_stripe_customer_id", False), ("_hidden", False), ("_coupons_hash", False),
        ("stripe_token", False), ("api_key", False), ("customer_ip", False), ("ip_address", False),
        ("_customer_user_agent", False), ("session_id", False), ("billing_password", False),
        ("shipping_method", True), ("zip", True), ("recipient", True),
    ],
)  # fmt: skip
def test_meta_data_is_kept_by_its_name(key: str, kept: bool) -> None:
    assert is_kept(key) == kept


def test_meta_data_that_cannot_be_read_is_dropped() -> None:
    for odd in (b'{"a":1}', b'"x"', b'[{"value":1}]', b"null"):
        assert bytes(kept_meta(Raw(odd))) == b"[]"


@pytest.mark.parametrize(
    "written",
    [
        '[{"key":5,"value":"x"},VAT]',
        '[{"key":null,"value":"x"},{"key":"gift"},"text",7,null,VAT]',
        '{"0":{"key":"_hidden","value":"x"},"2":VAT}',
    ],
)
def test_an_odd_entry_of_meta_data_does_not_take_the_tax_number_with_it(written: str) -> None:
    vat = '{"key":"_billing_vat_number","value":"SI12345678"}'
    kept = kept_meta(Raw(written.replace("VAT", vat).encode()))
    assert bytes(kept).decode() == f"[{vat}]"


def test_the_mark_is_the_same_from_few_fields_and_from_the_whole_order() -> None:
    names = ("id", "status", "date_created_gmt", "date_modified_gmt", "total", "refunds")
    for document in recorded_orders().values():
        head = head_of(Raw(msgspec.json.encode({name: document[name] for name in names})))
        assert head is not None
        assert mark_of(head) == raw_of(document).mark


def test_the_mark_moves_with_status_date_total_and_refunds() -> None:
    document = recorded_orders()[36]
    marks = {
        raw_of(document | change).mark
        for change in (
            {},
            {"status": "completed"},
            {"total": "1.00"},
            {"date_modified_gmt": "2026-11-23T08:00:00"},
            {"refunds": [{"id": 1, "reason": "", "total": "-"}]},
        )
    }
    assert len(marks) == 5
    assert raw_of(document | {"customer_note": "x"}).mark == raw_of(document).mark
