"""Known defects, to see that a run catches them: `python -m chaos.planted NAME run -c FILE`.

Each replaces single functions of the real program before it starts, as a careless change would, and
says what the invariants say of it: anything else, a run that broke above all, is no proof.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from msgspec.structs import replace

DEATHS = 3
LONG = 10  # orders of a page that spans more than a second


@dataclass(frozen=True)
class Defect:
    """``shows`` matches what the invariants say of it, and nothing that they say of another.

    ``weather`` is what the seed does not decide: the trouble that the defect needs to bite.
    """

    plant: Callable[[], None]
    profile: str
    shows: str
    weather: Mapping[str, Any] = field(default_factory=dict)
    turmoil: float = 8.0


def swap(home: Any, name: str, broken: Any) -> Any:
    """Put ``broken`` in the place of a function, wherever it was imported by its name; the right
    one. A name that is not there any more breaks the start, so that the defect is mended."""
    right = getattr(home, name)
    setattr(home, name, broken)
    for module in list(sys.modules.values()):
        ours = (getattr(module, "__name__", None) or "").startswith("ordermill")
        if ours and vars(module).get(name) is right:
            setattr(module, name, broken)
    return right


def killed_here() -> None:
    """A kill at the one moment that the defect makes dangerous: three in a run, by a chance each.
    Kills from outside hit it as well, in one run of many."""
    deaths = Path(sys.argv[-1]).with_name("deaths")
    before = deaths.stat().st_size if deaths.exists() else 0
    if before < DEATHS and random.random() < 0.3:
        deaths.write_bytes(b"x" * (before + 1))
        os.kill(os.getpid(), signal.SIGKILL)


# Reading


def advance_first() -> None:
    """The bookmark moves in a transaction before the page."""
    from ordermill.store import integrations
    from ordermill.sync.shop import Run

    def broken(self: Run, *args: Any, **kwargs: Any) -> Any:
        bookmark = kwargs.pop("bookmark", None)
        if bookmark is not None:
            with self.lease.write() as conn:
                integrations.move_bookmark(conn, self.lease.claim, bookmark)
            if len(args[0]) > LONG:
                killed_here()
        return right(self, *args, **kwargs)

    right = swap(Run, "store", broken)


def daemon_clock() -> None:
    """Our clock, not the shop's, says where the next pass begins."""
    from ordermill.store import integrations

    def broken(conn: Any, claim: Any, to: Any) -> None:
        right(conn, claim, datetime.now(UTC))

    right = swap(integrations, "move_bookmark", broken)


def errors_end_a_pass() -> None:
    """An answer that is none is taken for an empty last page, and the next pass begins where this
    one ended."""
    from ordermill.connector.base import Page
    from ordermill.errors import SourceError
    from ordermill.sync import poll
    from ordermill.sync.shop import Batch

    def broken(*args: Any, **kwargs: Any) -> Any:
        try:
            yield from pages(*args, **kwargs)
        except SourceError:
            yield Batch(Page(orders=(), cursor=None, safe_until=datetime.now(UTC)), [])

    pages = poll.pages
    poll.pages = broken


def no_overlap() -> None:
    """A pass begins at the second after the newest change that is stored."""
    from ordermill.sync import poll

    def broken(shop: Any, state: Any) -> Any:
        if state.bookmark is None:
            return right(shop, state)
        return state.bookmark.replace(microsecond=0) + timedelta(seconds=1)

    right = swap(poll, "start_of", broken)


def local_time() -> None:
    """WooCommerce takes our UTC for its local time."""
    from ordermill_woocommerce import keyset

    def broken(*args: Any) -> Any:
        return {k: v for k, v in right(*args).items() if k != "dates_are_gmt"}

    right = swap(keyset, "parameters", broken)


def one_namespace() -> None:
    """An order is known by the shop's id alone, whichever the shop."""
    from sqlalchemy import select

    from ordermill.store import orders
    from ordermill.store.tables import orders as table

    def broken(conn: Any, names: Any, integration_id: Any, source_ids: Any) -> Any:
        columns = [table.c[name] for name in names]
        yield from conn.execute(select(*columns).where(table.c.source_id.in_(source_ids)))

    swap(orders, "_by_source_id", broken)


def edits_by_date() -> None:
    """What has no newer date is taken for unchanged, whatever it says."""
    from ordermill.store import classify
    from ordermill.store.classify import Outcome

    def broken(known: Any, row: Any, order: Any, *, confirmed: bool) -> Any:
        if known is not None and order.shop_updated_at <= known.shop_updated_at:
            return Outcome.UNCHANGED
        return right(known, row, order, confirmed=confirmed)

    right = swap(classify, "outcome_of", broken)


def hash_of_totals() -> None:
    """An item change that leaves the totals as they are is no change."""
    from ordermill.store import rows

    at = rows.NAMES.index("items")
    rows._JSON_AT, hidden = tuple(i for i in rows._JSON_AT if i != at), rows._encode

    def broken(order: Any) -> Any:
        values, digest = right(order)
        values[at] = hidden(values[at]).decode()
        return values, digest

    right = swap(rows, "_laid_out", broken)


def gone_forgotten() -> None:
    """What the shop does not have any more is not missed."""
    from ordermill.store import orders

    swap(orders, "mark_gone", lambda *args, **kwargs: [])


# Invoicing


def two_invoices() -> None:
    """Who is invoiced already is not looked at under the lock."""
    from ordermill.model import lifecycle

    swap(lifecycle, "assert_processable", lambda case: None)


def split_transaction() -> None:
    """The documents are committed before their orders know of them."""
    from ordermill.store import plans

    def broken(conn: Any, work: Any, *, now: Any, actor: str) -> Any:
        told = [plans.Planned(w.loaded, replace(w.plan, decisions={}, settled={})) for w in work]
        rest = {"documents": (), "payments": (), "events": ()}
        later = [plans.Planned(w.loaded, replace(w.plan, **rest)) for w in work]
        numbers = right(conn, told, now=now, actor=actor)
        if numbers:
            conn.exec_driver_sql("COMMIT")
            killed_here()
            if conn.dialect.name == "sqlite":
                conn.exec_driver_sql("BEGIN IMMEDIATE")
        right(conn, later, now=now, actor=actor)
        return numbers

    right = swap(plans, "write", broken)


def number_outside() -> None:
    """Numbers are taken in a transaction of their own: who is rolled back then leaves a gap."""
    from ordermill.store import numbering

    def broken(conn: Any, wanted: Any, now: Any) -> Any:
        if not wanted:
            return right(conn, wanted, now)
        with conn.engine.begin() as other:
            numbered = right(other, wanted, now)
        killed_here()
        return numbered

    right = swap(numbering, "take", broken)


def no_credit() -> None:
    """A reissue forgets to credit the old invoice."""
    from ordermill.invoicing import reissue
    from ordermill.model.document import DocumentKind

    def broken(case: Any, desk: Any) -> Any:
        plan = right(case, desk)
        kept = tuple(d for d in plan.documents if d.kind is not DocumentKind.CREDIT_NOTE)
        moved = tuple(p for p in plan.payments if p.credit_note_id is None)
        return replace(plan, documents=kept, payments=moved)

    right = swap(reissue, "reissue", broken)


def refunds_forgotten() -> None:
    """Refunds of an invoiced order make no credit note, and are no difference either."""
    from ordermill.invoicing import refund, reissue
    from ordermill.model.case import Plan

    swap(refund, "credit_refunds", lambda case, desk: Plan())
    right = swap(reissue, "differences", lambda c: () if refund.open_refunds(c) else right(c))


def cent_off() -> None:
    """Every document is a cent too dear."""
    from ordermill.invoicing import process

    def broken(*args: Any, **kwargs: Any) -> Any:
        made = right(*args, **kwargs)
        cent = Decimal("0.01")
        dearer = replace(
            made.content,
            total_with_tax=made.content.total_with_tax + cent,
            rounding=made.content.rounding + cent,
        )
        return replace(made, content=dearer)

    right = swap(process, "draft", broken)


def tax_of_nothing() -> None:
    """A tax group's base is forgotten where an invoice is drawn up: the sums of a document do not
    hold, though its total does."""
    from ordermill.invoicing import process

    def broken(*args: Any, **kwargs: Any) -> Any:
        made = right(*args, **kwargs)
        taxes = tuple(replace(tax, base=Decimal(0)) for tax in made.content.taxes)
        return replace(made, content=replace(made.content, taxes=taxes))

    right = swap(process, "draft", broken)


def payments_twice() -> None:
    """A payment's cause is not remembered: it is recorded with every look at the order."""
    from ordermill.invoicing import money

    fresh = count()

    def broken(case: Any, desk: Any, invoice: Any, most: Any = None) -> Any:
        blank = replace(case, payments=tuple(p for p in case.payments if p.credit_note_id))
        found = right(blank, desk, invoice, most)
        return tuple(replace(p, key=f"{p.key}:{next(fresh)}:{time.time_ns()}") for p in found)

    right = swap(money, "incoming", broken)


def documents_change() -> None:
    """An issued document is written again when its order's buyer has become another."""
    from sqlalchemy import text

    from ordermill.store import documents

    def broken(conn: Any, done: Any) -> None:
        for case, _ in done:
            for each in case.documents[:1]:
                given = {"id": each.id, "reason": "as agreed"}
                conn.execute(text("UPDATE documents SET reason = :reason WHERE id = :id"), given)
        right(conn, done)

    right = swap(documents, "write_states", broken)


def events_forgotten() -> None:
    """Credit notes are issued without a word in the order's trail."""
    from ordermill.store import events

    def broken(conn: Any, happened: Any, now: Any) -> None:
        right(conn, [e for e in happened if e.type != "order.refunded"], now)

    right = swap(events, "record", broken)


# Calls, and what is told


def keys_forgotten() -> None:
    """The answer of a call is not kept with its effect: a repetition does it again."""
    from ordermill.store import idempotency

    swap(idempotency, "keep", lambda *args, **kwargs: None)


def entities_mixed() -> None:
    """A list shows what another entity has."""
    from ordermill.store import listing

    swap(listing, "_of_entities", lambda listed, entity_ids: listed.id.is_not(None))


def secrets_logged() -> None:
    """The options of every integration are written to the log at the start."""
    from ordermill import daemon

    def broken(self: Any, integration: Any) -> Any:
        options = {
            name: getattr(value, "get_secret_value", lambda value=value: value)()
            for name, value in dict(integration.options).items()
        }
        print(options, flush=True)
        return right(self, integration)

    right = swap(daemon.Shops, "connect", broken)


def buyers_logged() -> None:
    """An order is written to the log with its buyer's name."""
    from ordermill.store import rows

    def broken(order: Any) -> Any:
        print(f"stored: {order.source_id} of {order.customer_name}", flush=True)
        return right(order)

    right = swap(rows, "order_row", broken)


def connections_left() -> None:
    """Each pass leaves a thread and an open file behind."""
    from ordermill.sync import poll

    def broken(*args: Any) -> Any:
        file = open("/dev/null")  # noqa: SIM115 - that is the defect
        threading.Thread(target=lambda: (time.sleep(600), file), daemon=True).start()
        return right(*args)

    right = swap(poll, "start_of", broken)


def deaf_to_sigterm() -> None:
    """SIGTERM is not heard."""
    from ordermill import daemon

    swap(daemon.Daemon, "stop", lambda self: None)


MISSING = r"0 live and 0 deleted, live in the shop"
OLD = r"(total|items|payments|status|cancelled|buyer|address).* in the shop"
LOST = f"{MISSING}|{OLD}|the bookmark has passed"

# What heals a cursor that was wrong: a sweep, a webhook, an overlap longer than a storm.
LATE = {"blows": ("freeze",), "webhooks": None, "overlap": 5, "lag": 1.5, "skew": -60,
        "timezone": "America/New_York", "bursts": True, "rates": {},
        "pause": (2.0, 3.0)}  # fmt: skip
ERRORS = {"blows": ("restart",), "webhooks": None, "overlap": 0, "lag": 0.0, "skew": 0,
          "rates": {"html": 0.2, "login": 0.2}, "page_size": 100}  # fmt: skip
CALM = {"blows": ("freeze", "restart"), "webhooks": None, "rates": {}, "lag": 0.0}
STEADY = CALM | {"blows": ("freeze",)}  # a restart clears what was left behind
SILENT = CALM | {"storage": "posts", "ways": {"edit": 30}, "pause": (1.0, 2.0)}
PURGES = CALM | {"ways": {"cancel": 5, "purge": 5}}
KILLS = {"blows": ("kill", "kill_after_call"), "rates": {}, "pause": (1.0, 2.0)}

BUGS: dict[str, Defect] = {
    "advance_first": Defect(advance_first, "sqlite-no-sweep", LOST, ERRORS),
    "daemon_clock": Defect(daemon_clock, "sqlite-no-sweep", LOST, LATE, turmoil=16),
    "errors_end_a_pass": Defect(errors_end_a_pass, "sqlite-no-sweep", LOST, ERRORS),
    "no_overlap": Defect(no_overlap, "sqlite-no-sweep", LOST, LATE, turmoil=16),
    "local_time": Defect(local_time, "sqlite-no-sweep", LOST, LATE, turmoil=16),
    "one_namespace": Defect(one_namespace, "sqlite", MISSING, CALM),
    "edits_by_date": Defect(edits_by_date, "sqlite", OLD, SILENT),
    "hash_of_totals": Defect(hash_of_totals, "sqlite", r"items .* in the shop", CALM),
    "gone_forgotten": Defect(gone_forgotten, "sqlite", "gone from the shop, not here", PURGES),
    "two_invoices": Defect(
        two_invoices, "postgresql-two", r"processed again, answered (?!409)|live invoices", KILLS
    ),
    "split_transaction": Defect(
        split_transaction, "postgresql-two",
        r"latest (invoice|estimate) is|and billed|could not be processed|invoiced, with", KILLS,
    ),
    "number_outside": Defect(number_outside, "postgresql-two", r"numbers? .* missing", KILLS),
    "no_credit": Defect(
        no_credit, "sqlite", r"live invoices|billed .* owed|UNIQUE", CALM,
    ),
    "refunds_forgotten": Defect(refunds_forgotten, "sqlite", r"billed .* owed", CALM),
    "cent_off": Defect(cent_off, "sqlite", r"billed .* owed", CALM),
    "tax_of_nothing": Defect(tax_of_nothing, "sqlite", r"without a base", CALM),
    "payments_twice": Defect(payments_twice, "sqlite", r"payments of .* in the shop", CALM),
    "documents_change": Defect(
        documents_change, "sqlite", r"CONSTRAINT_TRIGGER|was issued otherwise", CALM
    ),
    "events_forgotten": Defect(events_forgotten, "sqlite", r"events name its", CALM),
    "keys_forgotten": Defect(
        keys_forgotten, "postgresql-two", r"answered 409 .*order_exists|made \d times", KILLS
    ),
    "entities_mixed": Defect(entities_mixed, "sqlite", r"another entity sees", CALM),
    "secrets_logged": Defect(secrets_logged, "sqlite", "a secret is in a log", CALM),
    "buyers_logged": Defect(buyers_logged, "sqlite", "of a buyer is in a log", CALM),
    "connections_left": Defect(connections_left, "sqlite", "(threads|files) at rest", STEADY),
    "deaf_to_sigterm": Defect(deaf_to_sigterm, "sqlite", "SIGTERM: exit code", CALM),
}  # fmt: skip


def main() -> None:
    """Plant the defect that the first word names, then be ordermill."""
    from ordermill.cli import main as ordermill
    from ordermill.connector import registry

    registry.installed()
    BUGS[sys.argv.pop(1)].plant()
    ordermill()


if __name__ == "__main__":
    main()
