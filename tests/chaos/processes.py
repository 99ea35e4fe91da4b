"""The daemons of a run: processes that are killed, frozen and started anew; with their logs."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from program import environment

STARTING = 40.0


class Process:
    """One daemon. ``bug`` plants a known defect, to see that it is caught."""

    def __init__(self, config: Path, log: Path, bug: str | None = None) -> None:
        self._config = config
        self._log = log
        self._bug = bug
        self._popen: subprocess.Popen[bytes] | None = None
        self._frozen = False
        self.api = self.admin = ""
        self.starts = 0

    def start(self, *, file_limit: int | None = None, wait: bool = True) -> None:
        """Start it; ``file_limit``: no file may grow beyond so many bytes (the disk is full)."""
        module = ["-m", "ordermill"] if self._bug is None else ["-m", "chaos.planted", self._bug]
        env = environment() | {"PYTHONPATH": str(Path(__file__).parents[1])}
        self.api = self.admin = ""
        self._at = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as out:
            self._popen = subprocess.Popen(
                [sys.executable, *module, "run", "-c", str(self._config)],
                stdout=out,
                stderr=subprocess.STDOUT,
                env=env,
                preexec_fn=_limited(file_limit),
            )
        self.starts += 1
        if wait:
            self.ready()

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
        assert self._popen is not None
        return self._popen.pid

    def alive(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is said."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()
            self._frozen = False

    def freeze(self) -> None:
        if self._popen is not None and self.alive():
            self._popen.send_signal(signal.SIGSTOP)
            self._frozen = True

    def thaw(self) -> None:
        if self._popen is not None and self._frozen:
            self._popen.send_signal(signal.SIGCONT)
            self._frozen = False

    def terminate(self) -> int:
        """SIGTERM; the exit code, -9 if it did not end within its ten seconds."""
        if self._popen is None or not self.alive():
            return 0
        self.thaw()
        self._popen.send_signal(signal.SIGTERM)
        try:
            return self._popen.wait(12)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def _said(self) -> list[str]:
        with self._log.open("rb") as file:
            file.seek(self._at)
            return file.read().decode(errors="replace").splitlines()


def _limited(file_limit: int | None) -> Callable[[], None] | None:
    if file_limit is None:
        return None

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    return limit
