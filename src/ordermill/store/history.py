"""Everything that is kept of one order, for telling how it came to be as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from ordermill.errors import NotFound
from ordermill.model.case import Case
from ordermill.model.document import LinkType, Payment
from ordermill.model.order import Refund
from ordermill.store import cases, events, read, rejected
from ordermill.store.rejected import Rejected
from ordermill.store.tables import document_links, documents, payments, refunds

_data = msgspec.json.Decoder(dict[str, Any], float_hook=str).decode


@dataclass(frozen=True, slots=True)
class Told:
    """An event. Amounts in ``data`` are written as they are kept."""

    at: datetime
    type: str
    actor: str
    reason: str | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment with the day it moved (YYYY-MM-DD) and the moment it was recorded."""

    payment: Payment
    date: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """A refund of the shop; ``gone_at``: when the shop no longer showed it."""

    refund: Refund
    at: datetime
    gone_at: datetime | None


@dataclass(frozen=True, slots=True)
class History:
    """One order. ``links`` are (document, type, other), ``rejected`` is a later version of it that
    could not be read."""

    case: Case
    handle: str
    events: Sequence[Told]
    links: Sequence[tuple[str, LinkType, str]]
    payments: Sequence[Paid]
    refunds: Sequence[Seen]
    rejected: Rejected | None


def of_order(conn: Connection, order_id: str) -> History:
    """The history of an order; raise NotFound."""
    loaded = next(iter(cases.load(conn, [order_id], lock=False)), None)
    if loaded is None:
        raise NotFound(f"no order {order_id}")
    source_id = loaded.case.order.source_id
    return History(
        case=loaded.case,
        handle=loaded.handle,
        events=[
            Told(row.at, row.type, row.actor, row.reason, _data(row.data))
            for row in events.of_order(conn, order_id)
        ],
        links=_links(conn, order_id),
        payments=[
            Paid(read.payment_of(row), row.date, row.created_at)
            for row in conn.execute(
                select(payments)
                .where(payments.c.order_id == order_id)
                .order_by(payments.c.created_at, payments.c.id)
            )
        ],
        refunds=[
            Seen(read.refund_of(row), row.first_seen_at, row.deleted_at)
            for row in conn.execute(
                select(refunds)
                .where(refunds.c.order_id == order_id)
                .order_by(refunds.c.first_seen_at, refunds.c.source_id)
            )
        ],
        rejected=rejected.of(conn, loaded.integration_id, source_id),
    )


def _links(conn: Connection, order_id: str) -> list[tuple[str, LinkType, str]]:
    query = (
        select(document_links)
        .join(documents, documents.c.id == document_links.c.document_id)
        .where(documents.c.order_id == order_id)
        .order_by(document_links.c.document_id, document_links.c.type)
    )
    return [(row.document_id, LinkType(row.type), row.other_id) for row in conn.execute(query)]
