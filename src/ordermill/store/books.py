"""The books as they are proved: streamed, so that a million documents need no memory.

Everything is read in the one transaction that the caller opened (``Database.snapshot``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
)

from ordermill.model.audit import (
    Booked,
    Counter,
    Finding,
    Numbered,
    OrderBooks,
    SettledRefund,
)
from ordermill.model.document import DocumentStatus, LinkType
from ordermill.model.order import ZERO, OrderStatus
from ordermill.store import read
from ordermill.store import tallies as tallying
from ordermill.store.bulk import among
from ordermill.store.configuration import MANUAL
from ordermill.store.tables import (
    customers,
    document_links,
    document_state,
    documents,
    entities,
    events,
    integrations,
    orders,
    payments,
    raw_versions,
    refunds,
    series,
    skipped_numbers,
    tallies,
)
from ordermill.store.types import EPOCH, Money

BATCH = 500
T = TypeVar("T")


def numbered(conn: Connection) -> Iterator[Numbered]:
    """Every document, by entity, kind, year and sequence."""
    columns = [documents.c[n] for n in ("kind", "year", "sequence", "number", "date")]
    query = (
        select(entities.c.handle, *columns)
        .join_from(documents, entities)
        .order_by(
            documents.c.entity_id, documents.c.kind, documents.c.year, documents.c.sequence
        )
    )  # fmt: skip
    for row in conn.execute(query, execution_options={"yield_per": BATCH}):
        yield Numbered(
            entity=row.handle,
            kind=row.kind,
            year=row.year,
            sequence=row.sequence,
            number=row.number,
            date=row.date,
        )


def counters(conn: Connection) -> dict[tuple[str, str, int], Counter]:
    """Where each series stands, by entity's handle, kind and year."""
    query = select(entities.c.handle, series).join_from(series, entities)
    return {
        (row.handle, row.kind, row.year): Counter(last=row.last, last_date=row.last_date)
        for row in conn.execute(query)
    }


def skipped(conn: Connection) -> dict[tuple[str, str, int], list[tuple[int, int]]]:
    """The numbers that a restore passed over, first and last, by series."""
    query = select(entities.c.handle, skipped_numbers).join_from(skipped_numbers, entities)
    found: defaultdict[tuple[str, str, int], list[tuple[int, int]]] = defaultdict(list)
    for row in conn.execute(query.order_by(skipped_numbers.c.first)):
        found[row.handle, row.kind, row.year].append((row.first, row.last))
    return found


def in_orders(conn: Connection) -> Iterator[OrderBooks]:
    """Every order, the deleted ones too, with its documents and its money."""
    last = ""
    while rows := conn.execute(_ORDERS.where(orders.c.id > last).limit(BATCH)).all():
        last = rows[-1].id
        yield from _books(conn, rows)


_ORDERS: Select[Any] = (
    select(
        *(orders.c[name] for name in (
            "id", "source_id", "status", "error", "invoice_id", "estimate_id", "items_changed",
            "cancelled", "deleted_at", "decide_at", "reissue_after", "currency_code", "owed",
            "owed_tax",
        )),
        integrations.c.handle,
        select(func.count())
        .where(events.c.order_id == orders.c.id, events.c.type == "order.created")
        .scalar_subquery()
        .label("times_created"),
        exists()
        .where(raw_versions.c.order_id == orders.c.id, raw_versions.c.version == orders.c.version)
        .label("payload_kept"),
        or_(orders.c.source == MANUAL, orders.c.shop_updated_at == EPOCH).label("made_by_call"),
        orders.c.content_hash,
    )
    .join_from(orders, integrations)
    .order_by(orders.c.id)
)  # fmt: skip


def _books(conn: Connection, rows: Sequence[Row[Any]]) -> Iterator[OrderBooks]:
    ids = [row.id for row in rows]
    booked = _grouped((row.order_id, row) for row in _documents(conn, ids))
    links = _links(conn, [row.id for group in booked.values() for row in group])
    money = _grouped((row.order_id, read.payment_of(row)) for row in _of(conn, payments, ids))
    settled = _grouped((row.order_id, _refund(row)) for row in _of(conn, refunds, ids))
    for row in rows:
        yield OrderBooks(
            id=row.id,
            name=f"{row.handle}/{row.source_id}",
            status=OrderStatus(row.status),
            error=row.error,
            invoice_id=row.invoice_id,
            estimate_id=row.estimate_id,
            items_changed=row.items_changed,
            cancelled=row.cancelled,
            deleted=row.deleted_at is not None,
            waiting=row.decide_at is not None or row.reissue_after is not None,
            currency_code=row.currency_code,
            owed=row.owed,
            owed_tax=row.owed_tax,
            documents=tuple(_booked(each, links.get(each.id, [])) for each in booked[row.id]),
            payments=tuple(money[row.id]),
            refunds=tuple(settled[row.id]),
            times_created=row.times_created,
            payload_kept=row.payload_kept or row.made_by_call,
            hashed=bool(row.content_hash) or row.made_by_call,
        )


def _grouped(pairs: Iterator[tuple[str, T]]) -> Mapping[str, list[T]]:
    found: defaultdict[str, list[T]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found


def _of(conn: Connection, table: Table, order_ids: Collection[str]) -> Iterator[Row[Any]]:
    """The rows of these orders, in the order of their making."""
    query = select(table).where(among(conn, table.c.order_id, order_ids))
    yield from conn.execute(query.order_by(*table.primary_key))


_DOCUMENTS: Select[Any] = (
    select(
        documents,
        func.coalesce(document_state.c.status, DocumentStatus.OPEN.value).label("status"),
        func.coalesce(document_state.c.paid, literal(ZERO, Money)).label("paid"),
        func.coalesce(document_state.c.credited, literal(ZERO, Money)).label("credited"),
        document_state.c.document_id.is_(None).label("stateless"),
        and_(
            orders.c.entity_id == documents.c.entity_id,
            orders.c.integration_id == documents.c.integration_id,
        ).label("at_home"),
        exists()
        .where(
            customers.c.id == documents.c.customer_id,
            customers.c.entity_id == documents.c.entity_id,
        )
        .label("customer_known"),
    )
    .join_from(documents, orders)
    .outerjoin(document_state, document_state.c.document_id == documents.c.id)
    .order_by(documents.c.created_at, documents.c.id)
)


def _documents(conn: Connection, order_ids: Collection[str]) -> Iterator[Row[Any]]:
    yield from conn.execute(_DOCUMENTS.where(among(conn, documents.c.order_id, order_ids)))


def _links(
    conn: Connection, document_ids: Collection[str]
) -> Mapping[str, list[tuple[LinkType, str]]]:
    query = select(document_links).where(among(conn, document_links.c.document_id, document_ids))
    rows = conn.execute(query) if document_ids else ()
    return _grouped((row.document_id, (LinkType(row.type), row.other_id)) for row in rows)


def _booked(row: Row[Any], links: Sequence[tuple[LinkType, str]]) -> Booked:
    return Booked(
        issued=read.issued_of(row),
        links=tuple(links),
        stateless=row.stateless,
        at_home=row.at_home,
        customer_known=row.customer_known,
    )


def _refund(row: Row[Any]) -> SettledRefund:
    waits = row.pending and row.deleted_at is None and row.settled_by is None
    return SettledRefund(source_id=row.source_id, settled_by=row.settled_by, pending=waits)


def miscounted(conn: Connection) -> Iterator[Finding]:
    """Tallies that are not what there is: a list would show a wrong total."""
    said = {
        (row.entity_id, row.name): int(row.n)
        for row in conn.execute(
            select(tallies.c.entity_id, tallies.c.name, func.sum(tallies.c.n).label("n"))
            .group_by(tallies.c.entity_id, tallies.c.name)
        )
    }  # fmt: skip
    handles = {row.id: row.handle for row in conn.execute(select(entities.c.id, entities.c.handle))}
    found = _counted(conn)
    for entity_id, name in sorted(said.keys() | found.keys()):
        n, counted = said.get((entity_id, name), 0), found.get((entity_id, name), 0)
        if n != counted:
            yield Finding(
                f"count of {name} of {handles[entity_id]}", f"it says {n}, there are {counted}"
            )


def recount(conn: Connection) -> None:
    """Make the tallies what there is, after rows came by another way."""
    conn.execute(delete(tallies))
    tallying.add(conn, _counted(conn))


def _counted(conn: Connection) -> dict[tuple[str, str], int]:
    deleted = orders.c.deleted_at.is_not(None)
    found: dict[tuple[str, str], int] = {}
    for query in (
        select(
            orders.c.entity_id,
            case((deleted, tallying.ORDERS_DELETED), else_=tallying.ORDERS),
            func.count(),
        ).group_by(orders.c.entity_id, deleted),
        select(
            documents.c.entity_id, case(tallying.DOCUMENTS, value=documents.c.kind), func.count()
        ).group_by(documents.c.entity_id, documents.c.kind),
        select(payments.c.entity_id, literal(tallying.PAYMENTS), func.count()).group_by(
            payments.c.entity_id
        ),
        select(customers.c.entity_id, literal(tallying.CUSTOMERS), func.count()).group_by(
            customers.c.entity_id
        ),
    ):
        found |= {(entity_id, name): n for entity_id, name, n in conn.execute(query)}
    return found


def damage(conn: Connection) -> Iterator[Finding]:
    """What SQLite finds in its own file; PostgreSQL checks its constraints with every write."""
    if conn.dialect.name != "sqlite":
        return
    for (line,) in conn.exec_driver_sql("PRAGMA integrity_check"):
        if line != "ok":
            yield Finding("the file", str(line))
    for table, rowid, parent, _ in conn.exec_driver_sql("PRAGMA foreign_key_check"):
        yield Finding(f"table {table}", f"row {rowid} names a row that {parent} does not have")
