"""Relay pages: how many of a list, from which opaque cursor on, forwards or backwards."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ordermill.simulator.shopify.document import QueryError

LARGEST = 250


@dataclass(frozen=True, slots=True)
class Page:
    """What a connection answers; ``cursor_of`` gives the cursor of the node at a position."""

    nodes: Sequence[Any]
    cursor_of: Callable[[int], str]
    has_next: bool
    has_previous: bool

    def info(self) -> dict[str, Any]:
        """The PageInfo."""
        last = len(self.nodes) - 1
        return {
            "__typename": "PageInfo",
            "hasNextPage": self.has_next,
            "hasPreviousPage": self.has_previous,
            "startCursor": self.cursor_of(0) if self.nodes else None,
            "endCursor": self.cursor_of(last) if self.nodes else None,
        }


def size_of(args: Mapping[str, Any], largest: int = LARGEST) -> tuple[int, bool]:
    """How many, and whether from the end; QueryError unless one of first and last is usable."""
    first: int | None = args.get("first")
    last: int | None = args.get("last")
    if first is not None and last is not None:
        raise QueryError.of("providing both first and last is not supported", "BAD_REQUEST")
    name, wanted = ("last", last) if first is None else ("first", first)
    if wanted is None:
        raise QueryError.of("you must provide one of first or last", "BAD_REQUEST")
    if wanted > largest:
        raise too_many(wanted, largest)
    if wanted < 0:
        raise QueryError.of(f"{name} cannot be less than zero", "BAD_REQUEST")
    return wanted, first is None


def too_many(wanted: int, largest: int) -> QueryError:
    """For pages and for lists of arguments alike."""
    return QueryError.of(
        f"The input array size of {wanted} is greater than the maximum allowed of {largest}.",
        "MAX_INPUT_SIZE_EXCEEDED",
    )


def encode(bound_to: str, position: Any) -> str:
    """An opaque cursor; ``bound_to`` names the list, its order and its filter."""
    return base64.urlsafe_b64encode(json.dumps([bound_to, position]).encode()).decode()


def decode(bound_to: str, cursor: str) -> Any:
    """The position; QueryError for a cursor of another list, order or filter."""
    try:
        bound, position = json.loads(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError, TypeError) as error:
        raise _wrong_cursor() from error
    if bound != bound_to:
        raise _wrong_cursor()
    return position


def _wrong_cursor() -> QueryError:
    return QueryError.of("Invalid cursor for current pagination sort.", "BAD_REQUEST")


def of_list(items: Sequence[Any], args: Mapping[str, Any], name: str) -> Page:
    """Page through a list that only ever grows at its end, such as an order's lines."""
    size, from_end = size_of(args)
    ordered = list(reversed(items)) if args.get("reverse") else list(items)
    bound = f"{name}{'-' if args.get('reverse') else '+'}"
    start, end = 0, len(ordered)
    if args.get("after"):
        start = decode(bound, args["after"]) + 1
    if args.get("before"):
        end = min(end, decode(bound, args["before"]))
    if from_end:
        start = max(start, end - size)
    else:
        end = max(start, min(end, start + size))
    return Page(
        nodes=ordered[start:end],
        cursor_of=lambda at: encode(bound, start + at),
        has_next=end < len(ordered),
        has_previous=start > 0,
    )


def everything(items: Sequence[Any]) -> Page:
    """All of a list, as bulk operations read it."""
    return Page(items, lambda at: encode("bulk", at), has_next=False, has_previous=False)
