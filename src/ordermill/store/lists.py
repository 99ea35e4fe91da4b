"""The lists of the API: what is read of each thing, and the fields it is filtered and sorted by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Table, func, select

from ordermill.model.document import DocumentKind
from ordermill.store.bulk import among
from ordermill.store.keyset import Listed
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
)
from ordermill.store.tallies import CUSTOMERS, DOCUMENTS, ORDERS, ORDERS_DELETED, PAYMENTS


def _columns(table: Table, names: str) -> tuple[Column[Any], ...]:
    return tuple(table.c[name] for name in names.split())


def _named(table: Table, names: str) -> dict[str, ColumnElement[Any]]:
    return {name: table.c[name] for name in names.split()}


ORDERS_LIST = Listed(
    source=orders,
    id=orders.c.id,
    entity_id=orders.c.entity_id,
    columns=_columns(
        orders,
        """id entity_id integration_id source source_id source_order_number status paid paid_at
        fulfilled fulfilled_at cancelled cancelled_at refunded refunded_at customer_name
        customer_email customer billing_address shipping_address customer_id currency_code total
        total_with_tax total_discount total_shipping items payment_status payment_method
        payment_gateway invoice_id estimate_id process_after transactions complete items_changed
        source_event_id error ordered_at processed_at metadata created_at updated_at deleted_at
        withdrawn_at shop_metadata""",  # shown in this order
    ),
    fields=_named(
        orders,
        "id status source source_id customer_name customer_email payment_status created_at "
        "updated_at",
    )
    | {"order_integration_id": orders.c.integration_id},
    sorts=_named(orders, "id created_at updated_at ordered_at total total_with_tax"),
    searched=(orders.c.search_text,),
    in_search=frozenset({"source_id", "customer_name", "customer_email"}),
    deleted_at=orders.c.deleted_at,
    tally=ORDERS,
    tally_deleted=ORDERS_DELETED,
)


def _documents(kind: DocumentKind) -> Listed:
    state = document_state.c
    return Listed(
        source=documents.outerjoin(document_state),
        id=documents.c.id,
        entity_id=documents.c.entity_id,
        columns=_DOCUMENT,
        fields=_named(documents, "id created_at order_id customer_id number")
        | {"status": state.status},
        sorts=_named(documents, "id created_at total total_with_tax"),
        searched=(documents.c.search_text,),
        only=documents.c.kind == str(kind),
        tally=DOCUMENTS[str(kind)],
    )


_DOCUMENT: tuple[ColumnElement[Any], ...] = (
    *_columns(
        documents,
        """id kind number series entity_id order_id integration_id customer_id customer issuer
        currency_code date date_due date_service items taxes total total_tax total_with_tax
        total_discount rounding reason metadata created_at""",
    ),
    document_state.c.status,
    document_state.c.paid,
    document_state.c.credited,
)
DOCUMENT_LISTS: Mapping[DocumentKind, Listed] = {kind: _documents(kind) for kind in DocumentKind}

PAYMENTS_LIST = Listed(
    source=payments,
    id=payments.c.id,
    entity_id=payments.c.entity_id,
    columns=_columns(
        payments,
        """id entity_id order_id invoice_id credit_note_id type amount currency_code reference date
        created_at""",
    ),
    fields=_named(payments, "id created_at order_id invoice_id"),
    sorts=_named(payments, "id created_at"),
    searched=(payments.c.search_text,),
    tally=PAYMENTS,
)

CUSTOMERS_LIST = Listed(
    source=customers,
    id=customers.c.id,
    entity_id=customers.c.entity_id,
    columns=_columns(
        customers,
        """id entity_id name email phone company_name tax_number company_number is_business address
        metadata created_at updated_at""",
    ),
    fields=_named(customers, "id created_at email"),
    sorts=_named(customers, "id created_at updated_at"),
    searched=(customers.c.search_text,),
    tally=CUSTOMERS,
)

INTEGRATIONS_LIST = Listed(
    source=integrations,
    id=integrations.c.id,
    entity_id=integrations.c.entity_id,
    columns=_columns(
        integrations,
        "id entity_id handle name source is_active shop_key rules metadata created_at updated_at",
    ),
    fields=_named(integrations, "id created_at handle"),
    sorts=_named(integrations, "id created_at updated_at"),
    searched=(integrations.c.name, integrations.c.handle),
    folded=False,
)

ENTITIES_LIST = Listed(
    source=entities,
    id=entities.c.id,
    entity_id=entities.c.id,
    columns=_columns(
        entities,
        "id handle name address tax_number currency_code timezone payment_due_days created_at",
    ),
    fields=_named(entities, "id created_at handle"),
    sorts=_named(entities, "id created_at"),
    searched=(entities.c.name, entities.c.handle),
    folded=False,
)


def documents_of(conn: Connection, order_id: str) -> list[Row[Any]]:
    """The documents of one order in the order of their making, as the lists read them."""
    query = select(*_DOCUMENT).select_from(documents.outerjoin(document_state))
    query = query.where(documents.c.order_id == order_id)
    return list(conn.execute(query.order_by(documents.c.created_at, documents.c.id)))


def relations(conn: Connection, document_ids: list[str]) -> dict[str, list[tuple[str, str, str]]]:
    """What these documents refer to: (type, id, number) by document."""
    found: dict[str, list[tuple[str, str, str]]] = {each: [] for each in document_ids}
    link = document_links.c
    query = (
        select(link.document_id, link.type, link.other_id, documents.c.number)
        .join_from(document_links, documents, link.other_id == documents.c.id)
        .where(among(conn, link.document_id, document_ids))
        .order_by(link.other_id, link.type)
    )
    if document_ids:
        for document_id, kind, other_id, number in conn.execute(query):
            found[document_id].append((kind, other_id, number))
    return found


def events_of(conn: Connection, order_id: str, after: int, limit: int) -> list[Row[Any]]:
    """Events of one order after the one of that serial number, oldest first."""
    query = select(events).where(events.c.order_id == order_id, events.c.id > after)
    return list(conn.execute(query.order_by(events.c.id).limit(limit)))


def events_count(conn: Connection, order_id: str) -> int:
    """How many events an order has."""
    counted = select(func.count()).select_from(events).where(events.c.order_id == order_id)
    return int(conn.execute(counted).scalar_one())


def changes_of(conn: Connection, order_id: str) -> str:
    """What differs between what is billed and what the order says: JSON."""
    found: str = conn.execute(select(orders.c.changes).where(orders.c.id == order_id)).scalar_one()
    return found


def raw_of(conn: Connection, order_id: str) -> str | None:
    """The newest payload of the shop: JSON; None for an order that no shop sent."""
    query = select(raw_versions.c.payload).where(raw_versions.c.order_id == order_id)
    found: str | None = conn.execute(
        query.order_by(raw_versions.c.version.desc()).limit(1)
    ).scalar()
    return found


def entity_ids(conn: Connection) -> dict[str, str]:
    """The id of every entity, by its handle."""
    return {row[0]: row[1] for row in conn.execute(select(entities.c.handle, entities.c.id))}
