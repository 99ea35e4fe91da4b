"""Books of one order that hold, to be broken by tests one thing at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from ordermill.model.audit import Booked, OrderBooks, SettledRefund
from ordermill.model.document import (
    Buyer,
    Content,
    DocumentKind,
    DocumentStatus,
    Issued,
    LinkType,
    Payment,
)
from ordermill.model.order import ZERO, Item, OrderStatus, TaxTotal
from orders import an_item

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
INVOICE, CREDIT_NOTE = DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE


def a_content(*items: Item, rounding: str = "0", currency_code: str = "EUR") -> Content:
    """What documents say of these lines at 22 %."""
    items = items or (an_item(),)
    total = sum((item.total for item in items), ZERO)
    tax = sum((tax.tax for item in items for tax in item.taxes), ZERO)
    return Content(
        currency_code=currency_code,
        items=items,
        taxes=(TaxTotal(rate=Decimal(22), tax=tax, base=total),),
        total=total,
        total_tax=tax,
        total_with_tax=total + tax + Decimal(rounding),
        total_discount=sum((item.discount for item in items), ZERO),
        rounding=Decimal(rounding),
    )


def issued(kind: DocumentKind, sequence: int, content: Content, **other: Any) -> Issued:
    prefix = {INVOICE: "inv", CREDIT_NOTE: "cre"}.get(kind, "est")
    number = f"{prefix.upper()}-2026-{sequence:05d}"
    values: dict[str, Any] = {
        "id": f"{prefix}_{sequence}", "kind": kind, "number": number,
        "date": "2026-11-24", "content": content, "customer": Buyer(), "created_at": AT,
    }  # fmt: skip
    return Issued(**(values | other))


def a_payment(key: str, amount: Decimal, **other: Any) -> Payment:
    return Payment(
        id=f"pmt_{key}", key=key, type="card", amount=amount, currency_code="EUR", **other
    )


def paid_and_invoiced(**other: Any) -> OrderBooks:
    """One invoice of 24.40, paid by a transaction."""
    content = a_content()
    gross = content.total_with_tax
    invoice = issued(INVOICE, 1, content, status=DocumentStatus.PAID, paid=gross)
    money = (a_payment("transaction:1", gross, invoice_id="inv_1"),)
    return _books((Booked(issued=invoice),), content, "inv_1", payments=money, **other)


def reissued(**other: Any) -> OrderBooks:
    """An invoice of 24.40 that was paid, credited and replaced by one of 36.60, with a refund of
    6.10 credited after it."""
    first, second = a_content(), a_content(an_item(quantity=3))
    taken = a_content(an_item(price="5.00", quantity=1))
    paid = DocumentStatus.PAID
    documents = (
        Booked(
            issued=issued(INVOICE, 1, first, status=DocumentStatus.CREDITED,
                          paid=first.total_with_tax, credited=first.total_with_tax),
            links=((LinkType.CREDITED_BY, "cre_1"), (LinkType.REPLACED_BY, "inv_2")),
        ),
        Booked(
            issued=issued(CREDIT_NOTE, 1, first, credits="inv_1", status=paid,
                          paid=first.total_with_tax),
            links=((LinkType.CREDIT_FOR, "inv_1"),),
        ),
        Booked(
            issued=issued(INVOICE, 2, second, status=DocumentStatus.OPEN,
                          paid=first.total_with_tax, credited=taken.total_with_tax),
            links=((LinkType.REPLACES, "inv_1"), (LinkType.CREDITED_BY, "cre_2")),
        ),
        Booked(
            issued=issued(CREDIT_NOTE, 2, taken, credits="inv_2", refund_id="r1"),
            links=((LinkType.CREDIT_FOR, "inv_2"),),
        ),
    )  # fmt: skip
    money = (
        a_payment("transaction:1", first.total_with_tax, invoice_id="inv_1"),
        a_payment("credit:cre_1:inv_2", first.total_with_tax,
                  invoice_id="inv_2", credit_note_id="cre_1"),
    )  # fmt: skip
    owed = a_content(an_item(price="25.00", quantity=1))
    settled = (SettledRefund(source_id="r1", settled_by="cre_2"),)
    return _books(documents, owed, "inv_2", payments=money, refunds=settled, **other)


def _books(
    documents: tuple[Booked, ...], owed: Content, invoice_id: str, **other: Any
) -> OrderBooks:
    values: dict[str, Any] = {
        "id": "ord_1", "name": "woo/1001", "status": OrderStatus.INVOICED, "error": None,
        "invoice_id": invoice_id, "estimate_id": None, "items_changed": False, "cancelled": False,
        "deleted": False, "waiting": False, "currency_code": "EUR", "owed": owed.total_with_tax,
        "owed_tax": owed.total_tax, "documents": documents,
    }  # fmt: skip
    return OrderBooks(**(values | other))


def with_document(books: OrderBooks, at: int, **values: Any) -> OrderBooks:
    """The books with other values of one booked document."""
    documents = list(books.documents)
    documents[at] = replace(documents[at], **values)
    return replace(books, documents=tuple(documents))


def with_issued(books: OrderBooks, at: int, **values: Any) -> OrderBooks:
    """The books with other values of what one document is."""
    return with_document(books, at, issued=replace(books.documents[at].issued, **values))
