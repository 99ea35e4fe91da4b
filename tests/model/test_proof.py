"""The proof of the books: what holds passes, and each thing that does not is named."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from model.audited import (
    CREDIT_NOTE,
    INVOICE,
    a_content,
    a_payment,
    issued,
    paid_and_invoiced,
    reissued,
    with_document,
    with_issued,
)
from ordermill.model import proof
from ordermill.model.arithmetic import arithmetic, most_rounding
from ordermill.model.audit import Booked, Counter, Numbered, OrderBooks, SettledRefund
from ordermill.model.document import Content, DocumentStatus, LinkType
from ordermill.model.order import OrderStatus
from orders import an_item

KEY = ("acme", "invoice", 2026)


def numbered(sequence: int, date: str = "2026-11-24", **other: Any) -> Numbered:
    values: dict[str, Any] = {"entity": "acme", "kind": "invoice", "year": 2026}
    number = f"INV-2026-{sequence:05d}"
    return Numbered(sequence=sequence, number=number, date=date, **(values | other))


def told(*documents: Numbered, last: int, date: str = "2026-11-24") -> list[str]:
    found = proof.numbers(documents, {KEY: Counter(last=last, last_date=date)})
    return [f"{one.about}: {one.what}" for one in found]


def test_a_series_without_a_gap_holds() -> None:
    assert told(numbered(1, "2026-11-20"), numbered(2), numbered(3), last=3) == []


@pytest.mark.parametrize(
    ("documents", "last", "words"),
    [
        ((numbered(2),), 2, "number 1 is missing at the beginning, before INV-2026-00002"),
        ((numbered(1), numbered(4)), 4, "numbers 2 to 3 are missing after INV-2026-00001"),
        ((numbered(1), numbered(1)), 1, "INV-2026-00001 and INV-2026-00001 are both number 1"),
        ((numbered(1), numbered(2)), 1, "the counter stands at 1, the last document is INV-2026-"),
        ((numbered(1),), 3, "numbers 2 to 3 are given away, INV-2026-00001 is the last document"),
        ((), 1, "number 1 is given away, no document is the last document"),
        ((numbered(1, "2026-11-25"),), 1, "the counter stands at 2026-11-24, INV-2026-00001 is of"),
        ((numbered(1), numbered(2, "2026-11-23")), 2, "INV-2026-00002: dated 2026-11-23, earlier"),
        ((numbered(1, "2025-12-31"),), 1, "dated 2025-12-31 in the series of 2026"),
    ],
)
def test_what_is_wrong_with_a_series_is_named(
    documents: tuple[Numbered, ...], last: int, words: str
) -> None:
    assert words in "\n".join(told(*documents, last=last))


def test_a_series_without_a_counter_is_named() -> None:
    assert [one.what for one in proof.numbers([numbered(1)], {})] == [
        "there is no counter, 1 documents are numbered"
    ]


def test_numbers_that_were_skipped_are_no_gap() -> None:
    counter = {KEY: Counter(last=20, last_date="2026-11-24")}
    documents = [numbered(1), numbered(2), numbered(13)]
    skipped = {KEY: [(3, 12), (14, 20)]}
    assert list(proof.numbers(documents, counter, skipped)) == []
    (found,) = proof.numbers(documents, counter, {KEY: [(3, 10), (14, 20)]})
    assert found.what == "numbers 11 to 12 are missing after INV-2026-00002, before INV-2026-00013"
    (found,) = proof.numbers(documents, counter, {KEY: [(3, 12), (15, 20)]})
    assert found.what == "number 14 is given away, INV-2026-00013 is the last document"
    assert list(proof.numbers([], counter, {KEY: [(1, 20)]})) == []


def test_series_do_not_mix() -> None:
    kinds = [numbered(1, kind="credit_note"), numbered(1), numbered(1, entity="other")]
    counters = {
        (one.entity, one.kind, one.year): Counter(last=1, last_date=one.date) for one in kinds
    }
    assert list(proof.numbers(kinds, counters)) == []


def test_a_document_that_adds_up_holds() -> None:
    assert wrong(a_content(an_item(), an_item("Cup", "3.33"))) == []
    assert wrong(a_content(rounding="0.01")) == []
    yen = a_content(an_item(price="100", quantity=1), rounding="1", currency_code="JPY")
    assert wrong(yen) == []


def wrong(content: Content) -> list[str]:
    return list(arithmetic(content, most_rounding(content)))


def broken(**values: Any) -> Content:
    return replace(a_content(), **values)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (broken(total=Decimal("19.99")), "the items' totals come to 20.00, total says 19.99"),
        (broken(total_tax=Decimal("4.39")), "the taxes come to 4.40, total_tax says 4.39"),
        (
            broken(total_with_tax=Decimal("24.41")),
            "total + total_tax + rounding come to 24.40, total_with_tax says 24.41",
        ),
        (broken(total_discount=Decimal(1)), "the discounts come to 0.00, total_discount says 1"),
        (a_content(rounding="0.02"), "rounding 0.02 is more than 0.01"),
        (a_content(rounding="-0.02"), "rounding -0.02 is more than 0.01"),
        (broken(items=()), "it has no items"),
        (
            broken(items=(an_item(total_with_tax=Decimal("24.41")),)),
            "item 1: total and taxes come to 24.40, total_with_tax says 24.41",
        ),
        (
            broken(taxes=(replace(a_content().taxes[0], base=Decimal("19.00")),)),
            "the lines at 22 % come to 20.00, its base says 19.00",
        ),
        (broken(rounding=Decimal("0.001")), "rounding 0.001 has more than the 2 digits of EUR"),
        (
            a_content(an_item(price="0.5"), currency_code="JPY"),
            "item 1: tax at 22 % 0.22 has more than the 0 digits of JPY",
        ),
    ],
)
def test_what_does_not_add_up_is_named_with_its_figures(content: Content, words: str) -> None:
    assert words in "\n".join(wrong(content))


@pytest.mark.parametrize("books", [paid_and_invoiced(), reissued()])
def test_books_that_hold_have_no_findings(books: OrderBooks) -> None:
    assert list(proof.order(books)) == []


def paid(**values: Any) -> OrderBooks:
    return replace(paid_and_invoiced(), **values)


def second_invoice(**values: Any) -> Booked:
    return Booked(issued=issued(INVOICE, 2, a_content(), **values))


def with_more(books: OrderBooks, *booked: Booked, **values: Any) -> OrderBooks:
    return replace(books, documents=(*books.documents, *booked), **values)


def a_note(content: Content | None = None, **values: Any) -> Booked:
    note = issued(CREDIT_NOTE, 1, content or a_content(), **({"credits": "inv_1"} | values))
    return Booked(issued=note, links=((LinkType.CREDIT_FOR, "inv_1"),))


BROKEN: list[tuple[OrderBooks, str]] = [
    (paid(times_created=0), "0 events say order.created"),
    (paid(times_created=2), "2 events say order.created"),
    (paid(payload_kept=False), "the payload of its present version is not kept"),
    (paid(hashed=False), "its content hash is missing"),
    (paid(invoice_id=None), "invoice_id is None, its latest invoice is INV-2026-00001"),
    (paid(estimate_id="est_1"), "estimate_id is est_1, its latest estimate is None"),
    (paid(status=OrderStatus.PENDING), "its status is pending, it has 1 invoices"),
    (paid(documents=(), payments=(), invoice_id=None), "its status is invoiced, it has 0 invoices"),
    (
        paid(documents=(), payments=(), invoice_id=None),
        "it owes 24.40 EUR and has no live invoice",
    ),
    (paid(owed=Decimal("24.41")), "its documents come to 24.40 EUR, it owes 24.41"),
    (paid(owed_tax=Decimal("4.41")), "its documents hold 4.40 of tax, it owes 4.41"),
    (
        paid(cancelled=True, owed=Decimal("20.00")),
        "its documents come to 24.40 EUR, it owes 20.00",
    ),
    (
        with_more(paid(), second_invoice(), invoice_id="inv_2"),
        "2 live invoices: INV-2026-00001, INV-2026-00002",
    ),
    (
        with_more(paid(), second_invoice(), invoice_id="inv_2"),
        "INV-2026-00002 does not say that it replaces INV-2026-00001",
    ),
    (with_document(paid(), 0, at_home=False), "its entity or integration is not that of"),
    (with_document(paid(), 0, customer_known=False), "its customer does not exist"),
    (with_document(paid(), 0, stateless=True), "nothing says whether it is open, paid or credited"),
    (with_issued(paid(), 0, paid=Decimal(1)), "1 are noted as paid, its payments come to 24.40"),
    (
        with_issued(paid(), 0, credited=Decimal(1)),
        "1 are noted as credited, its credit notes come to 0",
    ),
    (
        with_issued(paid(), 0, status=DocumentStatus.OPEN),
        "its status is open, by its payments and credit notes it is paid",
    ),
    (
        with_issued(reissued(), 0, status=DocumentStatus.PAID),
        "its status is paid, by its payments and credit notes it is credited",
    ),
    (
        with_issued(reissued(), 2, status=DocumentStatus.CREDITED),
        "it owes 30.50 EUR and has no live invoice",
    ),
    (
        with_document(reissued(), 0, links=((LinkType.REPLACED_BY, "inv_2"),)),
        "CRE-2026-00001: credit_for INV-2026-00001, but INV-2026-00001 does not say credited_by",
    ),
    (
        with_document(reissued(), 2, links=((LinkType.CREDITED_BY, "cre_2"),)),
        "INV-2026-00001: replaced_by INV-2026-00002, but INV-2026-00002 does not say replaces",
    ),
    (
        with_document(paid(), 0, links=((LinkType.REPLACES, "inv_9"),)),
        "replaces inv_9, which is no document of this order",
    ),
    (
        with_issued(reissued(), 1, credits="inv_9"),
        "CRE-2026-00001: it credits inv_9, which is no invoice of this order",
    ),
    (
        with_issued(reissued(), 1, credits=None),
        "CRE-2026-00001: it credits None, which is no invoice of this order",
    ),
    (
        with_document(reissued(), 1, links=()),
        "CRE-2026-00001: it credits INV-2026-00001, but its links name 0 invoices",
    ),
    (
        with_more(paid(), a_note(a_content(currency_code="USD"))),
        "CRE-2026-00001: it is in USD, its invoice INV-2026-00001 in EUR",
    ),
    (
        with_more(paid(), a_note(a_content(an_item(quantity=3)))),
        "INV-2026-00001: credit notes of 36.60 for an invoice of 24.40",
    ),
    (
        with_more(paid(), a_note(a_content(an_item(price="-1.00")))),
        "CRE-2026-00001: it credits -2.44; what is taken back is positive",
    ),
    (
        with_issued(reissued(), 1, content=replace(a_content(), total_tax=Decimal("4.39"))),
        "INV-2026-00001: credited in full, but with a tax of 4.39 instead of 4.40",
    ),
    (
        paid(payments=paid_and_invoiced().payments * 2),
        "2 payments for one cause, transaction:1",
    ),
    (
        paid(payments=(a_payment("x", Decimal(1), invoice_id="inv_9"),)),
        "payment pmt_x of 1: its invoice inv_9 is no document of this order",
    ),
    (
        paid(payments=(a_payment("x", Decimal(-1), invoice_id="inv_1"),)),
        "payment pmt_x of -1: amounts of payments are positive",
    ),
    (
        paid(payments=(replace(paid_and_invoiced().payments[0], currency_code="USD"),)),
        "USD: INV-2026-00001 is in another currency",
    ),
    (
        replace(
            reissued(),
            payments=(a_payment("x", Decimal("24.41"), credit_note_id="cre_1"),),
        ),
        "24.41 were paid out of CRE-2026-00001 of 24.40",
    ),
    (
        paid(refunds=(SettledRefund(source_id="r1", settled_by="cre_9"),)),
        "refund r1 was settled by cre_9, no document of it",
    ),
    (
        replace(reissued(), refunds=(SettledRefund(source_id="r1", settled_by=None),)),
        "CRE-2026-00002 is for refund r1, which says nothing of it",
    ),
]


@pytest.mark.parametrize(("books", "words"), BROKEN, ids=[words for _, words in BROKEN])
def test_what_does_not_hold_of_an_order_is_named(books: OrderBooks, words: str) -> None:
    assert words in "\n".join(f"{one.about}: {one.what}" for one in proof.order(books))


@pytest.mark.parametrize(
    "unsettled",
    [
        {"waiting": True},
        {"items_changed": True},
        {"deleted": True},
        {"error": "order_gone: purged"},
        {"refunds": (SettledRefund(source_id="r1", settled_by=None, pending=True),)},
    ],
    ids=str,
)
def test_an_order_about_which_something_is_to_come_may_owe_another_amount(
    unsettled: dict[str, Any],
) -> None:
    assert list(proof.order(paid(owed=Decimal(99), owed_tax=Decimal(9), **unsettled))) == []


def test_a_cancelled_order_that_was_credited_owes_nothing() -> None:
    content = a_content()
    credited = {"status": DocumentStatus.CREDITED, "credited": content.total_with_tax}
    books = with_more(with_issued(paid(cancelled=True), 0, **credited), a_note())
    books = with_document(books, 0, links=((LinkType.CREDITED_BY, "cre_1"),))
    assert list(proof.order(books)) == []


def test_a_credit_note_may_take_what_its_invoices_rounding_left() -> None:
    lines = (an_item(), an_item("Cup"), an_item("Pot"))
    content = a_content(*lines, rounding="0.03")
    books = replace(
        with_issued(paid(), 0, content=content, status=DocumentStatus.OPEN),
        waiting=True,
    )
    rest = replace(a_note(a_content(rounding="0.03")).issued, credits="inv_1")
    noted = with_more(books, Booked(issued=rest, links=((LinkType.CREDIT_FOR, "inv_1"),)))
    assert not [one for one in proof.order(noted) if "rounding" in one.what]


@pytest.mark.parametrize(("left", "found"), [("0.02", 0), ("0.03", 1)])
def test_what_is_left_after_a_refund_may_take_what_its_rounding_left(left: str, found: int) -> None:
    """A shop that counts parts of the minor unit: 0.01 of its own, and 0.01 of the refund's."""
    note = a_note(a_content(rounding="-0.01")).issued
    refund = replace(note, id="cre_1", credits="inv_1", refund_id="r1")
    rest = replace(note, id="cre_2", credits="inv_1", content=a_content(rounding=left))
    books = replace(paid(), waiting=True)
    for each in (refund, rest):
        links = ((LinkType.CREDIT_FOR, "inv_1"),)
        books = with_more(books, Booked(issued=each, links=links))
    assert sum("rounding" in one.what for one in proof.order(books)) == found


def test_a_shop_that_refunded_more_than_it_took_is_owed_nothing() -> None:
    content = a_content()
    credited = {"status": DocumentStatus.CREDITED, "credited": content.total_with_tax}
    books = with_more(with_issued(paid(owed=Decimal("-5.00"), owed_tax=None), 0, **credited),
                      a_note())  # fmt: skip
    books = with_document(books, 0, links=((LinkType.CREDITED_BY, "cre_1"),))
    assert list(proof.order(books)) == []


def test_a_series_that_goes_on_from_year_to_year_holds() -> None:
    key = ("acme", "invoice", 0)
    documents = [numbered(1, "2025-12-31", year=0), numbered(2, "2026-01-01", year=0)]
    counter = Counter(last=2, last_date="2026-01-01")
    assert list(proof.numbers(documents, {key: counter})) == []


def test_an_attempt_that_broke_after_the_invoice_is_no_excuse() -> None:
    books = paid(owed=Decimal(99), error="the database was busy")
    assert any("it owes 99" in one.what for one in proof.order(books))
