"""Webhook deliveries as shops send them: recorded ones, made ones, and every forgery of one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "data/woocommerce/webhooks.jsonl"
SECRET = "a secret that both sides know"

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Delivery:
    """What is sent; ``signature`` names the header that proves it."""

    headers: tuple[tuple[str, str], ...]
    body: bytes
    signature: str

    def signed(self, secret: str = SECRET) -> Delivery:
        return self.having(self.signature, sign(self.body, secret))

    def having(self, name: str, *values: str) -> Delivery:
        """With these values of a header instead of its own; without any it is left out."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return replace(self, headers=kept + tuple((name, value) for value in values))

    def value(self, name: str) -> str:
        return next(value for key, value in self.headers if key.lower() == name.lower())


def sign(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def woocommerce(
    order_id: Any = 338, topic: str = "order.updated", delivery: str = "d1", **more: Any
) -> Delivery:
    headers = (
        ("Content-Type", "application/json"),
        ("X-WC-Webhook-Topic", topic),
        ("X-WC-Webhook-Delivery-ID", delivery),
    )
    body = json.dumps({"id": order_id, **more}).encode()
    return Delivery(headers, body, "X-WC-Webhook-Signature").signed()


def shopify(
    body: dict[str, Any] | None = None, topic: str = "orders/updated", event: str = "e1",
    shop: str = "acme.myshopify.com",
) -> Delivery:  # fmt: skip
    headers = (
        ("Content-Type", "application/json"),
        ("X-Shopify-Topic", topic),
        ("X-Shopify-Shop-Domain", shop),
        ("X-Shopify-Event-Id", event),
        ("X-Shopify-Webhook-Id", f"delivery of {event}"),
        ("X-Shopify-Triggered-At", "2026-11-24T12:00:00Z"),
    )
    content = json.dumps({"id": 1001} if body is None else body).encode()
    return Delivery(headers, content, "X-Shopify-Hmac-Sha256").signed()


def recorded() -> list[Delivery]:
    """What a real shop sent; what was signed is signed anew, for its secret is not known."""
    found = []
    for line in RECORDED.read_text("utf-8").splitlines():
        sent = json.loads(line)
        delivery = Delivery(
            tuple(sent["headers"].items()), sent["body"].encode(), "X-WC-Webhook-Signature"
        )
        found.append(delivery.signed() if sent["signature_ok"] else delivery)
    return found


def forgeries(genuine: Delivery) -> list[tuple[str, Delivery]]:
    """Everything that looks like ``genuine`` and is not, each with what is wrong about it."""
    name, right = genuine.signature, genuine.value(genuine.signature)
    digest = base64.b64decode(right)
    flipped = bytes([genuine.body[0] ^ 1]) + genuine.body[1:]
    return [
        ("no signature", genuine.having(name)),
        ("an empty one", genuine.having(name, "")),
        ("another secret", genuine.signed("another shop's secret")),
        ("an empty secret", genuine.signed("")),
        ("hex", genuine.having(name, digest.hex())),
        ("the prefix of other platforms", genuine.having(name, f"sha256={right}")),
        ("a space after it", genuine.having(name, right + " ")),
        ("half of it", genuine.having(name, right[:20])),
        ("no base64", genuine.having(name, "č" * 44)),
        ("twice", genuine.having(name, right, right)),
        ("a wrong one first", genuine.having(name, "x", right)),
        ("a wrong one last", genuine.having(name, right, "x")),
        ("an altered byte", replace(genuine, body=flipped)),
        ("a byte more", replace(genuine, body=genuine.body + b"\n")),
        ("no body", replace(genuine, body=b"")),
    ]
