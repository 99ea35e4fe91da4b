"""The shop's webhook subscriptions, as the Admin API creates, lists and deletes them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ordermill.simulator.shopify.values import gid, number_of, stamp


class Subscriptions:
    """Subscriptions of one app; a (topic, uri) pair exists once. Safe for several threads."""

    def __init__(self, now: Callable[[], datetime], version: Callable[[], str]) -> None:
        self._now = now
        self._version = version
        self._lock = threading.Lock()
        self._kept: dict[int, dict[str, Any]] = {}
        self._count = 0

    def create(self, topic: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The mutation's payload; a second one of the same topic and address is a user error."""
        uri = given.get("uri") or given.get("callbackUrl")
        with self._lock:
            fault = self._fault(topic, uri)
            if fault:
                return _payload("webhookSubscription", None, fault)
            self._count += 1
            self._kept[self._count] = self._new(topic, str(uri), given)
            return _payload("webhookSubscription", self._kept[self._count], None)

    def delete(self, id_: str) -> dict[str, Any]:
        """The mutation's payload."""
        number = number_of(id_, "WebhookSubscription")
        with self._lock:
            if number is None or self._kept.pop(number, None) is None:
                return _payload(
                    "deletedWebhookSubscriptionId", None, "Webhook subscription does not exist"
                )
        return _payload("deletedWebhookSubscriptionId", id_, None)

    def all(self, args: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Subscriptions, oldest first, narrowed by ``topics`` and ``uri``."""
        topics, uri = args.get("topics"), args.get("uri") or args.get("callbackUrl")
        with self._lock:
            return [
                kept
                for kept in self._kept.values()
                if (not topics or kept["topic"] in topics) and (not uri or kept["uri"] == uri)
            ]

    def one(self, number: int) -> dict[str, Any] | None:
        """By its number."""
        with self._lock:
            return self._kept.get(number)

    def _fault(self, topic: str, uri: Any) -> str | None:
        if not uri or not str(uri).startswith(("http://", "https://", "arn:", "pubsub://")):
            return "Address is invalid"
        taken = any(k["topic"] == topic and k["uri"] == uri for k in self._kept.values())
        return "Address for this topic has already been taken" if taken else None

    def _new(self, topic: str, uri: str, given: Mapping[str, Any]) -> dict[str, Any]:
        now = stamp(self._now())
        handle = self._version()
        return {
            "__typename": "WebhookSubscription",
            "id": gid("WebhookSubscription", self._count),
            "legacyResourceId": str(self._count),
            "topic": topic,
            "uri": uri,
            "callbackUrl": uri,
            "format": given.get("format") or "JSON",
            "includeFields": given.get("includeFields") or [],
            "metafieldNamespaces": given.get("metafieldNamespaces") or [],
            "filter": given.get("filter"),
            "name": given.get("name"),
            "apiVersion": {"handle": handle, "displayName": handle, "supported": True},
            "createdAt": now,
            "updatedAt": now,
        }


def _payload(key: str, value: Any, fault: str | None) -> dict[str, Any]:
    field = ["webhookSubscription", "uri"] if key == "webhookSubscription" else ["id"]
    errors = [{"field": field, "message": fault}] if fault else []
    return {key: value, "userErrors": errors}
