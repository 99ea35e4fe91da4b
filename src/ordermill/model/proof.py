"""What must hold in the books, proved over values. Pure: no database, no clock.

Numbers are proved along each series, everything else order by order; ``ordermill verify`` feeds
both from the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby, pairwise

from ordermill.model.arithmetic import arithmetic, most_rounding
from ordermill.model.audit import Booked, Counter, Finding, Numbered, OrderBooks
from ordermill.model.codes import code_of
from ordermill.model.document import (
    OPPOSITE,
    DocumentKind,
    DocumentStatus,
    Issued,
    LinkType,
    Payment,
)
from ordermill.model.money import money, unit_of
from ordermill.model.order import ZERO, OrderStatus

SeriesKey = tuple[str, str, int]  # entity's handle, kind, year
Range = tuple[int, int]  # the first and the last


def numbers(
    documents: Iterable[Numbered],
    counters: Mapping[SeriesKey, Counter],
    skipped: Mapping[SeriesKey, Sequence[Range]] | None = None,
) -> Iterator[Finding]:
    """Every series from 1 on without a gap, dates that never go back, and its counter.

    ``documents`` come sorted by entity, kind, year and sequence; none of them is kept. Numbers that
    were ``skipped`` on purpose are no gap.
    """
    known = skipped or {}
    proved = set()
    for key, members in groupby(documents, lambda d: (d.entity, d.kind, d.year)):
        proved.add(key)
        yield from _Series(key, known.get(key, ())).prove(members, counters.get(key))
    for key in counters.keys() - proved:
        yield from _Series(key, known.get(key, ())).prove((), counters[key])


class _Series:
    """One series, from its first document to its counter."""

    def __init__(self, key: SeriesKey, skipped: Sequence[Range]) -> None:
        self._name = _named(key)
        self._skipped = skipped
        self._last, self._number, self._date = 0, "", ""

    def prove(self, members: Iterable[Numbered], counter: Counter | None) -> Iterator[Finding]:
        for document in members:
            yield from self._next(document)
        if counter is None:
            what = f"there is no counter, {self._last} documents are numbered"
            yield Finding(self._name, what)
        else:
            yield from self._counted(counter)

    def _next(self, document: Numbered) -> Iterator[Finding]:
        if document.sequence == self._last:
            both = f"{self._number} and {document.number}"
            yield Finding(self._name, f"{both} are both number {self._last}")
        for missing in self._missing(document.sequence - 1):
            after = f"after {self._number}" if self._number else "at the beginning"
            yield Finding(self._name, f"{missing} missing {after}, before {document.number}")
        yield from self._dated(document)
        self._last, self._number = document.sequence, document.number
        self._date = max(self._date, document.date)

    def _dated(self, document: Numbered) -> Iterator[Finding]:
        if document.date < self._date:
            what = f"dated {document.date}, earlier than {self._date}, the day of {self._number}"
            yield Finding(document.number, what)
        if document.year and not document.date.startswith(f"{document.year:04d}-"):
            what = f"dated {document.date} in the series of {document.year}"
            yield Finding(document.number, what)

    def _counted(self, counter: Counter) -> Iterator[Finding]:
        for missing in self._missing(counter.last):
            what = f"{missing} given away, {self._number or 'no document'} is the last document"
            yield Finding(self._name, what)
        if counter.last < self._last:
            what = f"the counter stands at {counter.last}, the last document is {self._number}"
            yield Finding(self._name, what)
        elif counter.last_date < self._date:
            what = f"the counter stands at {counter.last_date}, {self._number} is of {self._date}"
            yield Finding(self._name, what)

    def _missing(self, end: int) -> Iterator[str]:
        """The numbers after the last one and up to ``end`` that nothing accounts for."""
        at = self._last + 1
        before = [(first, last) for first, last in self._skipped if first <= end]
        for first, last in (*before, (end + 1, end + 1)):
            if at < first:
                yield f"number {at} is" if at == first - 1 else f"numbers {at} to {first - 1} are"
            at = max(at, last + 1)


def _named(key: SeriesKey) -> str:
    entity, kind, year = key
    return f"{kind} series {year or 'of all years'} of {entity}"


def order(books: OrderBooks) -> Iterator[Finding]:
    """Everything that does not hold of one order, its documents and its money."""
    for booked in books.documents:
        for what in _document(books, booked):
            yield Finding(booked.issued.number, what)
    about = f"order {books.id} ({books.name})"
    for check in (_trail, _pointers, _live, _replaced, _settled, _payments, _refunds):
        for what in check(books):
            yield Finding(about, what)


def _document(books: OrderBooks, booked: Booked) -> Iterator[str]:
    yield from arithmetic(booked.issued.content, _most(books, booked.issued))
    if not booked.at_home:
        yield f"its entity or integration is not that of order {books.id}"
    if not booked.customer_known:
        yield "its customer does not exist"
    yield from _linked(books, booked)
    if booked.issued.kind is DocumentKind.CREDIT_NOTE:
        yield from _credit_note(books, booked)
    if booked.issued.kind is DocumentKind.INVOICE:
        yield from _credited(books, booked.issued)
    yield from _state(books, booked)


def _most(books: OrderBooks, issued: Issued) -> Decimal:
    """A credit note may have to take what its invoice's rounding left for fewer lines, and what is
    left after refunds what the rounding of each of them left."""
    credited = [i.content for i in books.of_kind(DocumentKind.INVOICE) if i.id == issued.credits]
    refunds = [n for n in books.of_kind(DocumentKind.CREDIT_NOTE) if n.refund_id and n != issued]
    over = sum((abs(note.content.rounding) for note in refunds), ZERO)
    return over + max(most_rounding(content) for content in (issued.content, *credited))


def _linked(books: OrderBooks, booked: Booked) -> Iterator[str]:
    """Each link has its other side, within the order."""
    there = {each.issued.id: each for each in books.documents}
    for type_, other_id in booked.links:
        other = there.get(other_id)
        if other is None:
            yield f"{type_} {other_id}, which is no document of this order"
        elif (OPPOSITE[type_], booked.issued.id) not in other.links:
            number = other.issued.number
            yield f"{type_} {number}, but {number} does not say {OPPOSITE[type_]}"


def _credit_note(books: OrderBooks, booked: Booked) -> Iterator[str]:
    issued = booked.issued
    named = [other for type_, other in booked.links if type_ is LinkType.CREDIT_FOR]
    invoice = next((i for i in books.of_kind(DocumentKind.INVOICE) if i.id == issued.credits), None)
    if invoice is None:
        yield f"it credits {issued.credits}, which is no invoice of this order"
    elif named != [invoice.id]:
        yield f"it credits {invoice.number}, but its links name {len(named)} invoices or another"
    elif issued.content.currency_code != invoice.content.currency_code:
        yield (
            f"it is in {issued.content.currency_code}, its invoice {invoice.number} in "
            f"{invoice.content.currency_code}"
        )
    if issued.content.total_with_tax < 0:
        yield f"it credits {issued.content.total_with_tax:f}; what is taken back is positive"


def _credited(books: OrderBooks, invoice: Issued) -> Iterator[str]:
    """Never more than its total; and where all of it, then all of its tax."""
    notes = [note.content for note in _notes(books, invoice)]
    gross = sum((note.total_with_tax for note in notes), ZERO)
    tax = sum((note.total_tax for note in notes), ZERO)
    whole = invoice.content
    if gross > whole.total_with_tax:
        yield f"credit notes of {gross:f} for an invoice of {whole.total_with_tax:f}"
    elif notes and gross == whole.total_with_tax and tax != whole.total_tax:
        yield f"credited in full, but with a tax of {tax:f} instead of {whole.total_tax:f}"


def _notes(books: OrderBooks, invoice: Issued) -> list[Issued]:
    return [n for n in books.of_kind(DocumentKind.CREDIT_NOTE) if n.credits == invoice.id]


def _state(books: OrderBooks, booked: Booked) -> Iterator[str]:
    """Paid, credited and status are what payments and credit notes say."""
    issued = booked.issued
    if booked.stateless:
        yield "nothing says whether it is open, paid or credited"
        return
    notes = _notes(books, issued)
    credited = sum((note.content.total_with_tax for note in notes), ZERO)
    paid = sum((p.amount for p in books.payments if _is_of(p, issued)), ZERO)
    if issued.paid != paid:
        yield f"{issued.paid:f} are noted as paid, its payments come to {paid:f}"
    if issued.credited != credited:
        yield f"{issued.credited:f} are noted as credited, its credit notes come to {credited:f}"
    whole = bool(notes) and credited >= issued.content.total_with_tax
    status = DocumentStatus.CREDITED if whole else status_of(issued, paid + credited)
    if issued.status is not status:
        yield f"its status is {issued.status}, by its payments and credit notes it is {status}"


def _is_of(payment: Payment, issued: Issued) -> bool:
    if issued.kind is DocumentKind.CREDIT_NOTE:
        return payment.credit_note_id == issued.id
    return payment.invoice_id == issued.id


def status_of(issued: Issued, settled: Decimal) -> DocumentStatus:
    """Paid when nothing is due any more; of an estimate nothing ever is paid."""
    due = issued.content.total_with_tax - settled
    if issued.kind is DocumentKind.ESTIMATE or due > 0:
        return DocumentStatus.OPEN
    return DocumentStatus.PAID


def _trail(books: OrderBooks) -> Iterator[str]:
    """How it came here is known."""
    if books.times_created != 1:
        yield f"{books.times_created} events say order.created"
    if not books.payload_kept:
        yield "the payload of its present version is not kept"
    if not books.hashed:
        yield "its content hash is missing"


def _pointers(books: OrderBooks) -> Iterator[str]:
    """What the order says of its documents is so."""
    for name, said, kind in (
        ("invoice_id", books.invoice_id, DocumentKind.INVOICE),
        ("estimate_id", books.estimate_id, DocumentKind.ESTIMATE),
    ):
        latest = books.of_kind(kind)[-1:]
        if said != (latest[0].id if latest else None):
            yield f"{name} is {said}, its latest {kind} is {latest[0].number if latest else None}"
    invoices = books.of_kind(DocumentKind.INVOICE)
    if (books.status is OrderStatus.INVOICED) is not bool(invoices):
        yield f"its status is {books.status}, it has {len(invoices)} invoices"


def _live(books: OrderBooks) -> Iterator[str]:
    live = [i.number for i in books.of_kind(DocumentKind.INVOICE) if not _dead(i)]
    if len(live) > 1:
        yield f"{len(live)} live invoices: {', '.join(live)}"
    if not live and settled(books) and not books.cancelled and _owed(books) > 0:
        yield f"it owes {_owed(books):f} {books.currency_code} and has no live invoice"


def _dead(invoice: Issued) -> bool:
    return invoice.status is DocumentStatus.CREDITED


def _replaced(books: OrderBooks) -> Iterator[str]:
    """Every later invoice replaces the one before."""
    invoices = [d for d in books.documents if d.issued.kind is DocumentKind.INVOICE]
    for before, after in pairwise(invoices):
        if (LinkType.REPLACES, before.issued.id) not in after.links:
            yield f"{after.issued.number} does not say that it replaces {before.issued.number}"


def settled(books: OrderBooks) -> bool:
    """Whether what is billed must equal what is owed now: invoiced, and nothing is to come."""
    to_come = books.waiting or books.items_changed or any(r.pending for r in books.refunds)
    at_rest = not (to_come or books.deleted or code_of(books.error))
    return books.status is OrderStatus.INVOICED and at_rest


def _settled(books: OrderBooks) -> Iterator[str]:
    if not settled(books):
        return
    gross, tax = _billed(books)
    if books.cancelled and gross == 0:
        return
    if gross != _owed(books):
        yield f"its documents come to {gross:f} {books.currency_code}, it owes {_owed(books):f}"
    elif books.owed_tax is not None and abs(tax - books.owed_tax) > _parts(books):
        yield f"its documents hold {tax:f} of tax, it owes {books.owed_tax:f}"


def _parts(books: OrderBooks) -> Decimal:
    """How far the taxes may be off: not at all, but where the shop counts parts of the minor unit.
    There each document rounds the tax of each rate."""
    assert books.owed_tax is not None
    if books.owed_tax == money(books.owed_tax, books.currency_code):
        return ZERO
    rounded = sum(len(booked.issued.content.taxes) + 1 for booked in books.documents)
    return unit_of(books.currency_code) / 2 * rounded


def _billed(books: OrderBooks) -> tuple[Decimal, Decimal]:
    """Invoices less credit notes, with the tax in them."""
    gross = tax = ZERO
    for booked in books.documents:
        content = booked.issued.content
        sign = {DocumentKind.INVOICE: 1, DocumentKind.CREDIT_NOTE: -1}.get(booked.issued.kind, 0)
        gross += sign * content.total_with_tax
        tax += sign * content.total_tax
    return gross, tax


def _owed(books: OrderBooks) -> Decimal:
    """In the currency's minor units; a shop that refunded more than it took is owed nothing."""
    return max(money(books.owed, books.currency_code), ZERO)


def _payments(books: OrderBooks) -> Iterator[str]:
    by_id = {booked.issued.id: booked.issued for booked in books.documents}
    keys = [payment.key for payment in books.payments]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield f"{keys.count(key)} payments for one cause, {key}"
    for payment in books.payments:
        yield from _payment(payment, by_id)
    for note in books.of_kind(DocumentKind.CREDIT_NOTE):
        used = sum((p.amount for p in books.payments if p.credit_note_id == note.id), ZERO)
        if used > note.content.total_with_tax:
            yield f"{used:f} were paid out of {note.number} of {note.content.total_with_tax:f}"


def _payment(payment: Payment, by_id: Mapping[str, Issued]) -> Iterator[str]:
    named = {"invoice": payment.invoice_id, "credit note": payment.credit_note_id}
    about = f"payment {payment.id} of {payment.amount:f}"
    for kind, document_id in named.items():
        document = by_id.get(document_id or "")
        if document_id is not None and document is None:
            yield f"{about}: its {kind} {document_id} is no document of this order"
        elif document is not None and document.content.currency_code != payment.currency_code:
            yield f"{about} {payment.currency_code}: {document.number} is in another currency"
    if payment.amount <= 0:
        yield f"{about}: amounts of payments are positive"


def _refunds(books: OrderBooks) -> Iterator[str]:
    """A refund is settled by a document of its order, and a credit note for one settles it."""
    by_id = {booked.issued.id: booked.issued for booked in books.documents}
    settled_by = {refund.source_id: refund.settled_by for refund in books.refunds}
    for refund in books.refunds:
        if refund.settled_by is not None and refund.settled_by not in by_id:
            yield f"refund {refund.source_id} was settled by {refund.settled_by}, no document of it"
    for note in books.of_kind(DocumentKind.CREDIT_NOTE):
        if note.refund_id is not None and settled_by.get(note.refund_id) != note.id:
            yield f"{note.number} is for refund {note.refund_id}, which says nothing of it"
