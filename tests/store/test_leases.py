"""Who reads which shop: what is due is claimed once, and a zombie writes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from ordermill.errors import LeaseLost, StoreBusy
from ordermill.model.integration import Sweep
from ordermill.store import hints, integrations, leases, requests, runs
from ordermill.store.database import Database
from ordermill.store.leases import Claim
from ordermill.store.tables import integration_state
from shops import ENDED, TTL, Stored, an_integration

MINUTE = timedelta(minutes=1)


def fence(store: Stored, claim: Claim) -> None:
    with store.database.write() as conn:
        leases.fence(conn, claim, store.clock())


def pause(store: Stored, by: str, until: timedelta | None = None) -> None:
    with store.database.write() as conn:
        end = None if until is None else store.clock() + until
        integrations.pause(conn, "woo", reason="why", by=by, now=store.clock(), until=end)


def ask(store: Stored) -> None:
    with store.database.write() as conn:
        requests.request_sync(conn, "woo", now=store.clock())


def test_an_integration_is_claimed_once(store: Stored) -> None:
    claim = store.claimed(owner="one")
    assert store.claim("woo", owner="two") == []
    store.release(claim)
    (again,) = store.claim("woo", owner="two")
    assert (again.token, again.taken_over) == (claim.token + 1, False)


def test_only_the_named_are_claimed_and_no_more_than_the_limit(store: Stored) -> None:
    store.configure(*(an_integration(f"shop{n}") for n in range(5)))
    assert {one.handle for one in store.claim("shop1", "shop2")} == {"shop1", "shop2"}
    assert len(store.claim(*(f"shop{n}" for n in range(5)), limit=2)) == 2
    assert store.claim("unknown") == []


def test_an_expired_lease_is_taken_over_and_its_zombie_writes_nothing(store: Stored) -> None:
    (zombie,) = store.claim("woo", owner="zombie", ttl=ENDED)
    (heir,) = store.claim("woo", owner="heir")
    assert heir.taken_over
    assert heir.token == zombie.token + 1
    with pytest.raises(LeaseLost, match="woo"):
        fence(store, zombie)
    fence(store, heir)


def test_a_zombies_transaction_is_rolled_back(store: Stored) -> None:
    (zombie,) = store.claim("woo", owner="zombie", ttl=ENDED)
    store.claim("woo", owner="heir")

    def write() -> None:
        with store.database.write() as conn:
            integrations.move_bookmark(conn, zombie, store.clock())
            leases.fence(conn, zombie, store.clock())

    with pytest.raises(LeaseLost):
        write()
    assert store.state(zombie).bookmark is None


def test_a_lease_that_ended_is_lost_even_when_nobody_took_it(store: Stored) -> None:
    (late,) = store.claim("woo", ttl=ENDED)
    with pytest.raises(LeaseLost):
        fence(store, late)
    with store.database.write() as conn:
        assert leases.renew(conn, "one", TTL, [late.integration_id], now=store.clock()) == set()


def test_the_same_owner_with_an_older_token_is_a_zombie_too(store: Stored) -> None:
    (older,) = store.claim("woo", ttl=ENDED)
    (newer,) = store.claim("woo")
    assert not newer.taken_over
    with pytest.raises(LeaseLost):
        fence(store, older)


def test_a_zombie_cannot_release_the_lease_of_its_heir(store: Stored) -> None:
    (zombie,) = store.claim("woo", owner="zombie", ttl=ENDED)
    heir = store.claimed(owner="heir")
    store.release(zombie)
    fence(store, heir)


def test_renewing_extends_what_is_held_and_names_it(store: Stored) -> None:
    store.configure(an_integration(), an_integration("two"))
    mine, other = store.claimed("woo", "one"), store.claimed("two", "other")
    both = [mine.integration_id, other.integration_id]
    with store.database.write() as conn:
        renewed = leases.renew(conn, "one", timedelta(hours=1), both, now=store.clock())
    assert renewed == {mine.integration_id}
    store.clock.advance(60)  # type: ignore[attr-defined]
    fence(store, mine)
    if store.database.dialect == "sqlite":  # PostgreSQL goes by its own clock
        with pytest.raises(LeaseLost):
            fence(store, other)


def test_nobody_touches_the_lease_while_a_fenced_transaction_is_open(
    store: Stored, database_url: str
) -> None:
    if store.database.dialect == "sqlite":
        return  # no second writer can even begin
    claim = store.claimed()
    other = Database.open(database_url)
    touch = select(integration_state.c.lease_owner).with_for_update(nowait=True)
    with store.database.write() as conn:
        leases.fence(conn, claim, store.clock())
        with pytest.raises(StoreBusy), other.write() as conn2:
            conn2.execute(touch)
    with other.write() as conn2:
        assert conn2.execute(touch).scalars().all() == ["one"]
    other.close()


def test_many_claimants_at_once_never_share_an_integration(store: Stored) -> None:
    handles = [f"shop{n}" for n in range(12)]
    store.configure(*(an_integration(handle) for handle in handles))
    claims: list[Claim] = []
    start = threading.Barrier(6)

    def work(owner: str) -> None:
        start.wait()
        for _ in range(4):
            claims.extend(store.claim(*handles, owner=owner, limit=2))

    threads = [threading.Thread(target=work, args=(f"owner{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claim.handle for claim in claims) == sorted(handles)


def test_nothing_is_claimed_when_nothing_is_due(store: Stored) -> None:
    store.quiet()
    assert store.claim("woo") == []


def test_a_poll_falls_due(store: Stored) -> None:
    store.quiet()
    store.clock.advance(60)  # type: ignore[attr-defined]
    assert len(store.claim("woo")) == 1


def test_a_sweep_falls_due_only_after_a_complete_poll_and_only_where_it_is_on(
    store: Stored,
) -> None:
    claim = store.claimed()
    with store.database.write() as conn:
        later = store.clock() + timedelta(days=1)
        conn.execute(update(integration_state).values(poll_due_at=later))
    store.release(claim)
    assert store.claim("woo") == []
    with store.database.write() as conn:
        integrations.succeeded(conn, claim, now=store.clock(), due=later, asked=None)
    assert len(store.claim("woo", ttl=ENDED)) == 1
    store.configure(an_integration(sweep=Sweep(every=None)))
    assert store.claim("woo") == []


def test_a_due_hint_and_an_open_backfill_are_work(store: Stored) -> None:
    one = store.quiet()
    with store.database.write() as conn:
        hints.add(conn, one, ["1001"], now=store.clock())
    (claim,) = store.claim("woo")
    with store.database.write() as conn:
        hints.done(conn, one, hints.due(conn, one, now=store.clock(), limit=1))
    store.release(claim)
    assert store.claim("woo") == []
    with store.database.write() as conn:
        run = requests.request_backfill(conn, "woo", store.clock(), None, now=store.clock())
    (claim,) = store.claim("woo")
    with store.database.write() as conn:
        runs.finish(conn, run, "success", now=store.clock())
    store.release(claim)
    assert store.claim("woo") == []


def failing(store: Stored) -> None:
    claim = store.claimed()
    with store.database.write() as conn:
        until = store.clock() + timedelta(minutes=5)
        error = RuntimeError("down")
        integrations.failed(conn, claim, now=store.clock(), error=error, backoff_until=until)
    store.release(claim)


def test_backoff_holds_everything_back_until_it_ends(store: Stored) -> None:
    failing(store)
    store.clock.advance(299)  # type: ignore[attr-defined]
    assert store.claim("woo") == []
    store.clock.advance(1)  # type: ignore[attr-defined]
    assert len(store.claim("woo")) == 1


def test_a_sync_asked_for_overrides_backoff_once(store: Stored) -> None:
    failing(store)
    ask(store)
    failing(store)
    assert store.claim("woo") == []


@pytest.mark.parametrize(("by", "claimed"), [("auth", 1), ("ana", 0)])
def test_a_sync_asked_for_overrides_the_daemons_pause_but_not_a_persons(
    store: Stored, by: str, claimed: int
) -> None:
    pause(store, by)
    assert store.claim("woo") == []
    ask(store)
    assert len(store.claim("woo")) == claimed


def test_a_pause_with_an_end_ends_by_itself(store: Stored) -> None:
    pause(store, "ana", until=MINUTE)
    assert store.claim("woo") == []
    store.clock.advance(60)  # type: ignore[attr-defined]
    (claim,) = store.claim("woo")
    assert claim.state.paused_by is None
    assert store.state(claim).paused_by is None


def test_the_one_asked_for_is_claimed_first(store: Stored) -> None:
    store.configure(an_integration("aaa"), an_integration("bbb"), an_integration("woo"))
    ask(store)
    (claim,) = store.claim("aaa", "bbb", "woo", limit=1)
    assert claim.handle == "woo"


def test_a_tick_with_nothing_due_is_one_query(
    store: Stored, statements: Callable[[], list[str]]
) -> None:
    store.quiet()
    statements()
    assert store.claim("woo") == []
    assert len([one for one in statements() if "SELECT" in one]) == 1


def test_who_does_only_one_kind_of_work_claims_what_has_some_of_it(store: Stored) -> None:
    def claimed(*modes: str) -> int:
        with store.database.write() as conn:
            return len(
                leases.claim(
                    conn, "one", ENDED, ["woo"], now=store.clock(), limit=1, modes={*modes}
                )
            )

    assert claimed("incremental") == 1
    assert claimed("sweep", "backfill", "reconcile") == 0
    ask(store)
    assert claimed("backfill", "reconcile") == 0
    with store.database.write() as conn:
        requests.request_backfill(conn, "woo", store.clock(), None, now=store.clock())
    assert claimed("backfill") == 1
    assert claimed("reconcile") == 0
