"""What no date tells of: found by the sweep, and proven by a reconcile, on both platforms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ordermill.model.integration import Sweep
from ordermill.simulator.drafts import SetQuantity
from ordermill.simulator.ledger import Ledger
from ordermill.store.database import Database
from ordermill.sync.sweep import share, turn
from sync.house import House
from sync.markets import PLATFORMS, Market, differences, moved_in, open_market, settle

WOOCOMMERCE = tuple(platform for platform in PLATFORMS if platform.startswith("woo"))
HOUR = timedelta(hours=1)
HOUR_AND_MORE = 61 * 60
NO_SWEEP = Sweep(every=None, window=timedelta(days=2))

Open = Callable[..., Market]
Change = Callable[[Ledger, int], Any]


@pytest.fixture
def market() -> Iterator[Open]:
    opened: list[Market] = []

    def begin(platform: str, **options: Any) -> Market:
        opened.append(open_market(platform, **options))
        return opened[-1]

    yield begin
    for one in opened:
        if one.house is not None:
            one.house.engine.stop(timedelta(seconds=30))
        one.close()


def edited(ledger: Ledger, order_id: int) -> None:
    order = ledger.order(order_id)
    assert order is not None
    ledger.edit(order_id, SetQuantity(order.lines[0].id, Decimal(7)))


def refund_deleted(ledger: Ledger, order_id: int) -> None:
    order = ledger.order(order_id)
    assert order is not None
    ledger.delete_refund(order_id, order.refunds[-1].id)


def readdressed_in_silence(ledger: Ledger, order_id: int) -> None:
    order = ledger.order(order_id)
    assert order is not None
    with ledger.in_silence():
        billing = order.billing
        ledger.readdress(order_id, billing=type(billing)(**_other(billing)))


def _other(billing: Any) -> dict[str, Any]:
    values = {name: getattr(billing, name) for name in billing.__dataclass_fields__}
    return values | {"company": "Tiho d.o.o."}


def set_back(ledger: Ledger, order_id: int) -> None:
    """As an import plug-in does: another content, and an older date than before."""
    edited(ledger, order_id)
    ledger.set_modified(order_id, ledger.now() - timedelta(days=2))


CHANGES: list[tuple[str, Change, tuple[str, ...]]] = [
    ("items edited", edited, PLATFORMS),
    ("refund deleted", refund_deleted, WOOCOMMERCE),
    ("trashed", Ledger.trash, WOOCOMMERCE),
    ("purged", Ledger.purge, PLATFORMS),
    ("dates set back", set_back, PLATFORMS),
    ("an address in silence", readdressed_in_silence, ("shopify", "woo-posts", "woo-7.9")),
]
CASES = [
    pytest.param(platform, change, id=f"{platform}: {name}")
    for name, change, platforms in CHANGES
    for platform in platforms
]


def lived_in(shop: Market, database: Database, **options: Any) -> House:
    """A process that has read a shop, and rests: its polls overlap only the last of 13 orders."""
    shop.life.place(12)
    refunded = shop.ledger.orders()[3].id
    shop.ledger.pay(refunded)
    shop.ledger.refund(refunded, amount=Decimal(1))
    shop.sleep(900)
    shop.life.place(1)
    house = moved_in(shop, database, **options)
    settle(shop, house, times=1)
    assert differences(shop, house) == []
    return house


@pytest.mark.parametrize(("platform", "change"), CASES)
def test_the_sweep_finds_it(
    market: Open, database: Database, platform: str, change: Change
) -> None:
    shop = market(platform)
    house = lived_in(shop, database)
    change(shop.ledger, shop.ledger.orders()[3].id)
    assert differences(shop, house) != []
    shop.sleep(HOUR_AND_MORE)
    house.work()
    assert differences(shop, house) == []


@pytest.mark.parametrize(("platform", "change"), CASES)
def test_a_reconcile_finds_it_by_its_day_without_any_sweep(
    market: Open, database: Database, platform: str, change: Change
) -> None:
    shop = market(platform)
    house = lived_in(shop, database, sweep=NO_SWEEP)
    order = shop.ledger.orders()[3].id
    change(shop.ledger, order)
    shop.sleep(120)
    house.work()
    missed = differences(shop, house)
    proof = house.reconcile()
    assert differences(shop, house) == []
    assert proof.agrees
    found = [(day.day, day.found, day.repaired, list(day.named)) for day in proof.days if day.found]
    assert found == ([("2026-11-24", 1, 1, [str(order)])] if missed else [])
    assert house.reconcile().sum.found == 0


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_order_that_no_index_showed_in_time_is_found(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform)
    house = lived_in(shop, database)
    shop.ledger.lag = timedelta(seconds=1200)
    shop.life.place(2)
    shop.ledger.lag = timedelta(0)
    shop.sleep(800)
    shop.life.place(1)
    house.work()
    shop.sleep(500)
    house.work()
    assert len(differences(shop, house)) == 2
    shop.sleep(HOUR_AND_MORE)
    house.work()
    assert differences(shop, house) == []


@pytest.mark.parametrize("platform", WOOCOMMERCE)
def test_an_order_that_was_imported_with_old_dates_is_found_within_the_window(
    market: Open, database: Database, platform: str
) -> None:
    shop = market(platform)
    house = lived_in(shop, database)
    (order,) = shop.life.place(1)
    shop.ledger.set_modified(order.id, shop.clock.now() - timedelta(days=20))
    (older,) = shop.life.place(1)
    shop.ledger.set_modified(older.id, shop.clock.now() - timedelta(days=300))
    shop.sleep(120)
    house.work()
    assert len(differences(shop, house)) == 2
    shop.sleep(HOUR_AND_MORE)
    house.work()
    assert differences(shop, house) == []


def test_orders_of_more_than_60_days_are_not_deleted_where_the_scope_is_missing(
    market: Open, database: Database
) -> None:
    """Without read_all_orders they come null by id, as deleted ones do."""
    shop = market("shopify")
    granted = shop.server.face.app.scopes  # type: ignore[attr-defined]
    old = [shop.life.place(1)[0].id for _ in range(3)]
    house = lived_in(shop, database, sweep=Sweep(every=HOUR, window=timedelta(days=65)))
    shop.clock.advance(timedelta(days=61).total_seconds())
    young = shop.life.place(2)[-1]
    house.work()
    shop.server.face.app.scopes = granted - {"read_all_orders"}  # type: ignore[attr-defined]
    shop.ledger.purge(young.id)
    before = set(house.ids())
    settle(shop, house)
    assert before - set(house.ids()) == {str(young.id)}
    proof = house.reconcile()
    assert {str(each) for each in old} <= set(house.ids())
    assert proof.sum.gone == 0
    assert proof.sum.hidden == len(house.ids()) - 1
    assert proof.agrees


def test_contents_are_compared_in_turns_and_each_comes_again() -> None:
    ids = [str(n) for n in range(7)]
    seen: list[str] = []
    after = None
    for _ in range(7):
        taken = turn(ids, after, 3)
        assert len(taken) == 3
        seen += taken
        after = taken[-1]
    assert seen == [ids[n % 7] for n in range(21)]
    assert turn(ids, None, 99) == ids
    assert turn(ids, "3", 99) == ["4", "5", "6", "0", "1", "2", "3"]
    assert turn(["5"], "7", 3) == ["5"]
    assert turn([], "7", 3) == []


def test_the_share_of_contents_follows_the_time_between_two_sweeps() -> None:
    assert share(HOUR) == 2520
    assert share(timedelta(seconds=10)) == 100


def test_a_shop_with_more_orders_than_the_share_is_compared_over_several_sweeps(
    market: Open, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = market("shopify")
    house = lived_in(shop, database)
    monkeypatch.setattr("ordermill.sync.sweep.BATCH", 4)
    monkeypatch.setattr("ordermill.sync.sweep.CONTENTS_PER_SECOND", 0.0)
    for order in shop.ledger.orders()[:12]:
        readdressed_in_silence(shop.ledger, order.id)
    left = []
    for _ in range(3):
        shop.sleep(HOUR_AND_MORE)
        house.work()
        left.append(len(differences(shop, house)))
    assert left == [8, 4, 0]
