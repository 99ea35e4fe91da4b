"""The three ways to show a WooCommerce shop one's key, and which of them to try next.

Basic authentication works only where PHP sees https (elsewhere the key is ignored, measured);
some servers swallow the Authorization header, there the keys go into the query; over plain http
the request is signed (OAuth 1.0a).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Generator, Iterable
from datetime import datetime
from enum import StrEnum
from urllib.parse import parse_qsl, quote, urlencode

import httpx


class Way(StrEnum):
    """How the key is shown."""

    BASIC = "basic"
    QUERY = "query"
    OAUTH = "oauth"


_WAYS = {"https": (Way.BASIC, Way.QUERY), "http": (Way.OAUTH, Way.BASIC)}


class Credentials(httpx.Auth):
    """Signs each request in the present way. The way that worked once is kept for good."""

    def __init__(self, scheme: str, key: str, secret: str, *, now: Callable[[], datetime]) -> None:
        self._ways = _WAYS[scheme]
        self._key = key
        self._secret = secret
        self._now = now
        self._at = 0
        self._proven = False

    @property
    def way(self) -> Way:
        return self._ways[self._at]

    def worked(self) -> None:
        """The shop accepted the present way."""
        self._proven = True

    def try_next(self, refused: Way) -> bool:
        """Go on from the way that was refused; False if none is left or one is known to work.

        A second thread that was refused in the same way just tries again with the new one.
        """
        if self.way is not refused:
            return True
        if self._proven or self._at + 1 == len(self._ways):
            return False
        self._at += 1
        return True

    def start_over(self) -> None:
        """All ways were refused: the next request begins with the first one again."""
        if not self._proven:
            self._at = 0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self.way is Way.BASIC:
            pair = base64.b64encode(f"{self._key}:{self._secret}".encode()).decode()
            request.headers["Authorization"] = f"Basic {pair}"
        elif self.way is Way.QUERY:
            request.url = request.url.copy_merge_params(
                {"consumer_key": self._key, "consumer_secret": self._secret}
            )
        else:
            self._sign(request)
        yield request

    def _sign(self, request: httpx.Request) -> None:
        """OAuth 1.0a, one-legged. Each attempt gets its own nonce: the shop refuses a second use.

        The shop signs over its own home URL, so base_url must be that one (measured).
        """
        url, _, query = str(request.url).partition("?")
        params = [
            *parse_qsl(query, keep_blank_values=True),
            ("oauth_consumer_key", self._key),
            ("oauth_nonce", secrets.token_hex(16)),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", str(int(self._now().timestamp()))),
        ]
        signature = sign(request.method, url, params, self._secret)
        signed = urlencode([*params, ("oauth_signature", signature)])
        request.url = httpx.URL(f"{url}?{signed}")


def sign(method: str, url: str, params: Iterable[tuple[str, str]], secret: str) -> str:
    """The HMAC-SHA256 signature of RFC 5849 section 3.4, without a token. Pure."""
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in params)
    query = "&".join(f"{name}={value}" for name, value in pairs)
    text = "&".join((method.upper(), _encoded(url), _encoded(query)))
    digest = hmac.new(f"{_encoded(secret)}&".encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _encoded(text: str) -> str:
    return quote(text, safe="-._~")
