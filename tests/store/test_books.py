"""The books of a live database, proved: defects are planted behind the back of every guard."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import text

from billing import Billing
from lives import live
from ordermill.commands.verify import Verified
from ordermill.invoicing.decide import automatic
from ordermill.store.database import Database
from orders import an_order


@dataclass(frozen=True)
class Store:
    """The orders of ``lives``."""

    billing: Billing
    url: str

    def findings(self) -> list[str]:
        found = Verified(self.billing.database)
        return [f"{one.about}: {one.what}" for one in found]

    def plant(self, statement: str) -> None:
        """Change rows as no code of ours can."""
        file = self.billing.database.file
        if file is None:
            with psycopg.connect(self.url) as server:
                server.execute("SET session_replication_role = replica")
                server.execute(statement.encode())
            return
        with closing(sqlite3.connect(file)) as conn:
            triggers = conn.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in triggers.fetchall():
                conn.execute(f"DROP TRIGGER {name}")
            conn.execute(in_millionths(statement))
            conn.commit()


def in_millionths(statement: str) -> str:
    """Amounts as SQLite keeps them; they are written as 1.00 here."""
    words = statement.split()
    return " ".join(
        str(int(Decimal(w.strip(",")) * 1_000_000)) + "," * w.endswith(",") if is_amount(w) else w
        for w in words
    )


def is_amount(word: str) -> bool:
    return word.strip(",").replace(".", "", 1).isdigit() and "." in word


@pytest.fixture
def store(database: Database, database_url: str, clock: Callable[[], datetime]) -> Store:
    billing = Billing(database, clock)
    live(billing)
    return Store(billing, database_url)


def test_books_that_hold_have_no_findings_and_are_counted(store: Store) -> None:
    assert store.billing.numbers() == ["INV-2026-00001", "INV-2026-00002", "INV-2026-00003"]
    assert store.billing.numbers("credit_note") == ["CN-2026-00001", "CN-2026-00002"]
    verified = Verified(store.billing.database)
    assert list(verified) == []
    assert verified.summary() == "6 documents of 5 orders: all holds"


FIRST = "number = 'INV-2026-00001'"
THE_FIRST = f"(SELECT id FROM documents WHERE {FIRST})"
THIRD = "source_id = '3'"
PLANTED = [
    (f"DELETE FROM documents WHERE {FIRST}", "invoice series 2026 of acme: number 1 is missing"),
    ("UPDATE series SET last = 9 WHERE kind = 'invoice'", "numbers 4 to 9 are given away"),
    ("UPDATE series SET last = 2 WHERE kind = 'invoice'", "the counter stands at 2, the last"),
    ("DELETE FROM series WHERE kind = 'credit_note'", "there is no counter, 2 documents"),
    (
        "UPDATE documents SET date = '2026-11-23' WHERE number = 'INV-2026-00003'",
        "INV-2026-00003: dated 2026-11-23, earlier than 2026-11-24, the day of INV-2026-00002",
    ),
    (
        f"UPDATE documents SET total = 19.00 WHERE {FIRST}",
        "INV-2026-00001: the items' totals come to 20.00, total says 19",
    ),
    (
        f"UPDATE documents SET rounding = 0.02 , total_with_tax = 24.42 WHERE {FIRST}",
        "INV-2026-00001: rounding 0.02 is more than 0.01",
    ),
    (f"UPDATE documents SET items = '[]' WHERE {FIRST}", "INV-2026-00001: it has no items"),
    (
        f"UPDATE documents SET order_id = (SELECT id FROM orders WHERE {THIRD}) WHERE {FIRST}",
        "INV-2026-00002 does not say that it replaces INV-2026-00001",
    ),
    (f"UPDATE documents SET customer_id = 'cus_9' WHERE {FIRST}", "its customer does not exist"),
    (
        "UPDATE documents SET credits_id = NULL WHERE number = 'CN-2026-00001'",
        "CN-2026-00001: it credits None, which is no invoice of this order",
    ),
    (
        "DELETE FROM document_links WHERE type = 'credited_by'",
        "CN-2026-00001: credit_for INV-2026-00002, but INV-2026-00002 does not say credited_by",
    ),
    (
        "DELETE FROM document_links WHERE type = 'replaces'",
        "INV-2026-00003 does not say that it replaces INV-2026-00002",
    ),
    (f"DELETE FROM document_state WHERE document_id = {THE_FIRST}", "nothing says whether it is"),
    (
        f"UPDATE document_state SET status = 'open' WHERE document_id = {THE_FIRST}",
        "INV-2026-00001: its status is open, by its payments and credit notes it is paid",
    ),
    (
        f"UPDATE document_state SET paid = 1.00 WHERE document_id = {THE_FIRST}",
        "INV-2026-00001: 1.00 are noted as paid, its payments come to 24.40",
    ),
    (
        "UPDATE document_state SET credited = 1.00 WHERE status = 'credited'",
        "INV-2026-00002: 1.00 are noted as credited, its credit notes come to 24.40",
    ),
    (
        f"UPDATE payments SET amount = 20.00 WHERE invoice_id = {THE_FIRST}",
        "INV-2026-00001: 24.40 are noted as paid, its payments come to 20.00",
    ),
    (
        f"UPDATE payments SET currency_code = 'USD' WHERE invoice_id = {THE_FIRST}",
        "USD: INV-2026-00001 is in another currency",
    ),
    ("UPDATE orders SET owed = 24.41 WHERE source_id = '1'", "come to 24.40 EUR, it owes 24.41"),
    ("UPDATE orders SET owed_tax = 4.39 WHERE source_id = '1'", "4.40 of tax, it owes 4.39"),
    ("UPDATE orders SET invoice_id = NULL WHERE source_id = '1'", "invoice_id is None, its latest"),
    ("UPDATE orders SET estimate_id = NULL WHERE source_id = '2'", "estimate_id is None, its late"),
    ("UPDATE orders SET status = 'pending' WHERE source_id = '1'", "is pending, it has 1 invoices"),
    ("UPDATE orders SET status = 'invoiced' WHERE source_id = '4'", "invoiced, it has 0 invoices"),
    ("UPDATE orders SET version = 7 WHERE source_id = '4'", "the payload of its present version"),
    ("DELETE FROM events WHERE type = 'order.created'", "0 events say order.created"),
    ("UPDATE refunds SET settled_by = NULL", "is for refund r1, which says nothing of it"),
    ("UPDATE refunds SET settled_by = 'cre_9'", "refund r1 was settled by cre_9, no document"),
    ("DELETE FROM tallies WHERE name = 'invoices'", "invoices of acme: it says 0, there are 3"),
    ("UPDATE tallies SET n = n + 1 WHERE name = 'orders_deleted'", "of orders_deleted of acme"),
    ("UPDATE tallies SET n = n + 1 WHERE name = 'customers'", "count of customers of acme"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "words"), PLANTED, ids=[words for _, words in PLANTED])
def test_a_planted_defect_is_named(store: Store, statement: str, words: str) -> None:
    store.plant(statement)
    assert words in "\n".join(store.findings())


def test_sqlite_says_which_row_names_one_that_is_not_there(
    sqlite_url: Callable[[], str], clock: Callable[[], datetime]
) -> None:
    database = Database.open(sqlite_url())
    billing = Billing(database, clock)
    billing.configure()
    billing.take_in(an_order("1"))
    Store(billing, "").plant("DELETE FROM orders")
    assert "table events: row 1 names a row that orders does not have" in "\n".join(
        f"{one.about}: {one.what}" for one in Verified(database)
    )
    database.close()


def test_no_finding_tells_of_a_buyer(store: Store) -> None:
    for statement, _ in PLANTED:
        store.plant(statement)
    found = "\n".join(store.findings())
    assert found
    assert "Ana" not in found
    assert "example.com" not in found


def test_one_state_is_proved_however_long_it_takes(store: Store) -> None:
    (late,) = store.billing.take_in(an_order("6"))
    with store.billing.database.snapshot() as conn:
        before = conn.execute(text("SELECT count(*) FROM documents")).scalar_one()
        store.billing.bill([late], automatic)
        assert conn.execute(text("SELECT count(*) FROM documents")).scalar_one() == before


def test_many_orders_are_read_in_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordermill.store.books.BATCH", 2)
    verified = Verified(store.billing.database)
    assert list(verified) == []
    assert (verified.orders, verified.documents) == (5, 6)
