"""Brings the entities and integrations of the YAML into the store, or refuses them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, case, insert, select, update

from ordermill.errors import ConfigError
from ordermill.model.integration import LONGEST_BACKOFF, Entity, Integration, manual_handle
from ordermill.model.order import OrderStatus
from ordermill.store import postgres
from ordermill.store.ids import new_id
from ordermill.store.rows import json_text
from ordermill.store.state import AUTH, NOT_PAUSED, moment
from ordermill.store.tables import entities as entities_table
from ordermill.store.tables import integration_state, orders
from ordermill.store.tables import integrations as integrations_table

MANUAL = "manual"


def apply_configuration(
    conn: Connection,
    entities: Sequence[Entity],
    integrations: Sequence[Integration],
    *,
    now: datetime,
) -> None:
    """Make the store say what the YAML says; ids, bookmarks and cutoffs stay. Idempotent.

    Raise ConfigError, with nothing changed, where orders would be imported a second time or under
    another entity. What left the YAML becomes inactive. A pause for refused credentials ends, for
    they may be new; if they are not, the first request pauses it again.
    """
    _lock(conn)
    known = {row.handle: row for row in conn.execute(_KNOWN)}
    wanted = [*integrations, *(_manual(entity) for entity in entities)]
    _refuse(wanted, known.values())
    zones = {entity.handle: ZoneInfo(entity.timezone) for entity in entities}
    entity_ids = _write_entities(conn, entities, now)
    for one in wanted:
        row = known.pop(one.handle, None)
        cutoff = _cutoff(one, row, zones[one.entity], now)
        written = _write_integration(conn, one, row, entity_ids[one.entity], cutoff, now)
        if one.source != MANUAL:
            _write_state(conn, written, one, now)
    conn.execute(
        update(integrations_table)
        .where(integrations_table.c.id.in_([row.id for row in known.values()]))
        .where(integrations_table.c.is_active)
        .values(is_active=False, updated_at=now)
    )


def _lock(conn: Connection) -> None:
    """Configurations are applied one after the other, and rows locked in the renewals' order."""
    if conn.dialect.name == "postgresql":
        postgres.lock(conn, "ordermill configuration")
    state = integration_state.c.integration_id
    conn.execute(select(state).order_by(state).with_for_update())


_KNOWN = select(integrations_table, entities_table.c.handle.label("entity_handle")).join_from(
    integrations_table, entities_table
)


def _manual(entity: Entity) -> Integration:
    """The integration of the orders that are made through the API."""
    return Integration(
        handle=manual_handle(entity.handle),
        entity=entity.handle,
        source=MANUAL,
        name="Manual orders",
        shop_key="",
    )


def _refuse(wanted: Sequence[Integration], known: Iterable[Any]) -> None:
    by_handle: dict[str, tuple[str, str]] = {}
    by_shop: dict[str, str] = {}
    for row in known:
        by_handle[row.handle] = (row.source, row.entity_handle)
        if row.shop_key is not None:
            by_shop[row.shop_key] = row.handle
    for one in wanted:
        same = by_handle.setdefault(one.handle, (one.source, one.entity))
        owner = by_shop.setdefault(one.shop_key, one.handle) if one.shop_key else one.handle
        if same != (one.source, one.entity):
            raise ConfigError(
                f"integrations.{one.handle}: this handle belongs to a {same[0]} integration of "
                f"entity {same[1]}, with its orders; choose another handle"
            )
        if owner != one.handle:
            raise ConfigError(
                f"integrations.{one.handle}: the shop {one.shop_key} is already stored as "
                f"integration {owner}. Under another handle all its orders would be imported and "
                f"invoiced again; keep the handle {owner}"
            )


def _write_entities(conn: Connection, entities: Sequence[Entity], now: datetime) -> dict[str, str]:
    known = {row.handle: row for row in conn.execute(select(entities_table))}
    ids = {}
    for entity in entities:
        values = {
            "name": entity.name,
            "address": json.dumps(dict(entity.address), ensure_ascii=False, sort_keys=True),
            "tax_number": entity.tax_number,
            "currency_code": entity.currency_code,
            "timezone": entity.timezone,
            "payment_due_days": entity.payment_due_days,
            "numbering": json.dumps(asdict(entity.numbering), sort_keys=True),
        }
        row = known.get(entity.handle)
        ids[entity.handle] = _write(conn, entities_table, "ent", entity.handle, row, values, now)
    return ids


def _write_integration(
    conn: Connection,
    one: Integration,
    row: Any,
    entity_id: str,
    cutoff: datetime | None,
    now: datetime,
) -> str:
    values = {
        "entity_id": entity_id,
        "source": one.source,
        "name": one.name,
        "shop_key": one.shop_key or None,
        "is_active": one.is_active,
        "sweeps": one.sweep.every is not None,
        "import_cutoff": cutoff,
        "rules": json_text(one.rules),
    }
    written = _write(conn, integrations_table, "oint", one.handle, row, values, now)
    judged = ("rules", "is_active", "import_cutoff")
    if row is not None and any(getattr(row, name) != values[name] for name in judged):
        _decide_anew(conn, written, now)
    return written


def _decide_anew(conn: Connection, integration_id: str, now: datetime) -> None:
    """Other rules: every order that has no invoice yet is looked at again."""
    conn.execute(
        update(orders)
        .where(
            orders.c.integration_id == integration_id,
            orders.c.status.in_([OrderStatus.PENDING, OrderStatus.ESTIMATED, OrderStatus.SKIPPED,
                                 OrderStatus.FAILED]),
            orders.c.deleted_at.is_(None),
        )
        .values(decide_at=now)
    )  # fmt: skip


def _write(
    conn: Connection,
    table: Table,
    prefix: str,
    handle: str,
    row: Any,
    values: dict[str, Any],
    now: datetime,
) -> str:
    """Insert or update one row where it differs; its id."""
    if row is None:
        made = new_id(prefix, now)
        times = {"created_at": now, "updated_at": now}
        conn.execute(insert(table).values(id=made, handle=handle, **values, **times))
        return made
    if any(getattr(row, name) != value for name, value in values.items()):
        conn.execute(update(table).where(table.c.id == row.id).values(**values, updated_at=now))
    found: str = row.id
    return found


def _write_state(conn: Connection, integration_id: str, one: Integration, now: datetime) -> None:
    """A new integration is due at once; a shorter interval counts from now."""
    state = integration_state.c
    mine = state.integration_id == integration_id
    if conn.execute(select(state.integration_id).where(mine)).first() is None:
        conn.execute(
            insert(integration_state).values(integration_id=integration_id, poll_due_at=now)
        )
        return
    by_us = state.paused_by == AUTH
    values: dict[str, Any] = {name: case((by_us, None), else_=state[name]) for name in NOT_PAUSED}
    # One that was reckoned by a clock that was ahead would last as long as that was wrong.
    longest = _sooner(state.backoff_until, now + LONGEST_BACKOFF)
    values["backoff_until"] = case((by_us, None), else_=longest)
    values["poll_due_at"] = _sooner(state.poll_due_at, now + one.poll.every)
    if one.sweep.every is not None:
        values["sweep_due_at"] = _sooner(state.sweep_due_at, now + one.sweep.every)
    conn.execute(update(integration_state).where(mine).values(**values))


def _sooner(column: Any, at: datetime) -> Any:
    return case((column > at, moment(at)), else_=column)


def _cutoff(one: Integration, row: Any, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The start of ``import_from`` in the entity's zone; without one the day of the first run."""
    if one.source == MANUAL:
        return None
    if one.import_from is not None:
        return _start_of(one.import_from, zone)
    if row is not None and row.import_cutoff is not None:
        remembered: datetime = row.import_cutoff
        return remembered
    return _start_of(now.astimezone(zone).date(), zone)


def _start_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
