"""Daemons as processes of their own, what they hold, and a street of shops for them to read."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.benchmarks.measure import ROOT, environment, held
from tests.benchmarks.start import ticks
from tests.benchmarks.street import FIRST

CONFIG = """\
database_url: {database}
api: {{port: 0}}
admin: {{port: 0}}
auto_migrate: true
entities:
  acme: {{name: Acme d.o.o., currency_code: EUR, timezone: Europe/Ljubljana}}
  bolt: {{name: Bolt GmbH, currency_code: EUR, timezone: Europe/Vienna}}
integrations:
"""
SHOP = """\
  shop-{number}:
    entity: {entity}
    source: {platform}
    options: {{{options}, allow_private_network: true}}
    poll: {{every: {every}, overlap: {overlap}, page_size: 100}}
    sweep: {{every: {sweep}, window: 30d}}
    import_from: 2020-01-01
    auto_process: true
    auto_process_on: created
    issue_invoice_for_bank: true
    auto_reissue_on_update: true
    reissue_settle_seconds: {settle}
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often shops are read, as the configuration says it."""

    every: str
    sweep: str = "off"
    settle: int = 600
    overlap: str = "10s"


@dataclass(frozen=True, slots=True)
class Street:
    """The shops of a process that serves them."""

    port: int
    shops: Sequence[Mapping[str, str]]

    def address(self, number: int) -> str:
        return f"http://127.0.0.{number + FIRST}:{self.port}"

    def slow(self, number: int, seconds: float) -> None:
        """Every answer of a shop takes so long from now on."""
        self._post("slow", shop=number, seconds=seconds)

    def calm(self) -> None:
        """Nothing happens in the shops any more."""
        self._post("calm")

    def books(self) -> list[dict[str, Any]]:
        """Each shop's orders with their edits, and the requests so far."""
        answer = httpx.get(f"{self.address(0)}/_street/books", timeout=60)
        told: list[dict[str, Any]] = answer.raise_for_status().json()
        return told

    def requests(self) -> int:
        """How many requests the shops were asked in all."""
        return sum(shop["requests"] for shop in self.books())

    def integration(self, number: int, pace: Pace, address: str | None = None) -> str:
        """The YAML of one; ``address`` if the shop shall seem to be elsewhere."""
        options = {name: word for name, word in self.shops[number].items() if name != "platform"}
        options["base_url"] = address or self.address(number)
        if self.shops[number]["platform"] == "shopify":
            options["shop_domain"] = f"shop-{number}.myshopify.com"
        listed = ", ".join(f'{name}: "{word}"' for name, word in options.items())
        return SHOP.format(
            number=number, entity=("acme", "bolt")[number // 2 % 2], options=listed,
            platform=self.shops[number]["platform"], every=pace.every, overlap=pace.overlap,
            sweep=pace.sweep, settle=pace.settle,
        )  # fmt: skip

    def _post(self, what: str, **params: float) -> None:
        httpx.post(
            f"{self.address(0)}/_street/{what}", params=params, timeout=60
        ).raise_for_status()


@contextmanager
def street_of(
    shops: int, per_second: float = 0.001, orders: int | None = None, faster: float = 1.0
) -> Iterator[Street]:
    """So many shops in which so much happens; with ``orders`` each has so many, and none does."""
    words = ["--shops", str(shops), "--per-second", str(per_second), "--faster", str(faster)]
    words += [] if orders is None else ["--orders", str(orders)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.street", *words],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        told = json.loads(process.stdout.readline())
        yield Street(told["port"], told["shops"])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def written(folder: Path, database: str, integrations: Sequence[str]) -> Path:
    """A configuration file."""
    file = folder / "ordermill.yaml"
    file.write_text(CONFIG.format(database=database) + "".join(integrations))
    file.chmod(0o600)
    return file


class Daemon:
    """`ordermill run` as a process; its log goes to a file."""

    def __init__(self, config: Path, log: Path) -> None:
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ordermill", "run", "-c", str(config)],
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=environment(),
            )
        self.pid = self._process.pid
        self.admin = ""

    def wait_ready(self, seconds: float = 60) -> None:
        """Until it says so; raise RuntimeError with its log if it does not."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.alive():
            for line in self._log.read_text().splitlines():
                if '"ready"' in line:
                    self.admin = json.loads(line[line.index("{") :])["admin"].rstrip("/")
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the daemon is not ready:\n{self._log.read_text()[-4000:]}")

    def alive(self) -> bool:
        return self._process.poll() is None

    def memory(self) -> float:
        """MB that it holds."""
        return held(self.pid, "VmRSS")

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        return ticks(self.pid)

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def counted(self, name: str, labels: str = "") -> float:
        """The sum of one of its metrics, of the samples whose labels match."""
        said = httpx.get(f"{self.admin}/metrics", timeout=60).text
        found = re.findall(rf"^ordermill_{name}{{.*{labels}.*}} ([0-9.e+]+)$", said, re.MULTILINE)
        return sum(float(n) for n in found)

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is said."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> int:
        """SIGTERM; the exit code, after SIGKILL if it does not end in its time."""
        if not self.alive():
            return self._process.returncode
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9
