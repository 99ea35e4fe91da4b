"""How the Admin API writes ids and times."""

from __future__ import annotations

from datetime import UTC, datetime


def gid(kind: str, number: int | str) -> str:
    """``gid://shopify/Order/1001``."""
    return f"gid://shopify/{kind}/{number}"


def number_of(text: str, kind: str) -> int | None:
    """The number in a global id of this kind, None if it is another's or none."""
    prefix = gid(kind, "")
    digits = text.removeprefix(prefix).split("?")[0]
    return int(digits) if text.startswith(prefix) and digits.isdecimal() else None


def stamp(at: datetime) -> str:
    """Whole seconds, UTC, as every DateTime field is written; fractions are kept inside only."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
