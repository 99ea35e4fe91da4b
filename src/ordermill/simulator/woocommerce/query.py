"""Reads the query of a listing as WordPress validates it: all bad parameters in one refusal."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ordermill.simulator.server import Request
from ordermill.simulator.woocommerce import wording

_TIME = re.compile(
    r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?$", re.IGNORECASE
)
ORDERBY = ("date", "id", "include", "title", "slug", "modified")
_BOOLEAN = {"true": True, "1": True, "false": False, "0": False, "": False}


@dataclass(frozen=True, slots=True)
class Query:
    """What a listing is asked. The times are naive, to the second, to be compared exclusively with
    creation or change in GMT (``gmt``) or in the site's time."""

    after: datetime | None
    before: datetime | None
    modified_after: datetime | None
    modified_before: datetime | None
    gmt: bool
    orderby: str
    descending: bool
    per_page: int
    page: int
    offset: int | None
    include: tuple[int, ...]
    exclude: tuple[int, ...]
    status: tuple[str, ...]
    fields: tuple[str, ...]
    decimals: int | None

    @property
    def start(self) -> int:
        return (self.page - 1) * self.per_page if self.offset is None else self.offset


def read(request: Request, zone: ZoneInfo, statuses: Sequence[str]) -> Query:
    """The query; Refused with 400 when a parameter is wrong. Unknown ones are ignored."""
    form = _Form(request)

    def when(name: str) -> datetime | None:
        at: datetime | None = form.get(name, lambda text: _naive(text, zone), None, "Invalid date.")
        return at

    query = Query(
        after=when("after"),
        before=when("before"),
        modified_after=when("modified_after"),
        modified_before=when("modified_before"),
        gmt=form.get("dates_are_gmt", _boolean, False, "dates_are_gmt is not of type boolean."),
        orderby=form.get("orderby", _of(ORDERBY), "date", _among("orderby", ORDERBY)),
        descending=form.get("order", _of(("asc", "desc")), "desc", _among("order", ("asc", "desc")))
        == "desc",
        per_page=form.get(
            "per_page", _within(1, 100), 10,
            "per_page must be between 1 (inclusive) and 100 (inclusive)",
        ),
        page=form.get("page", _within(1, None), 1, "page must be greater than or equal to 1"),
        offset=form.get("offset", _within(0, None), None, "offset is not of type integer."),
        include=form.numbers("include"),
        exclude=form.numbers("exclude"),
        status=form.choices("status", ("any", "trash", *statuses)) or ("any",),
        fields=tuple(form.several("_fields")),
        decimals=form.get("dp", int, None, "dp is not of type integer."),
    )  # fmt: skip
    form.refuse()
    return query


class _Form:
    """The parameters, and what is wrong with them so far."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._problems: dict[str, str] = {}

    def get(self, name: str, read: Callable[[str], Any], default: Any, problem: str) -> Any:
        text = self._request.params.get(name)
        if text is None:
            return default
        try:
            return read(text)
        except ValueError:
            self._problems[name] = problem
            return default

    def several(self, name: str) -> list[str]:
        """a,b or name[]=a&name[]=b or name[0]=a."""
        found = [
            value for key, value in self._request.pairs
            if key == name or (key.startswith(f"{name}[") and key.endswith("]"))
        ]  # fmt: skip
        return [part.strip() for value in found for part in value.split(",") if part.strip()]

    def numbers(self, name: str) -> tuple[int, ...]:
        texts = self.several(name)
        bad = [i for i, text in enumerate(texts) if not text.isdigit()]
        if bad:
            self._problems[name] = f"{name}[{bad[0]}] is not of type integer."
            return ()
        return tuple(map(int, texts))

    def choices(self, name: str, allowed: Sequence[str]) -> tuple[str, ...]:
        texts = self.several(name)
        bad = [i for i, text in enumerate(texts) if text not in allowed]
        if bad:
            self._problems[name] = f"{name}[{bad[0]}] is not one of {', '.join(allowed)}."
        return tuple(texts)

    def refuse(self) -> None:
        if self._problems:
            raise wording.invalid(self._problems)


def _naive(text: str, zone: ZoneInfo) -> datetime:
    """A time with a zone becomes the site's time, as WordPress does; one without stays as it is.

    Fractions are ignored; a date alone, a number or anything else is refused: measured.
    """
    found = _TIME.match(text)
    if found is None:
        raise ValueError(text)
    day, clock, offset = found.groups()
    if offset is None:
        return datetime.fromisoformat(f"{day}T{clock}")
    at = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if offset in 'zZ' else offset}")
    return at.astimezone(zone).replace(tzinfo=None)


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEAN:
        raise ValueError(text)
    return _BOOLEAN[text.lower()]


def _within(least: int, most: int | None) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if value < least or (most is not None and value > most):
            raise ValueError(text)
        return value

    return read


def _of(allowed: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return read


def _among(name: str, allowed: Sequence[str]) -> str:
    return f"{name} is not one of {', '.join(allowed)}."
