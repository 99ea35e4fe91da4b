"""Callers of the API, and the orders that tests make with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from admin.watched import Caller
from ordermill.api.app import create_app
from ordermill.api.gate import Keyring
from ordermill.model.integration import ApiKey
from ordermill.store.database import Database

EXAMPLES: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "data/orders-api-examples.json").read_text()
)
ITEM = EXAMPLES["create_request"]["items"][0]
HOST = "http://api.example"


def key_of(name: str) -> str:
    """A key of 32 characters and more, by its owner's name."""
    return f"{name}-1f0d83a9b7c64e25a1f0d83a9b7c64e2"


KEYS = (
    ApiKey("reader", key_of("reader"), "read", ("acme",)),
    ApiKey("writer", key_of("writer"), "write", ("acme",)),
    ApiKey("boss", key_of("boss"), "admin", ("acme",)),
    ApiKey("rival", key_of("rival"), "admin", ("rival",)),
    ApiKey("all", key_of("all"), "admin"),
)


class Ticks:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Api:
    """The app, and a caller for each key."""

    app: ASGIApp
    database: Database
    clock: Callable[[], datetime]
    ticks: Ticks
    headers: dict[str, str] = field(default_factory=dict)

    def as_(self, name: str, **headers: str) -> Api:
        """The same app, called with the key of that name and further headers (_ for -)."""
        more = {n.replace("_", "-"): value for n, value in headers.items()}
        return replace(self, headers={"Authorization": f"Bearer {key_of(name)}", **more})

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        return Caller(self.app, HOST, self.headers).request(method, path, **more)

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        return self.call("GET", path, params=parameters)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        more = {n.replace("_", "-"): value for n, value in headers.items()}
        return self.call("POST", path, json=body, headers=more)

    def patch(self, path: str, body: Any, **headers: str) -> httpx.Response:
        more = {n.replace("_", "-"): value for n, value in headers.items()}
        return self.call("PATCH", path, json=body, headers=more)

    def made(self, source_id: str = "m-1", **other: Any) -> dict[str, Any]:
        """A manual order that was made; its body."""
        answer = self.post("/orders", an_order(source_id, **other))
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def ids(self, path: str, **parameters: Any) -> list[str]:
        """The ids of a page."""
        answer = self.get(path, **parameters)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()["data"]]

    def pages(self, path: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every page from the first to the last."""
        cursor: dict[str, str] = {}
        while True:
            answer = self.get(path, **parameters, **cursor)
            assert answer.status_code == 200, answer.text
            body: dict[str, Any] = answer.json()
            yield body
            if not body["pagination"]["has_more"]:
                return
            cursor = {"next_cursor": body["pagination"]["next_cursor"]}


def an_order(source_id: str = "m-1", **other: Any) -> dict[str, Any]:
    """The body of a manual order as the reference publishes it, without its integration."""
    example = {k: v for k, v in EXAMPLES["create_request"].items() if k != "order_integration_id"}
    return example | {"source_id": source_id} | other


def made_api(database: Database, clock: Callable[[], datetime], **more: Any) -> Api:
    ticks = Ticks()
    app = create_app(database, Keyring(KEYS), now=clock, ticks=ticks, **more)
    return Api(app, database, clock, ticks)


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    """Whether it is a whole problem body of that status and code."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert answer.headers["x-request-id"]
    body = answer.json()
    assert (body["status"], body["detail"]) == (answer.status_code, body["message"])
    assert body["title"]
    assert (answer.status_code, body["code"]) == (status, code), body
    return True
