"""A case: one order with everything that was decided and billed for it. And a plan: what to do.

Billing is a pure function from a case to a plan; invoicing loads cases and writes plans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from ordermill.model.document import DocumentKind, Draft, Issued, Payment
from ordermill.model.integration import Entity, Rules
from ordermill.model.order import Order, OrderStatus, Refund


class KnownRefund(Struct, frozen=True, kw_only=True):
    """A refund of the shop. ``settled_by`` is the credit note it became, or the invoice that was
    issued without what it took back; ``deleted``: the shop no longer shows it."""

    refund: Refund
    settled_by: str | None = None
    deleted: bool = False


class Difference(Struct, frozen=True, kw_only=True):
    """One thing in which what is billed and what the order now says differ. ``line`` is the
    platform's line id, else the line's name; None for the order as a whole and for the buyer."""

    line: str | None
    field: str
    billed: Any
    desired: Any


class Case(Struct, frozen=True, kw_only=True):
    """One order under its row lock. ``order`` is what the shop (or a person) says now, ``refunds``
    every refund ever seen, ``documents`` and ``payments`` in the order of their making; the rest is
    what was decided before. ``deleted_by`` is shop, person or None."""

    id: str
    source: str
    entity: Entity
    rules: Rules
    order: Order
    created_at: datetime
    import_cutoff: datetime | None = None
    deleted_by: str | None = None
    refunds: tuple[KnownRefund, ...] = ()
    documents: tuple[Issued, ...] = ()
    payments: tuple[Payment, ...] = ()

    status: OrderStatus = OrderStatus.PENDING
    error: str | None = None
    decide_at: datetime | None = None
    customer_id: str | None = None
    invoice_id: str | None = None
    estimate_id: str | None = None
    triggered_at: datetime | None = None
    process_after: datetime | None = None
    reissue_after: datetime | None = None
    processed_at: datetime | None = None
    items_changed: bool = False
    buyer_changed: bool = False
    changes: tuple[Difference, ...] = ()
    attempts: int = 0
    billing_hash: str | None = None
    cancelled_noticed_at: datetime | None = None
    withdrawn_at: datetime | None = None
    auto_reissues: tuple[datetime, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The entity's time zone."""
        return ZoneInfo(self.entity.timezone)

    @property
    def invoice(self) -> Issued | None:
        """The latest invoice, also when it is credited."""
        return self._latest(DocumentKind.INVOICE)

    @property
    def estimate(self) -> Issued | None:
        """The latest estimate."""
        return self._latest(DocumentKind.ESTIMATE)

    def credit_notes(self, invoice_id: str) -> tuple[Issued, ...]:
        """The credit notes of one invoice, in the order of their making."""
        return tuple(d for d in self.documents if d.credits == invoice_id)

    def _latest(self, kind: DocumentKind) -> Issued | None:
        found = [document for document in self.documents if document.kind is kind]
        return found[-1] if found else None


class Happening(Struct, frozen=True, kw_only=True):
    """An event to record. ``data`` holds amounts, numbers and ids, never a buyer's data."""

    type: str
    reason: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    actor: str | None = None  # None: whoever the plan is made for


class Refused(Struct, frozen=True, kw_only=True):
    """What a call is answered (422) although its plan is written: why nothing was issued."""

    code: str
    message: str
    details: dict[str, str | None] = field(default_factory=dict)


class Plan(Struct, frozen=True, kw_only=True):
    """What to write for one case, all of it or nothing.

    ``decisions`` are new values of the order's decision columns, by their names; documents are
    numbered in their order. ``settled`` maps a refund's source id to the document that settles it.
    """

    documents: tuple[Draft, ...] = ()
    payments: tuple[Payment, ...] = ()
    settled: dict[str, str] = field(default_factory=dict)
    decisions: dict[str, Any] = field(default_factory=dict)
    events: tuple[Happening, ...] = ()
    refusal: Refused | None = None


def joined(plans: Iterable[Plan]) -> Plan:
    """One plan that does what these do, one after the other."""
    whole = Plan()
    for plan in plans:
        whole = Plan(
            documents=whole.documents + plan.documents,
            payments=whole.payments + plan.payments,
            settled=whole.settled | plan.settled,
            decisions=whole.decisions | plan.decisions,
            events=whole.events + plan.events,
            refusal=plan.refusal or whole.refusal,
        )
    return whole


class Desk(Struct, frozen=True, kw_only=True):
    """Where and when a plan is made: ``now`` in UTC, ``actor`` (``ordermill`` or a key's name), and
    ``new_id`` that makes an id for a prefix."""

    now: datetime
    actor: str
    new_id: Callable[[str], str]


WAIT_FOR_REFUND = timedelta(hours=24)
REISSUES_A_DAY = 3
