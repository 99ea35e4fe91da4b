"""The backfill: history by day of creation, at low priority, resumable after any kill."""

from __future__ import annotations

from collections.abc import Callable

from ordermill.connector.base import By, Window
from ordermill.store import runs
from ordermill.sync.lease import Lease
from ordermill.sync.pages import pages
from ordermill.sync.shop import BACKFILL, Shop, recorded


def backfill(shop: Shop, lease: Lease, asked: runs.StoredRun, breathe: Callable[[], None]) -> None:
    """Go on where the run stands; raise SourceError if the shop fails, and it goes on later.

    The cursor moves in each page's own transaction, so a kill costs one request. ``breathe`` is
    called after each page and lets a due poll go first.
    """
    window = Window(by=By.CREATED, since=asked.since, until=asked.until)
    with recorded(shop, lease, BACKFILL, asked.id) as run:
        for batch in pages(lambda cursor: shop.fetch(window, cursor), asked.cursor, ahead=False):
            page = batch.page
            run.store(batch.orders, cursor=page.cursor, cost=page.cost, total=page.total)
            breathe()
