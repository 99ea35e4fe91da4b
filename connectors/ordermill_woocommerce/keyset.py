"""Walking a window oldest first without losing an order that moves meanwhile. Pure.

Always page 1 of what is after the last second read: page numbers drift while orders change (5 of 10
lost, measured). The shop compares exclusively and to the second, so each page repeats the last
second of the one before. Where more orders share a second than fit a page, that second is read by
id, paged, until a reading of it shows as many orders as the shop counts, or nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ordermill.connector.base import By, Window
from ordermill.errors import InvalidAnswer

SECOND = timedelta(seconds=1)
WEEK = timedelta(days=7)


class Stage(StrEnum):
    """Trashed orders are in no other listing, so they are a listing of their own. They come first:
    the few there are bound nothing, and the long reading of the others can move the bookmark."""

    TRASH = "trash"
    LIVE = "any"


class Tie(Struct, frozen=True, omit_defaults=True):
    """What is read by id: the second behind the position, or all up to ``to``. ``count`` and
    ``sum`` are of the ids of this reading, ``before`` those of the one before; ``expected`` is the
    shop's own count when the reading began."""

    size: int
    to: datetime | None = None
    page: int = 1
    count: int = 0
    sum: int = 0
    expected: int | None = None
    before: tuple[int, int] | None = None


class Position(Struct, frozen=True, omit_defaults=True):
    """Where a pass stands; its JSON is the cursor.

    Everything up to and including the second ``after`` was read. ``bound``: the shop's time when
    the trash began to be read, past which trashed orders may have been missed. ``newest``: the
    newest time seen. ``tie``: what follows ``after`` is being read by id. ``offset``: the site's
    clock less UTC at the last row. ``again``: nothing in the last page had kept still.
    """

    stage: Stage = Stage.TRASH
    after: datetime | None = None
    opened: bool = False
    bound: datetime | None = None
    newest: datetime | None = None
    trashed: int | None = None
    tie: Tie | None = None
    offset: int | None = None
    again: bool = False


class Row(Struct, frozen=True):
    """An order as the walk sees it; ``at`` is None where it cannot be read. ``offset``: the site's
    clock less UTC then, in seconds."""

    id: int
    at: datetime | None
    offset: int | None = None


class Seen(Struct, frozen=True):
    """An answer as the walk sees it. ``total``: X-WP-Total. ``asked_at``: the shop's time when it
    was asked, as near as can be told. ``size`` rows were asked for at most; ``count`` came."""

    rows: Sequence[Row]
    count: int
    size: int
    total: int | None
    asked_at: datetime


class Step(Struct, frozen=True):
    """What follows: the next position, None at the end of the window; how far the bookmark may go;
    the orders of the whole window, told once."""

    position: Position | None
    safe_until: datetime | None = None
    total: int | None = None


_decode = msgspec.json.Decoder(Position).decode
_encode = msgspec.json.Encoder().encode


def start(window: Window, cursor: str | None) -> Position:
    """The position a cursor stands for; raise InvalidAnswer for a text that is none of ours."""
    if cursor is None:
        return Position(after=_before(window.since))
    try:
        return _decode(cursor.encode())
    except ValueError:
        raise InvalidAnswer("the stored cursor cannot be read; start the backfill anew") from None


def text(position: Position) -> str:
    return _encode(position).decode()


def within(position: Position, size: int) -> Position:
    """What is read by id begins again where pages of that many are too large for the shop."""
    tie = position.tie
    if tie is None or tie.size <= size:
        return position
    return replace(position, tie=Tie(size=size, to=tie.to, before=tie.before))


def parameters(position: Position, window: Window, size: int) -> Mapping[str, str]:
    """The query. Times are naive UTC with dates_are_gmt: with a Z the shop shifts them by its own
    UTC offset, and the changes of the last hours are missed (measured)."""
    field = "modified" if window.by is By.CHANGED else "date"
    prefix = "modified_" if window.by is By.CHANGED else ""
    until = window.until
    asked = {
        "status": str(position.stage),
        "dates_are_gmt": "true",
        "orderby": field,
        "order": "asc",
        "per_page": str(size),
    }
    if position.tie is not None:
        asked |= {"orderby": "id", "page": str(position.tie.page)}
        until = _end(position.tie, position.after) + SECOND
    if position.after is not None:
        asked[f"{prefix}after"] = _naive(position.after)
    if until is not None:
        asked[f"{prefix}before"] = _naive(until)
    return asked


def follow(position: Position, window: Window, seen: Seen) -> Step:
    """Where to go on after an answer."""
    position = _noted(position, seen)
    if position.tie is not None:
        going = _follow_tie(position, position.tie, seen)
    elif _is_last(seen, seen.count) or _tells_nothing(seen):
        going = None
    else:
        going = _advanced(position, seen)
    total = _whole(position, seen)
    if going is None and position.stage is Stage.TRASH:
        going = Position(
            stage=Stage.LIVE,
            after=_before(window.since),
            bound=position.bound,
            newest=position.newest,
            trashed=position.trashed,
        )
        return Step(going)
    safe = _safe(position, going) if window.by is By.CHANGED else None
    return Step(going, safe, total)


def _is_last(seen: Seen, so_far: int) -> bool:
    """Whether nothing follows a page. One that is not full may be short: a shop leaves out what it
    cannot load or a plug-in hides, and some give fewer than were asked for. It counts them all the
    same, and ``so_far`` came."""
    if seen.count in (0, seen.size):
        return seen.count == 0
    return seen.total is None or so_far >= seen.total


def _tells_nothing(seen: Seen) -> bool:
    """Whether a short page says of no row where it lies: what the shop counts beyond it can never
    be asked for."""
    return seen.count < seen.size and all(row.at is None for row in seen.rows)


def outside(position: Position, rows: Sequence[Row]) -> bool:
    """Whether a row lies before what was asked for: a shop that ignores the parameter, or a stale
    copy in the shop's object cache."""
    after = position.after
    return after is not None and any(row.at is not None and row.at <= after for row in rows)


def _noted(position: Position, seen: Seen) -> Position:
    newest = max((row.at for row in seen.rows if row.at is not None), default=None)
    if position.newest is not None and newest is not None:
        newest = max(newest, position.newest)
    position = replace(
        position, bound=position.bound or seen.asked_at, newest=newest or position.newest
    )
    if position.stage is Stage.TRASH and not position.opened:
        position = replace(position, trashed=seen.total)
    return position


def _advanced(position: Position, seen: Seen) -> Position:
    """After a page: on from its last second, or into it where it fills the page alone."""
    if all(row.at is None for row in seen.rows):
        raise InvalidAnswer("a whole page of orders without a readable time")
    # An order that changes between the shop's query and its answer shows a later time than the one
    # it was sorted by, and is no progress.
    still = [row for row in seen.rows if row.at is not None and row.at < seen.asked_at]
    if not still and not position.again:
        return replace(position, opened=True, again=True)
    position = replace(position, opened=True, again=False)
    back = _set_back(position, still)
    if back is not None:
        return replace(position, offset=back.offset, tie=Tie(size=seen.size, to=back.at))
    offsets = [row.offset for row in still if row.offset is not None]
    position = replace(position, offset=offsets[-1] if offsets else position.offset)
    return _onward(position, [row.at for row in seen.rows if row.at is not None], still, seen.size)


def _set_back(position: Position, rows: Sequence[Row]) -> Row | None:
    """The first row that came after the site's clock was set back. Not where a week lies before it:
    that is an order which changed just now, and to read all up to now by id would not end."""
    offset, before = position.offset, position.after
    for row in rows:
        if row.at is None or row.offset is None or not _ahead(position, row.at):
            continue
        near = before is None or row.at - before < WEEK
        if near and offset is not None and row.offset < offset:
            return row
        offset, before = row.offset, row.at
    return None


def _ahead(position: Position, at: datetime) -> bool:
    return position.after is None or at > position.after


def _onward(
    position: Position, times: Sequence[datetime], still: Sequence[Row], size: int
) -> Position:
    # The shop's clock may be behind its Date: the last but one guards against that.
    reached = min(times[-2:])
    reached = min(reached, max((row.at for row in still if row.at is not None), default=reached))
    after = reached - SECOND
    if position.after is not None and after <= position.after:
        return replace(position, tie=Tie(size=size))
    if times[0] >= reached:
        return replace(position, after=after, tie=Tie(size=size))
    return replace(position, after=after)


def _follow_tie(position: Position, tie: Tie, seen: Seen) -> Position:
    ids = [row.id for row in seen.rows]
    tie = replace(
        tie,
        count=tie.count + seen.count,
        sum=tie.sum + sum(ids),
        expected=seen.total if tie.page == 1 else tie.expected,
    )
    if not _is_last(seen, tie.count):
        return replace(position, tie=replace(tie, page=tie.page + 1))
    found = (tie.count, tie.sum)
    if tie.count == tie.expected or found == tie.before:
        return replace(position, after=_end(tie, position.after), tie=None)
    return replace(position, tie=Tie(size=tie.size, to=tie.to, before=found))


def _end(tie: Tie, after: datetime | None) -> datetime:
    """The last second of what is read by id."""
    if tie.to is not None:
        return tie.to
    if after is None:
        raise InvalidAnswer("the stored cursor cannot be read; start the backfill anew")
    return after + SECOND


def _safe(position: Position, going: Position | None) -> datetime | None:
    """The last second read completely, in both listings: none before the live one is begun."""
    reached = position.newest if going is None else going.after
    if position.stage is Stage.TRASH or reached is None or position.bound is None:
        return None
    return min(reached, position.bound).replace(microsecond=0)


def _whole(position: Position, seen: Seen) -> int | None:
    if position.stage is Stage.TRASH or position.opened or position.tie is not None:
        return None
    if position.trashed is None or seen.total is None or seen.total < seen.count:
        return None
    return position.trashed + seen.total


def _before(since: datetime | None) -> datetime | None:
    return None if since is None else since - SECOND


def _naive(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
