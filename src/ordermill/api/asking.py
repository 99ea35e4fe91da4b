"""What a list is asked for, read from the query string; and how its page is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from ordermill.api import cursors, filters
from ordermill.api.call import READ_SECONDS, Answer, Call
from ordermill.api.kept import Made
from ordermill.api.problems import Problem, invalid_query
from ordermill.api.reading import fit
from ordermill.store.keyset import Listed, Position, Wanted
from ordermill.store.listing import Page, page
from ordermill.store.types import Moment

PARAMETERS = (
    "limit", "next_cursor", "prev_cursor", "include_total_count", "include_total", "query",
    "search", "deleted", "order_by",
)  # fmt: skip
MOST_ROWS = 100
LONGEST_TERM = 200
Show = Callable[[Connection, Sequence[Any]], list[bytes]]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A list as the API has it: its name, its rows, and how they are shown."""

    name: str
    listed: Listed
    show: Show

    @property
    def fields(self) -> dict[str, bool]:
        """The fields it is filtered by; whether each is a time."""
        return {name: isinstance(c.type, Moment) for name, c in self.listed.fields.items()}


def answered(call: Call, shelf: Shelf) -> Response:
    """The page a call asks for."""
    question = (shelf.name, call.entity_ids, call.request.scope["query_string"])
    made = call.house.pages.get(question, lambda: _made(call, shelf))
    return Answer(200, made.body, made.headers).response()


def _made(call: Call, shelf: Shelf) -> Made:
    parameters = call.parameters(*PARAMETERS)
    wanted = wanted_of(parameters, shelf, call.entity_ids)
    with _turn(call, wanted), call.house.database.read(seconds=READ_SECONDS) as conn:
        found = page(conn, shelf.listed, wanted)
        shown = shelf.show(conn, found.rows)
    before, after = _around(found, shelf, wanted)
    body = envelope(shown, total=found.total, after=after, before=before)
    return Made(body, _links(f"/{shelf.name}", parameters, before, after))


@contextmanager
def _turn(call: Call, wanted: Wanted) -> Iterator[None]:
    """What may read far takes one of the entity's turns, or is refused."""
    if wanted.term is None and not wanted.conditions:
        yield
        return
    with call.house.turns.one(call.entity_ids[0] if call.entity_ids else "") as free:
        if not free:
            raise Problem(
                429,
                "rate_limit_exceeded",
                "too many filtered or searched lists of this entity at once",
                headers={"Retry-After": "1"},
            )
        yield


def wanted_of(parameters: Mapping[str, str], shelf: Shelf, entity_ids: tuple[str, ...]) -> Wanted:
    """The question; 400 with what is allowed where it is none."""
    sort, descending = _order(parameters.get("order_by", "id"), shelf)
    query = parameters.get("query", "")
    wanted = Wanted(
        entity_ids=entity_ids,
        limit=filters.number(parameters, "limit", 10, MOST_ROWS),
        conditions=filters.conditions(query, shelf.fields) if query else (),
        term=_term(parameters.get("search", "")),
        deleted=filters.yes_or_no(parameters, "deleted", False),
        sort=sort,
        descending=descending,
        counted=_counted(parameters),
    )
    return _positioned(parameters, shelf, wanted)


def envelope(shown: Sequence[bytes], *, total: int, after: str | None, before: str | None) -> bytes:
    """Rows that are JSON already, and where to go on."""
    pagination = msgspec.json.encode(
        {
            "total": total,
            "next_cursor": after,
            "prev_cursor": before,
            "has_more": after is not None,
        }
    )
    return b'{"data":[%b],"pagination":%b}' % (b",".join(shown), pagination)


def _order(given: str, shelf: Shelf) -> tuple[str, bool]:
    name = given.removeprefix("-")
    if name not in shelf.listed.sorts:
        allowed = ", ".join(shelf.listed.sorts)
        raise invalid_query(f"order_by must be one of {allowed}, or - before one of them")
    return name, given.startswith("-")


def _term(given: str) -> str | None:
    term = given.strip()
    if len(term) > LONGEST_TERM or not fit(term):
        raise invalid_query(f"search takes at most {LONGEST_TERM} characters, none of them U+0000")
    return term or None


def _counted(parameters: Mapping[str, str]) -> bool:
    if "include_total" in parameters and "include_total_count" in parameters:
        raise invalid_query("include_total is include_total_count; send one of them")
    name = "include_total" if "include_total" in parameters else "include_total_count"
    return filters.yes_or_no(parameters, name, True)


def _positioned(parameters: Mapping[str, str], shelf: Shelf, wanted: Wanted) -> Wanted:
    given = [name for name in ("next_cursor", "prev_cursor") if parameters.get(name)]
    if not given:
        return wanted
    if len(given) > 1:
        raise invalid_query("send next_cursor or prev_cursor, not both")
    position = cursors.read(parameters[given[0]], shelf.name, wanted)
    return replace(wanted, position=position, backwards=given == ["prev_cursor"])


def _around(found: Page, shelf: Shelf, wanted: Wanted) -> tuple[str | None, str | None]:
    """The cursors of the pages before and after."""
    rows = found.rows
    if rows:
        first, last = _position(rows[0], wanted), _position(rows[-1], wanted)
    elif wanted.position is None:
        return None, None
    else:  # what was there has gone; back the way we came, the row we came from included
        first = last = replace(wanted.position, included=not wanted.position.included)
    before = cursors.written(first, shelf.name, wanted) if found.before else None
    after = cursors.written(last, shelf.name, wanted) if found.after else None
    return before, after


def _position(row: Any, wanted: Wanted) -> Position:
    return Position(getattr(row, wanted.sort), row.id)


def _links(
    path: str, parameters: Mapping[str, str], before: str | None, after: str | None
) -> dict[str, str]:
    """The same as a Link header (RFC 8288), for clients that follow it."""
    kept = {n: v for n, v in parameters.items() if n not in ("next_cursor", "prev_cursor")}
    links = [
        f'<{path}?{urlencode(kept | {name: cursor})}>; rel="{relation}"'
        for name, cursor, relation in (
            ("next_cursor", after, "next"), ("prev_cursor", before, "prev"),
        )
        if cursor is not None
    ]  # fmt: skip
    return {"Link": ", ".join(links)} if links else {}
