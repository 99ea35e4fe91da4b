"""What a Shopify delivery is: of this shop, proven before it is read, and a hint at most."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deliveries import SECRET, Delivery, forgeries, shopify
from ordermill.connector.base import Hint, Ping, ReadsWebhooks, Redaction, Refused
from ordermill_shopify.connector import ShopifyConnector
from ordermill_shopify.webhooks import read_webhook


def read(
    delivery: Delivery, secret: str = SECRET, shop: str = "acme.myshopify.com"
) -> Hint | Ping | Redaction | Refused:
    return read_webhook(delivery.headers, delivery.body, secret, shop=shop)


def test_the_connector_offers_it_at_the_door() -> None:
    assert issubclass(ShopifyConnector, ReadsWebhooks)


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("orders/create", {"id": 7}),
        ("orders/updated", {"id": 7, "order_id": 9}),
        ("orders/cancelled", {"id": 7}),
        ("orders/delete", {"id": 7}),
        ("orders/edited", {"order_edit": {"id": 1, "order_id": 7}}),
        ("refunds/create", {"id": 1, "order_id": 7}),
        ("order_transactions/create", {"id": 1, "order_id": 7}),
        ("returns/approve", {"id": 1, "order": {"id": 7}}),
    ],
)
def test_each_topic_names_its_order_in_its_own_place(topic: str, body: dict[str, Any]) -> None:
    assert read(shopify(body, topic, "abc")) == Hint(source_id="7", topic=topic, event_id="abc")


@pytest.mark.parametrize(("wrong", "delivery"), forgeries(shopify()))
def test_what_is_not_proven_is_refused(wrong: str, delivery: Delivery) -> None:
    assert isinstance(read(delivery), Refused)


def test_the_same_apps_delivery_for_another_shop_is_refused() -> None:
    """One secret serves every shop that has the app, so the signature alone does not tell."""
    assert isinstance(read(shopify(shop="other.myshopify.com")), Refused)
    assert isinstance(read(shopify().having("X-Shopify-Shop-Domain")), Refused)
    both = shopify().having("X-Shopify-Shop-Domain", "acme.myshopify.com", "other.myshopify.com")
    assert isinstance(read(both), Refused)
    assert isinstance(read(shopify(), shop="Acme.MyShopify.com"), Hint)


def test_a_genuine_delivery_about_something_else_is_answered_and_forgotten() -> None:
    assert read(shopify(topic="app/uninstalled")) == Ping("app/uninstalled")


@pytest.mark.parametrize("topics", [(), ("orders/updated", "orders/updated")])
def test_a_topic_that_is_missing_or_repeated_is_refused(topics: tuple[str, ...]) -> None:
    assert isinstance(read(shopify().having("x-shopify-topic", *topics)), Refused)


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("orders/updated", b"{}"),
        ("orders/updated", b'{"id":"7"}'),
        ("orders/updated", b'{"id":-7}'),
        ("orders/updated", b'{"deep":' + b"[" * 100_000),
        ("orders/edited", b'{"id":7}'),
        ("refunds/create", b'{"id":7}'),
        ("returns/approve", b'{"id":7,"order_id":7}'),
        ("orders/create", b"<html>"),
    ],
)
def test_a_signed_body_that_names_no_order_is_refused_without_harm(topic: str, body: bytes) -> None:
    assert isinstance(read(replace(shopify(topic=topic), body=body).signed()), Refused)


def test_a_buyer_to_be_erased_is_named_by_orders_and_address() -> None:
    body = {"shop_id": 1, "customer": {"id": 1, "email": "a@b.c"}, "orders_to_redact": [1001, 1002]}
    assert read(shopify(body, "customers/redact")) == Redaction(
        source_ids=["1001", "1002"], email="a@b.c"
    )
    assert read(shopify({"shop_id": 1}, "customers/redact")) == Redaction(source_ids=[], email=None)
    assert isinstance(read(shopify({"customer": 1}, "customers/redact")), Refused)
    assert isinstance(read(shopify({"shop_id": 1}, "shop/redact")), Ping)
