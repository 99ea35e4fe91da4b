"""The Shopify connector: the pass, the sweep's index and reads by id over the Admin API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx

from ordermill.connector.base import (
    By,
    Context,
    Fetched,
    Gone,
    IndexPage,
    Page,
    RawOrder,
    ShopInfo,
    Subscription,
    Window,
)
from ordermill.errors import InvalidAnswer, SourceError
from ordermill.model.order import Order
from ordermill.model.webhook import Headers, Said
from ordermill_shopify import normalize as reading
from ordermill_shopify import webhooks
from ordermill_shopify.answers import CursorRefused
from ordermill_shopify.bulk import Bulk
from ordermill_shopify.client import AdminClient
from ordermill_shopify.options import Options
from ordermill_shopify.paging import (
    SORT,
    BulkCursor,
    Cursor,
    cursor_text,
    next_cursor,
    read_cursor,
    restarted,
    safe_until,
    search_text,
    settled,
)
from ordermill_shopify.raws import Node, gid, index_entry, raw_order, read_time, source_id
from ordermill_shopify.reader import Reader
from ordermill_shopify.shop import Scopes, shop_info


class ShopifyConnector:
    """Reads one Shopify shop. Thread-safe; raises only SourceError."""

    webhook_topics = webhooks.TOPICS

    def __init__(
        self, options: Options, context: Context, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._context = context
        self._presentment = options.money == "presentment"
        self._version = options.api_version
        self._domain = options.shop_domain
        self._client = AdminClient(options, context, transport)
        self._reader = Reader(self._client, context)
        self._bulk = Bulk(self._client, self._reader, context)
        self._scopes = Scopes(self._client)

    def check(self) -> ShopInfo:
        return shop_info(self._client, self._version)

    def fetch(self, window: Window, cursor: str | None) -> Page:
        at = Cursor(window.since) if cursor is None else read_cursor(cursor)
        total: int | None = None
        if cursor is None and window.by is By.CREATED:
            started, total = self._bulk.begin(window)
            if started is not None:
                return Page(orders=(), cursor=cursor_text(started), total=total)
        if isinstance(at, BulkCursor):
            return self._bulk.page(window, at)
        return self._pages(window, at, total)

    def _pages(self, window: Window, at: Cursor, total: int | None) -> Page:
        asked_at = self._context.now()
        at, nodes, ahead, cost = self._page("orders", window, at)
        asked_at = self._of_shop(asked_at)
        whole, more = self._reader.complete(nodes)
        times = _times(nodes, window.by)
        orders = [raw_order(node) for node in whole]
        kept = {raw.source_id for raw in orders}
        return Page(
            orders=orders,
            cursor=_next(at, ahead, settled(times, asked_at), len(nodes)),
            safe_until=(
                safe_until(times, asked_at, last=ahead is None) if window.by is By.CHANGED else None
            ),
            cost=cost + more,
            total=total,
            left_out=[each for each in map(source_id, nodes) if each not in kept],
        )

    def index(self, window: Window, cursor: str | None) -> IndexPage:
        """Whatever was created in the window was changed in it, too: one query shows both.

        It has every field that costs nothing; items, addresses and refunds are not among them."""
        at = Cursor(window.since) if cursor is None else read_cursor(cursor)
        if isinstance(at, BulkCursor):
            raise SourceError("the cursor of this sweep is one of a backfill; begin it again")
        asked_at = self._context.now()
        at, nodes, ahead, cost = self._page("index", window, at)
        newest = settled(_times(nodes, window.by), self._of_shop(asked_at))
        return IndexPage(
            entries=[index_entry(node) for node in nodes],
            cursor=_next(at, ahead, newest, len(nodes)),
            cost=cost,
            partial=True,
        )

    def fetch_ids(self, source_ids: Sequence[str]) -> Fetched:
        """Ids that are no Shopify ids are not answered."""
        known = {gid(each): each for each in source_ids if each.isdigit() and each.isascii()}
        found, cost, denied = self._reader.by_ids(list(known), "by_ids")
        missing = [known[each] for each, node in found.items() if node is None]
        nodes = [node for node in found.values() if node]
        whole, more = self._reader.complete(nodes)
        hidden = missing if denied else self._scopes.hidden(missing)
        unseen = set(hidden)
        return Fetched(
            orders=[raw_order(node) for node in whole],
            gone={each: Gone.VANISHED for each in missing if each not in unseen},
            hidden=hidden,
            cost=cost + more,
        )

    def normalize(self, raw: RawOrder) -> Order:
        return reading.normalize(raw, presentment=self._presentment)

    def read_webhook(self, headers: Headers, body: bytes, secret: str) -> Said:
        return webhooks.read_webhook(headers, body, secret, shop=self._domain)

    def webhooks(self) -> Sequence[Subscription]:
        return webhooks.kept(self._client)

    def create_webhook(self, topic: str, url: str, secret: str) -> None:
        """Shopify signs with the app's client secret, whatever ``secret`` is."""
        webhooks.create(self._client, topic, url)

    def close(self) -> None:
        self._client.close()

    def _of_shop(self, at: datetime) -> datetime:
        """Our time by the shop's clock, as far as it has told it."""
        return at + timedelta(seconds=self._client.difference or 0.0)

    def _page(
        self, name: str, window: Window, at: Cursor
    ) -> tuple[Cursor, list[Node], str | None, float]:
        """Where it was read from, nodes, Shopify's cursor for what follows (None at the end), and
        the cost."""
        variables: Mapping[str, Any] = {
            "query": search_text(window, at.since),
            "sort": SORT[window.by],
            "after": at.after,
        }
        try:
            page, cost = self._reader.page(name, variables)
        except CursorRefused:
            again = restarted(at)
            if again is None:
                raise
            return self._page(name, window, again)
        return at, _nodes(page), _ahead(page), cost


def _next(at: Cursor, ahead: str | None, newest: datetime | None, count: int) -> str | None:
    if ahead is None:
        return None
    if ahead == at.after:  # the text of ours counts orders, and would not be the same
        raise InvalidAnswer("the page after this one is this one; the pass was ended")
    return cursor_text(next_cursor(at, after=ahead, newest=newest, count=count))


def _times(nodes: Sequence[Node], by: By) -> list[datetime]:
    name = "updatedAt" if by is By.CHANGED else "createdAt"
    return [at for node in nodes if (at := read_time(node.get(name))) is not None]


def _nodes(page: Mapping[str, Any]) -> list[Node]:
    nodes = page.get("nodes")
    if not isinstance(nodes, list):
        raise InvalidAnswer("the shop answered a page without orders")
    return [node for node in nodes if isinstance(node, dict)]


def _ahead(page: Mapping[str, Any]) -> str | None:
    info = page.get("pageInfo")
    if not isinstance(info, dict):
        raise InvalidAnswer("the shop answered a page that does not say whether it is the last")
    if not info.get("hasNextPage"):
        return None
    end = info.get("endCursor")
    if not isinstance(end, str) or not end:
        raise InvalidAnswer("the shop answered a page without its cursor")
    return end
