"""Orders that something named (a webhook, a stale row): read by id, soon."""

from __future__ import annotations

from ordermill.store import hints
from ordermill.sync.lease import Lease
from ordermill.sync.shop import INCREMENTAL, Shop, recorded

BATCH = 50


def read_hints(shop: Shop, lease: Lease) -> None:
    """Read what is due, all of it; raise SourceError if the shop fails, and the hints stay."""
    while True:
        with lease.database.read() as conn:
            source_ids = hints.due(conn, shop.stored.id, now=shop.now(), limit=BATCH)
        if not source_ids:
            return
        with recorded(shop, lease, INCREMENTAL) as run:
            fetched = shop.connector.fetch_ids(source_ids)
            run.apply(fetched)
            run.answered(source_ids, fetched)
