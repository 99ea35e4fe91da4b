"""Metrics that watch made-up shops, a scheduler's heartbeat, and callers of the app."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from starlette.types import ASGIApp

from ordermill.admin.metrics import Metrics


@dataclass(frozen=True)
class Kind:
    """What the metrics ask of a plug-in."""

    source: str = "woocommerce"
    operations: tuple[str, ...] = ("orders", "order", "refunds")


def watched(*handles: str, metrics: Metrics | None = None) -> Metrics:
    metrics = metrics or Metrics(revision="abc")
    metrics.watch(
        {handle: Kind() for handle in handles},
        {handle: timedelta(seconds=30) for handle in handles},
    )
    return metrics


class Beat:
    """How long ago the scheduler ticked, as a test wants it."""

    def __init__(self) -> None:
        self.seconds = 0.2

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Caller:
    """Asks the app itself, without a socket. An exception that leaves the app is its 500."""

    app: ASGIApp
    base_url: str
    headers: dict[str, str] = field(default_factory=dict)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return asyncio.run(self._ask(method, path, more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    async def _ask(self, method: str, path: str, more: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url=self.base_url, headers=self.headers
        ) as client:
            return await client.request(method, path, **more)
