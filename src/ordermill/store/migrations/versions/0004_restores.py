"""What is known of restores: when a backup was put back, and which numbers were passed over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ordermill.store.types import Moment, words

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "restores",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(),
            nullable=False,
        ),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("backup", sa.Text(), nullable=False),
        sa.Column("newest", Moment(), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("resumed_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restores")),
    )
    op.create_table(
        "skipped_numbers",
        sa.Column("entity_id", words(), nullable=False),
        sa.Column("kind", words(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name=op.f("fk_skipped_numbers_entity_id")
        ),
        sa.PrimaryKeyConstraint(
            "entity_id", "kind", "year", "first", name=op.f("pk_skipped_numbers")
        ),
    )
