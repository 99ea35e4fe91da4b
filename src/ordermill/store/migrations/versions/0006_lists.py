"""Indexes that lists walk along: what is live by status and by the times, what is deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

COLUMNS = ("status", "created_at", "updated_at", "ordered_at")


def upgrade() -> None:
    for name in ("ix_orders_entity_id_status_id", "ix_orders_entity_id_created_at_id"):
        op.drop_index(name, "orders")
    for column in COLUMNS:
        _partial(f"ix_orders_live_{column}", ["entity_id", column, "id"], "deleted_at IS NULL")
    _partial("ix_orders_deleted", ["entity_id", "id"], "deleted_at IS NOT NULL")
    op.create_index(op.f("ix_documents_customer_id"), "documents", ["customer_id"])


def _partial(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "orders", columns, sqlite_where=condition, postgresql_where=condition)
