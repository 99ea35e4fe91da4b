"""Orders that lived through everything, billed as ordermill bills by itself."""

from __future__ import annotations

from decimal import Decimal

from billing import Billing
from ordermill.invoicing.decide import automatic
from ordermill.model.integration import Rules
from ordermill.store.integrations import stored
from ordermill.store.orders import mark_gone
from orders import a_refund, an_item, an_order, changed

RULES = Rules(
    auto_process=True,
    auto_process_on="created",
    auto_reissue_on_update=True,
    reissue_settle_seconds=0,
)


def live(billing: Billing) -> list[str]:
    """Five orders: 1 invoiced, 2 estimated, 3 reissued and then refunded in part, 4 skipped, and 5
    gone before it was billed; their ids."""
    billing.configure(rules=RULES)
    ids = billing.take_in(
        an_order("1"),
        an_order("2", paid=False, payment_gateway="bacs"),
        an_order("3"),
        an_order("4", test=True),
        an_order("5"),
    )
    with billing.database.write() as conn:
        mark_gone(conn, stored(conn)["woo"], {"5": "purged"}, now=billing.clock())
    billing.bill(ids, automatic)
    edited = an_order("3", 5, items=(an_item(quantity=3),))
    billing.take_in(edited)
    billing.bill(ids, automatic)
    refunded = edited.owed - Decimal("12.20")
    billing.take_in(changed(edited, refunds=(a_refund("r1", "12.20"),), owed=refunded,
                            owed_tax=None))  # fmt: skip
    billing.bill(ids, automatic)
    return ids
