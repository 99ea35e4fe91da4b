"""Backfill by a bulk operation: Shopify writes a file of JSON lines, which is read in pages.

The cursor names the operation and the byte at which the next order begins, so a killed backfill
goes on where it stood. Where bulk is refused or fails, plain pages go on from the last order's
second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from ordermill.connector.base import Context, Page, Window
from ordermill.errors import InvalidAnswer
from ordermill_shopify.answers import read_body
from ordermill_shopify.client import AdminClient
from ordermill_shopify.documents import bulk_query
from ordermill_shopify.paging import BulkCursor, Cursor, cursor_text, search_text
from ordermill_shopify.raws import ORDER_CONNECTIONS, Node, raw_order, read_time, source_id
from ordermill_shopify.reader import Reader

log = structlog.get_logger()

# Fewer orders than this are read sooner by pages than a bulk operation starts.
WORTH_IT = 1000
_PAGE = 100
_POLL = 5.0  # seconds
_SECOND = timedelta(seconds=1)
# By a field that only they have: an id may be null, and localized fields have none.
_CHILDREN = {"currentQuantity": "lineItems", "discountedPriceSet": "shippingLines"}


class Bulk:
    """Starts, watches and reads bulk operations; raises only SourceError."""

    def __init__(self, client: AdminClient, reader: Reader, context: Context) -> None:
        self._client = client
        self._reader = reader
        self._context = context

    def begin(self, window: Window) -> tuple[BulkCursor | None, int | None]:
        """The started operation, if the window is large enough and Shopify takes it, and how many
        orders the window has."""
        search = search_text(window, window.since)
        count = _exact(self._client.ask("bulk", "count", {"query": search}).data)
        if count is not None and count < WORTH_IT:
            return None, count
        pii, b2b = self._reader.who()
        query = bulk_query(search, pii=pii, b2b=b2b)
        reply = self._client.ask("bulk", "bulk_run", {"query": query, "group": True})
        run = reply.data.get("bulkOperationRunQuery")
        operation = run.get("bulkOperation") if isinstance(run, dict) else None
        if not isinstance(operation, dict) or not isinstance(operation.get("id"), str):
            log.info("bulk_refused", connector=self._context.handle)
            return None, count
        return BulkCursor(operation["id"]), count

    def page(self, window: Window, at: BulkCursor) -> Page:
        """The next orders of the operation; an empty page while it is still running."""
        operation = self._client.ask("bulk", "bulk_poll", {"id": at.id}).data.get("bulkOperation")
        status = operation.get("status") if isinstance(operation, dict) else None
        if status in ("CREATED", "RUNNING"):
            self._context.sleep(_POLL)
            return Page(
                orders=(), cursor=cursor_text(msgspec.structs.replace(at, polls=at.polls + 1))
            )
        if status != "COMPLETED" or not isinstance(operation, dict):
            return self._fall_back(window, at, str(status))
        url = operation.get("url")
        if isinstance(url, str):
            try:
                return self._read(url, at)
            except InvalidAnswer:  # its link has expired, or it is none that can be read: so stays
                return self._fall_back(window, at, "UNREADABLE")
        if at.byte == 0 and str(operation.get("objectCount")) == "0":
            return Page(orders=(), cursor=None)
        return self._fall_back(window, at, "EXPIRED")

    def _fall_back(self, window: Window, at: BulkCursor, status: str) -> Page:
        """What a broken operation left in its partial file is not trusted: slices went missing."""
        log.warning("bulk_failed", connector=self._context.handle, status=status)
        safe = at.safe if at.safe is not None else window.since
        return Page(orders=(), cursor=cursor_text(Cursor(safe, safe=safe)))

    def _read(self, url: str, at: BulkCursor) -> Page:
        nodes: list[Node] = []
        end: int | None = None
        for byte, line in self._lines(url, at.byte):
            parent = line.pop("__parentId", None)
            if parent is None and len(nodes) == _PAGE:
                end = byte
                break
            if parent is None:
                nodes.append(_root(line))
            else:
                _adopt(nodes, str(parent), line)
        whole, used = self._reader.complete(nodes)
        ahead = None
        if end is not None:
            ahead = BulkCursor(at.id, end, _safe(nodes, at.safe))
        orders = [raw_order(node) for node in whole]
        kept = {raw.source_id for raw in orders}
        return Page(
            orders=orders,
            cursor=cursor_text(ahead) if ahead is not None else None,
            cost=used,
            left_out=[each for each in map(source_id, nodes) if each not in kept],
        )

    def _lines(self, url: str, start: int) -> Iterator[tuple[int, Node]]:
        """Each object with the byte at which its line begins."""
        byte = start
        for line in self._client.shop.stream("file", url, start=start):
            if line.strip():
                yield byte, read_body(line)
            byte += len(line) + 1


def _root(line: Node) -> Node:
    return line | {name: {"nodes": []} for name in ORDER_CONNECTIONS}


def _adopt(nodes: list[Node], parent: str, child: Node) -> None:
    """Grouped files have the children right behind their parent."""
    if not nodes or nodes[-1].get("id") != parent:
        raise InvalidAnswer("the bulk file holds a line whose order does not stand before it")
    name = next((name for field, name in _CHILDREN.items() if field in child), "localizedFields")
    nodes[-1][name]["nodes"].append(child)


def _safe(nodes: list[Node], before: datetime | None) -> datetime | None:
    created = [at for node in nodes if (at := read_time(node.get("createdAt"))) is not None]
    return max(created) - _SECOND if created else before


def _exact(data: Mapping[str, Any]) -> int | None:
    found = data.get("ordersCount")
    if not isinstance(found, dict) or found.get("precision") != "EXACT":
        return None
    count = found.get("count")
    return count if isinstance(count, int) else None
