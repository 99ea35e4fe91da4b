"""Asks the Admin API: token, budget, THROTTLED, version, and fields that the app may not read."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import structlog

from ordermill.connector.base import Context
from ordermill.connector.http import Answer, Budget, Limits, ShopClient
from ordermill.errors import InvalidAnswer
from ordermill_shopify.answers import (
    Cost,
    Reply,
    TokenRefused,
    read_body,
    read_cost,
    read_errors,
    read_status,
)
from ordermill_shopify.auth import GrantedTokens, StandingToken, Tokens
from ordermill_shopify.documents import document
from ordermill_shopify.options import Options

log = structlog.get_logger()

# What one query may cost on every plan.
DEAREST = 1000.0
# Kept free before the first answer says what a document costs.
_FIRST_GUESS = {"orders": DEAREST / 2, "details": DEAREST / 2}
_CHEAP = 100.0
_LIMITS = Limits(deadline=60.0, attempts=5)


class AdminClient:
    """One shop's Admin API. Thread-safe; raises only SourceError.

    ``version`` is what the shop answered with last, ``difference`` its clock less ours in seconds.
    """

    def __init__(
        self, options: Options, context: Context, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._context = context
        self._wanted = options.api_version
        self._path = f"/admin/api/{options.api_version}/graphql.json"
        # The smallest bucket Shopify gives: the first answer says how large it is.
        self._budget = Budget(context, 1000.0, 50.0)
        self.shop = ShopClient(
            options.url,
            context=context,
            allow_private_network=options.allow_private_network,
            limits=_LIMITS,
            transport=transport,
            budget=self._budget,
        )
        self._tokens = _tokens(options, self.shop, context)
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], float] = {}
        self._told: set[str] = set()
        self.version: str | None = None
        self.difference: float | None = None
        self.denied: frozenset[str] = frozenset()

    def ask(
        self,
        operation: str,
        name: str,
        variables: Mapping[str, Any],
        *,
        size: int = 1,
        attempts: int | None = None,
    ) -> Reply:
        """Run the document ``name``; ``operation`` is what it is counted as.

        ``size`` tells requests of one document with different costs apart: what the last one of
        this size cost is kept free in the budget before the next is sent. ``attempts``: 1 for what
        must not happen twice.
        """
        token = self._tokens.current()
        try:
            return self._send(operation, name, variables, size, token, attempts)
        except TokenRefused:
            if not self._tokens.renew(token):
                raise
            return self._send(operation, name, variables, size, self._tokens.current(), attempts)

    def expect(self, name: str, size: int) -> float:
        """The points to reserve: what this size cost last time, else in proportion to another."""
        with self._lock:
            known = self._known.get((name, size))
            if known is not None:
                return known
            others = [(s, cost) for (other, s), cost in self._known.items() if other == name]
        guesses = [cost * max(size / s, 1.0) for s, cost in others]
        return min([*guesses, DEAREST]) if guesses else _FIRST_GUESS.get(name, _CHEAP)

    def close(self) -> None:
        self.shop.close()

    def _send(
        self,
        operation: str,
        name: str,
        variables: Mapping[str, Any],
        size: int,
        token: str,
        attempts: int | None,
    ) -> Reply:
        def read(answer: Answer) -> Reply:
            return self._read(answer, name, size)

        return self.shop.call(
            operation,
            "POST",
            self._path,
            json={"query": document(name), "variables": dict(variables)},
            headers={"X-Shopify-Access-Token": token},
            read=read,
            cost=self.expect(name, size),
            attempts=attempts,
        )

    def _read(self, answer: Answer, name: str, size: int) -> Reply:
        read_status(answer)
        self._notice_version(answer.headers)
        body = read_body(answer.body)
        cost = read_cost(body)
        if cost is not None:
            self._learn(name, size, cost)
        denied = read_errors(body, cost)
        if denied:
            self._notice_denied(denied)
        data = body.get("data")
        if not isinstance(data, dict):
            raise InvalidAnswer("the shop's answer holds no data")
        return Reply(data, cost, denied, self.version)

    def _learn(self, name: str, size: int, cost: Cost) -> None:
        with self._lock:
            self._known[name, size] = cost.requested
        self._budget.settle(
            capacity=cost.capacity,
            available=cost.available,
            restore_rate=cost.restore_rate,
            used=cost.used,
        )

    def _notice_version(self, headers: httpx.Headers) -> None:
        """An expired version falls forward to the oldest supported one without an error."""
        self.version = headers.get("x-shopify-api-version") or self.version
        self.difference = _difference(headers.get("date"), self._context.now())
        if self.version not in (None, self._wanted) and "version" not in self._told:
            self._told.add("version")
            log.warning(
                "api_version_replaced",
                connector=self._context.handle,
                asked=self._wanted,
                answered=self.version,
            )

    def _notice_denied(self, denied: frozenset[str]) -> None:
        with self._lock:
            news = denied - self.denied
            self.denied |= denied
        if news:
            log.warning(
                "fields_denied", connector=self._context.handle, fields=", ".join(sorted(news))
            )


def _tokens(options: Options, shop: ShopClient, context: Context) -> Tokens:
    if options.access_token is not None:
        return StandingToken(options.access_token.get_secret_value())
    assert options.client_id is not None
    assert options.client_secret is not None
    secret = options.client_secret.get_secret_value()
    return GrantedTokens(shop, context, options.client_id, secret)


def _difference(header: str | None, now: datetime) -> float | None:
    try:
        return (parsedate_to_datetime(header or "") - now).total_seconds()
    except (ValueError, TypeError):
        return None
