"""What both shops' webhooks travel by: HTTP, mishaps by seed, and a thread that goes on sending."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx

PATIENCE = 5.0  # seconds a receiver may take
_PAUSE = 0.05

Post = Callable[[str, Mapping[str, str], bytes], int]
"""Sends a body to an address; the status, or OSError where no answer came."""
Send = Callable[[Post], int]
"""Sends what is due; how many were taken."""


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


class Courier:
    """Sends what is due again and again until closed; ``sends`` are the shops' ``send``."""

    def __init__(self, *sends: Send, post: Post = over_http) -> None:
        self._sends = sends
        self._post = post
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; harmless twice."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(_PAUSE):
            for send in self._sends:
                send(self._post)
