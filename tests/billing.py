"""Hand-made plans for the tests of what writes them, and short words for a store that bills."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Table, select

from ordermill.invoicing.desk import desk_of
from ordermill.model.case import Case, Desk, Happening, Plan
from ordermill.model.document import Buyer, Content, DocumentKind, Draft, LinkType, Payment
from ordermill.model.integration import Rules
from ordermill.model.order import Order, OrderStatus
from ordermill.store import cases, integrations, orders, plans
from ordermill.store.cases import Loaded
from ordermill.store.database import Database
from ordermill.store.orders import Incoming
from ordermill.store.plans import Planned
from ordermill.store.tables import document_state, documents
from shops import Stored, an_entity, an_integration

Action = Callable[[Case, Desk], Plan]


def content(order: Order) -> Content:
    """The order as it stands."""
    return Content(
        currency_code=order.currency_code,
        items=order.items,
        taxes=order.taxes,
        total=order.total,
        total_tax=order.total_tax,
        total_with_tax=order.total_with_tax,
        total_discount=order.total_discount,
        rounding=Decimal("0.00"),
    )


def draft(case: Case, desk: Desk, kind: DocumentKind = DocumentKind.INVOICE, **more: Any) -> Draft:
    prefix = {"invoice": "inv", "credit_note": "cre", "estimate": "est"}[kind]
    values: dict[str, Any] = {
        "content": content(case.order),
        "customer": Buyer(name=case.order.customer_name, email=case.order.customer_email),
    }
    return Draft(id=desk.new_id(prefix), kind=kind, **(values | more))


def payment(case: Case, desk: Desk, key: str = "paid", **more: Any) -> Payment:
    values: dict[str, Any] = {
        "type": "card", "amount": case.order.total_with_tax,
        "currency_code": case.order.currency_code, "reference": "ch_1", "at": desk.now,
    }  # fmt: skip
    return Payment(id=desk.new_id("pmt"), key=key, **(values | more))


def invoice(case: Case, desk: Desk) -> Plan:
    """A paid invoice."""
    made = draft(case, desk)
    return Plan(
        documents=(made,),
        payments=(payment(case, desk, invoice_id=made.id),),
        decisions={"status": OrderStatus.INVOICED, "invoice_id": made.id, "decide_at": None},
        events=(Happening(type="order.processed", data={"document_id": made.id}),),
    )


def credit(case: Case, desk: Desk, **more: Any) -> Plan:
    """A credit note over the whole of the latest invoice."""
    assert case.invoice is not None
    made = draft(
        case,
        desk,
        DocumentKind.CREDIT_NOTE,
        credits=case.invoice.id,
        links=((LinkType.CREDIT_FOR, case.invoice.id),),
        **({"content": case.invoice.content, "customer": case.invoice.customer} | more),
    )
    return Plan(documents=(made,), decisions={"decide_at": None})


def reissue(case: Case, desk: Desk) -> Plan:
    """Credit the latest invoice and invoice the order as it is; the money moves."""
    old = case.invoice
    assert old is not None
    (note,) = credit(case, desk).documents
    new = draft(case, desk, links=((LinkType.REPLACES, old.id),))
    moved = payment(
        case, desk, f"credit:{note.id}:{new.id}", type="credit_note", invoice_id=new.id,
        credit_note_id=note.id, amount=min(note.content.total_with_tax, new.content.total_with_tax),
    )  # fmt: skip
    return Plan(
        documents=(note, new),
        payments=(moved,),
        decisions={"invoice_id": new.id, "decide_at": None},
        events=(Happening(type="order.reissued", data={"invoice_id": new.id}),),
    )


@dataclass(frozen=True)
class Billing:
    """A store with the shop ``woo`` of the entity ``acme``."""

    database: Database
    clock: Callable[[], datetime]

    def configure(self, entity: dict[str, Any] | None = None, **integration: Any) -> None:
        """By default a paid order is due at once."""
        values = {"import_from": date(2020, 1, 1), "rules": Rules(auto_process=True)}
        wanted = an_integration(**(values | integration))
        Stored(self.database, self.clock).configure(wanted, entities=[an_entity(**(entity or {}))])

    def take_in(self, *page: Order) -> list[str]:
        """Store orders as a poll does; their ids."""
        with self.database.read() as conn:
            shop = integrations.stored(conn)["woo"]
        incoming = [Incoming(order.source_id, b"{}", "", order) for order in page]
        with self.database.write() as conn:
            done = orders.ingest(conn, shop, incoming, now=self.clock())
        return [str(one.order_id) for one in done]

    def load(self, *order_ids: str) -> list[Loaded]:
        with self.database.read() as conn:
            return cases.load(conn, order_ids, lock=False)

    def case(self, order_id: str) -> Case:
        (loaded,) = self.load(order_id)
        return loaded.case

    def bill(self, order_ids: Sequence[str], action: Action = invoice) -> dict[str, str]:
        """Plan and write for all of them in one transaction; the numbers by document id."""
        now = self.clock()
        with self.database.write() as conn:
            work = [
                Planned(one, action(one.case, desk_of(now, "ordermill")))
                for one in cases.load(conn, order_ids)
            ]
            return plans.write(conn, work, now=now, actor="ordermill")

    def rows(self, table: Table, *where: Any) -> Sequence[Row[Any]]:
        with self.database.read() as conn:
            return conn.execute(select(table).where(*where).order_by(*table.primary_key)).all()

    def numbers(self, kind: str = "invoice") -> list[str]:
        """In the order of their sequence."""
        with self.database.read() as conn:
            found = select(documents.c.number).where(documents.c.kind == kind)
            return list(conn.scalars(found.order_by(documents.c.year, documents.c.sequence)))

    def states(self) -> dict[str, tuple[str, Decimal, Decimal]]:
        """Status, paid and credited, by document number."""
        with self.database.read() as conn:
            query = select(
                documents.c.number,
                document_state.c.status,
                document_state.c.paid,
                document_state.c.credited,
            ).join(document_state, document_state.c.document_id == documents.c.id)
            return {number: tuple(rest) for number, *rest in conn.execute(query)}
