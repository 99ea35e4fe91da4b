"""The YAML's entities and integrations in the store: ids stay, and doubling is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ordermill.errors import ConfigError, TransientSourceError
from ordermill.model.integration import Integration, Poll, Sweep
from ordermill.store import integrations
from ordermill.store.tables import entities
from ordermill.store.tables import integrations as table
from shops import Stored, an_entity, an_integration


def rows(store: Stored) -> dict[str, Any]:
    with store.database.read() as conn:
        return {row.handle: row for row in conn.execute(select(table))}


def test_the_same_configuration_again_changes_nothing(store: Stored) -> None:
    before = rows(store)
    store.clock.advance(60)  # type: ignore[attr-defined]
    store.configure(an_integration())
    assert rows(store) == before


def test_ids_stay_when_values_change(store: Stored) -> None:
    before = rows(store)["woo"]
    after = store.configure(
        an_integration(name="Another name", shop_key="moved.example:443"),
        entities=[an_entity(name="Acme Ltd", tax_number="SI1")],
    )["woo"]
    assert (after.id, after.entity_id) == (before.id, before.entity_id)
    assert rows(store)["woo"].name == "Another name"
    with store.database.read() as conn:
        assert conn.execute(select(entities.c.name)).scalars().all() == ["Acme Ltd"]


def test_every_entity_has_an_integration_for_manual_orders(store: Stored) -> None:
    found = store.configure(an_integration(), entities=[an_entity(), an_entity("other")])
    manual = {handle: one for handle, one in found.items() if one.source == "manual"}
    assert set(manual) == {"manual-acme", "manual-other"}
    assert manual["manual-acme"].entity_id == found["woo"].entity_id
    assert manual["manual-acme"].import_cutoff is None


def test_what_left_the_file_becomes_inactive_and_comes_back_with_its_id(store: Stored) -> None:
    before = rows(store)["woo"].id
    store.configure()
    assert rows(store)["woo"].is_active is False
    assert store.claim("woo") == []
    store.configure(an_integration())
    assert (rows(store)["woo"].is_active, rows(store)["woo"].id) == (True, before)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (an_integration("renamed", shop_key="woo.example:443"), ("renamed", "woo.example:443")),
        (an_integration(source="shopify"), ("woo", "woocommerce")),
        (an_integration(entity="other"), ("woo", "acme")),
        (an_integration("manual-acme", shop_key="x:1"), ("manual-acme", "manual")),
    ],
    ids=["renamed", "another source", "another entity", "the name of manual orders"],
)
def test_what_would_import_orders_twice_is_refused_and_changes_nothing(
    store: Stored, wanted: Integration, names: tuple[str, ...]
) -> None:
    before = rows(store)
    with pytest.raises(ConfigError) as caught:
        store.configure(
            an_integration("new"),
            wanted,
            entities=[an_entity(name="Changed"), an_entity("other")],
        )
    assert all(name in str(caught.value) for name in names)
    assert rows(store) == before
    with store.database.read() as conn:
        assert conn.execute(select(entities.c.name)).scalars().all() == ["Acme"]


def test_a_shop_stays_taken_after_its_integration_left_the_file(store: Stored) -> None:
    store.configure()
    with pytest.raises(ConfigError, match="keep the handle woo"):
        store.configure(an_integration("renamed", shop_key="woo.example:443"))


def test_one_shop_twice_in_a_file_is_refused(store: Stored) -> None:
    with pytest.raises(ConfigError, match="already stored as integration first"):
        store.configure(
            an_integration(),
            an_integration("first", shop_key="same:1"),
            an_integration("second", shop_key="same:1"),
        )


def test_two_ports_of_one_host_are_two_shops(store: Stored) -> None:
    found = store.configure(
        an_integration(),
        an_integration("first", shop_key="same:1"),
        an_integration("second", shop_key="same:2"),
    )
    assert {"first", "second"} <= set(found)


def test_import_from_is_the_start_of_that_day_where_the_entity_is(store: Stored) -> None:
    found = store.configure(
        an_integration(import_from=date(2026, 7, 1)),
        entities=[an_entity(timezone="Europe/Ljubljana")],
    )
    assert found["woo"].import_cutoff == datetime(2026, 6, 30, 22, tzinfo=UTC)


def test_without_import_from_the_day_of_the_first_run_is_remembered(store: Stored) -> None:
    first = store.configure(an_integration())["woo"].import_cutoff
    store.clock.advance(3 * 86400)  # type: ignore[attr-defined]
    assert store.configure(an_integration())["woo"].import_cutoff == first
    assert first == datetime(2026, 11, 24, tzinfo=UTC)


def test_a_new_integration_is_due_at_once(store: Stored) -> None:
    store.quiet()
    store.configure(an_integration(), an_integration("new"))
    assert [one.handle for one in store.claim("woo", "new")] == ["new"]


def test_a_shorter_interval_counts_from_the_reload(store: Stored) -> None:
    claim = store.claimed()
    store.polled(claim, every=timedelta(hours=6))
    with store.database.write() as conn:
        due = store.clock() + timedelta(days=1)
        integrations.sweep_done(conn, claim, now=store.clock(), due=due)
    store.configure(
        an_integration(poll=Poll(timedelta(seconds=30)), sweep=Sweep(every=timedelta(minutes=5)))
    )
    state = store.state(claim)
    assert state.poll_due_at == store.clock() + timedelta(seconds=30)
    assert state.sweep_due_at == store.clock() + timedelta(minutes=5)


def test_no_wait_after_a_failure_outlasts_a_clock_that_was_ahead(store: Stored) -> None:
    claim = store.claimed()
    with store.database.write() as conn:
        until = store.clock() + timedelta(days=1)
        error = TransientSourceError("no answer", error_class="timeout")
        integrations.failed(conn, claim, now=store.clock(), error=error, backoff_until=until)
    store.configure(an_integration())
    assert store.state(claim).backoff_until == store.clock() + timedelta(minutes=15)


def test_a_new_start_tries_refused_credentials_again_but_leaves_a_persons_pause(
    store: Stored,
) -> None:
    one = an_integration()
    ids = store.configure(one, replace(one, handle="two", shop_key="two:1"))
    with store.database.write() as conn:
        now = store.clock()
        integrations.pause(conn, "woo", reason="401", by="auth", now=now, until=None)
        integrations.pause(conn, "two", reason="stocktaking", by="ana", now=now, until=None)
    store.configure(one, replace(one, handle="two", shop_key="two:1"))
    assert store.state(ids["woo"].id).paused_by is None
    assert store.state(ids["two"].id).paused_by == "ana"
