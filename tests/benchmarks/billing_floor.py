"""What invoicing must cost whoever writes it: read due orders, write the same rows, number them.

Nothing is decided, checked or computed: lines, taxes and amounts are copied from the order as they
stand, every order is taken for paid, nothing is locked but the series. Prints its seconds:

    python -m tests.benchmarks.billing_floor DATABASE_URL
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg

BATCH = 50
DUE = (
    "SELECT id, entity_id, integration_id, currency_code, items, taxes, total, total_tax, "
    "total_with_tax, total_discount, customer_name, customer_email, billing_address, search_text, "
    "source_order_number FROM orders WHERE decide_at IS NOT NULL ORDER BY decide_at LIMIT 50"
)
TAKE = (
    "INSERT INTO series (entity_id, kind, year, last, last_date) VALUES ({0}, 'invoice', {0}, {0}, "
    "{0}) ON CONFLICT (entity_id, kind, year) DO UPDATE SET last = series.last + excluded.last "
    "RETURNING last"
)
COLUMNS = {
    "customers": (
        "id", "entity_id", "key", "name", "email", "phone", "is_business", "address",
        "search_text", "as_of", "created_at", "updated_at",
    ),
    "documents": (
        "id", "entity_id", "order_id", "integration_id", "kind", "year", "sequence", "series",
        "number", "date", "date_due", "date_service", "currency_code", "items", "taxes", "total",
        "total_tax", "total_with_tax", "total_discount", "rounding", "issuer", "customer_id",
        "customer", "search_text", "created_at",
    ),
    "document_state": ("document_id", "order_id", "kind", "status", "paid", "credited"),
    "payments": (
        "id", "entity_id", "order_id", "key", "invoice_id", "type", "amount", "currency_code",
        "reference", "date", "search_text", "created_at",
    ),
    "events": ("order_id", "at", "type", "actor", "data"),
    "tallies": ("entity_id", "name", "n"),
}  # fmt: skip
CHANGED = ("status", "customer_id", "invoice_id", "processed_at", "billing_hash", "updated_at")
ISSUER = '{"name":"Acme","address":{},"tax_number":null}'
counter = itertools.count(int(time.time()) << 24)

Row = Sequence[Any]


def made(prefix: str) -> str:
    return f"{prefix}_{next(counter):014x}{secrets.token_hex(5)}"


def rows_of(due: Sequence[Row], last: int, now: datetime) -> dict[str, list[Row]]:
    """Every row of a batch, by table; of ``orders`` the changed columns before the id."""
    rows: dict[str, list[Row]] = {name: [] for name in (*COLUMNS, "orders")}
    year, day = now.year, now.date().isoformat()
    for sequence, order in enumerate(due, last - len(due) + 1):
        order_id, entity, shop, currency, items, taxes = order[:6]
        total, tax, gross, discount, name, email, address, text, number = order[6:]
        invoice_id, key = made("inv"), f"email:{email}"
        customer_id = f"cus_{hashlib.blake2b(key.encode(), digest_size=12).hexdigest()}"
        customer = f'{{"name":"{name}","email":"{email}","address":{address or "null"}}}'
        invoice = f"INV-{year}-{sequence:05d}"
        rows["customers"].append((customer_id, entity, key, name, email, "1", False, address,
                                  f"{name}\n{email}", now, now, now))  # fmt: skip
        rows["documents"].append((
            invoice_id, entity, order_id, shop, "invoice", year, sequence, f"INV-{year}-", invoice,
            day, day, day, currency, items, taxes, total, tax, gross, discount, 0 * total, ISSUER,
            customer_id, customer, f"{invoice}\n{text}", now,
        ))  # fmt: skip
        state = (invoice_id, order_id, "invoice", "paid", gross, 0 * total)
        rows["document_state"].append(state)
        rows["payments"].append((made("pmt"), entity, order_id, "paid", invoice_id, "card", gross,
                                 currency, number, day, number, now))  # fmt: skip
        told = f'{{"document_id":"{invoice_id}","number":"{invoice}","total":{gross}}}'
        rows["events"].append((order_id, now, "order.processed", "ordermill", told))
        rows["orders"].append(("invoiced", customer_id, invoice_id, now, "0" * 16, now, order_id))
    rows["tallies"] = [(due[0][1], name, len(due)) for name in ("invoices", "payments")]
    return rows


def on_postgresql(url: str) -> int:
    done = 0
    with psycopg.connect(url) as conn, conn.cursor() as cursor:
        conn.execute("SET TimeZone = 'UTC'")
        conn.execute("CREATE TEMP TABLE stage (LIKE customers INCLUDING DEFAULTS)"
                     " ON COMMIT DELETE ROWS")  # fmt: skip
        conn.commit()
        while due := cursor.execute(DUE.encode()).fetchall():
            now = datetime.now(UTC)
            numbered = (due[0][1], now.year, len(due), now.date().isoformat())
            (last,) = cursor.execute(TAKE.format("%s").encode(), numbered).fetchone() or (0,)
            rows = rows_of(due, last, now)
            names = ", ".join(COLUMNS["customers"])
            copied(cursor, "stage", names, rows.pop("customers"))
            cursor.execute(f"INSERT INTO customers ({names}) SELECT {names} FROM stage"
                           " ON CONFLICT DO NOTHING".encode())  # fmt: skip
            changed(cursor, rows.pop("orders"))
            for table, these in rows.items():
                copied(cursor, table, ", ".join(COLUMNS[table]), these)
            conn.commit()
            done += len(due)
    return done


def copied(cursor: psycopg.Cursor[Any], table: str, names: str, rows: Sequence[Row]) -> None:
    with cursor.copy(f"COPY {table} ({names}) FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row([text(value) for value in row])


def text(value: Any) -> str | None:
    """COPY writes text fastest."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def changed(cursor: psycopg.Cursor[Any], rows: Sequence[Row]) -> None:
    names = (*CHANGED, "id")
    types = ("timestamptz" if name.endswith("_at") else "text" for name in names)
    assigned = ", ".join(f"{name} = new.{name}" for name in CHANGED)
    cursor.execute(
        f"UPDATE orders SET decide_at = NULL, {assigned} FROM unnest("
        f"{', '.join(f'%s::{kind}[]' for kind in types)}) AS new ({', '.join(names)}) "
        "WHERE orders.id = new.id".encode(),
        [list(column) for column in zip(*rows, strict=True)],
    )


def on_sqlite(url: str) -> int:
    conn = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON",
                   "cache_size = -16000"):  # fmt: skip
        conn.execute(f"PRAGMA {pragma}")
    done = 0
    assigned = ", ".join(f"{name} = ?" for name in CHANGED)
    while True:
        conn.execute("BEGIN IMMEDIATE")
        due = conn.execute(DUE).fetchall()
        if not due:
            break
        now = datetime.now(UTC)
        numbered = (due[0][1], now.year, len(due), now.date().isoformat())
        (last,) = conn.execute(TAKE.format("?"), numbered).fetchone()
        rows = rows_of(due, last, now)
        update = f"UPDATE orders SET decide_at = NULL, {assigned} WHERE id = ?"
        conn.executemany(update, numbers(rows.pop("orders")))
        for table, these in rows.items():
            names = COLUMNS[table]
            conn.executemany(
                f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) "
                f"VALUES ({', '.join('?' * len(names))})",
                numbers(these),
            )
        conn.execute("COMMIT")
        done += len(due)
    conn.close()
    return done


def numbers(rows: Sequence[Row]) -> Iterator[list[Any]]:
    for row in rows:
        yield [number(value) for value in row]


def number(value: Any) -> Any:
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    return int(value * 1_000_000) if isinstance(value, Decimal) else value


def main() -> None:
    (url,) = sys.argv[1:]
    on: Callable[[str], int] = on_sqlite if url.startswith("sqlite") else on_postgresql
    began, cpu = time.perf_counter(), time.process_time()
    done = on(url)
    print(done, time.perf_counter() - began, time.process_time() - cpu)


if __name__ == "__main__":
    main()
