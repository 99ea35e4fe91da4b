"""A WooCommerce face that is asked directly, as its clients would over HTTP."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ordermill.simulator.building import Shop as Settings
from ordermill.simulator.clock import ManualClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.server import Answer, Request
from ordermill.simulator.woocommerce.face import WooCommerceFace

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
DATA = Path(__file__).parents[1] / "data/woocommerce"


@dataclass(frozen=True)
class Said:
    """An answer with its decoded body."""

    answer: Answer

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.answer.headers)

    @property
    def body(self) -> bytes:
        return self.answer.body

    @property
    def value(self) -> Any:
        return json.loads(self.body)


class Shop:
    """Its ledger stands on a clock moved by hand; ``settings`` are those of the shop's money."""

    def __init__(self, settings: Settings | None = None, **face: Any) -> None:
        self.clock = ManualClock(START)
        self.ledger = Ledger(self.clock, seed=1, shop=settings)
        self.face = WooCommerceFace(self.ledger, **face)

    def ask(self, path: str, query: str = "", headers: dict[str, str] | None = None) -> Said:
        """A GET of the path as it stands, with the key in its header unless others are given."""
        pair = f"{self.face.consumer_key}:{self.face.consumer_secret}".encode()
        basic = {"authorization": f"Basic {base64.b64encode(pair).decode()}"}
        shown = basic if headers is None else headers
        return Said(self.face.answer(Request("GET", path, query, shown)))

    def get(self, path: str, *, version: str = "v3", **params: str) -> Said:
        return self.ask(f"/wp-json/wc/{version}{path}", urlencode(params))

    def ids(self, **params: str) -> list[int]:
        """The ids on a page of orders, a hundred unless told otherwise."""
        return [row["id"] for row in self.get("/orders", **({"per_page": "100"} | params)).value]
