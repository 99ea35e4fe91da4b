"""A backup put back: what was issued after it is neither issued again nor forgotten."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import insert, text, update

from billing import Billing
from conftest import NOON, Clock
from lives import live
from ordermill.commands import backup
from ordermill.commands.verify import Verified, verify_books
from ordermill.errors import SchemaOutdated, SchemaTooNew, StoreError, StoreLocked
from ordermill.invoicing.cancel import by_hand
from ordermill.invoicing.decide import automatic
from ordermill.invoicing.desk import act
from ordermill.store import cases, edits, erasure, restores, sqlite
from ordermill.store.backup import put_in_place
from ordermill.store.database import Database
from ordermill.store.integrations import stored
from ordermill.store.tables import SHOP_COLUMNS, api_keys, customers, entities, idempotency, orders
from orders import a_refund, an_item, an_order, changed
from program import call, written

Capture = pytest.CaptureFixture[str]


@dataclass
class House:
    """A store that bills, its file and its configuration."""

    folder: Path
    clock: Clock
    file: Path
    config: Path
    database: Database

    @property
    def billing(self) -> Billing:
        return Billing(self.database, self.clock)

    @property
    def copy(self) -> Path:
        return self.folder / "copy.db"

    def back_up(self) -> None:
        assert backup.write_backup(self.config, self.copy) == 0

    def restore(self, *, skip: int | None = None, despite_findings: bool = False) -> int:
        """Put the copy back, with nobody at the file; then open it again."""
        self.database.close()
        code = backup.restore(self.config, self.copy, skip=skip, despite_findings=despite_findings)
        self.database = Database.open(f"sqlite:///{self.file}")
        return code

    def holds(self) -> bool:
        found = list(Verified(self.database))
        return not found

    def due(self) -> list[str]:
        with self.database.write() as conn:
            return cases.claim_due(conn, self.clock.advance(60), 100)


@pytest.fixture
def house(tmp_path: Path, sqlite_url: Callable[[], str], clock: Clock) -> House:
    url = sqlite_url()
    database = Database.open(url)
    assert database.file is not None
    house = House(tmp_path, clock, database.file, written(tmp_path, url), database)
    live(house.billing)
    return house


def life_goes_on(house: House) -> list[str]:
    """After the backup: order 6 comes and is invoiced, order 1 is refunded in part and credited,
    order 7 comes and is not billed yet; the ids of 6 and 1."""
    six, one = house.billing.take_in(
        an_order("6"),
        changed(an_order("1", 9), refunds=(a_refund("r6", "2.44"),), owed=Decimal("21.96"),
                owed_tax=None),
    )  # fmt: skip
    house.billing.bill([six, one], automatic)
    house.billing.take_in(an_order("7"))
    return [six, one]


def test_a_copy_of_a_live_file_is_whole_and_for_its_owner_alone(house: House) -> None:
    house.billing.take_in(an_order("8"))
    with house.database.write() as conn:  # a writer is in the middle of something
        conn.execute(text("UPDATE orders SET status = 'failed'"))
        house.back_up()
        conn.rollback()
    assert house.copy.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in house.folder.glob(".copy*")] == []
    copied = Database.open(f"sqlite:///{house.copy}")
    verified = Verified(copied)
    assert list(verified) == []
    assert (verified.orders, verified.documents) == (6, 6)
    copied.close()


def test_nothing_is_overwritten_and_nothing_left_behind(house: House) -> None:
    house.copy.write_text("mine")
    with pytest.raises(StoreError, match="exists already"):
        house.back_up()
    assert house.copy.read_text() == "mine"
    for nowhere in (house.folder / "missing", house.config):  # no folder, and a file
        with pytest.raises(StoreError, match="cannot write"):
            backup.write_backup(house.config, nowhere / "copy.db")
    assert sorted(p.name for p in house.folder.iterdir() if p.name.startswith(".")) == []


def test_what_was_billed_after_the_backup_comes_along(house: House, capsys: Capture) -> None:
    house.back_up()
    six, one = life_goes_on(house)
    numbers = house.billing.numbers(), house.billing.numbers("credit_note")
    before = house.billing.case(six), house.billing.case(one)
    assert house.restore() == 0
    told = capsys.readouterr().out
    assert "2 orders were billed or changed by a person since the backup" in told
    assert "they came along, with 2 documents" in told
    assert (house.billing.numbers(), house.billing.numbers("credit_note")) == numbers
    assert (house.billing.case(six), house.billing.case(one)) == before
    assert house.holds()


def test_after_a_restore_nothing_is_issued_twice(house: House) -> None:
    house.back_up()
    life_goes_on(house)
    assert house.restore() == 0
    ids = life_goes_on(house)  # the shop is read again from the old bookmark
    assert house.billing.numbers()[-1] == "INV-2026-00004"
    assert len(house.billing.numbers("credit_note")) == 3
    assert house.billing.bill(ids, automatic) == {}
    (seven,) = (i for i in house.due() if i not in ids)
    assert list(house.billing.bill([seven], automatic).values()) == ["INV-2026-00005"]
    assert house.holds()


def test_what_was_not_billed_is_as_the_backup_knew_it(house: House) -> None:
    (unbilled,) = house.billing.take_in(an_order("9", test=True))
    house.back_up()
    house.billing.take_in(an_order("9", 50, test=True, items=(an_item(quantity=5),)))
    assert house.billing.case(unbilled).order.total == 50
    assert house.restore() == 0
    assert house.billing.case(unbilled).order.total == 20
    assert house.holds()


def test_what_a_person_did_since_comes_along(house: House) -> None:
    """No shop tells it again, and the cancelled and the deleted order would be invoiced."""
    eight, nine = house.billing.take_in(an_order("8"), an_order("9"))
    house.back_up()
    (entity,) = house.billing.rows(entities)
    with house.database.write() as conn:
        act(conn, entity.id, eight, by_hand, now=house.clock(), actor="backoffice")
        row = edits.locked(conn, entity.id, nine)
        assert row is not None
        edits.delete(conn, row, now=house.clock(), actor="backoffice")
        columns = {column.name: getattr(row, column.name) for column in SHOP_COLUMNS}
        del columns["shop_updated_at"], columns["search_text"]
        (manual,) = (one for one in stored(conn).values() if one.source == "manual")
        made = edits.Made(entity.id, manual.id, "manual", "M-1", columns, "{}")
        ten = edits.create(conn, made, now=house.clock(), actor="backoffice")
    before = [house.billing.rows(orders, orders.c.id == one) for one in (eight, nine, ten)]
    assert house.restore() == 0
    assert [house.billing.rows(orders, orders.c.id == one) for one in (eight, nine, ten)] == before
    assert house.holds()
    assert not {eight, nine} & set(house.due())


def test_a_buyer_who_was_erased_since_and_came_back_is_as_the_present_file_has_them(
    house: House,
) -> None:
    eve = "eve@example.com"
    house.billing.bill(house.billing.take_in(an_order("8", customer_email=eve)), automatic)
    house.back_up()
    with house.database.write() as conn:
        erasure.erase(conn, erasure.of_email(conn, eve), now=house.clock())
    house.billing.bill(house.billing.take_in(an_order("9", customer_email=eve)), automatic)
    before = sorted(house.billing.rows(customers))
    assert [row.email for row in before] == ["ana@example.com", None, eve]
    assert house.restore() == 0
    assert sorted(house.billing.rows(customers)) == before
    assert house.holds()


def test_the_file_that_was_there_stays_beside(house: House, capsys: Capture) -> None:
    house.back_up()
    life_goes_on(house)
    assert house.restore() == 0
    (kept,) = house.folder.glob("*.before-*")
    assert str(kept) in capsys.readouterr().out
    old = Database.open(f"sqlite:///{kept}")
    assert Billing(old, house.clock).numbers()[-1] == "INV-2026-00004"
    assert list(Verified(old)) == []
    old.close()
    assert house.file.stat().st_mode & 0o777 == 0o600


def test_without_the_present_file_a_person_must_say_how_many_numbers_may_be_gone(
    house: House, capsys: Capture
) -> None:
    house.back_up()
    life_goes_on(house)
    house.database.close()
    house.file.unlink()
    assert house.restore() == 1
    said = capsys.readouterr().err
    assert "there is no file" in said
    assert "2026-11-24 12:00:00 UTC" in said
    assert "--skip-numbers N" in said
    assert not house.file.exists()


def lost(house: House) -> None:
    """The disk died after the backup, with what was issued since."""
    house.back_up()
    life_goes_on(house)
    house.database.close()
    house.file.unlink()
    house.clock.advance(60)


def test_no_number_comes_twice_and_nothing_is_billed_until_a_person_says_so(
    house: House, capsys: Capture
) -> None:
    lost(house)
    assert house.restore(skip=100) == 0
    life_again = house.billing.take_in(an_order("6"), an_order("7"))
    assert house.due() == []
    assert house.holds()
    assert verify_books(house.config) == 0
    said = capsys.readouterr().out
    assert "note: restored on" in said
    assert "numbers 4 to 103 of the invoice series 2026 of acme were passed over" in said
    assert "note: nothing is billed by itself since then: `ordermill restore --resume`" in said
    assert backup.resume(house.config) == 0
    assert set(life_again) <= set(house.due())
    numbers = house.billing.bill(life_again, automatic)
    assert sorted(numbers.values()) == ["INV-2026-00104", "INV-2026-00105"]
    assert house.holds()


def test_a_series_that_had_no_document_yet_is_passed_over_too(house: House) -> None:
    house.billing.configure({"handle": "acme"})
    lost(house)
    assert house.restore(skip=10) == 0
    with house.database.read() as conn:
        skipped = {(s.kind, s.first, s.last) for s in restores.skipped(conn)}
    assert skipped == {("invoice", 4, 13), ("credit_note", 3, 12), ("estimate", 2, 11)}


def test_an_entity_without_any_document_is_passed_over_too(
    tmp_path: Path, sqlite_url: Callable[[], str], clock: Clock
) -> None:
    database = Database.open(sqlite_url())
    billing = Billing(database, clock)
    billing.configure()
    with database.write() as conn:
        restores.skip_numbers(conn, 5, now=clock())
    assert list(Verified(database)) == []
    (order_id,) = billing.take_in(an_order())
    assert list(billing.bill([order_id]).values()) == ["INV-2026-00006"]
    assert list(Verified(database)) == []
    database.close()


def test_who_knows_that_nothing_was_issued_goes_on_at_once(house: House) -> None:
    house.back_up()
    house.billing.take_in(an_order("7"))
    house.database.close()
    house.file.unlink()
    assert house.restore(skip=0) == 0
    (seven,) = house.billing.take_in(an_order("7"))
    assert seven in house.due()
    assert list(house.billing.bill([seven], automatic).values()) == ["INV-2026-00004"]


def test_a_damaged_present_file_is_one_that_tells_nothing(house: House, capsys: Capture) -> None:
    house.back_up()
    life_goes_on(house)
    house.database.close()
    size = house.file.stat().st_size
    with house.file.open("r+b") as handle:
        handle.seek(4096)
        handle.write(os.urandom(size - 8192))
    assert house.restore() == 1
    assert "is not known" in capsys.readouterr().err
    assert house.restore(skip=50) == 0
    assert house.holds()


def test_the_file_of_another_store_tells_nothing(
    house: House, sqlite_url: Callable[[], str], capsys: Capture
) -> None:
    house.back_up()
    house.database.close()
    other = Database.open(sqlite_url())
    Billing(other, house.clock).configure()
    other.close()
    assert other.file is not None
    os.replace(other.file, house.file)
    assert house.restore() == 1
    assert "another store" in capsys.readouterr().err


def test_a_store_that_began_anew_after_the_loss_tells_nothing(
    house: House, capsys: Capture
) -> None:
    house.back_up()
    with house.database.write() as conn:
        conn.execute(text("DROP TRIGGER documents_refuses_delete"))
        conn.execute(text("PRAGMA defer_foreign_keys = ON"))
    with closing(sqlite3.connect(house.file)) as conn:
        conn.execute("DELETE FROM documents WHERE number = 'INV-2026-00001'")
        conn.commit()
    assert house.restore() == 1
    assert "the backup has documents that the present file does not have" in (
        capsys.readouterr().err
    )


def damaged(copy: Path) -> None:
    with copy.open("r+b") as handle:
        handle.seek(8192)
        handle.write(b"\xff" * 4096)


def no_database(copy: Path) -> None:
    copy.write_text("orders, but as text, and long enough to be no header of SQLite at all" * 9)


def empty_database(copy: Path) -> None:
    copy.unlink()
    with closing(sqlite3.connect(copy)) as conn:
        conn.execute("CREATE TABLE recipes (name)")


def of_the_future(copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '9999'")
        conn.commit()


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (damaged, StoreError),
        (no_database, StoreError),
        (empty_database, SchemaOutdated),
        (of_the_future, SchemaTooNew),
        (Path.unlink, StoreError),
    ],
)
def test_a_backup_that_cannot_be_used_changes_nothing(
    house: House, spoil: Callable[[Path], None], error: type[Exception]
) -> None:
    house.back_up()
    spoil(house.copy)
    house.database.close()
    before = house.file.read_bytes()
    with pytest.raises(error):
        house.restore(skip=1)
    assert house.file.read_bytes() == before
    assert sorted(p.name for p in house.folder.iterdir() if "restoring" in p.name) == []


def test_a_backup_whose_books_do_not_hold_is_put_back_only_when_asked_to(
    house: House, capsys: Capture
) -> None:
    house.back_up()
    with closing(sqlite3.connect(house.copy)) as conn:
        conn.execute("UPDATE orders SET owed = owed + 10000 WHERE source_id = '1'")
        conn.commit()
    assert house.restore() == 1
    assert "it owes 24.41" in capsys.readouterr().out
    assert house.holds()
    assert house.restore(despite_findings=True) == 0
    assert not house.holds()


# What 0009 did, undone.
BEFORE_THE_LAST_REVISION = (
    "ALTER TABLE api_keys DROP COLUMN expires_at; UPDATE alembic_version SET version_num = '0008';"
)


def test_a_backup_of_an_older_schema_is_brought_up_to_date(house: House) -> None:
    house.back_up()
    with closing(sqlite3.connect(house.copy)) as conn:
        conn.executescript(BEFORE_THE_LAST_REVISION)
    life_goes_on(house)
    assert house.restore() == 0
    house.database.check_schema()
    assert house.billing.numbers()[-1] == "INV-2026-00004"
    assert house.holds()


def test_no_command_changes_the_schema_under_a_daemon_of_the_version_before(house: House) -> None:
    with closing(sqlite3.connect(house.file)) as conn:
        conn.executescript(BEFORE_THE_LAST_REVISION)
    with sqlite.locked(house.file):
        for command in (["keys", "list"], ["db", "upgrade"]):
            refused = call(*command, "-c", house.config)
            assert refused.returncode == 1
            assert "stop it first" in refused.stderr
        assert house.database.revision() == "0008"
    assert call("keys", "list", "-c", house.config).returncode == 0
    house.database.check_schema()


def test_a_key_that_was_revoked_since_opens_nothing_again(house: House) -> None:
    row = {
        "prefix": "omk_1", "name": "shop", "digest": "-", "scope": "read", "entities": "[]",
        "created_at": house.clock(),
    }  # fmt: skip
    with house.database.write() as conn:
        conn.execute(insert(api_keys).values(**row))
    house.back_up()
    with house.database.write() as conn:
        conn.execute(update(api_keys).values(revoked_at=house.clock()))
    assert house.restore() == 0
    with house.database.read() as conn:
        assert conn.execute(api_keys.select()).one().revoked_at == house.clock()


def test_a_repeated_call_for_an_order_that_came_along_gets_its_answer(house: House) -> None:
    house.back_up()
    six, _ = life_goes_on(house)
    (entity,) = house.billing.rows(entities)
    row = {"entity_id": entity.id, "request_hash": "-", "status": 201, "created_at": house.clock()}
    with house.database.write() as conn:
        for key, order_id in (("of six", six), ("of another", "ord_unbilled")):
            answer = f'{{"id": "{order_id}"}}'
            conn.execute(insert(idempotency).values(**row, key=key, body=answer))
    assert house.restore() == 0
    assert [kept.key for kept in house.billing.rows(idempotency)] == ["of six"]


def test_the_log_of_the_old_file_goes_with_it(house: House) -> None:
    """Beside the new file it would be taken for its own."""
    house.back_up()
    with closing(sqlite3.connect(house.file)) as conn:  # another process that has it open
        conn.execute("CREATE TABLE notes (text)")
        kept = put_in_place(house.copy, house.file, NOON)
    assert kept is not None
    assert not house.file.with_name(house.file.name + "-wal").exists()
    assert kept.with_name(kept.name + "-wal").exists()


def test_the_log_of_a_file_that_was_taken_away_is_not_read_into_the_new_one(house: House) -> None:
    """Who moves a broken file away often leaves its log, and a killed daemon leaves one."""
    house.back_up()
    life_goes_on(house)
    log = house.file.with_name(house.file.name + "-wal")
    left = log.read_bytes()
    house.database.close()
    house.file.unlink()
    log.write_bytes(left)
    assert house.restore(skip=10) == 0
    assert house.holds()
    assert house.billing.numbers()[-1] == "INV-2026-00003"
    (kept,) = house.folder.glob("*.before-*-wal")
    assert kept.read_bytes() == left


def test_nothing_is_restored_under_a_running_daemon(house: House) -> None:
    house.back_up()
    with sqlite.locked(house.file), pytest.raises(StoreLocked):
        house.restore()


def test_the_name_is_never_free(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that found it free would begin an empty store and invoice everything again."""
    house.back_up()
    seen = []
    replace = os.replace

    def watched(*names: Path) -> None:
        seen.append(house.file.exists())
        replace(*names)

    monkeypatch.setattr("ordermill.store.backup.os.replace", watched)
    assert house.restore() == 0
    assert seen == [True]


def test_the_database_itself_is_no_backup(house: House) -> None:
    with pytest.raises(StoreError, match="is the database itself"):
        backup.restore(house.config, house.file, skip=None, despite_findings=False)


@pytest.fixture
def on_a_server(tmp_path: Path, postgresql_url: Callable[[], str]) -> Path:
    return written(tmp_path, postgresql_url())


def test_for_postgresql_its_own_tools_are_named(
    on_a_server: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert backup.write_backup(on_a_server, tmp_path / "copy") == 1
    assert "pg_dump --format=custom" in capsys.readouterr().err
    assert backup.restore(on_a_server, tmp_path / "copy", skip=0, despite_findings=False) == 1
    assert "pg_restore" in capsys.readouterr().err


def test_a_backup_that_was_put_back_by_other_means_is_marked(
    database: Database, database_url: str, tmp_path: Path, clock: Clock, capsys: Capture
) -> None:
    config = written(tmp_path, database_url)
    billing = Billing(database, clock)
    live(billing)
    assert backup.mark(config, skip=None) == 1
    assert "--skip-numbers" in capsys.readouterr().err
    assert backup.mark(config, skip=20) == 0
    (order_id,) = billing.take_in(an_order("6"))
    with database.write() as conn:
        assert not cases.anything_due(conn, clock() + timedelta(days=1))
        assert restores.held_since(conn) is not None
    assert backup.resume(config) == 0
    assert list(billing.bill([order_id], automatic).values()) == ["INV-2026-00024"]
    assert list(Verified(database)) == []
    capsys.readouterr()
    assert backup.resume(config) == 0
    assert "was not held" in capsys.readouterr().out


def test_the_commands_as_they_are_typed(house: House) -> None:
    assert call("backup", house.copy, "-c", house.config).returncode == 0
    again = call("backup", house.copy, "-c", house.config)
    assert (again.returncode, "exists already" in again.stderr) == (1, True)
    life_goes_on(house)
    house.database.close()
    restored = call("restore", house.copy, "-c", house.config)
    assert restored.returncode == 0, restored.stderr
    assert "they came along" in restored.stdout
    assert call("restore", "-c", house.config).returncode == 2
    verified = call("verify", "-c", house.config)
    assert verified.returncode == 0
    assert verified.stdout.splitlines()[-1] == "8 documents of 6 orders: all holds"
