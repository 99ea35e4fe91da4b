"""Where the reading of one integration stands: bookmark, due times, failures, pause."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, literal, or_
from sqlalchemy.engine import Row

from ordermill.store.tables import integration_state
from ordermill.store.types import EPOCH, Moment

AUTH = "auth"  # the pause that the daemon makes itself, when a shop refuses the credentials


@dataclass(frozen=True, slots=True)
class IntegrationState:
    """All times are UTC. ``bookmark`` is the newest change that is certainly stored, by the shop's
    clock; ``caught_up``: a poll has reached the end once; ``failures`` in a row; ``paused_by`` is
    ``auth`` or a person's name, and ``paused_until`` None means until somebody resumes;
    ``contents_after`` is the order after which the next sweep goes on comparing contents;
    ``shortfall``: by how many orders the last reconcile came short of what the shop says it has."""

    bookmark: datetime | None = None
    caught_up: bool = False
    poll_due_at: datetime = EPOCH
    sweep_due_at: datetime | None = None
    sync_requested_at: datetime | None = None
    failures: int = 0
    backoff_until: datetime | None = None
    last_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    last_error: str | None = None
    last_error_class: str | None = None
    paused_by: str | None = None
    paused_reason: str | None = None
    paused_since: datetime | None = None
    paused_until: datetime | None = None
    contents_after: str | None = None
    shortfall: int = 0

    def paused(self, now: datetime) -> bool:
        """Whether it rests at ``now``; a pause with an end that has passed is none."""
        return self.paused_by is not None and (self.paused_until is None or self.paused_until > now)

    def unpaused(self) -> IntegrationState:
        """The same without a pause."""
        return replace(
            self, paused_by=None, paused_reason=None, paused_since=None, paused_until=None
        )


NAMES = tuple(field.name for field in fields(IntegrationState))
COLUMNS = tuple(integration_state.c[name] for name in NAMES)
NOT_PAUSED: dict[str, None] = dict.fromkeys(
    ("paused_by", "paused_reason", "paused_since", "paused_until")
)


def state_of(row: Row[tuple[object, ...]]) -> IntegrationState:
    """The state in a row that has COLUMNS among its own."""
    values = {name: getattr(row, name) for name in NAMES}
    return IntegrationState(**(values | {"poll_due_at": values["poll_due_at"] or EPOCH}))


def paused_at(now: datetime) -> ColumnElement[bool]:
    """The same as ``IntegrationState.paused``, in SQL."""
    ends = integration_state.c.paused_until
    return and_(integration_state.c.paused_by.is_not(None), or_(ends.is_(None), ends > now))


def due_at(column: ColumnElement[datetime | None], now: datetime) -> ColumnElement[bool]:
    """Whether a due time has come; None is due at once."""
    return or_(column.is_(None), column <= now)


def moment(at: datetime) -> ColumnElement[datetime]:
    """A time inside an expression, where nothing else says how SQLite keeps it."""
    return literal(at, Moment)
