"""Known defects, to see that a run catches them: `python -m chaos.planted NAME run -c FILE`.

Each replaces single functions of the real program before it starts, as a careless change would.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any

from msgspec.structs import replace


def advance_first() -> None:
    """The bookmark moves in a transaction before the page."""
    from ordermill.store import integrations
    from ordermill.sync.shop import Run

    store = Run.store

    def broken(self: Run, *args: Any, **kwargs: Any) -> Any:
        bookmark = kwargs.pop("bookmark", None)
        if bookmark is not None:
            with self.lease.write() as conn:
                integrations.move_bookmark(conn, self.lease.claim, bookmark)
        time.sleep(0.05)
        return store(self, *args, **kwargs)

    Run.store = broken  # type: ignore[method-assign]


def daemon_clock() -> None:
    """Our clock, not the shop's, says where the next pass begins."""
    from ordermill.store import integrations

    move = integrations.move_bookmark

    def broken(conn: Any, claim: Any, to: Any) -> None:
        move(conn, claim, datetime.now(UTC) + timedelta(seconds=30))

    integrations.move_bookmark = broken


def errors_end_a_pass() -> None:
    """An answer that is none is taken for an empty last page, and the pass for complete."""
    from ordermill.errors import SourceError
    from ordermill.sync import poll as polls

    pages = polls.pages

    def broken(read: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            yield from pages(read, *args, **kwargs)
        except SourceError:
            return

    polls.pages = broken


def no_overlap() -> None:
    """A pass begins where the last ended, without overlap, at the second after it."""
    from ordermill.sync import poll as polls

    start = polls.start_of
    late = timedelta(seconds=12)
    polls.start_of = lambda shop, state: start(shop, state) + (late if state.bookmark else 0 * late)


def two_invoices() -> None:
    """Who is invoiced already is not looked at under the lock."""
    from ordermill.model import lifecycle

    def never(case: Any) -> None: ...

    lifecycle.assert_processable = never
    from ordermill.invoicing import process

    process.assert_processable = never  # type: ignore[attr-defined]


def number_outside() -> None:
    """Numbers come from their own transaction: a rollback leaves a gap."""
    from ordermill.store import numbering, plans

    take = numbering.take

    def broken(conn: Any, wanted: Any, now: Any) -> Any:
        given = take(conn, wanted, now)
        if wanted and random.random() < 0.1:
            take(conn, wanted[:1], now)
        return given

    plans.numbering.take = broken


def no_credit() -> None:
    """A reissue forgets to credit the old invoice."""
    from ordermill.invoicing import decide, reissue
    from ordermill.model.document import DocumentKind

    again = reissue.reissue

    def broken(case: Any, desk: Any) -> Any:
        plan = again(case, desk)
        kept = tuple(d for d in plan.documents if d.kind is not DocumentKind.CREDIT_NOTE)
        moved = tuple(p for p in plan.payments if p.credit_note_id is None)
        return replace(plan, documents=kept, payments=moved)

    reissue.reissue = broken
    decide.reissue = broken


def refunds_forgotten() -> None:
    """Refunds of an invoiced order make no credit note."""
    from ordermill.invoicing import decide, refund
    from ordermill.model.case import Plan

    refund.credit_refunds = lambda case, desk: Plan()
    decide.refund.credit_refunds = refund.credit_refunds


def cent_off() -> None:
    """Every document is a cent too dear."""
    from ordermill.invoicing import process

    draft = process.draft

    def broken(*args: Any, **kwargs: Any) -> Any:
        made = draft(*args, **kwargs)
        dearer = replace(
            made.content,
            total_with_tax=made.content.total_with_tax + Decimal("0.01"),
            rounding=made.content.rounding + Decimal("0.01"),
        )
        return replace(made, content=dearer)

    process.draft = broken


def edits_by_date() -> None:
    """What has no newer date is taken for unchanged, whatever it says."""
    from ordermill.store import classify, orders
    from ordermill.store.classify import Outcome

    decide = classify.outcome_of

    def broken(known: Any, row: Any, order: Any, *, confirmed: bool) -> Any:
        if known is not None and order.shop_updated_at <= known.shop_updated_at:
            return Outcome.UNCHANGED
        return decide(known, row, order, confirmed=confirmed)

    orders.outcome_of = broken  # type: ignore[attr-defined]


def trash_forgotten() -> None:
    """What is in the trash is never asked for, and what is missing is not missed."""
    from ordermill.store import orders

    orders.mark_gone = lambda *args, **kwargs: []
    from ordermill.sync import shop

    shop.orders.mark_gone = orders.mark_gone


def keys_forgotten() -> None:
    """The answer of a call is not kept with its effect: a repetition does it again."""
    from ordermill.store import idempotency

    idempotency.keep = lambda *args, **kwargs: None


def secrets_logged() -> None:
    """The options of every integration are written to the log at the start."""
    from ordermill import daemon

    connect = daemon.Shops.connect

    def broken(self: Any, integration: Any) -> Any:
        options = {
            name: getattr(value, "get_secret_value", lambda value=value: value)()
            for name, value in dict(integration.options).items()
        }
        print(options, flush=True)
        return connect(self, integration)

    daemon.Shops.connect = broken  # type: ignore[method-assign]


def deaf_to_sigterm() -> None:
    """SIGTERM is not heard."""
    from ordermill import daemon

    daemon.Daemon.stop = lambda self: None  # type: ignore[method-assign]


def hash_of_totals() -> None:
    """An item change that leaves the totals as they are is no change."""
    from ordermill.store import rows

    rows.NOT_CONTENT = rows.NOT_CONTENT | {"items"}
    rows._content = itemgetter(*(i for i, n in enumerate(rows.NAMES) if n not in rows.NOT_CONTENT))


BUGS: dict[str, tuple[str, Callable[[], None]]] = {
    "advance_first": ("sqlite-no-sweep", advance_first),
    "daemon_clock": ("sqlite-no-sweep", daemon_clock),
    "errors_end_a_pass": ("sqlite-no-sweep", errors_end_a_pass),
    "no_overlap": ("sqlite-no-sweep", no_overlap),
    "two_invoices": ("postgresql", two_invoices),
    "number_outside": ("postgresql", number_outside),
    "no_credit": ("sqlite", no_credit),
    "refunds_forgotten": ("sqlite", refunds_forgotten),
    "cent_off": ("sqlite", cent_off),
    "edits_by_date": ("sqlite", edits_by_date),
    "trash_forgotten": ("sqlite", trash_forgotten),
    "keys_forgotten": ("postgresql", keys_forgotten),
    "secrets_logged": ("sqlite", secrets_logged),
    "deaf_to_sigterm": ("sqlite", deaf_to_sigterm),
    "hash_of_totals": ("sqlite", hash_of_totals),
}


def main() -> None:
    """Plant the defect that the first word names, then be ordermill."""
    BUGS[sys.argv.pop(1)][1]()
    from ordermill.cli import main as ordermill

    ordermill()


if __name__ == "__main__":
    main()
