"""What must hold when everything has come to rest, seen from outside: through the API, in the logs,
and by `ordermill verify`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec

from chaos.callers import Wish
from chaos.markets import Market
from ordermill.simulator.orders import Order as LedgerOrder
from program import call

ALLOWED = {"reissue_limit", "refund_deleted", "order_gone", "cancelled_not_refunded",
           "refund_below_line", "zero_total", "test_order", "refunded_before_invoice"}  # fmt: skip
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class Seen:
    """Everything the API shows at one moment."""

    def __init__(self, address: str, key: str) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=address, headers=headers, timeout=20) as client:
            self.orders = list(_all(client, "/orders"))
            self.deleted = list(_all(client, "/orders", deleted="true"))
            self.invoices = list(_all(client, "/invoices"))
            self.credit_notes = list(_all(client, "/credit-notes"))
            integrations = list(_all(client, "/order-integrations"))
        self.handles = {one["id"]: one["handle"] for one in integrations}

    def of(self, market: Market, orders: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
        found = defaultdict(list)
        for order in orders:
            if self.handles[order["order_integration_id"]] == market.handle:
                found[order["source_id"]].append(order)
        return found

    def billed(self) -> dict[str, Decimal]:
        """Invoices minus credit notes, by order."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for document in self.invoices:
            sums[document["order_id"]] += Decimal(document["total_with_tax"])
        for document in self.credit_notes:
            sums[document["order_id"]] -= Decimal(document["total_with_tax"])
        return sums


def _all(client: httpx.Client, path: str, **query: str) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        given = query | {"limit": "100"} | ({"next_cursor": cursor} if cursor else {})
        answer = client.get(path, params=given)
        answer.raise_for_status()
        page = _decode(answer.content)
        yield from page["data"]
        cursor = page["pagination"]["next_cursor"]
        if not page["pagination"]["has_more"] or cursor is None:
            return


def violations(seen: Seen, markets: list[Market], wishes: list[Wish]) -> list[str]:
    """I1 to I6 and I15, in words; empty when all hold."""
    found: list[str] = []
    billed = seen.billed()
    for market in markets:
        live, gone = seen.of(market, seen.orders), seen.of(market, seen.deleted)
        for order in market.ledger.orders():
            found += _of_order(market, order, live, gone, billed)
        known = {str(order.id) for order in market.ledger.orders()}
        found += [f"{market.handle} {i}: gone from the shop, not here" for i in live.keys() - known]
    found += _documents(seen)
    found += _acknowledged(seen, wishes)
    return found


def _of_order(
    market: Market,
    order: LedgerOrder,
    live: dict[str, list[dict[str, Any]]],
    gone: dict[str, list[dict[str, Any]]],
    billed: dict[str, Decimal],
) -> Iterator[str]:
    name = f"{market.handle} {order.id}"
    here, away = live.get(str(order.id), []), gone.get(str(order.id), [])
    trashed = order.status == "trash"
    if len(here) + len(away) != 1 or bool(away) != trashed:
        there = "trashed" if trashed else "live"
        yield f"{name}: {len(here)} live and {len(away)} deleted, {there} in the shop"
        return
    if trashed:
        return
    stored = here[0]
    yield from (f"{name}: {each}" for each in _state(market, order, stored))
    yield from (f"{name}: {each}" for each in _billing(market, order, stored, billed))


def _state(market: Market, order: LedgerOrder, stored: dict[str, Any]) -> Iterator[str]:
    """I3: what is stored is what the shop shows."""
    shopify = market.platform == "shopify"
    total = order.current_total if shopify else order.totals.total
    if Decimal(stored["total_with_tax"]) != total:
        yield f"total {stored['total_with_tax']}, in the shop {total}"
    if stored["currency_code"] != order.currency:
        yield f"currency {stored['currency_code']}, in the shop {order.currency}"
    cancelled = order.cancelled_at is not None if shopify else order.status == "cancelled"
    if stored["cancelled"] != cancelled:
        yield f"cancelled {stored['cancelled']}, in the shop {cancelled}"
    if order.customer is not None and order.customer.email != (stored["customer_email"] or ""):
        yield "another buyer"


def _billing(
    market: Market, order: LedgerOrder, stored: dict[str, Any], billed: dict[str, Decimal]
) -> Iterator[str]:
    """I4, I5: one live invoice that equals what is owed, where the rules ask for one."""
    code = (stored["error"] or "").partition(":")[0]
    if stored["status"] == "failed" or (code and code not in ALLOWED):
        yield f"{stored['status']}: {stored['error']}"
    if stored["status"] == "invoiced" and not code:
        owed = Decimal(0) if stored["cancelled"] else order.current_total
        if billed[stored["id"]] != owed:
            yield f"billed {billed[stored['id']]}, owed {owed}"
        if stored["items_changed_after_processing"]:
            yield "changed after processing, and not reissued"
    if stored["status"] == "pending" and _wanted(market, order, stored):
        yield "waits, though the rules ask for an invoice"
    if stored["status"] == "pending" and billed[stored["id"]]:
        yield "pending, and billed"


def _wanted(market: Market, order: LedgerOrder, stored: dict[str, Any]) -> bool:
    if market.platform == "shopify":
        return bool(stored["paid"])
    return order.status in ("processing", "completed", "on-hold", "pending")


def _documents(seen: Seen) -> Iterator[str]:
    """I4, I6, I10 as the API shows them; `verify` looks closer."""
    live = Counter(d["order_id"] for d in seen.invoices if d["status"] != "credited")
    yield from (f"order {i} has {n} live invoices" for i, n in live.items() if n > 1)
    for documents in (seen.invoices, seen.credit_notes):
        numbers = Counter(document["number"] for document in documents)
        yield from (f"number {number} {n} times" for number, n in numbers.items() if n > 1)


def _acknowledged(seen: Seen, wishes: list[Wish]) -> Iterator[str]:
    """I15: what a call was answered is true, and was done once."""
    by_id = {order["id"]: order for order in seen.orders}
    by_source = Counter(o["source_id"] for o in seen.orders if o["source"] == "manual")
    for wish in wishes:
        if wish.order_id is not None and wish.order_id not in by_id:
            yield f"{wish.source_id}: acknowledged as {wish.order_id}, and lost"
        elif wish.order_id is not None and wish.invoice_id is not None:
            invoice_id = by_id[wish.order_id]["invoice_id"]
            if invoice_id != wish.invoice_id:
                yield f"{wish.source_id}: acknowledged {wish.invoice_id}, has {invoice_id}"
        if by_source[wish.source_id] > 1:
            yield f"{wish.source_id}: made {by_source[wish.source_id]} times"


def verified(config: Path) -> list[str]:
    """What `ordermill verify` says of the books."""
    result = call("verify", "-c", config, timeout=120)
    if result.returncode == 0:
        return []
    return [f"verify: {line}" for line in (result.stdout + result.stderr).splitlines()[:12]]


def told(logs: list[Path], markets: list[Market], secrets: list[str]) -> list[str]:
    """I19: secrets and buyers in the logs, and a daemon that broke."""
    text = "".join(log.read_text(errors="replace") for log in logs if log.exists())
    found = ["a secret is in the log" for secret in secrets if secret and secret in text]
    for market in markets:
        for order in market.ledger.orders():
            if order.customer is not None and order.customer.email and order.customer.email in text:
                found.append(f"the e-mail address of a buyer of {market.handle} is in the log")
                break
    if "Traceback (most recent call last)" in text:
        found.append("a traceback is in the log")
    return found
