"""Ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ordermill.store.ids import new_id

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@given(st.lists(st.integers(-3600, 3600), min_size=2, max_size=50))
def test_ids_grow_strictly_even_when_the_clock_goes_back(steps: list[int]) -> None:
    ids = [new_id("ord", NOW + timedelta(seconds=step)) for step in steps]
    assert ids == sorted(set(ids))


def test_an_id_is_a_prefix_and_24_hex_digits() -> None:
    assert re.fullmatch(r"ord_[0-9a-f]{24}", new_id("ord", NOW))
