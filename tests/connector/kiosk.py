"""An invented shop that keeps orders in memory and lists them by time and id, over real HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from ordermill.simulator.server import Answer, Request

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOKEN = "kiosk-token"


class KioskShop:
    """Orders by id, an hour apart, but for the last five, which came in one second."""

    def __init__(self, orders: int = 30) -> None:
        self.token = TOKEN
        self.now = START + timedelta(hours=orders + 1)
        self.orders: dict[str, dict[str, Any]] = {}
        for number in range(orders):
            at = START + timedelta(hours=min(number, orders - 5))
            self.orders[str(1001 + number)] = an_order(str(1001 + number), at)

    def touch(self, order_id: str) -> None:
        self.now += timedelta(seconds=2)
        self.orders[order_id]["changed_at"] = self.now.isoformat()

    def remove(self, order_id: str) -> None:
        del self.orders[order_id]

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Answer.of({"error": "bad_token"}, 401)
        if request.path == "/api/orders":
            return self._listed(request.params)
        order = self.orders.get(request.path.rpartition("/")[2])
        return Answer.of(order) if order else Answer.of({"error": "no_such_order"}, 404)

    def _listed(self, asked: dict[str, str]) -> Answer:
        name = "created_at" if asked.get("by") == "created" else "changed_at"
        rows = sorted(self.orders.values(), key=lambda row: (row[name], row["id"]))
        keys = [(row, (row[name], row["id"])) for row in rows if _within(row[name], asked)]
        if "after" in asked:
            after = tuple(json.loads(asked["after"]))
            keys = [(row, key) for row, key in keys if key > after]
        limit = int(asked["limit"])
        more = json.dumps(keys[limit - 1][1]) if len(keys) > limit else None
        return Answer.of({"orders": [row for row, _ in keys[:limit]], "next": more})


def an_order(order_id: str, at: datetime) -> dict[str, Any]:
    """Two mugs at 22 %, with what is nobody's business."""
    return {
        "id": order_id, "created_at": at.isoformat(), "changed_at": at.isoformat(),
        "currency": "EUR", "total": "24.40", "tax": "4.40", "paid": True,
        "client_ip": "192.0.2.7", "session_token": "t0k3n",
        "lines": [
            {"id": f"{order_id}1", "name": "Mug", "quantity": 2, "net": "20.00", "tax": "4.40"}
        ],
    }  # fmt: skip


def _within(at: str, asked: dict[str, str]) -> bool:
    when = datetime.fromisoformat(at)
    since, until = asked.get("since"), asked.get("until")
    return (since is None or when >= datetime.fromisoformat(since)) and (
        until is None or when < datetime.fromisoformat(until)
    )
