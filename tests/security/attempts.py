"""Attempts at the API, each with what it may be answered with, and what is demanded of any answer.

Of every attempt: no 5xx, no trace of the inside, nothing of the attempt in a refusal, in the log or
in the metrics, and the next ordinary call is answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus, urlencode

import httpx
import pytest
import structlog
from prometheus_client import generate_latest

from api.asked import Api, key_of, made_api
from ordermill.admin.metrics import Metrics
from ordermill.logs import exceptions_as_frames, without_secrets
from shops import Stored

CANARY = "CANARY_9f3c"
# What only the inside knows: frames, statements, drivers, files.
INSIDE = re.compile(
    r"Traceback|File \"|\.py\b|sqlalchemy|psycopg|sqlite|site-packages|/src/|/tmp/"
    r"|\bSELECT\b|\bINSERT INTO\b|\bFROM orders\b|Decimal\(|object at 0x",
    re.I,
)
HEADERS = frozenset(
    """content-type content-length x-request-id x-content-type-options referrer-policy cache-control
    vary www-authenticate retry-after etag location link allow idempotency-replayed connection
    content-security-policy""".split()
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call, and the statuses that it may be answered with. ``key`` is the name of its owner."""

    what: str
    method: str
    path: str
    allowed: tuple[int, ...]
    key: str | None = "writer"
    headers: tuple[tuple[str, str | bytes], ...] = ()
    body: bytes | None = None


def asking(path: str, **parameters: str) -> str:
    """A path with its query string."""
    return f"{path}?{urlencode(parameters)}"


def body_of(value: Any) -> bytes:
    return json.dumps(value).encode()


@dataclass
class Walls:
    """The app as it stands, with its metrics; ``said`` is what it logged."""

    api: Api
    metrics: Metrics
    said: list[Any] = field(default_factory=list)

    def hold(self, attempts: Iterable[Attempt], subtests: pytest.Subtests) -> None:
        """Make each attempt and demand of its answer what is demanded of all."""
        with self._listening():
            for attempt in attempts:
                with subtests.test(attempt.what[:60]):
                    self.held(attempt)
        self._nothing_leaked()

    def held(self, attempt: Attempt) -> httpx.Response:
        """One attempt; its answer."""
        answer = self._sent(attempt)
        assert answer.status_code in attempt.allowed, (attempt, answer.text[:500])
        assert answer.status_code < 500
        assert set(answer.headers) <= HEADERS
        if answer.status_code >= 400:
            told = {word.lower() for word in INSIDE.findall(answer.text)}
            assert told <= set(INSIDE.findall(unquote_plus(attempt.path).lower())), answer.text
            assert CANARY not in answer.text
        ordinary = self.api.as_("reader").get("/orders", limit=1)
        assert ordinary.status_code == 200, ordinary.text
        return answer

    def _sent(self, attempt: Attempt) -> httpx.Response:
        own = [] if attempt.key is None else [("Authorization", f"Bearer {key_of(attempt.key)}")]
        headers = [
            (name.encode(), value if isinstance(value, bytes) else value.encode())
            for name, value in (*own, *attempt.headers)
        ]
        return self.api.call(attempt.method, attempt.path, headers=headers, content=attempt.body)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        with structlog.testing.capture_logs() as said:
            yield
        self.said += said

    def _nothing_leaked(self) -> None:
        """Of what is logged, only what the processors of the program let through counts."""
        written = [
            exceptions_as_frames(None, "", dict(without_secrets(None, "", event)))
            for event in self.said
        ]
        assert CANARY not in str(written)
        assert CANARY not in generate_latest(self.metrics.registry).decode()


def walls_of(store: Stored, **more: Any) -> Walls:
    metrics = Metrics()
    return Walls(made_api(store.database, store.clock, listener=metrics, **more), metrics)
