"""One order and one action, as the API asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from billing import Billing, invoice
from ordermill.errors import NotFound, WrongState
from ordermill.invoicing import desk
from ordermill.model.case import Case, Desk, Plan
from ordermill.store import cases
from ordermill.store.database import Database
from ordermill.store.tables import documents
from orders import an_order


def act(
    billing: Billing, order_id: str, entity_id: str | None = None, action: Any = invoice
) -> Plan:
    entity = entity_id or billing.load(order_id)[0].entity_id
    with billing.database.write() as conn:
        now, actor = billing.clock(), "backoffice"
        return desk.act(conn, entity, order_id, action, now=now, actor=actor).plan


def test_an_action_is_planned_under_the_lock_and_written(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    plan = act(billing, order_id)
    (row,) = billing.rows(documents)
    assert row.id == plan.documents[0].id
    assert billing.case(order_id).status == "invoiced"


def test_an_order_of_another_tenant_is_none(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    for entity_id, wanted in (("ent_other", order_id), ("ent_other", "ord_none")):
        with pytest.raises(NotFound) as refused:
            act(billing, wanted, entity_id)
        assert str(refused.value) == f"no order {wanted}"


def test_a_deleted_order_is_none(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    billing.take_in(an_order(second=1, deleted=True))
    with pytest.raises(NotFound):
        act(billing, order_id)


def test_what_the_action_refuses_leaves_nothing_behind(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    before = billing.load(order_id)

    def refuses(case: Case, desk: Desk) -> Plan:
        raise WrongState("order_cancelled", "cancelled")

    with pytest.raises(WrongState, match="cancelled"):
        act(billing, order_id, action=refuses)
    assert billing.load(order_id) == before


def test_an_order_that_another_transaction_holds_is_said_to_be_locked(
    postgresql_url: Callable[[], str], clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has one writer at a time, who is waited for."""
    monkeypatch.setattr(desk, "PATIENCE", timedelta(milliseconds=20))
    database = Database.open(postgresql_url())
    billing = Billing(database, clock)
    billing.configure()
    (order_id,) = billing.take_in(an_order())
    with database.write() as conn:
        cases.load(conn, [order_id])
        with pytest.raises(WrongState) as refused:
            act(billing, order_id)
    assert refused.value.code == "order_locked"
    assert refused.value.details == {"id": order_id}
    act(billing, order_id)
    assert len(billing.rows(documents)) == 1
    database.close()
