"""Writes plans: for many orders at once, all of it or nothing, the numbers last.

In this order: customers (their rows locked by key), everything that can be computed, the orders and
refunds, then the series (locked by name) with the numbers, and what names them. The orders
themselves were locked, by id, when their cases were loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, update

from ordermill.model.buyer import buyer_of
from ordermill.model.case import Case, Happening, Plan
from ordermill.model.document import DocumentKind, Draft, Payment
from ordermill.model.erasure import NOBODY
from ordermill.store import customers, documents, events, numbering, payments, tallies
from ordermill.store.bulk import change
from ordermill.store.cases import Loaded
from ordermill.store.customers import Purchase
from ordermill.store.events import Event
from ordermill.store.rows import json_text
from ordermill.store.tables import DECISION_COLUMNS, orders, refunds
from ordermill.store.types import MILLISECOND

_DECISIONS = tuple(column.name for column in DECISION_COLUMNS)
_as_decided = attrgetter(*_DECISIONS)
_AS_JSON = {"changes", "auto_reissues"}
# What of the decisions a reader of the order sees: a change of it is one of the order.
_SEEN = {
    "status", "error", "customer_id", "invoice_id", "estimate_id", "process_after", "processed_at",
    "items_changed", "withdrawn_at",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planned:
    """A case under its lock and what is to become of it."""

    loaded: Loaded
    plan: Plan

    @property
    def case(self) -> Case:
        return self.loaded.case


def write(
    conn: Connection, work: Sequence[Planned], *, now: datetime, actor: str
) -> dict[str, str]:
    """Write the plans of different orders; the numbers of their documents, by document id.

    The caller's transaction makes it all or nothing. Raises whatever the database refuses, such as
    a second live invoice of an order.
    """
    buyers, new_customers = _buyers(conn, work, now)
    rows = [row for one in work for row in _rows(one, buyers, now)]
    _decide(conn, work, buyers, now)
    _settle(conn, work)
    wanted = [numbering.Wanted(row.entity_id, row.entity, row.draft.kind) for row in rows]
    numbered = numbering.take(conn, wanted, now)
    documents.append_documents(conn, rows, numbered)
    documents.write_states(conn, [(one.case, one.plan) for one in work])
    documents.append_links(conn, (row.draft for row in rows))
    payments.append_payments(conn, _payments(work), now)
    numbers = {row.draft.id: given.number for row, given in zip(rows, numbered, strict=True)}
    events.record(conn, [event for one in work for event in _events(one, numbers, actor)], now)
    tallies.add(conn, _tallied(work, new_customers))
    return numbers


def note(conn: Connection, order_id: str, plan: Plan, *, now: datetime, actor: str) -> None:
    """Write the decisions and events of a plan without its case: nothing is issued by it."""
    values = {name: _written(name, value) for name, value in plan.decisions.items()}
    conn.execute(update(orders).where(orders.c.id == order_id).values(**values, updated_at=now))
    told = [Event(order_id, each.type, actor, each.reason, each.data) for each in plan.events]
    events.record(conn, told, now)


def _buyers(
    conn: Connection, work: Sequence[Planned], now: datetime
) -> tuple[dict[str, str], Counter[str]]:
    """The customer of every draft, by its id, and how many were made by entity id. A credit note's
    is its invoice's, as is that of a new invoice of an order whose buyer's data was erased."""
    found: dict[str, str] = {}
    purchases: dict[str, Purchase] = {}
    for one in work:
        for draft in one.plan.documents:
            known = one.loaded.buyers.get(draft.credits or _invoice_of_erased(one.case) or "")
            if known is not None:
                found[draft.id] = known
            else:
                purchases[draft.id] = _purchase(one, draft)
    ids, made = customers.resolve(conn, list(purchases.values()), now)
    found |= {draft_id: ids[p.entity_id, p.key] for draft_id, p in purchases.items()}
    return found, made


def _invoice_of_erased(case: Case) -> str | None:
    """The invoice whose customer goes on, where the order says nothing of its buyer any more."""
    nameless = case.invoice is not None and buyer_of(case.order) == NOBODY
    return case.invoice.id if nameless and case.invoice is not None else None


def _purchase(one: Planned, draft: Draft) -> Purchase:
    order = one.case.order
    key = customers.key_of(
        draft.customer,
        integration_id=one.loaded.integration_id,
        platform_id=order.customer.source_id if order.customer else None,
        order_id=one.case.id,
    )
    at = order.ordered_at or one.case.created_at
    return Purchase(one.loaded.entity_id, key, draft.customer, at)


def _rows(one: Planned, buyers: Mapping[str, str], now: datetime) -> Iterator[documents.Row]:
    """A document is always later than those before it, also where the clock went back."""
    before = [document.created_at for document in one.case.documents]
    at = max([now, *(earlier + MILLISECOND for earlier in before)])
    for draft in one.plan.documents:
        yield documents.Row(
            draft,
            one.case,
            entity_id=one.loaded.entity_id,
            integration_id=one.loaded.integration_id,
            customer_id=buyers[draft.id],
            created_at=at,
        )
        at += MILLISECOND


def _decide(
    conn: Connection, work: Sequence[Planned], buyers: Mapping[str, str], now: datetime
) -> None:
    rows = [_decided(one, buyers, now) for one in work]
    change(conn, orders, ("id",), (*_DECISIONS, "updated_at"), rows)


def _decided(one: Planned, buyers: Mapping[str, str], now: datetime) -> tuple[Any, ...]:
    """The whole of the decisions, changed or not: one statement for all."""
    before = dict(zip(_DECISIONS, _as_decided(one.case), strict=True))
    after = before | one.plan.decisions | _customer(one.plan, buyers)
    if len(after) > len(before):
        raise ValueError(f"a plan decides {sorted(after.keys() - before.keys())}")
    seen = any(after[name] != before[name] for name in _SEEN)
    values = (_written(name, value) for name, value in after.items())
    return (one.case.id, *values, now if seen else one.loaded.updated_at)


def _written(name: str, value: Any) -> Any:
    if name in _AS_JSON:
        return json_text(value)
    return str(value) if name == "status" else value


def _customer(plan: Plan, buyers: Mapping[str, str]) -> dict[str, str]:
    """The order's customer is the buyer of its latest invoice or estimate."""
    made = [d for d in plan.documents if d.kind is not DocumentKind.CREDIT_NOTE]
    return {"customer_id": buyers[made[-1].id]} if made else {}


def _settle(conn: Connection, work: Sequence[Planned]) -> None:
    rows = [(one.case.id, *settled) for one in work for settled in one.plan.settled.items()]
    change(conn, refunds, ("order_id", "source_id"), ("settled_by",), rows)


def _payments(work: Sequence[Planned]) -> Iterator[tuple[str, Case, Payment]]:
    for one in work:
        for payment in one.plan.payments:
            yield one.loaded.entity_id, one.case, payment


def _events(one: Planned, numbers: Mapping[str, str], actor: str) -> Iterator[Event]:
    for each in one.plan.events:
        data = each.data | _numbers_of(each, numbers)
        yield Event(one.case.id, each.type, each.actor or actor, each.reason, data)


def _numbers_of(each: Happening, numbers: Mapping[str, str]) -> dict[str, str]:
    """``invoice_id`` of a document that was numbered just now is joined by ``invoice_number``."""
    return {
        f"{name.removesuffix('_id')}_number": numbers[value]
        for name, value in each.data.items()
        if isinstance(value, str) and value in numbers
    }


def _tallied(work: Sequence[Planned], new_customers: Mapping[str, int]) -> Counter[tuple[str, str]]:
    more = Counter({(entity, tallies.CUSTOMERS): n for entity, n in new_customers.items()})
    for one in work:
        for draft in one.plan.documents:
            more[one.loaded.entity_id, tallies.DOCUMENTS[draft.kind]] += 1
        more[one.loaded.entity_id, tallies.PAYMENTS] += len(one.plan.payments)
    return more
