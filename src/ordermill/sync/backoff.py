"""What a failed pass means: when to try again, and whether to wait for the operator. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from ordermill.errors import CredentialsRefused, RateLimited, SourceError
from ordermill.model.integration import LONGEST_BACKOFF as LONGEST

SHORTEST = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Consequence:
    """``until``: no poll before; ``pause``: the operator's turn, with the reason to show."""

    until: datetime
    pause: str | None = None


def consequence(
    error: SourceError, failures: int, every: timedelta, now: datetime, rng: random.Random
) -> Consequence:
    """Of the ``failures``-th failure in a row (1 = the first).

    The wait doubles from the polling interval (at least 5 s) to 15 minutes, half of it by chance so
    that shops behind one broken host do not come back together. A shop that names its pause gets
    it. Only refused credentials pause: time heals transport, never a revoked key.
    """
    if isinstance(error, RateLimited):
        return Consequence(now + min(timedelta(seconds=error.retry_after), LONGEST))
    step = min(max(every, SHORTEST) * 2 ** min(failures - 1, 10), LONGEST)
    wait = step / 2 + step / 2 * rng.random()
    pause = str(error) if isinstance(error, CredentialsRefused) else None
    return Consequence(now + wait, pause)
