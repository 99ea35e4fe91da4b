"""Pages that are given out again: only while they are right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api.asked import Api, is_problem, made_api
from ordermill.api import kept
from ordermill.api.kept import Made, Pages
from ordermill.store.database import Database
from shops import Stored


def test_a_quiet_store_is_read_once_for_the_same_question(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.made()
    first = api.get("/orders")
    reads: list[str] = []
    read = Database.read

    def noted(self: Database, **given: float) -> object:
        reads.append("read")
        return read(self, **given)

    monkeypatch.setattr(Database, "read", noted)
    assert given_out_again(api, first.content, reads)
    reads.clear()
    assert api.get("/orders", limit=5).status_code == 200
    assert reads == ["read"]


def given_out_again(api: Api, page: bytes, reads: list[str]) -> bool:
    """Whether one of a hundred answers came without a read: PostgreSQL's snapshot is the server's,
    and other tests commit to other databases of it meanwhile."""
    for _ in range(100):
        reads.clear()
        assert api.get("/orders").content == page
        if not reads:
            return True
    return False


def test_a_change_by_any_process_is_seen_at_once(
    api: Api, store: Stored, database_url: str
) -> None:
    other = Database.open(database_url)
    theirs = made_api(other, store.clock).as_("writer")
    for number in range(5):
        theirs.made(f"m-{number}")
        assert len(api.ids("/orders")) == 2 * number + 1
        api.made(f"n-{number}")
        assert theirs.get("/orders", search="n-").json()["pagination"]["total"] == number + 1
    other.close()


def test_a_page_is_its_tenants_and_a_refusal_is_no_page(anybody: Api) -> None:
    anybody.as_("writer").made()
    assert len(anybody.as_("writer").ids("/orders")) == 1
    assert anybody.as_("rival").ids("/orders") == []
    assert is_problem(anybody.get("/orders"), 401, "unauthorized")
    for _ in range(2):
        answer = anybody.as_("writer").get("/orders", limit="0")
        assert is_problem(answer, 400, "invalid_query")


def made(size: int) -> Callable[[], Made]:
    return lambda: Made(b"x" * size, {})


def test_the_oldest_pages_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 100)
    pages = Pages(lambda: "token")
    first = pages.get("a", made(40))
    pages.get("b", made(40))
    assert pages.get("a", made(1)) is first
    pages.get("c", made(40))  # b was asked for longest ago
    assert pages.get("a", made(1)) is first
    assert len(pages.get("b", made(1)).body) == 1
    pages.get("huge", made(200))
    assert pages._size <= 100


def test_without_a_token_nothing_is_kept() -> None:
    pages = Pages(lambda: None)
    assert pages.get("a", made(1)) is not pages.get("a", made(1))


def test_what_was_committed_while_a_page_was_made_is_asked_for_again() -> None:
    """The token is read first, so a page may be newer than its token, never older."""
    tokens = iter([1, 2, 2, 2])
    pages = Pages(lambda: next(tokens))
    old = pages.get("a", made(1))
    new = pages.get("a", made(2))
    assert new is not old
    assert pages.get("a", made(3)) is new
