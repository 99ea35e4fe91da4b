"""The payments of an order: what its shop says was paid, given back, and moved by a reissue. Pure.

Each has a key that names its cause, so nothing is recorded twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from ordermill.model.books import due, given_back, received
from ordermill.model.case import Case, Desk
from ordermill.model.document import DocumentKind, Issued, Payment
from ordermill.model.money import money
from ordermill.model.order import ZERO, Transaction
from ordermill.model.payments import payment_type

PAID = "paid"
RECEIVES = frozenset({"sale", "capture"})


def incoming(case: Case, desk: Desk, invoice_id: str) -> tuple[Payment, ...]:
    """What came and is not recorded yet, on the invoice: one payment per successful transaction;
    where the shop has none, one over what it says was paid.

    What had been given back before the invoice was issued is no part of it, so it is taken off,
    from the latest payments first.
    """
    known = {payment.key for payment in case.payments if payment.credit_note_id is None}
    if PAID in known:
        return ()
    found = [t for t in case.order.transactions if _came(t)]
    if not found:
        whole = case.order.paid and not known
        return tuple(_whole(case, desk, invoice_id)) if whole else ()
    new = [t for t in found if f"transaction:{t.id}" not in known]
    kept = _less([t.amount for t in new], ZERO if known else _gone_before(case))
    return tuple(
        _of_transaction(case, desk, transaction, amount, invoice_id)
        for transaction, amount in zip(new, kept, strict=True)
        if amount
    )


def returned(
    case: Case, desk: Desk, refund_id: str, credit_note_id: str, amount: Decimal
) -> tuple[Payment, ...]:
    """The money of a refund, as far as money had come; none for an order that was never paid."""
    amount = min(amount, received(case) - given_back(case))
    if amount <= 0:
        return ()
    transaction = _refunded_by(case, amount)
    gateway = transaction.gateway if transaction else None
    return (
        _payment(
            case, desk, f"refund:{refund_id}", amount,
            gateway=gateway, reference=transaction.id if transaction else refund_id,
            at=transaction.at if transaction else None, credit_note_id=credit_note_id,
        ),
    )  # fmt: skip


def moved(
    case: Case,
    desk: Desk,
    credit_note_id: str,
    credit: Decimal,
    old: Issued,
    new: tuple[str, Decimal] | None,
) -> tuple[Payment, ...]:
    """A credit applied: first to what is open of the old invoice, the rest (money that really
    came) to the new one, (id, total), up to its total. What is left stays on the credit note."""
    applied = min(credit, due(old))
    targets = [(old.id, applied)]
    if new is not None:
        targets.append((new[0], min(credit - applied, new[1])))
    return tuple(
        Payment(
            id=desk.new_id("pmt"),
            key=f"credit:{credit_note_id}:{invoice_id}",
            type="credit_note",
            amount=amount,
            currency_code=case.order.currency_code,
            invoice_id=invoice_id,
            credit_note_id=credit_note_id,
            at=desk.now,
        )
        for invoice_id, amount in targets
        if amount > 0
    )


def _came(transaction: Transaction) -> bool:
    return (
        transaction.kind in RECEIVES and transaction.status == "success" and transaction.amount > 0
    )


def _whole(case: Case, desk: Desk, invoice_id: str) -> Iterator[Payment]:
    amount = case.order.total_with_tax
    if case.order.owed != amount:  # else the total fell with the refunds already
        amount -= _gone_before(case)
    if amount > 0:
        yield _payment(case, desk, PAID, amount, at=case.order.paid_at, invoice_id=invoice_id)


def _gone_before(case: Case) -> Decimal:
    """What was given back before there was an invoice: settled, but by no credit note."""
    notes = {d.id for d in case.documents if d.kind is DocumentKind.CREDIT_NOTE}
    before = (
        known.refund.amount
        for known in case.refunds
        if known.settled_by is not None and known.settled_by not in notes and not known.deleted
    )
    return sum(before, ZERO)


def _less(amounts: list[Decimal], taken: Decimal) -> list[Decimal]:
    left = list(amounts)
    for at in reversed(range(len(left))):
        off = min(left[at], taken)
        left[at] -= off
        taken -= off
    return left


def _refunded_by(case: Case, amount: Decimal) -> Transaction | None:
    used = {payment.reference for payment in case.payments}
    for each in case.order.transactions:
        back = each.kind == "refund" and each.status == "success"
        if back and each.amount == amount and each.id not in used:
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
