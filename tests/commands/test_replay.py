"""The command over payloads of a real connector; what a replay stores is tests/test_replay.py."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from commands.conftest import Shop
from ordermill.commands.replay import replay_orders
from ordermill.commands.sync import sync_once
from ordermill.errors import NotFound, StoreLocked
from ordermill.store.database import Database
from ordermill.store.tables import raw_versions
from program import call, written

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def config(shop: Shop, tmp_path: Path, database_url: str) -> Path:
    """A store that has read the shop."""
    made = shop.config(tmp_path, database_url)
    assert sync_once(made, []) == 0
    return made


def replayed(config: Path, order: str | None = None, since: datetime | None = None) -> int:
    return replay_orders(config, order, failed=False, since=since)


def test_what_is_read_as_before_is_counted_and_no_shop_is_asked(
    shop: Shop, config: Path, capsys: Capture
) -> None:
    asked = len(shop.server.requests)
    capsys.readouterr()
    assert replayed(config) == 0
    assert capsys.readouterr().out == "12 payloads read anew: 12 unchanged\n"
    assert replayed(config, since=datetime(2100, 1, 1)) == 0  # noqa: DTZ001 - as it is typed
    assert capsys.readouterr().out == "nothing to replay\n"
    assert len(shop.server.requests) == asked


def test_one_order_says_what_became_of_it(config: Path, capsys: Capture) -> None:
    capsys.readouterr()
    assert replayed(config, "shop/1001") == 0
    assert capsys.readouterr().out.splitlines()[0] == "shop/1001: unchanged"
    with pytest.raises(NotFound):
        replayed(config, "shop/999999")


def test_what_differs_is_shown_and_what_cannot_be_read_is_exit_code_1(
    config: Path, database: Database, capsys: Capture
) -> None:
    with database.write() as conn:
        conn.execute(update(raw_versions).values(payload="{}"))
    capsys.readouterr()
    assert replayed(config, "shop/1001") == 1
    said = capsys.readouterr().out
    assert said.startswith("shop/1001: cannot be read: ")
    assert said.endswith("1 payloads read anew: 1 rejected\n")


def test_a_shop_that_left_the_file_is_left_out_or_refused_by_name(
    config: Path, tmp_path: Path, database_url: str, capsys: Capture
) -> None:
    folder = tmp_path / "later"
    folder.mkdir()
    without = written(folder, database_url)
    capsys.readouterr()
    assert replayed(without) == 0
    assert "shop: no longer in the file; left out" in capsys.readouterr().out
    with pytest.raises(NotFound, match="no longer in the file"):
        replayed(without, "shop/1001")


def test_beside_a_scheduler_on_the_same_file_it_names_the_admin_action(
    shop: Shop, tmp_path: Path
) -> None:
    config = shop.config(tmp_path, f"sqlite:///{tmp_path / 'a.db'}")
    assert sync_once(config, []) == 0
    database = Database.open(f"sqlite:///{tmp_path / 'a.db'}")
    with database.lock_scheduler(), pytest.raises(StoreLocked, match="/integrations/"):
        replayed(config)
    database.close()


def test_an_order_and_a_choice_of_orders_are_not_given_together(tmp_path: Path) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}")
    both = call("replay", "1001", "--failed", "-c", config)
    assert both.returncode == 2
    assert "one of them" in both.stderr
