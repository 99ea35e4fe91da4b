"""When to ask a shop again: backoff with full jitter, and what Retry-After says. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

from ordermill.errors import RateLimited, TransientSourceError

# A shop (or whoever answers in its place) may not switch itself off for longer by one header.
LONGEST_PAUSE = 3600.0
_FIRST = 1.0
_CEILING = 30.0
_SECONDS = re.compile(r"[0-9]{1,18}(\.[0-9]{1,9})?", re.ASCII)  # Shopify writes 2.0


def backoff(attempt: int, rng: Random) -> float:
    """Seconds to wait after the ``attempt``-th failure (from 1): anything up to a doubling ceiling.

    Full jitter, so that shops that broke together do not come back together.
    """
    return rng.uniform(0, min(_CEILING, _FIRST * 2.0 ** (attempt - 1)))


def retry_after(header: str | None, now: datetime) -> float:
    """Seconds that a Retry-After asks for, at most an hour; 0 where it asks for nothing readable.

    Both forms of RFC 9110, a number of seconds and an HTTP date, are read.
    """
    text = (header or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_PAUSE)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), LONGEST_PAUSE)


def pause_asked(error: TransientSourceError, header: float) -> float:
    """Seconds the shop asks us to wait: what the error learned from a body, else the header."""
    said = error.retry_after if isinstance(error, RateLimited) else 0.0
    return min(max(said, header), LONGEST_PAUSE)


def as_pause(error: TransientSourceError, seconds: float) -> TransientSourceError:
    """The same failure, telling the scheduler how long the shop wants to be left alone."""
    if seconds <= 0:
        return error
    pause = RateLimited(str(error), retry_after=seconds)
    pause.error_class = error.error_class
    return pause
