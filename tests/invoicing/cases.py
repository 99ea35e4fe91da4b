"""Cases for planning tests, and their life: sync, decide, reissue, without a database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from msgspec.structs import replace

from ordermill.invoicing import decide
from ordermill.model.books import applied
from ordermill.model.case import Case, Desk, KnownRefund, Plan
from ordermill.model.document import DocumentKind, Issued
from ordermill.model.integration import Entity, Rules
from ordermill.model.money import money
from ordermill.model.order import ZERO, Order
from ordermill.store.documents import states
from ordermill.store.read import differences_of
from ordermill.store.rows import json_text

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
ACME = Entity(
    handle="acme", name="Acme d.o.o.", currency_code="EUR", address={"country_code": "SI"},
    tax_number="SI12345678", timezone="Europe/Ljubljana",
)  # fmt: skip
EAGER = Rules(
    auto_process=True, auto_process_on="created", issue_invoice_for_bank=True,
    auto_reissue_on_update=True, reissue_settle_seconds=0,
)  # fmt: skip


def ids() -> Callable[[str], str]:
    numbers = count(1)
    return lambda prefix: f"{prefix}_{next(numbers):024x}"


class Life:
    """One order from its coming on. Each step does what the daemon does at its tick."""

    def __init__(self, order: Order, rules: Rules = EAGER, source: str = "woocommerce") -> None:
        self.now = START
        self._new_id = ids()
        self.plans: list[Plan] = []
        self.case = Case(
            id="ord_1", source=source, entity=ACME, rules=rules, order=order, created_at=START,
            refunds=_known((), order), decide_at=START,
            deleted_by="shop" if order.deleted else None,
        )  # fmt: skip

    def given(self, **values: Any) -> Life:
        """The case with other values, as something else wrote them."""
        self.case = replace(self.case, **values)
        return self

    def desk(self, actor: str = "ordermill") -> Desk:
        return Desk(now=self.now, actor=actor, new_id=self._new_id)

    def shop_says(self, order: Order) -> Life:
        """What ingest does with a new version; then what is due is done."""
        refunds = _known(self.case.refunds, order)
        deleted = "shop" if order.deleted else None
        self.case = replace(
            self.case, order=order, refunds=refunds, decide_at=self.now, deleted_by=deleted
        )
        return self.tick()

    def vanishes(self) -> Life:
        """The shop no longer has the order."""
        self.case = replace(self.case, deleted_by="shop", decide_at=self.now)
        return self.tick()

    def changed_by_a_person(self, order: Order) -> Life:
        """What a PATCH does; then what is due is done."""
        self.case = replace(self.case, order=order)
        self.do(decide.after_change, actor="backoffice")
        return self.tick()

    def tick(self, seconds: float = 0) -> Life:
        """Let time pass, and do what is due until nothing is."""
        self.now += timedelta(seconds=seconds)
        for _ in range(20):
            if self.case.decide_at is None or self.case.decide_at > self.now:
                return self
            self.do(decide.automatic)
        raise AssertionError("it never comes to rest")

    def do(self, action: Callable[[Case, Desk], Plan], actor: str = "ordermill") -> Plan:
        """Plan and write. Written and planned agree on how documents stand, and what differs is
        read again from its JSON."""
        desk = self.desk(actor)
        plan = action(self.case, desk)
        self.plans.append(plan)
        written = states(self.case, plan)
        after = applied(self.case, plan, desk)
        for document in after.documents:
            stands = written[document.id]
            assert (document.status, document.paid, document.credited) == (
                stands.status, stands.paid, stands.credited
            )  # fmt: skip
        self.case = replace(after, changes=differences_of(json_text(after.changes)))
        return plan

    def said(self, type_: str) -> list[str | None]:
        """The reasons of every event of a type."""
        return [e.reason for plan in self.plans for e in plan.events if e.type == type_]

    @property
    def invoices(self) -> list[Issued]:
        return self._of(DocumentKind.INVOICE)

    @property
    def credit_notes(self) -> list[Issued]:
        return self._of(DocumentKind.CREDIT_NOTE)

    @property
    def billed(self) -> Decimal:
        """Invoices minus credit notes."""
        return self._sum("total_with_tax")

    @property
    def billed_tax(self) -> Decimal:
        return self._sum("total_tax")

    @property
    def owed(self) -> Decimal:
        return money(self.case.order.owed, self.case.order.currency_code)

    @property
    def events(self) -> list[str]:
        return [event.type for plan in self.plans for event in plan.events]

    def _of(self, kind: DocumentKind) -> list[Issued]:
        return [document for document in self.case.documents if document.kind is kind]

    def _sum(self, name: str) -> Decimal:
        plus = sum((getattr(d.content, name) for d in self.invoices), ZERO)
        return plus - sum((getattr(d.content, name) for d in self.credit_notes), ZERO)


def _known(before: tuple[KnownRefund, ...], order: Order) -> tuple[KnownRefund, ...]:
    """The refunds as the store keeps them: none is forgotten."""
    if order.deleted:
        return before
    now = {refund.source_id: refund for refund in order.refunds}
    settled = {known.refund.source_id: known for known in before}
    kept = tuple(
        replace(known, refund=now.get(known.refund.source_id, known.refund),
                deleted=known.refund.source_id not in now)
        for known in before
    )  # fmt: skip
    return kept + tuple(KnownRefund(refund=r) for i, r in now.items() if i not in settled)
