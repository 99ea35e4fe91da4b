"""Shopify's webhooks: what a delivery is, and those that this app keeps at the shop.

Signed over the raw body with the app's client secret. They come at least once, in any order, up to
a day late, and a repeated one carries the payload of the first attempt. Shopify deletes a
subscription after eight failures in a row, so one that is missing may have been there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ordermill.connector.base import Subscription
from ordermill.connector.signed import event_id, is_signed, only
from ordermill.errors import CredentialsRefused, InvalidAnswer, SourceError
from ordermill.model.webhook import Headers, Hint, Ping, Redaction, Refused, Said
from ordermill_shopify.client import AdminClient
from ordermill_shopify.paging import LARGEST

TOPICS = (
    "ORDERS_CREATE",
    "ORDERS_UPDATED",
    "ORDERS_EDITED",
    "ORDERS_CANCELLED",
    "ORDERS_DELETE",
    "REFUNDS_CREATE",
    "ORDER_TRANSACTIONS_CREATE",
)
_SIGNATURE, _DOMAIN = "x-shopify-hmac-sha256", "x-shopify-shop-domain"
_TOPIC, _EVENT = "x-shopify-topic", "x-shopify-event-id"
_KINDS = frozenset(("orders", "refunds", "order_transactions", "returns"))


class _Edit(Struct):
    order_id: int | None = None


class _Of(Struct):
    id: int | None = None


class _Body(Struct):
    """All that is read of a body: its own id for an order, else that of the order it is of."""

    id: int | None = None
    order_id: int | None = None
    order_edit: _Edit | None = None
    order: _Of | None = None


class _Customer(Struct):
    email: str | None = None


class _Redact(Struct):
    """What customers/redact says; one without orders is of a customer who bought nothing."""

    customer: _Customer | None = None
    orders_to_redact: Sequence[int] = ()


_redact = msgspec.json.Decoder(_Redact)
_body = msgspec.json.Decoder(_Body)


def read_webhook(headers: Headers, body: bytes, secret: str, *, shop: str) -> Said:
    """What a delivery to the integration of ``shop`` is; pure.

    The secret is the app's, the same for every shop that has it, so the shop must be the right one.
    """
    if not is_signed(only(headers, _SIGNATURE), body, secret):
        return Refused("its signature is missing, repeated or wrong")
    domain = only(headers, _DOMAIN)
    if domain is None or domain.lower() != shop.lower():
        return Refused("it is another shop's, or names none")
    topic = only(headers, _TOPIC)
    if topic is None:
        return Refused("its topic is missing or repeated")
    if topic == "customers/redact":
        return _redaction(body)
    if topic.partition("/")[0] not in _KINDS:
        return Ping(topic)
    number = _order_of(topic, body)
    if number is None or number <= 0:
        return Refused("its body names no order")
    return Hint(source_id=str(number), topic=topic, event_id=event_id(headers, _EVENT))


def _redaction(body: bytes) -> Redaction | Refused:
    try:
        said = _redact.decode(body)
    except (ValueError, RecursionError):
        return Refused("its body names nobody")
    email = said.customer.email if said.customer is not None else None
    return Redaction(source_ids=[str(number) for number in said.orders_to_redact], email=email)


def _order_of(topic: str, body: bytes) -> int | None:
    try:
        said = _body.decode(body)
    except (ValueError, RecursionError):
        return None
    if topic == "orders/edited":
        return said.order_edit.order_id if said.order_edit is not None else None
    if topic.startswith("orders/"):
        return said.id
    if topic.startswith("returns/"):
        return said.order.id if said.order is not None else None
    return said.order_id


def kept(client: AdminClient) -> Sequence[Subscription]:
    """Every subscription of this app; other apps' cannot be seen."""
    found: list[Subscription] = []
    after: str | None = None
    while True:
        reply = client.ask("webhooks", "webhooks", {"first": LARGEST, "after": after})
        page = reply.data.get("webhookSubscriptions")
        if not isinstance(page, dict) or not isinstance(page.get("nodes"), list):
            raise InvalidAnswer("the shop answered without its webhook subscriptions")
        found += [Subscription(topic=str(n.get("topic")), url=str(n.get("uri")), trouble=_odd(n))
                  for n in page["nodes"]]  # fmt: skip
        info = page.get("pageInfo") or {}
        if not info.get("hasNextPage"):
            return found
        after = info.get("endCursor")


def create(client: AdminClient, topic: str, url: str) -> None:
    """Make one. Made already is as good: the address of a topic exists once."""
    variables = {"topic": topic, "sub": {"uri": url, "format": "JSON"}}
    said = client.ask("webhooks", "webhook_create", variables, attempts=1).data
    payload = said.get("webhookSubscriptionCreate")
    if not isinstance(payload, dict):
        raise CredentialsRefused(
            f"the app may not subscribe to {topic}; grant it the scope read_orders"
        )
    errors = payload.get("userErrors") or ()
    if errors and not any("already been taken" in _message(each) for each in errors):
        raise SourceError(f"the shop takes no subscription to {topic}: {_message(errors[0])}")


def _odd(node: Mapping[str, Any]) -> str | None:
    """What would make a subscription useless to us."""
    if node.get("format") != "JSON":
        return "it delivers XML; delete it"
    if node.get("filter"):
        return "it has a filter and delivers only some orders; delete it"
    return None


def _message(error: Any) -> str:
    said = error.get("message") if isinstance(error, dict) else None
    return said[:200] if isinstance(said, str) else "?"
