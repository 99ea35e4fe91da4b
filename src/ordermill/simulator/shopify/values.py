"""How the Admin API writes ids, times and objects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


class Node(dict[str, Any]):
    """An object of the API. A deprecated amount is the shop's side of the bag of its name."""

    def __missing__(self, name: str) -> Any:
        if f"{name}Set" not in self:
            raise KeyError(name)
        bag = self[f"{name}Set"]
        return None if bag is None else bag["shopMoney"]["amount"]


def gid(kind: str, number: int | str) -> str:
    """``gid://shopify/Order/1001``."""
    return f"gid://shopify/{kind}/{number}"


def kind_of(text: str) -> str | None:
    """The type that a global id names; None for what is no global id."""
    parts = text.removeprefix("gid://shopify/").split("/")
    return parts[0] if text.startswith("gid://shopify/") and len(parts) == 2 else None


def number_of(text: str, kind: str) -> int | None:
    """The number in a global id of this kind, None if it is another's or none."""
    prefix = gid(kind, "")
    digits = text.removeprefix(prefix).split("?")[0]
    return int(digits) if text.startswith(prefix) and digits.isdecimal() else None


def stamp(at: datetime) -> str:
    """Whole seconds, UTC, as every DateTime field is written; fractions are kept inside only."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_or_none(at: datetime | None) -> str | None:
    """The same for what may not have happened."""
    return None if at is None else stamp(at)
