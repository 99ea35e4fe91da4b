"""The outermost layer: reads bodies up to a size, names each request, counts it, adds headers.

Bodies are counted as they are read, whatever Content-Length says, and are whole before an endpoint
begins, so that a slow sender holds no thread.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ordermill.api.problems import Problem, unavailable

log = structlog.get_logger()

LARGEST = 1_048_576  # bytes of a body
LARGEST_WEBHOOK = 5 * LARGEST
BODY = "ordermill.body"
REQUEST_ID = "ordermill.request_id"
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,200}")
METHODS = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"})
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Authorization, X-Entity-Id"),
)


class Listener(Protocol):
    """Who hears of requests. ``handler`` is the route's template, ``other`` where none fits."""

    def request_started(self) -> None: ...

    def request_ended(self, handler: str, method: str, code: int, seconds: float) -> None: ...


class Unheard:
    """Hears nothing."""

    def request_started(self) -> None: ...

    def request_ended(self, handler: str, method: str, code: int, seconds: float) -> None: ...


class Edge:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, listener: Listener, ticks: Callable[[], float]) -> None:
        self._app = app
        self._listener = listener
        self._ticks = ticks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answered = self._ticks(), _Answered(send)
        scope = _prepared(scope)
        answered.headers = [(b"x-request-id", scope[REQUEST_ID].encode()), *_HEADERS]
        self._listener.request_started()
        structlog.contextvars.bind_contextvars(request_id=scope[REQUEST_ID])
        try:
            await self._answer(scope, receive, answered)
        finally:
            structlog.contextvars.unbind_contextvars("request_id")
            method = scope["method"] if scope["method"] in METHODS else "other"
            took = self._ticks() - began
            self._listener.request_ended(_handler(scope), method, answered.status, took)

    async def _answer(self, scope: Scope, receive: Receive, answered: _Answered) -> None:
        try:
            problem = await _read_body(scope, receive)
            if problem is None:
                await self._app(scope, receive, answered)
                return
        except Exception as error:
            log.error("request_broke", handler=_handler(scope), exc_info=error)
            if answered.status:
                return
            problem = Problem(500, "internal", "ordermill broke; its log says where")
        await problem.response()(scope, receive, answered)


class _Answered:
    """Passes an answer on with its headers, and remembers its status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = {name for name, _ in message["headers"]}
            more = [pair for pair in self.headers if pair[0] not in own]
            message = {**message, "headers": [*message["headers"], *more]}
        await self._send(message)


def _prepared(scope: Scope) -> Scope:
    """With an id, and ``/v1`` taken off its path."""
    given = [value for name, value in scope["headers"] if name == b"x-request-id"]
    fits = len(given) == 1 and _REQUEST_ID.fullmatch(given[0])
    name = given[0].decode() if fits else f"req_{secrets.token_hex(12)}"
    prepared = {**scope, REQUEST_ID: name, BODY: b""}
    if scope["path"].startswith("/v1/"):
        prepared |= {"path": scope["path"][3:], "raw_path": scope["path"][3:].encode()}
    return prepared


async def _read_body(scope: Scope, receive: Receive) -> Problem | None:
    """Read it into the scope; a refusal if it is too large, compressed or cut off."""
    if scope["method"] in ("GET", "HEAD"):
        return None
    headers = dict(scope["headers"])
    if headers.get(b"content-encoding", b"identity") != b"identity":
        return Problem(415, "invalid_body", "compressed bodies are not taken")
    most = LARGEST_WEBHOOK if scope["path"].startswith("/webhooks/") else LARGEST
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return unavailable("the caller went away")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most:
            return Problem(
                413, "payload_too_large", f"a body has at most {most} bytes",
                headers={"Connection": "close"},
            )  # fmt: skip
        parts.append(part)
        more = message.get("more_body", False)
    scope[BODY] = b"".join(parts)
    return None


def _handler(scope: Scope) -> str:
    route: Any = scope.get("route")
    return getattr(route, "path", None) or "other"


def steady() -> float:
    """Seconds that never go back."""
    return time.monotonic()
