"""Reads orders complete: pages, single orders by id, and every nested page of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ordermill.connector.base import Context
from ordermill.errors import CredentialsRefused, InvalidAnswer, TransientSourceError
from ordermill_shopify.answers import Reply, TooDear
from ordermill_shopify.client import DEAREST, AdminClient
from ordermill_shopify.drain import Moved, drain
from ordermill_shopify.paging import LARGEST, Sizes
from ordermill_shopify.raws import Node, needs_details

_TRIES = 4
_DETAILED_LINES = 50
_FIRST = {"orders": 50, "index": 100, "by_ids": 50, "details": 20, "more": 100, "sales": 50,
          "lines": _DETAILED_LINES}  # fmt: skip
_MOST = {"index": LARGEST, "by_ids": 100, "details": 50, "more": LARGEST, "sales": LARGEST,
         "lines": _DETAILED_LINES}  # fmt: skip
_FEW_LINES = 6
_LINES = 20  # most orders have fewer; the others are read again, with details


class Reader:
    """Thread-safe; raises only SourceError. ``spent`` counts the points of the calls so far."""

    def __init__(self, client: AdminClient, context: Context) -> None:
        most = min(max(context.page_size, 1), LARGEST)
        self._client = client
        self._sizes = Sizes(
            _FIRST | {"orders": min(_FIRST["orders"], most)}, _MOST | {"orders": most}
        )
        self._pii = True
        self._b2b = True

    def page(self, name: str, variables: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
        """A page of ``orders`` by the document ``name``, and its cost in points."""
        while True:
            reply = self.sized(
                name, name, lambda size: {**variables, "first": size, **self._who(name)}
            )
            orders = reply.data.get("orders")
            if isinstance(orders, dict):
                return orders, _used(reply)
            self._without(reply)

    def by_ids(self, gids: Sequence[str], name: str) -> tuple[dict[str, Node | None], float, bool]:
        """Orders by global id (each named once) as they stand now, None for those that the shop
        does not show; the points; and whether any was denied."""
        found: dict[str, Node | None] = {}
        used, denied = 0.0, False
        while len(found) < len(gids):
            start, asked = len(found), 0

            def variables(size: int, start: int = start) -> dict[str, Any]:
                nonlocal asked
                asked = size
                lines = self._sizes.of("lines") if name == "details" else _LINES
                return {"ids": gids[start : start + size], "lines": lines, **self._who("")}

            reply = self.sized(name, name, variables)
            nodes = reply.data.get("nodes")
            if not isinstance(nodes, list):
                self._without(reply)
                continue
            if not 0 < len(nodes) <= asked:
                raise InvalidAnswer("the shop answered other orders than were asked for by id")
            denied |= "nodes" in reply.denied
            used += _used(reply)
            found.update(zip(gids[start:], nodes, strict=False))
        return found, used, denied

    def complete(self, nodes: Sequence[Node]) -> tuple[list[Node], float]:
        """The same orders in the same order, with ledger, refunds and nested pages where needed.

        An order that vanished meanwhile is left out; one that is denied is an error.
        """
        wanted = (node.get("id") for node in nodes if needs_details(node))
        pending = list(dict.fromkeys(each for each in wanted if isinstance(each, str)))
        whole: dict[str, Node | None] = {}
        used = 0.0
        for _ in range(_TRIES):
            if not pending:
                break
            found, cost, denied = self.by_ids(pending, "details")
            if denied:
                raise CredentialsRefused(
                    "the shop denies what an order's details need; grant the app its scopes"
                )
            used += cost
            pending = []
            for gid, node in found.items():
                whole[gid] = node
                try:
                    used += drain(node, self.more) if node is not None else 0.0
                except Moved:
                    pending.append(gid)
        if pending:
            raise TransientSourceError("an order changes faster than it can be read")
        chosen = (whole.get(str(node.get("id")), node) for node in nodes)
        return [node for node in chosen if node], used

    def more(self, name: str, variables: Mapping[str, Any]) -> Reply:
        """The next nested page by the document ``more_<name>``."""
        kind = "sales" if name == "agreements" else "more"
        sized = "sales" if name == "agreements" else "first"
        return self.sized(kind, f"more_{name}", lambda size: {**variables, sized: size})

    def sized(self, kind: str, name: str, variables: Callable[[int], Mapping[str, Any]]) -> Reply:
        """Ask with the size that ``kind`` is at; smaller as long as that is too dear, and of orders
        with details first for fewer of their lines and sales at once."""
        while True:
            size = self._sizes.of(kind)
            try:
                reply = self._client.ask(
                    _OPERATION.get(kind, kind), name, variables(size), size=size
                )
            except TooDear:
                self._smaller(kind, size)
                continue
            except TransientSourceError as error:
                if error.error_class in ("timeout", "schema"):  # too slow, cut, or too large
                    self._sizes.slow(kind, size)
                raise
            self._sizes.worked(kind, size, reply.cost, dearest=DEAREST)
            return reply

    def _smaller(self, kind: str, size: int) -> None:
        """Another id costs nothing by the documented rule: of many lines fewer are asked for
        first."""
        lines = self._sizes.of("lines")
        if kind == "details" and (size <= 1 or lines > _FEW_LINES):
            self._sizes.failed("lines", lines)
        else:
            self._sizes.failed(kind, size)

    def who(self) -> tuple[bool, bool]:
        """Whether buyers' data and companies may be asked for."""
        return self._pii, self._b2b

    def _who(self, name: str) -> dict[str, Any]:
        if name == "index":
            return {}
        given: dict[str, Any] = {"pii": self._pii, "b2b": self._b2b}
        return given | {"lines": _LINES} if name == "orders" else given

    def _without(self, reply: Reply) -> None:
        """A field that may not be null was denied and took the whole list with it: leave it out."""
        if not reply.denied:
            raise InvalidAnswer("the shop answered without the list that was asked for")
        if self._b2b:
            self._b2b = False
        elif self._pii:
            self._pii = False
        else:
            raise CredentialsRefused(
                "the shop denies reading orders; grant the app the scope read_orders"
            )


_OPERATION = {"more": "nested", "sales": "nested"}


def _used(reply: Reply) -> float:
    return reply.cost.used if reply.cost is not None else 0.0
