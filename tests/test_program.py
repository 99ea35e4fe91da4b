"""The program as its user starts it."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from connector.wire import listening
from ordermill.simulator.clock import ScaledClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life
from ordermill.simulator.server import Server, serve
from ordermill.simulator.woocommerce.face import WooCommerceFace
from program import Running, call, woocommerce, written


class Shop:
    """A simulated WooCommerce shop that serves."""

    def __init__(self, orders: int) -> None:
        self.ledger = Ledger(ScaledClock(datetime.now(UTC)), seed=1)
        self.life = Life(self.ledger, seed=1)
        self.life.place(orders)
        self.face = WooCommerceFace(self.ledger)
        self.server: Server = serve(self.face)

    def yaml(self, handle: str = "shop", **options: str | int) -> str:
        return woocommerce(handle, self.server.url, self.face, **options)  # type: ignore[arg-type]


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop(20)
    yield shop
    shop.server.close()


def admin_of(daemon: Running) -> str:
    line = daemon.until('"ready"')
    found = re.search(r"http://[0-9.]+:[0-9]+", line)
    assert found is not None
    return found[0]


def stored(file: Path) -> int:
    with sqlite3.connect(file) as conn:
        return int(conn.execute("SELECT count(*) FROM orders").fetchone()[0])


def invoice_numbers(file: Path) -> list[str]:
    with sqlite3.connect(file) as conn:
        found = "SELECT number FROM documents WHERE kind = 'invoice' ORDER BY year, sequence"
        return [number for (number,) in conn.execute(found)]


def test_connectors_are_found_as_a_third_partys_would_be() -> None:
    listed = call("connectors", "-c", "any.yaml")  # every command takes it
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["shopify", "woocommerce"]


def test_one_pass_reads_everything_and_a_second_says_unchanged(shop: Shop, tmp_path: Path) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", shop.yaml())
    first = call("sync", "-c", config)
    assert first.returncode == 0, first.stderr
    assert "20 created" in first.stdout
    again = call("sync", "shop", "-c", config)
    assert "created" not in again.stdout
    assert stored(tmp_path / "a.db") == 20
    shown = json.loads(call("status", "--json", "-c", config).stdout)["integrations"][0]
    # One of the twenty costs nothing, which is skipped.
    assert (shown["handle"], shown["state"], shown["pending"]) == ("shop", "ok", 19)


def test_one_pass_issues_what_is_due_and_a_second_nothing_more(shop: Shop, tmp_path: Path) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", shop.yaml(auto_process=True))
    said = re.search(r"issued: .*?(\d+) invoice", call("sync", "-c", config).stdout)
    assert said is not None
    numbers = invoice_numbers(tmp_path / "a.db")
    year = datetime.now(UTC).year
    assert numbers[0] in (f"INV-{year}-00001", f"INV-{year + 1}-00001")
    assert len(numbers) == int(said[1]) > 3
    assert "issued" not in call("sync", "-c", config).stdout
    assert invoice_numbers(tmp_path / "a.db") == numbers


def test_the_daemon_reads_by_itself_shows_itself_and_ends_when_told(
    shop: Shop, tmp_path: Path
) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", shop.yaml(every="200ms"))
    with Running("run", "-c", config) as daemon:
        url = admin_of(daemon)
        for path in ("/livez", "/readyz", "/healthz", "/status", "/"):
            assert httpx.get(url + path).status_code == 200
        eventually(lambda: stored(tmp_path / "a.db") == 20)
        shop.life.place(1)
        eventually(lambda: stored(tmp_path / "a.db") == 21)
        scraped = httpx.get(url + "/metrics").text
        assert 'ordermill_orders_ingested_total{connector="shop",outcome="created"} 21.0' in scraped
        assert daemon.terminate() == 0


def eventually(holds: Callable[[], bool], tries: int = 3000) -> None:
    """Ask again and again; a fact that never comes fails the test."""
    import time

    for _ in range(tries):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to hold")


def test_a_shop_that_never_answers_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """A request may take 30 s; the end is over in 10, and what was stored is whole."""
    stuck = threading.Event()

    def never(connection: socket.socket, request: bytes) -> None:
        stuck.wait(60)

    with listening(never) as hanging:
        keys = SimpleNamespace(consumer_key="ck_x", consumer_secret="cs_x")
        shop = woocommerce("shop", f"http://127.0.0.1:{hanging.port}", keys)
        config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", shop)
        with Running("run", "-c", config) as daemon:
            daemon.until('"ready"')
            eventually(lambda: len(hanging.requests) > 0)
            daemon.process.send_signal(signal.SIGTERM)
            assert '"finished": false' in daemon.until('"stopped"')
            assert daemon.process.wait(5) == 0
        stuck.set()
    assert call("verify", "-c", config).returncode == 0


def test_a_daemon_says_at_its_start_that_billing_is_held(shop: Shop, tmp_path: Path) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", shop.yaml())
    assert call("restore", "--mark", "--skip-numbers", "5", "-c", config).returncode == 0
    with Running("run", "-c", config) as daemon:
        assert "restore --resume" in daemon.until("billing_held")


def test_a_second_scheduler_on_one_file_is_refused_and_names_the_admin_action(
    shop: Shop, tmp_path: Path
) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", shop.yaml())
    with Running("run", "-c", config) as daemon:
        admin_of(daemon)
        second = call("sync", "-c", config)
        assert second.returncode == 1
        assert "/sync" in second.stderr
        assert call("status", "-c", config).returncode == 0


def test_a_reload_takes_a_good_file_and_refuses_a_bad_one_without_a_word_to_the_shops(
    shop: Shop, tmp_path: Path
) -> None:
    import signal

    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", shop.yaml())
    with Running("run", "-c", config) as daemon:
        url = admin_of(daemon)
        good = config.read_text()
        config.write_text(good.replace("source: woocommerce", "sourec: woocommerce"))
        daemon.process.send_signal(signal.SIGHUP)
        assert "sourec" in daemon.until("reload_refused")
        assert "ordermill_config_last_reload_successful 0.0" in httpx.get(url + "/metrics").text
        config.write_text(good.replace("every: 1s", "every: 7s"))
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until('"reloaded"')
        scraped = httpx.get(url + "/metrics").text
        assert 'ordermill_sync_interval_seconds{connector="shop"} 7.0' in scraped
        assert "ordermill_config_last_reload_successful 1.0" in scraped


def test_a_reload_names_what_only_a_restart_changes(shop: Shop, tmp_path: Path) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", shop.yaml())
    good = config.read_text()
    with Running("run", "-c", config) as daemon:
        admin_of(daemon)
        config.write_text(
            good.replace("admin: {port: 0}", "admin: {port: 0, token: a-new-token-0123}")
        )
        for _ in range(2):  # it is not forgotten by the next reload
            daemon.process.send_signal(signal.SIGHUP)
            told = json.loads(daemon.until("restart_needed"))
            assert told["changed"] == ["admin.token"]
        config.write_text(good)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until('"reloaded"')
        assert daemon.terminate() == 0
        assert daemon.process.stdout is not None
        assert "restart_needed" not in daemon.process.stdout.read()


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (("--from", "2026-02-02", "--to", "2026-02-01"), "--to is before --from"),
        (("--from", "0001-01-01"), "1970-01-01"),
        (("--from", "2026-02-02", "--to", "9999-12-31"), "2999-12-31"),
    ],
)
def test_days_that_are_none_are_refused_before_anything_is_asked(
    tmp_path: Path, days: tuple[str, ...], said: str
) -> None:
    refused = call("backfill", "shop", *days, "-c", tmp_path / "not-there.yaml")
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_backfill_that_a_pause_refuses_is_not_begun_after_the_pause(
    shop: Shop, tmp_path: Path
) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", shop.yaml())
    assert call("sync", "-c", config).returncode == 0
    with sqlite3.connect(tmp_path / "a.db") as conn:
        conn.execute("UPDATE integration_state SET paused_by = 'operator', paused_reason = 'x'")
    refused = call("backfill", "shop", "--from", "2026-01-01", "-c", config)
    assert refused.returncode == 1
    assert "resume it first" in refused.stdout
    with sqlite3.connect(tmp_path / "a.db") as conn:
        modes = {mode for (mode,) in conn.execute("SELECT mode FROM sync_runs")}
    assert "backfill" not in modes


@pytest.mark.parametrize("words", [("--speed", "0"), ("--speed", "-1"), ("--duration", "-1")])
def test_a_demo_at_a_pace_that_is_none_is_refused(words: tuple[str, ...]) -> None:
    refused = call("demo", *words)
    assert refused.returncode == 2
    assert words[0] in refused.stderr


def test_refused_credentials_are_exit_code_3_and_never_shown(shop: Shop, tmp_path: Path) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", shop.yaml())
    wrong = config.read_text().replace(shop.face.consumer_secret, "cs_canary_secret")
    config.write_text(wrong)
    for command in ("sync", "check"):
        refused = call(command, "-c", config)
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert "canary" not in refused.stdout + refused.stderr


def test_check_shows_the_shop(shop: Shop, tmp_path: Path) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", shop.yaml())
    checked = call("check", "-c", config)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "EUR" in checked.stdout
    assert not (tmp_path / "a.db").exists()


def test_a_wrong_file_is_exit_code_2_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("database_url: sqlite:///x.db\nentites: {}\n")
    for command in (["run"], ["sync"], ["check", "--offline"], ["db", "upgrade"], ["status"]):
        refused = call(*command, "-c", file)
        assert refused.returncode == 2, command
        assert f"{file}:2:1: entites: unknown key; did you mean 'entities'?" in refused.stderr


def test_the_database_commands_are_harmless_twice(tmp_path: Path) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'deep' / 'a.db'}")
    missing = call("db", "check", "-c", config)
    assert missing.returncode == 1
    assert "db upgrade" in missing.stderr
    for command in ("upgrade", "upgrade", "check"):
        assert call("db", command, "-c", config).returncode == 0
    assert (tmp_path / "deep").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "deep" / "a.db").stat().st_mode & 0o777 == 0o600
