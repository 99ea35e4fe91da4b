"""Part E of the fault catalogue: the database, its disk, its connection, and the host.

The configuration's part of it (number 60) is tested in tests/settings and tests/test_program.py.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text, update

from admin.watched import Caller, watched
from faults.looking import A_MINUTE, NO_SWEEP
from faults.proxy import Wire
from ordermill.admin.app import create_app
from ordermill.errors import StoreError, TransientSourceError
from ordermill.simulator.catalogue import HOME, PRODUCTS
from ordermill.simulator.drafts import Draft
from ordermill.store.database import Database
from ordermill.store.tables import integration_state
from orders import an_order
from sync.fakes import FakeShop
from sync.house import LONG, House
from sync.markets import Market, differences, moved_in, settle

Open = Callable[..., Market]
MUG = Draft((PRODUCTS[1],), rates=HOME.rates)


def work(house: House) -> None:
    """One round, as the daemon does it: what a tick raises is logged and the next one comes."""
    with suppress(StoreError):
        house.work(ticks=1)


def end_the_lease(database: Database) -> None:
    """As if the ten seconds had passed after which a lease may be taken over."""
    with database.write() as conn:
        past = datetime(2020, 1, 1, tzinfo=UTC)
        conn.execute(update(integration_state).values(lease_until=past, backoff_until=None))


# The disk.


@contextmanager
def full_disk(database: Database) -> Iterator[None]:
    """SQLite may take no page more; PostgreSQL says what it says when a file cannot grow."""
    if database.dialect == "postgresql":
        with _refusing_inserts(database, "53100"):
            yield
        return
    with database.read() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar()

    def limit(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(database._engine, "checkout", limit)
    try:
        yield
    finally:
        event.remove(database._engine, "checkout", limit)
        event.listen(
            database._engine,
            "checkout",
            lambda connection, *_: connection.execute("PRAGMA max_page_count = 1000000"),
        )


@contextmanager
def read_only(database: Database) -> Iterator[None]:
    """The file system went read-only; or PostgreSQL failed over to a standby."""
    if database.dialect == "postgresql":
        with _refusing_inserts(database, "25006"):
            yield
        return

    def forbid(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    event.listen(database._engine, "checkout", forbid)
    try:
        yield
    finally:
        event.remove(database._engine, "checkout", forbid)
        event.listen(
            database._engine,
            "checkout",
            lambda connection, *_: connection.execute("PRAGMA query_only = OFF"),
        )


@contextmanager
def _refusing_inserts(database: Database, code: str) -> Iterator[None]:
    with database.write() as conn:
        conn.execute(text(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"
        ))  # fmt: skip
        conn.execute(
            text("CREATE TRIGGER refuse BEFORE INSERT ON orders EXECUTE FUNCTION refuse()")
        )
    try:
        yield
    finally:
        with database.write() as conn:
            conn.execute(text("DROP FUNCTION refuse CASCADE"))


@pytest.mark.parametrize(("trouble", "said"), [(full_disk, "is full"), (read_only, "read-only")])
def test_a_database_that_takes_nothing_loses_nothing_and_heals_without_a_restart(
    market: Open, database: Database, trouble: Any, said: str
) -> None:
    shop = market("woo-hpos")
    shop.life.place(5)
    house = moved_in(shop, database, sweep=NO_SWEEP)
    house.work()
    bookmark = house.state().bookmark
    admin = Caller(
        create_app(database, watched("shop"), token=None, heartbeat=lambda: 0.0),
        base_url="http://localhost",
    )
    shop.sleep(A_MINUTE)
    with trouble(database):
        shop.life.place(120, lines=3)
        work(house)
        assert len(house.ids()) < 125
        assert house.state().bookmark < shop.ledger.orders()[-1].modified_at
        if database.dialect == "sqlite":
            ready = admin.get("/readyz")
            assert (ready.status_code, said in ready.text) == (503, True)
    assert house.state().bookmark >= bookmark
    settle(shop, house)
    assert admin.get("/readyz").status_code == 200
    assert differences(shop, house) == []
    if database.file is not None:
        with sqlite3.connect(database.file) as conn:
            assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_the_store_refused_is_told_to_the_operator_in_its_own_words(
    market: Open, postgresql_url: Callable[..., str]
) -> None:
    """A file that takes nothing takes no record of it either; there the log tells."""
    database = Database.open(postgresql_url())
    try:
        shop = market("woo-hpos")
        shop.life.place(5)
        house = moved_in(shop, database)
        with full_disk(database):
            house.work()
        assert "the disk of the database is full" in house.state().last_error
    finally:
        database.close()


# The connection.


def test_a_connection_cut_after_commit_was_sent_doubles_and_loses_nothing(
    market: Open, postgresql_url: Callable[..., str]
) -> None:
    """Thirty times nobody knows whether the transaction was committed; it was."""
    with Wire(postgresql_url()) as wire:
        database = Database.open(wire.url)
        try:
            shop = market("woo-hpos")
            house = moved_in(shop, database)
            rng = random.Random(4)
            while wire.cut < 30:
                shop.life.place(2)
                shop.life.step()
                wire.arm(rng.randint(0, 12))
                shop.sleep(A_MINUTE)
                work(house)
                end_the_lease_over(database)
            wire.arm(10**9)
            settle(shop, house)
            assert differences(shop, house) == []
        finally:
            database.close()


def end_the_lease_over(database: Database) -> None:
    """Its own COMMIT may be the one that is cut."""
    while True:
        try:
            end_the_lease(database)
        except StoreError:
            continue
        return


class Nth:
    """The n-th statement or commit from now on fails; with ``for_good`` all after it, too."""

    def __init__(self, database: Database) -> None:
        self._engine = database._engine
        self._error = (sqlite3 if database.dialect == "sqlite" else psycopg).OperationalError
        self._left: int | None = None
        self._for_good = False
        self.fired = False
        event.listen(self._engine, "before_cursor_execute", self._count)
        event.listen(self._engine, "commit", self._count)

    def arm(self, n: int, *, for_good: bool) -> None:
        self._left, self._for_good, self.fired = n, for_good, False

    def disarm(self) -> None:
        self._left = None

    def _count(self, *_: object) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left <= 0:
            self.fired = True
            if not self._for_good:
                self._left = None
            raise self._error("injected")


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from then on"])
def test_whichever_statement_of_a_round_fails_nothing_is_lost_or_doubled(
    market: Open, database: Database, for_good: bool
) -> None:
    """SQLite's own way of testing: the first fails, then the second, and so on to the last."""
    shop = market("woo-hpos")
    house = moved_in(shop, database, sweep=NO_SWEEP)
    shop.life.place(5)
    house.work()
    nth = Nth(database)
    for n in range(1, 400):
        shop.life.place(1)
        shop.ledger.annotate(shop.ledger.orders()[0].id, note=f"note {n}")
        shop.sleep(A_MINUTE)
        nth.arm(n, for_good=for_good)
        work(house)
        nth.disarm()
        end_the_lease(database)
        if not nth.fired:
            break
        shop.sleep(A_MINUTE)
        house.work(ticks=1)
        assert differences(shop, house) == []
    else:
        raise AssertionError("a round has no end of statements")
    assert n > 15


def test_a_connection_that_the_server_ended_is_replaced(
    market: Open, postgresql_url: Callable[..., str]
) -> None:
    url = postgresql_url()
    database = Database.open(url)
    try:
        shop = market("woo-hpos")
        house = moved_in(shop, database)
        shop.life.place(5)
        house.work()
        with psycopg.connect(url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        shop.life.place(5)
        settle(shop, house, times=2)
        assert differences(shop, house) == []
    finally:
        database.close()


# The host.


def test_a_hundred_shops_of_which_one_is_dead_are_all_read(database: Database, clock: Any) -> None:
    def dead(_: str) -> None:
        raise TransientSourceError("nobody there")

    shops = {f"shop{n}": FakeShop() for n in range(100)}
    for shop in shops.values():
        shop.put(*(an_order(str(n), second=n) for n in range(1, 4)))
    shops["shop50"].before = dead
    house = House(database, clock, shops)
    for _ in range(100):
        house.engine.tick()
        assert house.engine.join(LONG)
    read = [handle for handle in shops if house.ids(handle) == ["1", "2", "3"]]
    assert len(read) == 99
    assert house.state("shop50").failures == 1
    house.engine.stop(LONG)
