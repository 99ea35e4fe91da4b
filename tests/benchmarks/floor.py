"""What the ingest must cost whoever writes it: fetch, decode, normalize, hash, one upsert a page.

No framework, no retries, no lease, no events, no refunds, no bookmark, no check of anything. It
fills the same columns of the same tables, with the same indexes, with the same values as ordermill
(test_floor.py), and keeps each order's text:

    python -m tests.benchmarks.floor DATABASE_URL SHOP_URL KEY SECRET
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import itertools
import secrets
import sqlite3
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psycopg
from msgspec import Raw, Struct

ZERO = Decimal(0)
MICRO = Decimal("0.000001")


class Tax(Struct, gc=False):
    id: int
    total: Decimal | None = None


class Line(Struct, gc=False):
    id: int
    total: Decimal
    total_tax: Decimal = ZERO
    name: str = ""
    method_title: str | None = None
    quantity: Decimal = Decimal(1)
    subtotal: Decimal | None = None
    subtotal_tax: Decimal | None = None
    sku: str | None = None
    taxes: list[Tax] = []


class Rate(Struct, gc=False):
    rate_id: int
    tax_total: Decimal
    shipping_tax_total: Decimal = ZERO
    rate_percent: Decimal | None = None
    label: str | None = None
    compound: bool = False


class Meta(Struct, gc=False):
    key: str
    value: Any = None


class Coupon(Struct, gc=False):
    code: str = ""


class Contact(Struct, gc=False):
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""


class Shown(Struct, gc=False):
    """What is read of an order."""

    id: int
    number: str
    status: str
    currency: str
    prices_include_tax: bool
    date_created_gmt: datetime
    date_modified_gmt: datetime
    date_completed_gmt: datetime | None
    date_paid_gmt: datetime | None
    discount_total: Decimal
    shipping_total: Decimal
    total: Decimal
    total_tax: Decimal
    customer_id: int
    billing: Contact
    shipping: Contact
    payment_method: str
    payment_method_title: str
    transaction_id: str
    created_via: str
    customer_note: str
    meta_data: list[Meta]
    line_items: list[Line]
    tax_lines: list[Rate]
    shipping_lines: list[Line]
    fee_lines: list[Line]
    coupon_lines: list[Coupon]


PAGE = msgspec.json.Decoder(list[Raw]).decode
ORDER = msgspec.json.Decoder(Shown).decode
TAX_NUMBER = "_billing_vat_number"

encode = msgspec.json.Encoder(decimal_format="number").encode

COLUMNS = (
    "id", "entity_id", "integration_id", "source", "source_id", "content_hash", "version", "mark",
    "status", "created_at", "updated_at", "source_order_number", "ordered_at",
    "shop_updated_at", "currency_code", "total", "total_tax", "total_with_tax", "total_discount",
    "total_shipping", "owed", "owed_tax", "taxes_included", "items", "taxes", "payment_status",
    "payment_method", "payment_gateway", "paid", "paid_at", "fulfilled", "fulfilled_at",
    "cancelled", "cancelled_at", "refunded", "refunded_at", "complete", "test", "customer_name",
    "customer_email", "customer", "billing_address", "shipping_address", "transactions", "refunds",
    "tags", "shop_metadata", "search_text",
)  # fmt: skip
KEPT = {"id", "entity_id", "integration_id", "source", "source_id", "status", "created_at"}
INSERT = f"INSERT INTO orders ({', '.join(COLUMNS)}) "
CONFLICT = (
    "ON CONFLICT (integration_id, source_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in KEPT)
    + " WHERE orders.content_hash <> excluded.content_hash"
)


def pages(url: str, key: str, secret: str) -> Iterator[bytes]:
    """Every page of orders, oldest change first, over one connection."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port)
    login = base64.b64encode(f"{key}:{secret}".encode()).decode()
    for number in itertools.count(1):
        path = f"/wp-json/wc/v3/orders?orderby=modified&order=asc&per_page=100&page={number}"
        connection.request("GET", path, headers={"Authorization": f"Basic {login}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"the shop answered {answer.status}: {body[:200]!r}")
        yield body
        if number >= int(answer.headers["X-WP-TotalPages"]):
            return


def tax_of(rate: Rate, tax: Decimal | None) -> dict[str, Any]:
    told = {"rate": rate.rate_percent, "tax": tax, "name": rate.label}
    if rate.compound:
        told["compound"] = True
    return told


def item(line: Line, kind: str, rates: dict[int, Rate]) -> dict[str, Any]:
    quantity = line.quantity if kind == "line_item" else Decimal(1)
    before = line.total if line.subtotal is None else line.subtotal
    tax_before = line.total_tax if line.subtotal_tax is None else line.subtotal_tax
    price, gross_price = before, before + tax_before
    if quantity != 1:
        price = (price / quantity).quantize(MICRO)
        gross_price = (gross_price / quantity).quantize(MICRO)
    applying = [tax for tax in line.taxes if tax.total is not None]
    taxes = [
        tax_of(rates[tax.id], line.total_tax if len(applying) == 1 else tax.total)
        for tax in applying
    ]
    return {
        "name": line.name or line.method_title or kind,
        "sku": line.sku or None,
        "source_id": str(line.id),
        "kind": kind,
        "quantity": quantity,
        "price": price,
        "gross_price": gross_price,
        "discount": before - line.total,
        "total": line.total,
        "total_with_tax": line.total + line.total_tax,
        "tax_rate": sum([tax["rate"] for tax in taxes], ZERO),
        "taxes": taxes,
    }


def tax_totals(order: Shown, lines: list[Line]) -> list[dict[str, Any]]:
    bases: dict[int, Decimal] = {}
    for line in lines:
        for tax in line.taxes:
            if tax.total is not None:
                bases[tax.id] = bases.get(tax.id, ZERO) + line.total
    return [
        tax_of(rate, rate.tax_total + rate.shipping_tax_total)
        | {"base": bases.get(rate.rate_id, ZERO)}
        for rate in order.tax_lines
    ]


def address(contact: Contact) -> dict[str, Any]:
    return {
        "name": f"{contact.first_name} {contact.last_name}".strip() or None,
        "company": contact.company or None,
        "address": contact.address_1 or None,
        "address_2": contact.address_2 or None,
        "city": contact.city or None,
        "state": contact.state or None,
        "post_code": contact.postcode or None,
        "country": None,
        "country_code": contact.country or None,
        "phone": contact.phone or None,
    }


def shown_meta(order: Shown) -> dict[str, Any]:
    """Meta data that the shop shows, and a tax number, which it hides."""
    return {
        entry.key: entry.value
        for entry in order.meta_data
        if entry.key[0] != "_" or entry.key == TAX_NUMBER
    }


def customer(order: Shown, meta: dict[str, Any]) -> dict[str, Any]:
    return {
        "phone": order.billing.phone or order.shipping.phone or None,
        "company_name": order.billing.company or None,
        "tax_number": meta.get(TAX_NUMBER),
        "company_number": None,
        "is_business": bool(order.billing.company or TAX_NUMBER in meta),
        "notes": order.customer_note or None,
        "source_id": str(order.customer_id) if order.customer_id > 0 else None,
    }


def transactions(order: Shown) -> list[dict[str, Any]]:
    if order.date_paid_gmt is None or not order.transaction_id:
        return []
    return [{
        "id": order.transaction_id, "kind": "sale", "status": "success",
        "gateway": order.payment_method or None, "amount": order.total,
        "currency_code": order.currency, "at": f"{order.date_paid_gmt.isoformat()}.000Z",
    }]  # fmt: skip


def metadata(order: Shown, meta: dict[str, Any]) -> dict[str, Any]:
    known = {
        "status": order.status,
        "created_via": order.created_via,
        "coupons": [coupon.code for coupon in order.coupon_lines],
        "meta": meta,
    }
    return {name: value for name, value in known.items() if value}


def shop_values(order: Shown, meta: dict[str, Any]) -> tuple[Any, ...]:
    """The shop's columns in the order of COLUMNS, but search_text."""
    rates = {rate.rate_id: rate for rate in order.tax_lines}
    items = [item(line, "line_item", rates) for line in order.line_items]
    items += [item(line, "shipping", rates) for line in order.shipping_lines]
    items += [item(line, "fee", rates) for line in order.fee_lines]
    lines = order.line_items + order.shipping_lines + order.fee_lines
    paid = order.date_paid_gmt is not None
    complete = order.status == "completed"
    refunded = order.status == "refunded"
    return (
        order.number, order.date_created_gmt, order.date_modified_gmt, order.currency,
        order.total - order.total_tax, order.total_tax, order.total, order.discount_total,
        order.shipping_total, order.total, order.total_tax, order.prices_include_tax,
        encode(items).decode(), encode(tax_totals(order, lines)).decode(),
        "paid" if paid else "unpaid", order.payment_method_title or None,
        order.payment_method or None, paid, order.date_paid_gmt, complete,
        order.date_completed_gmt, order.status == "cancelled", None, refunded, None, complete,
        False, f"{order.billing.first_name} {order.billing.last_name}".strip(),
        order.billing.email, encode(customer(order, meta)).decode(),
        encode(address(order.billing)).decode(), encode(address(order.shipping)).decode(),
        encode(transactions(order)).decode(), "[]", "[]", encode(metadata(order, meta)).decode(),
    )  # fmt: skip


def search_text(order: Shown, meta: dict[str, Any]) -> str:
    billing, shipping = order.billing, order.shipping
    texts = [
        str(order.id), order.number, f"{billing.first_name} {billing.last_name}".strip(),
        billing.email, billing.phone, billing.company, meta.get(TAX_NUMBER, ""),
        order.customer_note,
    ]  # fmt: skip
    for contact in (billing, shipping):
        texts += [
            f"{contact.first_name} {contact.last_name}".strip(), contact.company,
            contact.address_1, contact.address_2, contact.city, contact.state, contact.postcode,
            contact.phone,
        ]  # fmt: skip
    for line in order.line_items + order.shipping_lines + order.fee_lines:
        texts += [line.name or line.method_title or "", line.sku or ""]
    texts += [order.payment_method_title, order.payment_method]
    texts += [order.status, order.created_via, *(coupon.code for coupon in order.coupon_lines)]
    texts += map(str, meta.values())
    return "\n".join(text for text in texts if text).casefold()


def row(raw: Raw, now: datetime) -> tuple[Any, ...]:
    """One order's row."""
    order = ORDER(raw)
    meta = shown_meta(order)
    values = shop_values(order, meta)
    digest = hashlib.blake2b(encode(values[:2] + values[3:]), digest_size=16).hexdigest()
    number = f"ord_{int(time.time()):08x}{secrets.token_hex(8)}"
    mark = f"{order.status}|{order.date_modified_gmt.isoformat()}|{order.total}"
    own = (
        number,
        "ent",
        "oint",
        "woocommerce",
        str(order.id),
        digest,
        1,
        mark,
        "pending",
        now,
        now,
    )
    return (*own, *values, search_text(order, meta))


def fill_postgresql(url: str, bodies: Iterator[bytes]) -> None:
    with psycopg.connect(url) as conn, conn.cursor() as cursor:
        conn.execute("SET TimeZone = 'UTC'")
        for statement in FIRST:
            conn.execute(statement.replace("?", "now()").encode())
        conn.execute(
            "CREATE TEMP TABLE stage (LIKE orders INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
        )
        conn.commit()
        names = ", ".join(COLUMNS)
        for body in bodies:
            raws, now = PAGE(body), datetime.now(UTC)
            rows = [row(raw, now) for raw in raws]
            with cursor.copy(f"COPY stage ({names}) FROM STDIN".encode()) as copy:
                for one in rows:
                    copy.write_row([as_text(value) for value in one])
            cursor.execute(f"{INSERT} SELECT {names} FROM stage {CONFLICT}".encode())
            with cursor.copy(
                b"COPY raw_versions (order_id, version, at, payload) FROM STDIN"
            ) as copy:
                for one, raw in zip(rows, raws, strict=True):
                    copy.write_row((one[0], "1", now.isoformat(), bytes(raw).decode()))
            conn.commit()


def as_text(value: Any) -> str | None:
    """COPY writes text fastest."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def fill_sqlite(url: str, bodies: Iterator[bytes]) -> None:
    conn = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "cache_size = -16000",
    ):
        conn.execute(f"PRAGMA {pragma}")
    for statement in FIRST:
        conn.execute(statement.replace("?", "0"))
    orders = f"{INSERT} VALUES ({', '.join('?' * len(COLUMNS))}) {CONFLICT}"
    for body in bodies:
        raws, now = PAGE(body), datetime.now(UTC)
        rows = [row(raw, now) for raw in raws]
        conn.execute("BEGIN IMMEDIATE")
        conn.executemany(orders, ([as_number(value) for value in one] for one in rows))
        conn.executemany(
            "INSERT INTO raw_versions VALUES (?, ?, ?, ?)",
            (
                (one[0], 1, as_number(now), bytes(raw).decode())
                for one, raw in zip(rows, raws, strict=True)
            ),
        )
        conn.execute("COMMIT")
    conn.close()


def as_number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value * 1_000_000)
    return (
        int(value.replace(tzinfo=UTC).timestamp() * 1000) if isinstance(value, datetime) else value
    )


# The rows that the tables' foreign keys ask for.
FIRST = (
    "INSERT INTO entities (id, handle, name, address, currency_code, timezone, payment_due_days,"
    " numbering, created_at, updated_at)"
    " VALUES ('ent', 'acme', 'Acme', 'null', 'EUR', 'UTC', 15, 'null', ?, ?)",
    "INSERT INTO integrations (id, entity_id, handle, source, name, is_active, sweeps, created_at,"
    " updated_at) VALUES ('oint', 'ent', 'shop', 'woocommerce', 'Shop', true, false, ?, ?)",
)


def main() -> None:
    database, url, key, secret = sys.argv[1:]
    fill = fill_sqlite if database.startswith("sqlite") else fill_postgresql
    fill(database, pages(url, key, secret))


if __name__ == "__main__":
    main()
