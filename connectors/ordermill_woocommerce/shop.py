"""The shop's REST API as a few questions: the thin shell around the shop client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx
import msgspec
from msgspec import Raw

from ordermill.connector.base import Context
from ordermill.connector.http import Answer, ShopClient
from ordermill.errors import CredentialsRefused, InvalidAnswer, SourceError, TransientSourceError
from ordermill_woocommerce.answers import KeyNotSeen, read
from ordermill_woocommerce.auth import Credentials, Way
from ordermill_woocommerce.options import Options
from ordermill_woocommerce.raw import ROWS

T = TypeVar("T")

API = "/wp-json/wc/v3"
LARGEST_PAGE = 100
# What a smaller page may heal: PHP out of memory or time, an answer larger than is read.
_TOO_MUCH_AT_ONCE = frozenset(("upstream_5xx", "timeout", "schema"))


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of orders. ``total``: X-WP-Total; ``size``: rows asked for; ``asked_at``: the shop's
    time when it was asked."""

    rows: Sequence[Raw]
    total: int | None
    size: int
    asked_at: datetime


class Shop:
    """Asks; raises only SourceError. Remembers how the shop takes the key, and its page size."""

    def __init__(
        self, options: Options, context: Context, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._context = context
        self._credentials = Credentials(
            httpx.URL(options.base_url).scheme,
            options.consumer_key.get_secret_value(),
            options.consumer_secret.get_secret_value(),
            now=context.now,
        )
        self._client = ShopClient(
            options.base_url,
            context=context,
            allow_private_network=options.allow_private_network,
            auth=self._credentials,
            transport=transport,
        )
        self._largest = min(max(context.page_size, 1), LARGEST_PAGE)
        self._size = self._largest

    @property
    def size(self) -> int:
        """Rows to ask for at once."""
        return self._size

    def get(
        self,
        operation: str,
        path: str,
        decoder: msgspec.json.Decoder[T],
        params: Mapping[str, str] | None = None,
        attempts: int | None = None,
    ) -> tuple[T, httpx.Headers]:
        """One GET below the API's root; the value and the headers."""
        return self._ask(operation, "GET", path, decoder, params=params, attempts=attempts)

    def post(
        self, operation: str, path: str, decoder: msgspec.json.Decoder[T], body: Mapping[str, str]
    ) -> T:
        """One POST below the API's root, never a second one where the first may have worked."""
        return self._ask(operation, "POST", path, decoder, json=body, attempts=1)[0]

    def _ask(
        self,
        operation: str,
        method: str,
        path: str,
        decoder: msgspec.json.Decoder[T],
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        attempts: int | None = None,
    ) -> tuple[T, httpx.Headers]:
        """Never more than the shop's ways of taking a key are tried, and only until one has
        worked."""

        def judge(answer: Answer) -> tuple[T, httpx.Headers]:
            return read(answer, decoder), answer.headers

        refused: list[CredentialsRefused] = []
        while True:
            way = self._credentials.way
            try:
                found = self._client.call(
                    operation, method, API + path,
                    read=judge, params=params, json=json, attempts=attempts,
                )  # fmt: skip
            except CredentialsRefused as error:
                refused.append(error)
                unseen = isinstance(error, KeyNotSeen) or way is Way.OAUTH
                if not (unseen and self._credentials.try_next(way)):
                    self._credentials.start_over()
                    raise _most_telling(refused) from None
            else:
                self._credentials.worked()
                return found

    def rows(self, operation: str, params: Mapping[str, str]) -> Rows:
        """A page of orders. Where it fails in a way that its size may explain, the next one is
        asked for at half the size; it grows again with each that succeeds."""
        size = int(params["per_page"])
        try:
            found = self.listed(operation, params)
        except TransientSourceError as error:
            if error.error_class in _TOO_MUCH_AT_ONCE:
                self._size = max(1, size // 2)
            raise
        self._size = min(self._largest, max(self._size, size * 2))
        return found

    def back_to(self, size: int) -> None:
        """Rows to ask for at once, as before a page that failed for another reason."""
        self._size = size

    def listed(
        self, operation: str, params: Mapping[str, str], attempts: int | None = None
    ) -> Rows:
        """A page of orders, whatever its size."""
        size = int(params["per_page"])
        before = self._context.now()
        rows, headers = self.get(operation, "/orders", ROWS, params, attempts)
        if len(rows) > size:
            raise InvalidAnswer("the shop answered more orders than were asked for")
        after = self._context.now()
        answered = shop_time(headers) or after
        return Rows(rows, _total(headers), size, answered - (after - before))

    def refunds(self, order_id: int, attempts: int | None = None) -> tuple[list[Raw], int]:
        """The full refunds of an order, as pages of JSON text, and the requests they took."""
        bodies: list[Raw] = []
        page = 1
        while True:
            params = {"per_page": str(LARGEST_PAGE), "page": str(page)}
            path = f"/orders/{order_id}/refunds"
            rows, _ = self.get("refunds", path, ROWS, params, attempts)
            bodies += rows
            if len(rows) < LARGEST_PAGE:
                return bodies, page
            page += 1

    def system_status(self, fields: str) -> dict[str, Any] | None:
        """Parts of the shop's own report; None where the key may not see it or something blocks it
        (it takes more rights than reading orders)."""
        decoder = msgspec.json.Decoder(dict[str, Any])
        try:
            return self.get("status", "/system_status", decoder, {"_fields": fields})[0]
        except SourceError:
            return None

    def close(self) -> None:
        self._client.close()


def shop_time(headers: httpx.Headers) -> datetime | None:
    """The Date of an answer as aware UTC."""
    try:
        at = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _most_telling(refused: Sequence[CredentialsRefused]) -> CredentialsRefused:
    """The refusal of a key that was seen says more than that of one that was not."""
    seen = [error for error in refused if not isinstance(error, KeyNotSeen)]
    return (seen or list(refused))[0]


def _total(headers: httpx.Headers) -> int | None:
    written = headers.get("x-wp-total", "")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else None
