"""Walking the pages of a pass."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ordermill.errors import InvalidAnswer, TransientSourceError
from ordermill.sync.pages import pages


@dataclass(frozen=True)
class Leaf:
    number: int
    cursor: str | None


def book(length: int, asked: list[str | None], broken: int | None = None):
    """A reader of `length` pages that notes what it was asked for."""

    def read(cursor: str | None) -> Leaf:
        asked.append(cursor)
        number = int(cursor or 0)
        if number == broken:
            raise TransientSourceError("cut")
        return Leaf(number, str(number + 1) if number + 1 < length else None)

    return read


@pytest.mark.parametrize("ahead", [True, False])
def test_every_page_comes_once_and_in_order(ahead: bool) -> None:
    asked: list[str | None] = []
    assert [page.number for page in pages(book(5, asked), ahead=ahead)] == [0, 1, 2, 3, 4]
    assert asked == [None, "1", "2", "3", "4"]


@pytest.mark.parametrize("ahead", [True, False])
def test_a_page_that_fails_comes_after_all_the_pages_before_it(ahead: bool) -> None:
    walk = pages(book(5, [], broken=3), ahead=ahead)
    assert [next(walk).number for _ in range(3)] == [0, 1, 2]
    with pytest.raises(TransientSourceError):
        next(walk)


def test_a_pass_goes_on_where_its_cursor_stands() -> None:
    assert [page.number for page in pages(book(5, []), "3")] == [3, 4]


def test_without_ahead_no_page_is_asked_for_before_the_one_before_it_was_used() -> None:
    asked: list[str | None] = []
    walk = pages(book(5, asked), ahead=False)
    next(walk)
    assert asked == [None]
    walk.close()


def test_ahead_asks_for_one_page_more_and_no_further() -> None:
    asked: list[str | None] = []
    walk = pages(book(9, asked))
    next(walk)
    walk.close()
    assert asked in ([None], [None, "1"])


@pytest.mark.parametrize("ahead", [True, False])
def test_a_shop_that_answers_the_same_page_for_ever_is_left(ahead: bool) -> None:
    with pytest.raises(InvalidAnswer):
        list(pages(lambda _: Leaf(0, "again"), "again", ahead=ahead))
