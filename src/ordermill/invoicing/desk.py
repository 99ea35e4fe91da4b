"""One order, one action, in the caller's transaction: what the API does when it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from ordermill.errors import NotFound, StoreBusy, WrongState
from ordermill.invoicing.done import Done, done_of
from ordermill.model.case import Case, Desk, Plan
from ordermill.model.codes import Refusal
from ordermill.store import cases, plans
from ordermill.store.ids import new_id
from ordermill.store.plans import Planned

Action = Callable[[Case, Desk], Plan]

PATIENCE = timedelta(seconds=5)  # for another transaction that holds the order


@dataclass(frozen=True, slots=True)
class Acted:
    """What was planned and written, and what it came to: told once the caller has committed."""

    plan: Plan
    done: Done


def act(
    conn: Connection,
    entity_id: str,
    order_id: str,
    action: Action,
    *,
    now: datetime,
    actor: str,
) -> Acted:
    """Lock the order, let ``action`` plan, and write the plan; the caller commits.

    Raise NotFound if there is none, it is deleted or another tenant's, WrongState while another
    transaction holds it, and what the action raises. A plan with a ``refusal`` is written, too: the
    caller commits and answers with it.
    """
    loaded = _taken(conn, order_id)
    if loaded is None or loaded.entity_id != entity_id or loaded.case.deleted_by is not None:
        raise NotFound(f"no order {order_id}")
    plan = action(loaded.case, desk_of(now, actor))
    numbers = plans.write(conn, [Planned(loaded, plan)], now=now, actor=actor)
    return Acted(plan, done_of(loaded.handle, loaded.case, plan, numbers))


def desk_of(now: datetime, actor: str) -> Desk:
    """Where plans are made."""
    return Desk(now=now, actor=actor, new_id=partial(_new_id, now))


def _new_id(now: datetime, prefix: str) -> str:
    return new_id(prefix, now)


def _taken(conn: Connection, order_id: str) -> cases.Loaded | None:
    try:
        return cases.load_soon(conn, order_id, PATIENCE)
    except StoreBusy:
        raise WrongState(
            Refusal.ORDER_LOCKED, "another process is working on this order", id=order_id
        ) from None
