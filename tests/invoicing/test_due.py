"""What is due is done once, by whoever comes first, and an order that breaks costs itself alone."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import event, text

from billing import Billing, invoice, payment, reissue
from ordermill.errors import StoreBusy
from ordermill.invoicing import due
from ordermill.invoicing.done import Done, Outcome
from ordermill.invoicing.due import BATCH, Due
from ordermill.model.case import Case, Desk, Plan
from ordermill.model.integration import Rules
from ordermill.model.order import OrderStatus
from ordermill.store import events, plans
from ordermill.store.database import Database
from ordermill.store.tables import documents, series
from orders import an_order

LONG = timedelta(seconds=30)


@dataclass
class Heard:
    """A listener that remembers."""

    done: list[Done] = field(default_factory=list)
    errors: list[tuple[str, str, str]] = field(default_factory=list)

    def processed(self, handle: str, done: Sequence[Done], seconds: float) -> None:
        assert {one.handle for one in done} == {handle}
        assert seconds >= 0
        self.done.extend(done)

    def error(self, handle: str, stage: str, error_class: str) -> None:
        self.errors.append((handle, stage, error_class))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def work(billing: Billing, heard: Heard) -> Iterator[Callable[..., Due]]:
    """Makes workers with plans of the test's own."""
    made: list[Due] = []

    def make(decide: Any = invoice, database: Database | None = None, **more: Any) -> Due:
        one = Due(database or billing.database, billing.clock, [heard], decide=decide, **more)
        made.append(one)
        return one

    yield make
    for one in made:
        assert one.stop(LONG)


def numbered(n: int) -> list[str]:
    return [f"INV-2026-{number:05d}" for number in range(1, n + 1)]


def many(billing: Billing, n: int) -> list[str]:
    return billing.take_in(*(an_order(str(at)) for at in range(n)))


def test_all_that_is_due_is_done_in_batches(
    billing: Billing, work: Callable[..., Due], heard: Heard
) -> None:
    ids = many(billing, BATCH + 7)
    worker = work()
    assert worker.batch() == BATCH
    worker.run()
    assert billing.numbers() == numbered(BATCH + 7)
    assert {one.order_id for one in heard.done} == set(ids)
    assert {one.outcome for one in heard.done} == {Outcome.INVOICED}
    assert heard.errors == []


def test_a_batch_is_a_handful_of_statements_whatever_its_size(
    billing: Billing, work: Callable[..., Due]
) -> None:
    many(billing, BATCH)
    asked: list[str] = []
    event.listen(
        billing.database._engine,
        "before_cursor_execute",
        lambda conn, cursor, statement, *rest: asked.append(statement),
    )
    work().batch()
    assert len(asked) < 25


def test_what_is_not_due_yet_waits(billing: Billing, work: Callable[..., Due], clock: Any) -> None:
    (order_id,) = many(billing, 1)
    later = clock() + timedelta(minutes=10)

    def waits(case: Case, desk: Desk) -> Plan:
        return Plan(decisions={"decide_at": later}) if desk.now < later else invoice(case, desk)

    worker = work(waits)
    worker.run()
    assert billing.case(order_id).decide_at == later
    clock.advance(599)
    assert worker.batch() == 0
    clock.advance(1)
    worker.run()
    assert billing.numbers() == numbered(1)


def test_an_order_that_nobody_decided_on_is_not_looked_at_for_ever(
    billing: Billing, work: Callable[..., Due], clock: Any
) -> None:
    one, two = many(billing, 2)

    def at_once(case: Case, desk: Desk) -> Plan:
        return Plan(decisions={"decide_at": desk.now}) if case.id == one else Plan()

    work(at_once).run()
    assert billing.case(one).decide_at == clock() + due.SOON
    assert billing.case(two).decide_at is None


def test_a_switched_off_integration_is_left_alone(
    billing: Billing, work: Callable[..., Due]
) -> None:
    many(billing, 1)
    billing.configure(is_active=False)
    assert work().batch() == 0
    billing.configure()
    assert work().batch() == 1


def test_a_deleted_order_comes_where_something_is_due(
    billing: Billing, work: Callable[..., Due]
) -> None:
    many(billing, 1)
    billing.take_in(an_order("0", second=1, deleted=True))
    seen: list[str | None] = []
    work(lambda case, desk: seen.append(case.deleted_by) or Plan()).run()
    assert seen == ["shop"]


def breaks_on(order_id: str, plan: Callable[[Case, Desk], Plan] = invoice) -> Any:
    def decide(case: Case, desk: Desk) -> Plan:
        if case.id == order_id:
            raise KeyError("ana@example.com")
        return plan(case, desk)

    return decide


def test_an_exception_costs_its_order_alone(
    billing: Billing, work: Callable[..., Due], heard: Heard, clock: Any
) -> None:
    ids = many(billing, 5)
    work(breaks_on(ids[2])).run()
    assert billing.numbers() == numbered(4)
    case = billing.case(ids[2])
    assert (case.status, case.attempts) == (OrderStatus.FAILED, 1)
    assert case.decide_at == clock() + timedelta(minutes=1)
    assert "KeyError" in str(case.error)
    assert Counter(one.outcome for one in heard.done) == {Outcome.INVOICED: 4, Outcome.RETRY: 1}
    assert heard.errors == [("woo", "process", "internal")]
    clock.advance(60)
    work().run()
    case = billing.case(ids[2])
    assert (case.status, case.attempts) == (OrderStatus.INVOICED, 0)


def test_a_broken_order_is_given_up_after_eight_tries_more(
    billing: Billing, work: Callable[..., Due], heard: Heard, clock: Any
) -> None:
    (order_id,) = many(billing, 1)
    worker = work(breaks_on(order_id))
    for _ in range(12):
        worker.run()
        clock.advance(3600)
    assert [one.outcome for one in heard.done] == [Outcome.RETRY] * 8 + [Outcome.DEAD]
    assert billing.case(order_id).decide_at is None
    with billing.database.read() as conn:
        kinds = [row.type for row in events.of_order(conn, order_id)]
    assert kinds.count("order.failed") == 9


def test_an_invoiced_order_that_breaks_stays_invoiced(
    billing: Billing, work: Callable[..., Due], clock: Any
) -> None:
    (order_id,) = many(billing, 1)
    work().run()
    billing.take_in(an_order("0", second=1, customer_name="Other"))
    work(breaks_on(order_id)).run()
    case = billing.case(order_id)
    assert case.status is OrderStatus.INVOICED
    assert case.error is not None


def poisoned(poison: str) -> Any:
    """One order's payment names a document that is not there: the database refuses it."""

    def decide(case: Case, desk: Desk) -> Plan:
        plan = invoice(case, desk)
        if case.id != poison:
            return plan
        return replace(plan, payments=(payment(case, desk, invoice_id="inv_none"),))

    return decide


def test_an_order_that_the_database_refuses_stops_no_other(
    billing: Billing, work: Callable[..., Due], heard: Heard, clock: Any
) -> None:
    ids = many(billing, BATCH)
    worker = work(poisoned(ids[20]))
    worker.run()
    assert billing.numbers() == numbered(BATCH - 1)
    assert billing.rows(series)[0].last == BATCH - 1
    case = billing.case(ids[20])
    assert (case.status, case.attempts) == (OrderStatus.FAILED, 1)
    assert "the database refused" in str(case.error)
    assert heard.errors == [("woo", "invoice", "internal"), ("woo", "process", "internal")]
    clock.advance(3600)
    worker.run()
    assert billing.case(ids[20]).attempts == 2
    assert billing.numbers() == numbered(BATCH - 1)


def test_an_order_that_cannot_even_be_read_stops_no_other(
    billing: Billing, work: Callable[..., Due]
) -> None:
    ids = many(billing, 3)
    with billing.database.write() as conn:
        conn.execute(text("UPDATE orders SET items = '[{' WHERE id = :id"), {"id": ids[1]})
    work().run()
    assert billing.numbers() == numbered(2)
    with billing.database.read() as conn:
        row = conn.execute(text("SELECT status, error FROM orders WHERE id = :id"), {"id": ids[1]})
        status, error = row.one()
    assert status == "failed"
    assert "DecodeError" in error


class Killed(BaseException):
    """As if the process died: nothing catches it."""


def test_killed_between_any_two_statements_nothing_is_left_and_all_is_done_later(
    billing: Billing, work: Callable[..., Due]
) -> None:
    ids = many(billing, 3)
    billing.bill(ids[:1])
    billing.take_in(an_order("0", second=1, customer_email="b@example.com"))

    def both(case: Case, desk: Desk) -> Plan:
        return invoice(case, desk) if case.invoice is None else reissue(case, desk)

    left: list[int] = []

    def dies(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if left:
            left[0] -= 1
            if left[0] < 0:
                raise Killed

    event.listen(billing.database._engine, "before_cursor_execute", dies)
    before = everything(billing)
    for statements in range(100):
        left[:] = [statements]
        try:
            work(both).batch()
        except Killed:
            left.clear()
            assert everything(billing) == before
        else:
            break
    left.clear()
    assert statements > 10
    assert billing.numbers() == numbered(4)


def everything(billing: Billing) -> dict[str, list[Any]]:
    from ordermill.store.tables import metadata

    return {table.name: list(billing.rows(table)) for table in metadata.sorted_tables}


def test_a_busy_database_is_nobodys_fault(
    billing: Billing, work: Callable[..., Due], monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    (order_id,) = many(billing, 1)

    def busy(*args: Any, **more: Any) -> None:
        raise StoreBusy("two transactions crossed")

    with monkeypatch.context() as patched:
        patched.setattr(plans, "write", busy)
        with pytest.raises(StoreBusy):
            work().batch()
    assert billing.case(order_id).attempts == 0
    work().run()
    assert billing.numbers() == numbered(1)
    assert heard.errors == []


def test_workers_of_several_processes_share_what_is_due_and_double_nothing(
    billing: Billing, work: Callable[..., Due], database_url: str, heard: Heard
) -> None:
    ids = many(billing, 6 * BATCH)
    decided: list[str] = []

    def once(case: Case, desk: Desk) -> Plan:
        decided.append(case.id)
        return invoice(case, desk)

    others = [Database.open(database_url) for _ in range(3)]
    workers = [work(once, database=database) for database in (billing.database, *others)]
    begin = threading.Barrier(len(workers))

    def run(worker: Due) -> None:
        begin.wait()
        while worker.batch():
            pass

    threads = [threading.Thread(target=run, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in others:
        database.close()
    assert Counter(one.order_id for one in heard.done) == Counter(ids)
    assert Counter(decided) == Counter(ids)
    assert billing.numbers() == numbered(len(ids))
    assert len({row.order_id for row in billing.rows(documents)}) == len(ids)


def test_the_clock_starts_workers_that_end_when_nothing_is_due(
    billing: Billing, work: Callable[..., Due]
) -> None:
    many(billing, 3 * BATCH)
    worker = work()
    for _ in range(5):
        worker.tick()
    assert worker.join(LONG)
    assert billing.numbers() == numbered(3 * BATCH)
    assert worker.stop(LONG)
    worker.tick()  # after the end nothing begins


def test_a_worker_stops_after_its_present_batch(billing: Billing, work: Callable[..., Due]) -> None:
    many(billing, 3 * BATCH)
    inside, go_on = threading.Event(), threading.Event()

    def slowly(case: Case, desk: Desk) -> Plan:
        inside.set()
        assert go_on.wait(30)
        return invoice(case, desk)

    worker = work(slowly, workers=1)
    worker.tick()
    assert inside.wait(30)
    assert worker.stop(timedelta(0)) is False
    go_on.set()
    assert worker.stop(LONG)
    assert len(billing.numbers()) == BATCH


def test_by_the_rules_of_its_integration_an_order_becomes_an_invoice(
    billing: Billing, heard: Heard
) -> None:
    """The real decisions, from the rules in the store."""
    billing.configure(rules=Rules(auto_process=True))
    paid, unpaid, test = billing.take_in(
        an_order("1"), an_order("2", paid=False, paid_at=None), an_order("3", test=True)
    )
    Due(billing.database, billing.clock, [heard]).run()
    assert billing.case(paid).status is OrderStatus.INVOICED
    assert billing.case(unpaid).status is OrderStatus.PENDING
    assert billing.case(test).status is OrderStatus.SKIPPED
    assert billing.states() == {"INV-2026-00001": ("paid", Decimal("24.40"), 0)}
    outcomes = {one.name: one.outcome for one in heard.done}
    assert outcomes == {"#1": Outcome.INVOICED, "#3": Outcome.SKIPPED}
