"""Reissue: credit what stays of the invoice, and invoice the order as it is now. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from ordermill.errors import WrongState
from ordermill.invoicing import money, process
from ordermill.invoicing.refund import credit_note, credit_refunds, pending, without_pending
from ordermill.model import changes, rules
from ordermill.model import content as contents
from ordermill.model.books import billed, desired, due, in_turn
from ordermill.model.buyer import buyer_of
from ordermill.model.case import Case, Desk, Difference, Happening, Plan, joined
from ordermill.model.codes import Refusal
from ordermill.model.document import DocumentKind, Draft, Issued, LinkType
from ordermill.model.lifecycle import assert_invoiced
from ordermill.model.order import ZERO


def by_hand(case: Case, desk: Desk) -> Plan:
    """A person's call. Raise WrongState if there is no invoice, or nothing that differs from it.

    What was held for review (a deleted refund, another currency, too many reissues) is settled by
    it; an order whose sums do not reconcile is refused.
    """
    assert_invoiced(case)
    return in_turn(case, desk, (caught_up, _again, money.went_back))


def caught_up(case: Case, desk: Desk) -> Plan:
    """A credit note for each refund, then payments, and the money that went back, before any of it
    goes on to another invoice. Once refunds are credited, the order may differ no more, and what
    came is this invoice's, less what came and went back without a credit note."""
    return in_turn(case, desk, (credit_refunds, came, money.went_back))


def came(case: Case, desk: Desk) -> Plan:
    """Money that came after the invoice. While the order differs from it, what is more than is open
    of the invoice waits for the next one, which it is meant for."""
    invoice = case.invoice
    assert invoice is not None
    found = money.incoming(case, desk, invoice)
    if sum((payment.amount for payment in found), ZERO) > due(invoice) and differences(case):
        found = money.incoming(case, desk, invoice, due(invoice))
    return Plan(payments=found)


def differences(case: Case) -> tuple[Difference, ...]:
    """Between what is billed and what is desired; none where pending refunds explain it."""
    found = _differences_now(case)
    if found and pending(case):
        soon = changes.diff(without_pending(case, billed(case)), desired(case))
        return () if not soon else found
    return found


def _differences_now(case: Case) -> tuple[Difference, ...]:
    """Whatever is pending. Where nothing is billed any more, a cancelled order and one that is
    worth nothing want nothing."""
    left, what = billed(case), desired(case)
    worth = what.items and what.total_with_tax  # the rounding of no line is nothing to invoice
    if contents.is_nothing(left) and (case.order.cancelled or not worth):
        return ()
    return changes.diff(left, what)


def buyer_differences(case: Case) -> tuple[Difference, ...]:
    """What the invoice says of the buyer, against the order; as long as something is billed."""
    invoice = case.invoice
    if invoice is None or contents.is_nothing(billed(case)):
        return ()
    return changes.buyer_diff(invoice.customer, buyer_of(case.order))


def _again(case: Case, desk: Desk) -> Plan:
    """What is pending may never come: then a call bills the order without it."""
    if not _differences_now(case) and not buyer_differences(case):
        raise WrongState(
            Refusal.ORDER_ITEMS_NOT_CHANGED,
            "nothing that the invoice says has changed",
            invoice_id=case.invoice_id,
        )
    obstacle = rules.hold(case)
    if obstacle is not None:
        return process.refused(case, obstacle)
    again = Plan(decisions={"decide_at": desk.now})  # it may be cancelled, and still be a review
    return joined((reissue(case, desk), again))


def reissue(case: Case, desk: Desk) -> Plan:
    """A credit note for the uncredited remainder of the latest invoice, with that invoice's lines,
    and a new invoice over what the order now says; both in one plan.

    Nothing to credit (it was credited whole): only the invoice. Nothing left of the order, or
    nothing that its rules would invoice: only the credit note, and the order keeps the old invoice.
    Payments stay where they are; the credit is applied.
    """
    old = case.invoice
    assert old is not None
    left, what = billed(case), desired(case)
    note = new = None
    if not contents.is_nothing(left):
        note = credit_note(case, desk, old, left, "Replaced: the order changed")
    if what.items and (what.total_with_tax or not case.rules.skip.zero_total):
        drafted = process.draft(case, desk, what, DocumentKind.INVOICE)
        new = replace(drafted, links=((LinkType.REPLACES, old.id),))
    documents = tuple(document for document in (note, new) if document is not None)
    credit = money.credited(case, desk, note, old, new)
    more = () if new is None else money.incoming(case, desk, new)
    noticed = () if new is None else process.noticed(new)
    return Plan(
        documents=documents,
        payments=credit + more,
        settled=process.absorbed(case, documents[-1].id),
        decisions=process.invoiced(old.id if new is None else new.id, desk.now),
        events=(
            *noticed,
            Happening(type="order.reissued", reason=_why(case), data=_told(old, note, new)),
        ),
    )


def _why(case: Case) -> str:
    found = _differences_now(case) + buyer_differences(case)
    lines = {each.line for each in found if each.line is not None}
    fields = sorted({each.field for each in found})
    return f"{', '.join(fields)} changed" + (f" in {len(lines)} lines" if len(lines) > 1 else "")


def _told(old: Issued, note: Draft | None, new: Draft | None) -> dict[str, object]:
    told: dict[str, object] = {"invoice_id": old.id}
    if note is not None:
        told |= {"credit_note_id": note.id, "credited": note.content.total_with_tax}
    if new is not None:
        told |= {"new_invoice_id": new.id, "total_with_tax": new.content.total_with_tax}
    return told
