"""The daemons of a run: processes that are killed, frozen and started anew; with their logs.

They are forked from a server that has imported the libraries, and nothing of ordermill: a start
takes a fifth of a second of the machine's time instead of two, so that a run has more of them.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
import warnings
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

LIBRARIES = [
    "alembic.command", "apscheduler.schedulers.background", "fastapi", "httpx", "jinja2", "msgspec",
    "prometheus_client", "psycopg_pool", "pydantic_settings", "rich.console", "ruamel.yaml",
    "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite", "stamina", "structlog",
    "typer", "uvicorn", "uvicorn.lifespan.on", "uvicorn.protocols.http.h11_impl",
]  # fmt: skip
STARTING = 60.0
ENDING = 12.0
TRIES = 8


class Process:
    """One daemon. ``bug`` plants a known defect, to see that it is caught."""

    def __init__(self, config: Path, log: Path, bug: str | None = None) -> None:
        self._config = config
        self._log = log
        self._bug = bug
        self._child: Child | None = None
        self._frozen = False
        self.api = self.admin = ""
        self.starts = 0

    def start(self, *, file_limit: int | None = None, wait: bool = True) -> None:
        """Start it; ``file_limit``: no file may grow beyond so many bytes (the disk is full).

        ``wait`` for its first word. One that ends before, because its database was cut off, is
        started again, as a supervisor does.
        """
        for _ in range(TRIES if wait else 1):
            self.api = self.admin = ""
            self._log.touch()
            self._at = self._log.stat().st_size
            words = ("run", "-c", str(self._config))
            self._child = Child(words, self._log, bug=self._bug, file_limit=file_limit)
            self.starts += 1
            if wait and (self.ready() or self.alive()):
                return

    def ready(self, seconds: float = STARTING) -> bool:
        """Wait for its first word; False if it ended or took too long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.alive():
            for line in self._said():
                if '"ready"' in line or " ready " in line:
                    told = json.loads(line[line.index("{") :])
                    self.api, self.admin = told["api"].rstrip("/"), told["admin"].rstrip("/")
                    return True
            time.sleep(0.05)
        return False

    @property
    def pid(self) -> int:
        """Of the last start."""
        assert self._child is not None
        return self._child.pid

    def alive(self) -> bool:
        return self._child is not None and self._child.code() is None

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is said."""
        if self._child is not None:
            self._child.signal(signal.SIGKILL)
            self._child.wait(None)
            self._frozen = False

    def freeze(self) -> None:
        if self._child is not None:
            self._child.signal(signal.SIGSTOP)
            self._frozen = True

    def thaw(self) -> None:
        if self._child is not None and self._frozen:
            self._child.signal(signal.SIGCONT)
            self._frozen = False

    def terminate(self) -> int:
        """SIGTERM; the exit code, -9 if it did not end within its ten seconds."""
        if self._child is None or not self.alive():
            return 0
        self.thaw()
        self._child.signal(signal.SIGTERM)
        if not self._child.wait(ENDING):
            self.kill()
        return self._child.code() or 0

    def _said(self) -> list[str]:
        with self._log.open("rb") as file:
            file.seek(self._at)
            return file.read().decode(errors="replace").splitlines()


class Child:
    """One command of ordermill in a process of its own; what it says goes to the end of a file."""

    _births = threading.Lock()  # asking for codes in several threads at once would lose some
    _context = multiprocessing.get_context("forkserver")
    _context.set_forkserver_preload(LIBRARIES)

    def __init__(
        self, words: tuple[str, ...], said: Path, *, bug: str | None = None,
        file_limit: int | None = None,
    ) -> None:  # fmt: skip
        with self._births:
            self._process: ForkServerProcess = self._context.Process(
                target=_be_ordermill, args=(words, said, bug, file_limit)
            )
            self._process.start()

    def code(self) -> int | None:
        """How it ended; None while it runs."""
        with self._births:
            return self._process.exitcode

    def wait(self, seconds: float | None) -> bool:
        """Until it has ended; False if it has not by then."""
        return bool(wait([self._process.sentinel], seconds))

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        if self.code() is None:
            os.kill(self.pid, number)


def _be_ordermill(
    words: tuple[str, ...], said: Path, bug: str | None, file_limit: int | None
) -> None:
    warnings.simplefilter("default")
    for name in [name for name in os.environ if name.startswith("ORDERMILL_")]:
        del os.environ[name]
    with said.open("ab") as out:
        os.dup2(out.fileno(), sys.stdout.fileno())
        os.dup2(out.fileno(), sys.stderr.fileno())
    if file_limit is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    if bug is None:
        from ordermill.cli import main
    else:
        from chaos.planted import main
    sys.argv = ["ordermill", *([] if bug is None else [bug]), *words]
    main()
