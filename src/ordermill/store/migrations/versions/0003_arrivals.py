"""Webhooks and proofs: events seen, hints that name theirs, what a reconcile found, where a sweep
goes on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ordermill.store.types import Moment, words

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "webhook_events",
        sa.Column("integration_id", words(), nullable=False),
        sa.Column("event_id", words(), nullable=False),
        sa.Column("source_id", words(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["integration_id"],
            ["integrations.id"],
            name=op.f("fk_webhook_events_integration_id"),
        ),
        sa.PrimaryKeyConstraint("integration_id", "event_id", name=op.f("pk_webhook_events")),
    )
    op.create_index(op.f("ix_webhook_events_received_at"), "webhook_events", ["received_at"])
    op.add_column("hints", sa.Column("event_id", words(), nullable=True))
    op.add_column("sync_runs", sa.Column("report", sa.Text(), nullable=True))
    for column in (
        sa.Column("contents_after", words(), nullable=True),
        sa.Column("shortfall", sa.Integer(), server_default=sa.text("0"), nullable=False),
    ):
        op.add_column("integration_state", column)
