"""The token that stays equal while nothing is committed, whoever commits."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from ordermill.errors import StoreError
from ordermill.store.database import Database
from ordermill.store.watch import PostgresWatch, SqliteWatch


def committed(database: Database) -> None:
    """Something small, by another connection."""
    with database.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = version_num"))


def test_it_stays_while_others_only_read(database: Database) -> None:
    """In one of a hundred trials: PostgreSQL's snapshot is the server's, and other tests commit to
    other databases of it meanwhile."""
    assert any(stays(database) for _ in range(100))


def stays(database: Database) -> bool:
    before = database.token()
    assert before is not None
    with database.read() as conn:
        conn.execute(text("SELECT count(*) FROM orders"))
        during = database.token()
    return during == before == database.token()


def test_it_moves_with_every_commit_of_this_process_and_of_others(
    database: Database, database_url: str
) -> None:
    other = Database.open(database_url)
    seen = [database.token()]
    for writer in (database, other, database, other):
        committed(writer)
        seen.append(database.token())
    other.close()
    assert len(set(seen)) == 5


def test_what_is_not_committed_yet_moves_it_when_it_is(database: Database) -> None:
    with database.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = version_num"))
        during = database.token()
    assert database.token() != during


def test_it_never_comes_back_to_an_earlier_one_after_a_broken_connection(
    database: Database,
) -> None:
    before = database.token()
    committed(database)
    watch = database._watch
    assert isinstance(watch, SqliteWatch | PostgresWatch)
    watch.close()
    again = database.token()
    assert again is not None
    assert again != before
    committed(database)
    assert database.token() != again


def test_without_a_database_there_is_none() -> None:
    for url in ("sqlite:////nowhere/at/all.db", "postgresql://nobody@127.0.0.1:1/none"):
        database = Database.open(url)
        assert database.token() is None
        with pytest.raises(StoreError), database.read():
            pass
        database.close()
