"""What `verify` proves: documents in their series, and each order with all that it brought."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from ordermill.model.document import DocumentKind, Issued, LinkType, Payment
from ordermill.model.order import OrderStatus


class Finding(Struct, frozen=True):
    """Something that does not hold. ``about`` is a document's number, an order or a series,
    ``what`` a sentence with figures; a buyer's data is in neither."""

    about: str
    what: str


class Numbered(Struct, frozen=True, kw_only=True):
    """A document's place in its series. ``entity`` is a handle, ``date`` YYYY-MM-DD, ``year`` 0 for
    a series that goes on from year to year."""

    entity: str
    kind: str
    year: int
    sequence: int
    number: str
    date: str


class Counter(Struct, frozen=True, kw_only=True):
    """The row that gives the numbers of a series away: the last one, and its date."""

    last: int
    last_date: str


class Booked(Struct, frozen=True, kw_only=True):
    """An issued document with its own side of the links. ``stateless``: the row that says what was
    paid and credited is missing, and ``issued`` has nothing of it. ``at_home``: entity and
    integration are the order's; ``customer_known``: its customer exists."""

    issued: Issued
    links: tuple[tuple[LinkType, str], ...] = ()
    stateless: bool = False
    at_home: bool = True
    customer_known: bool = True


class SettledRefund(Struct, frozen=True, kw_only=True):
    """A refund of the shop and the document that settled it. ``pending``: its money has not moved,
    and no document is to come before it has."""

    source_id: str
    settled_by: str | None
    pending: bool = False


class OrderBooks(Struct, frozen=True, kw_only=True):
    """One order as far as the books go. ``name`` is HANDLE/source_id; ``waiting``: something about
    it is due, now or later; documents are in the order of their making."""

    id: str
    name: str
    status: OrderStatus
    error: str | None
    invoice_id: str | None
    estimate_id: str | None
    items_changed: bool
    cancelled: bool
    deleted: bool
    waiting: bool
    currency_code: str
    owed: Decimal
    owed_tax: Decimal | None
    documents: tuple[Booked, ...] = ()
    payments: tuple[Payment, ...] = ()
    refunds: tuple[SettledRefund, ...] = ()
    times_created: int = 1  # events that say so
    payload_kept: bool = True  # of the present version; one that no shop sent has none
    hashed: bool = True  # the contents of the present version, in the same way

    def of_kind(self, kind: DocumentKind) -> tuple[Issued, ...]:
        """Its documents of one kind."""
        return tuple(d.issued for d in self.documents if d.issued.kind is kind)
