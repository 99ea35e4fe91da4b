"""The schema's history: from nothing to the present one, on both databases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from ordermill.errors import SchemaOutdated, SchemaTooNew
from ordermill.store import migrations
from ordermill.store.database import Database
from ordermill.store.migrations import run
from ordermill.store.tables import metadata

DIE_MIDWAY = """
import os, sys
from alembic import op
from ordermill.store.database import Database
create, made = op.create_table, []
def dying(*args, **kwargs):
    create(*args, **kwargs)
    made.append(1)
    if len(made) == 4:
        os._exit(9)
op.create_table = dying
Database.open(sys.argv[1]).upgrade()
"""
UPGRADE = """
import sys
from ordermill.store.database import Database
Database.open(sys.argv[1]).upgrade()
"""
IMPORTS = """
import sys
from ordermill.store.database import Database
database = Database.open(sys.argv[1])
database.upgrade()
database.check_schema()
sys.exit("alembic" in sys.modules)
"""


def tables(database: Database) -> set[str]:
    with database.read() as conn:
        return set(inspect(conn).get_table_names())


def test_an_upgrade_makes_the_schema_and_again_changes_nothing(empty_url: str) -> None:
    database = Database.open(empty_url)
    try:
        with pytest.raises(SchemaOutdated, match="ordermill db upgrade"):
            database.check_schema()
        assert database.upgrade() is True
        database.check_schema()
        assert database.upgrade() is False
        assert tables(database) == {*metadata.tables, "alembic_version"}
    finally:
        database.close()


def test_the_migrations_make_exactly_the_tables_of_the_program(database: Database) -> None:
    with database.read() as conn:
        context = MigrationContext.configure(
            conn,
            opts={
                "compare_type": False,
                "include_object": lambda thing, name, kind, *_: name != "ix_orders_search_text",
            },
        )
        assert compare_metadata(context, metadata) == []


def test_the_revisions_are_the_files_in_their_order() -> None:
    script = ScriptDirectory.from_config(run.config())
    found = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(found)) == migrations.REVISIONS


def test_a_newer_schema_is_refused_and_left_alone(database: Database) -> None:
    with database.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match="9999"):
        database.check_schema()
    with pytest.raises(SchemaTooNew):
        database.upgrade()
    assert database.revision() == "9999"


def test_an_older_schema_names_the_command(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordermill.store.database.REVISIONS", (*migrations.REVISIONS, "9999"))
    monkeypatch.setattr("ordermill.store.database.HEAD", "9999")
    with pytest.raises(SchemaOutdated, match="run `ordermill db upgrade`"):
        database.check_schema()


def test_an_upgrade_that_is_killed_midway_leaves_nothing_behind(empty_url: str) -> None:
    killed = subprocess.run([sys.executable, "-c", DIE_MIDWAY, empty_url], check=False)
    assert killed.returncode == 9
    database = Database.open(empty_url)
    try:
        assert tables(database) == set()
        assert database.upgrade() is True
        database.check_schema()
    finally:
        database.close()


def test_two_upgrades_at_once_are_one_upgrade(empty_url: str) -> None:
    command = [sys.executable, "-c", UPGRADE, empty_url]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    database = Database.open(empty_url)
    database.check_schema()
    database.close()


def test_alembic_is_loaded_only_when_there_is_something_to_migrate(database_url: str) -> None:
    assert (
        subprocess.run([sys.executable, "-c", IMPORTS, database_url], check=False).returncode == 0
    )


def test_nothing_is_created_by_asking_for_the_revision(sqlite_url: Callable[..., str]) -> None:
    database = Database.open(sqlite_url(upgraded=False))
    assert database.revision() is None
    assert database.file is not None
    assert not database.file.exists()
    database.close()


def test_the_search_index_is_made_where_the_server_can(postgresql_url: Callable[..., str]) -> None:
    database = Database.open(postgresql_url(upgraded=False))
    database.upgrade()
    try:
        with database.read() as conn:
            offered = text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
            can = conn.execute(offered).first() is not None
            names = {index["name"] for index in inspect(conn).get_indexes("orders")}
    finally:
        database.close()
    assert ("ix_orders_search_text" in names) is can
