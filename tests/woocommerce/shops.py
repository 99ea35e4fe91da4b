"""A simulated shop that a connector reaches in memory, at whatever address; and recorded orders."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec

from ordermill.connector.base import Context, RawOrder, Unobserved
from ordermill.model.order import Order
from ordermill.simulator.clock import ManualClock
from ordermill.simulator.server import Answer, Face, Request
from ordermill_woocommerce.connector import WooCommerce
from ordermill_woocommerce.normalize import normalize
from ordermill_woocommerce.options import Options
from ordermill_woocommerce.raw import head_of, kept_refunds, raw_order

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
DATA = Path(__file__).parents[1] / "data/woocommerce"
Document = dict[str, Any]


class Wire(httpx.BaseTransport):
    """Carries requests to a face. ``instead`` may answer in its place; ``seen`` keeps them all."""

    def __init__(self, face: Face) -> None:
        self.face = face
        self.seen: list[httpx.Request] = []
        self.instead: Callable[[httpx.Request], httpx.Response | None] = lambda _: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.instead(request)
        return answer if answer is not None else self._answered(request)

    def _answered(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        asked = Request(
            request.method,
            url.path,
            url.query.decode(),
            {name.lower(): value for name, value in request.headers.items()},
            request.read(),
            f"{url.scheme}://{url.netloc.decode()}",
        )
        said: Answer = self.face.answer(asked)
        return httpx.Response(said.status, headers=dict(said.headers), content=said.body)

    @property
    def queries(self) -> list[dict[str, str]]:
        """What each request to a listing of orders asked for."""
        listing = [request for request in self.seen if request.url.path.endswith("/orders")]
        return [dict(request.url.params) for request in listing]


class Connected:
    """A connector, the wire it is on, and the clock it lives by, ``ahead`` of the shop's."""

    def __init__(
        self,
        face: Any,
        *,
        url: str = "https://shop.example",
        clock: ManualClock | None = None,
        page_size: int = 5,
        ahead: timedelta = timedelta(0),
        **options: Any,
    ) -> None:
        self.clock = clock or ManualClock(START)
        self.wire = Wire(face)
        given = {
            "base_url": url,
            "allow_private_network": True,
            "consumer_key": face.consumer_key,
            "consumer_secret": face.consumer_secret,
        }
        context = Context(
            "shop",
            lambda: self.clock.now() + ahead,
            self.clock.sleep,
            Unobserved(),
            page_size,
        )
        chosen = Options.model_validate(given | options)
        self.connector = WooCommerce(chosen, context, transport=self.wire)


def lines(name: str) -> list[Document]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def recorded_orders() -> dict[int, Document]:
    """Every recorded order of a shop by its id; those of shops with other decimals too."""
    rows = lines("orders.jsonl") + lines("orders_shop_decimals.jsonl")
    return {row["id"]: row["order"] for row in rows}


def recorded_refunds() -> dict[int, list[Document]]:
    """The full refunds by the id of their order."""
    refunds = {row["order_id"]: row["refunds"] for row in lines("refunds.jsonl")}
    shops = lines("orders_shop_decimals.jsonl")
    return refunds | {row["id"]: row["refunds"] for row in shops if row["refunds"]}


def raw_of(document: Document, refunds: list[Document] | None = None) -> RawOrder:
    """As the connector keeps it."""
    row = msgspec.Raw(msgspec.json.encode(document))
    kept = (
        None
        if refunds is None
        else kept_refunds([msgspec.Raw(msgspec.json.encode(each)) for each in refunds])
    )
    return raw_order(row, head_of(row), kept)


def normalized(document: Document, refunds: list[Document] | None = None) -> Order:
    return normalize(raw_of(document, refunds))
