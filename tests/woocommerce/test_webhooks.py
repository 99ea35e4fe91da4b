"""What a WooCommerce delivery is: proven before it is read, and a hint at most."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deliveries import SECRET, Delivery, forgeries, recorded, woocommerce
from ordermill.connector.base import Hint, Ping, ReadsWebhooks, Refused
from ordermill_woocommerce.connector import WooCommerce
from ordermill_woocommerce.webhooks import read_webhook


def read(delivery: Delivery, secret: str = SECRET) -> Hint | Ping | Refused:
    return read_webhook(delivery.headers, delivery.body, secret)


def test_the_connector_offers_it_at_the_door() -> None:
    assert issubclass(WooCommerce, ReadsWebhooks)


def test_what_a_real_shop_sent_is_understood() -> None:
    """Greetings without a signature, then the whole order under one."""
    said = [read(delivery) for delivery in recorded()]
    hints = [each for each in said if isinstance(each, Hint)]
    assert len(said) - len(hints) == sum(isinstance(each, Ping) for each in said) == 8
    assert {each.source_id for each in hints} == {"338"}
    assert {each.topic for each in hints} == {"order.created", "order.updated"}
    assert len({each.event_id for each in hints}) == len(hints) == 6


@pytest.mark.parametrize(
    "topic", ["order.created", "order.updated", "order.deleted", "order.restored"]
)
def test_every_topic_of_orders_is_a_hint(topic: str) -> None:
    assert read(woocommerce(7, topic, "abc")) == Hint(source_id="7", topic=topic, event_id="abc")


@pytest.mark.parametrize(("wrong", "delivery"), forgeries(woocommerce()))
def test_what_is_not_proven_is_refused(wrong: str, delivery: Delivery) -> None:
    assert isinstance(read(delivery), Refused)


def test_an_empty_secret_proves_nothing() -> None:
    assert isinstance(read(woocommerce().signed(""), secret=""), Refused)


def test_a_genuine_delivery_about_something_else_is_answered_and_forgotten() -> None:
    assert read(woocommerce(topic="product.updated")) == Ping("product.updated")


def test_a_greeting_is_one_only_without_any_sign_of_being_more() -> None:
    form = replace(woocommerce(), headers=(), body=b"webhook_id=12")
    assert read(form) == Ping()
    for body in (b"webhook_id=", b"webhook_id=1&x=2", b"webhook_id=-1", b"webhook_id=" + b"1" * 99):
        assert isinstance(read(replace(form, body=body)), Refused)
    assert isinstance(read(form.having("X-WC-Webhook-Topic", "order.updated")), Refused)
    assert isinstance(read(form.having("X-WC-Webhook-Signature", "x")), Refused)


@pytest.mark.parametrize("topics", [(), ("order.updated", "order.updated")])
def test_a_topic_that_is_missing_or_repeated_is_refused(topics: tuple[str, ...]) -> None:
    assert isinstance(read(woocommerce().having("x-wc-webhook-topic", *topics)), Refused)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b"{}", b'{"id":null}', b'{"id":"7"}', b'{"id":-7}', b'{"id":0}',
        b'{"id":1.5}', b'{"id":7', b'{"code":"woocommerce_rest_cannot_view"}', b"\xff\xfe",
        b'{"id":' + b"[" * 100_000, b'{"deep":' + b"[" * 100_000, b'{"id":1' + b"0" * 5000 + b"}",
    ],
)  # fmt: skip
def test_a_signed_body_that_names_no_order_is_refused_without_harm(body: bytes) -> None:
    assert isinstance(read(replace(woocommerce(), body=body).signed()), Refused)


def test_an_odd_delivery_id_is_none() -> None:
    for odd in ("", "a b", "x" * 200, "č"):
        hint = read(woocommerce(delivery=odd))
        assert isinstance(hint, Hint)
        assert hint.event_id is None
