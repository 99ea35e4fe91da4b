"""Refunds of an invoiced order: each becomes one credit note, once. Pure."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from ordermill.invoicing import money
from ordermill.model import content as contents
from ordermill.model.books import applied, billed, desired, falls_by_refunds, held
from ordermill.model.case import Case, Desk, Happening, KnownRefund, Plan, joined
from ordermill.model.document import Content, DocumentKind, Draft, Issued, LinkType
from ordermill.model.lines import gross_of, there
from ordermill.model.money import money as round_money
from ordermill.model.money import unit_of
from ordermill.model.order import ZERO, Item, Order, Refund


def credit_refunds(case: Case, desk: Desk) -> Plan:
    """A credit note for every refund that none was issued for, the oldest first.

    Pending ones wait, those without an amount need none. One above what can still be credited is
    capped there, which its event says. Of an order whose currency changed, a person decides first.
    """
    plans = []
    for known in open_refunds(case):
        invoice = case.invoice
        if invoice is None or known.refund.pending or _other_currency(case, invoice):
            continue
        plan = _credit(case, desk, known, invoice)
        plans.append(plan)
        case = applied(case, plan, desk)
    return joined(plans)


def _other_currency(case: Case, invoice: Issued) -> bool:
    return invoice.content.currency_code != case.order.currency_code


def open_refunds(case: Case) -> list[KnownRefund]:
    """Refunds with an amount that no document stands for, the oldest first."""
    waiting = [
        known
        for known in case.refunds
        if known.settled_by is None and not known.deleted and known.refund.amount > 0
    ]
    return sorted(waiting, key=lambda known: (known.refund.created_at, known.refund.source_id))


def pending(case: Case) -> list[KnownRefund]:
    """Open refunds whose money has not moved yet."""
    return [known for known in open_refunds(case) if known.refund.pending]


def credit_note(
    case: Case,
    desk: Desk,
    invoice: Issued,
    content: Content,
    reason: str,
    refund_id: str | None = None,
) -> Draft:
    """A credit note for (a part of) an invoice, made out to that invoice's buyer."""
    return Draft(
        id=desk.new_id("cre"),
        kind=DocumentKind.CREDIT_NOTE,
        content=content,
        customer=invoice.customer,
        reason=reason,
        credits=invoice.id,
        refund_id=refund_id,
        links=((LinkType.CREDIT_FOR, invoice.id),),
    )


def _credit(case: Case, desk: Desk, known: KnownRefund, invoice: Issued) -> Plan:
    """With it what is billed is what is desired, in tax as well, whatever was rounded before."""
    left, refund = billed(case), known.refund
    if not falls_by_refunds(case.order) or _takes_what_is_owed(case):
        amount = round_money(refund.amount, left.currency_code)
    else:
        refund = _without_gone(case, refund, left)
        amount = _creditable(case, refund, left)
    want = _wanted(case, refund)
    off = left.total_with_tax - want.total_with_tax - amount
    evens = abs(off) <= _rounding(case.order, refund)
    if evens:
        amount += off
    if amount <= 0 or left.total_with_tax <= 0:
        return _nothing_to_credit(case, refund)
    content = contents.of_refund(replace(refund, amount=amount), left)
    if evens and refund.total_tax is not None and amount < left.total_with_tax:
        content = contents.with_tax(content, left.total_tax - want.total_tax)
    drafted = credit_note(case, desk, invoice, content, refund.reason or "Refund", refund.source_id)
    return Plan(
        documents=(drafted,),
        settled={refund.source_id: drafted.id},
        events=(_told(case, refund, content.total_with_tax, drafted.id),),
    )


def _wanted(case: Case, refund: Refund) -> Content:
    """What is desired once this refund is settled, and none of those that are still open; a shop
    whose total falls by refunds does not tell them apart."""
    if falls_by_refunds(case.order):
        return desired(case)
    later = [known for known in open_refunds(case) if known.refund.source_id != refund.source_id]
    owed = case.order.owed + sum((known.refund.amount for known in later), ZERO)
    return desired(
        replace(
            case,
            order=replace(case.order, owed=owed),
            refunds=tuple(known for known in case.refunds if known not in later),
        )
    )


def _rounding(order: Order, refund: Refund) -> Decimal:
    """How far roundings may have brought the bill off: a shop that counts parts of the minor unit
    leaves some over each time."""
    amounts = (order.total_with_tax, order.total_tax, refund.amount, refund.total_tax)
    code = order.currency_code
    return ZERO if contents.in_units(code, *amounts) else unit_of(code)


def _takes_what_is_owed(case: Case) -> bool:
    """Whether a shop whose total falls gave back money that the invoice counts on, and no credit
    note owes: of a line that was added and taken off again between two looks, and never paid. Then
    the refund is credited whole, and what is owed all the same is invoiced anew."""
    kept = money.kept(case)
    counted = min(held(case), round_money(case.order.owed, case.order.currency_code))
    return kept is not None and kept < counted and not money.owing(case)


def _without_gone(case: Case, refund: Refund, left: Content) -> Refund:
    """Without the lines that are billed as they now are: in a shop whose total falls, a return or
    an edit took them off before, and the refund that names them is only their money. Where a
    credit note owes the buyer such money, of a line only what is billed beyond the order stays.
    Adjustments are no lines: those of two refunds may cancel out in the order."""
    want, owed_back = desired(case), money.owing(case)
    more = contents.minus(left, want)
    items: list[Item | None] = []
    for item in refund.items:
        beyond = there(item, more.items)
        if item.source_id is None or (beyond is not None and not owed_back):
            items.append(item)
        elif beyond is not None:
            pieces = _pieces(left, item) - _pieces(want, item)
            items.append(_still_billed(item, beyond, pieces))
    return replace(refund, items=tuple(item for item in items if item is not None))


def _still_billed(item: Item, more: Item, pieces: Decimal) -> Item | None:
    """Of a line given back, what the bill has beyond the order: at most ``more``, which is so many
    ``pieces``, unless one is worth less only because what stays was changed as well."""
    if more.quantity <= 0:
        return None
    if item.quantity <= pieces or more.total >= item.total:
        return item
    return more if more.total > 0 else None


def _pieces(content: Content, line: Item) -> Decimal:
    same = (i for i in content.items if (i.kind, i.source_id) == (line.kind, line.source_id))
    return sum((item.quantity for item in same), ZERO)


def _creditable(case: Case, refund: Refund, left: Content) -> Decimal:
    """What of a refund takes something back in a shop whose total falls by it: its lines, and what
    is beyond them. That beyond is only money that the buyer had paid too much (an edit made the
    order smaller) as far as what is owed did not fall by it."""
    code = left.currency_code
    amount, owed = round_money(refund.amount, code), round_money(case.order.owed, code)
    lines = gross_of(contents.lines_of(refund, left))
    if amount <= lines:
        return amount
    others = (
        gross_of(contents.lines_of(_without_gone(case, k.refund, left), left))
        for k in open_refunds(case)
    )
    fallen = left.total_with_tax - owed - sum(others, ZERO)
    return lines + min(amount - lines, max(fallen, ZERO))


def _nothing_to_credit(case: Case, refund: Refund) -> Plan:
    """Only money: it goes back out of a credit note that owes it. Where none does, it came and went
    back beside the first invoice, and is no part of what came."""
    owing = money.owing(case)
    first = next(d for d in case.documents if d.kind is DocumentKind.INVOICE)
    settled_by = owing[-1].id if owing else first.id
    return Plan(settled={refund.source_id: settled_by}, events=(_told(case, refund, ZERO, None),))


def _told(case: Case, refund: Refund, credited: Decimal, document_id: str | None) -> Happening:
    reason = None
    if credited < refund.amount:
        reason = f"refunded {refund.amount:f}, of which {credited:f} could still be credited"
    data = {
        "refund_id": refund.source_id,
        "document_id": document_id,
        "total_with_tax": credited,
        "currency_code": case.order.currency_code,
    }
    return Happening(type="order.refunded", reason=reason, data=data)


def without_pending(case: Case, left: Content) -> Content:
    """What is billed, as it will be when the pending refunds are through."""
    for known in pending(case):
        settled = replace(known.refund, pending=False)
        left = contents.minus(left, contents.of_refund(settled, left))
    return left
