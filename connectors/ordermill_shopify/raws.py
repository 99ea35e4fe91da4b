"""From an order as the Admin API answers it to the RawOrder that is kept. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from ordermill.connector.base import IndexEntry, RawOrder
from ordermill_shopify.documents import entry_fields

ORDER_CONNECTIONS = ("lineItems", "shippingLines", "localizedFields")
REFUND_CONNECTIONS = (
    "refundLineItems",
    "refundShippingLines",
    "orderAdjustments",
    "transactions",
)

Node = dict[str, Any]


def raw_order(node: Node) -> RawOrder:
    """The order as it is kept: compact JSON, its connections as plain lists."""
    return RawOrder(
        source_id=source_id(node),
        payload=msgspec.json.encode(flat(node)),
        updated_at=read_time(node.get("updatedAt")),
        mark=mark(node),
    )


def index_entry(node: Node) -> IndexEntry:
    return IndexEntry(source_id(node), mark(node))


def mark(node: Node) -> str:
    """The last change and a digest over every field of the index query, bar none."""
    shown = [node.get(name) for name in entry_fields()]
    digest = hashlib.blake2b(msgspec.json.encode(shown, order="deterministic"), digest_size=8)
    return f"{node.get('updatedAt')} {digest.hexdigest()}"


def source_id(node: Mapping[str, Any]) -> str:
    """The bare number; "?" where the order shows none, so that it can be kept and counted."""
    legacy = node.get("legacyResourceId")
    if isinstance(legacy, (str, int)) and str(legacy).isascii() and str(legacy).isdigit():
        return str(legacy)
    return bare(node.get("id"))


def bare(gid: object) -> str:
    """``gid://shopify/Order/1001?x=1`` as ``1001``; "?" for anything else."""
    tail = str(gid).rpartition("/")[2].partition("?")[0] if isinstance(gid, str) else ""
    return tail if tail.isalnum() and tail.isascii() else "?"


def gid(source: str) -> str:
    return f"gid://shopify/Order/{source}"


def read_time(text: object) -> datetime | None:
    """Aware UTC; None for what is no time with an offset."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
        return found.astimezone(UTC) if found is not None and found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def flat(node: Node) -> Node:
    """A copy with every connection as the list of its nodes, however it was read."""
    out = {name: _list(value) for name, value in node.items()}
    if isinstance(out.get("refunds"), list):
        out["refunds"] = [_flat_parts(refund) for refund in out["refunds"]]
    if isinstance(out.get("agreements"), list):
        out["agreements"] = [_flat_parts(agreement) for agreement in out["agreements"]]
    return out


def _flat_parts(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    return {name: _list(value) for name, value in part.items()}


def _list(value: Any) -> Any:
    return value["nodes"] if isinstance(value, dict) and "nodes" in value else value


def has_next(connection: Any) -> bool:
    """Whether a nested page is not the last one."""
    info = connection.get("pageInfo") if isinstance(connection, dict) else None
    return bool(isinstance(info, dict) and info.get("hasNextPage"))


def needs_details(node: Node) -> bool:
    """Whether the sales ledger and the refunds have to be read for this order.

    What was edited, refunded or returned, or holds a tip, duties or fees, has lines whose present
    amounts no other field gives; and a nested page that goes on has to be drained.
    """
    if node.get("edited") or node.get("refunds"):
        return True
    if node.get("returnStatus") not in (None, "NO_RETURN"):
        return True
    if any(has_next(node.get(name)) for name in ORDER_CONNECTIONS):
        return True
    if _bag(node, "originalTotalPriceSet") != _bag(node, "currentTotalPriceSet"):
        return True
    extras = ("totalTipReceivedSet", "currentTotalDutiesSet", "currentTotalAdditionalFeesSet")
    if any(_is_something(_bag(node, name)) for name in extras):
        return True
    lines = _list(node.get("lineItems"))
    return isinstance(lines, list) and any(map(_was_reduced, lines))


def _was_reduced(line: Any) -> bool:
    return isinstance(line, dict) and line.get("quantity") != line.get("currentQuantity")


def _bag(node: Node, name: str) -> tuple[Any, Any] | None:
    bag = node.get(name)
    if not isinstance(bag, dict):
        return None
    sides = (bag.get("shopMoney"), bag.get("presentmentMoney"))
    first, second = (side.get("amount") if isinstance(side, dict) else None for side in sides)
    return first, second


def _is_something(amounts: tuple[Any, Any] | None) -> bool:
    return amounts is not None and any(str(a).strip("-0.") for a in amounts if a is not None)
