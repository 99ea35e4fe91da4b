"""Runs alembic inside a transaction that is already open."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

FOLDER = Path(__file__).parent


def to_head(conn: Connection) -> None:
    """Apply what is missing in the transaction of ``conn``; its owner commits."""
    command.upgrade(config(conn), "head")


def config(conn: Connection | None = None) -> Config:
    """Alembic's configuration without a file of its own."""
    made = Config(attributes={"connection": conn})
    made.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return made
