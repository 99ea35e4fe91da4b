"""The shop client: every request of a connector goes through it.

It keeps a total deadline and a cap on decoded bytes, follows no redirect, verifies TLS, reaches
private addresses only where allowed, retries with jitter as the shop asks, spends the shop's
budget, and writes error texts without URL, header or body.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

import httpx

from ordermill import __version__
from ordermill.connector.base import Context
from ordermill.connector.body import read_body, skip, split_lines, wire
from ordermill.connector.budget import Budget
from ordermill.connector.network import PoolTransport, within
from ordermill.connector.refusals import refuse, to_skip
from ordermill.connector.retry import as_pause, backoff, pause_asked, retry_after
from ordermill.connector.setup import checked_base, checked_headers, client, tls_context
from ordermill.errors import (
    InvalidAnswer,
    RateLimited,
    SourceError,
    SourceUnsupported,
    TransientSourceError,
)

__all__ = ["Answer", "Budget", "Limits", "ShopClient"]

T = TypeVar("T")

# They log whole URLs and headers, keys included.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the shop said, complete: ``body`` is decoded and within the cap."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """``deadline``: seconds for one request, from looking the name up to the last byte;
    ``max_bytes``: of a decoded body; ``max_wait``: the longest pause waited out here, in seconds;
    a longer one is the scheduler's."""

    deadline: float = 30.0
    max_bytes: int = 32 * 2**20
    attempts: int = 4
    max_wait: float = 30.0


class ShopClient:
    """Asks one shop. Thread-safe; raises only SourceError (ConfigError when it is made)."""

    def __init__(
        self,
        base_url: str,
        *,
        context: Context,
        allow_private_network: bool = False,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
        limits: Limits = Limits(),
        transport: httpx.BaseTransport | None = None,
        budget: Budget | None = None,
        ca_file: str | None = None,
    ) -> None:
        self._base = checked_base(base_url, allow_private_network)
        self._allow_private = allow_private_network
        self._context = context
        self._limits = limits
        self._budget = budget
        self._random = Random()
        transport = transport or PoolTransport(
            tls_context(ca_file), allow_private_network=allow_private_network
        )
        common = {"User-Agent": f"ordermill/{__version__}", "Cache-Control": "no-cache"}
        own = {"Accept-Encoding": "gzip"} | common | checked_headers(headers or {})
        self._shop = client(transport, own, auth, limits.deadline)
        plain = {"Accept-Encoding": "identity"} | common
        self._foreign = client(transport, plain, None, limits.deadline)

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        read: Callable[[Answer], T],
        params: Mapping[str, str] | None = None,
        json: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        cost: float = 1.0,
        attempts: int | None = None,
    ) -> T:
        """Ask, and return what ``read`` makes of the answer (any status but 3xx and 429).

        A TransientSourceError, from the network or from ``read``, is tried again after a pause, as
        long as attempts are left and the shop does not ask for more than ``max_wait``; what cannot
        be waited out here leaves as RateLimited. A redirect is never followed: SourceUnsupported.
        ``attempts``: 1 for what must not happen twice; RateLimited says that it did not happen, and
        is always waited out.
        """
        if not path.startswith("/"):
            raise ValueError("a path begins with a slash")
        attempt = 0
        while True:
            attempt += 1
            asked = 0.0
            request = self._shop.build_request(
                method,
                self._base + path,
                params=params,
                json=json,
                content=content,
                headers=headers,
            )
            try:
                with self._spending(cost):
                    answer = self._send(operation, request)
                    asked = retry_after(answer.headers.get("retry-after"), self._context.now())
                    refuse(answer.status, answer.headers, asked)
                    return read(answer)
            except TransientSourceError as error:
                self._pause(operation, error, pause_asked(error, asked), attempt, attempts)

    def stream(self, operation: str, url: str, *, start: int = 0) -> Iterator[bytes]:
        """The lines of a large file on another host, from byte ``start``, without line feeds.

        Neither authentication nor the shop's headers go there. Each line keeps the deadline and the
        cap of a whole answer. A connection that breaks is taken up again where it broke.
        """
        attempt = 0
        while True:
            try:
                for line in self._lines(operation, url, start):
                    start += len(line) + 1
                    attempt = 0
                    yield line
                return
            except TransientSourceError as error:
                attempt += 1
                self._pause(operation, error, pause_asked(error, 0.0), attempt)

    def close(self) -> None:
        """Release the connections; idempotent."""
        self._shop.close()
        self._foreign.close()

    def _send(self, operation: str, request: httpx.Request) -> Answer:
        with self._observed(operation) as seen, within(self._limits.deadline), self._translated():
            response = self._shop.send(request, stream=True)
            try:
                body = read_body(response, self._limits.max_bytes)
            finally:
                response.close()
            seen.append(response.status_code)
        return Answer(response.status_code, response.headers, body)

    def _lines(self, operation: str, url: str, start: int) -> Iterator[bytes]:
        request = self._file_request(url)
        if start:
            request.headers["Range"] = f"bytes={start}-"
        with self._observed(operation) as seen, within(self._limits.deadline), self._translated():
            response = self._foreign.send(request, stream=True)
            seen.append(response.status_code)
        try:
            pieces = skip(wire(response), to_skip(response, start, self._context))
            lines = split_lines(pieces, self._limits.max_bytes)
            while True:
                with within(self._limits.deadline), self._translated():
                    line = next(lines, None)
                if line is None:
                    return
                yield line
        finally:
            response.close()

    def _file_request(self, url: str) -> httpx.Request:
        try:
            request = self._foreign.build_request("GET", url)
        except (httpx.InvalidURL, ValueError):
            raise InvalidAnswer("the shop's link to its file is not a URL") from None
        if request.url.scheme not in ("https", "http") or not request.url.host:
            raise InvalidAnswer("the shop's link to its file is not a web address")
        if request.url.scheme == "http" and not self._allow_private:
            raise SourceUnsupported("the shop offers its file without TLS; it is not fetched")
        return request

    def _pause(
        self,
        operation: str,
        error: TransientSourceError,
        asked: float,
        attempt: int,
        attempts: int | None = None,
    ) -> None:
        """Wait before the next attempt, or raise ``error`` if there is none."""
        if attempts is None or isinstance(error, RateLimited):
            attempts = self._limits.attempts
        if attempt >= attempts or asked > self._limits.max_wait:
            raise as_pause(error, asked) from None
        self._context.observer.retry(operation, error.error_class)
        if asked:
            self._context.observer.throttled(asked)
        self._context.sleep(asked or backoff(attempt, self._random))

    def _spending(self, cost: float) -> AbstractContextManager[None]:
        return nullcontext() if self._budget is None else self._budget.spending(cost)

    @contextmanager
    def _observed(self, operation: str) -> Iterator[list[int]]:
        """Count one request, by the status that is appended to the list once it is complete."""
        seen: list[int] = []
        started = time.monotonic()
        try:
            yield seen
        finally:
            code = "network" if not seen else "429" if seen[0] == 429 else f"{seen[0] // 100}xx"
            self._context.observer.request(operation, code, time.monotonic() - started)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """httpx's errors as ours; its texts, which may hold a URL, go no further."""
        if self._shop.is_closed:
            raise SourceError("the connector was closed")
        try:
            yield
        except httpx.TimeoutException:
            raise TransientSourceError(
                f"no complete answer within {self._limits.deadline:g} s", error_class="timeout"
            ) from None
        except httpx.HTTPError as error:
            raise TransientSourceError(
                f"the connection to the shop broke ({type(error).__name__})"
            ) from None
