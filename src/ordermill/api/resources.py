"""Everything that is only read: what an order became, documents, payments, customers, set-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from ordermill.api import asking, filters, shown
from ordermill.api.asking import Shelf
from ordermill.api.call import READ_SECONDS, Answer, Call, etag_of
from ordermill.api.cursors import event_cursor, event_of_cursor
from ordermill.api.preconditions import demand, not_modified
from ordermill.api.problems import not_found
from ordermill.model.document import DocumentKind
from ordermill.store import lists
from ordermill.store.listing import one
from ordermill.store.lists import (
    CUSTOMERS_LIST,
    DOCUMENT_LISTS,
    ENTITIES_LIST,
    INTEGRATIONS_LIST,
    ORDERS_LIST,
    PAYMENTS_LIST,
)

INVOICES = Shelf("invoices", DOCUMENT_LISTS[DocumentKind.INVOICE], shown.documents)
CREDIT_NOTES = Shelf("credit-notes", DOCUMENT_LISTS[DocumentKind.CREDIT_NOTE], shown.documents)
ESTIMATES = Shelf("estimates", DOCUMENT_LISTS[DocumentKind.ESTIMATE], shown.documents)
PAYMENTS = Shelf("payments", PAYMENTS_LIST, shown.payments)
CUSTOMERS = Shelf("customers", CUSTOMERS_LIST, shown.customers)
INTEGRATIONS = Shelf("order-integrations", INTEGRATIONS_LIST, shown.integrations)
ENTITIES = Shelf("entities", ENTITIES_LIST, shown.entities)


def listing(shelf: Shelf) -> Callable[[Call], Response]:
    """The endpoint of a list."""

    def listed(call: Call) -> Response:
        return asking.answered(call, shelf)

    return listed


def single(shelf: Shelf) -> Callable[[Call], Response]:
    """The endpoint of one thing of a list."""

    def got(call: Call) -> Response:
        call.parameters()
        with call.house.database.read(seconds=READ_SECONDS) as conn:
            row = one(conn, shelf.listed, call.entity_ids, call.id)
            if row is None:
                raise not_found()
            (body,) = shelf.show(conn, [row])
        etag = etag_of(body)
        demand(call, etag)
        if not_modified(call, etag):
            return Response(status_code=304, headers={"ETag": etag})
        return Answer(200, body, {"ETag": etag}).response()

    return got


def documents(call: Call) -> Response:
    """The chain of an order, in the order of its making."""
    return _part(call, lambda conn, row: shown.documents(conn, lists.documents_of(conn, row.id)))


def changes(call: Call) -> Response:
    """The difference between what is billed and what the order now says."""
    call.parameters()
    with call.house.database.read(seconds=READ_SECONDS) as conn:
        found = lists.changes_of(conn, _order(conn, call).id)
    return Answer(200, b'{"data":%b}' % found.encode()).response()


def events(call: Call) -> Response:
    """The audit trail, oldest first."""
    parameters = call.parameters("limit", "next_cursor")
    limit = filters.number(parameters, "limit", 10, asking.MOST_ROWS)
    with call.house.database.read(seconds=READ_SECONDS) as conn:
        order_id = _order(conn, call).id
        cursor = parameters.get("next_cursor")
        after = 0 if not cursor else event_of_cursor(cursor, order_id)
        rows = lists.events_of(conn, order_id, after, limit + 1)
        total = lists.events_count(conn, order_id)
    more = event_cursor(rows[limit - 1].id, order_id) if len(rows) > limit else None
    data = [shown.event(row) for row in rows[:limit]]
    body = asking.envelope(data, total=total, after=more, before=None)
    return Answer(200, body).response()


def _part(call: Call, read: Callable[[Connection, Any], list[bytes]]) -> Response:
    call.parameters()
    with call.house.database.read(seconds=READ_SECONDS) as conn:
        found = read(conn, _order(conn, call))
    return Answer(200, b'{"data":[%b]}' % b",".join(found)).response()


def _order(conn: Connection, call: Call) -> Any:
    row = one(conn, ORDERS_LIST, call.entity_ids, call.id)
    if row is None:
        raise not_found()
    return row
