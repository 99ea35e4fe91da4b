"""Reads the rest of an order's nested pages, or finds that the order moved meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ordermill.errors import InvalidAnswer
from ordermill_shopify.answers import Reply
from ordermill_shopify.raws import ORDER_CONNECTIONS, REFUND_CONNECTIONS, Node, has_next

More = Callable[[str, Mapping[str, Any]], Reply]


class Moved(Exception):
    """The order changed between two of its pages: it has to be read again from the start."""


def drain(node: Node, more: More) -> float:
    """Complete ``node`` in place; the points it took. Raise Moved if the order changed."""
    whole = _Draining(node.get("updatedAt"), more)
    for name in ORDER_CONNECTIONS:
        whole.connection(node, name, "order")
    for refund in node.get("refunds") or ():
        for name in REFUND_CONNECTIONS:
            whole.connection(refund, name, "refund")
    whole.ledger(node)
    return whole.used


class _Draining:
    def __init__(self, updated_at: object, more: More) -> None:
        self._updated_at = updated_at
        self._more = more
        self.used = 0.0

    def connection(self, owner: Any, name: str, root: str) -> None:
        """All pages of one connection of an order or refund."""
        page = owner.get(name) if isinstance(owner, dict) else None
        while page is not None and has_next(page):
            variables = {"id": owner["id"], "after": _end(page)}
            answer = self._ask(name, variables, root)
            page = _extend(owner, name, answer)

    def ledger(self, node: Node) -> None:
        """All agreements, one at a time past the first page, and all sales of each.

        An agreement cannot be asked for by id, so it is reached through the one before it.
        """
        agreements = node.get("agreements")
        if not isinstance(agreements, dict):
            return
        if not has_next(agreements) and not any(
            has_next(each.get("sales")) for each in agreements["nodes"]
        ):
            return
        walked: list[Any] = []
        after, going_on = None, True
        while going_on:
            page = self._agreement(node, after, None)
            if not page["nodes"]:
                break
            agreement = page["nodes"][0]
            while has_next(agreement["sales"]):
                sold = _end(agreement["sales"])
                rest = self._agreement(node, after, sold)["nodes"][0]
                _extend(agreement, "sales", rest)
            walked.append(agreement)
            going_on, before = has_next(page), after
            after = _end(page) if going_on else None
            if going_on and after == before:
                raise InvalidAnswer("the shop answered a page whose cursor is its own")
        node["agreements"] = {"nodes": walked}

    def _agreement(self, node: Node, after: str | None, sold: str | None) -> dict[str, Any]:
        variables = {"id": node["id"], "first": 1, "after": after, "sold": sold}
        page = self._ask("agreements", variables, "order").get("agreements")
        if not isinstance(page, dict) or not isinstance(page.get("nodes"), list):
            raise InvalidAnswer("the shop answered without the sales that were asked for")
        return page

    def _ask(self, name: str, variables: Mapping[str, Any], root: str) -> dict[str, Any]:
        reply = self._more(name, variables)
        self.used += reply.cost.used if reply.cost is not None else 0.0
        found = reply.data.get(root)
        if not isinstance(found, dict):
            raise Moved  # deleted, or a refund undone
        order = found.get("order") if root == "refund" else found
        if not isinstance(order, dict) or order.get("updatedAt") != self._updated_at:
            raise Moved
        return found


def _extend(owner: dict[str, Any], name: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Append the answered page to the owner's connection; the page that now ends it."""
    page = answer.get(name)
    if not isinstance(page, dict) or not isinstance(page.get("nodes"), list):
        raise InvalidAnswer("the shop answered without the nested page that was asked for")
    if has_next(page) and not page["nodes"]:
        raise InvalidAnswer("the shop answered an empty page that is not the last")
    if has_next(page) and _end(page) == _end(owner[name]):
        raise InvalidAnswer("the shop answered a page whose cursor is its own")
    owner[name] = {"nodes": owner[name]["nodes"] + page["nodes"], "pageInfo": page["pageInfo"]}
    merged: dict[str, Any] = owner[name]
    return merged


def _end(page: Mapping[str, Any]) -> str:
    end = page["pageInfo"].get("endCursor")
    if not isinstance(end, str):
        raise InvalidAnswer("the shop answered a page without its cursor")
    return end
