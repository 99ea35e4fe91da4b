"""The story of an order, as a person reads it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from billing import Billing
from conftest import Clock
from lives import live
from ordermill.commands.explain import Explained, explain_order
from ordermill.errors import MalformedOrder, NotFound
from ordermill.store import history, integrations, orders, restores
from ordermill.store.database import Database
from ordermill.store.orders import Incoming
from orders import an_order
from program import written


class Ticking:
    """A second for every look at it."""

    def __init__(self) -> None:
        self._clock = Clock()

    def __call__(self) -> datetime:
        return self._clock.advance(1)


@pytest.fixture
def billing(database: Database) -> Billing:
    return Billing(database, Ticking())


def explained(billing: Billing, order_id: str) -> Explained:
    with billing.database.read() as conn:
        return Explained(history.of_order(conn, order_id), billing.clock())


REISSUED = """\
order #3  woo/3  {id}
placed 2026-11-24 10:00:00, buyer Ana Čop
36.60 EUR with 6.60 of tax, paid (stripe); owed 24.40 EUR
times are of UTC

2026-11-24 12:00:02  stored as the shop shows it
2026-11-24 12:00:04  processed: placed
2026-11-24 12:00:04    invoice INV-2026-00002 of 24.40 EUR, dated 2026-11-24, credited
2026-11-24 12:00:04    24.40 EUR paid by card for INV-2026-00002, 2026-11-24
2026-11-24 12:00:05  updated (version 2): items, owed 24.40 -> 36.60, owed_tax 4.40 -> 6.60, \
taxes, total 20.00 -> 30.00, total_tax 4.40 -> 6.60, total_with_tax 24.40 -> 36.60
2026-11-24 12:00:06  items changed: quantity, tax changed
2026-11-24 12:00:06  reissued: quantity, tax changed
2026-11-24 12:00:06    credit note CN-2026-00001 of 24.40 EUR, dated 2026-11-24, \
credits INV-2026-00002, paid
2026-11-24 12:00:06    invoice INV-2026-00003 of 36.60 EUR, dated 2026-11-24, \
replaces INV-2026-00002, paid
2026-11-24 12:00:06    credit of 24.40 EUR from CN-2026-00001 applied to INV-2026-00003
2026-11-24 12:00:07  updated (version 3): owed 36.60 -> 24.40, owed_tax 6.60 -> none, refunds
2026-11-24 12:00:07  refund r1 of 12.20 EUR in the shop
2026-11-24 12:00:08  refunded
2026-11-24 12:00:08    credit note CN-2026-00002 of 12.20 EUR, dated 2026-11-24, \
credits INV-2026-00003, for refund r1, paid
2026-11-24 12:00:08    12.20 EUR given back by card for CN-2026-00002, 2026-11-24, reference r1

now: invoiced
  nothing is to come: what is billed is what the order says"""


def test_everything_that_happened_is_told_in_its_order(billing: Billing) -> None:
    ids = live(billing)
    assert explained(billing, ids[2]).text() == REISSUED.format(id=ids[2])


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (1, "12:00:04    estimate EST-2026-00001 of 24.40 EUR"),
        (1, "now: estimated\n  waits until it is paid"),
        (3, "skipped: test_order: a test order"),
        (4, "gone: purged"),
    ],
)
def test_each_way_of_an_order_is_told(billing: Billing, at: int, words: str) -> None:
    assert words in explained(billing, live(billing)[at]).text()


def test_of_the_buyer_the_name_alone_is_told(billing: Billing) -> None:
    for order_id in live(billing):
        told = explained(billing, order_id)
        assert "ana@example.com" not in told.text() + json.dumps(told.as_json())


def test_the_times_are_those_of_the_entity(database: Database) -> None:
    billing = Billing(database, Ticking())
    billing.configure({"timezone": "Asia/Tokyo"})
    from orders import an_order

    (order_id,) = billing.take_in(an_order())
    told = explained(billing, order_id).text()
    assert "placed 2026-11-24 19:00:00" in told
    assert "times are of Asia/Tokyo" in told


def test_an_order_that_only_a_restore_holds_back_says_so(
    billing: Billing, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live(billing)
    billing.take_in(an_order("8"))
    with billing.database.write() as conn:
        restores.mark(conn, "b.db", held=True, now=billing.clock())
    explain_order(config, "woo/8", as_json=False)
    assert "`ordermill restore --resume`" in capsys.readouterr().out
    explain_order(config, "woo/3", as_json=False)  # nothing is to come for it
    assert "restore" not in capsys.readouterr().out


def reject(billing: Billing, source_id: str) -> None:
    """A state of an order that could not be read."""
    error = MalformedOrder(source_id, "currency is missing")
    with billing.database.write() as conn:
        shop = integrations.stored(conn)["woo"]
        broken = [Incoming(source_id, b"{}", "", error)]
        orders.ingest(conn, shop, broken, now=billing.clock())


def test_a_newer_state_that_could_not_be_read_is_told(billing: Billing) -> None:
    ids = live(billing)
    reject(billing, "1")
    told = explained(billing, ids[0]).text()
    assert "its newest state is missing: it cannot be read (currency is missing), 1 times" in told


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Path:
    return written(tmp_path, database_url)


def test_the_command_prints_text_or_json(
    billing: Billing, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = live(billing)
    explain_order(config, "#3", as_json=False)
    assert capsys.readouterr().out.startswith(f"order #3  woo/3  {ids[2]}\n")
    explain_order(config, "woo/3", as_json=True)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (told["id"], told["order"], told["status"]) == (ids[2], "woo/3", "invoiced")
    assert told["history"][0] == {
        "at": "2026-11-24T12:00:02Z",
        "text": "stored as the shop shows it",
    }
    assert told["outlook"] == ["nothing is to come: what is billed is what the order says"]


def test_the_command_says_why_an_order_is_not_there(
    billing: Billing, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    billing.configure()
    reject(billing, "9")
    explain_order(config, "woo/9", as_json=False)
    assert "woo/9 is not stored: it cannot be read (currency is missing)" in capsys.readouterr().out
    with pytest.raises(NotFound):
        explain_order(config, "woo/10", as_json=False)
