"""Selects, sorts, cuts and numbers what a listing shows, with the measured oddities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from ordermill.simulator.server import Request
from ordermill.simulator.woocommerce.query import Query

T = TypeVar("T")

# Never in status=any; a trashed order must be asked for by its status.
_HIDDEN = ("trash", "checkout-draft", "auto-draft")


@dataclass(frozen=True, slots=True)
class Row(Generic[T]):
    """What a listing needs to know of a thing."""

    id: int
    status: str
    created: datetime
    modified: datetime
    value: T


@dataclass(frozen=True, slots=True)
class Shown(Generic[T]):
    """A page: its values, and how many there are on all pages."""

    values: list[T]
    total: int


@dataclass(frozen=True, slots=True)
class Site:
    """``ancient``: WooCommerce before 5.8, which ignores modified_after and modified_before.
    ``posts``: orders stored as posts."""

    zone: ZoneInfo
    posts: bool = False
    ancient: bool = False


def shown(rows: Sequence[Row[T]], query: Query, site: Site) -> Shown[T]:
    """The page that ``query`` asks for."""
    found = [row for row in rows if _wanted(row, query, site)]
    found.sort(key=_order(query, site), reverse=query.descending and query.orderby != "include")
    page = found[query.start : query.start + query.per_page]
    # Past the end, orders in their own tables lose the total; posts keep it: measured.
    total = 0 if not page and query.start and not site.posts else len(found)
    return Shown([row.value for row in page], total)


def _wanted(row: Row[T], query: Query, site: Site) -> bool:
    if query.include and row.id not in query.include:
        return False
    if row.id in query.exclude or not _status(row.status, query.status, site):
        return False
    if not _between(_compared(row.created, query, site), query.after, query.before):
        return False
    if site.ancient:
        return True
    changed = _compared(row.modified, query, site)
    return _between(changed, query.modified_after, query.modified_before)


def _status(status: str, asked: tuple[str, ...], site: Site) -> bool:
    """``any`` swallows the other statuses beside it: measured. With posts, auto-draft means all."""
    if "any" in asked:
        return status not in _HIDDEN
    if site.posts and asked == ("auto-draft",):
        return True
    return status in asked


def _compared(at: datetime, query: Query, site: Site) -> datetime:
    """The column that is compared: GMT or the site's time, naive, to the second."""
    return _second(at, UTC if query.gmt else site.zone)


def _between(at: datetime, after: datetime | None, before: datetime | None) -> bool:
    return (after is None or at > after) and (before is None or at < before)


def _order(query: Query, site: Site) -> Callable[[Row[Any]], tuple[Any, ...]]:
    """Posts are sorted by their local times (WP_Query: post_date, post_modified), so that in the
    hour that comes twice in autumn the two run into each other."""
    zone = site.zone if site.posts else UTC
    if query.orderby == "modified":
        return lambda row: (_second(row.modified, zone), row.id)
    if query.orderby == "include":
        place = {id_: i for i, id_ in enumerate(query.include)}
        return lambda row: (place.get(row.id, row.id),)
    if query.orderby in ("id", "title", "slug"):
        return lambda row: (row.id,)
    return lambda row: (_second(row.created, zone), row.id)


def _second(at: datetime, zone: tzinfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, microsecond=0)


def headers(request: Request, query: Query, total: int, home: str) -> Mapping[str, str]:
    """The totals and the links, which name the shop's own idea of itself and drop status=any."""
    pages = -(-total // query.per_page)
    named = {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages)}
    links = []
    if query.page > 1:
        links.append(_link(request, min(query.page - 1, pages), home, "prev"))
    if query.page < pages:
        links.append(_link(request, query.page + 1, home, "next"))
    return named | ({"Link": ", ".join(links)} if links else {})


def _link(request: Request, page: int, home: str, rel: str) -> str:
    pairs = [pair for pair in request.pairs if pair != ("status", "any")]
    if any(name == "page" for name, _ in pairs):
        pairs = [(name, str(page) if name == "page" else value) for name, value in pairs]
    else:
        pairs.append(("page", str(page)))
    return f'<{home}{request.path}?{urlencode(pairs)}>; rel="{rel}"'


def only(value: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """What _fields leaves of a document; ``billing.email`` reaches into an object."""
    if not fields:
        return dict(value)
    kept: dict[str, Any] = {}
    for name in value:
        inner = [field.partition(".")[2] for field in fields if field.partition(".")[0] == name]
        if not inner:
            continue
        deeper = isinstance(value[name], Mapping) and all(inner)
        kept[name] = only(value[name], inner) if deeper else value[name]
    return kept
