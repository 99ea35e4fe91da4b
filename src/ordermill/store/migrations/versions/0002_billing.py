"""What is billed: documents and what moves about them, payments, series, customers, keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ordermill.store.types import Moment, Money, words

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _decisions()
    _customers()
    _documents()
    _document_state()
    _document_links()
    _payments()
    _series()
    _tallies()
    _idempotency()
    _api_keys()
    _tallied()
    _append_only()


def _decisions() -> None:
    for column in (
        sa.Column("customer_id", words(), nullable=True),
        sa.Column("invoice_id", words(), nullable=True),
        sa.Column("estimate_id", words(), nullable=True),
        sa.Column("triggered_at", Moment(), nullable=True),
        sa.Column("process_after", Moment(), nullable=True),
        sa.Column("reissue_after", Moment(), nullable=True),
        sa.Column("processed_at", Moment(), nullable=True),
        sa.Column("items_changed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("buyer_changed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("changes", sa.Text(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("billing_hash", sa.Text(), nullable=True),
        sa.Column("cancelled_noticed_at", Moment(), nullable=True),
        sa.Column("withdrawn_at", Moment(), nullable=True),
        sa.Column("auto_reissues", sa.Text(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("metadata", sa.Text(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("overrides", sa.Text(), nullable=True),
        sa.Column("source_event_id", words(), nullable=True),
    ):
        op.add_column("orders", column)
    op.create_index(op.f("ix_orders_entity_id_status_id"), "orders", ["entity_id", "status", "id"])
    op.create_index(
        op.f("ix_orders_entity_id_created_at_id"), "orders", ["entity_id", "created_at", "id"]
    )
    op.add_column("refunds", sa.Column("settled_by", words(), nullable=True))
    for name in ("rules", "metadata"):
        op.add_column(
            "integrations",
            sa.Column(name, sa.Text(), server_default=sa.text("'{}'"), nullable=False),
        )


def _customers() -> None:
    op.create_table(
        "customers",
        sa.Column("id", words(), nullable=False),
        sa.Column("entity_id", words(), nullable=False),
        sa.Column("key", words(), nullable=False),
        sa.Column("name", words(), nullable=True),
        sa.Column("email", words(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("company_name", sa.Text(), nullable=True),
        sa.Column("tax_number", sa.Text(), nullable=True),
        sa.Column("company_number", sa.Text(), nullable=True),
        sa.Column("is_business", sa.Boolean(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("as_of", Moment(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name=op.f("fk_customers_entity_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("entity_id", "key", name=op.f("uq_customers_entity_id_key")),
    )
    op.create_index(op.f("ix_customers_entity_id_id"), "customers", ["entity_id", "id"])


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("id", words(), nullable=False),
        sa.Column("entity_id", words(), nullable=False),
        sa.Column("order_id", words(), nullable=False),
        sa.Column("integration_id", words(), nullable=False),
        sa.Column("kind", words(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("series", words(), nullable=False),
        sa.Column("number", words(), nullable=False),
        sa.Column("date", words(), nullable=False),
        sa.Column("date_due", words(), nullable=False),
        sa.Column("date_service", words(), nullable=False),
        sa.Column("currency_code", words(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("taxes", sa.Text(), nullable=False),
        sa.Column("total", Money(), nullable=False),
        sa.Column("total_tax", Money(), nullable=False),
        sa.Column("total_with_tax", Money(), nullable=False),
        sa.Column("total_discount", Money(), nullable=False),
        sa.Column("rounding", Money(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("customer_id", words(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("credits_id", words(), nullable=True),
        sa.Column("refund_id", words(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name=op.f("fk_documents_entity_id")
        ),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integrations.id"], name=op.f("fk_documents_integration_id")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_documents_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint(
            "entity_id", "kind", "number", name=op.f("uq_documents_entity_id_kind_number")
        ),
        sa.UniqueConstraint(
            "entity_id",
            "kind",
            "year",
            "sequence",
            name=op.f("uq_documents_entity_id_kind_year_sequence"),
        ),
    )
    op.create_index(
        op.f("ix_documents_entity_id_kind_id"), "documents", ["entity_id", "kind", "id"]
    )
    op.create_index(op.f("ix_documents_order_id"), "documents", ["order_id"])
    op.create_index(
        op.f("uq_documents_refund"),
        "documents",
        ["order_id", "refund_id"],
        unique=True,
        sqlite_where=sa.text("refund_id IS NOT NULL"),
        postgresql_where=sa.text("refund_id IS NOT NULL"),
    )


def _document_state() -> None:
    op.create_table(
        "document_state",
        sa.Column("document_id", words(), nullable=False),
        sa.Column("order_id", words(), nullable=False),
        sa.Column("kind", words(), nullable=False),
        sa.Column("status", words(), nullable=False),
        sa.Column("paid", Money(), nullable=False),
        sa.Column("credited", Money(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_document_state_document_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_document_state_order_id")
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_document_state")),
    )
    op.create_index(
        op.f("uq_document_state_live"),
        "document_state",
        ["order_id"],
        unique=True,
        sqlite_where=sa.text("kind = 'invoice' AND status <> 'credited'"),
        postgresql_where=sa.text("kind = 'invoice' AND status <> 'credited'"),
    )


def _document_links() -> None:
    op.create_table(
        "document_links",
        sa.Column("document_id", words(), nullable=False),
        sa.Column("type", words(), nullable=False),
        sa.Column("other_id", words(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_document_links_document_id")
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["documents.id"], name=op.f("fk_document_links_other_id")
        ),
        sa.PrimaryKeyConstraint("document_id", "type", "other_id", name=op.f("pk_document_links")),
    )


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", words(), nullable=False),
        sa.Column("entity_id", words(), nullable=False),
        sa.Column("order_id", words(), nullable=False),
        sa.Column("key", words(), nullable=False),
        sa.Column("invoice_id", words(), nullable=True),
        sa.Column("credit_note_id", words(), nullable=True),
        sa.Column("type", words(), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.Column("currency_code", words(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("date", words(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credit_note_id"], ["documents.id"], name=op.f("fk_payments_credit_note_id")
        ),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_payments_entity_id")),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["documents.id"], name=op.f("fk_payments_invoice_id")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_payments_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("order_id", "key", name=op.f("uq_payments_order_id_key")),
    )
    op.create_index(op.f("ix_payments_credit_note_id"), "payments", ["credit_note_id"])
    op.create_index(op.f("ix_payments_entity_id_id"), "payments", ["entity_id", "id"])
    op.create_index(op.f("ix_payments_invoice_id"), "payments", ["invoice_id"])


def _series() -> None:
    op.create_table(
        "series",
        sa.Column("entity_id", words(), nullable=False),
        sa.Column("kind", words(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("last_date", words(), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_series_entity_id")),
        sa.PrimaryKeyConstraint("entity_id", "kind", "year", name=op.f("pk_series")),
    )


def _tallies() -> None:
    op.create_table(
        "tallies",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(),
            nullable=False,
        ),
        sa.Column("entity_id", words(), nullable=False),
        sa.Column("name", words(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_tallies_entity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tallies")),
    )
    op.create_index(op.f("ix_tallies_entity_id_name"), "tallies", ["entity_id", "name"])


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("entity_id", words(), nullable=False),
        sa.Column("key", words(), nullable=False),
        sa.Column("request_hash", words(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name=op.f("fk_idempotency_entity_id")
        ),
        sa.PrimaryKeyConstraint("entity_id", "key", name=op.f("pk_idempotency")),
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("prefix", words(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", words(), nullable=False),
        sa.Column("scope", words(), nullable=False),
        sa.Column("entities", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.Column("last_used_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_api_keys")),
    )


def _tallied() -> None:
    """Orders that are there already count."""
    op.execute(
        "INSERT INTO tallies (entity_id, name, n) SELECT entity_id, "
        "CASE WHEN deleted_at IS NULL THEN 'orders' ELSE 'orders_deleted' END, count(*) "
        "FROM orders GROUP BY 1, 2"
    )


# Issued is issued: the database itself refuses to change or remove these.
APPEND_ONLY = ("documents", "document_links", "payments", "events")


def _append_only() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is only ever added to'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION ordermill_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ordermill_append_only()"
        )
