"""Issued documents: their rows, what moves about them, and how they refer to each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from ordermill.model.case import Case, Plan
from ordermill.model.document import OPPOSITE, DocumentKind, DocumentStatus, Draft, Issued, Payment
from ordermill.model.integration import Entity
from ordermill.model.order import ZERO
from ordermill.store.bulk import append, change
from ordermill.store.customers import searched
from ordermill.store.numbering import Numbered
from ordermill.store.rows import json_text
from ordermill.store.tables import document_links, document_state, documents


@dataclass(frozen=True, slots=True)
class State:
    """What moves about a document."""

    kind: DocumentKind
    status: DocumentStatus
    paid: Decimal
    credited: Decimal


class Row:
    """A document's row, laid out but for its number, so that little is left to do once the series
    is locked."""

    def __init__(
        self,
        draft: Draft,
        case: Case,
        *,
        entity_id: str,
        integration_id: str,
        customer_id: str,
        created_at: datetime,
    ) -> None:
        content, entity = draft.content, case.entity
        self.draft = draft
        self.entity_id = entity_id
        self.entity = entity
        self._texts = "\n".join(_searched(draft, case)).casefold()
        self._values = (
            draft.id, entity_id, case.id, integration_id, str(draft.kind), content.currency_code,
            json_text(content.items), json_text(content.taxes), content.total, content.total_tax,
            content.total_with_tax, content.total_discount, content.rounding, issuer(entity),
            customer_id, json_text(draft.customer), draft.credits, draft.refund_id, draft.reason,
            created_at,
        )  # fmt: skip

    def numbered(self, given: Numbered) -> tuple[object, ...]:
        """The row, in the order of NAMES."""
        due = given.date + timedelta(days=self.entity.payment_due_days)
        day = given.date.isoformat()
        return (
            *self._values, given.year, given.sequence, given.series, given.number, day,
            due.isoformat(), self.draft.date_service or day,
            f"{given.number.casefold()}\n{self._texts}",
        )  # fmt: skip


NAMES = (
    "id", "entity_id", "order_id", "integration_id", "kind", "currency_code", "items", "taxes",
    "total", "total_tax", "total_with_tax", "total_discount", "rounding", "issuer", "customer_id",
    "customer", "credits_id", "refund_id", "reason", "created_at", "year", "sequence", "series",
    "number", "date", "date_due", "date_service", "search_text",
)  # fmt: skip


def issuer(entity: Entity) -> str:
    """The entity as its documents name it."""
    return json_text(
        {"name": entity.name, "address": dict(entity.address), "tax_number": entity.tax_number}
    )


def states(case: Case, plan: Plan) -> dict[str, State]:
    """How every document of the case stands once the plan is written, by id."""
    every: tuple[Issued | Draft, ...] = (*case.documents, *plan.documents)
    money = (*case.payments, *plan.payments)
    return {document.id: _state(document, every, money) for document in every}


def append_documents(conn: Connection, rows: Sequence[Row], numbered: Sequence[Numbered]) -> None:
    """Write what was numbered."""
    values = [row.numbered(given) for row, given in zip(rows, numbered, strict=True)]
    append(conn, documents, NAMES, values)


def write_states(conn: Connection, work: Sequence[tuple[Case, Plan]]) -> None:
    """Bring what moves up to date: first of older documents, so that an invoice is credited before
    the next one of its order comes in."""
    moved, new = [], []
    for case, plan in work:
        before = {document.id: _as_it_was(document) for document in case.documents}
        for document_id, state in states(case, plan).items():
            values = (str(state.status), state.paid, state.credited)
            if document_id not in before:
                new.append((document_id, case.id, str(state.kind), *values))
            elif before[document_id] != state:
                moved.append((document_id, *values))
    names = ("status", "paid", "credited")
    change(conn, document_state, ("document_id",), names, moved)
    append(conn, document_state, ("document_id", "order_id", "kind", *names), new)


def append_links(conn: Connection, drafts: Iterable[Draft]) -> None:
    """Write every link on both sides."""
    rows = dict.fromkeys(link for draft in drafts for link in _links(draft))
    append(conn, document_links, ("document_id", "type", "other_id"), list(rows))


def _links(draft: Draft) -> Iterator[tuple[str, str, str]]:
    for kind, other in draft.links:
        yield draft.id, str(kind), other
        yield other, str(OPPOSITE[kind]), draft.id


def _state(
    document: Issued | Draft, every: Iterable[Issued | Draft], money: Iterable[Payment]
) -> State:
    total = document.content.total_with_tax
    if document.kind is DocumentKind.ESTIMATE:
        return State(document.kind, DocumentStatus.OPEN, ZERO, ZERO)
    if document.kind is DocumentKind.CREDIT_NOTE:
        paid = sum((p.amount for p in money if p.credit_note_id == document.id), ZERO)
        return State(document.kind, _paid_if(paid >= total), paid, ZERO)
    paid = sum((p.amount for p in money if p.invoice_id == document.id), ZERO)
    notes = [each.content.total_with_tax for each in every if each.credits == document.id]
    credited = sum(notes, ZERO)
    if notes and credited == total:
        return State(document.kind, DocumentStatus.CREDITED, paid, credited)
    return State(document.kind, _paid_if(paid + credited >= total), paid, credited)


def _paid_if(settled: bool) -> DocumentStatus:
    return DocumentStatus.PAID if settled else DocumentStatus.OPEN


def _as_it_was(document: Issued) -> State:
    return State(document.kind, document.status, document.paid, document.credited)


def _searched(draft: Draft, case: Case) -> Iterator[str]:
    """What a person may look for; the number comes to it later."""
    yield from searched(draft.customer)
    numbers = (case.order.source_id, case.order.source_order_number, draft.reason)
    names = (text for item in draft.content.items for text in (item.name, item.sku))
    yield from (text for text in (*numbers, *names) if text)
