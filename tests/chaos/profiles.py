"""What one run is made of: the profile, and everything the seed decides beforehand."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from ordermill.simulator.courier import Mishaps

Storage = Literal["hpos", "posts"]


@dataclass(frozen=True)
class Profile:
    """Which database, whether the sweep runs, how many processes share the work."""

    name: str
    database: Literal["sqlite", "postgresql"]
    sweep: bool
    processes: int = 1


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("sqlite", "sqlite", sweep=True),
        Profile("sqlite-no-sweep", "sqlite", sweep=False),
        Profile("postgresql", "postgresql", sweep=True),
        Profile("postgresql-no-sweep", "postgresql", sweep=False),
        Profile("postgresql-two", "postgresql", sweep=True, processes=2),
        Profile("postgresql-two-no-sweep", "postgresql", sweep=False, processes=2),
    )
}

# Faults of answers. Each is in a run with a quarter's chance, and then in one answer of so many.
ANSWERS = ("429", "500", "503", "reset", "cut", "cut_chunked", "slow", "html", "login", "empty",
           "warning", "bom", "fatal", "database", "no_route", "throttled", "change")  # fmt: skip
RATES = (0.02, 0.1, 0.3)
# What is done to processes and databases; each is in a run with half a chance.
BLOWS = ("kill", "kill_after_page", "kill_after_call", "freeze", "restart", "database_stop",
         "cut_after_commit", "disk_full")  # fmt: skip


@dataclass(frozen=True)
class Weather:
    """What goes wrong in one run. ``skew``: seconds that the shops' clock is ahead of ours.
    ``overlap``: of the passes, in seconds; longer than any lag. ``webhooks``: what befalls them
    (None: the shops send none); ``forged``: how many of them are preceded by a forgery. ``ways``:
    how often what happens in the shops, where it is not as usual."""

    rates: dict[str, float]
    blows: tuple[str, ...]
    skew: int
    timezone: str
    lag: float
    storage: Storage
    bursts: bool
    between_pages: bool
    overlap: int = 10
    page_size: int = 10  # of WooCommerce
    pause: tuple[float, float] = (0.1, 1.0)  # between two blows, in seconds
    webhooks: Mishaps | None = None
    forged: float = 0.0
    ways: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, seed: int, profile: Profile) -> Weather:
        """By seed alone. Without a sweep nothing happens that only a sweep can find."""
        rng = random.Random(f"weather {seed}")
        rates = {kind: rng.choice(RATES) for kind in ANSWERS if rng.random() < 0.25}
        blows = tuple(blow for blow in BLOWS if rng.random() < 0.5 and _fits(blow, profile))
        return cls(
            rates=rates,
            blows=blows or ("kill",),
            skew=rng.choice([0, 0, -60, 60, 7]),
            timezone=rng.choice(["Europe/Ljubljana", "America/New_York", "Asia/Kathmandu", "UTC"]),
            lag=rng.choice([0, 0, 1.5] + ([4.0] if profile.sweep else [])),
            storage=rng.choice(["hpos", "posts"]) if profile.sweep else "hpos",  # type: ignore[arg-type]
            bursts=rng.random() < 0.6,
            between_pages=rng.random() < 0.6,
            overlap=rng.choice([10, 10, 5]),
            webhooks=_mishaps(rng) if rng.random() < 0.5 else None,
            forged=rng.choice([0.0, 0.0, *RATES]),
        )


def _mishaps(rng: random.Random) -> Mishaps:
    """Each is in a run with half a chance; late is later than other changes of the same order."""
    lost, doubled, delayed = (rng.choice([0.0, 0.0, *RATES[1:], 0.5]) for _ in range(3))
    return Mishaps(lost, doubled, delayed, late=timedelta(seconds=rng.choice([0.5, 2, 60])))


def _fits(blow: str, profile: Profile) -> bool:
    if blow in ("database_stop", "cut_after_commit"):
        return profile.database == "postgresql"
    return profile.database == "sqlite" or blow != "disk_full"
