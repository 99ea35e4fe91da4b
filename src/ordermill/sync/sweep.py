"""The sweep: compares a whole window with the shop and finds what no date moved.

WooCommerce with posts storage moves no date when items are edited, a deleted refund moves none
anywhere, purged orders just vanish, and a search index may show an order late. So the sweep
compares the shop's index with the marks kept here, reads the orders that differ by id, and asks for
every order that the index should have shown and did not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ordermill.connector.base import By, IndexPage, Window
from ordermill.store import integrations, orders
from ordermill.sync.lease import Lease
from ordermill.sync.pages import batched, pages
from ordermill.sync.shop import SWEEP, Run, Shop, recorded

BATCH = 100


def sweep(shop: Shop, lease: Lease, breathe: Callable[[], None]) -> None:
    """One sweep of the window; raise SourceError if the shop fails: it then begins anew.

    ``breathe`` is called after each request, so that a long sweep delays no poll.
    """
    every = shop.integration.sweep.every
    now = shop.now()
    since = (now - shop.integration.sweep.window).replace(microsecond=0)
    window = Window(by=By.CHANGED, since=since)
    seen: set[str] = set()
    with recorded(shop, lease, SWEEP, since=since) as run:
        # Not ahead: between two pages a hint may be read, and a page fetched before it is older.
        for page in pages(lambda cursor: shop.connector.index(window, cursor), ahead=False):
            seen.update(entry.source_id for entry in page.entries)
            seen.update(raw.source_id for raw in page.orders)
            run.store(shop.read(page.orders), cursor=page.cursor, cost=page.cost)
            _read(run, different(run, page), breathe)
            breathe()
        with lease.database.read() as conn:
            known = list(orders.known_in_window(conn, shop.stored.id, since))
        _read(run, [source_id for source_id in known if source_id not in seen], breathe)
    with lease.write() as conn:
        due = now + every if every is not None else None
        integrations.sweep_done(conn, lease.claim, now=shop.now(), due=due)


def different(run: Run, page: IndexPage) -> list[str]:
    """The orders whose index entry is not the one kept here, in the order of the page."""
    full = {raw.source_id for raw in page.orders}
    asked = [entry for entry in page.entries if entry.source_id not in full]
    with run.lease.database.read() as conn:
        kept = orders.marks(conn, run.shop.stored.id, [entry.source_id for entry in asked])
    return [entry.source_id for entry in asked if kept.get(entry.source_id) != entry.mark]


def _read(run: Run, source_ids: Sequence[str], breathe: Callable[[], None]) -> None:
    for batch in batched(source_ids, BATCH):
        run.apply(run.shop.connector.fetch_ids(batch))
        breathe()
