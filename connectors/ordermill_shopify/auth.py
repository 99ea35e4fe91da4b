"""Tokens: a standing one, or those of the client-credentials grant, which live for 24 hours."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

import msgspec

from ordermill.connector.base import Context
from ordermill.connector.http import Answer, ShopClient
from ordermill.errors import CredentialsRefused, InvalidAnswer, TransientSourceError

GRANT_PATH = "/admin/oauth/access_token"
_EARLY = timedelta(minutes=5)


class Tokens(Protocol):
    """Where the token of a request comes from. Safe for several threads."""

    def current(self) -> str:
        """A token that should be good now; raise SourceError if none can be had."""
        ...

    def renew(self, refused: str) -> bool:
        """Whether it is worth asking again: a token other than the refused one can be had."""
        ...


class StandingToken:
    """A token of the YAML; when it is refused, only the operator can help."""

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        return self._token

    def renew(self, refused: str) -> bool:
        return False


class Granted(msgspec.Struct, frozen=True):
    """Shopify's answer to the grant; ``expires_in`` in seconds."""

    access_token: str
    expires_in: float = 86399.0


class GrantedTokens:
    """Asks for a token with id and secret, renews it before it expires and when it is refused.

    One thread asks, the others wait for its token: a second grant could end the first one.
    """

    def __init__(self, shop: ShopClient, context: Context, client_id: str, secret: str) -> None:
        self._shop = shop
        self._now = context.now
        self._form = urlencode(
            {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        ).encode()
        self._lock = threading.Lock()
        self._token: str | None = None
        self._until: datetime | None = None

    def current(self) -> str:
        with self._lock:
            if self._token is None or self._until is None or self._now() >= self._until:
                asked_at = self._now()
                granted = self._grant()
                lifetime = timedelta(seconds=max(granted.expires_in, 0.0))
                self._token = granted.access_token
                self._until = asked_at + lifetime - min(_EARLY, lifetime / 10)
            return self._token

    def renew(self, refused: str) -> bool:
        with self._lock:
            if self._token == refused:
                self._token = None
        return True

    def _grant(self) -> Granted:
        return self._shop.call(
            "token",
            "POST",
            GRANT_PATH,
            content=self._form,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            read=read_grant,
            cost=0.0,
        )


def read_grant(answer: Answer) -> Granted:
    """The token; raise CredentialsRefused where Shopify knows no such app for this shop."""
    if answer.status in (400, 401, 403, 404):
        raise CredentialsRefused(
            f"Shopify grants no token ({answer.status}); check client_id, client_secret and that "
            "the app is installed in this shop and belongs to its organization"
        )
    if answer.status != 200:
        raise TransientSourceError(
            f"the token endpoint answered {answer.status}", error_class="upstream_5xx"
        )
    try:
        granted = msgspec.json.decode(answer.body, type=Granted)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidAnswer("the token endpoint's answer cannot be read") from None
    if not granted.access_token.isascii() or not granted.access_token.isprintable():
        raise InvalidAnswer("the token endpoint's answer holds no usable token")
    return granted
