"""Which processes are alive, so that each can tell whether it has more than its share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ordermill.store.types import Moment, words

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "processes",
        sa.Column("owner", words(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_processes")),
    )
