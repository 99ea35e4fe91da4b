"""A house whose clock moves only when somebody sleeps, and shop clients that stand in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from ordermill.connector.base import Context
from ordermill.connector.http import ShopClient

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class House:
    """The context of one connector, with what it slept and counted."""

    clock: datetime = START
    slept: list[float] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    retries: list[tuple[str, str]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    figures: list[tuple[float, float, float]] = field(default_factory=list)

    @property
    def context(self) -> Context:
        return Context(handle="shop", now=lambda: self.clock, sleep=self.sleep, observer=self)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock += timedelta(seconds=seconds)

    def request(self, operation: str, code: str, seconds: float) -> None:
        assert seconds >= 0
        self.requests.append((operation, code))

    def retry(self, operation: str, reason: str) -> None:
        self.retries.append((operation, reason))

    def throttled(self, seconds: float) -> None:
        self.waits.append(seconds)

    def budget(self, capacity: float, available: float, used: float) -> None:
        self.figures.append((capacity, available, used))


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def client(house: House) -> Iterator[Callable[..., ShopClient]]:
    """Makes shop clients; on this machine's own servers unless told otherwise."""
    made: list[ShopClient] = []

    def make(base_url: str = "https://shop.example", **options: Any) -> ShopClient:
        one = ShopClient(
            base_url, **({"context": house.context, "allow_private_network": True} | options)
        )
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def shop(client: Callable[..., ShopClient]) -> Callable[..., ShopClient]:
    """A client of a shop in memory: answers (or errors) one after another, the last for ever."""

    def make(*answers: httpx.Response | Exception, **options: Any) -> ShopClient:
        left = list(answers)

        def answer(_request: httpx.Request) -> httpx.Response:
            one = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(one, Exception):
                raise one
            return one

        return client(transport=httpx.MockTransport(answer), **options)

    return make
