"""The payments of an order: what its shop says was paid, given back, and moved by a reissue. Pure.

Each has a key that names its cause, so nothing is recorded twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from ordermill.model import rules
from ordermill.model.books import due, held
from ordermill.model.case import Case, Desk, KnownRefund, Plan
from ordermill.model.document import DocumentKind, Draft, Issued, Payment
from ordermill.model.money import money
from ordermill.model.order import ZERO, PaymentStatus, Refund, Transaction
from ordermill.model.payments import payment_type

PAID = "paid"
RECEIVES = frozenset({"sale", "capture"})


def went_back(case: Case, desk: Desk) -> Plan:
    """Money of refunds, once it has moved."""
    return Plan(payments=outgoing(case, desk))


def incoming(
    case: Case, desk: Desk, invoice: Issued | Draft, most: Decimal | None = None
) -> tuple[Payment, ...]:
    """What came and is not recorded yet, on the invoice: one payment per successful transaction;
    where the shop has none, one over what it says was paid. Those beyond ``most`` wait.

    What had been given back before the invoice was issued, or came and went back without a credit
    note, is no part of it, so it is taken off, from the latest payments first. None in another
    currency than the invoice's.
    """
    found = _incoming(case, desk, invoice)
    if most is None:
        return found
    kept = []
    for payment in found:
        if payment.amount <= most:
            kept.append(payment)
            most -= payment.amount
    return tuple(kept)


def _incoming(case: Case, desk: Desk, invoice: Issued | Draft) -> tuple[Payment, ...]:
    known = {payment.key for payment in case.payments if payment.credit_note_id is None}
    if invoice.content.currency_code != case.order.currency_code:
        return ()
    if case.source == rules.MANUAL:
        return tuple(_said(case, desk, invoice.id, known))
    if PAID in known:
        return ()
    found = [t for t in case.order.transactions if _came(t)]
    if not found:
        whole = case.order.paid and not known
        return tuple(_whole(case, desk, invoice.id)) if whole else ()
    new = [t for t in found if f"transaction:{t.id}" not in known]
    off = _gone_before(case) + _change(case, found) - _left_out(case, found)
    kept = _less([t.amount for t in new], off)
    return tuple(
        _of_transaction(case, desk, transaction, amount, invoice.id)
        for transaction, amount in zip(new, kept, strict=True)
        if money(amount, case.order.currency_code)
    )


def outgoing(case: Case, desk: Desk) -> tuple[Payment, ...]:
    """What went back to the buyer and is not recorded yet: of each refund as much as came before,
    out of the credit note it became, then of others that still owe the buyer something. An edit
    that lowers the total is credited by a reissue, and the refund that follows is only its money.
    """
    if case.source == rules.MANUAL:
        return tuple(_said_back(case, desk))
    made: list[Payment] = []
    before = _before_any_invoice(case)
    for known in case.refunds:
        moved = known.settled_by is not None and not known.refund.pending and not known.deleted
        if moved and known not in before:
            made += _given_back(replace(case, payments=(*case.payments, *made)), desk, known)
    return tuple(made)


def credited(
    case: Case, desk: Desk, note: Draft | None, old: Issued, new: Draft | None
) -> tuple[Payment, ...]:
    """Credit applied: of ``note``, which credits what stays of ``old``, first to what is open of
    that invoice; then money that really came goes on to the ``new`` invoice up to its total, out of
    this credit note and of earlier ones. What is left stays on them, to be given back."""
    code, same = old.content.currency_code, old.content.currency_code == case.order.currency_code
    parts: list[tuple[str, str, Decimal]] = []
    free = [(each.id, _unspent(case, each)) for each in reversed(_notes(case))]
    if note is not None:
        whole = note.content.total_with_tax
        closed = min(whole, max(due(old), whole - held(case) if same else ZERO))
        parts.append((note.id, old.id, closed))
        free.insert(0, (note.id, whole - closed))
    room = min(new.content.total_with_tax, held(case)) if same and new is not None else ZERO
    for note_id, amount in free:
        part = min(amount, room)
        room -= part
        parts.append((note_id, "" if new is None else new.id, part))
    return tuple(_credit(desk, code, *part) for part in parts if part[2] > 0)


def _credit(
    desk: Desk, code: str, credit_note_id: str, invoice_id: str, amount: Decimal
) -> Payment:
    return Payment(
        id=desk.new_id("pmt"),
        key=f"credit:{credit_note_id}:{invoice_id}",
        type="credit_note",
        amount=amount,
        currency_code=code,
        invoice_id=invoice_id,
        credit_note_id=credit_note_id,
        at=desk.now,
    )


def _given_back(case: Case, desk: Desk, known: KnownRefund) -> Iterator[Payment]:
    refund = known.refund
    mine = f"refund:{refund.source_id}"
    before = [p for p in case.payments if p.key == mine or p.key.startswith(f"{mine}:")]
    left = money(refund.amount, case.order.currency_code) - sum((p.amount for p in before), ZERO)
    left = min(left, held(case))
    notes = sorted(reversed(_notes(case)), key=lambda note: note.id != known.settled_by)
    if refund.amount != money(refund.amount, case.order.currency_code):
        del notes[1:]  # parts of the minor unit are no money of another credit note
    count = len(before)
    for note in notes:
        amount = min(left, _unspent(case, note))
        if amount <= 0:
            continue
        transaction = _refunded_by(case, refund)
        yield _payment(
            case, desk, mine if not count else f"{mine}:{count}", amount,
            gateway=transaction.gateway if transaction else None,
            reference=transaction.id if transaction else refund.source_id,
            at=transaction.at if transaction else None, credit_note_id=note.id,
        )  # fmt: skip
        count += 1
        left -= amount


def kept(case: Case) -> Decimal | None:
    """What the shop still has of the buyer's money, by its transactions; None where it has none."""
    moved = [t for t in case.order.transactions if _done(t)]
    if not any(t.kind in RECEIVES for t in moved):
        return None
    signed = {"refund": -1, "change": -1} | dict.fromkeys(RECEIVES, 1)
    return sum((signed.get(t.kind, 0) * t.amount for t in moved), ZERO)


def owing(case: Case) -> list[Issued]:
    """Credit notes of which something is neither given back nor applied yet, the oldest first. One
    of a refund owes nobody else: its money is about to be recorded."""
    notes = (note for note in _notes(case) if note.refund_id is None)
    return [note for note in notes if _unspent(case, note) > 0]


def _unspent(case: Case, note: Issued) -> Decimal:
    """What is neither given back nor applied yet of a credit note."""
    spent = (p.amount for p in case.payments if p.credit_note_id == note.id)
    return note.content.total_with_tax - sum(spent, ZERO)


def _notes(case: Case) -> list[Issued]:
    """Credit notes in the order's present currency, in the order of their making."""
    code = case.order.currency_code
    notes = (d for d in case.documents if d.kind is DocumentKind.CREDIT_NOTE)
    return [note for note in notes if note.content.currency_code == code]


def _came(transaction: Transaction) -> bool:
    return transaction.kind in RECEIVES and _done(transaction)


def _done(transaction: Transaction) -> bool:
    return transaction.status == "success" and transaction.amount > 0


def _whole(case: Case, desk: Desk, invoice_id: str) -> Iterator[Payment]:
    amount = case.order.total_with_tax
    if case.order.owed != amount:  # else the total fell with the refunds already
        amount -= _gone_before(case)
    if money(amount, case.order.currency_code) > 0:  # less than a minor unit is no money
        yield _payment(case, desk, PAID, amount, at=case.order.paid_at, invoice_id=invoice_id)


def _change(case: Case, found: list[Transaction]) -> Decimal:
    """Cash handed back at the till: what the buyer gave beyond the order's total was not paid."""
    given = (t.amount for t in case.order.transactions if t.kind == "change" and _done(t))
    over = sum((t.amount for t in found), ZERO) - case.order.total_with_tax
    return max(ZERO, min(sum(given, ZERO), over))


def _left_out(case: Case, found: list[Transaction]) -> Decimal:
    """What of the recorded transactions was taken off already."""
    recorded = {p.key: p.amount for p in case.payments if p.credit_note_id is None}
    keys = ((t.amount, f"transaction:{t.id}") for t in found)
    return sum((amount - recorded[key] for amount, key in keys if key in recorded), ZERO)


def _said(case: Case, desk: Desk, invoice_id: str, known: set[str]) -> Iterator[Payment]:
    """What a person says is paid: each time they say it, what is missing to the whole. A total
    that grows later is due until they say it again."""
    at = case.order.paid_at
    key = PAID if at is None else f"{PAID}:{at.isoformat()}"
    amount = money(case.order.total_with_tax, case.order.currency_code) - held(case)
    if case.order.paid and key not in known and amount > 0:
        yield _payment(case, desk, key, amount, at=at, invoice_id=invoice_id)


def _said_back(case: Case, desk: Desk) -> Iterator[Payment]:
    """What a person says was given back, all of it: out of the credit notes that owe it."""
    left = held(case) if case.order.payment_status is PaymentStatus.REFUNDED else ZERO
    for note in _notes(case):
        amount = min(left, _unspent(case, note))
        if amount > 0:
            left -= amount
            at, key = case.order.refunded_at, f"refunded:{note.id}"
            yield _payment(case, desk, key, amount, at=at, credit_note_id=note.id)


def _gone_before(case: Case) -> Decimal:
    return sum((known.refund.amount for known in _before_any_invoice(case)), ZERO)


def _before_any_invoice(case: Case) -> list[KnownRefund]:
    """Refunds that the first invoice left out: neither they nor what they gave back is part of it.

    While that invoice is planned it is not among the documents yet.
    """
    later = {d.id for d in case.documents if d.kind is not DocumentKind.ESTIMATE}
    invoices = [d.id for d in case.documents if d.kind is DocumentKind.INVOICE]
    later -= set(invoices[:1])
    return [
        known
        for known in case.refunds
        if known.settled_by is not None and known.settled_by not in later and not known.deleted
    ]


def _less(amounts: list[Decimal], taken: Decimal) -> list[Decimal]:
    left, taken = list(amounts), max(taken, ZERO)
    for at in reversed(range(len(left))):
        off = min(left[at], taken)
        left[at] -= off
        taken -= off
    return left


def _refunded_by(case: Case, refund: Refund) -> Transaction | None:
    """The transaction that moved the refund's money, as far as its amount tells."""
    used = {payment.reference for payment in case.payments}
    for each in case.order.transactions:
        back = each.kind == "refund" and each.status == "success"
        if back and each.amount == refund.amount and each.id not in used:
            return each
    return None


def _of_transaction(
    case: Case, desk: Desk, transaction: Transaction, amount: Decimal, invoice_id: str
) -> Payment:
    return _payment(
        case, desk, f"transaction:{transaction.id}", amount,
        gateway=transaction.gateway, reference=transaction.id, at=transaction.at,
        invoice_id=invoice_id,
    )  # fmt: skip


def _payment(
    case: Case,
    desk: Desk,
    key: str,
    amount: Decimal,
    *,
    gateway: str | None = None,
    reference: str | None = None,
    at: datetime | None = None,
    invoice_id: str | None = None,
    credit_note_id: str | None = None,
) -> Payment:
    named = gateway or case.order.payment_gateway
    return Payment(
        id=desk.new_id("pmt"),
        key=key,
        type=payment_type(named, case.rules.default_payment_type),
        amount=money(amount, case.order.currency_code),
        currency_code=case.order.currency_code,
        reference=reference,
        invoice_id=invoice_id,
        credit_note_id=credit_note_id,
        at=at or desk.now,
    )
