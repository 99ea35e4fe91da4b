"""The shops' webhooks: proven, kept in memory as hints, and answered at once.

No database is asked while a shop waits: WooCommerce gives a webhook up after six answers that are
late or wrong, Shopify after eight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ordermill.api.edge import BODY
from ordermill.api.inbox import Inbox
from ordermill.api.problems import Problem
from ordermill.model.webhook import Headers, Hint, Ping, Refused
from ordermill.store.webhooks import Arrival

log = structlog.get_logger()

# What a delivery to one integration is: its connector's ``read_webhook`` with its secret.
Reader = Callable[[Headers, bytes], Hint | Ping | Refused]


def routes(readers: Mapping[str, Reader], inbox: Inbox) -> APIRouter:
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
            return Response(status_code=200)
        inbox.put(Arrival(handle, said.source_id, said.topic, said.event_id))
        return Response(status_code=202)

    return router


_REFUSED = Problem(
    401, "unauthorized", "this delivery is not proven to be the shop's",
    headers={"WWW-Authenticate": "HMAC-SHA256"},
)  # fmt: skip
