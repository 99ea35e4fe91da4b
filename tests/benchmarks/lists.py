"""Lists of the API at 1,000,000 stored orders against 10,000, on PostgreSQL."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.engine import make_url
from tests.benchmarks.measure import Table
from tests.benchmarks.places import databases
from tests.orders import an_item, an_order

from ordermill.api import shown
from ordermill.model.integration import Entity, Integration
from ordermill.store import integrations, lists, search, tallies
from ordermill.store.conditions import Condition, Operator
from ordermill.store.database import Database
from ordermill.store.keyset import Position, Wanted
from ordermill.store.listing import page
from ordermill.store.orders import Incoming, ingest
from ordermill.store.tables import orders as orders_table

SMALL, BIG = 10_000, 1_000_000
PAGES = 40
SERVER = "ORDERMILL_BENCH_POSTGRES_URL"
# Orders a tenth of a second apart, whose names, numbers and statuses go round; one in 1,500 is
# called Middling, one in all of them Rarissimus.
FILL = """
INSERT INTO orders ({others}, id, source_id, status, created_at, updated_at, ordered_at,
  customer_name, customer_email, total, search_text)
SELECT {template},
  'ord_' || lpad(to_hex(1600000000 + g / 10), 8, '0') || lpad(to_hex(g), 6, '0')
    || substr(md5(g::text), 1, 10),
  g::text, (array['pending', 'invoiced', 'invoiced', 'skipped'])[1 + g * 7919 % 4],
  to_timestamp(1600000000 + g / 10), to_timestamp(1600000000 + g / 10 + g * 31 % 100000),
  to_timestamp(1600000000 + g / 10), called.name, 'buyer' || g || '@example.com',
  (g % 10000) / 100.0, lower(concat_ws(E'\\n', g, '#' || g, called.name,
    'buyer' || g || '@example.com', 'slovenska cesta ' || g % 200, 'mug', 'sku-mug'))
FROM orders AS t, generate_series(1::bigint, {count}) AS g,
  LATERAL (SELECT concat_ws(' ', (array['Ana', 'Bojan', 'Cene', 'Darja', 'Eva'])[1 + g * 31 % 5],
    (array['Novak', 'Horvat', 'Kralj', 'Zupan', 'Kos', 'Turk', 'Golob'])[1 + g * 17 % 7],
    CASE WHEN g % 1500 = 7 THEN 'Middling' END, CASE WHEN g = 4242 THEN 'Rarissimus' END
  ) AS name) AS called
WHERE t.source_id = 'template'"""
VARIED = {
    "id", "source_id", "status", "created_at", "updated_at", "ordered_at", "customer_name",
    "customer_email", "total", "search_text",
}  # fmt: skip
NOTES = (
    f"Milliseconds for a page of 100 orders with its JSON, the best of {PAGES}, on a PostgreSQL"
    f" of its own; {SERVER} names another one, for the bundled one has no pg_trgm and scans. Goals:"
    " at most 1.5 times as long at 1,000,000 orders as at 10,000, and no row counted for the total"
    " of an unfiltered list.",
)


def measure(rounds: int) -> Table:
    """Every question on both stores."""
    with stores() as (small, big):
        trigrams = has_trigrams(big)
        rows = [compared(name, small, big) for name in questions(small)]
    title = f"Lists at 1,000,000 orders, {'with' if trigrams else 'without'} pg_trgm"
    return Table(title, ("page of 100", "10,000 orders", "1,000,000", "times"), rows, NOTES)


@contextmanager
def stores() -> Iterator[tuple[Database, Database]]:
    """Two filled stores, thrown away at the end."""
    given = os.environ.get(SERVER)
    with databases() as local:
        urls = [made_at(given) if given else local.make("postgresql") for _ in range(2)]
        small, big = (Database.open(url) for url in urls)
        try:
            fill(small, SMALL)
            fill(big, BIG)
            yield small, big
        finally:
            small.close()
            big.close()
            for url in urls if given else ():
                administer(given or "", "DROP DATABASE {} WITH (FORCE)", url)


def made_at(server: str) -> str:
    """A new database on a server, with ordermill's tables."""
    name = f"ordermill_bench_{time.time_ns()}"
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    administer(server, "CREATE DATABASE {}", url)
    database = Database.open(url)
    database.upgrade()
    database.close()
    return url


def administer(server: str, statement: str, url: str) -> None:
    name = sql.Identifier(make_url(url).database or "")
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(sql.SQL(statement).format(name))


def fill(database: Database, count: int) -> None:
    """One order by ingest, and ``count`` like it."""
    now = datetime.now(UTC)
    items = tuple(an_item(f"Mug {number}") for number in range(4))
    with database.write() as conn:
        shop = Integration("woo", "acme", "woocommerce", "Woo", "shop.example:443")
        integrations.apply_configuration(conn, [Entity("acme", "Acme", "EUR")], [shop], now=now)
        woo = integrations.stored(conn)["woo"]
        template = an_order("template", items=items)
        ingest(conn, woo, [Incoming("template", b"{}", "", template)], now=now)
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        columns = [c.name for c in orders_table.columns if c.name not in VARIED]
        others, values = ", ".join(columns), ", ".join(f"t.{name}" for name in columns)
        conn.exec_driver_sql(
            FILL.format(others=others, template=values, count=count).replace("%", "%%")
        )
        tallies.add(conn, {(woo.entity_id, tallies.ORDERS): count})
    with psycopg.connect(database._engine.url.render_as_string(hide_password=False)
                         .replace("+psycopg", ""), autocommit=True) as raw:  # fmt: skip
        raw.execute("VACUUM ANALYZE orders")


def has_trigrams(database: Database) -> bool:
    with database.read() as conn:
        return search.has_index(conn, "orders")


def questions(database: Database) -> dict[str, dict[str, Any]]:
    """What is asked, by its name."""
    pending = Condition("status", Operator.EQUALS, "pending")
    email = Condition("customer_email", Operator.EQUALS, "buyer77@example.com")
    return {
        "first page, with its total": {},
        "first page, newest first": {"sort": "created_at", "descending": True},
        "filtered by status": {"conditions": (pending,), "counted": False},
        "page 1,000 by cursor": {"position": Position("", "thousandth")},
        "last changed first": {"sort": "updated_at", "descending": True},
        "search: a name many have": {"term": "novak", "counted": False},
        "search: a name 1 in 1,500 has": {"term": "middling", "counted": False},
        "search: a name one has": {"term": "rarissimus", "counted": False},
        "search: a name nobody has": {"term": "nobodyatall", "counted": False},
        "an e-mail address": {"conditions": (email,), "counted": False},
        "the trash": {"deleted": True},
    }


def compared(name: str, small: Database, big: Database) -> tuple[str, ...]:
    took = [asked(database, name) for database in (small, big)]
    return name, *(f"{ms:.1f}" for ms in took), f"{took[1] / took[0]:.1f}"


def asked(database: Database, name: str) -> float:
    """Milliseconds of the quickest; its neighbours on the machine only ever add."""
    with database.read() as conn:
        entity_ids = tuple(lists.entity_ids(conn).values())
        # Page 1,000 of ten at a small store, of a hundred at a large one.
        at = text("SELECT id FROM orders ORDER BY id OFFSET least(99900, "
                  "(SELECT count(*) FROM orders) - 200) LIMIT 1")  # fmt: skip
        thousandth = str(conn.execute(at).scalar_one())
    question = dict(questions(database)[name])
    if "position" in question:
        question["position"] = Position(thousandth, thousandth)
    wanted = Wanted(entity_ids=entity_ids, limit=100, **question)
    return min(once(database, wanted) for _ in range(PAGES))


def once(database: Database, wanted: Wanted) -> float:
    began = time.perf_counter()
    with database.read(seconds=60) as conn:
        found = page(conn, lists.ORDERS_LIST, wanted)
        shown.orders(conn, found.rows)
    return (time.perf_counter() - began) * 1000
