"""Who comes in, and for which entity. Every answer to a stranger is the same, and takes as long.

Keys come from the YAML and from the database. A key of the database is looked up again after half a
second, so one that was revoked ends within a second.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum

from starlette.requests import Request

from ordermill.api.problems import Problem
from ordermill.api.throttle import Throttle
from ordermill.errors import StoreError
from ordermill.model.integration import ApiKey
from ordermill.store import keys, lists
from ordermill.store.database import Database
from ordermill.store.keys import StoredKey

FRESH_SECONDS = 0.5
NOTED_EVERY = timedelta(minutes=1)  # how often the use of a key is written down
MOST_REMEMBERED = 1000
# The scheme as it is written in the reference, one space, and a key without spaces.
_BEARER = re.compile(r"Bearer ([\x21-\x7e]{1,512})")
_NOBODY = keys.digest_of("no key has this digest")


class Scope(IntEnum):
    """What a key may do; each includes the ones before."""

    READ = 1
    WRITE = 2
    ADMIN = 3  # also sees raw_data


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``entities`` are handles; none means all."""

    name: str
    scope: Scope
    entities: frozenset[str]


class Keyring:
    """The keys of the YAML, by digest; a reload swaps them all at once."""

    def __init__(self, given: Iterable[ApiKey] = ()) -> None:
        self._callers: Mapping[str, Caller] = {}
        self.replace(given)

    def replace(self, given: Iterable[ApiKey]) -> None:
        self._callers = {
            keys.digest_of(key.key): Caller(
                key.name, Scope[key.scope.upper()], frozenset(key.entities)
            )
            for key in given
        }

    def find(self, digest: str) -> Caller | None:
        return self._callers.get(digest)


class Gate:
    """Knows keys and entities; ``ticks`` counts seconds, ``now`` tells the time."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        now: Callable[[], datetime],
        ticks: Callable[[], float],
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now
        self._ticks = ticks
        self._throttle = Throttle(ticks)
        self._remembered: dict[str, tuple[StoredKey | None, float]] = {}
        self._entities: tuple[Mapping[str, str], float] = ({}, float("-inf"))

    def enter(self, request: Request, scope: Scope) -> Caller:
        """The caller; 401 without a good key, 429 after too many bad ones from one address, 403
        where the key may not do this."""
        caller = self._caller(request)
        if caller.scope < scope:
            raise Problem(403, "forbidden", f"this needs a key of scope {scope.name.lower()}")
        return caller

    def reach(self, caller: Caller, request: Request) -> dict[str, str]:
        """The entities a caller reaches, by handle; the one that the header names must be among
        them. 403 for one that is not, whether it exists or not."""
        known = self._known_entities()
        mine = {h: i for h, i in known.items() if not caller.entities or h in caller.entities}
        named = request.headers.getlist("x-entity-id")
        if len(named) > 1:
            raise Problem(400, "entity_required", "send x-entity-id once")
        if named and named[0] not in mine.values():
            raise Problem(403, "entity_forbidden", "this key does not reach that entity")
        return mine

    def entity(self, caller: Caller, request: Request) -> str:
        """The entity a call is about: the one that the header names, or the only one."""
        mine = self.reach(caller, request)
        named = request.headers.get("x-entity-id")
        if named is not None:
            return named
        if not mine:
            raise Problem(403, "entity_forbidden", "this key reaches no entity")
        if len(mine) > 1:
            raise Problem(
                400, "entity_required", "this key reaches several entities; send x-entity-id"
            )
        return next(iter(mine.values()))

    def _caller(self, request: Request) -> Caller:
        given = request.headers.getlist("authorization")
        match = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
        if match is None:
            raise _stranger()
        digest = keys.digest_of(match[1])
        caller = self._keyring.find(digest) or self._stored(match[1], digest)
        if caller is None:
            wait = self._throttle.failed(request.client.host if request.client else "")
            raise _stranger() if wait is None else _too_many(wait)
        return caller

    def _stored(self, key: str, digest: str) -> Caller | None:
        prefix = keys.prefix_of(key)
        found = None if prefix is None else self._looked_up(prefix)
        right = hmac.compare_digest(digest, _NOBODY if found is None else found.digest)
        if found is None or not right or not found.works(self._now()):
            return None
        self._note(found)
        return Caller(found.name, Scope[found.scope.upper()], frozenset(found.entities))

    def _looked_up(self, prefix: str) -> StoredKey | None:
        """Also that there is none is remembered, so that both take as long."""
        there = self._remembered.get(prefix)
        if there is not None and self._ticks() - there[1] < FRESH_SECONDS:
            return there[0]
        with self._database.read() as conn:
            found = keys.find(conn, prefix)
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[prefix] = (found, self._ticks())
        return found

    def _note(self, found: StoredKey) -> None:
        """That it was used, once a minute; where the database is busy, another time."""
        now = self._now()
        if found.last_used_at is not None and now < found.last_used_at + NOTED_EVERY:
            return
        self._remembered[found.prefix] = (replace(found, last_used_at=now), self._ticks())
        with suppress(StoreError), self._database.write() as conn:
            keys.used(conn, found.prefix, now=now)

    def _known_entities(self) -> Mapping[str, str]:
        known, read_at = self._entities
        if self._ticks() - read_at >= FRESH_SECONDS:
            with self._database.read() as conn:
                known = lists.entity_ids(conn)
            self._entities = (known, self._ticks())
        return known


def _stranger() -> Problem:
    return Problem(
        401,
        "unauthorized",
        "send a key of this API as `Authorization: Bearer <key>`",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _too_many(wait: float) -> Problem:
    return Problem(
        429,
        "rate_limit_exceeded",
        "too many refused keys from this address",
        headers={"Retry-After": str(max(1, round(wait)))},
    )
