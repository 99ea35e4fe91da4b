"""Who may come in: a token where one is set, this machine's own names where none is, no other site.

A page of another site that a browser on this machine has open can send requests to loopback
addresses. Without a token the Host header must therefore be a loopback name (a name that was bound
anew to 127.0.0.1 is not), and requests that a foreign page caused are refused in any case.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN = frozenset({"/livez", "/readyz", "/metrics"})
LARGEST = 16_384  # bytes of a body
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def problem(status: int, code: str, message: str, **headers: str) -> JSONResponse:
    """A problem body as every error of this endpoint has it."""
    return JSONResponse(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": message,
            "code": code,
            "message": message,
        },
        status,
        headers,
        media_type="application/problem+json",
    )


class Guard:
    """Middleware in front of every route."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                raw = list(message.get("headers", []))  # type: ignore[call-overload]
                raw += [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                message["headers"] = raw
            await send(message)

        answer = self.refusal(Request(scope)) or self._app
        await answer(scope, receive, with_headers)  # type: ignore[arg-type]

    def refusal(self, request: Request) -> Response | None:
        """The answer to a request that may not pass, else None."""
        checks: tuple[Callable[[Request], Response | None], ...] = (
            self._stranger, self._foreign_page, self._too_large,
        )  # fmt: skip
        return next((answer for check in checks if (answer := check(request)) is not None), None)

    def _stranger(self, request: Request) -> Response | None:
        if self._token is None:
            return (
                None
                if _loopback(request.headers.get("host", ""))
                else problem(
                    403, "forbidden", "without admin.token only loopback names are answered"
                )
            )
        if request.url.path in OPEN:
            return None
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.encode(), self._token.encode())
        if scheme.lower() == "bearer" and right:
            return None
        return problem(
            401, "unauthorized", "send `Authorization: Bearer <admin.token>`",
            **{"WWW-Authenticate": "Bearer"},
        )  # fmt: skip

    @staticmethod
    def _foreign_page(request: Request) -> Response | None:
        if request.method in ("GET", "HEAD"):
            return None
        site = request.headers.get("sec-fetch-site", "none")
        origin = request.headers.get("origin")
        own = f"{request.url.scheme}://{request.headers.get('host', '')}"
        if site in ("none", "same-origin") and origin in (None, own):
            return None
        return problem(403, "forbidden", "requests that another site's page sends are refused")

    @staticmethod
    def _too_large(request: Request) -> Response | None:
        length = request.headers.get("content-length", "0")
        if (
            length.isdecimal()
            and int(length) <= LARGEST
            and "transfer-encoding" not in request.headers
        ):
            return None
        return problem(413, "payload_too_large", f"a body has at most {LARGEST} bytes")


def _loopback(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    name = name.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
