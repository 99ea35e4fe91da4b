"""Numbers: none missing, none twice, dates that never go back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from billing import Billing, invoice
from ordermill.errors import StoreError
from ordermill.invoicing import desk
from ordermill.model.case import Case, Desk, Plan
from ordermill.model.integration import Numbering
from ordermill.store.database import Database
from ordermill.store.tables import documents, series
from orders import an_order

DAY = 86_400.0


class Broken(Exception):
    pass


def expected(n: int, year: int = 2026) -> list[str]:
    return [f"INV-{year}-{number:05d}" for number in range(1, n + 1)]


def test_a_transaction_that_is_rolled_back_takes_no_number(billing: Billing) -> None:
    ids = billing.take_in(an_order("1"), an_order("2"))
    billing.bill(ids[:1])

    def breaks() -> None:
        with billing.database.write() as conn:
            entity_id = billing.load(ids[1])[0].entity_id
            desk.act(conn, entity_id, ids[1], invoice, now=billing.clock(), actor="test")
            raise Broken

    with pytest.raises(Broken):
        breaks()
    assert billing.rows(series)[0].last == 1
    billing.bill(ids[1:])
    assert billing.numbers() == expected(2)


def test_dates_never_go_back_in_a_series(billing: Billing, clock: Any) -> None:
    ids = billing.take_in(*(an_order(str(n)) for n in range(4)))
    for order_id, seconds in zip(ids, (0, DAY, -3 * DAY, 2.5 * DAY), strict=True):
        clock.advance(seconds)
        billing.bill([order_id])
    rows = sorted(billing.rows(documents), key=lambda row: row.sequence)
    assert [row.date for row in rows] == ["2026-11-24", "2026-11-25", "2026-11-25", "2026-11-25"]
    assert rows[2].date_due == "2026-12-09"


def test_a_new_year_begins_at_one_by_the_clock_of_the_entity(billing: Billing, clock: Any) -> None:
    billing.configure({"timezone": "Europe/Ljubljana"})
    ids = billing.take_in(*(an_order(str(n)) for n in range(3)))
    clock.advance(37 * DAY + 10.5 * 3600)  # 22:30 of the year's last day in UTC
    billing.bill(ids[:1])
    clock.advance(3600)  # half past midnight in Ljubljana
    billing.bill(ids[1:])
    assert billing.numbers() == [*expected(1), *expected(2, 2027)]
    assert [row.year for row in billing.rows(series)] == [2026, 2027]


def test_a_format_without_a_year_goes_on_in_the_new_one(billing: Billing, clock: Any) -> None:
    billing.configure({"numbering": Numbering(invoice="R{number:03d}/A")})
    ids = billing.take_in(an_order("1"), an_order("2"))
    billing.bill(ids[:1])
    clock.advance(60 * DAY)
    billing.bill(ids[1:])
    assert billing.numbers() == ["R001/A", "R002/A"]
    assert {(row.series, row.year) for row in billing.rows(documents)} == {("R/A", 0)}


def test_every_entity_numbers_for_itself(billing: Billing) -> None:
    from ordermill.store import integrations
    from ordermill.store.orders import Incoming, ingest
    from shops import Stored, an_entity, an_integration

    Stored(billing.database, billing.clock).configure(
        an_integration(),
        an_integration("other", entity="beta"),
        entities=[an_entity(), an_entity("beta")],
    )
    (mine,) = billing.take_in(an_order("1"))
    with billing.database.read() as conn:
        other = integrations.stored(conn)["other"]
    with billing.database.write() as conn:
        page = [Incoming("1", b"{}", "", an_order("1"))]
        (theirs,) = ingest(conn, other, page, now=billing.clock())
    billing.bill([mine, str(theirs.order_id)])
    assert [row.number for row in billing.rows(documents)] == ["INV-2026-00001"] * 2
    assert len({row.customer_id for row in billing.rows(documents)}) == 2


@pytest.fixture
def open_again(database_url: str) -> Any:
    """Further connections to the test's database, as other processes have."""
    opened: list[Database] = []

    def another() -> Database:
        opened.append(Database.open(database_url))
        return opened[-1]

    yield another
    for one in opened:
        one.close()


CALLERS = 32


def test_32_callers_at_once_leave_no_gap_and_no_double_whatever_breaks(
    billing: Billing, open_again: Callable[[], Database]
) -> None:
    """Every third call breaks after its number was taken, and is made again."""
    ids = billing.take_in(*(an_order(str(n), customer_email=f"{n % 7}@x.si") for n in range(96)))
    entity_id = billing.load(ids[0])[0].entity_id
    databases = [open_again() for _ in range(4)]
    begin = threading.Barrier(CALLERS)

    def call(worker: int) -> None:
        begin.wait()
        for at in range(worker, len(ids), CALLERS):
            for broken in (at % 3 == 0, False):
                try:
                    once(databases[worker % 4], ids[at], broken)
                except Broken:
                    continue
                break

    def once(database: Database, order_id: str, broken: bool) -> None:
        with database.write() as conn:
            desk.act(conn, entity_id, order_id, invoice, now=billing.clock(), actor="test")
            if broken:
                raise Broken

    with ThreadPoolExecutor(CALLERS) as pool:
        for future in [pool.submit(call, worker) for worker in range(CALLERS)]:
            future.result()
    assert billing.numbers() == expected(len(ids))
    assert len({row.order_id for row in billing.rows(documents)}) == len(ids)
    assert billing.rows(series)[0].last == len(ids)


def test_two_who_process_one_order_at_once_issue_one_invoice(
    billing: Billing, open_again: Callable[[], Database]
) -> None:
    (order_id,) = billing.take_in(an_order())
    entity_id = billing.load(order_id)[0].entity_id
    begin = threading.Barrier(8)

    def once_only(case: Case, desk: Desk) -> Plan:
        return invoice(case, desk) if case.invoice is None else Plan()

    def call(database: Database) -> int:
        begin.wait()
        with database.write() as conn:
            acted = desk.act(conn, entity_id, order_id, once_only, now=billing.clock(), actor="t")
        return len(acted.plan.documents)

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(call, [open_again() for _ in range(8)]))
    assert sum(made) == 1
    assert billing.numbers() == expected(1)


def test_a_number_that_is_there_already_is_refused_and_none_is_lost(billing: Billing) -> None:
    """The formats were changed so that they give a number again."""
    ids = billing.take_in(an_order("1"), an_order("2"))
    billing.bill(ids[:1])
    billing.configure({"numbering": Numbering(invoice="INV-2026-{number:05d}")})
    with pytest.raises(StoreError):
        billing.bill(ids[1:])
    assert billing.numbers() == expected(1)
