"""The sweep: compares a whole window with the shop and finds what no date moved.

WooCommerce with posts storage moves no date when items are edited, a deleted refund moves none
anywhere, purged orders just vanish, and a search index may show an order late. So the sweep
compares the shop's index with the marks kept here, reads the orders that differ by id, and asks for
every order that the index should have shown and did not. Where a mark does not show every change it
reads orders whose mark is the same as well, in turns: as many as are a small part of the budget.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import timedelta

from ordermill.connector.base import By, IndexPage, Window
from ordermill.store import integrations, orders
from ordermill.sync.lease import Lease
from ordermill.sync.pages import batched, pages
from ordermill.sync.shop import SWEEP, Run, Shop, recorded

BATCH = 100
# Orders read in full per second between two sweeps: about a twentieth of the smallest budget that
# Shopify gives. A sweep every hour reads 2520 of them.
CONTENTS_PER_SECOND = 0.7


def sweep(shop: Shop, lease: Lease, breathe: Callable[[], None]) -> None:
    """One sweep of the window; raise SourceError if the shop fails: it then begins anew.

    ``breathe`` is called after each request, so that a long sweep delays no poll.
    """
    every = shop.integration.sweep.every
    now = shop.now()
    since = (now - shop.integration.sweep.window).replace(microsecond=0)
    window = Window(by=By.CHANGED, since=since)
    seen: set[str] = set()
    same: list[str] = []
    with recorded(shop, lease, SWEEP, since=since) as run:
        # Not ahead: between two pages a hint may be read, and a page fetched before it is older.
        for page in pages(lambda cursor: shop.connector.index(window, cursor), ahead=False):
            seen.update(entry.source_id for entry in page.entries)
            seen.update(raw.source_id for raw in page.orders)
            run.store(shop.read(page.orders), cursor=page.cursor, cost=page.cost)
            differing = different(run, page)
            if page.partial:
                alike = {entry.source_id for entry in page.entries} - set(differing)
                same.extend(alike)
            _read(run, differing, breathe)
            breathe()
        with lease.database.read() as conn:
            known = list(orders.known_in_window(conn, shop.stored.id, since))
        _read(run, [source_id for source_id in known if source_id not in seen], breathe)
        _compare(run, same, share(every), breathe)
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


def share(every: timedelta | None) -> int:
    """How many contents a sweep compares, of orders whose mark is the same."""
    seconds = every.total_seconds() if every is not None else 0.0
    return max(int(seconds * CONTENTS_PER_SECOND), BATCH)


def turn(source_ids: Sequence[str], after: str | None, most: int) -> list[str]:
    """The next ``most`` of them behind ``after``, from the beginning again where they end; each of
    them once."""
    ordered = sorted(set(source_ids))
    start = bisect_right(ordered, after) if after is not None else 0
    return (ordered[start:] + ordered[:start])[:most]


def _compare(run: Run, same: Sequence[str], most: int, breathe: Callable[[], None]) -> None:
    """Read those whose turn it is. Where it stands is kept after each request, so that a sweep
    that fails does not begin with the same ones for ever."""
    lease, integration_id = run.lease, run.shop.stored.id
    with lease.database.read() as conn:
        after = integrations.state(conn, integration_id).contents_after
    for batch in batched(turn(same, after, most), BATCH):
        run.apply(run.shop.connector.fetch_ids(batch))
        with lease.write() as conn:
            integrations.compared(conn, lease.claim, after=batch[-1])
        breathe()


def _read(run: Run, source_ids: Sequence[str], breathe: Callable[[], None]) -> None:
    for batch in batched(source_ids, BATCH):
        run.apply(run.shop.connector.fetch_ids(batch))
        breathe()
