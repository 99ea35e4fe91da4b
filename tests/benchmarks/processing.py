"""Due orders become invoices of one series, beside a floor program; and by many callers at once."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta

from msgspec import Raw
from sqlalchemy import text
from tests.benchmarks.measure import Table, run
from tests.benchmarks.places import Databases, databases

from ordermill.model.integration import Entity, Integration, Rules
from ordermill.simulator.clock import ManualClock
from ordermill.simulator.woocommerce.prepared import PreparedShop
from ordermill.store import integrations, orders
from ordermill.store.database import Database
from ordermill.store.orders import Incoming
from ordermill_woocommerce.normalize import normalize
from ordermill_woocommerce.raw import head_of, raw_order

ORDERS = 5000
CALLERS = 32
KINDS = ("postgresql", "sqlite")
NOTES = (
    f"{ORDERS:,} due WooCommerce orders of 5 KB, all invoiced into one series. Seconds of the work"
    " alone, without the start of Python; the best of several runs, taken in turns; PostgreSQL's"
    " own processor time is not counted. *floor* reads the due orders and writes the same rows in"
    " the same batches of 50, and decides, checks and computes nothing. *32 callers* is each order"
    " by a call of its own, as over the API. After every run the numbers are counted: none missing,"
    " none twice, one invoice per order.",
    "",
    "Goals: at most 3 times the floor, at least 400 orders a second.",
)


def measure(rounds: int) -> Table:
    """A table of all of it."""
    with databases() as made:
        rows = [row for kind in KINDS for row in _side_by_side(made, kind, rounds)]
    head = ("database", "program", "seconds", "CPU s", "orders a second", "times the floor")
    return Table("From order to invoice", head, rows, NOTES)


def _side_by_side(made: Databases, kind: str, rounds: int) -> list[tuple[str, ...]]:
    programs = {"floor": ("billing_floor",), "ordermill": ("billing",)}
    if kind == "postgresql":
        programs[f"ordermill, {CALLERS} callers"] = ("billing", str(CALLERS))
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for _ in range(rounds):  # in turns, so that a slow minute of the machine is everybody's
        for name, program in programs.items():
            found[name].append(once(made, kind, *program))
            said = f"{kind} {name}: {found[name][-1][0]:.1f} s"
            print(said, file=sys.stderr, flush=True)
    best = {name: min(runs) for name, runs in found.items()}
    floor = best["floor"][0]
    return [
        (
            kind, name, f"{seconds:.1f}", f"{cpu:.1f}", f"{ORDERS / seconds:,.0f}",
            f"{seconds / floor:.2f}",
        )
        for name, (seconds, cpu) in best.items()
    ]  # fmt: skip


def once(made: Databases, kind: str, program: str, *words: str) -> tuple[float, float]:
    """The seconds and the processor's seconds of one run over a database of its own, whose books
    are then proved."""
    url = made.make(kind)
    try:
        fill(url, ORDERS)
        done, *took = run("-m", f"tests.benchmarks.{program}", url, *words).output.split()
        if int(done) != ORDERS or wrong(url):
            raise RuntimeError(f"{program} on {kind}: {done} invoices, {wrong(url)} wrong")
        return float(took[0]), float(took[1])
    finally:
        made.drop(url)


def fill(url: str, n: int) -> None:
    """Store orders that are due."""
    database = Database.open(url)
    at = datetime.now(UTC)
    entity = Entity(handle="acme", name="Acme", currency_code="EUR")
    shop = Integration(
        handle="shop", entity="acme", source="woocommerce", name="Shop", shop_key="x:1",
        import_from=date(2020, 1, 1),
        rules=Rules(auto_process=True, auto_process_on="created", issue_invoice_for_bank=True),
    )  # fmt: skip
    with database.write() as conn:
        integrations.apply_configuration(conn, [entity], [shop], now=at)
        stored = integrations.stored(conn)["shop"]
    prepared = PreparedShop(n, clock=ManualClock(at - timedelta(hours=1)))
    for start in range(0, n, 100):
        page = [incoming(Raw(prepared.order(i))) for i in range(start, min(start + 100, n))]
        with database.write() as conn:
            orders.ingest(conn, stored, page, now=at)
    if database.dialect == "postgresql":
        with database._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(text("VACUUM ANALYZE"))
    database.close()


def incoming(raw: Raw) -> Incoming:
    one = raw_order(raw, head_of(raw))
    return Incoming(one.source_id, bytes(raw), one.mark, normalize(one))


def wrong(url: str) -> int:
    """Numbers missing or given twice, and orders with another number of invoices than one."""
    database = Database.open(url)
    with database.read() as conn:
        last, count, distinct, billed = conn.execute(
            text(
                "SELECT max(sequence), count(*), count(DISTINCT number), count(DISTINCT order_id)"
                " FROM documents"
            )
        ).one()
    database.close()
    return abs(last - count) + abs(count - distinct) + abs(count - billed)
