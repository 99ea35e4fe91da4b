"""Documents: what an invoice, credit note or estimate says, and what was issued for an order.

All amounts are `Decimal` in ``currency_code``; amounts of issued documents have at most its ISO
minor units. Credit notes carry positive amounts: what they say is taken back.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from ordermill.model.order import ZERO, Address, Item, TaxTotal


class DocumentKind(StrEnum):
    """The three kinds, each with number series of its own."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    ESTIMATE = "estimate"


class DocumentStatus(StrEnum):
    """Where a document stands. An invoice is credited when its credit notes add up to its total."""

    OPEN = "open"
    PAID = "paid"
    CREDITED = "credited"


class LinkType(StrEnum):
    """How two documents refer to each other; every link is written on both sides."""

    CREDIT_FOR = "credit_for"  # credit note -> invoice
    CREDITED_BY = "credited_by"
    REPLACES = "replaces"  # later invoice -> the one before
    REPLACED_BY = "replaced_by"
    ESTIMATE_FOR = "estimate_for"  # estimate -> its invoice
    INVOICED_BY = "invoiced_by"


OPPOSITE = {
    LinkType.CREDIT_FOR: LinkType.CREDITED_BY,
    LinkType.REPLACES: LinkType.REPLACED_BY,
    LinkType.ESTIMATE_FOR: LinkType.INVOICED_BY,
}
OPPOSITE |= {there: here for here, there in OPPOSITE.items()}


class Content(Struct, frozen=True, kw_only=True):
    """What a document says about goods and money.

    ``total`` is the sum of the items' nets, ``total_tax`` of ``taxes``, and ``total + total_tax +
    rounding = total_with_tax``: the cent that is missing to the platform's total stands beside the
    net total, never inside a line. ``total_discount`` is the sum of the items' discounts. ``taxes``
    has one entry per rate, with the platform's tax and the net it stands on.
    """

    currency_code: str
    items: tuple[Item, ...]
    taxes: tuple[TaxTotal, ...]
    total: Decimal
    total_tax: Decimal
    total_with_tax: Decimal
    total_discount: Decimal
    rounding: Decimal


class Buyer(Struct, frozen=True, kw_only=True):
    """Who a document is made out to, as it stands on it: the customer without id and times."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    company_name: str | None = None
    tax_number: str | None = None
    company_number: str | None = None
    is_business: bool = False
    address: Address | None = None


class Issued(Struct, frozen=True, kw_only=True):
    """An issued document as billing needs it. ``credits`` is the invoice a credit note credits,
    ``refund_id`` the shop's refund it stands for. ``paid`` and ``credited`` are sums so far, the
    credit applied by payments of type credit_note among ``paid``."""

    id: str
    kind: DocumentKind
    number: str
    date: str  # YYYY-MM-DD
    content: Content
    customer: Buyer
    created_at: datetime
    credits: str | None = None
    refund_id: str | None = None
    status: DocumentStatus = DocumentStatus.OPEN
    paid: Decimal = ZERO
    credited: Decimal = ZERO


class Draft(Struct, frozen=True, kw_only=True):
    """A document that is computed but for its number and date, which are taken last.

    ``id`` is its id already, so that drafts of one plan can name each other. ``links`` are its own
    side: (type, other document's id). ``date_service`` is YYYY-MM-DD in the entity's zone, None for
    the document's date.
    """

    id: str
    kind: DocumentKind
    content: Content
    customer: Buyer
    reason: str | None = None
    date_service: str | None = None
    credits: str | None = None
    refund_id: str | None = None
    links: tuple[tuple[LinkType, str], ...] = ()


class Payment(Struct, frozen=True, kw_only=True):
    """Money of an order: received (``invoice_id``), given back (``credit_note_id``), or a credit
    applied to an invoice (both, type credit_note). ``amount`` is positive. ``key`` names the cause
    within the order: ``transaction:ID``, ``paid``, ``refund:ID``, ``credit:CREDIT_NOTE:INVOICE``.
    """

    id: str
    key: str
    type: str
    amount: Decimal
    currency_code: str
    reference: str | None = None
    invoice_id: str | None = None
    credit_note_id: str | None = None
    at: datetime | None = None  # when the money moved; its date is that day in the entity's zone
