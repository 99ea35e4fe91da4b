"""A shop's Admin API over a ledger: GraphQL, tokens and the files of bulk operations, over HTTP."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Mapping
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from ordermill.simulator.faults import Fault
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.server import Answer, Request
from ordermill.simulator.shopify import bulk, versions
from ordermill.simulator.shopify.auth import Credentials, Tokens
from ordermill.simulator.shopify.deliveries import Deliveries
from ordermill.simulator.shopify.engine import Engine
from ordermill.simulator.shopify.shop import App

_GRAPHQL = re.compile(r"/admin/api/([^/]+)/graphql\.json")
_FILE = re.compile(r"/bulk/(\d+)\.jsonl")
_RANGE = re.compile(r"bytes=(\d+)-")
_REFUSED = "[API] Invalid API key or access token (unrecognized login or wrong password)"
_OUTAGES = {
    "402": "Unavailable Shop",
    "403": "[API] This action requires merchant approval for read_orders scope.",
    "404": "Not Found",
    "423": "Locked",
    "430": "Shopify Security Rejection",
}
_THROTTLED = 100  # points that a query is said to have wanted when the refusal was planned


class ShopifyFace:
    """Shows a ledger as a Shopify shop with one app.

    ``app`` is what the shop grants it; ``supported`` are the API versions, oldest first. An order
    in the trash is deleted: Shopify knows no trash. Tax must be rounded per line, as Shopify does.
    Webhooks go out when ``deliveries.send`` is called.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        app: App | None = None,
        credentials: Credentials | None = None,
        bulk_options: bulk.Options | None = None,
        supported: tuple[str, ...] = versions.SUPPORTED,
    ) -> None:
        self.ledger = ledger
        self.app = app or App()
        self.credentials = credentials or Credentials()
        self.supported = supported
        self.tokens = Tokens(self.credentials, ledger.clock.now)
        self.engine = Engine(ledger, self.app, bulk_options or bulk.Options(), supported)
        self.deliveries = Deliveries(
            ledger, self.engine.subscriptions, self.credentials.client_secret, supported[-1]
        )

    @property
    def access_token(self) -> str:
        """The app's standing token."""
        return self.credentials.token

    def answer(self, request: Request) -> Answer:
        """Answer one request; the Date is the shop's."""
        answer = self._answer(request)
        date = format_datetime(self.ledger.now(), usegmt=True)
        headers = {"Date": date, "X-Request-Id": str(uuid.uuid4())}
        return Answer(answer.status, answer.body, {**answer.headers, **headers})

    def outage(self, fault: Fault, request: Request, answer: Answer) -> Answer | None:
        """Shopify's own wording; None where it is a server's or a proxy's."""
        if fault.kind == "throttled":
            return self._throttled(self.engine.throttled(_THROTTLED), {})
        said = _OUTAGES.get(fault.kind)
        return None if said is None else Answer.of({"errors": said}, int(fault.kind))

    def _answer(self, request: Request) -> Answer:
        if request.method == "POST" and request.path == "/admin/oauth/access_token":
            return self._grant(request)
        if request.method == "GET" and (file := _FILE.fullmatch(request.path)):
            return self._file(int(file[1]), request.headers.get("range", ""))
        asked = _GRAPHQL.fullmatch(request.path)
        version = versions.served(asked[1], self.supported) if asked else None
        if request.method != "POST" or version is None:
            return Answer.of({"errors": "Not Found"}, 404)
        if not self.tokens.good(request.headers.get("x-shopify-access-token")):
            return Answer.of({"errors": _REFUSED}, 401)
        return self._graphql(request, version)

    def _graphql(self, request: Request, version: str) -> Answer:
        headers = {"X-Shopify-API-Version": version}
        try:
            asked = request.json()
            text, given = str(asked["query"]), dict(asked.get("variables") or {})
        except (ValueError, TypeError, KeyError, AttributeError):
            return Answer.of({"errors": {"query": "Required parameter missing"}}, 400, headers)
        self.engine.base_url = request.base_url
        body = self.engine.answer(text, given, asked.get("operationName"), version)
        if _code(body) == "THROTTLED":
            return self._throttled(body, headers)
        return Answer.of(body, 200, headers)

    def _throttled(self, body: dict[str, Any], headers: Mapping[str, str]) -> Answer:
        if self.app.throttled_as == 200:
            return Answer.of(body, 200, headers)
        cost = body["extensions"]["cost"]
        missing = cost["requestedQueryCost"] - cost["throttleStatus"]["currentlyAvailable"]
        wait = max(math.ceil(missing / self.app.size.restore), 1)
        return Answer.of(body, 429, {**headers, "Retry-After": str(wait)})

    def _grant(self, request: Request) -> Answer:
        try:
            form = json.loads(request.body)
        except ValueError:
            form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        known = form if isinstance(form, dict) else {}
        status, body = self.tokens.grant(known, ",".join(sorted(self.app.scopes)))
        return Answer.of(body, status)

    def _file(self, number: int, wanted: str) -> Answer:
        """As a store of files answers, which needs no token and gives parts."""
        body = self.engine.bulk.file(number)
        if body is None:
            return Answer(404, b"NoSuchKey", {"Content-Type": "text/plain"})
        headers = {"Content-Type": "application/jsonl", "Accept-Ranges": "bytes"}
        part = _RANGE.fullmatch(wanted)
        if part is None:
            return Answer(200, body, headers)
        start = int(part[1])
        if start >= len(body):
            return Answer(416, b"", headers | {"Content-Range": f"bytes */{len(body)}"})
        span = f"bytes {start}-{len(body) - 1}/{len(body)}"
        return Answer(206, body[start:], headers | {"Content-Range": span})


def _code(body: dict[str, Any]) -> str | None:
    errors = body.get("errors") or [{}]
    code: str | None = errors[0].get("extensions", {}).get("code")
    return code
