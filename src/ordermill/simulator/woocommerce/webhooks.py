"""A shop's webhooks: kept by its REST API, delivered for what happens in the ledger.

Bodies are the order as it is when they are sent, so several quick changes give one delivery. No
delivery is tried again, and six failures in a row switch a webhook off. Notes, deleted refunds and
purges are told to nobody (all measured).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ordermill.simulator.courier import Courier, Letter, Parcel
from ordermill.simulator.orders import Order
from ordermill.simulator.woocommerce.wording import Refused

TOPICS = tuple(
    f"{resource}.{event}"
    for resource in ("coupon", "customer", "order", "product")
    for event in ("created", "updated", "deleted", "restored")
)
_MOST_FAILURES = 5
_AGENT = "WooCommerce/11.0.1 Hookshot (WordPress/7.0.4)"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook; ``failures`` are those in a row."""

    id: int
    name: str
    topic: str
    url: str
    secret: str
    status: str
    at: datetime
    failures: int = 0

    def shown(self) -> Json:
        """As the REST API shows it: the secret and the failures never."""
        resource, _, event = self.topic.partition(".")
        at = self.at.strftime("%Y-%m-%dT%H:%M:%S")
        return {
            "id": self.id, "name": self.name, "status": self.status, "topic": self.topic,
            "resource": resource, "event": event, "hooks": [f"woocommerce_{event}_{resource}"],
            "delivery_url": self.url, "date_created": at, "date_created_gmt": at,
            "date_modified": at, "date_modified_gmt": at,
        }  # fmt: skip


class Hooks:
    """The webhooks of one shop. ``document`` shows an order as the REST API does, None where it is
    gone; ``home`` is the shop's address. Safe for several threads."""

    def __init__(
        self,
        courier: Courier,
        now: Callable[[], datetime],
        document: Callable[[int], Json | None],
        home: str = "https://shop.example",
    ) -> None:
        self.courier = courier
        self.home = home
        self._now = now
        self._document = document
        self._lock = threading.Lock()
        self._kept: dict[int, Hook] = {}
        self._random = random.Random("deliveries")

    def all(self) -> list[Hook]:
        """Oldest first."""
        with self._lock:
            return list(self._kept.values())

    def create(self, given: Mapping[str, Any]) -> Hook:
        """Make one, and greet its address; Refused for a topic or an address that is none."""
        topic, url = str(given.get("topic", "")), str(given.get("delivery_url", ""))
        if topic not in TOPICS:
            raise _invalid("topic", "Webhook topic is required and must be valid.")
        if not url.startswith(("http://", "https://")):
            raise _invalid("delivery_url", "Webhook delivery URL must be a valid URL.")
        with self._lock:
            id_ = len(self._kept) + 1
            status = str(given.get("status") or "active")
            name, secret = str(given.get("name") or topic), str(given.get("secret") or "")
            hook = self._kept[id_] = Hook(id_, name, topic, url, secret, status, self._now())
        self.courier.post(Parcel(url, lambda: _greeting(id_), self._heard(id_)))
        return hook

    def switch(self, hook_id: int, status: str) -> None:
        """By hand: active, paused or disabled."""
        with self._lock:
            self._kept[hook_id] = replace(self._kept[hook_id], status=status, failures=0)

    def happened(self, before: Order | None, after: Order | None) -> None:
        """Something happened to an order: those who want to know are told."""
        if after is None:
            return  # purged: nobody is told
        for topic in _topics(before, after):
            for hook in self.all():
                if hook.topic == topic and hook.status == "active":
                    self._tell(hook, after.id)

    def _tell(self, hook: Hook, order_id: int) -> None:
        with self._lock:
            delivery = f"{self._random.getrandbits(128):032x}"
        self.courier.post(
            Parcel(
                hook.url,
                lambda: self._letter(hook, order_id, delivery),
                self._heard(hook.id),
                key=(hook.id, order_id),
            )
        )

    def _letter(self, hook: Hook, order_id: int, delivery: str) -> Letter | None:
        deleted = hook.topic == "order.deleted"
        body = {"id": order_id} if deleted else self._document(order_id)
        if body is None or self._now_of(hook).status != "active":
            return None
        content = json.dumps(body, separators=(",", ":")).encode()
        digest = hmac.new(hook.secret.encode(), content, hashlib.sha256).digest()
        resource, _, event = hook.topic.partition(".")
        headers = {
            "User-Agent": _AGENT,
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": f"{self.home}/",
            "X-WC-Webhook-Topic": hook.topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": base64.b64encode(digest).decode(),
            "X-WC-Webhook-ID": str(hook.id),
            "X-WC-Webhook-Delivery-ID": delivery,
        }
        return Letter(headers, content)

    def _now_of(self, hook: Hook) -> Hook:
        with self._lock:
            return self._kept[hook.id]

    def _heard(self, hook_id: int) -> Callable[[bool], None]:
        def done(well: bool) -> None:
            with self._lock:
                hook = self._kept[hook_id]
                failures = 0 if well else hook.failures + 1
                status = "disabled" if failures > _MOST_FAILURES else hook.status
                self._kept[hook_id] = replace(hook, failures=failures, status=status)

        return done


def _topics(before: Order | None, after: Order) -> tuple[str, ...]:
    if before is None:
        return ("order.created", "order.updated")
    if after.status == "trash":
        return ("order.deleted",)
    return ("order.restored",) if before.status == "trash" else ("order.updated",)


def _greeting(hook_id: int) -> Letter:
    headers = {"User-Agent": _AGENT, "Content-Type": "application/x-www-form-urlencoded"}
    return Letter(headers, f"webhook_id={hook_id}".encode())


def _invalid(name: str, message: str) -> Refused:
    return Refused(f"woocommerce_rest_webhook_invalid_{name}", message, 400)
