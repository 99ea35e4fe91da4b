"""What the shops sent, as it is kept: of each order's present version, and what was rejected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, select, true

from ordermill.model.order import OrderStatus
from ordermill.store.tables import orders, raw_versions, rejected_orders

SHOP = "shop"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which payloads: of one order (``source_id``), of those that failed, of those stored at or
    after ``since``, else all."""

    source_id: str | None = None
    failed: bool = False
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A payload with its ``mark``. ``deleted``: the shop has deleted the order since, which the
    payload does not say."""

    source_id: str
    payload: bytes
    mark: str
    deleted: bool


def present(
    conn: Connection, integration_id: str, wanted: Wanted, *, after: str, limit: int
) -> list[Kept]:
    """The payloads of present versions, by source id, those after ``after``; their orders stay
    locked until the commit.

    An order of which a later version was rejected is left out: its newest state is not this one.
    So is one whose buyer's data was erased: its payloads are gone.
    """
    mine = orders.c.integration_id == integration_id
    query = (
        select(orders.c.source_id, orders.c.mark, orders.c.deleted_by, raw_versions.c.payload)
        .join_from(
            orders,
            raw_versions,
            and_(
                raw_versions.c.order_id == orders.c.id, raw_versions.c.version == orders.c.version
            ),
        )
        .where(mine, orders.c.source_id > after, orders.c.erased_at.is_(None), _meant(wanted))
        .where(
            ~exists().where(
                rejected_orders.c.integration_id == orders.c.integration_id,
                rejected_orders.c.source_id == orders.c.source_id,
            )
        )
        .order_by(orders.c.source_id)
        .limit(limit)
        .with_for_update(of=orders)
    )
    return [
        Kept(row.source_id, row.payload.encode(), row.mark, row.deleted_by == SHOP)
        for row in conn.execute(query)
    ]


def _meant(wanted: Wanted) -> ColumnElement[bool]:
    if wanted.source_id is not None:
        return orders.c.source_id == wanted.source_id
    if wanted.failed:
        return orders.c.status == OrderStatus.FAILED.value
    return true() if wanted.since is None else raw_versions.c.at >= wanted.since


def rejected(
    conn: Connection, integration_id: str, wanted: Wanted, *, after: str, limit: int
) -> list[Kept]:
    """The payloads that could not be read, by source id, those after ``after``."""
    table = rejected_orders.c
    meant: ColumnElement[bool] = true()
    if wanted.source_id is not None:
        meant = table.source_id == wanted.source_id
    elif wanted.since is not None:
        meant = table.last_seen_at >= wanted.since
    stored = and_(
        orders.c.integration_id == table.integration_id, orders.c.source_id == table.source_id
    )
    query = (
        select(table.source_id, table.payload, orders.c.deleted_by)
        .join_from(rejected_orders, orders, stored, isouter=True)
        .where(table.integration_id == integration_id, table.source_id > after, meant)
        .order_by(table.source_id)
        .limit(limit)
    )
    return [
        Kept(row.source_id, row.payload.encode(), "", row.deleted_by == SHOP)
        for row in conn.execute(query)
    ]
