"""Refunds of an invoiced order: each becomes one credit note, once. Pure."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from ordermill.invoicing import money
from ordermill.model import content as contents
from ordermill.model.books import applied, billed
from ordermill.model.case import Case, Desk, Happening, KnownRefund, Plan, joined
from ordermill.model.document import Content, DocumentKind, Draft, Issued, LinkType
from ordermill.model.money import money as round_money
from ordermill.model.order import Refund


def credit_refunds(case: Case, desk: Desk) -> Plan:
    """A credit note for every refund that none was issued for, the oldest first.

    Pending ones wait, those without an amount need none. One above what can still be credited is
    capped there, which its event says.
    """
    plans = []
    for known in open_refunds(case):
        if case.invoice is None or known.refund.pending:
            continue
        plan = _credit(case, desk, known, case.invoice)
        plans.append(plan)
        case = applied(case, plan, desk)
    return joined(plans)


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
    refund = known.refund
    left = billed(case)
    if left.total_with_tax <= 0:
        return _nothing_left(refund.source_id, invoice.id, refund.amount)
    content = contents.of_refund(replace(refund, amount=_amount(case, refund, left)), left)
    drafted = credit_note(case, desk, invoice, content, refund.reason or "Refund", refund.source_id)
    amount = content.total_with_tax
    return Plan(
        documents=(drafted,),
        payments=money.returned(case, desk, refund.source_id, drafted.id, amount),
        settled={refund.source_id: drafted.id},
        events=(
            Happening(
                type="order.refunded",
                reason=_capped(refund.amount, amount),
                data={
                    "refund_id": refund.source_id,
                    "document_id": drafted.id,
                    "total_with_tax": amount,
                    "currency_code": content.currency_code,
                },
            ),
        ),
    )


def _amount(case: Case, refund: Refund, left: Content) -> Decimal:
    """The refund's amount, with which the bill becomes exactly what is owed where a shop counts
    parts of the minor unit."""
    code = left.currency_code
    amount, owed = round_money(refund.amount, code), round_money(case.order.owed, code)
    off = left.total_with_tax - amount - owed
    whole = owed == case.order.owed
    return amount if whole or abs(off) > contents.unit_of(code) else amount + off


def _nothing_left(refund_id: str, invoice_id: str, amount: Decimal) -> Plan:
    return Plan(
        settled={refund_id: invoice_id},
        events=(
            Happening(
                type="order.refunded",
                reason=_capped(amount, Decimal(0)),
                data={"refund_id": refund_id, "total_with_tax": Decimal(0)},
            ),
        ),
    )


def _capped(asked: Decimal, credited: Decimal) -> str | None:
    if credited >= asked:
        return None
    return f"refunded {asked:f}, of which {credited:f} could still be credited"


def without_pending(case: Case, left: Content) -> Content:
    """What is billed, as it will be when the pending refunds are through."""
    for known in pending(case):
        settled = replace(known.refund, pending=False)
        left = contents.minus(left, contents.of_refund(settled, left))
    return left
