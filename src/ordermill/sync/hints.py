"""Orders that something named (a webhook, a stale row): read by id, soon."""

from __future__ import annotations

from ordermill.store import hints
from ordermill.sync.lease import Lease
from ordermill.sync.shop import INCREMENTAL, Shop, recorded

BATCH = 50


def read_hints(shop: Shop, lease: Lease) -> None:
    """Read what is due now; raise SourceError if the shop fails, and the hints stay.

    What comes in meanwhile waits for the next time, so that no flood of hints keeps a poll waiting.
    """
    now = shop.now()
    while True:
        with lease.database.read() as conn:
            wanted = hints.due(conn, shop.stored.id, now=now, limit=BATCH)
        if not wanted:
            return
        events = {one.source_id: one.event_id for one in wanted}
        with recorded(shop, lease, INCREMENTAL) as run:
            fetched = shop.connector.fetch_ids(list(events))
            run.apply(fetched, events)
            run.answered(wanted, fetched)
