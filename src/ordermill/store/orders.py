"""Orders: what a page says is written by a handful of statements, whatever its size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    Connection,
    RowMapping,
    Select,
    Text,
    bindparam,
    func,
    or_,
    select,
    true,
    update,
)

from ordermill.errors import MalformedOrder
from ordermill.model.erasure import without_buyer
from ordermill.model.order import Order, OrderStatus
from ordermill.store import events, hints, refunds, rejected, tallies
from ordermill.store.bulk import among, among_given, append, upsert
from ordermill.store.classify import (
    KNOWN,
    Change,
    First,
    Known,
    Outcome,
    changes_of,
    first_decision,
    outcome_of,
)
from ordermill.store.events import Event
from ordermill.store.ids import new_id
from ordermill.store.integrations import StoredIntegration, terms_of
from ordermill.store.overrides import over
from ordermill.store.rows import NAMES, OrderRow, order_row, payload_text
from ordermill.store.tables import orders, raw_versions

__all__ = ["Change", "Incoming", "Ingested", "Outcome", "ingest"]

_OWN = (
    "id", "entity_id", "integration_id", "source", "source_id", "content_hash", "version", "mark",
    "status", "error", "decide_at", "source_event_id", "overrides", "deleted_at", "deleted_by",
    "created_at", "updated_at",
)  # fmt: skip
COLUMNS = (*_OWN, *NAMES)  # what a new order is written with
# A status, and a person's delete, are decided elsewhere and outlive every version of the shop.
_UPDATED = (
    "content_hash", "version", "mark", "source_event_id", "overrides", "updated_at", *NAMES,
)  # fmt: skip
_DELETED = tuple(
    (name, f"CASE WHEN orders.deleted_by = 'person' THEN orders.{name} ELSE excluded.{name} END")
    for name in ("deleted_at", "deleted_by", "decide_at")
)
ERASED = "{}"  # the payload of an order whose buyer's data was erased
# More parameters than this in one statement and SQLite refuses it.
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Incoming:
    """One order as it was read: ``payload`` as the shop sent it, ``order`` what it says, ``row``
    its layout where that was made before the transaction, ``event_id`` the webhook's event because
    of which it was read."""

    source_id: str
    payload: bytes
    mark: str
    order: Order | MalformedOrder
    row: OrderRow | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of it. ``before`` and after of amounts and flags are in ``changes``; ``event`` is
    ``order.gone`` or ``order.restored`` where that happened."""

    source_id: str
    outcome: Outcome
    order_id: str | None = None
    order: Order | None = None
    changes: tuple[Change, ...] = ()
    event: str | None = None


@dataclass(slots=True)
class _Entry:
    """One order of the page on its way to the store."""

    incoming: Incoming
    order: Order
    row: OrderRow
    known: Known | None
    outcome: Outcome
    id: str = ""
    changes: tuple[Change, ...] = ()
    overrides: str | None = None
    first: First | None = None

    @property
    def version(self) -> int:
        return 1 if self.known is None else self.known.version + 1

    @property
    def payload(self) -> str:
        """What the shop sent; nothing of an order whose buyer's data was erased."""
        if self.known is not None and self.known.erased_at is not None:
            return ERASED
        return payload_text(self.incoming.payload)


def ingest(
    conn: Connection,
    stored: StoredIntegration,
    incoming: Sequence[Incoming],
    *,
    now: datetime,
    confirmed: bool = False,
    actor: str = events.SHOP,
    reason: str | None = None,
) -> list[Ingested]:
    """Write a page; the answer has one entry for each of ``incoming``, in its order.

    The caller's transaction makes it all or nothing. Idempotent: the same page again is
    *unchanged*. An older version never overwrites a newer one; it is *stale* and becomes a hint,
    for what is read by id (``confirmed``) is written whatever its date. An order that is in the
    page twice counts in its newest version. An order that a person deleted is updated silently and
    stays deleted; one that the shop had trashed, and shows again, is restored. ``actor`` and
    ``reason`` stand in the events of changes. Of an order whose buyer's data was erased nothing of
    that is written again.
    """
    readable, unreadable = _sorted_out(incoming)
    entries = _classified(conn, stored, readable, confirmed=confirmed)
    _write(conn, stored, entries, now, actor, reason)
    _aside(conn, stored, entries, unreadable, now)
    done = {id(entry.incoming): _ingested(entry) for entry in entries}
    broken = {id(one) for one, _ in unreadable}
    return [
        done.get(id(one))
        or Ingested(one.source_id, Outcome.REJECTED if id(one) in broken else Outcome.STALE)
        for one in incoming
    ]


def _sorted_out(
    incoming: Sequence[Incoming],
) -> tuple[dict[str, tuple[Incoming, Order, OrderRow]], list[tuple[Incoming, MalformedOrder]]]:
    """What can be written, the newest version of each order, and what cannot."""
    readable: dict[str, tuple[Incoming, Order, OrderRow]] = {}
    unreadable: list[tuple[Incoming, MalformedOrder]] = []
    for one in incoming:
        if isinstance(one.order, MalformedOrder):
            unreadable.append((one, one.order))
            continue
        try:
            row = one.row or order_row(one.order)
        except MalformedOrder as error:
            unreadable.append((one, error))
            continue
        there = readable.get(one.source_id)
        if there is None or there[1].shop_updated_at <= one.order.shop_updated_at:
            readable[one.source_id] = (one, one.order, row)
    return readable, unreadable


def _classified(
    conn: Connection,
    stored: StoredIntegration,
    readable: Mapping[str, tuple[Incoming, Order, OrderRow]],
    *,
    confirmed: bool,
) -> list[_Entry]:
    known = _known(conn, stored.id, list(readable))
    entries = []
    for source_id, (one, order, row) in readable.items():
        there = known.get(source_id)
        if there is not None and there.erased_at is not None:
            order = without_buyer(order)
            row = order_row(order)
        outcome = outcome_of(there, row, order, confirmed=confirmed)
        entries.append(_Entry(one, order, row, there, outcome, "" if there is None else there.id))
    return entries


def _known(conn: Connection, integration_id: str, source_ids: Sequence[str]) -> dict[str, Known]:
    rows = _by_source_id(conn, ("source_id", *KNOWN), integration_id, source_ids)
    return {row[0]: Known(*row[1:]) for row in rows}


def _by_source_id(
    conn: Connection, names: tuple[str, ...], integration_id: str, source_ids: Sequence[str]
) -> Iterator[Any]:
    """The rows of these orders, each by its unique key."""
    asked = _asked_by_source_id(conn.dialect.name, names)
    for start in range(0, len(source_ids), _MOST):
        some = list(source_ids[start : start + _MOST])
        yield from conn.execute(asked, {"integration": integration_id, "source_ids": some})


@cache
def _asked_by_source_id(dialect: str, names: tuple[str, ...]) -> Select[Any]:
    """Made once, for it is asked with every page, and making it took longer than asking it.

    PostgreSQL is not left a choice: before the table's first ANALYZE it takes an integration for a
    handful of orders and reads all of them.
    """
    columns = [orders.c[name] for name in names]
    mine = orders.c.integration_id == bindparam("integration")
    if dialect == "sqlite":
        return select(*columns).where(mine, among_given(dialect, orders.c.source_id, "source_ids"))
    given = func.unnest(bindparam("source_ids", type_=ARRAY(Text)))
    ids = given.table_valued("source_id", name="ids").render_derived()
    one = select(*columns).where(mine, orders.c.source_id == ids.c.source_id).limit(1).lateral()
    return select(one).select_from(ids.join(one, true()))


def _write(
    conn: Connection,
    stored: StoredIntegration,
    entries: Sequence[_Entry],
    now: datetime,
    actor: str,
    reason: str | None,
) -> None:
    """The order rows, their raw versions, refunds and events."""
    created = [entry for entry in entries if entry.outcome is Outcome.CREATED]
    updated = [entry for entry in entries if entry.outcome is Outcome.UPDATED]
    _begin(conn, stored, created, now)
    _compare(conn, updated)
    append(conn, orders, COLUMNS, [_values(stored, entry, now) for entry in created])
    upsert(
        conn,
        orders,
        COLUMNS,
        [_values(stored, entry, now) for entry in updated],
        key=("integration_id", "source_id"),
        update=_UPDATED,
        expressions=_DELETED,
    )
    written = created + updated
    append(
        conn,
        raw_versions,
        ("order_id", "version", "at", "payload"),
        [(e.id, e.version, now, e.payload) for e in written],
    )
    refunds.write(conn, {e.id: e.order for e in created}, {e.id: e.order for e in updated}, now)
    happened = [event for e in written for event in _events(stored, e, actor, reason)]
    events.record(conn, happened, now)
    tallies.add(conn, _tallied(stored, written))


def _tallied(stored: StoredIntegration, written: Sequence[_Entry]) -> Mapping[tuple[str, str], int]:
    """How many more orders there are, live and deleted."""
    more: Counter[tuple[str, str]] = Counter()
    live, deleted = (stored.entity_id, tallies.ORDERS), (stored.entity_id, tallies.ORDERS_DELETED)
    for entry in written:
        happened = _coming_or_going(entry)
        if entry.known is None:
            more[deleted if happened == events.GONE else live] += 1
        elif happened is not None:
            step = -1 if happened == events.GONE else 1
            more[live] += step
            more[deleted] -= step
    return more


def _begin(
    conn: Connection, stored: StoredIntegration, created: Sequence[_Entry], now: datetime
) -> None:
    """What new orders are stored as."""
    if created:
        terms = terms_of(conn, stored.id)
        for entry in created:
            entry.id = new_id("ord", now)
            entry.first = first_decision(entry.order, terms, now)


def _compare(conn: Connection, updated: Sequence[_Entry]) -> None:
    """Say of each what differs from the stored row, which is locked, for a person may be changing
    it; what they set stays."""
    by_id = {entry.id: entry for entry in updated}
    if not by_id:
        return
    rows = select(orders).where(among(conn, orders.c.id, by_id)).order_by(orders.c.id)
    for before in conn.execute(rows.with_for_update()):
        entry = by_id[before.id]
        assert entry.known is not None
        entry.known = replace(entry.known, deleted_by=before.deleted_by)  # it may be so only now
        entry.row, entry.overrides = over(before, entry.order, entry.row)
        entry.changes = changes_of(before, entry.row)


def _values(stored: StoredIntegration, entry: _Entry, now: datetime) -> tuple[Any, ...]:
    """Of one that is there already the status is not written, and it is looked at now."""
    first = entry.first or First(OrderStatus.PENDING, None, now)
    deleted = entry.order.deleted
    return (
        entry.id, stored.entity_id, stored.id, stored.source, entry.incoming.source_id,
        entry.row.content_hash, entry.version, entry.incoming.mark, str(first.status), first.error,
        first.look_at, entry.incoming.event_id, entry.overrides, now if deleted else None,
        "shop" if deleted else None, now, now, *entry.row.values,
    )  # fmt: skip


def _events(
    stored: StoredIntegration, entry: _Entry, actor: str, reason: str | None
) -> Iterator[Event]:
    if entry.first is not None:
        yield Event(entry.id, events.CREATED, actor=actor, reason=reason)
        status, error = entry.first.status, entry.first.error
        if error is not None:
            yield Event(entry.id, f"order.{status}", actor=events.ORDERMILL, reason=error)
    elif entry.known and entry.known.deleted_by != "person" and entry.changes:
        told = {change.field: [change.before, change.after] for change in entry.changes}
        data = {"version": entry.version, "changes": told}
        yield Event(entry.id, events.UPDATED, actor=actor, reason=reason, data=data)
    happened = _coming_or_going(entry)
    if happened is not None:
        yield Event(entry.id, happened, reason="trashed" if happened == events.GONE else None)


def _coming_or_going(entry: _Entry) -> str | None:
    """Whether this version trashes the order or brings it back."""
    if entry.outcome not in (Outcome.CREATED, Outcome.UPDATED):
        return None
    before = entry.known.deleted_by if entry.known is not None else None
    if entry.order.deleted and before is None:
        return events.GONE
    return events.RESTORED if before == "shop" and not entry.order.deleted else None


def _aside(
    conn: Connection,
    stored: StoredIntegration,
    entries: Sequence[_Entry],
    unreadable: Sequence[tuple[Incoming, MalformedOrder]],
    now: datetime,
) -> None:
    """What is not an order's new version: moved dates, hints for stale ones, and the rejected."""
    _move(conn, [e for e in entries if e.outcome is Outcome.UNCHANGED and _moved(e)])
    stale = [e.incoming.source_id for e in entries if e.outcome is Outcome.STALE]
    if stale:
        hints.add(conn, stored.id, stale, now=now)
    rejected.readable_again(conn, stored.id, [e.incoming.source_id for e in entries])
    rejected.keep(conn, stored.id, _kept(conn, stored, unreadable), now)


def _kept(
    conn: Connection,
    stored: StoredIntegration,
    unreadable: Sequence[tuple[Incoming, MalformedOrder]],
) -> list[tuple[MalformedOrder, bytes]]:
    """What could not be read, with its payload unless its buyer's data was erased."""
    if not unreadable:
        return []
    known = _known(conn, stored.id, [one.source_id for one, _ in unreadable])
    erased = {source_id for source_id, there in known.items() if there.erased_at is not None}
    return [
        (error, ERASED.encode() if one.source_id in erased else one.payload)
        for one, error in unreadable
    ]


def _moved(entry: _Entry) -> bool:
    known = entry.known
    return known is not None and (
        known.mark != entry.incoming.mark or known.shop_updated_at < entry.order.shop_updated_at
    )


def _move(conn: Connection, entries: Sequence[_Entry]) -> None:
    if entries:
        conn.execute(
            update(orders)
            .where(orders.c.id == bindparam("order_id"))
            .values(mark=bindparam("new_mark"), shop_updated_at=bindparam("at")),
            [
                {
                    "order_id": entry.id,
                    "new_mark": entry.incoming.mark,
                    "at": entry.order.shop_updated_at,
                }
                for entry in entries
            ],
        )


def _ingested(entry: _Entry) -> Ingested:
    return Ingested(
        source_id=entry.incoming.source_id,
        outcome=entry.outcome,
        order_id=entry.id or None,
        order=entry.order,
        changes=entry.changes,
        event=_coming_or_going(entry),
    )


def mark_gone(
    conn: Connection,
    stored: StoredIntegration,
    gone: Mapping[str, str],
    *,
    now: datetime,
    events_of: Mapping[str, str | None] | None = None,
) -> list[Ingested]:
    """Mark orders that the shop no longer has, by source id, with the reason (purged, vanished).

    The row and its documents stay. Idempotent; one that is deleted already is left as it is. Its
    mark is emptied, so that it is read again when the shop's index shows it after all.
    ``events_of`` gives the webhooks' events because of which they were asked for.
    """
    known = [row[0] for row in _by_source_id(conn, ("id",), stored.id, list(gone))]
    here = select(orders.c.id, orders.c.source_id).where(
        among(conn, orders.c.id, known), orders.c.deleted_at.is_(None)
    )
    found = [(i, s) for i, s in conn.execute(here.order_by(orders.c.id).with_for_update())]
    if not found:
        return []
    told = events_of or {}
    conn.execute(
        update(orders)
        .where(orders.c.id == bindparam("order_id"))
        .values(
            deleted_at=now,
            deleted_by="shop",
            mark="",
            updated_at=now,
            decide_at=now,
            source_event_id=bindparam("event"),
        ),
        [{"order_id": i, "event": told.get(source_id)} for i, source_id in found],
    )
    happened = [Event(i, events.GONE, reason=gone[source_id]) for i, source_id in found]
    events.record(conn, happened, now)
    n = len(found)
    moved = {tallies.ORDERS: -n, tallies.ORDERS_DELETED: n}
    tallies.add(conn, {(stored.entity_id, name): more for name, more in moved.items()})
    return [Ingested(s, Outcome.UPDATED, order_id, event=events.GONE) for order_id, s in found]


def marks(conn: Connection, integration_id: str, source_ids: Sequence[str]) -> dict[str, str]:
    """The index entries kept of these orders, by source id."""
    rows = _by_source_id(conn, ("source_id", "mark"), integration_id, source_ids)
    return {row[0]: row[1] for row in rows}


def known_in_window(conn: Connection, integration_id: str, since: datetime) -> Iterable[str]:
    """Source ids of the orders that the shop should show as changed at or after ``since``."""
    return conn.scalars(
        select(orders.c.source_id).where(
            orders.c.integration_id == integration_id,
            orders.c.shop_updated_at >= since,
            orders.c.deleted_at.is_(None),
        )
    )


def placed_or_changed(
    conn: Connection, integration_id: str, since: datetime
) -> dict[str, datetime | None]:
    """Orders placed or changed at or after ``since``, by source id, with when they were placed;
    without those that the shop has deleted."""
    query = select(orders.c.source_id, orders.c.ordered_at).where(
        orders.c.integration_id == integration_id,
        or_(orders.c.ordered_at >= since, orders.c.shop_updated_at >= since),
        or_(orders.c.deleted_by.is_(None), orders.c.deleted_by != "shop"),
    )
    return {source_id: at for source_id, at in conn.execute(query)}


def get(conn: Connection, integration_id: str, source_id: str) -> RowMapping | None:
    """The stored row."""
    statement = select(orders).where(
        orders.c.integration_id == integration_id, orders.c.source_id == source_id
    )
    return conn.execute(statement).mappings().one_or_none()


def versions(conn: Connection, order_id: str) -> Sequence[RowMapping]:
    """Its raw versions that are kept, oldest first."""
    statement = select(raw_versions).where(raw_versions.c.order_id == order_id)
    return conn.execute(statement.order_by(raw_versions.c.version)).mappings().all()


def counts(conn: Connection) -> dict[tuple[str, str], int]:
    """How many orders there are, by integration id and status; deleted ones are not counted."""
    columns = (orders.c.integration_id, orders.c.status)
    statement = select(*columns, func.count()).where(orders.c.deleted_at.is_(None))
    return {(i, status): n for i, status, n in conn.execute(statement.group_by(*columns))}
