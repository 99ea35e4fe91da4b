"""What one order that was read means for the one that is stored. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from ordermill.model.case import Case
from ordermill.model.codes import Skip
from ordermill.model.integration import Entity, Rules
from ordermill.model.order import Order, OrderStatus
from ordermill.model.rules import Verdict, decide
from ordermill.store.rows import NAMES, NOT_CONTENT, OrderRow

# Columns whose values may be told (in events, in the demo); of the others only the name is.
TOLD = frozenset({
    "currency_code", "total", "total_tax", "total_with_tax", "total_discount", "total_shipping",
    "owed", "owed_tax", "payment_status", "paid", "fulfilled", "cancelled", "refunded", "complete",
})  # fmt: skip


class Outcome(StrEnum):
    """What ingest did with one order of a page."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    STALE = "stale"  # older than what is stored; not written, a hint asks for a second read
    REJECTED = "rejected"  # could not be read; kept raw


@dataclass(frozen=True, slots=True)
class Known:
    """What ingest must know of the stored order. ``deleted_by``: shop, person or None."""

    id: str
    version: int
    content_hash: str
    shop_updated_at: datetime
    mark: str
    deleted_by: str | None
    erased_at: datetime | None = None


KNOWN = tuple(field.name for field in fields(Known))


@dataclass(frozen=True, slots=True)
class Change:
    """A column that differs; the values are None where they are not to be told."""

    field: str
    before: Any = None
    after: Any = None


def outcome_of(known: Known | None, row: OrderRow, order: Order, *, confirmed: bool) -> Outcome:
    """Decide by content, never by a timestamp alone.

    WooCommerce moves ``date_modified`` without a change, and item edits on posts storage change
    contents without moving it (both measured), so the hash decides. A page cache may answer an
    older version: what is older and different is stale, unless it was read by id (``confirmed``).
    """
    if known is None:
        return Outcome.CREATED
    if known.content_hash == row.content_hash:
        back = known.deleted_by == "shop" and not order.deleted
        return Outcome.UPDATED if back or _trashed_now(known, order) else Outcome.UNCHANGED
    if order.shop_updated_at < known.shop_updated_at and not confirmed:
        return Outcome.STALE
    return Outcome.UPDATED


def _trashed_now(known: Known, order: Order) -> bool:
    return order.deleted and known.deleted_by is None


def changes_of(before: Any, row: OrderRow) -> tuple[Change, ...]:
    """The content columns that differ from the stored row ``before``."""
    return tuple(
        Change(name, getattr(before, name), value) if name in TOLD else Change(name)
        for name, value in zip(NAMES, row.values, strict=True)
        if name not in NOT_CONTENT and getattr(before, name) != value
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """By what the orders of an integration are judged. Those placed before ``import_cutoff`` are
    skipped."""

    source: str
    entity: Entity
    rules: Rules
    import_cutoff: datetime | None


@dataclass(frozen=True, slots=True)
class First:
    """What a new order is stored as, and when it is looked at; None for not before it changes."""

    status: OrderStatus
    error: str | None
    look_at: datetime | None


def first_decision(order: Order, terms: Terms, now: datetime) -> First:
    """One placed before ``import_from`` is skipped. One that waits for its shop or for a person is
    not looked at before it changes: of a shop's whole history that is most orders."""
    case = Case(
        id="", source=terms.source, entity=terms.entity, rules=terms.rules, order=order,
        created_at=now, import_cutoff=terms.import_cutoff,
    )  # fmt: skip
    try:
        decision = decide(case, now, edited=False)
    except Exception:  # noqa: BLE001 - then it breaks again where it costs this order alone
        return First(OrderStatus.PENDING, None, now)
    if decision.code == Skip.BEFORE_IMPORT_FROM:
        return First(OrderStatus.SKIPPED, decision.error, None)
    waits = decision.verdict is Verdict.WAIT and decision.at is None
    return First(OrderStatus.PENDING, None, None if waits or order.deleted else now)
