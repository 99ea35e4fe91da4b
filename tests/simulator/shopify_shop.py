"""A simulated Shopify over real HTTP: asked by hand, or read by the real connector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import httpx

from ordermill.connector.base import By, Context, Unobserved, Window
from ordermill.model.order import Order
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.orders import Order as Kept
from ordermill.simulator.server import Server, serve
from ordermill.simulator.shopify.face import ShopifyFace
from ordermill_shopify.connector import ShopifyConnector
from ordermill_shopify.options import Options
from simulator.books import START, placed


class Said(NamedTuple):
    """An answer: its body, taken apart."""

    status: int
    headers: httpx.Headers
    body: Any

    @property
    def data(self) -> Any:
        """``data``, of an answer without errors."""
        assert "errors" not in self.body, self.body["errors"]
        return self.body["data"]

    @property
    def code(self) -> str | None:
        """The code of the first error."""
        found: str | None = self.body["errors"][0].get("extensions", {}).get("code")
        return found

    @property
    def cost(self) -> Any:
        return self.body["extensions"]["cost"]


class Asker:
    """A plain client, which knows no more than the token."""

    def __init__(self, face: ShopifyFace, server: Server) -> None:
        self.face = face
        self.server = server
        self.version = "2026-10"
        self.token = face.access_token

    def __call__(self, text: str, **variables: Any) -> Said:
        return self.post({"query": text, "variables": variables})

    def post(self, body: Any, path: str | None = None) -> Said:
        url = f"{self.server.url}{path or f'/admin/api/{self.version}/graphql.json'}"
        headers = {"X-Shopify-Access-Token": self.token}
        response = httpx.post(url, json=body, headers=headers)
        assert not self.server.errors, self.server.errors
        return Said(response.status_code, response.headers, response.json())

    def orders(self, query: str = "", first: int = 250, **other: Any) -> list[str]:
        """The names that a search finds, oldest first."""
        text = (
            "query($q: String, $first: Int!, $sort: OrderSortKeys) "
            "{ orders(query: $q, first: $first, sortKey: $sort) { nodes { name } } }"
        )
        found = self(text, q=query, first=first, sort="CREATED_AT", **other)
        return [node["name"] for node in found.data["orders"]["nodes"]]


def gid(order: Kept) -> str:
    return f"gid://shopify/Order/{order.id}"


def names(orders: list[Kept]) -> list[str]:
    return [f"#{order.number}" for order in orders]


def a_second_apart(ledger: Ledger, count: int) -> list[Kept]:
    orders = []
    for _ in range(count):
        orders.append(placed(ledger))
        ledger.clock.sleep(1)
    return orders


@contextmanager
def open_shop(ledger: Ledger, **options: Any) -> Iterator[Asker]:
    face = ShopifyFace(ledger, **options)
    with serve(face) as server:
        yield Asker(face, server)


@contextmanager
def connected(asker: Asker, **options: Any) -> Iterator[ShopifyConnector]:
    """The real connector, on the shop's own clock."""
    clock = asker.face.ledger.clock
    context = Context("shop", clock.now, clock.sleep, Unobserved(), 100)
    given: Mapping[str, Any] = {
        "shop_domain": "acme.myshopify.com", "access_token": asker.token,
        "base_url": asker.server.url, "allow_private_network": True,
    } | options  # fmt: skip
    connector = ShopifyConnector(Options.model_validate(given), context)
    try:
        yield connector
    finally:
        connector.close()


def read_all(connector: ShopifyConnector, by: By = By.CHANGED) -> dict[str, Order]:
    """Every order of one pass, by its id."""
    since = START - timedelta(days=2)
    until = START + timedelta(days=30) if by is By.CREATED else None
    window, cursor = Window(by=by, since=since, until=until), None
    found: dict[str, Order] = {}
    while True:
        page = connector.fetch(window, cursor)
        for raw in page.orders:
            found[raw.source_id] = connector.normalize(raw)
        if page.cursor is None:
            return found
        assert page.cursor != cursor
        cursor = page.cursor


def kept(shop: Asker) -> dict[str, Kept]:
    """The ledger's own orders, by the ids that the connector gives them."""
    return {str(order.id): order for order in shop.face.ledger.orders()}
