"""A key of the API may end by itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ordermill.store.types import Moment

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("expires_at", Moment()))
