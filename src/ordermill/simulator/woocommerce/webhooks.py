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
from datetime import datetime, timedelta
from typing import Any

from ordermill.simulator.courier import Mishaps, Post
from ordermill.simulator.orders import Order
from ordermill.simulator.woocommerce.wording import Refused

TOPICS = tuple(
    f"{resource}.{event}"
    for resource in ("coupon", "customer", "order", "product")
    for event in ("created", "updated", "deleted", "restored")
)
MOST_FAILURES = 5
"""So many in a row are borne; one more, and the webhook is switched off."""
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


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one webhook has to say about one order (None: its greeting)."""

    hook_id: int
    order_id: int | None
    number: str
    due: datetime


class Hooks:
    """The webhooks of one shop. ``document`` shows an order as the REST API does, None where it is
    gone; ``home`` is the shop's address. Nothing leaves before ``send``. Safe for several threads.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        document: Callable[[int], Json | None],
        home: str = "https://shop.test",
        *,
        mishaps: Mishaps | None = None,
        seed: int = 0,
    ) -> None:
        self.mishaps = mishaps or Mishaps()
        self.home = home
        self._now = now
        self._document = document
        self._random = random.Random(f"deliveries {seed}")
        self._lock = threading.Lock()
        self._kept: dict[int, Hook] = {}
        self._waiting: list[Delivery] = []

    def all(self) -> list[Hook]:
        """Oldest first."""
        with self._lock:
            return list(self._kept.values())

    @property
    def waiting(self) -> tuple[Delivery, ...]:
        """What has not been delivered yet, in the order of its making."""
        with self._lock:
            return tuple(self._waiting)

    def create(self, given: Mapping[str, Any]) -> Hook:
        """Make one, which greets its address first; Refused for a topic or address that is none."""
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
            self._waiting.append(Delivery(id_, None, "", self._now()))
        return hook

    def switch(self, hook_id: int, status: str) -> None:
        """By hand: active, paused or disabled."""
        with self._lock:
            self._kept[hook_id] = replace(self._kept[hook_id], status=status, failures=0)

    def happened(self, before: Order | None, after: Order | None) -> None:
        """Something happened to an order: those who want to know will be told."""
        if after is None:
            return  # purged: nobody is told
        for topic in _topics(before, after):
            for hook in self.all():
                if hook.topic == topic and hook.status == "active":
                    self._queue(hook, after.id)

    def send(self, post: Post) -> int:
        """Send what is due, the latest first: there is no order. How many were taken."""
        now = self._now()
        with self._lock:
            due = [each for each in self._waiting if each.due <= now]
            self._waiting = [each for each in self._waiting if each.due > now]
        return sum(self._attempt(each, post) for each in reversed(due))

    def _queue(self, hook: Hook, order_id: int) -> None:
        with self._lock:
            drawn, delayed = self._random.random(), self._random.random()
            pending = any((d.hook_id, d.order_id) == (hook.id, order_id) for d in self._waiting)
            if pending or drawn < self.mishaps.lost:
                return
            copies = 2 if drawn < self.mishaps.lost + self.mishaps.doubled else 1
            late = self.mishaps.late if delayed < self.mishaps.delayed else timedelta(0)
            number = f"{self._random.getrandbits(128):032x}"
            delivery = Delivery(hook.id, order_id, number, self._now() + late)
            self._waiting += [delivery] * copies

    def _attempt(self, delivery: Delivery, post: Post) -> bool:
        with self._lock:
            hook = self._kept[delivery.hook_id]
        letter = self._letter(hook, delivery)
        if letter is None or hook.status != "active":
            return False
        try:
            taken = 200 <= post(hook.url, *letter) < 400  # a redirect counts as success
        except OSError:
            taken = False
        with self._lock:
            hook = self._kept[hook.id]
            failures = 0 if taken else hook.failures + 1
            status = "disabled" if failures > MOST_FAILURES else hook.status
            self._kept[hook.id] = replace(hook, failures=failures, status=status)
        return taken

    def _letter(self, hook: Hook, delivery: Delivery) -> tuple[Mapping[str, str], bytes] | None:
        """Headers and body; None for an order that was purged meanwhile."""
        if delivery.order_id is None:
            form = {"User-Agent": _AGENT, "Content-Type": "application/x-www-form-urlencoded"}
            return form, f"webhook_id={hook.id}".encode()
        deleted = hook.topic == "order.deleted"
        shown = {"id": delivery.order_id} if deleted else self._document(delivery.order_id)
        if shown is None:
            return None
        body = json.dumps(shown, separators=(",", ":")).encode()
        resource, _, event = hook.topic.partition(".")
        return {
            "User-Agent": _AGENT,
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": f"{self.home}/",
            "X-WC-Webhook-Topic": hook.topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": signature(hook.secret, body),
            "X-WC-Webhook-ID": str(hook.id),
            "X-WC-Webhook-Delivery-ID": delivery.number,
        }, body


def signature(secret: str, body: bytes) -> str:
    """Base64 of HMAC-SHA256 over the raw body."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def _topics(before: Order | None, after: Order) -> tuple[str, ...]:
    if before is None:
        return ("order.created", "order.updated")
    if after.status == "trash":
        return ("order.deleted",)
    return ("order.restored",) if before.status == "trash" else ("order.updated",)


def _invalid(name: str, message: str) -> Refused:
    return Refused(f"woocommerce_rest_webhook_invalid_{name}", message, 400)
