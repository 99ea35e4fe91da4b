"""What is said of where an order stands and what comes next."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from invoicing.cases import EAGER, START, Life
from ordermill.invoicing import cancel, process
from ordermill.model.case import Case
from ordermill.model.integration import Rules
from ordermill.model.order import Address, OrderStatus
from ordermill.model.outlook import outlook
from orders import a_refund, an_item, an_order, changed

PAID = Rules(auto_process=True, auto_process_on="paid")


def told(case: Case, now: datetime = START) -> str:
    return "\n".join(outlook(case, now, lambda at: f"{at:%H:%M:%S}"))


def lived(order: Any = None, rules: Rules = EAGER, source: str = "woocommerce") -> Life:
    return Life(order or an_order(), rules, source).tick()


def later(rules: Rules = EAGER, **values: Any) -> Life:
    """Invoiced, then edited to three pieces."""
    life = lived(rules=rules)
    return life.shop_says(an_order(second=5, items=(an_item(quantity=3),), **values))


NOTHING = "nothing is to come: what is billed is what the order says"
DELAYED = Rules(auto_process=True, auto_process_on="created", auto_process_delay_seconds=600)
BY_HAND = Rules(auto_process=True, auto_process_on="created")
SETTLING = Rules(
    auto_process=True, auto_process_on="created", auto_reissue_on_update=True,
    reissue_settle_seconds=600,
)  # fmt: skip


def test_an_invoiced_order_at_rest() -> None:
    assert told(lived().case) == NOTHING


@pytest.mark.parametrize(
    ("life", "words"),
    [
        (Life(an_order()), "placed: the invoice is due now"),
        (lived(an_order(paid=False), PAID), "waits until it is paid"),
        (lived(rules=Rules()), "auto_process is off: processed by a call"),
        (lived(source="manual"), "manual orders are processed by a call"),
        (lived(rules=DELAYED), "invoiced at 12:10:00, unless its items change before"),
        (lived(an_order(test=True)), "skipped: test_order: a test order\nit is never invoiced by"),
        (
            lived(an_order(total_with_tax=Decimal(99))),
            "held: order_totals_mismatch: lines, shipping, fees and tax differ",
        ),
        (
            lived(an_order(total_with_tax=Decimal(99), paid=False), PAID),
            "as it is it would be held: order_totals_mismatch",
        ),
        (
            lived(an_order(cancelled=True)),
            "cancelled in the shop: no document comes, unless the shop opens it again",
        ),
        (later(SETTLING), "it differs from what is billed (quantity, tax)"),
        (later(SETTLING), "credited and invoiced anew at 12:10:00, unless it changes again"),
        (later(BY_HAND), "a call to reissue credits it and invoices it anew"),
        (
            lived().shop_says(an_order(second=5, billing_address=Address(city="Bled"))),
            "the buyer differs from the invoice's",
        ),
        (
            lived().shop_says(an_order(second=5, deleted=True)),
            "a person must look: order_gone: no longer in the shop",
        ),
        (lived().shop_says(an_order(second=5, cancelled=True)), "looked at again at 12:00:00"),
    ],
)
def test_what_comes_next_is_said_with_its_reason(life: Life, words: str) -> None:
    assert words in told(life.case)


def test_what_a_person_did_is_final() -> None:
    withdrawn = Life(an_order(), Rules())
    withdrawn.do(cancel.by_hand)
    assert told(withdrawn.case) == "cancelled by a person: final"
    deleted = replace(lived().case, deleted_by="person")
    assert "deleted by a person: nothing happens by itself" in told(deleted)


def test_an_order_that_the_shop_deleted_before_its_invoice() -> None:
    case = replace(Life(an_order(), Rules()).case, deleted_by="shop")
    assert told(case).startswith("deleted in the shop: nothing is issued")


def test_an_attempt_that_broke_says_when_it_is_tried_again() -> None:
    case = replace(
        Life(an_order()).case,
        status=OrderStatus.FAILED,
        error="could not be processed (the disk is full)",
        decide_at=START + timedelta(minutes=1),
    )
    assert told(case).splitlines() == [
        "an attempt broke: could not be processed (the disk is full)",
        "tried again at 12:01:00",
    ]
    assert "it is not tried again by itself" in told(replace(case, decide_at=None))


def test_every_way_of_an_order_says_something() -> None:
    refunded = lived().shop_says(
        changed(an_order(second=9), refunds=(a_refund("r1", "24.40"),), owed=Decimal(0))
    )
    assert told(refunded.case) == NOTHING
    held = lived(an_order(total_with_tax=Decimal(99)))
    held.do(process.by_hand)
    assert told(held.case).startswith("held: order_totals_mismatch")
