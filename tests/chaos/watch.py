"""Looks at the documents and the bookmarks again and again while the storm lasts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import httpx

from chaos.invariants import differs
from chaos.markets import Market
from chaos.seen import Seen, Shown

BETWEEN = 1.0
# What may change of an issued document: what was paid and credited, and what refers to it.
MOVES = {"status", "total_paid", "total_due", "relations"}


class Watch(threading.Thread):
    """I12 and I14. ``looks`` counts what was seen whole, between kills and cuts."""

    def __init__(
        self, daemons: Callable[[], list[tuple[str, str]]], key: str, markets: list[Market],
        overlap: timedelta | None,
    ) -> None:  # fmt: skip
        """``daemons``: API and admin address of each that runs. ``overlap``: of the passes; None
        where a sweep finds what no date tells of, so that a bookmark proves nothing."""
        super().__init__(daemon=True)
        self._daemons = daemons
        self._key = key
        self._markets = markets
        self._overlap = overlap
        self._over = threading.Event()
        self._first: dict[str, Shown] = {}
        self.wrong: list[str] = []
        self.looks = 0

    def run(self) -> None:
        while not self._over.wait(BETWEEN):
            for api, admin in self._daemons()[:1]:
                with suppress(httpx.HTTPError, KeyError):
                    self._look(api, admin)

    def stop(self) -> None:
        self._over.set()
        self.join()

    def lost(self, seen: Seen) -> list[str]:
        """Compares for the last time; what of the documents that were seen is not there."""
        self._compare(seen)
        there = {document["id"] for document in seen.documents}
        lost = [d["number"] for i, d in self._first.items() if i not in there]
        return [f"{number} was issued, and is gone" for number in lost]

    def _look(self, api: str, admin: str) -> None:
        bookmarks = self._bookmarks(admin)  # first: what is stored later can only be more
        seen = Seen(api, self._key)
        self._compare(seen)
        if self._overlap is not None:
            self._passed(bookmarks, seen, self._overlap)
        self.looks += 1

    def _compare(self, seen: Seen) -> None:
        for document in seen.documents:
            first = self._first.setdefault(document["id"], document)
            if _issued(first) != _issued(document) or not _links(first) <= _links(document):
                self._say(f"{first['number']} was issued otherwise than it is now")

    def _bookmarks(self, admin: str) -> dict[str, datetime]:
        shown = httpx.get(f"{admin}/status", timeout=5).raise_for_status().json()
        return {
            one["handle"]: datetime.fromisoformat(one["bookmark"])
            for one in shown["integrations"] if one["bookmark"]
        }  # fmt: skip

    def _passed(self, bookmarks: dict[str, datetime], seen: Seen, overlap: timedelta) -> None:
        """What is not stored will be read: no pass begins behind it."""
        for market in self._markets:
            stored, gone = seen.of(market, seen.orders), seen.of(market, seen.deleted)
            begins = bookmarks.get(market.handle)
            for order in market.ledger.orders():
                name = str(order.id)
                here = [*stored.get(name, []), *gone.get(name, [])]
                late = begins is not None and order.modified_at < begins - overlap
                if late and (not here or differs(market, order, here[0])):
                    self._say(f"{market.handle} {name}: the bookmark has passed what is not stored")

    def _say(self, what: str) -> None:
        if what not in self.wrong:
            self.wrong.append(what)


def _issued(document: Shown) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in MOVES}


def _links(document: Shown) -> set[tuple[str, str]]:
    return {(relation["type"], relation["id"]) for relation in document["relations"]}
