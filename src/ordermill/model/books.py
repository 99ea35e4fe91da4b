"""What a plan makes of a case: the documents, sums and decisions as they stand after it. Pure.

The writer does the same in the database; planning uses this one to take several steps in one plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from decimal import Decimal

from msgspec.structs import replace

from ordermill.model import content as contents
from ordermill.model.case import Case, Desk, Plan, joined
from ordermill.model.document import Content, DocumentKind, DocumentStatus, Draft, Issued, Payment
from ordermill.model.money import money, unit_of
from ordermill.model.order import ZERO, Order, Refund
from ordermill.model.taxes import tax_groups

Step = Callable[[Case, Desk], Plan]


def in_turn(case: Case, desk: Desk, steps: Iterable[Step]) -> Plan:
    """One plan of several steps, each of which sees what those before it did."""
    plans = []
    for step in steps:
        plan = step(case, desk)
        plans.append(plan)
        case = applied(case, plan, desk)
    return joined(plans)


def applied(case: Case, plan: Plan, desk: Desk) -> Case:
    """The case after the plan; numbers are not given yet."""
    payments = case.payments + plan.payments
    documents = (*case.documents, *(_issued(case, draft, desk) for draft in plan.documents))
    refunds = tuple(
        replace(known, settled_by=plan.settled.get(known.refund.source_id, known.settled_by))
        for known in case.refunds
    )
    return replace(
        case,
        documents=tuple(_standing(each, documents, payments) for each in documents),
        payments=payments,
        refunds=refunds,
        **plan.decisions,
    )


def billed(case: Case) -> Content:
    """What stays of the latest invoice after its credit notes: what the buyer was billed."""
    invoice = case.invoice
    if invoice is None:
        return contents.nothing(case.order.currency_code)
    left = invoice.content
    for note in case.credit_notes(invoice.id):
        left = contents.minus(left, note.content)
    return left


def desired(case: Case) -> Content:
    """What the order now says is owed, line by line, after its refunds.

    A shop whose total falls with a refund (Shopify) shows it in its lines; of the others
    (WooCommerce) the refunds are taken off, each as its credit note took it, if there is one and
    the lines have not become others since.
    """
    left = contents.of_order(case.order)
    if falls_by_refunds(case.order):
        return left
    if case.order.owed <= 0:
        return contents.nothing(left.currency_code)
    code, refunds = left.currency_code, taken(case)
    notes = {d.refund_id: d.content for d in case.documents if d.content.currency_code == code}
    said = unsaid = ZERO  # the tax of refunds: as the shop says it, or as it was split
    for refund in refunds:
        off = _off(refund, notes.get(refund.source_id), left)
        if contents.is_nothing(off):
            continue
        left = contents.minus(left, off)
        said += refund.total_tax or ZERO
        unsaid += off.total_tax if refund.total_tax is None else ZERO
    tax = sum((each.tax for each in tax_groups(case.order)), ZERO)
    return contents.to_owed(left, case.order.owed, money(tax - said, code) - unsaid, len(refunds))


def _off(refund: Refund, note: Content | None, left: Content) -> Content:
    """What a refund takes off. Where the note does not fit what is left, its amount still holds."""
    if note is None and refund.amount < unit_of(left.currency_code):
        return contents.nothing(left.currency_code)  # it credits nothing, and is rounding
    if note is None or _capped(note, refund):
        return contents.of_refund(refund, left)
    if contents.fits(note, left):
        return note
    return contents.of_refund(replace(refund, amount=note.total_with_tax), left)


def _capped(note: Content, refund: Refund) -> bool:
    """Whether there was less to credit than was refunded; a unit less is only its rounding."""
    unit = unit_of(note.currency_code)
    return money(refund.amount, note.currency_code) - note.total_with_tax > unit


def falls_by_refunds(order: Order) -> bool:
    """Whether nothing is to be taken off the order's lines: its shop has done so, or there is
    nothing."""
    return order.owed == order.total_with_tax


def taken(case: Case) -> list[Refund]:
    """The refunds that the shop shows and that take something back."""
    return [k.refund for k in case.refunds if k.refund.amount and not k.deleted]


def received(case: Case) -> Decimal:
    """Money that came for the order in its present currency, credits aside."""
    return _sum(case, (p for p in case.payments if p.credit_note_id is None))


def held(case: Case) -> Decimal:
    """Of what was received, that which did not go back to the buyer."""
    back = (p for p in case.payments if p.invoice_id is None)
    return received(case) - _sum(case, back)


def _sum(case: Case, payments: Iterable[Payment]) -> Decimal:
    code = case.order.currency_code
    return sum((p.amount for p in payments if p.currency_code == code), ZERO)


def due(document: Issued) -> Decimal:
    """What is still to be paid of an invoice; what is still to be given back of a credit note."""
    return max(ZERO, document.content.total_with_tax - document.paid - document.credited)


def status_of(document: Issued, *, has_credit_note: bool) -> DocumentStatus:
    """Credited exactly when the credit notes add up to the total, else paid when nothing is due.
    Nothing is ever paid of an estimate."""
    if document.kind is DocumentKind.ESTIMATE:
        return DocumentStatus.OPEN
    if has_credit_note and document.credited >= document.content.total_with_tax:
        return DocumentStatus.CREDITED
    return DocumentStatus.OPEN if due(document) else DocumentStatus.PAID


def _issued(case: Case, draft: Draft, desk: Desk) -> Issued:
    return Issued(
        id=draft.id,
        kind=draft.kind,
        number="",
        date=desk.now.astimezone(case.zone).date().isoformat(),
        content=draft.content,
        customer=draft.customer,
        created_at=desk.now,
        credits=draft.credits,
        refund_id=draft.refund_id,
    )


def _standing(
    document: Issued, documents: Collection[Issued], payments: Iterable[Payment]
) -> Issued:
    credit = document.kind is DocumentKind.CREDIT_NOTE
    paid = (p.amount for p in payments
            if (p.credit_note_id if credit else p.invoice_id) == document.id)  # fmt: skip
    notes = [d.content.total_with_tax for d in documents if d.credits == document.id]
    moved = replace(document, paid=sum(paid, ZERO), credited=sum(notes, ZERO))
    return replace(moved, status=status_of(moved, has_credit_note=bool(notes)))
