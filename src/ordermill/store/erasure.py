"""Erases a buyer's personal data from everything but what was issued to them.

Issued documents stay as they are: the law asks for them, whole and unchanged. What else is kept of
their orders is what was bought, paid and billed; no later version brings the rest back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, delete, select, update

from ordermill.model.changes import of_items
from ordermill.model.erasure import without_buyer
from ordermill.model.integration import OPERATOR
from ordermill.model.order import OrderStatus
from ordermill.store import events, naming, read
from ordermill.store.bulk import among
from ordermill.store.events import Event
from ordermill.store.orders import ERASED
from ordermill.store.rows import json_text, search_text
from ordermill.store.tables import (
    customers,
    idempotency,
    integration_state,
    integrations,
    orders,
    raw_versions,
    refunds,
    rejected_orders,
)

REASON = "the buyer's personal data was erased"
# Orders of which an invoice may still come need their buyer.
AT_REST = (OrderStatus.INVOICED, OrderStatus.CANCELLED, OrderStatus.SKIPPED)


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data it is: orders and customers by id; ``open`` are the names of orders that may still
    be invoiced, and are left out; ``rejected`` what could not be read, by integration and source
    id."""

    orders: Sequence[str]
    customers: Sequence[str]
    open: Sequence[str]
    rejected: Sequence[tuple[str, str]]


def of_email(conn: Connection, email: str) -> Person:
    """Everything of whoever has that address, in any letter case, in every entity."""
    wanted = email.strip().casefold()
    theirs = [row.id for row in _with(conn, select(customers), customers, "email", wanted)]
    mine = {row.id: row for row in _with(conn, _ORDERS, orders, "customer_email", wanted)}
    linked = conn.execute(_ORDERS.where(among(conn, orders.c.customer_id, theirs)))
    mine |= {row.id: row for row in linked}
    return _person(mine.values(), theirs, list(_unread(conn, wanted)))


def of_order(conn: Connection, words: str) -> Person:
    """One order, and its customer if no other order is theirs; raise NotFound."""
    found = naming.find(conn, words)
    unread = (
        select(rejected_orders.c.integration_id, rejected_orders.c.source_id)
        .join_from(rejected_orders, integrations)
        .where(
            integrations.c.handle == found.handle, rejected_orders.c.source_id == found.source_id
        )
    )
    rows = conn.execute(_ORDERS.where(orders.c.id == found.id)).all()
    return _person(rows, _alone(conn, rows), [(row[0], row[1]) for row in conn.execute(unread)])


def of_request(
    conn: Connection, handle: str, source_ids: Collection[str], email: str | None
) -> Person:
    """What a shop may ask for: these orders of its integration, those of it with the address, and
    customers who have no others. Of another shop's or entity's it has no say."""
    mine, wanted = integrations.c.handle == handle, (email or "").strip().casefold()
    named = conn.execute(_ORDERS.where(mine, among(conn, orders.c.source_id, list(source_ids))))
    rows = {row.id: row for row in named}
    if wanted:
        wrote = _with(conn, _ORDERS.where(mine), orders, "customer_email", wanted)
        rows |= {row.id: row for row in wrote}
    shop = conn.scalar(select(integrations.c.id).where(mine))
    unread = [one for one in _unread(conn, wanted) if one[0] == shop] if wanted else []
    return _person(rows.values(), _alone(conn, rows.values()), unread)


def erase(conn: Connection, person: Person, *, now: datetime) -> None:
    """Erase it all. Idempotent; what is being read of these shops meanwhile waits for the commit,
    and then stores nothing of it either."""
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("PRAGMA secure_delete = ON")
    rows = _locked(conn, person.orders)
    for row in rows:
        conn.execute(update(orders).where(orders.c.id == row.id).values(**_erased(row, now)))
    ids = [row.id for row in rows]
    for table, values in (
        (raw_versions, {"payload": ERASED}),
        (refunds, {"reason": None}),
    ):
        conn.execute(update(table).where(among(conn, table.c.order_id, ids)).values(**values))
    for order_id in ids:
        answers = idempotency.c.body.contains(order_id, autoescape=True)
        conn.execute(delete(idempotency).where(answers))
    unread = rejected_orders.c
    for integration_id, source_id in person.rejected:
        which = (unread.integration_id == integration_id, unread.source_id == source_id)
        conn.execute(delete(rejected_orders).where(*which))
    _erase_customers(conn, person.customers, now)
    happened = [Event(row.id, events.UPDATED, actor=OPERATOR, reason=REASON) for row in rows]
    events.record(conn, happened, now)


_ORDERS: Select[Any] = select(
    orders.c.id,
    orders.c.customer_id,
    orders.c.customer_email,
    orders.c.status,
    orders.c.deleted_at,
    orders.c.source_id,
    integrations.c.handle,
).join_from(orders, integrations)


def _with(
    conn: Connection, query: Select[Any], table: Table, column: str, wanted: str
) -> Iterator[Row[Any]]:
    """Rows with that address; the search text, which is casefolded, finds those to look at."""
    likely = table.c.search_text.contains(wanted, autoescape=True)
    for row in conn.execute(query.where(likely)):
        if (getattr(row, column) or "").strip().casefold() == wanted:
            yield row


def _unread(conn: Connection, wanted: str) -> Iterator[tuple[str, str]]:
    """Payloads that name the address; they are few, and read whole."""
    table = rejected_orders.c
    for row in conn.execute(select(table.integration_id, table.source_id, table.payload)):
        if wanted in row.payload.casefold():
            yield row.integration_id, row.source_id


def _alone(conn: Connection, rows: Collection[Row[Any]]) -> list[str]:
    """The customers of these orders who have no other order but erased ones."""
    theirs = {row.customer_id for row in rows if row.customer_id}
    column = orders.c.customer_id
    every = select(orders.c.id, column).where(
        among(conn, column, list(theirs)), orders.c.erased_at.is_(None)
    )
    ours = {row.id for row in rows}
    return sorted(theirs - {row.customer_id for row in conn.execute(every) if row.id not in ours})


def _person(
    rows: Collection[Row[Any]], customer_ids: Sequence[str], rejected: Sequence[tuple[str, str]]
) -> Person:
    at_rest = [row for row in rows if row.status in AT_REST or row.deleted_at is not None]
    waiting = [row for row in rows if row not in at_rest]
    needed = {row.customer_id for row in waiting}
    return Person(
        orders=sorted(row.id for row in at_rest),
        customers=sorted(set(customer_ids) - needed),
        open=sorted(f"{row.handle}/{row.source_id}" for row in waiting),
        rejected=rejected,
    )


def _locked(conn: Connection, order_ids: Collection[str]) -> Sequence[Row[Any]]:
    """The rows, and before them the integrations: who stores a page locks its integration first."""
    shops = select(orders.c.integration_id).where(among(conn, orders.c.id, order_ids))
    state = integration_state.c.integration_id
    conn.execute(select(state).where(state.in_(shops)).order_by(state).with_for_update())
    query = select(orders).where(among(conn, orders.c.id, order_ids)).order_by(orders.c.id)
    return conn.execute(query.with_for_update()).all()


def _erased(row: Row[Any], now: datetime) -> dict[str, Any]:
    """The columns that told of the buyer. Their hash is that of no contents, so that what the shop
    says next is stored, without them."""
    order = without_buyer(read.order_of(row))
    return {
        "customer_name": None,
        "customer_email": None,
        "customer": None,
        "billing_address": None,
        "shipping_address": None,
        "shop_metadata": "{}",
        "metadata": "{}",
        "overrides": None,
        "refunds": json_text(order.refunds),
        "search_text": search_text(order),
        "changes": json_text(of_items(read.differences_of(row.changes))),
        "buyer_changed": False,
        "content_hash": "erased" if row.content_hash else "",
        "erased_at": row.erased_at or now,
        "updated_at": now,
    }


def _erase_customers(conn: Connection, customer_ids: Sequence[str], now: datetime) -> None:
    """A customer stays as a row without a person, for the documents that name it."""
    for customer_id in customer_ids:
        conn.execute(
            update(customers)
            .where(customers.c.id == customer_id)
            .values(
                key=f"erased:{customer_id}",
                name=None,
                email=None,
                phone=None,
                company_name=None,
                tax_number=None,
                company_number=None,
                is_business=False,
                address=None,
                metadata="{}",
                search_text="",
                updated_at=now,
            )
        )
