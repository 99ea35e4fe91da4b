"""Things that stand between a shop and us: what changes its answers, and what remembers them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ordermill.simulator.server import Answer, Face, Request


class Rewritten:
    """A face whose JSON answers to paths with that ending are changed on their way."""

    def __init__(self, face: Face, ending: str, change: Callable[[Any], Any]) -> None:
        self._face = face
        self._ending = ending
        self._change = change
        self.ledger = face.ledger  # type: ignore[attr-defined]

    def answer(self, request: Request) -> Answer:
        answer = self._face.answer(request)
        if answer.status != 200 or not request.path.endswith(self._ending):
            return answer
        changed = json.dumps(self._change(json.loads(answer.body))).encode()
        return Answer(200, changed, answer.headers)


class StaleCache:
    """A cache before a WooCommerce shop. While ``stale`` it answers orders as it saw them first.

    ``by_id``: also where orders are asked for by their ids.
    """

    def __init__(self, face: Any) -> None:
        self._face = face
        self._seen: dict[int, Any] = {}
        self.ledger = face.ledger
        self.stale = False
        self.by_id = False

    def answer(self, request: Request) -> Answer:
        answer = self._face.answer(request)
        listing = request.path.endswith("/orders") and "_fields" not in request.params
        if answer.status != 200 or not listing:
            return answer
        rows = [self._row(row, request) for row in json.loads(answer.body)]
        return Answer(200, json.dumps(rows).encode(), answer.headers)

    def _row(self, row: Any, request: Request) -> Any:
        first = self._seen.setdefault(row["id"], row)
        asked_by_id = "include" in request.params
        return first if self.stale and (self.by_id or not asked_by_id) else row
