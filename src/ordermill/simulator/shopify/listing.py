"""Lists of orders: found in the search index, sorted, paged by a cursor that no change moves.

The index is apart from the orders: it may lag behind them. What it finds is shown as it is now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ordermill.simulator.orders import Order
from ordermill.simulator.shopify import paging, status
from ordermill.simulator.shopify.document import QueryError
from ordermill.simulator.shopify.paging import Page
from ordermill.simulator.shopify.search import Entry

FURTHEST = 25_000
"""Paging one query ends after so many objects."""

Key = tuple[float, int]
_SORTS: Mapping[str, Callable[[Entry], float]] = {
    "ID": lambda entry: float(entry["id"]),
    "ORDER_NUMBER": lambda entry: float(entry["id"]),
    "CREATED_AT": lambda entry: float(entry["created_at"].timestamp()),
    "PROCESSED_AT": lambda entry: float(entry["processed_at"].timestamp()),
    "UPDATED_AT": lambda entry: float(entry["updated_at"].timestamp()),
}


def entry(order: Order) -> Entry:
    """What the index knows of an order. Times have their fractions here."""
    return {
        "id": order.id,
        "name": f"#{order.number}",
        "created_at": order.created_at,
        "processed_at": order.created_at,
        "updated_at": order.modified_at,
        "status": status.listed_as(order),
        "financial_status": status.financial(order).lower(),
        "fulfillment_status": order.fulfilment,
        "tag": order.tags,
        "test": str(order.test).lower(),
        "email": order.customer.email,
        "gateway": order.gateway,
    }


@dataclass(frozen=True, slots=True)
class Found:
    """Entries in the order that was asked for; ``bound`` is what a cursor belongs to."""

    bound: str
    keys: Sequence[Key]
    reverse: bool

    def page(self, args: Mapping[str, Any], node: Callable[[int], Any]) -> Page:
        """A page after or before a cursor, wherever the order at the cursor went meanwhile."""
        size, from_end = paging.size_of(args)
        start, end, passed = 0, len(self.keys), 0
        if args.get("after"):
            *at, passed = paging.decode(self.bound, args["after"])
            start = self._first_behind(at)
        if args.get("before"):
            *at, _ = paging.decode(self.bound, args["before"])
            end = self._first_behind(at, with_itself=True)
        if from_end:
            start = max(start, end - size)
        else:
            end = max(start, min(end, start + size, start + FURTHEST - passed))
        chosen = self.keys[start:end]
        return Page(
            nodes=[node(order_id) for _, order_id in chosen],
            cursor_of=lambda at: paging.encode(self.bound, [*chosen[at], passed + at + 1]),
            has_next=end < len(self.keys) and passed + len(chosen) < FURTHEST,
            has_previous=start > 0,
        )

    def _first_behind(self, at: Sequence[Any], *, with_itself: bool = False) -> int:
        """The place of the first key behind that of the cursor (or at it)."""
        mark: Key = (float(at[0]), int(at[1]))
        for place, key in enumerate(self.keys):
            behind = key < mark if self.reverse else key > mark
            if behind or (with_itself and key == mark):
                return place
        return len(self.keys)


def found(entries: Iterable[Entry], args: Mapping[str, Any]) -> Found:
    """Sorted as asked; of one value by id, so that no two orders stand at one place."""
    sort = args.get("sortKey") or "PROCESSED_AT"
    if sort not in _SORTS:
        raise QueryError.of(f"The simulated shop cannot sort by {sort}.", "BAD_REQUEST")
    reverse = bool(args.get("reverse"))
    keys = sorted(((_SORTS[sort](each), int(each["id"])) for each in entries), reverse=reverse)
    return Found(f"orders {sort} {reverse} {args.get('query') or ''}", keys, reverse)
