"""Webhooks on their way: signed, retried, doubled, late and lost as Shopify's are.

Payloads have the shape of the old REST API, cut down to what a receiver may need to find the order.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ordermill.simulator.books import Books
from ordermill.simulator.courier import Mishaps, Post
from ordermill.simulator.orders import Order
from ordermill.simulator.shopify import status
from ordermill.simulator.shopify.bags import text
from ordermill.simulator.shopify.shop import DOMAIN
from ordermill.simulator.shopify.values import gid, number_of, stamp, stamp_or_none
from ordermill.simulator.shopify.webhooks import Subscriptions

RETRIES = tuple(timedelta(minutes=m) for m in (1, 2, 5, 12, 30, 50, 60, 80))
"""After each failure; together four hours."""
MOST_FAILURES = 8
"""So many in a row, and the subscription is removed."""


@dataclass(slots=True)
class Delivery:
    """One payload for one subscription; a retry carries the payload of the first attempt."""

    subscription: int
    uri: str
    headers: Mapping[str, str]
    body: bytes
    due: datetime
    attempts: int = field(default=0)


class Deliveries:
    """Watches a ledger for what its subscriptions want to know. Safe for several threads."""

    def __init__(
        self, books: Books, subscriptions: Subscriptions, secret: str, version: str,
        mishaps: Mishaps | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.mishaps = mishaps or Mishaps()
        self._books = books
        self._subscriptions = subscriptions
        self._secret = secret.encode()
        self._version = version
        self._random = random.Random(f"deliveries {seed}")
        self._lock = threading.Lock()
        self._waiting: list[Delivery] = []
        self._failures: dict[int, int] = {}
        books.watchers.append(self._changed)

    @property
    def waiting(self) -> tuple[Delivery, ...]:
        """What has not been delivered yet, in the order of its making."""
        with self._lock:
            return tuple(self._waiting)

    def send(self, post: Post) -> int:
        """Send what is due, the latest first: there is no order. How many were taken."""
        now = self._books.now()
        with self._lock:
            due = [each for each in self._waiting if each.due <= now]
            self._waiting = [each for each in self._waiting if each.due > now]
        return sum(self._attempt(each, post) for each in reversed(due))

    def _attempt(self, delivery: Delivery, post: Post) -> bool:
        number = delivery.subscription
        if self._subscriptions.one(number) is None:
            return False
        try:
            taken = 200 <= post(delivery.uri, delivery.headers, delivery.body) < 300
        except OSError:
            taken = False
        failures = 0 if taken else self._failures.get(number, 0) + 1
        self._failures[number] = failures
        if failures >= MOST_FAILURES:
            self._subscriptions.delete(gid("WebhookSubscription", number))
        elif not taken and delivery.attempts < len(RETRIES):
            delivery.due = self._books.now() + RETRIES[delivery.attempts]
            delivery.attempts += 1
            with self._lock:
                self._waiting.append(delivery)
        return taken

    def _changed(self, before: Order | None, after: Order | None) -> None:
        if not self._subscriptions.all({}):
            return
        for topic, payload in happenings(before, after):
            event = str(uuid.UUID(int=self._random.getrandbits(128)))
            for kept in self._subscriptions.all({"topics": [topic]}):
                wanted = kept["includeFields"] or payload
                told = {name: value for name, value in payload.items() if name in wanted}
                body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
                self._queue(kept, topic, event, body)

    def _queue(self, kept: Mapping[str, Any], topic: str, event: str, body: bytes) -> None:
        drawn = self._random.random()
        if drawn < self.mishaps.lost:
            return
        copies = 2 if drawn < self.mishaps.lost + self.mishaps.doubled else 1
        number = number_of(kept["id"], "WebhookSubscription") or 0
        for _ in range(copies):
            delayed = self._random.random() < self.mishaps.delayed
            due = self._books.now() + (self.mishaps.late if delayed else timedelta(0))
            headers = self._headers(topic, event, body)
            with self._lock:
                self._waiting.append(Delivery(number, kept["uri"], headers, body, due))

    def _headers(self, topic: str, event: str, body: bytes) -> dict[str, str]:
        """One event has one id whoever is told; each delivery has its own."""
        return {
            "Content-Type": "application/json",
            "X-Shopify-Topic": _written(topic),
            "X-Shopify-Shop-Domain": DOMAIN,
            "X-Shopify-API-Version": self._version,
            "X-Shopify-Event-Id": event,
            "X-Shopify-Webhook-Id": str(uuid.UUID(int=self._random.getrandbits(128))),
            "X-Shopify-Triggered-At": stamp(self._books.now()),
            "X-Shopify-Hmac-Sha256": signature(self._secret, body),
        }


def signature(secret: bytes, body: bytes) -> str:
    """Base64 of HMAC-SHA256 over the raw body with the app's client secret."""
    return base64.b64encode(hmac.digest(secret, body, hashlib.sha256)).decode()


def _written(topic: str) -> str:
    """ORDERS_CREATE is told as orders/create."""
    room, _, event = topic.lower().rpartition("_")
    return f"{room}/{event}"


def happenings(before: Order | None, after: Order | None) -> Iterator[tuple[str, Any]]:
    """The topics of a change, each with its payload."""
    if after is None or after.status == "trash":
        gone = before if after is None else after
        assert gone is not None
        yield "ORDERS_DELETE", {"id": gone.id}
        return
    payload = _order(after)
    if before is None:
        yield "ORDERS_CREATE", payload
        return
    yield "ORDERS_UPDATED", payload
    if after.cancelled_at is not None and before.cancelled_at is None:
        yield "ORDERS_CANCELLED", payload
    if _goods(after) != _goods(before):
        yield "ORDERS_EDITED", _edit(before, after)
    for refund in after.refunds[len(before.refunds) :]:
        yield "REFUNDS_CREATE", {
            "id": refund.id, "order_id": after.id, "created_at": stamp(refund.at),
        }  # fmt: skip
    for moved in after.transactions[len(before.transactions) :]:
        yield "ORDER_TRANSACTIONS_CREATE", {
            "id": moved.id, "order_id": after.id, "kind": moved.kind, "status": moved.status,
            "amount": text(moved.amount), "currency": after.currency,
        }  # fmt: skip


def _goods(order: Order) -> list[tuple[int, Any, Any]]:
    """What orders/edited is told of: not the tax, not the shipping."""
    return [(line.id, line.now.quantity, line.now.unit_price) for line in order.lines]


def _order(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "admin_graphql_api_id": gid("Order", order.id),
        "name": f"#{order.number}",
        "created_at": stamp(order.created_at),
        "updated_at": stamp(order.modified_at),
        "cancelled_at": stamp_or_none(order.cancelled_at),
        "closed_at": stamp_or_none(order.closed_at),
        "financial_status": status.financial(order).lower(),
        "test": order.test,
    }


def _edit(before: Order, after: Order) -> dict[str, Any]:
    """The difference, and not the order."""
    old = {line.id: line.now.quantity for line in before.lines}
    moved = [(line.id, int(line.now.quantity - old.get(line.id, 0))) for line in after.lines]
    return {
        "order_edit": {
            "id": after.agreements[-1].id,
            "order_id": after.id,
            "created_at": stamp(after.modified_at),
            "line_items": {
                "additions": [{"id": id_, "delta": delta} for id_, delta in moved if delta > 0],
                "removals": [{"id": id_, "delta": -delta} for id_, delta in moved if delta < 0],
            },
        }
    }
