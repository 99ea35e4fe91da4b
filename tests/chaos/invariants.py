"""What must hold when everything has come to rest, seen from outside: through the API, in the logs,
and by `ordermill verify`. docs/reliability.md has a table of the twenty invariants."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from chaos import documents
from chaos.callers import Wish
from chaos.markets import Market
from chaos.processes import Child
from chaos.seen import Seen, Shown
from ordermill.simulator.orders import Order as LedgerOrder
from ordermill.simulator.parts import Address

ALLOWED = {"reissue_limit", "refund_deleted", "order_gone", "cancelled_not_refunded",
           "refund_below_line", "zero_total", "test_order", "refunded_before_invoice"}  # fmt: skip
VERIFYING = 120.0  # seconds


def violations(seen: Seen, markets: list[Market], wishes: list[Wish]) -> list[str]:
    """I1 to I7, I10, I11, I13, I15 and I16, in words; empty when all hold."""
    found: list[str] = []
    billed = seen.billed()
    for market in markets:
        live, gone = seen.of(market, seen.orders), seen.of(market, seen.deleted)
        for order in market.ledger.orders():
            found += _of_order(market, order, live, gone, billed)
        known = {str(order.id) for order in market.ledger.orders()}
        found += [f"{market.handle} {i}: gone from the shop, not here" for i in live.keys() - known]
        ever = known | market.purged
        found += [f"{market.handle} {i}: never was in the shop"
                  for i in (live.keys() | gone.keys()) - ever]  # fmt: skip
    found += documents.violations(seen, markets)
    found += _acknowledged(seen, wishes)
    return found


def _of_order(
    market: Market,
    order: LedgerOrder,
    live: dict[str, list[Shown]],
    gone: dict[str, list[Shown]],
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


def differs(market: Market, order: LedgerOrder, stored: Shown) -> bool:
    """Whether what is stored of an order is not what its shop has."""
    trashed = order.status == "trash"
    if trashed != (stored["deleted_at"] is not None):
        return True
    return not trashed and any(_state(market, order, stored))


def _state(market: Market, order: LedgerOrder, stored: Shown) -> Iterator[str]:
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
    yield from _buyer(market, order, stored)
    yield from _items(market, order, stored)


def _buyer(market: Market, order: LedgerOrder, stored: Shown) -> Iterator[str]:
    """Never the values: what is printed is no place for a buyer's data."""
    if order.customer.email != (stored["customer_email"] or ""):
        yield "another buyer than in the shop"
    sent = market.platform == "woocommerce" or any(line.requires_shipping for line in order.lines)
    shipping = order.ship_to if sent else Address()
    for name, there in (("billing_address", order.billing), ("shipping_address", shipping)):
        if _address(stored[name]) != _lines(there):
            yield f"another {name.replace('_', ' ')} than in the shop"


def _address(stored: Shown | None) -> tuple[str, ...]:
    names = ("name", "company", "address", "address_2", "city", "post_code", "country_code")
    return tuple((stored or {}).get(name) or "" for name in names)


def _lines(there: Address) -> tuple[str, ...]:
    return (f"{there.first_name} {there.last_name}".strip(), there.company, there.address_1,
            there.address_2, there.city, there.postcode, there.country)  # fmt: skip


def _items(market: Market, order: LedgerOrder, stored: Shown) -> Iterator[str]:
    """Goods as a multiset. WooCommerce's refunds change no line, Shopify's take units away, so that
    there the worth of a line that was refunded is another."""
    shopify = market.platform == "shopify"
    wanted: Counter[tuple[str, str, Decimal, Decimal | None]] = Counter()
    for line in order.lines:
        back = order.refunded_quantity(line.id) if shopify else Decimal(0)
        left = line.now.quantity - back
        if left > 0:
            worth = None if back or (shopify and order.refunds) else line.now.gross
            wanted[str(line.id), line.sku, left, worth] += 1
    found = Counter(_item(item, wanted) for item in stored["items"] if item["kind"] == "line_item")
    if found != wanted:
        differ = ", ".join(
            f"{sku} x{quantity:f}" for _, sku, quantity, _ in (wanted - found) or (found - wanted)
        )
        yield f"items {differ}: otherwise in the shop"


def _item(item: Shown, wanted: Counter[tuple[str, str, Decimal, Decimal | None]]
          ) -> tuple[str, str, Decimal, Decimal | None]:  # fmt: skip
    key = (item["source_id"], item["sku"] or "", Decimal(item["quantity"]))
    return (*key, None if (*key, None) in wanted else Decimal(item["total_with_tax"]))


def _billing(
    market: Market, order: LedgerOrder, stored: Shown, billed: dict[str, Decimal]
) -> Iterator[str]:
    """I5: one live invoice that equals what is owed, where the rules ask for one."""
    code = (stored["error"] or "").partition(":")[0]
    if order.totals.total < 0 and code == "order_totals_mismatch":
        return  # less than nothing is nobody's invoice: it is held, as it must be
    if stored["status"] == "failed" or (code and code not in ALLOWED):
        yield f"{stored['status']}: {stored['error']}"
    if stored["status"] == "invoiced" and not code:
        yield from _settled(order, stored, billed[stored["id"]])
    if stored["status"] == "pending" and _wanted(market, order, stored):
        yield "waits, though the rules ask for an invoice"
    if stored["status"] == "pending" and billed[stored["id"]]:
        yield "pending, and billed"


def _settled(order: LedgerOrder, stored: Shown, billed: Decimal) -> Iterator[str]:
    """Owed is what the shop says; of a cancelled order nothing, as soon as nobody paid it or the
    money went back. Until then, for a day, nothing is issued for it: what was changed last before
    it was cancelled stays as it was billed."""
    kept = stored["cancelled"] and order.current_total > 0 and (order.paid or order.paid_at)
    owed = Decimal(0) if stored["cancelled"] and not kept else order.current_total
    changed = stored["items_changed_after_processing"]
    if billed != owed and not (kept and changed and billed):
        yield f"billed {billed}, owed {owed}"
    if changed and not kept:
        yield "changed after processing, and not reissued"


def _wanted(market: Market, order: LedgerOrder, stored: Shown) -> bool:
    if market.platform == "shopify":
        return bool(stored["paid"])
    return order.status in ("processing", "completed", "on-hold", "pending")


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
    said = config.with_name("verify.log")
    said.touch()
    child = Child(("verify", "-c", str(config)), said)
    if child.wait(VERIFYING) and child.code() == 0:
        return []
    child.signal(signal.SIGKILL)
    return [f"verify: {line}" for line in said.read_text().splitlines()[:12] or ["said nothing"]]
