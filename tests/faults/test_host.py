"""Part E of the fault catalogue, at the program itself: the configuration and the host's limits."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ordermill.simulator.clock import ScaledClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life
from ordermill.simulator.server import serve
from ordermill.simulator.woocommerce.face import WooCommerceFace
from program import call, environment, woocommerce, written

CANARY = "cs_canary_7f3a"
RIGHT = f"""\
database_url: sqlite:///x.db
entities:
  acme: {{name: Acme, currency_code: EUR}}
integrations:
  woo:
    entity: acme
    source: woocommerce
    options: {{base_url: "https://a.example", consumer_key: ck_1, consumer_secret: {CANARY}}}
"""
# What replaces what in the right file: fourteen mistakes that YAML or an operator makes easily.
MISTAKES = {
    "a key in other letters": ("entities:", "entites:"),
    "a typo in a nested key": ("    entity: acme", "    entity: acme\n    poll: {evry: 5s}"),
    "a key that is given twice": ("    entity: acme", "    entity: acme\n    entity: acme"),
    "a list that is not closed": ("{name: Acme,", "{name: [Acme,"),
    "a tab": ("    entity", "\tentity"),
    "a variable that is not set": ("ck_1", '"${NO_SUCH_VARIABLE}"'),
    "an entity that is not there": ("entity: acme", "entity: acne"),
    "a connector that is not there": ("source: woocommerce", "source: woocomerce"),
    "a duration that is none": ("    entity", "    poll: {every: soon}\n    entity"),
    "a sexagesimal": ("    entity", "    poll: {overlap: 12:30}\n    entity"),
    "a day that is none": ("    entity", "    import_from: 2026-13-40\n    entity"),
    "a secret that is missing": (f", consumer_secret: {CANARY}", ""),
    "http without leave": ("https://a", "http://a"),
    "a database that is none": ("sqlite:///x.db", "mysql://root:hunter2@h/d"),
}


def test_fourteen_bad_files_are_refused_with_their_place_and_without_a_secret(
    tmp_path: Path,
) -> None:
    for number, (old, new) in enumerate(MISTAKES.values()):
        assert old in RIGHT
        (tmp_path / f"{number}.yaml").write_text(RIGHT.replace(old, new, 1))
    files = sorted(tmp_path.glob("*.yaml"))
    refused = call("check", "--offline", *files)
    assert refused.returncode == 2
    said = refused.stdout + refused.stderr
    for file in files:
        assert f"{file}:" in said
    assert not {CANARY, "hunter2"} & {word for word in (CANARY, "hunter2") if word in said}


@pytest.mark.parametrize("mistake", ["a key in other letters", "a variable that is not set"])
def test_the_daemon_refuses_a_bad_file_at_once(tmp_path: Path, mistake: str) -> None:
    """The two seconds are a start's own time; here it must only end by itself."""
    old, new = MISTAKES[mistake]
    file = tmp_path / "bad.yaml"
    file.write_text(RIGHT.replace(old, new, 1))
    refused = call("run", "-c", file, timeout=30)
    assert refused.returncode == 2
    assert f"{file}:" in refused.stderr
    assert not (tmp_path / "x.db").exists()


@pytest.fixture
def shops() -> Iterator[list[str]]:
    """The YAML of twelve shops of ten orders."""
    with ExitStack() as stack:
        listed = []
        for n in range(12):
            ledger = Ledger(ScaledClock(datetime.now(UTC)), seed=n)
            Life(ledger, seed=n).place(10)
            face = WooCommerceFace(ledger)
            server = stack.enter_context(serve(face))
            listed.append(woocommerce(f"shop{n}", server.url, face))
        yield listed


def test_sixty_four_open_files_are_enough_for_twelve_shops(
    tmp_path: Path, shops: list[str]
) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", *shops)
    synced = subprocess.run(
        [sys.executable, "-m", "ordermill", "sync", "-c", str(config)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment(),
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    )
    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert synced.stdout.count("10 created") == 12
