"""What both platforms sign their deliveries with, for any connector that reads webhooks. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from ordermill.model.webhook import Headers

_ID = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)


def only(headers: Headers, name: str) -> str | None:
    """The value of a header that is there exactly once; None otherwise, for of two values a proxy
    may have checked the one and we would read the other."""
    values = [value for key, value in headers if key.lower() == name]
    return values[0] if len(values) == 1 else None


def has(headers: Headers, name: str) -> bool:
    return any(key.lower() == name for key, _ in headers)


def is_signed(given: str | None, body: bytes, secret: str) -> bool:
    """Whether ``given`` is the base64 of the body's HMAC-SHA256; never with an empty secret.

    The texts are compared, not what they decode to: hex or another alphabet is no signature.
    """
    if given is None or not secret:
        return False
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return hmac.compare_digest(given.encode("utf-8", "replace"), base64.b64encode(digest))


def event_id(headers: Headers, name: str) -> str | None:
    """The event's name; None where it is odd, and every delivery then counts as a new one."""
    given = only(headers, name)
    return given if given is not None and _ID.fullmatch(given) else None
