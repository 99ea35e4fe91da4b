"""What must hold of documents and payments, as the API shows them; `verify` looks from inside."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from chaos.markets import Market
from chaos.seen import Seen, Shown
from ordermill.simulator.orders import Order as LedgerOrder

ZERO = Decimal(0)
CENT = Decimal("0.01")


def violations(seen: Seen, markets: list[Market]) -> Iterator[str]:
    """I4, I6, I7, I10, I11, I13 and I16."""
    yield from _live(seen)
    yield from _chains(seen)
    yield from _orphans(seen)
    for kind in (seen.invoices, seen.credit_notes):
        yield from _numbers(kind)
    for document in seen.documents:
        yield from (f"{document['number']}: {each}" for each in _arithmetic(document, seen))
    for market in markets:
        yield from _of_market(seen, market)


def _live(seen: Seen) -> Iterator[str]:
    """I4. A manual order is invoiced once and never changes."""
    live = Counter(d["order_id"] for d in seen.invoices if d["status"] != "credited")
    yield from (f"order {i} has {n} live invoices" for i, n in live.items() if n > 1)
    for order in seen.orders:
        if order["source"] != "manual" and order["status"] != "invoiced":
            continue
        if order["source"] == "manual" and order["invoice_id"] and live[order["id"]] != 1:
            yield f"{order['source_id']}: invoiced, with {live[order['id']]} live invoices"


def _chains(seen: Seen) -> Iterator[str]:
    """I6: a credit note credits one invoice of its order, an invoice is never credited beyond its
    total, and is ``credited`` exactly when all of it is."""
    invoices = {d["id"]: d for d in seen.invoices}
    credited: dict[str, Decimal] = defaultdict(Decimal)
    for note in seen.credit_notes:
        named = [r["id"] for r in note["relations"] if r["type"] == "credit_for"]
        invoice = invoices.get(named[0]) if len(named) == 1 else None
        if invoice is None or invoice["order_id"] != note["order_id"]:
            yield f"{note['number']} credits {len(named)} invoices, or one of another order"
            continue
        credited[invoice["id"]] += note["total_with_tax"]
        if note["id"] not in [r["id"] for r in invoice["relations"] if r["type"] == "credited_by"]:
            yield f"{invoice['number']} does not say that {note['number']} credits it"
    for invoice in seen.invoices:
        whole, sum_ = invoice["total_with_tax"], credited[invoice["id"]]
        dead = bool(sum_) and sum_ == whole
        if sum_ > whole or (whole and dead != (invoice["status"] == "credited")):
            yield f"{invoice['number']} of {whole} is {invoice['status']}, credited {sum_}"


def _orphans(seen: Seen) -> Iterator[str]:
    """I7: documents and payments are of orders and documents that there are."""
    orders = {order["id"] for order in seen.orders + seen.deleted}
    known = {document["id"] for document in seen.documents}
    for one in seen.documents + seen.payments:
        if one["order_id"] not in orders:
            yield f"{one['id']}: its order {one['order_id']} is not there"
    for payment in seen.payments:
        named = {payment["invoice_id"], payment["credit_note_id"]} - {None}
        if not named or named - known:
            yield f"{payment['id']}: a payment of documents that are not there"


def _numbers(documents: list[Shown]) -> Iterator[str]:
    """I10: from 1 on without a gap, once each, dates never going back. One year, one entity."""
    by_number = sorted((int(d["number"].rpartition("-")[2]), d["date"]) for d in documents)
    numbers = [number for number, _ in by_number]
    kind = documents[0]["kind"] if documents else ""
    for number, n in Counter(numbers).items():
        if n > 1:
            yield f"{kind}: number {number} {n} times"
    missing = sorted(set(range(1, len(numbers) + 1)) - set(numbers))
    if missing:
        yield f"{kind}: numbers {missing[:5]} are missing"
    for (_, before), (number, date) in pairwise(by_number):
        if date < before:
            yield f"{kind}: number {number} is of {date}, the one before it of {before}"


def _arithmetic(document: Shown, seen: Seen) -> Iterator[str]:
    """I16, to the cent."""
    items, taxes = document["items"], document["taxes"]
    net, tax, rounding = (document[name] for name in ("total", "total_tax", "rounding"))
    if sum((item["total"] for item in items), ZERO) != net:
        yield f"its lines do not come to its total, {net}"
    if sum((each["tax"] for each in taxes), ZERO) != tax:
        yield f"its taxes do not come to its total_tax, {tax}"
    if net + tax + rounding != document["total_with_tax"]:
        yield f"{net} + {tax} + {rounding} is not {document['total_with_tax']}"
    for each in taxes:
        bearing = [i["total"] for i in items for t in i["taxes"] if t["rate"] == each["rate"]]
        if bearing and each["tax"] and not each["base"]:
            yield f"a tax of {each['tax']} without a base"
    most = CENT * max(len(items), _most_lines(document, seen))
    if abs(rounding) > most:
        yield f"rounding {rounding}, more than a cent for each line"


def _most_lines(document: Shown, seen: Seen) -> int:
    """A credit note may have to take its invoice's rounding for fewer lines."""
    credited = {r["id"] for r in document["relations"] if r["type"] == "credit_for"}
    return max((len(d["items"]) for d in seen.invoices if d["id"] in credited), default=1)


def _of_market(seen: Seen, market: Market) -> Iterator[str]:
    issued = Counter(document["order_id"] for document in seen.documents)
    stored = seen.of(market, seen.orders)
    paid = _net_payments(seen)
    for order in market.ledger.orders():
        for here in stored.get(str(order.id), []):
            name, n, changes = f"{market.handle} {order.id}", issued[here["id"]], _changes(
                market, order)  # fmt: skip
            if n > 1 + 2 * changes:
                yield f"{name}: {n} documents for {changes} changes"
            yield from (f"{name}: {each}" for each in _paid(market, order, here, paid))


def _changes(market: Market, order: LedgerOrder) -> int:
    """I11: how often the shop changed what is billed."""
    return market.changes[order.id]


def _net_payments(seen: Seen) -> dict[str, Decimal]:
    """What came less what went back, by order; credit that was only moved is neither."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for payment in seen.payments:
        if payment["credit_note_id"] is None:
            sums[payment["order_id"]] += payment["amount"]
        elif payment["invoice_id"] is None:
            sums[payment["order_id"]] -= payment["amount"]
    return sums


def _paid(
    market: Market, order: LedgerOrder, here: Shown, paid: dict[str, Decimal]
) -> Iterator[str]:
    """I13: what came less what went back is what the shop says. WooCommerce does not keep what was
    paid before an edit, so an edited order is left out there, and one with a hold everywhere."""
    if here["status"] != "invoiced" or here["error"]:
        return
    if market.platform == "shopify":
        back = sum((t.amount for t in order.transactions if t.kind == "refund"), ZERO)
        wanted = max(order.paid - back, ZERO)  # nobody is given back what never came
    elif order.edited or market.changes[order.id] > len(order.refunds) + 1:
        return
    else:
        wanted = order.current_total if order.paid_at else ZERO
    if paid[here["id"]] != wanted:
        yield f"payments of {paid[here['id']]}, paid {wanted} in the shop"
