"""Subscriptions of the simulated Shopify, and what is delivered to them, how and how often."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from ordermill.model.webhook import Hint, Refused
from ordermill.simulator.courier import Mishaps
from ordermill.simulator.drafts import SetQuantity
from ordermill.simulator.shopify.deliveries import MOST_FAILURES, RETRIES
from ordermill.simulator.shopify.face import ShopifyFace
from simulator.books import BOOK, CUP, D, Ledger, a_ledger, placed
from simulator.shopify_shop import Asker, connected, open_shop

CREATE = """mutation($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) {
    webhookSubscription { id topic uri format name apiVersion { handle } }
    userErrors { field message } } }"""
LIST = """query($topics: [WebhookSubscriptionTopic!]) {
  webhookSubscriptions(first: 5, topics: $topics) { nodes { id topic uri } } }"""
DELETE = """mutation($id: ID!) { webhookSubscriptionDelete(id: $id) {
  deletedWebhookSubscriptionId userErrors { field message } } }"""
URI = "https://mill.example/hooks"


def create(asker: Asker, topic: str = "ORDERS_UPDATED", **sub: Any) -> Any:
    given = {"uri": URI} | sub
    return asker(CREATE, topic=topic, sub=given).data["webhookSubscriptionCreate"]


def test_a_subscription_is_created_listed_and_deleted() -> None:
    with open_shop(a_ledger()) as asker:
        made = create(asker, name="mill")["webhookSubscription"]
        assert (made["topic"], made["uri"], made["format"]) == ("ORDERS_UPDATED", URI, "JSON")
        assert (made["name"], made["apiVersion"]["handle"]) == ("mill", "2026-10")
        create(asker, "ORDERS_DELETE")
        listed = asker(LIST).data["webhookSubscriptions"]["nodes"]
        assert [each["topic"] for each in listed] == ["ORDERS_UPDATED", "ORDERS_DELETE"]
        only = asker(LIST, topics=["ORDERS_DELETE"]).data["webhookSubscriptions"]["nodes"]
        assert [each["topic"] for each in only] == ["ORDERS_DELETE"]
        gone = asker(DELETE, id=made["id"]).data["webhookSubscriptionDelete"]
        assert gone == {"deletedWebhookSubscriptionId": made["id"], "userErrors": []}
        again = asker(DELETE, id=made["id"]).data["webhookSubscriptionDelete"]
        assert again["userErrors"][0]["message"] == "Webhook subscription does not exist"


@pytest.mark.parametrize(
    ("uri", "message"),
    [(URI, "Address for this topic has already been taken"), ("mill", "Address is invalid")],
)
def test_an_address_is_taken_once_for_a_topic(uri: str, message: str) -> None:
    with open_shop(a_ledger()) as asker:
        create(asker)
        said = create(asker, uri=uri)
        assert said["webhookSubscription"] is None
        assert said["userErrors"][0]["message"] == message


class Receiver:
    """Keeps what arrives, and answers ``status``; None: no answer comes."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.got: list[tuple[Mapping[str, str], bytes]] = []

    def __call__(self, uri: str, headers: Mapping[str, str], body: bytes) -> int:
        self.got.append((headers, body))
        if self.status is None:
            raise ConnectionRefusedError
        return self.status

    @property
    def topics(self) -> list[str]:
        return sorted(headers["X-Shopify-Topic"] for headers, _ in self.got)

    def bodies(self, topic: str) -> list[Any]:
        return [json.loads(b) for h, b in self.got if h["X-Shopify-Topic"] == topic]


ALL = (
    "ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_EDITED", "ORDERS_CANCELLED", "ORDERS_DELETE",
    "REFUNDS_CREATE", "ORDER_TRANSACTIONS_CREATE",
)  # fmt: skip


def subscribed(*topics: str, **given: Any) -> tuple[Ledger, ShopifyFace, Receiver]:
    ledger = a_ledger()
    face = ShopifyFace(ledger)
    for topic in topics:
        face.engine.subscriptions.create(topic, {"uri": URI} | given)
    return ledger, face, Receiver()


def test_a_delivery_is_signed_over_its_raw_body() -> None:
    ledger, face, mill = subscribed("ORDERS_CREATE")
    order = placed(ledger, paid=False)
    assert face.deliveries.send(mill) == 1
    ((headers, body),) = mill.got
    digest = hmac.new(face.credentials.client_secret.encode(), body, hashlib.sha256).digest()
    assert headers["X-Shopify-Hmac-Sha256"] == base64.b64encode(digest).decode()
    assert headers["X-Shopify-Shop-Domain"] == "acme.myshopify.com"
    assert headers["X-Shopify-API-Version"] == "2026-10"
    assert headers["X-Shopify-Triggered-At"] == "2026-11-24T12:00:00Z"
    told = json.loads(body)
    assert (told["id"], told["updated_at"]) == (order.id, "2026-11-24T12:00:00Z")
    assert told["admin_graphql_api_id"] == f"gid://shopify/Order/{order.id}"


def test_each_change_is_told_by_its_topics() -> None:
    ledger, face, mill = subscribed(*ALL)

    def told() -> list[str]:
        mill.got.clear()
        face.deliveries.send(mill)
        return mill.topics

    order = placed(ledger, paid=False)
    assert told() == ["orders/create"]
    ledger.pay(order.id)
    assert told() == ["order_transactions/create", "orders/updated"]
    ledger.edit(order.id, SetQuantity(order.lines[0].id, D(1)))
    assert told() == ["orders/edited", "orders/updated"]
    ledger.annotate(order.id, note="x")
    assert told() == ["orders/updated"]
    back = ledger.refund(order.id, amount=D(1))
    assert told() == ["order_transactions/create", "orders/updated", "refunds/create"]
    assert mill.bodies("refunds/create")[0]["id"] == back.id
    ledger.cancel(order.id)
    assert told() == ["orders/cancelled", "orders/updated"]
    ledger.purge(order.id)
    assert told() == ["orders/delete"]
    assert mill.bodies("orders/delete") == [{"id": order.id}]


def test_an_edit_tells_the_difference_and_not_the_order() -> None:
    ledger, face, mill = subscribed("ORDERS_EDITED")
    order = placed(ledger, CUP, BOOK)
    ledger.edit(order.id, SetQuantity(order.lines[0].id, D(1)))
    face.deliveries.send(mill)
    edit = mill.bodies("orders/edited")[0]["order_edit"]
    assert edit["order_id"] == order.id
    assert edit["line_items"] == {
        "additions": [], "removals": [{"id": order.lines[0].id, "delta": 2}],
    }  # fmt: skip


def test_an_event_has_one_id_for_all_and_each_delivery_its_own() -> None:
    ledger, face, mill = subscribed("ORDERS_CREATE")
    face.engine.subscriptions.create("ORDERS_CREATE", {"uri": f"{URI}/two"})
    placed(ledger, paid=False)
    face.deliveries.send(mill)
    first, second = (headers for headers, _ in mill.got)
    assert first["X-Shopify-Event-Id"] == second["X-Shopify-Event-Id"]
    assert first["X-Shopify-Webhook-Id"] != second["X-Shopify-Webhook-Id"]


def test_deliveries_come_in_no_order() -> None:
    ledger, face, mill = subscribed("ORDERS_CREATE", "ORDERS_UPDATED")
    placed(ledger)
    face.deliveries.send(mill)
    assert [headers["X-Shopify-Topic"] for headers, _ in mill.got] == [
        "orders/updated", "orders/create",
    ]  # fmt: skip


def test_a_retry_carries_the_payload_of_the_first_attempt() -> None:
    ledger, face, mill = subscribed("ORDERS_CREATE")
    order = placed(ledger, paid=False)
    mill.status = None
    assert face.deliveries.send(mill) == 0
    ledger.annotate(order.id, note="newer")
    assert face.deliveries.send(mill) == 0
    assert len(mill.got) == 1
    mill.status = 200
    ledger.clock.sleep(RETRIES[0].total_seconds())
    assert face.deliveries.send(mill) == 1
    assert mill.got[0] == mill.got[1]
    assert face.deliveries.waiting == ()


def test_after_eight_failures_in_a_row_the_subscription_is_removed() -> None:
    ledger, face, mill = subscribed("ORDERS_UPDATED")
    order = placed(ledger)
    mill.status = 500
    for _ in range(MOST_FAILURES - 2):
        face.deliveries.send(mill)
        ledger.clock.sleep(RETRIES[-1].total_seconds())
    mill.status = 200
    face.deliveries.send(mill)
    mill.status = 500
    for n in range(MOST_FAILURES):
        assert face.engine.subscriptions.all({}), n
        ledger.touch(order.id)
        ledger.clock.sleep(1)
        face.deliveries.send(mill)
    assert face.engine.subscriptions.all({}) == []
    ledger.touch(order.id)
    assert sum(RETRIES, timedelta(0)) == timedelta(hours=4)


def test_deliveries_can_be_lost_doubled_and_late() -> None:
    ledger, face, mill = subscribed("ORDERS_CREATE")
    for mishaps in (Mishaps(lost=1), Mishaps(doubled=1), Mishaps(delayed=1)):
        face.deliveries.mishaps = mishaps
        placed(ledger, paid=False)
    assert face.deliveries.send(mill) == 2
    assert mill.got[0][0]["X-Shopify-Event-Id"] == mill.got[1][0]["X-Shopify-Event-Id"]
    ledger.clock.sleep(20 * 3600)
    assert face.deliveries.send(mill) == 1


def test_only_the_fields_that_were_asked_for_are_told() -> None:
    ledger, face, mill = subscribed("ORDERS_CREATE", includeFields=["id", "updated_at"])
    placed(ledger, paid=False)
    face.deliveries.send(mill)
    assert mill.bodies("orders/create")[0].keys() == {"id", "updated_at"}


def test_the_connector_subscribes_and_knows_what_is_delivered() -> None:
    ledger = a_ledger()
    with open_shop(ledger) as asker, connected(asker) as connector:
        for topic in connector.webhook_topics:
            connector.create_webhook(topic, URI, "")
        assert [(kept.topic, kept.url) for kept in connector.webhooks()] == [
            (topic, URI) for topic in connector.webhook_topics
        ]
        order, mill = placed(ledger), Receiver()
        ledger.edit(order.id, SetQuantity(order.lines[0].id, D(1)))
        ledger.refund(order.id, amount=D(1))
        ledger.cancel(order.id)
        ledger.purge(order.id)
        asker.face.deliveries.send(mill)
        secret = asker.face.credentials.client_secret
        read = [connector.read_webhook(list(h.items()), body, secret) for h, body in mill.got]
        assert {hint.source_id for hint in read if isinstance(hint, Hint)} == {str(order.id)}
        assert len(read) == len([each for each in read if isinstance(each, Hint)]) > 6
        headers, body = mill.got[0]
        forged = connector.read_webhook(list(headers.items()), body + b" ", secret)
        assert isinstance(forged, Refused)
