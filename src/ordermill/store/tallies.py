"""How many rows a list has, without counting them: a sum of small additions.

Writers only ever add, so they do not wait for each other; ``settle`` adds the additions up.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, func, insert, select

from ordermill.store.bulk import append
from ordermill.store.tables import tallies

ORDERS = "orders"  # not deleted
ORDERS_DELETED = "orders_deleted"
CUSTOMERS = "customers"
PAYMENTS = "payments"
DOCUMENTS = {"invoice": "invoices", "credit_note": "credit_notes", "estimate": "estimates"}


def add(conn: Connection, more: Mapping[tuple[str, str], int]) -> None:
    """Add to the tallies, by entity id and name, in the transaction of the rows they count."""
    rows = [(entity_id, name, n) for (entity_id, name), n in more.items() if n]
    append(conn, tallies, ("entity_id", "name", "n"), rows)


def count(conn: Connection, entity_id: str, name: str) -> int:
    """How many there are."""
    query = select(func.coalesce(func.sum(tallies.c.n), 0)).where(
        tallies.c.entity_id == entity_id, tallies.c.name == name
    )
    return int(conn.execute(query).scalar_one())


def settle(conn: Connection) -> None:
    """Put one row in the place of many; the counts stay. Harmless beside writers and itself."""
    columns = (tallies.c.entity_id, tallies.c.name, tallies.c.n)
    if conn.dialect.name == "postgresql":
        gone = delete(tallies).returning(*columns).cte("gone")
        summed = select(gone.c.entity_id, gone.c.name, func.sum(gone.c.n)).group_by(
            gone.c.entity_id, gone.c.name
        )
        conn.execute(insert(tallies).from_select(["entity_id", "name", "n"], summed))
        return
    summed = select(*columns[:2], func.sum(columns[2])).group_by(*columns[:2])
    rows = [tuple(row) for row in conn.execute(summed)]
    conn.execute(delete(tallies))
    append(conn, tallies, ("entity_id", "name", "n"), rows)
