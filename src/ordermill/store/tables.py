"""The tables. Money and times are of types.py, JSON is text, ids sort by time.

An order's row has three kinds of columns, never mixed: what the shop says (SHOP_COLUMNS, written by
ingest alone, or by a person where the order is manual), what we decided (DECISION_COLUMNS), and
what ingest needs to recognise a change (content_hash, version, mark). The exact payloads live
apart, in raw_versions. Issued documents, their links and payments are only ever added to; what
moves about a document (paid, credited, status) is document_state.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from ordermill.store.types import Moment, Money, words

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _serial() -> Column[int]:
    return Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        Identity(),
        primary_key=True,
    )


entities = Table(
    "entities",
    metadata,
    Column("id", words(), primary_key=True),  # ent_…
    Column("handle", words(), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),  # JSON
    Column("tax_number", Text),
    Column("currency_code", words(), nullable=False),
    Column("timezone", Text, nullable=False),
    Column("payment_due_days", Integer, nullable=False),
    Column("numbering", Text, nullable=False),  # JSON
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

integrations = Table(
    "integrations",
    metadata,
    Column("id", words(), primary_key=True),  # oint_…
    Column("entity_id", words(), ForeignKey("entities.id"), nullable=False),
    Column("handle", words(), nullable=False, unique=True),
    Column("source", words(), nullable=False),
    Column("name", Text, nullable=False),
    Column("shop_key", words(), unique=True),  # host and port; null for `manual`
    Column("is_active", Boolean, nullable=False),
    Column("sweeps", Boolean, nullable=False),  # whether its sweep is switched on
    Column("import_cutoff", Moment),  # orders placed before it are skipped; null for `manual`
    Column("rules", Text, nullable=False, server_default=text("'{}'")),  # JSON, model Rules
    Column("metadata", Text, nullable=False, server_default=text("'{}'")),  # JSON
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

# What moves while an integration is read. The lease is the row's owner, end and fencing token.
integration_state = Table(
    "integration_state",
    metadata,
    Column("integration_id", words(), ForeignKey("integrations.id"), primary_key=True),
    Column("bookmark", Moment),
    Column("caught_up", Boolean, nullable=False, server_default=text("false")),
    Column("poll_due_at", Moment),
    Column("sweep_due_at", Moment),
    Column("contents_after", words()),  # the order after which the next sweep compares contents
    Column("shortfall", Integer, nullable=False, server_default=text("0")),  # of the last reconcile
    Column("sync_requested_at", Moment),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("backoff_until", Moment),
    Column("last_attempt_at", Moment),
    Column("last_success_at", Moment),
    Column("last_error", Text),
    Column("last_error_class", Text),
    Column("paused_by", Text),  # operator | auth
    Column("paused_reason", Text),
    Column("paused_since", Moment),
    Column("paused_until", Moment),
    Column("lease_owner", Text),
    Column("lease_until", Moment),
    Column("lease_token", BigInteger, nullable=False, server_default=text("0")),
)

SHOP_COLUMNS: tuple[Column[Any], ...] = (
    Column("source_order_number", words()),
    Column("ordered_at", Moment),
    Column("shop_updated_at", Moment, nullable=False),
    Column("currency_code", words(), nullable=False),
    Column("total", Money, nullable=False),
    Column("total_tax", Money, nullable=False),
    Column("total_with_tax", Money, nullable=False),
    Column("total_discount", Money, nullable=False),
    Column("total_shipping", Money, nullable=False),
    Column("owed", Money, nullable=False),
    Column("owed_tax", Money),
    Column("taxes_included", Boolean, nullable=False),
    Column("items", Text, nullable=False),  # JSON, as are the next of its like
    Column("taxes", Text, nullable=False),
    Column("payment_status", words(), nullable=False),
    Column("payment_method", Text),
    Column("payment_gateway", Text),
    Column("paid", Boolean, nullable=False),
    Column("paid_at", Moment),
    Column("fulfilled", Boolean, nullable=False),
    Column("fulfilled_at", Moment),
    Column("cancelled", Boolean, nullable=False),
    Column("cancelled_at", Moment),
    Column("refunded", Boolean, nullable=False),
    Column("refunded_at", Moment),
    Column("complete", Boolean, nullable=False),
    Column("test", Boolean, nullable=False),
    Column("customer_name", words()),
    Column("customer_email", words()),
    Column("customer", Text),  # JSON
    Column("billing_address", Text),  # JSON
    Column("shipping_address", Text),  # JSON
    Column("transactions", Text, nullable=False),  # JSON
    Column("refunds", Text, nullable=False),  # JSON
    Column("tags", Text, nullable=False),  # JSON
    Column("shop_metadata", Text, nullable=False),  # JSON
    Column("search_text", Text, nullable=False),  # values only, casefolded
)

# What was decided about an order. `decide_at` is the next moment to look at it, null for never.
DECISION_COLUMNS: tuple[Column[Any], ...] = (
    Column("status", words(), nullable=False),
    Column("error", Text),  # `code: sentence` where held, skipped or under review
    Column("decide_at", Moment),
    Column("customer_id", words()),
    Column("invoice_id", words()),  # the latest, also when it is credited
    Column("estimate_id", words()),
    Column("triggered_at", Moment),  # when the trigger of its rules was reached
    Column("process_after", Moment),
    Column("reissue_after", Moment),
    Column("processed_at", Moment),
    Column("items_changed", Boolean, nullable=False, server_default=text("false")),
    Column("buyer_changed", Boolean, nullable=False, server_default=text("false")),
    Column("changes", Text, nullable=False, server_default=text("'[]'")),  # JSON, model Difference
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("billing_hash", Text),  # of the items that the delay before processing waited for
    Column("cancelled_noticed_at", Moment),  # cancelled in the shop, as we first saw it
    Column("withdrawn_at", Moment),  # cancelled by a person, here
    Column("auto_reissues", Text, nullable=False, server_default=text("'[]'")),  # JSON, times
)


def _live(column: str) -> Index:
    """What a list that is filtered or sorted by a column walks along."""
    return Index(
        f"ix_orders_live_{column}",
        "entity_id",
        column,
        "id",
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    )


orders = Table(
    "orders",
    metadata,
    Column("id", words(), primary_key=True),  # ord_…
    Column("entity_id", words(), ForeignKey("entities.id"), nullable=False),
    Column("integration_id", words(), ForeignKey("integrations.id"), nullable=False),
    Column("source", words(), nullable=False),
    Column("source_id", words(), nullable=False),
    *SHOP_COLUMNS,
    Column("content_hash", words(), nullable=False),
    Column("version", Integer, nullable=False),
    Column("mark", Text, nullable=False),
    *DECISION_COLUMNS,
    Column("metadata", Text, nullable=False, server_default=text("'{}'")),  # JSON, the API's
    Column("overrides", Text),  # JSON: what a person set over the shop's buyer data, and over what
    Column("source_event_id", words()),
    Column("deleted_at", Moment),
    Column("deleted_by", words()),  # shop | person; a person's is never undone by a sync
    Column("erased_at", Moment),  # its buyer's data was erased, and is never stored again
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("integration_id", "source_id"),
    CheckConstraint("(deleted_at IS NULL) = (deleted_by IS NULL)", name="deleted_by_someone"),
    Index(None, "integration_id", "shop_updated_at"),
    Index(
        "ix_orders_live",
        "integration_id",
        "status",
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
    Index(
        "ix_orders_error",
        "integration_id",
        sqlite_where=text("error IS NOT NULL"),
        postgresql_where=text("error IS NOT NULL"),
    ),
    Index(None, "entity_id", "id"),
    *(_live(column) for column in ("status", "created_at", "updated_at", "ordered_at")),
    Index(
        "ix_orders_deleted",
        "entity_id",
        "id",
        sqlite_where=text("deleted_at IS NOT NULL"),
        postgresql_where=text("deleted_at IS NOT NULL"),
    ),
    Index(
        "ix_orders_decide_at",
        "decide_at",
        sqlite_where=text("decide_at IS NOT NULL"),
        postgresql_where=text("decide_at IS NOT NULL"),
    ),
)

raw_versions = Table(
    "raw_versions",
    metadata,
    Column("order_id", words(), ForeignKey("orders.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("payload", Text, nullable=False),  # what the shop sent, allow-listed
)

# A refund of the shop. It outlives its deletion there: a credit note may stand on it.
refunds = Table(
    "refunds",
    metadata,
    Column("order_id", words(), ForeignKey("orders.id"), primary_key=True),
    Column("source_id", words(), primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("amount", Money, nullable=False),
    Column("total_tax", Money),
    Column("reason", Text),
    Column("items", Text, nullable=False),  # JSON
    Column("pending", Boolean, nullable=False),
    Column("first_seen_at", Moment, nullable=False),
    Column("deleted_at", Moment),  # the shop no longer shows it
    # Its credit note, or the invoice that was issued without what it took back. Written once.
    Column("settled_by", words()),
)

# The audit trail: only ever added to.
events = Table(
    "events",
    metadata,
    _serial(),
    Column("order_id", words(), ForeignKey("orders.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("type", words(), nullable=False),
    Column("actor", Text, nullable=False),  # shop | ordermill | a key's name
    Column("reason", Text),
    Column("data", Text, nullable=False),  # JSON
    Index(None, "order_id", "id"),
)

# What could not be read: kept raw until it can be.
rejected_orders = Table(
    "rejected_orders",
    metadata,
    Column("integration_id", words(), ForeignKey("integrations.id"), primary_key=True),
    Column("source_id", words(), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("first_seen_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    Column("times", Integer, nullable=False),
)

# Who works on this database; a row of one that died stays for a day.
processes = Table(
    "processes",
    metadata,
    Column("owner", words(), primary_key=True),
    Column("seen_at", Moment, nullable=False),
)

# Orders to read by id soon.
hints = Table(
    "hints",
    metadata,
    Column("integration_id", words(), ForeignKey("integrations.id"), primary_key=True),
    Column("source_id", words(), primary_key=True),
    Column("noticed_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("event_id", words()),  # of the webhook that named it last
    Index(None, "due_at"),
)

# The events that webhooks told of, kept 48 h so that a repeated delivery asks for nothing.
webhook_events = Table(
    "webhook_events",
    metadata,
    Column("integration_id", words(), ForeignKey("integrations.id"), primary_key=True),
    Column("event_id", words(), primary_key=True),
    Column("source_id", words(), nullable=False),
    Column("topic", Text, nullable=False),  # in the shop's words
    Column("received_at", Moment, nullable=False),
    Index(None, "received_at"),
)

sync_runs = Table(
    "sync_runs",
    metadata,
    _serial(),
    Column("integration_id", words(), ForeignKey("integrations.id"), nullable=False),
    Column("mode", words(), nullable=False),  # incremental | sweep | backfill | reconcile
    Column("lease_token", BigInteger),  # of the claim that runs it; null where it was asked for
    Column("requested_at", Moment),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("result", words()),  # success | partial | failure | interrupted
    Column("since", Moment),
    Column("until", Moment),
    Column("cursor", Text),
    Column("bookmark_before", Moment),
    Column("bookmark_after", Moment),
    Column("pages", Integer, nullable=False, server_default=text("0")),
    Column("fetched", Integer, nullable=False, server_default=text("0")),
    Column("total", Integer),
    Column("created", Integer, nullable=False, server_default=text("0")),
    Column("updated", Integer, nullable=False, server_default=text("0")),
    Column("unchanged", Integer, nullable=False, server_default=text("0")),
    Column("stale", Integer, nullable=False, server_default=text("0")),
    Column("rejected", Integer, nullable=False, server_default=text("0")),
    Column("gone", Integer, nullable=False, server_default=text("0")),
    Column("cost", Float, nullable=False, server_default=text("0")),
    Column("error", Text),
    Column("error_class", Text),
    Column("report", Text),  # JSON: what a reconcile found, day by day
    Index(None, "integration_id", "id"),
    Index(
        "ix_sync_runs_unfinished",
        "integration_id",
        sqlite_where=text("finished_at IS NULL"),
        postgresql_where=text("finished_at IS NULL"),
    ),
)


# Invoices, credit notes and estimates as they were issued. Only ever added to: a trigger refuses
# UPDATE and DELETE on both databases.
documents = Table(
    "documents",
    metadata,
    Column("id", words(), primary_key=True),  # inv_… cre_… est_…
    Column("entity_id", words(), ForeignKey("entities.id"), nullable=False),
    Column("order_id", words(), ForeignKey("orders.id"), nullable=False),
    Column("integration_id", words(), ForeignKey("integrations.id"), nullable=False),
    Column("kind", words(), nullable=False),
    Column("year", Integer, nullable=False),  # 0 where the number's format has no year
    Column("sequence", Integer, nullable=False),  # 1, 2, 3 … within entity, kind and year
    Column("series", words(), nullable=False),  # the number's format without the number
    Column("number", words(), nullable=False),
    Column("date", words(), nullable=False),  # YYYY-MM-DD in the entity's zone, as the next two
    Column("date_due", words(), nullable=False),
    Column("date_service", words(), nullable=False),
    Column("currency_code", words(), nullable=False),
    Column("items", Text, nullable=False),  # JSON
    Column("taxes", Text, nullable=False),  # JSON
    Column("total", Money, nullable=False),
    Column("total_tax", Money, nullable=False),
    Column("total_with_tax", Money, nullable=False),
    Column("total_discount", Money, nullable=False),
    Column("rounding", Money, nullable=False),
    Column("issuer", Text, nullable=False),  # JSON, as it was then
    Column("customer_id", words(), nullable=False),
    Column("customer", Text, nullable=False),  # JSON, as it was then
    Column("credits_id", words()),  # of a credit note: its invoice
    Column("refund_id", words()),  # of a credit note for a refund: the shop's id of it
    Column("reason", Text),
    Column("metadata", Text, nullable=False, server_default=text("'{}'")),
    Column("search_text", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("entity_id", "kind", "year", "sequence"),
    UniqueConstraint("entity_id", "kind", "number"),
    Index(None, "order_id"),
    Index(None, "customer_id"),
    Index(None, "entity_id", "kind", "id"),
    Index(
        "uq_documents_refund",
        "order_id",
        "refund_id",
        unique=True,
        sqlite_where=text("refund_id IS NOT NULL"),
        postgresql_where=text("refund_id IS NOT NULL"),
    ),
)

# What moves about a document. One invoice of an order is not credited, at most: the last line of
# defence against a double.
document_state = Table(
    "document_state",
    metadata,
    Column("document_id", words(), ForeignKey("documents.id"), primary_key=True),
    Column("order_id", words(), ForeignKey("orders.id"), nullable=False),
    Column("kind", words(), nullable=False),
    Column("status", words(), nullable=False),  # open | paid | credited
    Column("paid", Money, nullable=False),
    Column("credited", Money, nullable=False),
    Index(
        "uq_document_state_live",
        "order_id",
        unique=True,
        sqlite_where=text("kind = 'invoice' AND status <> 'credited'"),
        postgresql_where=text("kind = 'invoice' AND status <> 'credited'"),
    ),
)

# credit_for and credited_by, replaces and replaced_by, estimate_for and invoiced_by: both sides.
document_links = Table(
    "document_links",
    metadata,
    Column("document_id", words(), ForeignKey("documents.id"), primary_key=True),
    Column("type", words(), primary_key=True),
    Column("other_id", words(), ForeignKey("documents.id"), primary_key=True),
)

# Money that came, went back (credit_note_id alone) or was moved from a credit note (both). Only
# ever added to. `key` names the cause within the order, so that nothing is recorded twice.
payments = Table(
    "payments",
    metadata,
    Column("id", words(), primary_key=True),  # pmt_…
    Column("entity_id", words(), ForeignKey("entities.id"), nullable=False),
    Column("order_id", words(), ForeignKey("orders.id"), nullable=False),
    Column("key", words(), nullable=False),
    Column("invoice_id", words(), ForeignKey("documents.id")),
    Column("credit_note_id", words(), ForeignKey("documents.id")),
    Column("type", words(), nullable=False),
    Column("amount", Money, nullable=False),
    Column("currency_code", words(), nullable=False),
    Column("reference", Text),
    Column("date", words(), nullable=False),
    Column("search_text", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("order_id", "key"),
    Index(None, "entity_id", "id"),
    Index(None, "invoice_id"),
    Index(None, "credit_note_id"),
)

# A row is locked while its next number is given away, in the transaction of the document.
series = Table(
    "series",
    metadata,
    Column("entity_id", words(), ForeignKey("entities.id"), primary_key=True),
    Column("kind", words(), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
    Column("last_date", words(), nullable=False),
)

customers = Table(
    "customers",
    metadata,
    Column("id", words(), primary_key=True),  # cus_…
    Column("entity_id", words(), ForeignKey("entities.id"), nullable=False),
    Column("key", words(), nullable=False),  # what makes two buyers one: see customers.py
    Column("name", words()),
    Column("email", words()),
    Column("phone", Text),
    Column("company_name", Text),
    Column("tax_number", Text),
    Column("company_number", Text),
    Column("is_business", Boolean, nullable=False),
    Column("address", Text),  # JSON
    Column("metadata", Text, nullable=False, server_default=text("'{}'")),
    Column("search_text", Text, nullable=False),
    Column("as_of", Moment, nullable=False),  # when the order was placed that these data are from
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("entity_id", "key"),
    Index(None, "entity_id", "id"),
)

# How many rows a list has, as a sum of small additions, so that writers do not wait for each other.
tallies = Table(
    "tallies",
    metadata,
    _serial(),
    Column("entity_id", words(), ForeignKey("entities.id"), nullable=False),
    Column("name", words(), nullable=False),  # orders | orders_deleted | invoices | …
    Column("n", Integer, nullable=False),
    Index(None, "entity_id", "name"),
)

# The answers of calls that changed something, written in the change's own transaction.
idempotency = Table(
    "idempotency",
    metadata,
    Column("entity_id", words(), ForeignKey("entities.id"), primary_key=True),
    Column("key", words(), primary_key=True),
    Column("request_hash", words(), nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

# Keys made with `ordermill keys create`; those of the YAML are not here. The key itself is nowhere.
api_keys = Table(
    "api_keys",
    metadata,
    Column("prefix", words(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", words(), nullable=False),  # SHA-256 of the whole key
    Column("scope", words(), nullable=False),
    Column("entities", Text, nullable=False),  # JSON: handles; empty for all
    Column("created_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    Column("last_used_at", Moment),
    Column("expires_at", Moment),  # none: works until it is revoked
)

# Every time a backup was put back. While one is held, nothing is billed by itself: what was issued
# after the backup is not known here.
restores = Table(
    "restores",
    metadata,
    _serial(),
    Column("at", Moment, nullable=False),
    Column("backup", Text, nullable=False),  # the file's name
    Column("newest", Moment),  # the latest thing the backup knows
    Column("held", Boolean, nullable=False),
    Column("resumed_at", Moment),
)

# Numbers that were passed over by a restore: they may stand on documents that are not here.
skipped_numbers = Table(
    "skipped_numbers",
    metadata,
    Column("entity_id", words(), ForeignKey("entities.id"), primary_key=True),
    Column("kind", words(), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("first", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
    Column("at", Moment, nullable=False),
)
