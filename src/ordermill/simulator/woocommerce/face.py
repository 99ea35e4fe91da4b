"""A shop's REST API over a ledger: orders, refunds and settings, as WooCommerce answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from ordermill.simulator import money
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.orders import Order, Refund
from ordermill.simulator.server import Answer, Request
from ordermill.simulator.woocommerce import document, listing, query, refunds, settings, wording
from ordermill.simulator.woocommerce.auth import Keys, Way
from ordermill.simulator.woocommerce.document import Json, Look
from ordermill.simulator.woocommerce.listing import Row, Site
from ordermill.simulator.woocommerce.webhooks import Hooks
from ordermill.simulator.woocommerce.wording import Refused

ALL: frozenset[Way] = frozenset({"basic", "query", "oauth"})
Handler = Callable[[Request, re.Match[str]], Answer]


class WooCommerceFace:
    """Shows a ledger as a WooCommerce shop.

    ``storage``: "hpos" (own tables) or "posts"; the second does not move the time of change when
    items are edited. ``version``: from 10.0 on refunds carry total_tax and /refunds exists.
    ``ancient`` ignores modified_after. ``home``: what the shop takes for its own address, in links
    and under signatures (None: the address that was called). ``statuses``: those of plug-ins.
    """

    def __init__(
        self,
        ledger: Ledger,
        storage: Literal["hpos", "posts"] = "hpos",
        version: str = "11.0.1",
        *,
        auth: Iterable[Way] = ALL,
        keys: Keys | None = None,
        ancient: bool = False,
        home: str | None = None,
        statuses: Iterable[str] = ("packed",),
    ) -> None:
        self.ledger = ledger
        self.storage = storage
        self.version = version
        self.keys = keys or Keys(ways=frozenset(auth))
        self.ancient = ancient
        self.home = home
        self.statuses = (*settings.STATUSES, *statuses)
        self.hooks = Hooks(ledger.now, self._told, home or "https://shop.test")
        ledger.watchers.append(self.hooks.happened)
        self._routes: list[tuple[re.Pattern[str], Handler]] = [
            (re.compile(f"^/wp-json{path}/?$"), handler)
            for path, handler in (
                (r"/wc/v[23]/orders", self._orders),
                (r"/wc/v[23]/orders/statuses", self._statuses),
                (r"/wc/v[23]/orders/(\d+)", self._order),
                (r"/wc/v[23]/orders/(\d+)/refunds", self._refunds),
                (r"/wc/v[23]/orders/(\d+)/refunds/(\d+)", self._refund),
                (r"/wc/v3/refunds", self._all_refunds),
                (r"/wc/v1/orders", self._nothing),
                (r"/wc/v[123]/(system_status|settings/general|settings/tax)", self._settings),
                (r"/wc/v[23]/data/currencies/current", self._currency),
                (r"/wc/v[23]/webhooks", self._webhooks),
            )
        ]

    @property
    def consumer_key(self) -> str:
        return self.keys.key

    @property
    def consumer_secret(self) -> str:
        return self.keys.secret

    def answer(self, request: Request) -> Answer:
        """Answer one request; the Date is the shop's."""
        try:
            answer = self._answer(request)
        except Refused as refused:
            answer = refused.answer
        date = format_datetime(self.ledger.now(), usegmt=True)
        return Answer(answer.status, answer.body, {**answer.headers, "Date": date})

    def _answer(self, request: Request) -> Answer:
        path = re.sub("/{2,}", "/", request.path)
        if path.rstrip("/") in ("/wp-json", "/wp-json/wc/v3"):
            return self._said(settings.index(path, self._home(request), self.ledger.shop))
        for pattern, handler in self._routes:
            found = pattern.match(path)
            if found and (request.method in ("GET", "HEAD") or handler == self._webhooks):
                self.keys.check(request, self._home(request))
                return handler(request, found)
        raise wording.no_route()

    def _home(self, request: Request) -> str:
        return self.home or request.base_url

    def _said(self, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
        return Answer.of(value, 200, wording.HEADERS | dict(headers or {}))

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.ledger.shop.timezone)

    @property
    def _site(self) -> Site:
        return Site(self.zone, self.storage == "posts", self.ancient)

    def look(self, request: Request | None = None, more: int | None = None) -> Look:
        """How it shows orders to this request."""
        shop = self.ledger.shop
        decimals = money.places(shop.currency) if shop.decimals is None else shop.decimals
        posts = self.storage == "posts"
        home = self._home(request) if request else self.home or ""
        return Look(home, self.zone, decimals, self.version, posts, more)

    def _asked(self, request: Request) -> query.Query:
        return query.read(request, self.zone, self.statuses)

    def _modified(self, order: Order) -> datetime:
        return order.posts_modified_at if self.storage == "posts" else order.modified_at

    # Routes

    def _orders(self, request: Request, found: re.Match[str]) -> Answer:
        asked = self._asked(request)
        rows = [
            Row(order.id, order.status, order.created_at, self._modified(order), order)
            for order in self.ledger.indexed()
        ]
        page = listing.shown(rows, asked, self._site)
        look = self.look(request, asked.decimals)
        documents = [document.order(order, look) for order in page.values]
        return self._listed(request, asked, documents, page.total)

    def _listed(
        self, request: Request, asked: query.Query, documents: list[Json], total: int
    ) -> Answer:
        kept = [listing.only(each, asked.fields) for each in documents]
        return self._said(kept, listing.headers(request, asked, total, self._home(request)))

    def _order(self, request: Request, found: re.Match[str]) -> Answer:
        asked = self._asked(request)
        order = self._known(found)
        look = self.look(request, asked.decimals)
        return self._said(listing.only(document.order(order, look), asked.fields))

    def _known(self, found: re.Match[str]) -> Order:
        order = self.ledger.visible(int(found[1]))
        if order is None:
            raise wording.no_order()
        return order

    def _refunds(self, request: Request, found: re.Match[str]) -> Answer:
        order = self._known(found)
        hidden = document.refunds_hidden(order, self.look(request))
        rows = [_refund_row(order, each) for each in (() if hidden else order.refunds)]
        return self._refund_page(request, rows, with_parent=False)

    def _refund_page(
        self, request: Request, rows: list[Row[tuple[Order, Refund]]], *, with_parent: bool
    ) -> Answer:
        asked = self._asked(request)
        page = listing.shown(rows, asked, self._site)
        look = self.look(request, asked.decimals)
        documents = [
            refunds.refund(order, each, look, with_parent=with_parent)
            for order, each in page.values
        ]
        return self._listed(request, asked, documents, page.total)

    def _refund(self, request: Request, found: re.Match[str]) -> Answer:
        order = self._known(found)
        for each in order.refunds:
            if each.id == int(found[2]):
                return self._said(refunds.refund(order, each, self.look(request)))
        raise wording.no_refund()

    def _all_refunds(self, request: Request, found: re.Match[str]) -> Answer:
        if self.look(request).old:
            raise wording.no_route()
        rows = [
            _refund_row(order, each) for order in self.ledger.indexed() for each in order.refunds
        ]
        return self._refund_page(request, rows, with_parent=True)

    def _nothing(self, request: Request, found: re.Match[str]) -> Answer:
        """wc/v1 with orders in their own tables: silently empty; measured."""
        if self.storage == "posts":
            return self._orders(request, found)
        return self._listed(request, self._asked(request), [], 0)

    def _statuses(self, request: Request, found: re.Match[str]) -> Answer:
        return self._said(settings.statuses(self.statuses))

    def _settings(self, request: Request, found: re.Match[str]) -> Answer:
        self.keys.check_settings()
        shop, home = self.ledger.shop, self._home(request)
        if found[1] == "system_status":
            hpos = self.storage == "hpos"
            return self._said(settings.system_status(shop, home, self.version, hpos=hpos))
        return self._said(
            settings.tax(shop) if found[1].endswith("tax") else settings.general(shop)
        )

    def _currency(self, request: Request, found: re.Match[str]) -> Answer:
        return self._said(settings.currency(self.ledger.shop))

    def _webhooks(self, request: Request, found: re.Match[str]) -> Answer:
        self.keys.check_settings()
        if request.method == "POST":
            self.keys.check_writing()
            made = self.hooks.create(request.json()).shown()
            return Answer.of(made, 201, wording.HEADERS)
        page, size = (
            int(request.params.get(name, n)) for name, n in (("page", 1), ("per_page", 10))
        )
        shown = [hook.shown() for hook in self.hooks.all()]
        return self._said(shown[(page - 1) * size : page * size])

    def _told(self, order_id: int) -> Json | None:
        """An order as a webhook's body has it."""
        order = self.ledger.order(order_id)
        return None if order is None else document.order(order, self.look())


def _refund_row(order: Order, refund: Refund) -> Row[tuple[Order, Refund]]:
    return Row(refund.id, "completed", refund.at, refund.at, (order, refund))
