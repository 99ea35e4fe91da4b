"""Several processes over one database, and the ones that die or sleep."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from ordermill.errors import LeaseLost, StoreUnavailable
from ordermill.store import leases, requests
from ordermill.store.leases import Claim
from ordermill.store.tables import integration_state, sync_runs
from ordermill.sync.engine import RECONCILE_ONLY
from ordermill.sync.lease import TTL, Lease
from orders import AT, an_order
from sync.fakes import FakeShop
from sync.house import LONG, House

Start = Callable[..., House]


def fill(shop: FakeShop, count: int) -> None:
    shop.put(*(an_order(str(n), second=n) for n in range(1, count + 1)))


def test_two_processes_never_read_one_shop_at_once(start: Start, shop: FakeShop) -> None:
    fill(shop, 30)
    one, two = start(shop), start(shop, owner="two")
    inside, most = 0, 0
    guard = threading.Lock()

    def counted(_: str) -> None:
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        with guard:
            inside -= 1

    shop.before = counted
    for _ in range(5):
        one.engine.tick()
        two.engine.tick()
        assert one.engine.join(LONG)
        assert two.engine.join(LONG)
    assert most == 1
    assert len(one.ids()) == 30
    created = [i for h in (one, two) for i in h.heard.ingested if i.outcome == "created"]
    assert len(created) == 30


def claim(house: House) -> Lease:
    with house.database.write() as conn:
        (claimed,) = leases.claim(conn, "zombie", TTL, ["shop"], now=house.clock(), limit=1)
    return Lease(house.database, claimed, house.clock)


def test_a_process_that_slept_longer_than_its_lease_writes_nothing(
    start: Start, shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shop, 5)
    house = start(shop)
    zombie = claim(house)
    with house.database.write() as conn:
        expire(conn)
    house.clock.advance(TTL.total_seconds() + 1)
    house.work()
    assert len(house.ids()) == 5
    assert house.heard.takeovers == ["shop"]
    with pytest.raises(LeaseLost), zombie.write():
        raise AssertionError("the zombie got in")


def expire(conn: object) -> None:
    """End every lease by the database's clock too, which no test can move."""
    from ordermill.store.tables import integration_state

    conn.execute(integration_state.update().values(lease_until=AT - timedelta(days=1)))  # type: ignore[attr-defined]


def test_a_lease_that_is_held_is_not_given_to_another(start: Start, shop: FakeShop) -> None:
    fill(shop, 5)
    house = start(shop)
    claim(house)
    house.work()
    assert house.ids() == []


def test_a_lease_that_was_not_given_back_ends_by_itself_whatever_else_is_held(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten, busy = FakeShop(), FakeShop()
    house, give_back = start(forgotten, busy), leases.release

    def release(conn: Any, claim: Claim, **how: Any) -> None:
        if claim.handle == "shop0":
            raise StoreUnavailable("the database cannot be reached")
        give_back(conn, claim, **how)

    monkeypatch.setattr(leases, "release", release)
    house.work(ticks=1)
    until = lease_until(house, "shop0")
    assert until is not None
    house.clock.advance(1)
    busy.before = lambda _: house.engine.heartbeat()
    house.request_sync("shop1")
    house.work(ticks=1)
    assert lease_until(house, "shop0") == until


def lease_until(house: House, handle: str) -> datetime | None:
    state = integration_state.c
    query = select(state.lease_until).where(state.integration_id == house.stored[handle].id)
    with house.database.read() as conn:
        return conn.execute(query).scalar_one()


def test_a_lost_lease_ends_the_pass_without_a_word_about_the_shop(
    start: Start, shop: FakeShop
) -> None:
    fill(shop, 30)
    house = start(shop)

    def stolen(_: str) -> None:
        if len(shop.requests) == 2:
            with house.database.write() as conn:
                conn.execute(
                    integration_state.update().values(
                        lease_token=integration_state.c.lease_token + 1, lease_owner="thief"
                    )
                )

    shop.before = stolen
    house.work(ticks=1)
    assert house.state().failures == 0
    assert len(house.ids()) <= 20


def test_a_tick_is_enough_for_all_that_is_due(start: Start) -> None:
    """The thread that ends its work claims the next, so no clock limits how much is done."""
    house = start(*(FakeShop() for _ in range(21)))
    house.engine.tick()
    while house.engine.busy():
        assert house.engine.join(LONG)
    polled = {handle for handle, mode, _ in house.heard.pages if mode == "incremental"}
    assert len(polled) == 21


def test_one_after_another_all_are_reconciled_though_their_polls_are_due(start: Start) -> None:
    house = start(*(FakeShop() for _ in range(11)), tasks=RECONCILE_ONLY)
    with house.database.write() as conn:
        for handle in house.fakes:
            requests.request_reconcile(conn, handle, now=house.clock())
    house.work(ticks=8)
    with house.database.read() as conn:
        asked = select(func.count()).where(sync_runs.c.result == "success")
        assert conn.execute(asked).scalar_one() == 11


def test_a_process_that_joins_gets_half_of_the_long_passes(start: Start) -> None:
    shops = [FakeShop() for _ in range(4)]
    one = start(*shops)
    if one.database.dialect == "sqlite":
        return  # one process is alone there
    two = start(*shops, owner="two")
    at_work, go_on = threading.Barrier(len(shops) + 1), threading.Event()

    def in_the_middle(asked: FakeShop) -> Callable[[str], None]:
        def wait(_: str) -> None:
            if len(asked.requests) == 2 and not go_on.is_set():
                at_work.wait(LONG.total_seconds())
                go_on.wait(LONG.total_seconds())

        return wait

    for shop in shops:
        fill(shop, 40)
        shop.before = in_the_middle(shop)
    one.engine.tick()
    at_work.wait(LONG.total_seconds())
    one.engine.heartbeat()
    two.engine.heartbeat()
    one.engine.heartbeat()
    go_on.set()
    assert one.engine.join(LONG)
    one.work()
    complete = [handle for handle in one.fakes if len(one.ids(handle)) == 40]
    assert len(complete) == 2
    two.work()
    assert all(len(one.ids(handle)) == 40 for handle in one.fakes)
    created = [i for h in (one, two) for i in h.heard.ingested if i.outcome == "created"]
    assert len(created) == 160
