"""A shop that serves given order documents, such as recorded ones, as they are."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ordermill.simulator.clock import ManualClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.server import Answer, Request
from ordermill.simulator.woocommerce import listing, query, wording
from ordermill.simulator.woocommerce.face import WooCommerceFace
from ordermill.simulator.woocommerce.listing import Row, Site
from ordermill.simulator.woocommerce.wording import Refused

Document = Mapping[str, Any]
_PATH = re.compile(r"^/wp-json/wc/v[23]/orders(?:/(\d+))?(/refunds)?/?$")


class RecordedShop:
    """Serves ``orders`` as they are, listed and by id, and ``refunds`` by order id.

    What else a shop answers (settings, statuses, index) is an empty shop's.
    """

    def __init__(
        self,
        orders: Iterable[Document],
        refunds: Mapping[int, Sequence[Document]] | None = None,
        *,
        timezone: str = "Europe/Ljubljana",
        empty: WooCommerceFace | None = None,
    ) -> None:
        clock = ManualClock(datetime(2026, 11, 24, tzinfo=UTC))
        self.rest = empty or WooCommerceFace(Ledger(clock))
        self.ledger = self.rest.ledger
        self.keys = self.rest.keys
        self.consumer_key, self.consumer_secret = self.keys.key, self.keys.secret
        self._site = Site(ZoneInfo(timezone))
        self._lock = threading.Lock()
        self._refunds = dict(refunds or {})
        self._rows: dict[int, Row[Document]] = {}
        for document in orders:
            self.put(document)

    def put(self, document: Document) -> None:
        """Add an order, or put this one in the place of the one with the same id."""
        row = Row(
            int(document["id"]), str(document["status"]),
            _utc(document["date_created_gmt"]), _utc(document["date_modified_gmt"]), document,
        )  # fmt: skip
        with self._lock:
            self._rows[row.id] = row

    def remove(self, order_id: int) -> None:
        """Purge it."""
        with self._lock:
            del self._rows[order_id]

    def answer(self, request: Request) -> Answer:
        found = _PATH.match(request.path)
        if found is None or request.method != "GET":
            return self.rest.answer(request)
        try:
            self.keys.check(request, self.rest.home or request.base_url)
            return self._answer(request, found)
        except Refused as refused:
            return refused.answer

    def _answer(self, request: Request, found: re.Match[str]) -> Answer:
        asked = query.read(request, self._site.zone, self.rest.statuses)
        with self._lock:
            rows = list(self._rows.values())
        if found[1] is None:
            page = listing.shown(rows, asked, self._site)
            return self._listed(request, asked, page.values, page.total)
        order_id = int(found[1])
        row = next((row for row in rows if row.id == order_id), None)
        if row is None:
            raise wording.no_order()
        if found[2]:
            given = list(self._refunds.get(order_id, ()))
            page_of = given[asked.start : asked.start + asked.per_page]
            return self._listed(request, asked, page_of, len(given))
        return Answer.of(listing.only(row.value, asked.fields), 200, wording.HEADERS)

    def _listed(
        self, request: Request, asked: query.Query, documents: Sequence[Document], total: int
    ) -> Answer:
        home = self.rest.home or request.base_url
        kept = [listing.only(each, asked.fields) for each in documents]
        more = listing.headers(request, asked, total, home)
        return Answer.of(kept, 200, wording.HEADERS | dict(more))


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
