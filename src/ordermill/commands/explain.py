"""`explain`: everything that ever happened to one order, and what comes next, for people.

Of the buyer it says the name at most.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import typer
from sqlalchemy import Connection

from ordermill.commands.words import amount, shown
from ordermill.daemon import now, open_database, read_settings
from ordermill.model.document import Issued, LinkType
from ordermill.model.outlook import outlook
from ordermill.store import history, integrations, naming, rejected, restores
from ordermill.store.events import CREATED, ORDERMILL, SHOP
from ordermill.store.history import History, Paid, Seen, Told
from ordermill.store.naming import Found
from ordermill.store.rejected import Rejected

# Of a document its own side is told; the other document's line says the other side.
FORWARD = {
    LinkType.CREDIT_FOR: "credits",
    LinkType.REPLACES: "replaces",
    LinkType.INVOICED_BY: "after estimate",
}


def explain_order(path: Path, order: str, *, as_json: bool) -> None:
    """Print it; raise NotFound. Works beside a running daemon."""
    database = open_database(read_settings(path), upgrade=False)
    try:
        with database.read() as conn:
            found = naming.find(conn, order)
            if found.id is None:
                typer.echo(never_read(conn, found))
                return
            told = Explained(history.of_order(conn, found.id), now(), restores.held_since(conn))
    finally:
        database.close()
    typer.echo(json.dumps(told.as_json(), ensure_ascii=False) if as_json else told.text())


def never_read(conn: Connection, found: Found) -> str:
    """Of an order that was rejected whenever it was read."""
    stored = integrations.stored(conn)[found.handle]
    broken = rejected.of(conn, stored.id, found.source_id)
    assert broken is not None
    name = f"{found.handle}/{found.source_id}"
    return f"{name} is not stored: {unreadable(broken)}. `ordermill replay {name}` tries again"


def unreadable(broken: Rejected) -> str:
    return (
        f"it cannot be read ({broken.reason}), {broken.times} times since "
        f"{shown(broken.first_seen_at)} UTC; its payload is kept"
    )


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened. ``part`` of what stands above it."""

    at: datetime
    text: str
    part: bool = False


class Explained:
    """An order's history as text or JSON. Times are the entity's. ``held``: since when nothing is
    billed by itself, after a restore."""

    def __init__(self, told: History, at: datetime, held: datetime | None = None) -> None:
        self._told = told
        self._case = told.case
        self._now = at
        self._held = held
        self._numbers = {document.id: document.number for document in told.case.documents}

    def text(self) -> str:
        lines = [
            f"{self._time(line.at)}  {'  ' if line.part else ''}{line.text}"
            for line in self.lines()
        ]
        return "\n".join([*self.head(), "", *lines, "", *self.present()])

    def as_json(self) -> dict[str, Any]:
        """The same sentences, each with its time."""
        return {
            "id": self._case.id,
            "order": f"{self._told.handle}/{self._case.order.source_id}",
            "status": str(self._case.status),
            "error": self._case.error,
            "about": self.head(),
            "history": [
                {"at": line.at.isoformat().replace("+00:00", "Z"), "text": line.text}
                for line in self.lines()
            ],
            "outlook": list(self.outlook()),
        }

    def head(self) -> list[str]:
        """What it is."""
        case, order = self._case, self._case.order
        placed = "" if order.ordered_at is None else f"placed {self._time(order.ordered_at)}, "
        code = order.currency_code
        return [
            f"order {order.source_order_number or order.source_id}  "
            f"{self._told.handle}/{order.source_id}  {case.id}",
            f"{placed}buyer {order.customer_name or 'without a name'}",
            f"{amount(order.total_with_tax, code)} with {shown(order.total_tax)} of tax, "
            f"{order.payment_status} ({order.payment_gateway or 'no gateway'}); "
            f"owed {amount(order.owed, code)}",
            f"times are of {case.entity.timezone}",
        ]

    def present(self) -> list[str]:
        """Where it stands and what comes next."""
        lines = [f"now: {self._case.status}"]
        if self._told.rejected is not None:
            lines.append(f"  its newest state is missing: {unreadable(self._told.rejected)}")
        return lines + [f"  {each}" for each in self.outlook()]

    def outlook(self) -> Iterator[str]:
        """What comes next."""
        yield from outlook(self._case, self._now, self._time)
        if self._held is not None and self._case.decide_at is not None:
            yield (
                f"but nothing is billed by itself since the restore of {self._time(self._held)}: "
                "`ordermill restore --resume`"
            )

    def lines(self) -> list[Line]:
        """What happened, in its order; documents and money stand under what made them."""
        events = [self._event(told) for told in self._told.events]
        refunds = [line for seen in self._told.refunds for line in self._refund(seen)]
        parts = [
            *(self._document(document) for document in self._case.documents),
            *(self._payment(paid) for paid in self._told.payments),
        ]
        return sorted([*events, *refunds, *parts], key=lambda line: line.at)

    def _event(self, told: Told) -> Line:
        who = "" if told.actor in (SHOP, ORDERMILL) else f" by {told.actor}"
        return Line(told.at, f"{self._what(told)}{who}")

    def _what(self, told: Told) -> str:
        if told.type == CREATED:
            return "stored as the shop shows it" if told.actor == SHOP else "made"
        what = told.type.removeprefix("order.").replace("_", " ")
        details = [told.reason] if told.reason else []
        if "changes" in told.data:
            details += changed(told.data["changes"])
            what = f"{what} (version {told.data['version']})"
        return f"{what}: {', '.join(details)}" if details else what

    def _document(self, document: Issued) -> Line:
        content = document.content
        links = [
            f"{FORWARD[kind]} {self._numbers.get(other, other)}"
            for mine, kind, other in self._told.links
            if mine == document.id and kind in FORWARD
        ]
        refund = [f"for refund {document.refund_id}"] if document.refund_id else []
        parts = [f"dated {document.date}", *links, *refund, str(document.status)]
        kind = str(document.kind).replace("_", " ")
        total = amount(content.total_with_tax, content.currency_code)
        return Line(
            self._made_at(document.created_at),
            f"{kind} {document.number} of {total}, {', '.join(parts)}",
            part=True,
        )

    def _made_at(self, at: datetime) -> datetime:
        """The moment of the decision: documents of one have times a millisecond apart."""
        return max((told.at for told in self._told.events if told.at <= at), default=at)

    def _payment(self, paid: Paid) -> Line:
        payment = paid.payment
        sum_ = amount(payment.amount, payment.currency_code)
        reference = f", reference {payment.reference}" if payment.reference else ""
        invoice = self._numbers.get(payment.invoice_id or "", payment.invoice_id)
        note = self._numbers.get(payment.credit_note_id or "", payment.credit_note_id)
        if invoice and note:
            text = f"credit of {sum_} from {note} applied to {invoice}"
        elif note:
            text = f"{sum_} given back by {payment.type} for {note}, {paid.date}{reference}"
        else:
            text = f"{sum_} paid by {payment.type} for {invoice}, {paid.date}{reference}"
        return Line(self._made_at(paid.at), text, part=True)

    def _refund(self, seen: Seen) -> Iterator[Line]:
        refund = seen.refund
        sum_ = amount(refund.amount, self._case.order.currency_code)
        waits = ", its money has not moved yet" if refund.pending else ""
        yield Line(seen.at, f"refund {refund.source_id} of {sum_} in the shop{waits}")
        if seen.gone_at is not None:
            yield Line(seen.gone_at, f"refund {refund.source_id} is no longer in the shop")

    def _time(self, at: datetime) -> str:
        return f"{at.astimezone(self._case.zone):%Y-%m-%d %H:%M:%S}"


def changed(changes: dict[str, list[Any]]) -> list[str]:
    """The fields, with before and after where they were told."""
    return [
        name if before is None and after is None else f"{name} {shown(before)} -> {shown(after)}"
        for name, (before, after) in sorted(changes.items())
    ]
