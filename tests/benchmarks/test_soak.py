"""The soak's judgement: what grows, slips or is done twice is a goal missed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.benchmarks.soak import SHOPS, Found, Sample, judged, late


def a_good_one() -> Found:
    samples = [Sample(at, 100.0, 120 + at % 3, 30, 9) for at in range(100)]
    lateness = {f"shop-{n}": 1.1 for n in range(1, SHOPS - 1)}
    return Found("sqlite", 100.0, start=20.0, samples=samples, lateness=lateness)


def missed(found: Found) -> list[str]:
    return [line.what for line in judged(found) if not line.kept]


def grown(**more: float) -> Callable[[Found], object]:
    def grow(found: Found) -> None:
        for n, one in enumerate(found.samples[60:], 60):
            values = {name: getattr(one, name) + value for name, value in more.items()}
            kept = {"at": one.at, "memory": one.memory, "descriptors": one.descriptors,
                    "threads": one.threads, "connections": one.connections}  # fmt: skip
            found.samples[n] = Sample(**kept | values)  # type: ignore[arg-type]

    return grow


def test_a_soak_in_which_nothing_was_wrong_has_missed_nothing() -> None:
    assert missed(a_good_one()) == []


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (grown(memory=65.0), "memory, highest later, MB"),
        (grown(descriptors=20), "file descriptors"),
        (grown(threads=9), "threads"),
        (grown(connections=4), "connections to PostgreSQL"),
        (lambda found: found.lateness.update({"shop-7": 2.1}), "between polls, longest"),
        (lambda found: found.lateness.pop("shop-7"), "between polls, longest"),
        (lambda found: found.failed.append("one"), "healthy shops' failed passes"),
        (lambda found: found.unasked.append("one"), "reissues without an edit"),
        (lambda found: found.missing.append("one"), "orders missing at the end"),
        (lambda found: setattr(found, "rest", 90.0), "until all was stored and billed"),
        (lambda found: setattr(found, "verified", "a gap"), "`ordermill verify`"),
        (lambda found: setattr(found, "ended", -9), "exit code after SIGTERM"),
    ],
)
def test_what_is_wrong_is_a_goal_missed(spoil: Callable[[Found], object], what: str) -> None:
    found = a_good_one()
    spoil(found)
    assert missed(found) == [what]


def test_each_time_that_was_too_long_is_told_with_its_moment() -> None:
    polls = {"shop-1": [0.0, 6.0, 30.0], "shop-2": [1.0, 7.0, 13.0]}
    gaps = {"shop-1": [1.0, 3.8], "shop-2": [1.0, 1.0]}
    assert late(gaps, polls) == ["shop-1: 3.8 intervals, 6 s after the start"]
