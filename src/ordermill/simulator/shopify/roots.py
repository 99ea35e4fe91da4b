"""What the fields at the root of a query or mutation answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ordermill.simulator.ledger import Ledger
from ordermill.simulator.orders import Order
from ordermill.simulator.shopify import listing, paging, versions
from ordermill.simulator.shopify import shop as shops
from ordermill.simulator.shopify.bulk import Bulk
from ordermill.simulator.shopify.document import QueryError
from ordermill.simulator.shopify.order import OrderNode
from ordermill.simulator.shopify.search import Entry, compile_search
from ordermill.simulator.shopify.shop import App
from ordermill.simulator.shopify.values import Node, gid, kind_of, number_of
from ordermill.simulator.shopify.webhooks import Subscriptions

IN_SIGHT = timedelta(days=60)
_COUNTED = 10_000
_MOST_COUNTED = 25_001
_KEPT = 4096  # states of orders whose nodes are kept

Args = Mapping[str, Any]


@dataclass(slots=True)
class Asked:
    """One request: its version, whether it is a bulk operation, what its searches are warned of."""

    version: str
    in_bulk: bool = False
    searches: list[dict[str, Any]] = field(default_factory=list)


class Roots:
    """Answers root fields from the ledger; ``start_bulk`` begins a bulk operation."""

    def __init__(
        self,
        ledger: Ledger,
        app: App,
        bulk: Bulk,
        subscriptions: Subscriptions,
        start_bulk: Callable[[Args], Any],
        supported: tuple[str, ...],
    ) -> None:
        self._ledger = ledger
        self._app = app
        self._nodes: dict[int, OrderNode] = {}
        self._entries: dict[int, tuple[Order, Entry]] = {}
        self._by_kind: dict[str, Callable[[int], Any]] = {
            "Order": self._order,
            "Refund": self._refund,
            "BulkOperation": bulk.job,
            "WebhookSubscription": subscriptions.one,
        }
        self._fields: dict[str, Callable[[Args, Asked], Any]] = {
            "orders": self._orders,
            "ordersCount": self._count,
            "order": lambda args, _: self._one(args["id"], "Order"),
            "refund": lambda args, _: self._one(args["id"], "Refund"),
            "node": lambda args, _: self._any(args["id"]),
            "nodes": lambda args, _: self._several(args["ids"]),
            "shop": lambda *_: shops.shop(ledger.shop, ledger.now()),
            "currentAppInstallation": lambda *_: shops.installation(app.scopes),
            "publicApiVersions": lambda *_: versions.listed(supported),
            "bulkOperation": lambda args, _: self._one(args["id"], "BulkOperation"),
            "bulkOperations": lambda *_: bulk.all(),
            "bulkOperationRunQuery": lambda args, _: start_bulk(args),
            "events": lambda *_: [],
            "webhookSubscriptions": lambda args, _: subscriptions.all(args),
            "webhookSubscriptionCreate": lambda args, _: subscriptions.create(
                args["topic"], args["webhookSubscription"]
            ),
            "webhookSubscriptionDelete": lambda args, _: subscriptions.delete(args["id"]),
        }

    def value(self, name: str, args: Args, asked: Asked) -> Any:
        """The value that the field's selections are taken from."""
        return self._fields[name](args, asked)

    # Lists

    def _orders(self, args: Args, asked: Asked) -> Any:
        found = listing.found(self._matching(args, asked, "orders"), args)
        if not asked.in_bulk:
            return found.page(args, self._order)
        return [node for _, order_id in found.keys if (node := self._order(order_id)) is not None]

    def _count(self, args: Args, asked: Asked) -> Node:
        limit = args.get("limit", _COUNTED) or _MOST_COUNTED
        count = len(self._matching(args, asked, "ordersCount"))
        return Node(count=min(count, limit), precision="EXACT" if count <= limit else "AT_LEAST")

    def _matching(self, args: Args, asked: Asked, field_name: str) -> list[Entry]:
        """What the index finds, of what there still is and the app may see."""
        search = compile_search(args.get("query") or "", whole_seconds=asked.version >= "2026-10")
        if search.warnings:
            asked.searches.append(
                {"path": [field_name], "query": search.text, "warnings": search.warnings}
            )
        entries = (self._entry(order) for order in self._ledger.indexed())
        return [each for each in entries if search.matches(each) and self._seen(each["id"])]

    def _entry(self, order: Order) -> Entry:
        known = self._entries.get(order.id)
        if known is None or known[0] is not order:
            known = self._entries[order.id] = (order, listing.entry(order))
        return known[1]

    # Single objects

    def _seen(self, order_id: int) -> Order | None:
        """The order as it is now; None where it is gone, or too old for what the app may see."""
        order = self._ledger.order(order_id)
        if order is None or order.status == "trash":
            return None
        old = order.created_at < self._ledger.now() - IN_SIGHT
        return None if old and "read_all_orders" not in self._app.scopes else order

    def _order(self, order_id: int) -> OrderNode | None:
        order = self._seen(order_id)
        if order is None:
            return None
        known = self._nodes.get(order_id)
        if known is None or known.order is not order:
            if len(self._nodes) >= _KEPT:
                self._nodes.clear()
            known = self._nodes[order_id] = OrderNode(order)
        return known

    def _refund(self, refund_id: int) -> Any:
        wanted = gid("Refund", refund_id)
        for order in self._ledger.orders():
            if any(refund.id == refund_id for refund in order.refunds):
                node = self._order(order.id)
                refunds = node["refunds"] if node is not None else []
                return next((each for each in refunds if each["id"] == wanted), None)
        return None

    def _several(self, ids: list[str]) -> list[Any]:
        if len(ids) > paging.LARGEST:
            raise paging.too_many(len(ids), paging.LARGEST)
        return [self._any(each) for each in ids]

    def _any(self, id_: str) -> Any:
        kind = kind_of(id_)
        if kind is None:
            raise QueryError.of(f"Invalid global id '{id_}'", "RESOURCE_NOT_FOUND")
        number = number_of(id_, kind)
        return self._by_kind[kind](number) if number is not None and kind in self._by_kind else None

    def _one(self, id_: str, kind: str) -> Any:
        number = number_of(id_, kind)
        if number is None:
            raise QueryError.of(f"Invalid id: {id_}", "RESOURCE_NOT_FOUND")
        return self._by_kind[kind](number)
