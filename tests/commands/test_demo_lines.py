"""What the demo says of documents: a line each, and what keeps one from being issued."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rich.text import Text

from ordermill.commands.demo import issued
from ordermill.invoicing.done import Cause, Done, Made, Outcome, Reason, Reissue, Result
from ordermill.model.document import DocumentKind


def made(kind: str, number: str, reason: str, total: str = "24.4") -> Made:
    return Made(DocumentKind(kind), number, Decimal(total), "EUR", Reason(reason))


def lines(*documents: Made, **more: Any) -> list[str]:
    done = Done("woo", "ord_1", "#5", documents=documents, **more)
    return [Text.from_markup(line).plain for line in issued(done)]


def test_an_invoice_an_estimate_and_a_credit_note_have_a_line_each() -> None:
    assert lines(
        made("estimate", "EST-1", "order"),
        made("invoice", "INV-1", "order"),
        made("credit_note", "CN-1", "refund", "5"),
    ) == [
        "estimate order #5: EST-1, 24.40 EUR",
        "invoiced order #5: INV-1, 24.40 EUR",
        "credited order #5: CN-1, 5.00 EUR, refund",
    ]


def test_a_reissue_names_both_numbers() -> None:
    reissue = Reissue(Cause.ITEMS, Result.SUCCESS, "INV-1")
    documents = made("credit_note", "CN-1", "reissue"), made("invoice", "INV-2", "reissue")
    assert lines(*documents, reissue=reissue) == [
        "credited order #5: CN-1, 24.40 EUR, reissue",
        "reissued order #5: INV-1 -> INV-2, 24.40 EUR",
    ]


def test_what_is_held_or_skipped_says_why() -> None:
    held = lines(outcome=Outcome.FAILED, error="order_totals_mismatch: off by 3.00 EUR")
    assert held == ["held     order #5: order_totals_mismatch: off by 3.00 EUR"]
    skipped = lines(outcome=Outcome.SKIPPED, error="zero_total: its total is zero")
    assert skipped == ["skipped  order #5: zero_total: its total is zero"]
    assert lines() == []
