"""Problem bodies, and what each error of the house means over HTTP: one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from ordermill.errors import (
    NotFound,
    OrdermillError,
    StoreBusy,
    TooSlow,
    Unprocessable,
    WrongState,
)

MEDIA_TYPE = "application/problem+json"
SECONDS_TO_WAIT = "1"


class Problem(OrdermillError):
    """An answer that is a refusal. ``errors`` has an entry per field: pointer and message."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details
        self.errors = errors
        self.headers = headers

    def body(self) -> bytes:
        """RFC 9457, with ``code`` and ``message`` beside for readers of the simpler form."""
        shown: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": str(self),
            "code": self.code,
            "message": str(self),
        }
        if self.details:
            shown["details"] = dict(self.details)
        if self.errors:
            shown["errors"] = list(self.errors)
        return msgspec.json.encode(shown)

    def response(self) -> Response:
        return Response(self.body(), self.status, self.headers, media_type=MEDIA_TYPE)


def problem_of(error: OrdermillError) -> Problem:
    """What an error that left an endpoint is answered with."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, NotFound):
        return Problem(404, "not_found", str(error))
    if isinstance(error, WrongState):
        wait = {"Retry-After": SECONDS_TO_WAIT} if error.code == "order_locked" else None
        return Problem(409, error.code, str(error), details=error.details, headers=wait)
    if isinstance(error, Unprocessable):
        return Problem(422, error.code, str(error), details=error.details)
    if isinstance(error, TooSlow):
        return Problem(400, "invalid_query", "this takes the database too long; narrow it")
    if isinstance(error, StoreBusy):
        return unavailable("the database is busy; try again")
    return unavailable("the database does not answer; ordermill's log says why")


def unavailable(message: str) -> Problem:
    return Problem(503, "unavailable", message, headers={"Retry-After": SECONDS_TO_WAIT})


def invalid_query(message: str) -> Problem:
    return Problem(400, "invalid_query", message)


def invalid_cursor(message: str) -> Problem:
    return Problem(400, "invalid_cursor", message)


def not_found() -> NotFound:
    """The same words for what never was and for what is another tenant's."""
    return NotFound("there is no such thing here")
