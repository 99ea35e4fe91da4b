"""A search in steps, as it is done where PostgreSQL has the trigram index: it finds the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.asked import Api
from ordermill.store import search, stepwise

# None of them, one, a few at the old end, some everywhere, nearly all.
TERMS = ("nobody", "number 17", "early", "even", "third", "order")


def names(number: int) -> str:
    words = ["order", f"number {number}"]
    words += ["early"] if number < 6 else []
    words += ["even"] if number % 2 == 0 else []
    words += ["third"] if number % 3 == 0 else []
    return " ".join(words)


def walked(api: Api, **wanted: Any) -> tuple[list[str], set[int]]:
    """The ids of every page, and the totals that were said."""
    pages = list(api.pages("/orders", limit=3, **wanted))
    found = [row["id"] for page in pages for row in page["data"]]
    last = pages[-1]["pagination"]
    if last["prev_cursor"]:
        back = api.ids("/orders", limit=100, prev_cursor=last["prev_cursor"], **wanted)
        assert back == found[: len(back)]
        assert len(back) == len(found) - len(pages[-1]["data"])
    return found, {page["pagination"]["total"] for page in pages}


def test_a_search_in_steps_finds_what_one_query_finds(
    api: Api, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    if api.database.dialect == "sqlite":
        pytest.skip("SQLite has no such index")
    for number in range(24):
        api.clock.advance(number % 2)  # type: ignore[attr-defined]
        ordered_at = None if number % 5 == 0 else f"2026-01-{1 + number:02}T00:00:00Z"
        api.made(f"m-{number}", customer_name=names(number), ordered_at=ordered_at)
    api.call("DELETE", f"/orders/{api.ids('/orders', search='number 12')[0]}")
    for name, value in {"NEAR": 5, "SOME": 2, "FAR": 8, "FEW": 4}.items():
        monkeypatch.setattr(stepwise, name, value)
    asked: list[dict[str, Any]] = [{"search": term} for term in TERMS]
    asked += [{"query": json.dumps({"customer_name": {"contains": "EVEN"}})}]
    for one in asked:
        for sort in ("id", "-id", "-created_at", "ordered_at", "-ordered_at", "total"):
            with subtests.test(f"{one} {sort}"):
                monkeypatch.setattr(search, "has_index", lambda conn, table: False)
                plain = walked(api, order_by=sort, **one)
                monkeypatch.setattr(search, "has_index", lambda conn, table: table == "orders")
                assert walked(api, order_by=sort, **one) == plain


def test_every_step_is_taken(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rare, common and clustered terms go different ways; the planner's settings come back."""
    if api.database.dialect == "sqlite":
        pytest.skip("SQLite has no such index")
    for number in range(24):
        api.made(f"m-{number}", customer_name=names(number))
    for name, value in {"NEAR": 5, "SOME": 2, "FAR": 8, "FEW": 4}.items():
        monkeypatch.setattr(stepwise, name, value)
    monkeypatch.setattr(search, "has_index", lambda conn, table: True)
    ways: list[str] = []
    for name in ("_walked", "_few"):
        real = getattr(stepwise, name)

        def noted(*given: Any, _name: str = name, _real: Any = real) -> Any:
            ways.append(_name)
            return _real(*given)

        monkeypatch.setattr(stepwise, name, noted)

    def taken(term: str, limit: int) -> list[str]:
        ways.clear()
        assert len(api.ids("/orders", search=term, limit=limit, order_by="-id")) == limit
        return list(ways)

    assert taken("order", 4) == ["_walked"]
    assert taken("even", 3) == ["_walked", "_walked"]
    assert taken("number 17", 1) == ["_walked", "_few"]
    assert taken("early", 5) == ["_walked", "_few"]  # and sorted whole: five are not few
