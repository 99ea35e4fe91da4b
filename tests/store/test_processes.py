"""Who is alive, and who bears how much."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ordermill.store import processes, retention
from ordermill.store.processes import Burden
from ordermill.store.tables import processes as table
from shops import TTL, Stored, an_integration

DAYS = timedelta(days=2)


def alive(store: Stored, owner: str) -> Burden:
    with store.database.write() as conn:
        return processes.alive(conn, owner, TTL, now=store.clock())


@pytest.mark.parametrize(
    ("mine", "everybodys", "how_many", "beyond"),
    [(0, 0, 1, 0), (8, 8, 1, 0), (8, 8, 2, 4), (5, 9, 2, 0), (4, 9, 2, 0), (3, 4, 3, 1)],
)
def test_more_than_an_equal_share_is_beyond_it(
    mine: int, everybodys: int, how_many: int, beyond: int
) -> None:
    assert Burden(mine, everybodys, how_many).beyond == beyond


def test_each_learns_how_much_it_bears_and_beside_how_many(store: Stored) -> None:
    store.configure(*(an_integration(f"shop{n}") for n in range(3)))
    assert alive(store, "one") == Burden(0, 0, 1)
    store.claim("shop0", "shop1", owner="one")
    store.claim("shop2", owner="two")
    assert alive(store, "two") == Burden(1, 3, 2)
    assert alive(store, "one") == Burden(2, 3, 2)


def test_who_has_ended_or_was_not_heard_of_is_not_counted(store: Stored) -> None:
    alive(store, "one")
    alive(store, "two")
    with store.database.write() as conn:
        processes.gone(conn, "two")
    assert alive(store, "one").processes == 1
    with store.database.write() as conn:
        conn.execute(table.insert().values(owner="dead", seen_at=store.clock() - DAYS))
    assert alive(store, "one").processes == 1


def test_those_that_died_are_forgotten(store: Stored) -> None:
    alive(store, "one")
    with store.database.write() as conn:
        conn.execute(table.insert().values(owner="dead", seen_at=store.clock() - DAYS))
        retention.forget(conn, now=store.clock(), raw_for=DAYS)
        left = conn.execute(table.select()).all()
    assert [row.owner for row in left] == ["one"]
