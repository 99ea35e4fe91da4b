"""Cases: orders under their row locks, with all that was decided and billed for them.

A handful of queries, whatever the number of orders. Who locks several does it in the order of ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, exists, select
from sqlalchemy.exc import DBAPIError

from ordermill.errors import StoreBusy
from ordermill.model.case import Case, KnownRefund
from ordermill.model.order import OrderStatus
from ordermill.store import read
from ordermill.store.bulk import among_given
from ordermill.store.restores import billing_held
from ordermill.store.tables import (
    DECISION_COLUMNS,
    SHOP_COLUMNS,
    document_state,
    documents,
    entities,
    integrations,
    orders,
    payments,
    refunds,
)
from ordermill.store.types import Moment

LOCKED = "55P03"  # PostgreSQL: another transaction holds the row


@dataclass(frozen=True, slots=True)
class Loaded:
    """A case with what its writer needs beside it. ``handle`` is the integration's; ``buyers`` are
    the customers of the issued documents, by document; ``updated_at`` is the order's."""

    case: Case
    entity_id: str
    integration_id: str
    handle: str
    updated_at: datetime
    buyers: Mapping[str, str]


def load(conn: Connection, order_ids: Collection[str], *, lock: bool = True) -> list[Loaded]:
    """The cases of these orders, by id; an id that names none is left out.

    With ``lock`` their rows are locked until the commit; one that another transaction holds is
    waited for.
    """
    asked = _asked(conn.dialect.name)
    rows = conn.execute(asked.locked if lock else asked.orders, {"ids": list(order_ids)}).all()
    ids = [row.id for row in rows]
    known, issued, paid = (_grouped(conn, query, ids) for query in asked.related)
    return [_one(row, known[row.id], issued[row.id], paid[row.id]) for row in rows]


def load_soon(conn: Connection, order_id: str, wait: timedelta) -> Loaded | None:
    """The case of one order, locked; None if there is none. Raise StoreBusy if another transaction
    holds it for longer than ``wait``: this one can then only be rolled back. No later statement of
    it waits longer for a lock, either."""
    if conn.dialect.name == "postgresql":
        limit = f"{wait // timedelta(milliseconds=1)}ms"
        conn.exec_driver_sql("SELECT set_config('lock_timeout', %s, true)", (limit,))
    try:
        return next(iter(load(conn, [order_id])), None)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == LOCKED:
            raise StoreBusy("another transaction holds the order") from None
        raise


def claim_due(conn: Connection, now: datetime, limit: int, *, only: str | None = None) -> list[str]:
    """Lock orders whose time has come, the longest waiting first; their ids, sorted.

    Those that another transaction holds are passed over, so that several processes share what is
    due. Deleted orders come, too, where something about them is due; none while a restore holds all
    billing. ``only``: none but this one.
    """
    asked = _asked(conn.dialect.name)
    if only is None:
        found = conn.execute(asked.claim, {"now": now, "most": limit})
    else:
        found = conn.execute(asked.claim_one, {"now": now, "most": limit, "only": only})
    return sorted(found.scalars())


def attempts_of(conn: Connection, order_id: str) -> Any:
    """What is asked of an order whose case cannot be loaded or written; its row is locked."""
    own = ("status", "attempts", "source_id", "source_order_number")
    return conn.execute(
        select(*(orders.c[name] for name in own), integrations.c.handle)
        .join_from(orders, integrations, integrations.c.id == orders.c.integration_id)
        .where(orders.c.id == order_id)
        .with_for_update(of=orders)
    ).one()


def anything_due(conn: Connection, now: datetime) -> bool:
    """Whether a claim would find something, locked orders included."""
    return conn.execute(_DUE.limit(1), {"now": now}).first() is not None


_UNREAD = {"search_text"}
_OWN = ("id", "source", "source_id", "entity_id", "integration_id", "deleted_at", "deleted_by",
        "created_at", "updated_at")  # fmt: skip
_NAMES = (
    *_OWN,
    *(column.name for column in SHOP_COLUMNS if column.name not in _UNREAD),
    *(column.name for column in DECISION_COLUMNS),
)
_ORDERS: Select[Any] = (
    select(
        *(orders.c[name] for name in _NAMES),
        integrations.c.handle,
        integrations.c.rules,
        integrations.c.import_cutoff,
        *(entities.c[name].label(f"entity_{name}") for name in read.ENTITY),
    )
    .join_from(orders, integrations, integrations.c.id == orders.c.integration_id)
    .join(entities, entities.c.id == orders.c.entity_id)
)
_REFUNDS = select(refunds).order_by(refunds.c.created_at, refunds.c.source_id)
_DOCUMENTS = (
    select(
        *(documents.c[name] for name in (
            "id", "order_id", "kind", "number", "date", "items", "taxes", "currency_code", "total",
            "total_tax", "total_with_tax", "total_discount", "rounding", "customer_id", "customer",
            "created_at", "credits_id", "refund_id",
        )),
        document_state.c.status,
        document_state.c.paid,
        document_state.c.credited,
    )
    .join(document_state, document_state.c.document_id == documents.c.id)
    .order_by(documents.c.created_at, documents.c.id)
)  # fmt: skip
_PAYMENTS = select(payments).order_by(payments.c.created_at, payments.c.id)


# Not integration_id IN (...): at every look SQLite then reads all orders of each integration.
_DUE = select(orders.c.id).where(
    orders.c.decide_at <= bindparam("now", type_=Moment),
    exists().where(integrations.c.id == orders.c.integration_id, integrations.c.is_active),
    ~billing_held(),
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The statements, built once for each kind of database: building one takes longer than asking.
    ``related`` are the rows of refunds, documents and payments."""

    orders: Select[Any]
    locked: Select[Any]
    related: tuple[Select[Any], ...]
    claim: Select[Any]
    claim_one: Select[Any]


@cache
def _asked(dialect: str) -> _Asked:
    plain = _ORDERS.where(among_given(dialect, orders.c.id, "ids")).order_by(orders.c.id)
    claim = _DUE.order_by(orders.c.decide_at).limit(bindparam("most"))
    claim = claim.with_for_update(skip_locked=True)
    keys = (refunds.c.order_id, documents.c.order_id, payments.c.order_id)
    return _Asked(
        orders=plain,
        locked=plain.with_for_update(of=orders),
        related=tuple(
            query.where(among_given(dialect, key, "ids"))
            for query, key in zip((_REFUNDS, _DOCUMENTS, _PAYMENTS), keys, strict=True)
        ),
        claim=claim,
        claim_one=claim.where(orders.c.id == bindparam("only")),
    )


def _grouped(
    conn: Connection, query: Select[Any], ids: Sequence[str]
) -> defaultdict[str, list[Row[Any]]]:
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    if ids:
        for row in conn.execute(query, {"ids": ids}):
            found[row.order_id].append(row)
    return found


def _one(
    row: Row[Any],
    known: Iterable[Row[Any]],
    issued: Sequence[Row[Any]],
    paid: Iterable[Row[Any]],
) -> Loaded:
    case = Case(
        id=row.id,
        source=row.source,
        entity=read.entity_of(*(getattr(row, f"entity_{name}") for name in read.ENTITY)),
        rules=read.rules_of(row.rules),
        order=read.order_of(row),
        created_at=row.created_at,
        import_cutoff=row.import_cutoff,
        deleted_by=row.deleted_by,
        refunds=tuple(_known(refund) for refund in known),
        documents=tuple(read.issued_of(document) for document in issued),
        payments=tuple(read.payment_of(payment) for payment in paid),
        status=OrderStatus(row.status),
        error=row.error,
        decide_at=row.decide_at,
        customer_id=row.customer_id,
        invoice_id=row.invoice_id,
        estimate_id=row.estimate_id,
        triggered_at=row.triggered_at,
        process_after=row.process_after,
        reissue_after=row.reissue_after,
        processed_at=row.processed_at,
        items_changed=row.items_changed,
        buyer_changed=row.buyer_changed,
        changes=read.differences_of(row.changes),
        attempts=row.attempts,
        billing_hash=row.billing_hash,
        cancelled_noticed_at=row.cancelled_noticed_at,
        withdrawn_at=row.withdrawn_at,
        auto_reissues=read.moments_of(row.auto_reissues),
    )
    return Loaded(
        case=case,
        entity_id=row.entity_id,
        integration_id=row.integration_id,
        handle=row.handle,
        updated_at=row.updated_at,
        buyers={document.id: document.customer_id for document in issued},
    )


def _known(row: Row[Any]) -> KnownRefund:
    return KnownRefund(
        refund=read.refund_of(row),
        settled_by=row.settled_by,
        deleted=row.deleted_at is not None,
    )
