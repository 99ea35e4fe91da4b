"""Who may ask: standing tokens, and the client-credentials grant whose tokens expire."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Credentials:
    """An app's standing admin token (shpat_...) and its client id and secret."""

    token: str = "shpat_simulated"  # noqa: S105 - the simulated shop's own, no secret
    client_id: str = "simulated-app"
    client_secret: str = "shpss_simulated"  # noqa: S105 - as above


class Tokens:
    """The tokens that are good now, by the shop's clock; safe for several threads."""

    def __init__(self, credentials: Credentials, now: Callable[[], datetime]) -> None:
        self._credentials = credentials
        self._now = now
        self._lock = threading.Lock()
        self._until: dict[str, datetime] = {}
        self._revoked: set[str] = set()

    def good(self, token: str | None) -> bool:
        """Whether a request with this token is let in."""
        if not token or token in self._revoked:
            return False
        if hmac.compare_digest(token.encode(), self._credentials.token.encode()):
            return True
        with self._lock:
            until = self._until.get(token)
        return until is not None and self._now() < until

    def revoke_all(self) -> None:
        """As when the app is uninstalled or its secret rotated."""
        with self._lock:
            self._revoked.add(self._credentials.token)
            self._until.clear()

    def grant(self, form: Mapping[str, str], scope: str) -> tuple[int, dict[str, Any]]:
        """Answer POST /admin/oauth/access_token: status and body."""
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        ours = self._credentials
        if (form.get("client_id"), form.get("client_secret")) != (
            ours.client_id,
            ours.client_secret,
        ):
            return 400, {"error": "application_cannot_be_found"}
        token = f"shpat_{secrets.token_hex(16)}"
        with self._lock:
            self._until[token] = self._now() + LIFETIME
        seconds = int(LIFETIME.total_seconds()) - 1
        return 200, {"access_token": token, "scope": scope, "expires_in": seconds}
