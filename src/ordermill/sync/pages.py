"""Walks the pages of one pass, reading the next while the present one is being stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Protocol, TypeVar

from ordermill.errors import InvalidAnswer


class HasCursor(Protocol):
    @property
    def cursor(self) -> str | None: ...


P = TypeVar("P", bound=HasCursor)


def pages(
    read: Callable[[str | None], P], cursor: str | None = None, *, ahead: bool = True
) -> Iterator[P]:
    """Every page from ``cursor`` on; raise InvalidAnswer if a page's cursor is its own.

    With ``ahead`` one page is read before it is asked for. A killed pass then loses up to two
    requests instead of one, which is why a backfill, made to be killed, does without.
    """
    if not ahead:
        yield from _one_by_one(read, cursor)
        return
    pool = ThreadPoolExecutor(1, thread_name_prefix="next-page")
    try:
        page = read(cursor)
        while page.cursor is not None:
            _refuse_loop(cursor, page.cursor)
            cursor = page.cursor
            coming = pool.submit(read, cursor)
            yield page
            page = coming.result()
        yield page
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _one_by_one(read: Callable[[str | None], P], cursor: str | None) -> Iterator[P]:
    while True:
        page = read(cursor)
        yield page
        if page.cursor is None:
            return
        _refuse_loop(cursor, page.cursor)
        cursor = page.cursor


def _refuse_loop(asked: str | None, answered: str) -> None:
    if asked == answered:
        raise InvalidAnswer("the page after this one is this one; the pass was ended")


def batched(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Consecutive groups of at most ``size``."""
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group
