"""The poll: everything that changed since the bookmark, oldest change first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time

from sqlalchemy import Connection

from ordermill.connector.base import By, Window
from ordermill.store import integrations
from ordermill.store.state import IntegrationState
from ordermill.sync.lease import Lease
from ordermill.sync.pages import pages
from ordermill.sync.shop import INCREMENTAL, Shop, recorded


def poll(shop: Shop, lease: Lease, state: IntegrationState, breathe: Callable[[], None]) -> None:
    """One pass; raise SourceError if the shop fails, LeaseLost if another process took over.

    Each page is one transaction that also moves the bookmark to what was certainly seen, so a pass
    that dies loses at most the page it was reading; the last one also records the success.
    ``breathe`` is called after each page but that and may end the pass by raising.
    """

    def succeeded(conn: Connection) -> None:
        now = shop.now()
        integrations.succeeded(
            conn,
            lease.claim,
            now=now,
            due=now + shop.integration.poll.every,
            asked=state.sync_requested_at,
        )

    since = start_of(shop, state)
    window = Window(by=By.CHANGED, since=since)
    with recorded(shop, lease, INCREMENTAL, since=since, bookmark=state.bookmark) as run:
        for batch in pages(lambda cursor: shop.fetch(window, cursor)):
            page = batch.page
            run.store(
                batch.orders,
                cursor=page.cursor,
                bookmark=page.safe_until,
                cost=page.cost,
                total=page.total,
                succeeded=succeeded if page.cursor is None else None,
            )
            if page.cursor is not None:
                breathe()


def start_of(shop: Shop, state: IntegrationState) -> datetime:
    """Where a poll begins: the bookmark less the overlap, else the start of ``import_from``.

    Never in the future: a shop whose clock was ahead for a while has moved the bookmark there.
    """
    if state.bookmark is not None:
        read = min(state.bookmark, shop.now())
        return (read - shop.integration.poll.overlap).replace(microsecond=0)
    cutoff = shop.stored.import_cutoff
    return cutoff if cutoff is not None else datetime.combine(shop.now(), time(), UTC)
