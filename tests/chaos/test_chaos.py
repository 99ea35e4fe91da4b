"""A storm of each profile, a short one: all six in under two minutes. `make chaos` has more and
longer ones."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.databases import Server
from chaos.profiles import PROFILES, Profile
from chaos.run import run

SEEDS = dict(zip(PROFILES, range(1, 7), strict=True))
TURMOIL = 2.0  # seconds


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server(Path(tempfile.mkdtemp(prefix="om-chaos-pg-")))
    yield made
    made.close()


@pytest.mark.xdist_group("chaos")
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_after_a_storm_everything_is_as_the_shops_have_it(
    profile: Profile, request: pytest.FixtureRequest
) -> None:
    needed = profile.database == "postgresql"
    server = request.getfixturevalue("server") if needed else None
    outcome = run(SEEDS[profile.name], profile, server, turmoil=TURMOIL)
    assert outcome.violations == []
