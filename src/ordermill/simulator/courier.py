"""What the webhooks of both simulated shops travel by: HTTP, and the mishaps on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx

PATIENCE = 5.0  # seconds a receiver may take

Post = Callable[[str, Mapping[str, str], bytes], int]
"""Sends a body to an address; the status, or OSError where no answer came."""


@dataclass(frozen=True, slots=True)
class Mishaps:
    """Shares of the deliveries that never leave, leave twice, or leave ``late`` by chance."""

    lost: float = 0.0
    doubled: float = 0.0
    delayed: float = 0.0
    late: timedelta = timedelta(hours=20)


def over_http(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """A Post to a real address; redirects are not followed."""
    try:
        sent = httpx.post(
            url, content=body, headers=dict(headers), timeout=PATIENCE, trust_env=False
        )
    except httpx.HTTPError as error:
        raise OSError(type(error).__name__) from None
    return sent.status_code
