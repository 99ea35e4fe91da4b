"""What a connector is: a plug-in that reads one kind of shop, oldest change first.

A connector reads and normalizes; it never stores, schedules, or decides. Words: a *bookmark* stands
between passes (a time, kept by the store), a *cursor* between the pages of one pass (the
connector's own text). See CONTRIBUTING.md for a whole connector in under 150 lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct
from pydantic import BaseModel

from ordermill.model.order import Order
from ordermill.model.webhook import Headers, Hint, Ping, Redaction, Refused


class By(StrEnum):
    """Which of an order's times a window is about."""

    CHANGED = "changed"
    CREATED = "created"


class Window(Struct, frozen=True, kw_only=True):
    """``since`` is inclusive, ``until`` exclusive; None is open. UTC, whole seconds."""

    by: By
    since: datetime | None
    until: datetime | None = None


class RawOrder(Struct, frozen=True, kw_only=True):
    """One order, complete: with its refunds and every nested page, as JSON text.

    ``payload`` holds only allow-listed fields: no token, IP address or user agent.
    ``updated_at`` is the shop's time of the last change, None if it cannot be read.
    ``mark`` is the order's line in the sweep's index (see IndexEntry), "" where there is none.
    """

    source_id: str
    payload: bytes
    updated_at: datetime | None
    mark: str = ""


class Page(Struct, frozen=True, kw_only=True):
    """Some orders, oldest change first (or oldest creation, as the window asks).

    ``cursor`` gets the next page; None says that the window is read to its end.
    ``safe_until``: every order the shop showed with a change up to this time is in this page or an
    earlier one of the pass, so the bookmark may move there. None: it may not move by this page.
    ``cost`` is what the page used of the shop's budget (requests or points).
    ``total`` is how many orders the shop says the whole window has, None if it does not say.
    ``left_out``: ids that the shop counts and lists, and that are no orders: carts that are still
    being filled, or what was purged since it was listed.
    """

    orders: Sequence[RawOrder]
    cursor: str | None
    safe_until: datetime | None = None
    cost: float = 0.0
    total: int | None = None
    left_out: Sequence[str] = ()


class IndexEntry(Struct, frozen=True):
    """An order in the cheap index. When ``mark`` equals the stored one, nothing that the index
    shows has changed; the connector defines what it holds and how it is written."""

    source_id: str
    mark: str


class IndexPage(Struct, frozen=True, kw_only=True):
    """A page of the sweep. ``orders`` are given in full where an index could not show every change;
    ids in ``orders`` need not be in ``entries``. ``partial``: some changes show in no mark, but
    contents are too dear to give; the sweep then reads some of the marked orders by id, in turns.
    """

    entries: Sequence[IndexEntry]
    cursor: str | None
    orders: Sequence[RawOrder] = ()
    cost: float = 0.0
    partial: bool = False


class Gone(StrEnum):
    """Why a shop no longer shows an order."""

    PURGED = "purged"  # the shop says so
    VANISHED = "vanished"  # the shop does not show it, though it should be visible


class Fetched(Struct, frozen=True, kw_only=True):
    """What became of ids that were asked for. An id in none of the three was not answered: nothing
    may be concluded from it. ``hidden`` ids cannot be seen with the present permissions."""

    orders: Sequence[RawOrder] = ()
    gone: Mapping[str, Gone] = {}
    hidden: Sequence[str] = ()
    cost: float = 0.0


class ShopInfo(Struct, frozen=True, kw_only=True):
    """What ``ordermill check`` shows of a shop. ``clock_difference`` is shop minus us, in seconds.

    ``problems`` are sentences for the operator; none of them stops reading.
    """

    name: str
    version: str | None
    currency_code: str | None
    scopes: tuple[str, ...] = ()
    clock_difference: float | None = None
    problems: tuple[str, ...] = ()


class Connector(Protocol):
    """Reads one shop. Methods may be called from several threads, one call at a time per pass.

    Every method but ``normalize`` raises only SourceError and does I/O; a pass that fails keeps the
    pages it returned before. An error is never an empty page.
    """

    def check(self) -> ShopInfo:
        """Ask the shop once: credentials, scopes, version, currency, clock."""
        ...

    def fetch(self, window: Window, cursor: str | None) -> Page:
        """The next page of full orders. Asked again with the same cursor it may answer newer
        states, but never skips an order that stayed in the window. Pages may repeat orders."""
        ...

    def index(self, window: Window, cursor: str | None) -> IndexPage:
        """The next page of the sweep: every order that was created or changed in the window,
        trashed ones included."""
        ...

    def fetch_ids(self, source_ids: Sequence[str]) -> Fetched:
        """The present state of these orders, read by id (not through a search index)."""
        ...

    def normalize(self, raw: RawOrder) -> Order:
        """Pure. Raise MalformedOrder if it lacks what we need."""
        ...

    def close(self) -> None:
        """Release connections; idempotent."""
        ...


class Subscription(Struct, frozen=True, kw_only=True):
    """A webhook as the shop keeps it. ``trouble`` says why it delivers nothing, None if it does."""

    topic: str
    url: str
    trouble: str | None = None


@runtime_checkable
class ReadsWebhooks(Protocol):
    """What a connector also has if the shop's webhooks are to be received; it may be left out."""

    def read_webhook(
        self, headers: Headers, body: bytes, secret: str
    ) -> Hint | Ping | Redaction | Refused:
        """Pure, quick, and never raises: what a delivery is. The signature over the raw body is
        checked before anything in it is read (see connector/signed.py)."""
        ...


@runtime_checkable
class KeepsWebhooks(Protocol):
    """What a connector also has if `ordermill webhooks` is to work; it may be left out.

    ``webhook_topics`` are the topics that concern orders, in the shop's words.
    """

    webhook_topics: tuple[str, ...]

    def webhooks(self) -> Sequence[Subscription]:
        """Every webhook of the shop that the credentials can see, others' too."""
        ...

    def create_webhook(self, topic: str, url: str, secret: str) -> None:
        """Make one; raise CredentialsRefused, with what to grant, where it may not. Asked once:
        a failure on the way may leave it made, so look before trying again."""
        ...


class Observer(Protocol):
    """Where requests to a shop are counted. ``operation`` and ``reason`` are from closed sets."""

    def request(self, operation: str, code: str, seconds: float) -> None:
        """``code``: 2xx, 3xx, 4xx, 429, 5xx or network."""
        ...

    def retry(self, operation: str, reason: str) -> None: ...

    def throttled(self, seconds: float) -> None:
        """Waited for the shop's budget or its Retry-After."""
        ...

    def budget(self, capacity: float, available: float, used: float) -> None:
        """The shop's own figures after an answer; ``used`` by that answer."""
        ...


class Unobserved:
    """An Observer that counts nothing, for tests and one-off commands."""

    def request(self, operation: str, code: str, seconds: float) -> None: ...
    def retry(self, operation: str, reason: str) -> None: ...
    def throttled(self, seconds: float) -> None: ...
    def budget(self, capacity: float, available: float, used: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Context:
    """What the house lends a connector. ``now`` gives aware UTC; ``sleep`` waits (tests and the
    sped-up simulator pass their own); ``page_size`` is the operator's wish, an upper bound."""

    handle: str
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    observer: Observer
    page_size: int = 100


@dataclass(frozen=True, slots=True)
class Plugin:
    """What a connector package registers under the entry-point group ``ordermill.connectors``.

    ``options`` is the pydantic model of the YAML's ``options``; ``shop_key`` gives host and port in
    lower case; ``connect`` builds a Connector without asking the shop anything.
    """

    source: str
    options: type[BaseModel]
    shop_key: Callable[[Any], str]
    connect: Callable[[Any, Context], Connector]
    operations: tuple[str, ...] = ()  # the closed set that its requests are counted under
