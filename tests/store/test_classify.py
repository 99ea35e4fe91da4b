"""What a version that was read means for the one that is stored."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ordermill.model.integration import Rules
from ordermill.model.order import Order
from ordermill.store.classify import Known, Outcome, Terms, first_decision, outcome_of
from ordermill.store.rows import order_row
from orders import AT, an_item, an_order, changed
from shops import an_entity

HOUR = timedelta(hours=1)
NOON = AT + 2 * HOUR


def known(order: Order, deleted_by: str | None = None) -> Known:
    return Known("ord_1", 3, order_row(order).content_hash, order.shop_updated_at, "", deleted_by)


def outcome(there: Known | None, order: Order, *, confirmed: bool = False) -> Outcome:
    return outcome_of(there, order_row(order), order, confirmed=confirmed)


def test_an_order_that_was_never_seen_is_created() -> None:
    assert outcome(None, an_order()) is Outcome.CREATED


def test_a_date_that_moves_alone_is_no_change() -> None:
    assert outcome(known(an_order()), an_order(second=60)) is Outcome.UNCHANGED


def test_an_item_edit_that_moves_no_date_is_a_change() -> None:
    edited = an_order(items=(an_item(quantity=3),))
    assert outcome(known(an_order()), edited) is Outcome.UPDATED


def test_an_older_version_is_stale_until_a_read_by_id_confirms_it() -> None:
    older = an_order(second=-60, items=(an_item(quantity=3),))
    assert outcome(known(an_order()), older) is Outcome.STALE
    assert outcome(known(an_order()), older, confirmed=True) is Outcome.UPDATED


def test_an_older_version_with_the_same_content_is_unchanged() -> None:
    assert outcome(known(an_order()), an_order(second=-60)) is Outcome.UNCHANGED


def test_an_order_that_the_shop_had_removed_comes_back_with_the_same_content() -> None:
    assert outcome(known(an_order(), "shop"), an_order()) is Outcome.UPDATED


def test_an_order_that_a_person_deleted_is_not_brought_back_by_a_read() -> None:
    assert outcome(known(an_order(), "person"), an_order()) is Outcome.UNCHANGED


def test_every_content_attribute_is_part_of_the_hash() -> None:
    order = an_order()
    other = {
        "currency_code": "USD", "total": order.total + 1, "total_tax": order.total_tax + 1,
        "owed": order.owed + 1, "paid": False, "paid_at": None, "cancelled": True,
        "customer_name": "Eva", "tags": ("vip",), "metadata": {"note": "x"}, "items": (),
    }  # fmt: skip
    hashes = {
        order_row(changed(order, **{name: value})).content_hash for name, value in other.items()
    }
    assert len(hashes | {order_row(order).content_hash}) == len(other) + 1


def terms(cutoff: datetime | None = None, **rules: Any) -> Terms:
    return Terms("woocommerce", an_entity(), Rules(**rules), cutoff)


def first(order: Order, judged: Terms) -> tuple[str, str | None, datetime | None]:
    found = first_decision(order, judged, NOON)
    return str(found.status), found.error, found.look_at


def test_an_order_placed_before_the_import_day_is_skipped_with_its_code() -> None:
    status, error, look_at = first(an_order(), terms(AT + HOUR, auto_process=True))
    assert (status, look_at) == ("skipped", None)
    assert str(error).startswith("before_import_from: ")
    for order, cutoff in ((an_order(), AT), (changed(an_order(), ordered_at=None), AT + HOUR)):
        assert first(order, terms(cutoff, auto_process=True)) == ("pending", None, NOON)


@pytest.mark.parametrize(
    ("order", "rules", "looked_at"),
    [
        ({}, {"auto_process": True}, True),
        ({"paid": False}, {"auto_process": True}, False),
        ({"paid": False}, {"auto_process": True, "auto_process_on": "created"}, True),
        ({}, {"auto_process": True, "auto_process_delay_seconds": 60}, True),
        ({}, {}, False),
        ({"test": True}, {}, True),  # to be skipped
        ({"cancelled": True}, {}, True),  # to be cancelled
        ({"deleted": True}, {"auto_process": True}, False),
        ({"items": (None,)}, {"auto_process": True}, True),  # it breaks where it costs itself alone
    ],
)
def test_an_order_that_waits_for_its_shop_is_not_looked_at_before_it_changes(
    order: dict[str, Any], rules: dict[str, Any], looked_at: bool
) -> None:
    made = changed(an_order(), **order)
    assert first(made, terms(**rules)) == ("pending", None, NOON if looked_at else None)
