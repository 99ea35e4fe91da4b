"""The first schema: shops, what was read from them, and how the reading goes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ordermill.store.types import Moment, Money, words

revision = "0001"
down_revision = None


def upgrade() -> None:
    _entities()
    _integrations()
    _hints()
    _integration_state()
    _orders()
    _rejected_orders()
    _sync_runs()
    _events()
    _raw_versions()
    _refunds()
    _compress()


def _entities() -> None:
    op.create_table(
        "entities",
        sa.Column("id", words(), nullable=False),
        sa.Column("handle", words(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("tax_number", sa.Text(), nullable=True),
        sa.Column("currency_code", words(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("payment_due_days", sa.Integer(), nullable=False),
        sa.Column("numbering", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entities")),
        sa.UniqueConstraint("handle", name=op.f("uq_entities_handle")),
    )


def _integrations() -> None:
    op.create_table(
        "integrations",
        sa.Column("id", words(), nullable=False),
        sa.Column("entity_id", words(), nullable=False),
        sa.Column("handle", words(), nullable=False),
        sa.Column("source", words(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shop_key", words(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("sweeps", sa.Boolean(), nullable=False),
        sa.Column("import_cutoff", Moment(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name=op.f("fk_integrations_entity_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integrations")),
        sa.UniqueConstraint("handle", name=op.f("uq_integrations_handle")),
        sa.UniqueConstraint("shop_key", name=op.f("uq_integrations_shop_key")),
    )


def _hints() -> None:
    op.create_table(
        "hints",
        sa.Column("integration_id", words(), nullable=False),
        sa.Column("source_id", words(), nullable=False),
        sa.Column("noticed_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integrations.id"], name=op.f("fk_hints_integration_id")
        ),
        sa.PrimaryKeyConstraint("integration_id", "source_id", name=op.f("pk_hints")),
    )
    op.create_index(op.f("ix_hints_due_at"), "hints", ["due_at"], unique=False)


def _integration_state() -> None:
    op.create_table(
        "integration_state",
        sa.Column("integration_id", words(), nullable=False),
        sa.Column("bookmark", Moment(), nullable=True),
        sa.Column("caught_up", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("poll_due_at", Moment(), nullable=True),
        sa.Column("sweep_due_at", Moment(), nullable=True),
        sa.Column("sync_requested_at", Moment(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("backoff_until", Moment(), nullable=True),
        sa.Column("last_attempt_at", Moment(), nullable=True),
        sa.Column("last_success_at", Moment(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_error_class", sa.Text(), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.Column("paused_since", Moment(), nullable=True),
        sa.Column("paused_until", Moment(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("lease_token", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["integration_id"],
            ["integrations.id"],
            name=op.f("fk_integration_state_integration_id"),
        ),
        sa.PrimaryKeyConstraint("integration_id", name=op.f("pk_integration_state")),
    )


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", words(), nullable=False),
        sa.Column("entity_id", words(), nullable=False),
        sa.Column("integration_id", words(), nullable=False),
        sa.Column("source", words(), nullable=False),
        sa.Column("source_id", words(), nullable=False),
        sa.Column("source_order_number", words(), nullable=True),
        sa.Column("ordered_at", Moment(), nullable=True),
        sa.Column("shop_updated_at", Moment(), nullable=False),
        sa.Column("currency_code", words(), nullable=False),
        sa.Column("total", Money(), nullable=False),
        sa.Column("total_tax", Money(), nullable=False),
        sa.Column("total_with_tax", Money(), nullable=False),
        sa.Column("total_discount", Money(), nullable=False),
        sa.Column("total_shipping", Money(), nullable=False),
        sa.Column("owed", Money(), nullable=False),
        sa.Column("owed_tax", Money(), nullable=True),
        sa.Column("taxes_included", sa.Boolean(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("taxes", sa.Text(), nullable=False),
        sa.Column("payment_status", words(), nullable=False),
        sa.Column("payment_method", sa.Text(), nullable=True),
        sa.Column("payment_gateway", sa.Text(), nullable=True),
        sa.Column("paid", sa.Boolean(), nullable=False),
        sa.Column("paid_at", Moment(), nullable=True),
        sa.Column("fulfilled", sa.Boolean(), nullable=False),
        sa.Column("fulfilled_at", Moment(), nullable=True),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("cancelled_at", Moment(), nullable=True),
        sa.Column("refunded", sa.Boolean(), nullable=False),
        sa.Column("refunded_at", Moment(), nullable=True),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("customer_name", words(), nullable=True),
        sa.Column("customer_email", words(), nullable=True),
        sa.Column("customer", sa.Text(), nullable=True),
        sa.Column("billing_address", sa.Text(), nullable=True),
        sa.Column("shipping_address", sa.Text(), nullable=True),
        sa.Column("transactions", sa.Text(), nullable=False),
        sa.Column("refunds", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("shop_metadata", sa.Text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("content_hash", words(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("status", words(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("decide_at", Moment(), nullable=True),
        sa.Column("deleted_at", Moment(), nullable=True),
        sa.Column("deleted_by", words(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.CheckConstraint(
            "(deleted_at IS NULL) = (deleted_by IS NULL)", name=op.f("ck_orders_deleted_by_someone")
        ),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_orders_entity_id")),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integrations.id"], name=op.f("fk_orders_integration_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "integration_id", "source_id", name=op.f("uq_orders_integration_id_source_id")
        ),
    )
    op.create_index(
        "ix_orders_decide_at",
        "orders",
        ["decide_at"],
        unique=False,
        sqlite_where=sa.text("decide_at IS NOT NULL"),
        postgresql_where=sa.text("decide_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_orders_entity_id_id"), "orders", ["entity_id", "id"], unique=False)
    op.create_index(
        "ix_orders_error",
        "orders",
        ["integration_id"],
        unique=False,
        sqlite_where=sa.text("error IS NOT NULL"),
        postgresql_where=sa.text("error IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_orders_integration_id_shop_updated_at"),
        "orders",
        ["integration_id", "shop_updated_at"],
        unique=False,
    )
    op.create_index(
        "ix_orders_live",
        "orders",
        ["integration_id", "status"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )


def _rejected_orders() -> None:
    op.create_table(
        "rejected_orders",
        sa.Column("integration_id", words(), nullable=False),
        sa.Column("source_id", words(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("first_seen_at", Moment(), nullable=False),
        sa.Column("last_seen_at", Moment(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integrations.id"], name=op.f("fk_rejected_orders_integration_id")
        ),
        sa.PrimaryKeyConstraint("integration_id", "source_id", name=op.f("pk_rejected_orders")),
    )


def _sync_runs() -> None:
    op.create_table(
        "sync_runs",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(always=False),
            nullable=False,
        ),
        sa.Column("integration_id", words(), nullable=False),
        sa.Column("mode", words(), nullable=False),
        sa.Column("lease_token", sa.BigInteger(), nullable=True),
        sa.Column("requested_at", Moment(), nullable=True),
        sa.Column("started_at", Moment(), nullable=True),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.Column("result", words(), nullable=True),
        sa.Column("since", Moment(), nullable=True),
        sa.Column("until", Moment(), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("bookmark_before", Moment(), nullable=True),
        sa.Column("bookmark_after", Moment(), nullable=True),
        sa.Column("pages", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("fetched", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("created", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("unchanged", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("stale", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("gone", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integrations.id"], name=op.f("fk_sync_runs_integration_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_runs")),
    )
    op.create_index(
        op.f("ix_sync_runs_integration_id_id"), "sync_runs", ["integration_id", "id"], unique=False
    )
    op.create_index(
        "ix_sync_runs_unfinished",
        "sync_runs",
        ["integration_id"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(always=False),
            nullable=False,
        ),
        sa.Column("order_id", words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("type", words(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_events_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_order_id_id"), "events", ["order_id", "id"], unique=False)


def _raw_versions() -> None:
    op.create_table(
        "raw_versions",
        sa.Column("order_id", words(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_raw_versions_order_id")),
        sa.PrimaryKeyConstraint("order_id", "version", name=op.f("pk_raw_versions")),
    )


def _refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("order_id", words(), nullable=False),
        sa.Column("source_id", words(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.Column("total_tax", Money(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("first_seen_at", Moment(), nullable=False),
        sa.Column("deleted_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_refunds_order_id")),
        sa.PrimaryKeyConstraint("order_id", "source_id", name=op.f("pk_refunds")),
    )


def _compress() -> None:
    # Half the time of the default for the exact payloads; a server may be built without it.
    if op.get_bind().dialect.name != "postgresql":
        return
    known = "SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression'"
    if "lz4" in (op.get_bind().exec_driver_sql(known).scalar() or ()):
        op.execute("ALTER TABLE raw_versions ALTER COLUMN payload SET COMPRESSION lz4")
