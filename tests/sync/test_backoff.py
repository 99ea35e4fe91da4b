"""What a failed pass means."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordermill.errors import (
    CredentialsRefused,
    RateLimited,
    SourceUnsupported,
    TransientSourceError,
)
from ordermill.sync.backoff import LONGEST, SHORTEST, consequence

NOW = datetime(2026, 11, 24, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@given(failures=st.integers(1, 10_000), seconds=st.floats(0.2, 86_400), seed=st.integers())
def test_the_wait_is_never_nothing_and_never_longer_than_a_quarter_of_an_hour(
    failures: int, seconds: float, seed: int
) -> None:
    wait = (
        consequence(
            TransientSourceError("x"),
            failures,
            timedelta(seconds=seconds),
            NOW,
            random.Random(seed),
        ).until
        - NOW
    )
    assert SHORTEST / 2 <= wait <= LONGEST


def test_the_wait_doubles_with_each_failure() -> None:
    waits = [
        consequence(TransientSourceError("x"), n, MINUTE, NOW, random.Random(1)).until - NOW
        for n in (1, 2, 3)
    ]
    seconds = [wait.total_seconds() for wait in waits]
    assert seconds == pytest.approx([seconds[0], seconds[0] * 2, seconds[0] * 4])


def test_two_shops_that_fail_together_do_not_come_back_together() -> None:
    untils = {
        consequence(TransientSourceError("x"), 3, MINUTE, NOW, random.Random(seed)).until
        for seed in range(20)
    }
    assert len(untils) == 20


def test_a_shop_that_names_its_pause_gets_it() -> None:
    what = consequence(RateLimited("x", retry_after=90), 5, MINUTE, NOW, random.Random(1))
    assert what.until - NOW == timedelta(seconds=90)


def test_refused_credentials_wait_for_the_operator_and_nothing_else_does() -> None:
    refused = consequence(CredentialsRefused("the key"), 1, MINUTE, NOW, random.Random(1))
    assert refused.pause == "the key"
    for error in (TransientSourceError("x"), SourceUnsupported("x")):
        assert consequence(error, 50, MINUTE, NOW, random.Random(1)).pause is None
