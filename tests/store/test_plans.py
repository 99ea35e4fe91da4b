"""Plans in the store: everything of one, or nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from billing import Billing, credit, draft, payment, reissue
from ordermill.errors import StoreError
from ordermill.model.case import Case, Desk, Difference, Happening, KnownRefund, Plan
from ordermill.model.document import Buyer, DocumentKind
from ordermill.model.order import Address, OrderStatus
from ordermill.store import documents, events, tallies
from ordermill.store.tables import document_links, series
from ordermill.store.tables import documents as document_table
from ordermill.store.tables import payments as payment_table
from ordermill.store.tables import refunds as refund_table
from orders import AT, a_refund, an_item, an_order


def one_document(billing: Billing) -> Any:
    (row,) = billing.rows(document_table)
    return row


def test_an_invoice_is_a_full_snapshot(billing: Billing) -> None:
    billing.configure(
        {"address": {"city": "Ljubljana"}, "tax_number": "SI1", "name": "Acme d.o.o."}
    )
    buyer = Buyer(name="Ana Čop", email="Ana@Example.com", company_name="Čop", tax_number="SI2",
                  is_business=True, address=Address(city="Bled"))  # fmt: skip
    (order_id,) = billing.take_in(an_order())

    def plan(case: Case, desk: Desk) -> Plan:
        return Plan(documents=(draft(case, desk, customer=buyer, reason="Because",
                                     date_service="2026-11-20"),))  # fmt: skip

    billing.bill([order_id], plan)
    row = one_document(billing)
    assert (row.number, row.series, row.year, row.sequence) == (
        "INV-2026-00001", "INV-2026-", 2026, 1,
    )  # fmt: skip
    assert (row.date, row.date_due, row.date_service) == ("2026-11-24", "2026-12-08", "2026-11-20")
    assert json.loads(row.issuer) == {
        "name": "Acme d.o.o.", "address": {"city": "Ljubljana"}, "tax_number": "SI1",
    }  # fmt: skip
    assert json.loads(row.customer)["tax_number"] == "SI2"
    assert '"total":20.00' in row.items
    assert (row.total, row.total_tax, row.total_with_tax) == (20, Decimal("4.40"), Decimal("24.40"))
    assert row.search_text.splitlines()[:2] == ["inv-2026-00001", "ana čop"]
    for found in ("čop", "because", "#1001", "sku-mug", "bled"):
        assert found in row.search_text
    (loaded,) = billing.load(order_id)
    (issued,) = loaded.case.documents
    assert issued.content == draft(loaded.case, Desk(now=AT, actor="", new_id=str)).content
    assert issued.customer == buyer
    assert loaded.buyers == {issued.id: row.customer_id}
    assert loaded.case.customer_id == row.customer_id


def test_the_day_is_the_entitys_own(billing: Billing, clock: Any) -> None:
    billing.configure({"timezone": "Pacific/Auckland"})
    ids = billing.take_in(an_order())
    billing.bill(ids)
    assert one_document(billing).date == "2026-11-25"
    assert billing.rows(payment_table)[0].date == "2026-11-25"


def test_kinds_have_series_of_their_own_and_documents_their_order(billing: Billing) -> None:
    ids = billing.take_in(*(an_order(str(n)) for n in range(3)))
    numbers = billing.bill(ids)
    billing.bill(ids[:1], reissue)
    assert billing.numbers() == [f"INV-2026-0000{n}" for n in range(1, 5)]
    assert billing.numbers("credit_note") == ["CN-2026-00001"]
    by_order = {row.order_id: row.number for row in billing.rows(document_table)
                if row.id in numbers}  # fmt: skip
    assert [by_order[order_id] for order_id in ids] == billing.numbers()[:3]


def test_a_reissue_credits_the_old_and_both_name_each_other(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    billing.bill([order_id])
    billing.bill([order_id], reissue)
    case = billing.case(order_id)
    old, note, new = case.documents
    assert [d.kind for d in case.documents] == ["invoice", "credit_note", "invoice"]
    assert case.invoice == new
    assert case.invoice_id == new.id
    total = Decimal("24.40")
    assert billing.states() == {
        "INV-2026-00001": ("credited", total, total),
        "CN-2026-00001": ("paid", total, 0),
        "INV-2026-00002": ("paid", total, 0),
    }
    assert {tuple(row) for row in billing.rows(document_links)} == {
        (note.id, "credit_for", old.id), (old.id, "credited_by", note.id),
        (new.id, "replaces", old.id), (old.id, "replaced_by", new.id),
    }  # fmt: skip
    note_row = next(row for row in billing.rows(document_table) if row.id == note.id)
    assert note_row.credits_id == old.id
    assert note_row.customer_id == case.customer_id


def test_a_credit_note_is_its_invoices_buyers_although_the_order_has_another_now(
    billing: Billing,
) -> None:
    (order_id,) = billing.take_in(an_order())
    billing.bill([order_id])
    billing.take_in(an_order(second=1, customer_email="other@example.com"))
    billing.bill([order_id], reissue)
    old, note, new = sorted(billing.rows(document_table), key=lambda row: row.created_at)
    assert note.customer_id == old.customer_id != new.customer_id
    assert billing.case(order_id).customer_id == new.customer_id


def test_events_name_the_numbers_of_what_was_issued(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    billing.bill([order_id])
    with billing.database.read() as conn:
        *_, row = events.of_order(conn, order_id)
    assert (row.type, row.actor) == ("order.processed", "ordermill")
    assert json.loads(row.data)["document_number"] == "INV-2026-00001"


def test_an_events_own_actor_outranks_the_desks(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    happening = Happening(type="order.updated", actor="shop", reason="why", data={"a": 1})
    billing.bill([order_id], lambda case, desk: Plan(events=(happening,)))
    with billing.database.read() as conn:
        *_, row = events.of_order(conn, order_id)
    assert (row.actor, row.reason, json.loads(row.data)) == ("shop", "why", {"a": 1})


def test_decisions_are_kept_as_they_were_made(billing: Billing, clock: Any) -> None:
    (order_id,) = billing.take_in(an_order())
    found = Difference(line="1", field="price", billed=Decimal("1.10"), desired=Decimal("2.00"))
    decided: dict[str, Any] = {
        "status": OrderStatus.FAILED, "error": "order_totals_mismatch: off", "decide_at": None,
        "triggered_at": AT, "process_after": AT, "reissue_after": AT, "processed_at": AT,
        "items_changed": True, "buyer_changed": True, "changes": (found,), "attempts": 3,
        "billing_hash": "abc", "cancelled_noticed_at": AT, "withdrawn_at": AT,
        "auto_reissues": (AT, AT + timedelta(hours=1)), "invoice_id": "inv_1",
        "estimate_id": "est_1",
    }  # fmt: skip
    clock.advance(60)
    billing.bill([order_id], lambda case, desk: Plan(decisions=decided))
    case = billing.case(order_id)
    assert {name: getattr(case, name) for name in decided} == decided
    assert billing.load(order_id)[0].updated_at == clock()


def test_a_due_time_alone_is_no_change_of_the_order(billing: Billing, clock: Any) -> None:
    (order_id,) = billing.take_in(an_order())
    before = billing.load(order_id)[0].updated_at
    later = clock.advance(60)
    billing.bill([order_id], lambda case, desk: Plan(decisions={"decide_at": later}))
    assert billing.load(order_id)[0].updated_at == before
    assert billing.case(order_id).decide_at == later


def test_a_plan_that_decides_what_is_no_decision_is_refused(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    with pytest.raises(ValueError, match="total"):
        billing.bill([order_id], lambda case, desk: Plan(decisions={"total": Decimal(0)}))


def test_a_refund_is_settled_by_the_document_that_covers_it(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order(refunds=(a_refund("r1"), a_refund("r2", "1.00"))))
    assert billing.case(order_id).refunds == (
        KnownRefund(refund=a_refund("r1")), KnownRefund(refund=a_refund("r2", "1.00")),
    )  # fmt: skip
    billing.bill([order_id], lambda case, desk: Plan(settled={"r2": "inv_9"}))
    settled = {row.source_id: row.settled_by for row in billing.rows(refund_table)}
    assert settled == {"r1": None, "r2": "inv_9"}
    assert [known.settled_by for known in billing.case(order_id).refunds] == [None, "inv_9"]


def test_the_same_cause_of_a_payment_is_never_recorded_twice(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    billing.bill([order_id])

    def again(case: Case, desk: Desk) -> Plan:
        return Plan(payments=(payment(case, desk, invoice_id=case.invoice_id),))

    with pytest.raises(StoreError):
        billing.bill([order_id], again)
    assert len(billing.rows(payment_table)) == 1


def test_a_second_live_invoice_of_an_order_is_refused_by_the_database(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    billing.bill([order_id])
    with pytest.raises(StoreError):
        billing.bill([order_id], lambda case, desk: Plan(documents=(draft(case, desk),)))
    assert billing.numbers() == ["INV-2026-00001"]
    assert billing.rows(series)[0].last == 1


def test_one_refund_never_has_two_credit_notes(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    billing.bill([order_id])

    def refunded(case: Case, desk: Desk) -> Plan:
        (note,) = credit(case, desk).documents
        half = replace(note.content, total_with_tax=Decimal("5.00"))
        return Plan(documents=(replace(note, refund_id="r1", content=half),))

    billing.bill([order_id], refunded)
    with pytest.raises(StoreError):
        billing.bill([order_id], refunded)


def test_what_was_issued_cannot_be_changed_or_removed(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    billing.bill([order_id])
    billing.bill([order_id], reissue)
    for table in ("documents", "document_links", "payments", "events"):
        column = {"documents": "number", "document_links": "type"}.get(table, "order_id")
        for statement in (f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}"):
            with pytest.raises(StoreError), billing.database.write() as conn:
                conn.execute(text(statement))


def test_lists_are_counted_as_they_grow(billing: Billing) -> None:
    ids = billing.take_in(an_order("1"), an_order("2", customer_email="b@example.com"))
    billing.bill(ids)
    billing.bill(ids[:1], reissue)
    wanted = {"invoices": 3, "credit_notes": 1, "estimates": 0, "payments": 3, "customers": 2}
    for _ in range(2):
        with billing.database.write() as conn:
            entity_id = billing.load(ids[0])[0].entity_id
            assert {n: tallies.count(conn, entity_id, n) for n in wanted} == wanted
            tallies.settle(conn)
    with billing.database.read() as conn:
        rows = conn.execute(text("SELECT name, count(*) FROM tallies GROUP BY name")).all()
    assert all(n == 1 for _, n in rows)


def test_a_document_is_later_than_those_before_it_also_when_the_clock_goes_back(
    billing: Billing, clock: Any
) -> None:
    (order_id,) = billing.take_in(an_order())
    billing.bill([order_id])
    clock.advance(-3600)
    billing.bill([order_id], reissue)
    case = billing.case(order_id)
    assert case.invoice is not None
    assert case.invoice.number == "INV-2026-00002"


def test_no_plan_and_an_empty_one_write_nothing(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    before = billing.load(order_id)
    assert billing.bill([]) == {}
    assert billing.bill([order_id], lambda case, desk: Plan()) == {}
    assert billing.load(order_id) == before


def standing(case: Case, plan: Plan) -> list[tuple[str, Decimal, Decimal]]:
    found = documents.states(case, plan).values()
    return [(str(state.status), state.paid, state.credited) for state in found]


@pytest.mark.parametrize(
    ("paid", "credited", "status"),
    [
        ("0", None, "open"),
        ("24.39", None, "open"),
        ("24.40", None, "paid"),
        ("30", None, "paid"),
        ("0", "10.00", "open"),
        ("14.40", "10.00", "paid"),
        ("24.40", "10.00", "paid"),
        ("0", "24.40", "credited"),
        ("24.40", "24.40", "credited"),
    ],
)
def test_an_invoice_stands_as_its_money_and_credit_notes_say(
    billing: Billing, paid: str, credited: str | None, status: str
) -> None:
    (order_id,) = billing.take_in(an_order())
    case = billing.case(order_id)
    desk = Desk(now=AT, actor="", new_id=lambda prefix: f"{prefix}_1")
    made = draft(case, desk)
    money = (payment(case, desk, invoice_id=made.id, amount=Decimal(paid)),)
    notes = ()
    if credited is not None:
        half = replace(made.content, total_with_tax=Decimal(credited))
        notes = (draft(case, desk, DocumentKind.CREDIT_NOTE, credits=made.id, content=half),)
    found = documents.states(case, Plan(documents=(made, *notes), payments=money))
    assert found[made.id].status == status
    assert (found[made.id].paid, found[made.id].credited) == (Decimal(paid), Decimal(credited or 0))


def test_an_invoice_over_nothing_is_paid_until_a_credit_note_takes_it_back(
    billing: Billing,
) -> None:
    free = an_order(items=(an_item(price="0.00"),))
    (order_id,) = billing.take_in(free)
    billing.bill([order_id], lambda case, desk: Plan(documents=(draft(case, desk),)))
    assert billing.states() == {"INV-2026-00001": ("paid", 0, 0)}
    billing.bill([order_id], credit)
    assert billing.states()["INV-2026-00001"] == ("credited", 0, 0)


def test_a_credit_note_is_paid_when_its_money_went_back(billing: Billing) -> None:
    (order_id,) = billing.take_in(an_order())
    billing.bill([order_id])
    billing.bill([order_id], credit)
    assert billing.states()["CN-2026-00001"] == ("open", 0, 0)

    def back(case: Case, desk: Desk) -> Plan:
        note = case.documents[-1].id
        return Plan(payments=(payment(case, desk, "refund:1", credit_note_id=note),))

    billing.bill([order_id], back)
    assert billing.states()["CN-2026-00001"] == ("paid", Decimal("24.40"), 0)
    assert [p.credit_note_id for p in billing.case(order_id).payments].count(None) == 1
