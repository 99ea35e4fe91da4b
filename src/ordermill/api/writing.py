"""Calls that change something: one transaction each, and the same call twice answered once.

The kept answer is written in the effect's own transaction. What changed nothing (400, 401, 403,
404, 409 and body errors) leaves the key free.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from ordermill.api.call import Answer, Call, etag_of
from ordermill.api.problems import MEDIA_TYPE, Problem
from ordermill.api.reading import read
from ordermill.errors import StoreBusy
from ordermill.store import idempotency
from ordermill.store.idempotency import Kept

WAIT_SECONDS = 5.0  # for the first call with a key, while it runs
_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")
_canonical = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode

Work = Callable[[Connection], Answer]


def once(call: Call, work: Work) -> Response:
    """Do it in a transaction; a call with an idempotency key only the first time."""
    key = key_of(call)
    if key is None:
        with call.house.database.write() as conn:
            answer = work(conn)
        return answer.response()
    with call.house.running.alone((call.entity_id, key), WAIT_SECONDS) as free:
        if not free:
            raise _in_progress()
        return _keyed(call, key, work)


def key_of(call: Call) -> str | None:
    """``Idempotency-Key``, else ``X-Request-Id``; 400 for what is no key."""
    for name in ("idempotency-key", "x-request-id"):
        given = call.request.headers.getlist(name)
        if given:
            if len(given) > 1 or not _KEY.fullmatch(given[0]):
                raise Problem(
                    400,
                    "invalid_query",
                    f"{name} must be sent once, with 1 to 255 visible ASCII characters",
                )
            return given[0]
    return None


def _keyed(call: Call, key: str, work: Work) -> Response:
    asked = _hash(call)
    mine = False
    try:
        with call.house.database.write() as conn:
            kept = idempotency.claim(conn, call.entity_id, key, wait=WAIT_SECONDS)
            mine = True
            if kept is not None:
                return _replayed(kept, asked)
            answer = work(conn)
            if answer.kept:
                first = Kept(asked, answer.status, answer.body.decode())
                idempotency.keep(conn, call.entity_id, key, first, now=call.now)
    except StoreBusy:
        if mine or call.house.database.dialect == "sqlite":
            raise
        raise _in_progress() from None
    return answer.response()


def _replayed(kept: Kept, asked: str) -> Response:
    if kept.request_hash != asked:
        raise Problem(
            422, "idempotency_key_reused", "this key was sent before with another call or body"
        )
    body = kept.body.encode()
    if kept.status >= 400:
        again = Answer(kept.status, body, media_type=MEDIA_TYPE)
    else:
        again = Answer(kept.status, body, _beside(kept.status, body))
    return again.response(**{"Idempotency-Replayed": "true"})


def _beside(status: int, body: bytes) -> dict[str, str]:
    """The headers of the first answer: its tag and, of what was made, where it is."""
    there = {"Location": f"/orders/{msgspec.json.decode(body)['id']}"} if status == 201 else {}
    return {"ETag": etag_of(body)} | there


def _hash(call: Call) -> str:
    """Of method, path and what the body says, however it is spaced."""
    said = _canonical(read(call.body)) if call.body else b"{}"
    parts = (call.request.method.encode(), call.request.url.path.encode(), said)
    return hashlib.blake2b(b"\0".join(parts), digest_size=16).hexdigest()


def _in_progress() -> Problem:
    return Problem(
        409,
        "idempotency_in_progress",
        "a call with this key is running; ask again",
        headers={"Retry-After": "1"},
    )
