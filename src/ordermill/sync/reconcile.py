"""The proof: every order of the window, its id and its contents, compared with the shop by days.

Slower than a sweep, for it trusts no index and no mark: each day's orders are read in full, counted
against what the shop says it has, and repaired by the way on which every order comes in. What is
here and was not listed is asked for by id. Orders placed earlier and changed in the window follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from ordermill.connector.base import By, IndexPage, Page, Window
from ordermill.errors import IncompleteRead
from ordermill.store import events, integrations, orders, runs
from ordermill.store.orders import Ingested, Outcome
from ordermill.sync.lease import Lease
from ordermill.sync.pages import batched, pages
from ordermill.sync.report import CHANGED, GONE, MISSING, Day, Report
from ordermill.sync.shop import RECONCILE, Run, Shop, recorded

log = structlog.get_logger()

BATCH = 100
MOST_NAMED = 20  # orders of a day that are named in the report
# An order that is trashed or purged while its day is read may be in no list; twice is no chance.
TIMES = 2


def reconcile(
    shop: Shop, lease: Lease, asked: runs.StoredRun, breathe: Callable[[], None]
) -> Report:
    """Compare and repair; raise SourceError if the shop fails, which ends the run for good.

    Raise IncompleteRead, after everything was compared, if the shop listed fewer orders than it
    says it has. A process that is killed or stopped leaves the run open, and it begins again.
    ``breathe`` is called after each request, so that no poll waits for it.
    """
    with lease.database.read() as conn:
        zone = integrations.zone_of(conn, shop.handle)
    now = shop.now()
    first = (now - shop.integration.sweep.window).astimezone(zone).date()
    begins = midnight(first, zone)
    with recorded(shop, lease, RECONCILE, asked.id) as run:
        with lease.database.read() as conn:
            here = orders.placed_or_changed(conn, shop.stored.id, begins)
        comparing = Comparing(run, breathe, here)
        report = Report(since=begins)
        for day, window in days(first, now.astimezone(zone).date(), zone):
            report.days.append(comparing.day(day.isoformat(), window))
            _keep(run, report)
        report.days.append(comparing.earlier(begins))
        _keep(run, report)
        _conclude(run, report)
    return report


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def days(first: date, last: date, zone: ZoneInfo) -> Iterator[tuple[date, Window]]:
    """Each day with its window; the last is open, for the shop's clock may be ahead of ours."""
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        until = midnight(day + timedelta(days=1), zone) if day < last else None
        yield day, Window(by=By.CREATED, since=midnight(day, zone), until=until)


@dataclass(slots=True)
class Tally:
    """What is known of one day while it is read. ``here``: ids that were here before, but for what
    the shop had deleted; ``live`` and ``trashed`` are the shop's; ``doubtful`` ones were shown in
    an older state than is stored."""

    here: set[str]
    live: set[str] = field(default_factory=set)
    trashed: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    found: dict[str, str] = field(default_factory=dict)
    repaired: set[str] = field(default_factory=set)
    total: int | None = None

    def listed(self, page: Page) -> None:
        """What the shop says beside the orders."""
        self.total = page.total if page.total is not None else self.total
        self.left_out.update(page.left_out)

    def seen(self, source_id: str) -> bool:
        return source_id in self.live or source_id in self.trashed

    def note(self, ingested: Iterable[Ingested]) -> None:
        """What became of orders that the shop showed, each at its first showing."""
        for one in ingested:
            if self.seen(one.source_id):
                continue
            if one.outcome is Outcome.STALE:
                self.doubtful.add(one.source_id)
                continue
            deleted = one.order is not None and one.order.deleted
            (self.trashed if deleted else self.live).add(one.source_id)
            self._judge(one)

    def note_gone(self, ingested: Iterable[Ingested], gone: Iterable[str]) -> None:
        """What the shop no longer has. What somebody else found gone meanwhile is not here."""
        ours = {one.source_id for one in ingested if one.event == events.GONE}
        for source_id in gone:
            if source_id in ours:
                self.found[source_id] = GONE
                self.repaired.add(source_id)
            else:
                self.here.discard(source_id)

    def unasked(self) -> list[str]:
        """What is here or doubtful and was in no list, and is to be asked for by its id."""
        wanted = {each for each in self.here | self.doubtful if not self.seen(each)}
        return sorted(wanted - self.asked)

    @property
    def short(self) -> int:
        """By how many orders the lists came short of the shop's own count."""
        if self.total is None:
            return 0
        return max(self.total - len(self.live | self.trashed | self.left_out), 0)

    def day(self, day: str | None) -> Day:
        """The line of the report."""
        kinds = list(self.found.values())
        return Day(
            day=day,
            in_shop=len(self.live),
            here=len(self.here),
            missing=kinds.count(MISSING),
            changed=kinds.count(CHANGED),
            gone=kinds.count(GONE),
            repaired=len(self.repaired),
            hidden=len(self.hidden),
            short=self.short,
            named=dict(sorted(self.found.items())[:MOST_NAMED]),
        )

    def _judge(self, one: Ingested) -> None:
        """Compare with what was here; what was written is repaired."""
        was_here = one.source_id in self.here
        if one.outcome in (Outcome.UNCHANGED, Outcome.UPDATED) and one.event != events.RESTORED:
            self.here.add(one.source_id)  # a poll may have brought it since the day was begun
        if one.outcome is Outcome.UNCHANGED:
            return
        written = one.outcome is not Outcome.REJECTED
        if one.event == events.GONE:
            kind = GONE if one.outcome is Outcome.UPDATED else None
        elif one.outcome is Outcome.CREATED or one.event == events.RESTORED:
            kind = MISSING
        else:
            kind = CHANGED if written or was_here else MISSING
        if kind is not None:
            self.found[one.source_id] = kind
            self.repaired |= {one.source_id} if written else set()


class Comparing:
    """Reads day after day. ``here`` maps what is stored to when it was placed."""

    def __init__(
        self, run: Run, breathe: Callable[[], None], here: dict[str, datetime | None]
    ) -> None:
        self._run = run
        self._breathe = breathe
        self._here = here
        self._compared: set[str] = set()

    def day(self, day: str, window: Window) -> Day:
        """All orders placed in the window."""
        tally = Tally({source_id for source_id, at in self._here.items() if _within(at, window)})
        for _ in range(TIMES):
            self._walk(window, tally)
            self._ask(tally.unasked(), tally, window)
            if not tally.short:
                break
        self._compared |= tally.live | tally.trashed | tally.asked
        return tally.day(day)

    def earlier(self, begins: datetime) -> Day:
        """Orders placed before the window and changed in it."""
        changed = Window(by=By.CHANGED, since=begins)
        before = Window(by=By.CREATED, since=None, until=begins)
        old = {s for s, at in self._here.items() if at is None or at < begins}
        tally = Tally(old - self._compared)
        connector = self._run.shop.connector
        for page in pages(lambda cursor: connector.index(changed, cursor), ahead=False):
            tally.doubtful |= {e.source_id for e in page.entries} - self._compared
            self._store(page, tally, before)
        self._ask(tally.unasked(), tally, before)
        return tally.day(None)

    def _walk(self, window: Window, tally: Tally) -> None:
        """Every page of the day, stored."""
        shop = self._run.shop
        for batch in pages(lambda cursor: shop.fetch(window, cursor), ahead=False):
            tally.listed(batch.page)
            tally.note(self._run.store(batch.orders, cost=batch.page.cost))
            # At once, before the hint that each has become is read and nothing is left to find.
            self._ask(sorted(tally.doubtful - tally.asked), tally, window)
            self._breathe()

    def _store(self, page: IndexPage, tally: Tally, window: Window) -> None:
        """What the index gave in full, of what was not compared yet."""
        raws = [raw for raw in page.orders if raw.source_id not in self._compared]
        ingested = self._run.store(self._run.shop.read(raws), cost=page.cost)
        tally.note(_of(window, ingested))
        self._breathe()

    def _ask(self, source_ids: Sequence[str], tally: Tally, window: Window) -> None:
        """Orders by their ids."""
        for batch in batched(source_ids, BATCH):
            fetched = self._run.shop.connector.fetch_ids(batch)
            ingested = self._run.apply(fetched)
            tally.asked.update(batch)
            shown = {raw.source_id for raw in fetched.orders}
            inside = _of(window, [one for one in ingested if one.source_id in shown])
            tally.note(inside)
            tally.here -= shown - {one.source_id for one in inside}
            tally.note_gone(ingested, fetched.gone)
            tally.hidden.update(set(batch) - shown - set(fetched.gone))
            self._breathe()


def _of(window: Window, ingested: Iterable[Ingested]) -> list[Ingested]:
    """Those that were placed in the window, as the shop says now."""
    return [one for one in ingested if one.order is None or _within(one.order.ordered_at, window)]


def _within(at: datetime | None, window: Window) -> bool:
    if at is None:
        return window.since is None
    after = window.since is None or at >= window.since
    return after and (window.until is None or at < window.until)


def _keep(run: Run, report: Report) -> None:
    with run.lease.write() as conn:
        runs.reported(conn, run.id, report.written(), report.sum.in_shop)


def _conclude(run: Run, report: Report) -> None:
    """Say what was found; raise IncompleteRead where the shop kept something back."""
    total = report.sum
    with run.lease.write() as conn:
        integrations.reconciled(conn, run.lease.claim, shortfall=total.short)
    counts = {"missing": total.missing, "changed": total.changed, "gone": total.gone}
    log.info(
        "reconciled",
        connector=run.shop.handle,
        in_shop=total.in_shop,
        here=total.here,
        **counts,
        repaired=total.repaired,
        hidden=total.hidden,
        short=total.short,
    )
    if total.short:
        raise IncompleteRead(_shortfall(report.days))


def _shortfall(compared: Sequence[Day]) -> str:
    short = [day for day in compared if day.short]
    listed = ", ".join(f"{day.short} of {day.day}" for day in short[:5])
    return (
        f"the shop says it has {sum(day.short for day in short)} orders more than it lists "
        f"({listed}); what it listed is stored"
    )
