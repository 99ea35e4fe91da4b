"""Transactions, limits, the scheduler's lock, and what errors must not say."""

from __future__ import annotations

import fcntl
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, make_url, select, text

from ordermill.errors import ConfigError, StoreBusy, StoreError, StoreLocked, StoreUnavailable
from ordermill.store import sqlite
from ordermill.store.database import Database
from ordermill.store.failures import translated
from ordermill.store.tables import entities
from shops import Stored

HOLD_LOCK = """
import sys
from ordermill.store.database import Database
database = Database.open(sys.argv[1])
with database.lock_scheduler():
    print("held", flush=True)
    sys.stdin.read()
"""


def entity_row(handle: str, name: str = "Acme") -> dict[str, object]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return {
        "id": f"ent_{handle}", "handle": handle, "name": name, "address": "{}",
        "currency_code": "EUR", "timezone": "UTC", "payment_due_days": 14, "numbering": "{}",
        "created_at": at, "updated_at": at,
    }  # fmt: skip


def handles(database: Database) -> list[str]:
    with database.read() as conn:
        return list(conn.execute(select(entities.c.handle)).scalars())


def test_a_transaction_is_committed_at_its_end(database: Database) -> None:
    with database.write() as conn:
        conn.execute(insert(entities).values(entity_row("acme")))
    assert handles(database) == ["acme"]


def test_any_exception_rolls_everything_back(database: Database) -> None:
    def broken() -> None:
        with database.write() as conn:
            conn.execute(insert(entities).values(entity_row("acme")))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert handles(database) == []


def test_an_error_tells_neither_the_row_nor_the_statement(database: Database) -> None:
    with database.write() as conn:
        conn.execute(insert(entities).values(entity_row("acme", name="Ana Secret")))
    with pytest.raises(StoreError) as caught, database.write() as conn:
        conn.execute(insert(entities).values(entity_row("acme", name="Ana Secret")))
    said = str(caught.value)
    assert "Secret" not in said
    assert "acme" not in said
    assert "INSERT" not in said
    assert "23505" in said or "SQLITE_CONSTRAINT" in said
    assert caught.value.__suppress_context__


def test_an_error_of_the_bare_driver_is_wrapped_too(database: Database) -> None:
    def bare() -> None:
        with database.write() as conn:
            driver = conn.connection.driver_connection
            assert driver is not None
            driver.cursor().execute("INSERT INTO entities (id) VALUES ('ana@example.com')")

    with pytest.raises(StoreError) as caught:
        bare()
    assert "ana" not in str(caught.value)


def test_a_wrong_statement_of_ours_names_what_is_wrong(database: Database) -> None:
    with pytest.raises(StoreError, match="nothing_like_it"), database.read() as conn:
        conn.execute(text("SELECT nothing_like_it FROM entities"))


def test_a_full_disk_loses_one_transaction_and_heals(sqlite_url: Callable[..., str]) -> None:
    database = Database.open(sqlite_url())
    try:
        with pytest.raises(StoreError, match="disk of the database file is full"):
            fill(database)
        with database.write() as conn:
            conn.exec_driver_sql("PRAGMA max_page_count = 1073741823")
        assert handles(database) == []
        with database.write() as conn:
            conn.execute(insert(entities).values(entity_row("acme")))
        assert handles(database) == ["acme"]
    finally:
        database.close()


def fill(database: Database) -> None:
    with database.write() as conn:
        conn.exec_driver_sql("PRAGMA max_page_count = 1")  # as many as there are
        for n in range(1000):
            conn.execute(insert(entities).values(entity_row(f"acme{n}", name="x" * 10_000)))


def test_a_connection_works_again_after_an_error(database: Database) -> None:
    for _ in range(40):  # more than the pool holds
        with pytest.raises(StoreError), database.write() as conn:
            conn.execute(text("SELECT nothing FROM nowhere"))
    assert handles(database) == []


def test_a_database_that_was_closed_opens_nothing_for_latecomers(
    database_url: str,
) -> None:
    database = Database.open(database_url)
    database.upgrade()
    database.close()
    for way in (database.read, database.write):
        with pytest.raises(StoreUnavailable, match="closed"), way():
            pass
    assert database._engine.pool.checkedin() == 0  # type: ignore[attr-defined]


def test_the_password_is_never_told() -> None:
    database = Database.open("postgresql://user:hunter2@127.0.0.1:1/nowhere")
    try:
        with pytest.raises(StoreError) as caught, database.read():
            pass
    finally:
        database.close()
    assert "hunter2" not in f"{caught.value!r} {database!r}"


@pytest.mark.parametrize(
    ("change", "said"),
    [({"database": "none"}, "does not exist; create it"), ({"username": "nobody"}, "the user of")],
)
def test_a_connection_that_is_refused_says_why(
    postgresql_url: Callable[..., str], change: dict[str, str], said: str
) -> None:
    wrong = make_url(postgresql_url()).set(**change)
    database = Database.open(wrong.render_as_string(hide_password=False))
    with pytest.raises(StoreError, match=said):
        database.check_schema()
    database.close()


@pytest.mark.parametrize(
    "url", ["mysql://root:hunter2@host/name", "hunter2", "sqlite://", "sqlite:///:memory:", ""]
)
def test_another_database_is_refused_without_repeating_its_address(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Database.open(url)
    assert "hunter2" not in str(caught.value)
    assert "sqlite:///" in str(caught.value)


@pytest.mark.parametrize("processes", [1, 2])
def test_writers_wait_for_each_other(database_url: str, processes: int) -> None:
    # Two of them share nothing in memory, as two processes would.
    databases = [Database.open(database_url) for _ in range(processes)]
    with databases[0].write() as conn:
        conn.execute(insert(entities).values(entity_row("counter", name="0")))

    def add(database: Database) -> None:
        for _ in range(10):
            with database.write() as conn:
                mine = select(entities.c.name).where(entities.c.handle == "counter")
                before = int(conn.execute(mine.with_for_update()).scalar_one())
                conn.execute(entities.update().values(name=str(before + 1)))

    threads = [threading.Thread(target=add, args=(databases[n % processes],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with databases[0].read() as conn:
        assert conn.execute(select(entities.c.name)).scalar_one() == "40"
    for database in databases:
        database.close()


def test_a_writer_that_waits_too_long_is_told_to_try_again(
    sqlite_url: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)
    database = Database.open(sqlite_url())
    try:
        with database.write(), pytest.raises(StoreBusy), database.write():
            pass
        assert database.retried() == {"busy": 1, "unavailable": 0}
    finally:
        database.close()


def test_a_database_that_is_away_is_counted_as_one_to_be_tried_again() -> None:
    database = Database.open("postgresql://nobody@127.0.0.1:1/nothing")
    try:
        with pytest.raises(StoreUnavailable), database.read():
            pass
        assert database.retried() == {"busy": 0, "unavailable": 1}
    finally:
        database.close()


def test_connections_are_counted_by_whether_they_are_in_use(database: Database) -> None:
    with database.read():
        assert database.connections() == (1, 0)
    assert database.connections() == (0, 1)


def test_a_reader_is_not_disturbed_by_a_writer(database: Database) -> None:
    with database.read() as reader:
        assert reader.execute(select(entities.c.handle)).all() == []
        with database.write() as conn:
            conn.execute(insert(entities).values(entity_row("acme")))
    assert handles(database) == ["acme"]


def test_postgresql_refuses_to_write_in_a_read(postgresql_url: Callable[..., str]) -> None:
    database = Database.open(postgresql_url())
    try:
        with pytest.raises(StoreError, match="read-only"), database.read() as conn:
            conn.execute(insert(entities).values(entity_row("acme")))
        with database.write() as conn:
            conn.execute(insert(entities).values(entity_row("acme")))
    finally:
        database.close()


def test_a_broken_connection_fails_one_transaction_and_is_replaced(
    postgresql_url: Callable[..., str],
) -> None:
    url = postgresql_url()
    database, other = Database.open(url), Database.open(url)

    def cut() -> None:
        with database.write() as conn:
            conn.execute(insert(entities).values(entity_row("acme")))
            pid = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            with other.write() as killer:
                killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

    try:
        with pytest.raises(StoreError, match="cannot be reached, or the connection broke"):
            cut()
        assert handles(database) == []
    finally:
        database.close()
        other.close()


def test_a_postgresql_session_has_limits_and_speaks_utc(
    postgresql_url: Callable[..., str],
) -> None:
    database = Database.open(postgresql_url())
    try:
        with database.read() as conn:
            shown = {
                name: conn.exec_driver_sql(f"SHOW {name}").scalar_one()
                for name in ("statement_timeout", "lock_timeout", "TimeZone")
            }
            isolation = conn.exec_driver_sql("SHOW transaction_isolation").scalar_one()
    finally:
        database.close()
    assert shown == {"statement_timeout": "30s", "lock_timeout": "10s", "TimeZone": "UTC"}
    assert isolation == "read committed"


def test_an_sqlite_connection_is_durable_and_checks_references(
    sqlite_url: Callable[..., str],
) -> None:
    database = Database.open(sqlite_url())
    try:
        with database.read() as conn:
            found = {
                name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            }
    finally:
        database.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/new/deeper/shop.db")
    database.upgrade()
    try:
        with database.lock_scheduler(), database.write() as conn:
            conn.execute(insert(entities).values(entity_row("acme")))
            files = {file.name: mode(file) for file in (tmp_path / "new/deeper").iterdir()}
    finally:
        database.close()
    assert files == dict.fromkeys(["shop.db", "shop.db-wal", "shop.db-shm", "shop.db.lock"], 0o600)
    assert mode(tmp_path / "new") == mode(tmp_path / "new/deeper") == 0o700


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_the_locks_of_an_open_file_outlast_its_making_again(tmp_path: Path) -> None:
    """Who closes a file loses every POSIX lock on it, SQLite's too; another process then cuts the
    log short under its reader."""
    file = tmp_path / "a.db"
    sqlite.create_file(file)
    take = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with file.open("r+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        sqlite.create_file(file)
        other = subprocess.run([sys.executable, "-c", take, file], capture_output=True, check=False)
    assert b"BlockingIOError" in other.stderr


def test_a_relative_path_starts_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = Database.open("sqlite:///var/a shop%23.db")
    database.upgrade()
    database.close()
    assert [file.name for file in (tmp_path / "var").iterdir()] == ["a shop#.db"]


def test_opening_creates_no_file(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/typo.db")
    with pytest.raises(StoreError, match="cannot be opened"), database.read():
        pass
    database.close()
    assert list(tmp_path.iterdir()) == []


def test_the_clock_of_the_database_is_utc_and_now(database: Database) -> None:
    with database.read() as conn:
        at = database.clock(conn)
    assert at.utcoffset() == timedelta(0)
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_second_scheduler_on_a_file_is_refused_and_told_whom_to_ask(
    sqlite_url: Callable[..., str],
) -> None:
    url = sqlite_url()
    one, other = Database.open(url), Database.open(url)
    try:
        with one.lock_scheduler():
            with pytest.raises(StoreLocked, match=r"POST /integrations/\{handle\}/sync"):
                other.lock_scheduler().__enter__()
            assert handles(other) == []  # the others still read
        with other.lock_scheduler():
            pass
    finally:
        one.close()
        other.close()


def test_a_file_under_another_name_is_the_same_file(
    sqlite_url: Callable[..., str], tmp_path: Path
) -> None:
    one = Database.open(sqlite_url())
    assert one.file is not None
    link = tmp_path / "link.db"
    link.symlink_to(one.file)
    other = Database.open(f"sqlite:///{link}")
    try:
        assert other.file == one.file
        with one.lock_scheduler(), pytest.raises(StoreLocked):
            other.lock_scheduler().__enter__()
    finally:
        one.close()
        other.close()


def test_a_killed_scheduler_leaves_no_lock(sqlite_url: Callable[..., str]) -> None:
    url = sqlite_url()
    database = Database.open(url)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(StoreLocked):
            database.lock_scheduler().__enter__()
        process.kill()
        process.wait()
    with database.lock_scheduler():
        pass
    database.close()


def test_any_number_of_schedulers_share_postgresql(postgresql_url: Callable[..., str]) -> None:
    url = postgresql_url()
    one, other = Database.open(url), Database.open(url)
    with one.lock_scheduler(), other.lock_scheduler():
        pass
    one.close()
    other.close()


def test_the_scheduler_of_a_file_clears_the_leases_of_a_dead_one(store: Stored) -> None:
    claim = store.claimed()
    with store.database.lock_scheduler():
        again = store.claim("woo", owner="two")
    if store.database.dialect == "sqlite":
        assert [(one.token, one.taken_over) for one in again] == [(claim.token + 1, False)]
    else:  # there another process may well be alive
        assert again == []


@pytest.mark.parametrize(
    ("code", "busy"),
    [("40001", True), ("40P01", True), ("55P03", True), ("57014", True), ("23505", False)],
)
def test_only_what_trying_again_heals_is_busy(code: str, busy: bool) -> None:
    class Refused(Exception):
        sqlstate = code

    assert isinstance(translated(Refused("Key (email)=(ana@example.com)")), StoreBusy) is busy
    assert "ana" not in str(translated(Refused("Key (email)=(ana@example.com)")))
