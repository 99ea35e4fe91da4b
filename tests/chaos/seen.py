"""Everything that the Orders API shows at one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import msgspec

from chaos.markets import Market

Shown = dict[str, Any]
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class Seen:
    """What one key sees, list by list."""

    def __init__(self, address: str, key: str) -> None:
        with asking(address, key) as client:
            self.orders = list(pages(client, "/orders"))
            self.deleted = list(pages(client, "/orders", deleted="true"))
            self.invoices = list(pages(client, "/invoices"))
            self.credit_notes = list(pages(client, "/credit-notes"))
            self.payments = list(pages(client, "/payments"))
            integrations = list(pages(client, "/order-integrations"))
        self.handles = {one["id"]: one["handle"] for one in integrations}

    @property
    def documents(self) -> list[Shown]:
        return self.invoices + self.credit_notes

    def of(self, market: Market, orders: list[Shown]) -> dict[str, list[Shown]]:
        """The orders of one shop, by the shop's id."""
        found = defaultdict(list)
        for order in orders:
            if self.handles[order["order_integration_id"]] == market.handle:
                found[order["source_id"]].append(order)
        return found

    def billed(self) -> dict[str, Decimal]:
        """Invoices minus credit notes, by order."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for document in self.documents:
            sign = 1 if document["kind"] == "invoice" else -1
            sums[document["order_id"]] += sign * Decimal(document["total_with_tax"])
        return sums


def asking(address: str, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=address, headers=headers, timeout=20)


def pages(client: httpx.Client, path: str, **query: str) -> Iterator[Shown]:
    """Every row of a list; raise httpx.HTTPError."""
    cursor: str | None = None
    while True:
        given = query | {"limit": "100"} | ({"next_cursor": cursor} if cursor else {})
        page = fetched(client, path, **given)
        yield from page["data"]
        cursor = page["pagination"]["next_cursor"]
        if not page["pagination"]["has_more"] or cursor is None:
            return


def fetched(client: httpx.Client, path: str, **query: str) -> Any:
    """The body of an answer; raise httpx.HTTPError."""
    answer = client.get(path, params=query)
    answer.raise_for_status()
    return _decode(answer.content)
