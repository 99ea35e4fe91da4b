"""What an answer's status says before any connector reads it."""

from __future__ import annotations

import httpx

from ordermill.connector.base import Context
from ordermill.connector.retry import as_pause, retry_after
from ordermill.errors import InvalidAnswer, RateLimited, SourceUnsupported, TransientSourceError


def refuse(status: int, headers: httpx.Headers, asked: float) -> None:
    """Raise for the statuses that no connector needs to judge."""
    if status == 429:
        raise RateLimited("the shop asks for a pause (429)", retry_after=asked)
    if 300 <= status < 400:
        location = headers.get("location")
        if location is None:
            raise InvalidAnswer(f"the shop answered {status} without an answer")
        raise SourceUnsupported(
            f"the shop redirects ({status}) to {_host(location)}, which is not followed; "
            "set base_url to where its API answers"
        )


def _host(location: str) -> str:
    try:
        host = httpx.URL(location).host
    except httpx.InvalidURL:
        return "an address that cannot be read"
    return host[:100] if host and host.isprintable() else "another path of the same host"


def to_skip(response: httpx.Response, start: int, context: Context) -> int:
    """How many bytes of the answer come before ``start``; raise if it is not the file."""
    status, headers = response.status_code, response.headers
    if status == 200 and headers.get("content-encoding", "identity") == "identity":
        return start
    if status == 206 and headers.get("content-range", "").startswith(f"bytes {start}-"):
        return 0
    asked = retry_after(headers.get("retry-after"), context.now())
    refuse(status, headers, asked)
    if status >= 500:
        failed = TransientSourceError(
            f"the file's host answered {status}", error_class="upstream_5xx"
        )
        raise as_pause(failed, asked)
    raise InvalidAnswer(f"the file's host answered {status}; its link may have expired")
