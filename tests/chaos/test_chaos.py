"""A storm of each profile, short, where ORDERMILL_STORMS=1 asks for it: half a minute each.

`make chaos` has more and longer ones.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.databases import Server
from chaos.profiles import PROFILES, Profile
from chaos.run import run

SEED = 7
pytestmark = pytest.mark.skipif(
    not os.environ.get("ORDERMILL_STORMS"),
    reason="ORDERMILL_STORMS=1 runs them; so does make chaos",
)


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
    outcome = run(SEED, profile, server, turmoil=2.0, rest=90.0)
    assert outcome.violations == []
