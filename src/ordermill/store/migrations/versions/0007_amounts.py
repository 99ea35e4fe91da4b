"""The database itself refuses an amount that is none, whoever writes it.

One NaN in a row would fail every later read of it, and PostgreSQL keeps NaN in a numeric; SQLite
keeps any text and any infinity. SQLite adds a CHECK only by copying the table, so there it is a
trigger.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

AMOUNTS = {
    "orders": (
        "total", "total_tax", "total_with_tax", "total_discount", "total_shipping", "owed",
        "owed_tax",
    ),
    "refunds": ("amount", "total_tax"),
    "documents": ("total", "total_tax", "total_with_tax", "total_discount", "rounding"),
    "document_state": ("paid", "credited"),
    "payments": ("amount",),
}  # fmt: skip


def upgrade() -> None:
    refuse = _by_trigger if op.get_bind().dialect.name == "sqlite" else _by_check
    for table, columns in AMOUNTS.items():
        refuse(table, columns)


def _by_trigger(table: str, columns: tuple[str, ...]) -> None:
    odd = " OR ".join(f"typeof(NEW.{column}) NOT IN ('integer', 'null')" for column in columns)
    for verb in ("INSERT", f"UPDATE OF {', '.join(columns)}"):
        op.execute(
            f"CREATE TRIGGER {table}_amounts_{verb[:6].lower()} BEFORE {verb} ON {table} "
            f"WHEN {odd} BEGIN SELECT RAISE(ABORT, 'an amount of {table} is no number'); END"
        )


def _by_check(table: str, columns: tuple[str, ...]) -> None:
    """An infinity does not fit into numeric(18,6) as it is."""
    op.create_check_constraint(f"amounts_of_{table}", table, f"'NaN' NOT IN ({', '.join(columns)})")
