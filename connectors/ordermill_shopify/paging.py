"""Where a pass stands: search text, cursors, and page sizes that follow the returned cost."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from ordermill.connector.base import By, Window
from ordermill.errors import SourceError, SourceUnsupported
from ordermill_shopify.answers import Cost

LARGEST = 250  # of any connection
# Paging one query stops at 25,000 objects: a pass begins a new query before that.
MOST_OF_ONE_QUERY = 20_000
# No bound is published for how late the search index shows a change; minutes were reported.
INDEX_LAG = timedelta(minutes=5)
_SECOND = timedelta(seconds=1)
_FIELD = {By.CHANGED: "updated_at", By.CREATED: "created_at"}
SORT = {By.CHANGED: "UPDATED_AT", By.CREATED: "CREATED_AT"}


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True, tag="pages"):
    """The text between pages. ``after`` is Shopify's own and belongs to the query that begins at
    ``since``; ``safe`` is the second up to which all was read; ``read`` counts orders since
    ``since``."""

    since: datetime | None
    after: str | None = None
    safe: datetime | None = None
    read: int = 0


class BulkCursor(msgspec.Struct, frozen=True, omit_defaults=True, tag="bulk"):
    """Where the reading of a bulk operation's file stands; ``polls`` counts the waits before it was
    written, for a pass refuses a page whose cursor is its own."""

    id: str
    byte: int = 0
    safe: datetime | None = None
    polls: int = 0


def read_cursor(text: str) -> Cursor | BulkCursor:
    """Raise SourceError for a text that is none of ours."""
    try:
        return msgspec.json.decode(text, type=Cursor | BulkCursor)
    except (msgspec.DecodeError, UnicodeError):
        raise SourceError("the cursor of this pass cannot be read; begin it again") from None


def cursor_text(cursor: Cursor | BulkCursor) -> str:
    return msgspec.json.encode(cursor).decode()


def search_text(window: Window, since: datetime | None) -> str:
    """Times in quotes (without, Shopify drops the time of day) and in UTC; ``>=`` because ``>``
    leaves out the whole second since 2026-10."""
    field = _FIELD[window.by]
    terms = []
    if since is not None:
        terms.append(f"{field}:>='{stamp(since)}'")
    if window.until is not None:
        terms.append(f"{field}:<'{stamp(window.until)}'")
    return " ".join(terms)


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def restarted(cursor: Cursor) -> Cursor | None:
    """A new query from the last safe second; None where that would only begin again as before."""
    if cursor.after is None:
        return None
    safe = cursor.safe if cursor.safe is not None else cursor.since
    return Cursor(safe, safe=safe)


def settled(times: Sequence[datetime], now: datetime) -> datetime | None:
    """The newest of a page's times by which the page was certainly sorted, for it is older than the
    index's lag. An order is shown as it is now but stands where the index last saw it: one that
    changed just now is no sign that all before its new time was read."""
    return max((at for at in times if at < now - INDEX_LAG), default=None)


def next_cursor(cursor: Cursor, *, after: str, newest: datetime | None, count: int) -> Cursor:
    """Where the next page begins. Of the second of the newest settled order more may follow, so
    only what lies before it is safe."""
    safe = newest - _SECOND if newest is not None else cursor.safe
    if cursor.safe is not None and (safe is None or safe < cursor.safe):
        safe = cursor.safe
    read = cursor.read + count
    moved = safe is not None and (cursor.since is None or safe > cursor.since)
    if read >= MOST_OF_ONE_QUERY and moved:
        return Cursor(safe, safe=safe)
    return Cursor(cursor.since, after, safe, read)


def safe_until(times: Sequence[datetime], now: datetime, *, last: bool) -> datetime | None:
    """How far the bookmark may move: never past what was seen, nor into the index's lag."""
    if last:
        return min(max(times), (now - INDEX_LAG).replace(microsecond=0)) if times else None
    newest = settled(times, now)
    return None if newest is None else newest - _SECOND


class Sizes:
    """How many to ask for at once, per document; learned from what Shopify says a page costs.

    Thread-safe. A size grows while even twice the cost would fit, and is halved when Shopify
    refuses it as too dear or does not answer in time.
    """

    def __init__(self, first: dict[str, int], most: dict[str, int]) -> None:
        self._lock = threading.Lock()
        self._now = dict(first)
        self._most = dict(most)

    def of(self, name: str) -> int:
        with self._lock:
            return self._now[name]

    def worked(self, name: str, size: int, cost: Cost | None, *, dearest: float) -> None:
        """A full page of ``size`` cost this much."""
        if cost is None or 2 * cost.requested > min(dearest, cost.capacity):
            return
        with self._lock:
            self._now[name] = max(self._now[name], min(2 * size, self._most[name]))

    def failed(self, name: str, size: int) -> None:
        """Raise SourceUnsupported where nothing smaller can be asked for."""
        if size <= 1:
            raise SourceUnsupported(f"Shopify refuses even one order at once as too dear ({name})")
        with self._lock:
            self._now[name] = min(self._now[name], size // 2)
            self._most[name] = min(self._most[name], size - 1)

    def slow(self, name: str, size: int) -> None:
        """No answer in time: ask for less the next time."""
        with self._lock:
            self._now[name] = max(min(self._now[name], size // 2), 1)
