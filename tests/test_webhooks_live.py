"""The whole program: a shop's webhook brings an order long before any poll, and a reload swaps the
secret."""

from __future__ import annotations

import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from deliveries import woocommerce as delivery
from ordermill.simulator.clock import ScaledClock
from ordermill.simulator.courier import over_http
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life
from ordermill.simulator.server import serve
from ordermill.simulator.woocommerce.face import WooCommerceFace
from program import Running, call, woocommerce, written
from test_program import eventually, stored

FIRST, SECOND = "the first secret of two", "the second secret of two"


class Shop:
    """A simulated shop that nobody polls for an hour, and the configuration that names it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.ledger = Ledger(ScaledClock(datetime.now(UTC)), seed=1)
        self.life = Life(self.ledger, seed=1)
        self.life.place(3)
        self.face = WooCommerceFace(self.ledger)
        self.server = stack.enter_context(serve(self.face))
        self.folder = folder
        self.file = folder / "a.db"
        self.config = self.written(FIRST, "null")

    def written(self, secret: str, public: str) -> Path:
        one = woocommerce("shop", self.server.url, self.face, every="1h", auto_process=True)
        one += f"    webhook_secret: {secret}\n"
        config = written(self.folder, f"sqlite:///{self.file}", one)
        text = config.read_text()
        config.write_text(text.replace("api: {port: 0}", f"api: {{port: 0, public_url: {public}}}"))
        return config

    def post(self, url: str, secret: str, order_id: int, number: str) -> int:
        sent = delivery(order_id, delivery=number).signed(secret)
        to = f"{url}/webhooks/shop"
        return httpx.post(to, headers=dict(sent.headers), content=sent.body).status_code


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with ExitStack() as stack:
        yield Shop(tmp_path, stack)


def api_of(daemon: Running) -> str:
    found = re.search(r'"api": ?"(http://[0-9.:]+)/"', daemon.until('"ready"'))
    assert found is not None
    return found[1]


def test_a_webhook_brings_an_order_long_before_any_poll(shop: Shop) -> None:
    with Running("run", "-c", shop.config) as daemon:
        url = api_of(daemon)
        eventually(lambda: stored(shop.file) == 3)
        shop.written(FIRST, url)
        assert call("webhooks", "create", "-c", shop.config).returncode == 0
        shop.life.place(1)
        assert shop.face.hooks.send(over_http) == 6  # four greetings, created, updated
        eventually(lambda: stored(shop.file) == 4)
        scraped = httpx.get(f"{url}/orders", headers={"Authorization": "Bearer x"})
        assert scraped.status_code == 401
        assert daemon.terminate() == 0


def test_a_reload_swaps_the_secret_at_once(shop: Shop) -> None:
    (order,) = shop.life.place(1)
    with Running("run", "-c", shop.config) as daemon:
        url = api_of(daemon)
        assert shop.post(url, FIRST, order.id, "d1") == 202
        assert shop.post(url, SECOND, order.id, "d2") == 401
        shop.written(SECOND, "null")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until('"reloaded"')
        assert shop.post(url, FIRST, order.id, "d3") == 401
        assert shop.post(url, SECOND, order.id, "d4") == 202
        shop.written("null", "null")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until('"reloaded"')
        assert shop.post(url, SECOND, order.id, "d5") == 404
        assert daemon.terminate() == 0
        output = "".join(daemon.lines) + (
            daemon.process.stdout.read() if daemon.process.stdout else ""
        )
        assert FIRST not in output
        assert SECOND not in output


def test_reconcile_prints_what_was_found_by_days_and_exits_by_it(shop: Shop) -> None:
    call("sync", "-c", shop.config)
    shop.life.place(2)
    order = shop.ledger.orders()[0].id
    shop.ledger.purge(order)
    found = call("reconcile", "-c", shop.config)
    assert found.returncode == 0, found.stdout + found.stderr
    assert re.search(r"placed on +in shop +here +missing +changed +gone +repaired", found.stdout)
    assert re.search(r"all +4 +3 +2 +0 +1 +3\n", found.stdout)
    assert f"gone: {order}" in found.stdout
    assert "3 orders differed, 3 were repaired" in found.stdout
    again = call("reconcile", "shop", "-c", shop.config)
    assert (again.returncode, again.stdout.splitlines()[-1]) == (
        0, "shop: shop and store agree on 4 orders",
    )  # fmt: skip
    assert stored(shop.file) == 5


def test_an_invoiced_order_that_was_purged_keeps_its_documents_and_is_flagged(shop: Shop) -> None:
    (order,) = [each for each in shop.life.place(9) if each.paid_at][:1]
    call("sync", "-c", shop.config)
    before = documents_of(shop.file, order.id)
    assert [kind for kind, _ in before[1]] == ["invoice"]
    assert before[0] == ("invoiced", None, None)
    shop.ledger.purge(order.id)
    assert "1 orders differed, 1 were repaired" in call("reconcile", "-c", shop.config).stdout
    call("sync", "-c", shop.config)
    (status, deleted_by, error), documents = documents_of(shop.file, order.id)
    assert (status, deleted_by) == ("invoiced", "shop")
    assert error is not None
    assert error.startswith("order_gone: ")
    assert documents == before[1]


def documents_of(file: Path, order_id: int) -> tuple[tuple[str, Any, Any], list[tuple[str, str]]]:
    """Status, who deleted it, error; and its documents."""
    with sqlite3.connect(file) as conn:
        found = "SELECT id, status, deleted_by, error FROM orders WHERE source_id = ?"
        row = conn.execute(found, (str(order_id),)).fetchone()
        issued = "SELECT kind, number FROM documents WHERE order_id = ? ORDER BY id"
        return row[1:], conn.execute(issued, row[:1]).fetchall()


def test_a_reconcile_of_a_shop_that_fails_is_exit_code_1_and_of_one_that_refuses_3(
    shop: Shop,
) -> None:
    call("sync", "-c", shop.config)
    shop.face.keys.may = "nothing"
    refused = call("reconcile", "-c", shop.config)
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "failed" in refused.stdout
    shop.face.keys.may = "everything"
    shop.server.close()
    down = call("reconcile", "-c", shop.config)
    assert (down.returncode, "failed" in down.stdout) == (1, True)


def test_beside_a_daemon_on_one_file_it_names_the_admin_action(shop: Shop) -> None:
    with Running("run", "-c", shop.config) as daemon:
        api_of(daemon)
        refused = call("reconcile", "-c", shop.config)
        assert refused.returncode == 1
        assert "/reconcile" in refused.stderr
