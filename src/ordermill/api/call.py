"""A call as an endpoint sees it: who asks, of which entity, with what."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ordermill.api.edge import BODY
from ordermill.api.gate import Caller, Gate
from ordermill.api.kept import Pages
from ordermill.api.problems import invalid_query, not_found
from ordermill.api.throttle import Turns
from ordermill.invoicing.done import Done, Listener
from ordermill.store.database import Database

READ_SECONDS = 5.0  # that a statement of a list may take
_ID = re.compile(r"[a-z]{3,4}_[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class House:
    """What every endpoint needs."""

    database: Database
    gate: Gate
    now: Callable[[], datetime]
    pages: Pages
    listeners: Sequence[Listener] = ()
    running: Running = field(default_factory=lambda: Running())
    turns: Turns = field(default_factory=Turns)


@dataclass(frozen=True, slots=True)
class Call:
    """One request that may pass. ``entity_ids`` holds one id, but for lists of entities.

    ``done`` collects what it does to orders, which is told once it is committed.
    """

    house: House
    caller: Caller
    entity_ids: tuple[str, ...]
    request: Request
    now: datetime
    done: list[Done] = field(default_factory=list)

    @property
    def entity_id(self) -> str:
        """The one entity the call is about."""
        (only,) = self.entity_ids
        return only

    @property
    def id(self) -> str:
        """The id in the path; NotFound for a text that can be none, so it reaches no database."""
        given: str = self.request.path_params["id"]
        if not _ID.fullmatch(given):
            raise not_found()
        return given

    @property
    def body(self) -> bytes:
        """The whole body."""
        found: bytes = self.request.scope[BODY]
        return found

    def parameters(self, *allowed: str) -> dict[str, str]:
        """What stands in the query string: each of ``allowed`` at most once, and nothing else."""
        found: dict[str, str] = {}
        for name, value in self.request.query_params.multi_items():
            if name not in allowed:
                taken = ", ".join(allowed) or "none"
                raise invalid_query(f"unknown parameter {name[:50]!r}; there are: {taken}")
            if name in found:
                raise invalid_query(f"{name} is there twice")
            found[name] = value
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer before it is sent. ``kept``: whoever sends the same call again gets it again."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    kept: bool = True

    def response(self, **more: str) -> Response:
        if self.status == 204:
            return Response(status_code=204, headers=self.headers | more)
        headers = self.headers | more
        return Response(self.body, self.status, headers, media_type=self.media_type)


def etag_of(body: bytes) -> str:
    """A strong validator: the bytes themselves, hashed."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


class Running:
    """The keyed calls that run in this process, so that the second of two waits for the first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._keys: set[tuple[str, str]] = set()

    @contextmanager
    def alone(self, key: tuple[str, str], wait: float) -> Iterator[bool]:
        """Wait for others with the same key; False if that takes longer than ``wait`` seconds."""
        with self._changed:
            free = self._changed.wait_for(lambda: key not in self._keys, wait)
            if free:
                self._keys.add(key)
        try:
            yield free
        finally:
            if free:
                with self._changed:
                    self._keys.discard(key)
                    self._changed.notify_all()


Endpoint = Callable[[Call], Any]
