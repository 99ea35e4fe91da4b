"""Checks the keys of a request: Basic, in the query, or an OAuth 1.0a signature."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, unquote

from ordermill.simulator.server import Request
from ordermill.simulator.woocommerce import wording

Way = Literal["basic", "query", "oauth"]
_WINDOW = 15 * 60
_DIGESTS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
_SIGNED = ("oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method")


@dataclass
class Keys:
    """One API key and how it may be presented. A way that is off is ignored, as Basic is by PHP
    over plain http: the request then counts as one without a key.

    ``may``: "nothing" is a key whose user has no rights, "orders" one that may not read settings;
    ``permission`` is the key's own. ``now`` dates signatures and is real time, as the clients' is.
    """

    key: str = "ck_simulated"
    secret: str = "cs_simulated"  # noqa: S105 - the simulated shop's own, no secret
    ways: frozenset[Way] = frozenset({"basic", "query", "oauth"})
    permission: Literal["read", "write", "read_write"] = "read_write"
    may: Literal["nothing", "orders", "everything"] = "everything"
    now: Callable[[], float] = time.time
    _nonces: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, request: Request, home: str) -> None:
        """Refused when the request may not read orders."""
        if not self._presented(request, home):
            raise wording.cannot_list()
        if self.permission == "write":
            raise wording.unauthenticated("The API key provided does not have read permissions.")
        if self.may == "nothing":
            raise wording.cannot_list(403)

    def check_settings(self) -> None:
        """Refused when the key's user may not manage the shop."""
        if self.may != "everything":
            raise wording.cannot_list(403)

    def check_writing(self) -> None:
        """Refused when the key was made for reading."""
        if self.permission == "read":
            raise wording.unauthenticated("The API key provided does not have write permissions.")

    def _presented(self, request: Request, home: str) -> bool:
        for key, secret in self._pairs(request):
            if key != self.key:
                continue
            if not hmac.compare_digest(secret.encode(), self.secret.encode()):
                raise wording.unauthenticated("Consumer secret is invalid.")
            return True
        return "oauth" in self.ways and self._signed(request, home)

    def _pairs(self, request: Request) -> list[tuple[str, str]]:
        pairs = []
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if "basic" in self.ways and kind.lower() == "basic":
            try:
                key, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return []
            pairs.append((key, secret))
        if "query" in self.ways and "consumer_key" in request.params:
            pairs.append(
                (request.params["consumer_key"], request.params.get("consumer_secret", ""))
            )
        return pairs

    def _signed(self, request: Request, home: str) -> bool:
        given = _header(request) | {
            name: value for name, value in request.params.items() if name.startswith("oauth_")
        }
        if given.get("oauth_consumer_key") != self.key or not all(given.get(n) for n in _SIGNED):
            return False
        signature = given.pop("oauth_signature")
        plain = [pair for pair in request.pairs if not pair[0].startswith("oauth_")]
        text = base_string(request.method, home + request.path, [*plain, *given.items()])
        digest = _DIGESTS.get(given["oauth_signature_method"])
        if digest is None:
            raise wording.unauthenticated("Invalid signature - signature method is invalid.")
        ours = hmac.new(f"{self.secret}&".encode(), text.encode(), digest).digest()
        if not hmac.compare_digest(base64.b64encode(ours).decode(), signature):
            raise wording.unauthenticated("Invalid signature - provided signature does not match.")
        self._once(given)
        return True

    def _once(self, given: dict[str, str]) -> None:
        """A timestamp of this quarter of an hour, and a nonce that was not there before."""
        stamp = given["oauth_timestamp"]
        if not stamp.isdigit() or abs(self.now() - int(stamp)) > _WINDOW:
            raise wording.unauthenticated("Invalid timestamp.")
        with self._lock:
            if given["oauth_nonce"] in self._nonces:
                raise wording.unauthenticated("Invalid nonce - nonce has already been used.")
            self._nonces.add(given["oauth_nonce"])


def base_string(method: str, url: str, params: list[tuple[str, str]]) -> str:
    """What is signed, by RFC 5849 section 3.4.1."""
    pairs = sorted((quote(name, safe="-._~"), quote(value, safe="-._~")) for name, value in params)
    query = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join((method.upper(), quote(url, safe="-._~"), quote(query, safe="-._~")))


def _header(request: Request) -> dict[str, str]:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "oauth":
        return {}
    pairs = (part.strip().partition("=") for part in given.split(","))
    return {
        name: unquote(value.strip('"')) for name, _, value in pairs if name.startswith("oauth_")
    }
