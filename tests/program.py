"""ordermill as its user starts it: a process of its own, with a configuration file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

CONFIG = """\
database_url: {database}
api: {{port: 0}}
admin: {{port: 0}}
auto_migrate: true
entities:
  acme: {{name: Acme d.o.o., currency_code: EUR, timezone: Europe/Ljubljana}}
integrations:
{integrations}"""
WOOCOMMERCE = """\
  {handle}:
    entity: acme
    source: woocommerce
    options:
      base_url: {url}
      consumer_key: {key}
      consumer_secret: {secret}
      allow_private_network: true
    poll: {{every: {every}, overlap: 10s, page_size: {page_size}}}
    sweep: {{every: {sweep}, window: 30d}}
    import_from: 2020-01-01
"""


def woocommerce(
    handle: str,
    url: str,
    face: object,
    *,
    every: str = "1s",
    sweep: str = "off",
    page_size: int = 100,
    auto_process: bool = False,
) -> str:
    """The YAML of one integration with a simulated shop."""
    key, secret = face.consumer_key, face.consumer_secret  # type: ignore[attr-defined]
    return WOOCOMMERCE.format(
        handle=handle,
        url=url,
        key=key,
        secret=secret,
        every=every,
        sweep=sweep,
        page_size=page_size,
    ) + ("    auto_process: true\n" if auto_process else "")


def written(folder: Path, database: str, *integrations: str) -> Path:
    """A configuration file; without integrations there are none."""
    file = folder / "ordermill.yaml"
    listed = "".join(integrations) or "  {}\n"
    file.write_text(CONFIG.format(database=database, integrations=listed))
    file.chmod(0o600)
    return file


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ORDERMILL_")}
    return kept | {"PYTHONWARNINGS": "default"}


def call(*words: str | Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "ordermill", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(),
        check=False,
    )


class Running:
    """A command that runs beside the test; its output is read line by line."""

    def __init__(self, *words: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ordermill", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            env=environment(),
        )
        self.lines: list[str] = []

    def until(self, word: str) -> str:
        """The next line with that word in it; AssertionError with all lines if the output ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if word in line:
                return line
        raise AssertionError(f"no {word!r} in:\n{''.join(self.lines)}")

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is said."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()
