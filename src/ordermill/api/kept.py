"""Pages that were answered, for whoever asks the same while nothing was committed anywhere.

A page of a hundred orders costs milliseconds to make; whoever polls a quiet store asks for the same
one again and again. Nothing here can be stale: a page is given out only while the database's token
is the one that was read before it was made.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

MOST_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class Made:
    """A page as it is sent."""

    body: bytes
    headers: dict[str, str]


class Pages:
    """Thread-safe; the page that was asked for longest ago goes first when there are too many."""

    def __init__(self, token: Callable[[], object | None]) -> None:
        self._token = token
        self._guard = threading.Lock()
        self._pages: OrderedDict[Hashable, tuple[object, Made]] = OrderedDict()
        self._size = 0

    def get(self, question: Hashable, make: Callable[[], Made]) -> Made:
        """The page that answers ``question``: the one that is kept if it is right still, else what
        ``make`` makes."""
        token = self._token()
        if token is None:
            return make()
        with self._guard:
            there = self._pages.get(question)
            if there is not None and there[0] == token:
                self._pages.move_to_end(question)
                return there[1]
        made = make()
        self._keep(question, token, made)
        return made

    def _keep(self, question: Hashable, token: object, made: Made) -> None:
        with self._guard:
            before = self._pages.pop(question, None)
            self._size -= len(before[1].body) if before else 0
            self._pages[question] = (token, made)
            self._size += len(made.body)
            while self._size > MOST_BYTES:
                _, (_, gone) = self._pages.popitem(last=False)
                self._size -= len(gone.body)
