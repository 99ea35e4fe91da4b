"""The n-th statement, or the n-th answer of the shop, fails: for every n, once and for good.

One order is read, invoiced, refunded and reissued. Whatever call of all that breaks, and however,
after a restart everything comes right: nothing lost, nothing doubled, the books in order. Every
tenth n is tried here; ORDERMILL_EVERY_CALL=1 tries them all. `make chaos` sets it, and counts those
in whose report it finds that a call was struck.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, func, select, update

from ordermill.commands.verify import Verified
from ordermill.errors import StoreError
from ordermill.invoicing.due import Due
from ordermill.model.integration import Rules
from ordermill.simulator.drafts import SetQuantity
from ordermill.simulator.faults import Faults, Kind
from ordermill.store.database import Database
from ordermill.store.tables import documents, integration_state
from ordermill.store.tables import orders as order_table
from sync.house import House
from sync.markets import Market, differences, moved_in

EVERY = 1 if os.environ.get("ORDERMILL_EVERY_CALL") else 10
STATEMENTS, ANSWERS = 360, 22  # of the whole story, at most
PATIENCE = timedelta(seconds=30)
ERRORS = {
    "sqlite": lambda: sqlite3.OperationalError("disk I/O error"),
    "postgresql": lambda: psycopg.OperationalError("the connection broke"),
}
EAGER = Rules(
    auto_process=True, auto_process_on="created", issue_invoice_for_bank=True,
    auto_reissue_on_update=True, reissue_settle_seconds=1,
)  # fmt: skip

Recorder = Callable[[str, object], None]


class Breaking:
    """Counts the statements of a database; the n-th fails, or all from the n-th on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.count = 0
        self.at: int | None = None
        self.for_good = False
        event.listen(database._engine, "before_cursor_execute", self._before)

    def _before(self, conn: Any, cursor: Any, *rest: Any) -> None:
        self.count += 1
        if self.at is not None and (self.count == self.at or (
            self.for_good and self.count > self.at
        )):  # fmt: skip
            raise ERRORS[self._database.dialect]()

    def mend(self) -> None:
        self.at = None


class Story:
    """One shop with one order, and the process that reads and bills it."""

    def __init__(self, market: Market, database: Database) -> None:
        self.market, self.database = market, database
        self.restart()
        (self.order,) = market.life.place(1, lines=2)
        if not self.order.paid_at:
            market.ledger.pay(self.order.id)

    def restart(self) -> None:
        """A new process over the same database; the leases of the one before have run out, which
        PostgreSQL judges by its own clock."""
        self.market.clock.advance(11)
        with self.database.write() as conn:
            conn.execute(update(integration_state).values(lease_owner=None, lease_until=None))
        self.house: House = moved_in(self.market, self.database, rules=EAGER)
        self.due = Due(self.database, self.market.clock.now)

    def tell(self) -> None:
        """Read, invoice; a refund; an edit, and the reissue."""
        self.work()
        ledger = self.market.ledger
        ledger.refund(self.order.id, amount=Decimal("0.01"), reason="Goodwill")
        self.work()
        line = self.order.lines[0]
        ledger.edit(self.order.id, SetQuantity(line.id, line.now.quantity + 1))
        self.work()
        self.work()

    def work(self) -> None:
        """What the daemon does within a minute; what breaks is tried again at the next tick."""
        self.market.clock.advance(61)
        engine = self.house.engine
        for _ in range(3):
            for step in (engine.heartbeat, engine.tick, self._join, self.due.run):
                try:
                    step()
                except (StoreError, sqlite3.Error, psycopg.Error):
                    continue
            self.market.clock.advance(2)

    def _join(self) -> None:
        assert self.house.engine.join(PATIENCE)

    def converge(self) -> None:
        """A restart, and time for every backoff."""
        self.restart()
        for _ in range(4):
            self.market.clock.advance(1000)
            self.house.work(ticks=2)
            self.due.run()

    def wrong(self) -> list[str]:
        """What does not hold in the end."""
        found = differences(self.market, self.house)
        found += [f"{f.about}: {f.what}" for f in Verified(self.database)]
        with self.database.read() as conn:
            row = conn.execute(select(order_table)).one()
            kinds = dict(
                conn.execute(
                    select(documents.c.kind, func.count()).group_by(documents.c.kind)
                ).all()
            )
            sums = dict(
                conn.execute(
                    select(documents.c.kind, func.sum(documents.c.total_with_tax)).group_by(
                        documents.c.kind
                    )
                ).all()
            )
        if row.status != "invoiced" or row.error or row.items_changed:
            found.append(f"the order is {row.status}, {row.error}")
        billed = Decimal(sums.get("invoice", 0)) - Decimal(sums.get("credit_note", 0))
        if billed != row.owed:
            found.append(f"billed {billed}, owed {row.owed}")
        if kinds.get("invoice", 0) > 2 or kinds.get("credit_note", 0) > 2:
            found.append(f"documents: {kinds}")
        return found


@pytest.fixture
def story(database: Database, market: Callable[..., Market]) -> Story:
    return Story(market("woo-hpos", faults=Faults()), database)


def test_undisturbed_the_story_ends_well_and_the_ranges_cover_its_calls(story: Story) -> None:
    breaking, asked = Breaking(story.database), len(story.market.server.requests)
    story.tell()
    assert story.wrong() == []
    assert STATEMENTS / 2 < breaking.count <= STATEMENTS
    assert ANSWERS / 2 < len(story.market.server.requests) - asked <= ANSWERS


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for-good"])
@pytest.mark.parametrize("n", range(1, STATEMENTS + 1, EVERY))
def test_whichever_statement_fails_everything_comes_right_after_a_restart(
    story: Story, n: int, for_good: bool, record_property: Recorder
) -> None:
    breaking = Breaking(story.database)
    breaking.at, breaking.for_good = n, for_good
    story.tell()
    if breaking.count < n:
        return  # the whole story had fewer
    record_property("struck", n)
    breaking.mend()
    story.converge()
    assert story.wrong() == []


@pytest.mark.parametrize("kind", ["500", "reset", "cut"])
@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for-good"])
@pytest.mark.parametrize("n", range(1, ANSWERS + 1, EVERY // 2 or 1))
def test_whichever_answer_fails_everything_comes_right_after_a_restart(
    story: Story, n: int, for_good: bool, kind: Kind, record_property: Recorder
) -> None:
    faults = story.market.server.faults
    assert faults is not None
    faults.plan([None] * (n - 1) + [kind] * (10_000 if for_good else 1))
    story.tell()
    if not any(faults.given):
        return  # the whole story had fewer
    record_property("struck", n)
    faults.stop()
    story.converge()
    assert story.wrong() == []
