"""A dry run says what a pass would store and issue, and writes nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from commands.conftest import Shop
from conftest import NOON
from ordermill.commands.rehearse import rehearse, unnumbered
from ordermill.commands.sync import sync_once
from ordermill.store.database import Database
from ordermill.store.tables import metadata

EAGER = ("auto_process: true", "auto_process_on: created")
Capture = pytest.CaptureFixture[str]


def everything(database: Database) -> dict[str, list[Any]]:
    """Every row of every table."""
    with database.snapshot() as conn:
        return {
            name: [tuple(row) for row in conn.execute(select(table))]
            for name, table in metadata.tables.items()
        }


def dry(config: Path, capsys: Capture) -> list[str]:
    capsys.readouterr()
    assert rehearse(config, []) == 0
    return capsys.readouterr().out.splitlines()


def test_before_the_first_start_nothing_is_made_and_all_is_said(
    shop: Shop, tmp_path: Path, capsys: Capture
) -> None:
    config = shop.config(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", *EAGER)
    *lines, summary = dry(config, capsys)
    assert len(lines) == 12
    assert all(line.startswith("shop/") and " created: " in line for line in lines)
    issued = [line for line in lines if re.search(r"invoice INV-\d{4}-\?{5} of [0-9.]+ EUR", line)]
    assert issued
    assert re.search(r"^12 created; it would issue .*\d+ invoices of [0-9.]+ EUR", summary)
    assert summary.endswith("Nothing was written")
    assert not (tmp_path / "a.db").exists()


def test_beside_a_store_nothing_is_written(
    shop: Shop, tmp_path: Path, database: Database, database_url: str, capsys: Capture
) -> None:
    config = shop.config(tmp_path, database_url)
    assert sync_once(config, []) == 0
    shop.life.place(1)
    before = everything(database)
    config = shop.config(tmp_path, database_url, *EAGER)
    lines = dry(config, capsys)
    assert everything(database) == before
    assert len([line for line in lines if " created: " in line]) == 1
    assert len([line for line in lines if line.endswith(" unchanged")]) == 12
    assert "invoice INV-" in "\n".join(lines)


def test_what_is_due_already_is_said_though_the_shop_says_nothing_of_it(
    shop: Shop, tmp_path: Path, database: Database, database_url: str, capsys: Capture
) -> None:
    config = shop.config(tmp_path, database_url)
    assert sync_once(config, []) == 0
    for order in shop.ledger.orders():
        shop.ledger.purge(order.id)
    *lines, summary = dry(shop.config(tmp_path, database_url, *EAGER), capsys)
    assert len(lines) == 12
    assert all(line.startswith("shop/") and " due: " in line for line in lines)
    assert summary.startswith("nothing new; it would issue")


def test_what_is_due_already_is_said_though_the_shop_says_it_is_unchanged(
    shop: Shop, tmp_path: Path, database_url: str, capsys: Capture
) -> None:
    assert sync_once(shop.config(tmp_path, database_url), []) == 0
    config = shop.config(tmp_path, database_url, *EAGER)
    *lines, summary = dry(config, capsys)
    assert len([line for line in lines if line.endswith(" unchanged")]) == 12
    assert len([line for line in lines if " due: " in line]) == 12
    invoices = re.search(r"issue .*?(\d+) invoices", summary)
    assert invoices is not None
    assert sync_once(config, []) == 0
    assert f" {invoices[1]} invoice" in capsys.readouterr().out


def test_refused_credentials_are_exit_code_3(
    shop: Shop, tmp_path: Path, database_url: str, capsys: Capture
) -> None:
    config = shop.config(tmp_path, database_url)
    config.write_text(config.read_text().replace(shop.face.consumer_secret, "cs_canary_secret"))
    assert rehearse(config, []) == 3
    assert "canary" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("format_", "shown"),
    [("INV-{year}-{number:05d}", "INV-2026-?????"), ("{number}", "?"), ("A{number:3d}/", "A???/")],
)
def test_a_number_that_is_not_given_away_has_question_marks(format_: str, shown: str) -> None:
    assert unnumbered(format_, NOON) == shown
