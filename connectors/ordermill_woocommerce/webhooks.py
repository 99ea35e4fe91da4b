"""WooCommerce's webhooks: what a delivery is, and those that a shop keeps.

A new webhook greets with an unsigned form, webhook_id=N, and is given up if that is not answered
well. After it every delivery is signed over the raw body; nothing dates or orders it. The shop does
not try again, and switches a webhook off after six failures in a row (all measured).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from ordermill.connector.base import Subscription
from ordermill.connector.signed import event_id, has, is_signed, only
from ordermill.errors import CredentialsRefused
from ordermill.model.webhook import Headers, Hint, Ping, Refused
from ordermill_woocommerce.shop import LARGEST_PAGE, Shop

TOPICS = ("order.created", "order.updated", "order.deleted", "order.restored")

_SIGNATURE, _TOPIC = "x-wc-webhook-signature", "x-wc-webhook-topic"
_DELIVERY = "x-wc-webhook-delivery-id"
_GREETING = re.compile(rb"webhook_id=[0-9]{1,20}")


class _Order(Struct):
    """All that is read of a body."""

    id: int


class _Webhook(Struct):
    id: int
    topic: str = ""
    status: str = ""
    delivery_url: str = ""


_order = msgspec.json.Decoder(_Order)
_webhooks = msgspec.json.Decoder(list[_Webhook])
_made = msgspec.json.Decoder(Raw)


def read_webhook(headers: Headers, body: bytes, secret: str) -> Hint | Ping | Refused:
    """What a delivery is; pure."""
    greets = not has(headers, _SIGNATURE) and not has(headers, _TOPIC)
    if greets and _GREETING.fullmatch(body):
        return Ping()
    if not is_signed(only(headers, _SIGNATURE), body, secret):
        return Refused("its signature is missing, repeated or wrong")
    topic = only(headers, _TOPIC)
    if topic is None:
        return Refused("its topic is missing or repeated")
    if topic not in TOPICS:
        return Ping(topic)
    try:
        order = _order.decode(body)
    except (ValueError, RecursionError):
        return Refused("its body names no order")
    if order.id <= 0:
        return Refused("its body names no order")
    return Hint(source_id=str(order.id), topic=topic, event_id=event_id(headers, _DELIVERY))


def kept(shop: Shop) -> Sequence[Subscription]:
    """Every webhook of the shop."""
    found: list[Subscription] = []
    page = 1
    while True:
        params = {"per_page": str(LARGEST_PAGE), "page": str(page), "orderby": "id", "order": "asc"}
        rows, _ = shop.get("webhooks", "/webhooks", _webhooks, params)
        found += [Subscription(topic=w.topic, url=w.delivery_url, trouble=_trouble(w))
                  for w in rows]  # fmt: skip
        if len(rows) < LARGEST_PAGE:
            return found
        page += 1


def create(shop: Shop, topic: str, url: str, secret: str) -> None:
    """Make one; raise CredentialsRefused where the key may not."""
    wanted = {
        "name": f"ordermill {topic}",
        "topic": topic,
        "delivery_url": url,
        "secret": secret,
        "status": "active",
    }
    try:
        shop.post("webhooks", "/webhooks", _made, wanted)
    except CredentialsRefused:
        raise CredentialsRefused(
            "the key may not create webhooks; give it read/write permission and an administrator "
            "as its user, or create them in WooCommerce > Settings > Advanced > Webhooks"
        ) from None


def _trouble(webhook: _Webhook) -> str | None:
    if webhook.status == "active":
        return None
    if webhook.status == "disabled":
        return "the shop has switched it off, as it does after six failures in a row"
    return f"its status is {webhook.status}" if webhook.status.isalpha() else "it is not active"
