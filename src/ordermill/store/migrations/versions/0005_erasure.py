"""Whose personal data was erased, so that no later version brings it back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ordermill.store.types import Moment

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("orders", sa.Column("erased_at", Moment(), nullable=True))
