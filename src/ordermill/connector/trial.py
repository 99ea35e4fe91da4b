"""A shop to put a connector on trial with, and how the contract suite (contract.py) reads it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from ordermill.connector.base import (
    By,
    Connector,
    Context,
    IndexPage,
    Page,
    Plugin,
    RawOrder,
    Window,
)
from ordermill.errors import SourceError

# Stands for every secret of a connector that meets a wrong shop, so that it can be looked for.
CANARY = "canary-5f1d7c"
PAGE_SIZE = 5
ALL = Window(by=By.CHANGED, since=None)
ALL_CREATED = Window(by=By.CREATED, since=None)
MOST_PAGES = 500  # a pass over the shop on trial that is longer than that does not end


def _no_wait(seconds: float) -> None:
    """Pauses are not waited for: no wrong shop of the suite gets better by it."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class ShopOnTrial:
    """A connector's plugin with a shop that it can read and that the suite may change.

    The shop has at least 25 orders, three of them with one and the same time of change, and is
    quiet: it changes by ``touch`` (this order is saved, so its time of change moves) and ``remove``
    (this order is gone for good) alone. ``options`` are those of the YAML; ``secrets`` names the
    ones that are secret, ``url`` the one that holds the address. ``now`` and ``sleep`` are what the
    connector gets as its clock.
    """

    plugin: Plugin
    options: Mapping[str, Any]
    touch: Callable[[str], object]
    remove: Callable[[str], object]
    secrets: tuple[str, ...] = ()
    url: str = "base_url"
    now: Callable[[], datetime] = _now
    sleep: Callable[[float], None] = _no_wait

    def read_options(self, **other: Any) -> BaseModel:
        """The options as the settings read them."""
        return self.plugin.options.model_validate({**self.options, **other})

    def connect(self, counted: Counted | None = None, **other: Any) -> Connector:
        """A connector of its own, in pages of five; ``other`` options replace the shop's."""
        context = Context("trial", self.now, self.sleep, counted or Counted(), PAGE_SIZE)
        return self.plugin.connect(self.read_options(**other), context)

    def connect_to(self, address: str) -> Connector:
        """The same connector at another address, with the canary for every secret."""
        return self.connect(None, **{self.url: address, **dict.fromkeys(self.secrets, CANARY)})


@dataclass
class Counted:
    """An Observer that remembers the words it was given."""

    requests: list[tuple[str, str]] = field(default_factory=list)
    operations: set[str] = field(default_factory=set)

    def request(self, operation: str, code: str, seconds: float) -> None:
        self.requests.append((operation, code))
        self.operations.add(operation)

    def retry(self, operation: str, reason: str) -> None:
        self.operations.add(operation)

    def throttled(self, seconds: float) -> None: ...

    def budget(self, capacity: float, available: float, used: float) -> None: ...


def pages(
    connector: Connector,
    window: Window,
    cursor: str | None = None,
    *,
    after: Callable[[Page], object] = lambda page: None,
) -> list[Page]:
    """Every page of a pass; ``after`` is called between two of them."""
    read: list[Page] = []
    while len(read) < MOST_PAGES:
        read.append(connector.fetch(window, cursor))
        cursor = read[-1].cursor
        if cursor is None:
            return read
        after(read[-1])
    raise AssertionError(f"the pass did not end within {MOST_PAGES} pages")


def ids(read: Sequence[Page]) -> set[str]:
    return {raw.source_id for page in read for raw in page.orders}


def everything(connector: Connector) -> dict[str, RawOrder]:
    """Every order of the shop, in its last state."""
    return {raw.source_id: raw for page in pages(connector, ALL) for raw in page.orders}


def index(connector: Connector) -> list[IndexPage]:
    """The whole index."""
    read = [connector.index(ALL, None)]
    while read[-1].cursor is not None and len(read) < MOST_PAGES:
        read.append(connector.index(ALL, read[-1].cursor))
    assert read[-1].cursor is None, "the index does not end"
    return read


def asking(connector: Connector) -> Iterator[Callable[[], object]]:
    """Every way to ask that must fail where the shop does."""
    yield connector.check
    yield lambda: connector.fetch(ALL, None)
    yield lambda: connector.fetch(ALL_CREATED, None)
    yield lambda: connector.index(ALL, None)


def assert_concludes_nothing(connector: Connector, address: str) -> None:
    """By id a connector may leave unanswered what it was not told; it may not call it gone."""
    try:
        answer = connector.fetch_ids(["1001", "1002"])
    except SourceError as error:
        assert_discreet(error, address)
        return
    assert (tuple(answer.orders), dict(answer.gone), tuple(answer.hidden)) == ((), {}, ())


def assert_discreet(error: SourceError, address: str) -> None:
    """No secret, no buyer and no whole URL in what people and logs get to see."""
    said = "\n".join([repr(error), *traceback.format_exception(error)])
    assert str(error)
    assert CANARY not in said
    assert "Horvat" not in said
    assert address not in str(error)


def rests(read: Sequence[Page]) -> Iterator[list[RawOrder]]:
    """For each page the orders of the pages after it."""
    for at in range(len(read)):
        yield [raw for page in read[at + 1 :] for raw in page.orders]


def shown(read: Sequence[IndexPage], source_id: str) -> str | None:
    """What the index shows of an order, as one text."""
    found = [entry.mark for page in read for entry in page.entries if entry.source_id == source_id]
    found += [
        f"{raw.mark} {raw.updated_at}"
        for page in read
        for raw in page.orders
        if raw.source_id == source_id
    ]
    return found[-1] if found else None
