"""Reissue: credit what stays of the invoice, and invoice the order as it is now. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from ordermill.errors import WrongState
from ordermill.invoicing import money, process
from ordermill.invoicing.refund import credit_note, credit_refunds
from ordermill.model import changes, rules
from ordermill.model import content as contents
from ordermill.model.books import billed, desired, in_turn
from ordermill.model.buyer import buyer_of
from ordermill.model.case import Case, Desk, Happening, Plan
from ordermill.model.codes import Hold, Refusal
from ordermill.model.document import DocumentKind, Draft, Issued, LinkType, Payment
from ordermill.model.lifecycle import assert_invoiced

BY_ITSELF = "ordermill"


def by_hand(case: Case, desk: Desk) -> Plan:
    """A person's call. Raise WrongState if there is no invoice, or nothing that differs from it.

    What was held for review (a deleted refund, another currency, too many reissues) is settled by
    it; an order whose sums do not reconcile is refused.
    """
    assert_invoiced(case)
    return in_turn(case, desk, (credit_refunds, _again))


def _again(case: Case, desk: Desk) -> Plan:
    invoice = case.invoice
    assert invoice is not None
    differs = changes.diff(billed(case), desired(case))
    buyer = changes.buyer_diff(invoice.customer, buyer_of(case.order))
    if not differs and not buyer:
        raise WrongState(
            Refusal.ORDER_ITEMS_NOT_CHANGED,
            "nothing that the invoice says has changed",
            invoice_id=invoice.id,
        )
    held = rules.hold(case)
    below = contents.below_zero(desired(case))
    if held is not None and held.code is not None and held.error is not None:
        return _refused(held.code, held.error)
    if below is not None:
        error = f"{Hold.REFUND_BELOW_LINE}: more was refunded of line {below.source_id} than it has"
        return _refused(Hold.REFUND_BELOW_LINE, error)
    return reissue(case, desk)


def _refused(code: str, error: str) -> Plan:
    refusal = process.refused(code, error)
    kept = {name: value for name, value in refusal.decisions.items() if name == "error"}
    return replace(refusal, decisions=kept)


def reissue(case: Case, desk: Desk) -> Plan:
    """A credit note for the uncredited remainder of the latest invoice, with that invoice's lines,
    and a new invoice over what the order now says; both in one plan.

    Nothing to credit (it was credited whole): only the invoice. Nothing left of the order: only the
    credit note, and the order keeps the old invoice. Payments stay where they are; the credit is
    applied.
    """
    old = case.invoice
    assert old is not None
    left, what = billed(case), desired(case)
    note = None
    if not contents.is_nothing(left):
        note = credit_note(case, desk, old, left, "Replaced: the order changed")
    new = _new_invoice(case, desk, old) if what.items else None
    documents = tuple(document for document in (note, new) if document is not None)
    invoice_id = new.id if new is not None else old.id
    return Plan(
        documents=documents,
        payments=_payments(case, desk, old, note, new),
        settled=process.absorbed(case, invoice_id),
        decisions=process.invoiced(invoice_id, desk.now) | _counted(case, desk),
        events=(Happening(type="order.reissued", reason=_why(case), data=_told(old, note, new)),),
    )


def _new_invoice(case: Case, desk: Desk, old: Issued) -> Draft:
    drafted = process.draft(case, desk, desired(case), DocumentKind.INVOICE)
    return replace(drafted, links=((LinkType.REPLACES, old.id),))


def _payments(
    case: Case, desk: Desk, old: Issued, note: Draft | None, new: Draft | None
) -> tuple[Payment, ...]:
    applied: tuple[Payment, ...] = ()
    if note is not None:
        target = None if new is None else (new.id, new.content.total_with_tax)
        credit = note.content.total_with_tax
        applied = money.moved(case, desk, note.id, credit, old, target)
    return applied + (money.incoming(case, desk, new.id) if new is not None else ())


def _counted(case: Case, desk: Desk) -> dict[str, object]:
    """Only reissues by itself count for the daily cap."""
    if desk.actor != BY_ITSELF:
        return {}
    return {"auto_reissues": (*case.auto_reissues, desk.now)}


def _why(case: Case) -> str:
    found = changes.diff(billed(case), desired(case)) or case.changes
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
