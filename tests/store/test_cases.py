"""Finding what is due."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from ordermill.store import cases
from shops import Stored


def plan_of(conn: Connection, look: Any) -> str:
    """How the database means to execute the last statement of ``look``."""
    heard: list[tuple[str, Any]] = []

    def hear(conn: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        heard.append((statement, parameters))

    event.listen(conn, "before_cursor_execute", hear)
    look()
    statement, parameters = heard[-1]
    word = "EXPLAIN QUERY PLAN" if conn.dialect.name == "sqlite" else "EXPLAIN"
    rows = conn.exec_driver_sql(f"{word} {statement}", parameters)
    return "\n".join(str(tuple(row)) for row in rows)


@pytest.mark.parametrize("name", ["claim", "look"])
def test_what_is_due_is_found_by_its_own_index_and_not_among_all_orders(
    store: Stored, name: str
) -> None:
    looks = {
        "claim": lambda: cases.claim_due(conn, store.clock(), 50),
        "look": lambda: cases.anything_due(conn, store.clock()),
    }
    with store.database.write() as conn:
        if conn.dialect.name == "postgresql":  # else an empty table is read whole
            conn.execute(text("SET LOCAL enable_seqscan = off"))
        plan = plan_of(conn, looks[name])
    assert "ix_orders_decide_at" in plan
    assert "B-TREE" not in plan
