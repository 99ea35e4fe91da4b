"""The shops' webhooks: proven, kept in memory as hints, and answered at once.

No database is asked while a shop waits: WooCommerce gives a webhook up after six answers that are
late or wrong, Shopify after eight. But a buyer who is to be erased is erased before the answer,
and where that fails the shop tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ordermill.api.edge import BODY
from ordermill.api.inbox import Inbox
from ordermill.api.problems import Problem, problem_of
from ordermill.errors import OrdermillError
from ordermill.model.webhook import Headers, Ping, Redaction, Refused, Said
from ordermill.store.webhooks import Arrival

log = structlog.get_logger()

# What a delivery to one integration is: its connector's ``read_webhook`` with its secret.
Reader = Callable[[Headers, bytes], Said]
# Erases what the shop of an integration says.
Redact = Callable[[str, Redaction], None]


def routes(readers: Mapping[str, Reader], inbox: Inbox, redact: Redact) -> APIRouter:
    """The receiver. ``readers`` has every integration with a webhook_secret, by handle, and is read
    at each delivery, so a reload swaps a secret at once."""
    router = APIRouter()

    # Not a plain function as the others are: those wait for threads, which a busy database holds.
    @router.post("/webhooks/{handle}")
    async def receive(handle: str, request: Request) -> Response:
        read = readers.get(handle)
        if read is None:
            return Problem(404, "not_found", "no such integration receives webhooks").response()
        said = read(request.headers.items(), request.scope[BODY])
        if isinstance(said, Refused):
            log.warning("webhook_refused", connector=handle, reason=said.reason)
            return _REFUSED.response()
        if isinstance(said, Ping):
            if said.topic is not None:
                log.info("webhook_without_order", connector=handle, topic=said.topic)
            return Response(status_code=200)
        if isinstance(said, Redaction):
            return await run_in_threadpool(_redacted, redact, handle, said)
        inbox.put(Arrival(handle, said.source_id, said.topic, said.event_id))
        return Response(status_code=202)

    return router


def _redacted(redact: Redact, handle: str, asked: Redaction) -> Response:
    try:
        redact(handle, asked)
    except OrdermillError as error:
        log.error("redaction_failed", connector=handle, reason=str(error))
        return problem_of(error).response()
    return Response(status_code=200)


_REFUSED = Problem(
    401, "unauthorized", "this delivery is not proven to be the shop's",
    headers={"WWW-Authenticate": "HMAC-SHA256"},
)  # fmt: skip
