"""A buyer's personal data is erased: what was issued is left of it, and no more returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from billing import Billing
from lives import RULES
from ordermill.commands.erase import erase_person
from ordermill.commands.verify import Verified
from ordermill.errors import MalformedOrder, NotFound, StoreBusy
from ordermill.invoicing.decide import automatic
from ordermill.model.order import Address, Customer, Order
from ordermill.store import erasure, events, integrations, leases, orders, payloads
from ordermill.store.database import Database
from ordermill.store.erasure import Person
from ordermill.store.orders import Incoming
from ordermill.store.payloads import Wanted
from ordermill.store.tables import customers, idempotency, metadata
from ordermill.store.tables import documents as document_table
from ordermill.store.tables import orders as order_table
from orders import a_refund, an_item, an_order
from program import written

EMAIL = "Canary.Person@Example.com"
Capture = pytest.CaptureFixture[str]


def bought(source_id: str = "1", second: int = 0, **other: Any) -> Order:
    """An order that names its buyer wherever one can be named."""
    home = Address(
        name="Canary Person", company="Canary Works", address="Canary Lane 7", city="Canaryville",
        post_code="1000", country_code="SI", phone="+386 canary",
    )  # fmt: skip
    values: dict[str, Any] = {
        "customer_name": "Canary Person", "customer_email": EMAIL,
        "customer": Customer(phone="+386 canary", company_name="Canary Works", notes="canary note",
                             tax_number="SI00CANARY", source_id="canary-7"),
        "billing_address": home, "shipping_address": home, "metadata": {"note": "for the canary"},
    }  # fmt: skip
    return an_order(source_id, second, **(values | other))


def payload_of(order: Order) -> bytes:
    return f'{{"email": "{order.customer_email}"}}'.encode()


@dataclass
class House:
    """A store that bills, with a configuration file."""

    billing: Billing
    config: Path

    @property
    def database(self) -> Database:
        return self.billing.database

    def take_in(self, *page: Order) -> list[str]:
        """As a poll does, the payload telling all."""
        now = self.billing.clock()
        with self.database.write() as conn:
            shop = integrations.stored(conn)["woo"]
            incoming = [Incoming(o.source_id, payload_of(o), "", o) for o in page]
            return [str(one.order_id) for one in orders.ingest(conn, shop, incoming, now=now)]

    def live(self, *page: Order) -> list[str]:
        """Take in, and do what is due."""
        ids = self.take_in(*page)
        self.billing.bill(ids, automatic)
        return ids

    def erase(self, whom: str = EMAIL) -> int:
        return erase_person(self.config, whom, really=True)

    def canaries(self) -> set[str]:
        """The tables in which something of the buyer is left."""
        with self.database.read() as conn:
            return {
                table.name
                for table in metadata.tables.values()
                for row in conn.execute(select(table))
                if "canary" in repr(row).casefold()
            }


@pytest.fixture
def house(
    database: Database, database_url: str, clock: Callable[[], datetime], tmp_path: Path
) -> House:
    billing = Billing(database, clock)
    billing.configure(rules=RULES)
    return House(billing, written(tmp_path, database_url))


def refunded(second: int, quantity: int, **other: Any) -> Order:
    """So many pieces, and 12.20 of them sent back."""
    refund = a_refund("r1", "12.20", reason="the canary sent it back")
    owed = Decimal("12.20") * quantity - refund.amount
    return bought(
        second=second, items=(an_item(quantity=quantity),), refunds=(refund,), owed=owed,
        owed_tax=None, **other,
    )  # fmt: skip


@pytest.fixture
def life(house: House) -> list[str]:
    """An order that was invoiced, changed and reissued, refunded with words, and then moved to
    another company; and one that was skipped."""
    ids = house.live(bought(), bought("2", test=True))
    house.live(bought(second=5, items=(an_item(quantity=3),)))
    house.live(refunded(6, quantity=3))
    moved = Address(name="Canary Person", address="Canary Square 1", country_code="SI")
    house.live(refunded(7, quantity=3, billing_address=moved))
    return ids


def test_nothing_is_left_but_in_what_was_issued(house: House, life: list[str]) -> None:
    with house.database.write() as conn:
        entity_id = conn.execute(select(order_table.c.entity_id)).scalars().first()
        values = {"entity_id": entity_id, "key": "k", "request_hash": "-", "status": 201,
                  "body": f'{{"id": "{life[0]}", "customer_name": "Canary"}}',
                  "created_at": house.billing.clock()}  # fmt: skip
        conn.execute(idempotency.insert().values(**values))
        conn.execute(update(order_table).values(metadata='{"gift": "from the canary"}'))
    assert {"orders", "raw_versions", "refunds", "customers", "idempotency"} <= house.canaries()
    assert house.erase() == 0
    assert house.canaries() == {"documents"}
    assert list(Verified(house.database)) == []


def test_a_shop_may_ask_for_its_own_buyers_and_no_others(house: House, life: list[str]) -> None:
    with house.database.read() as conn:
        asked = erasure.of_request(conn, "woo", ["2"], None)
        by_address = erasure.of_request(conn, "woo", [], EMAIL.upper())
        elsewhere = erasure.of_request(conn, "manual-acme", ["1", "2"], EMAIL)
    assert asked.orders == [life[1]]
    assert asked.customers == []  # for the other order is theirs, too
    assert by_address.orders == sorted(life)
    assert len(by_address.customers) == 1
    assert elsewhere == Person([], [], [], [])


def test_what_was_bought_paid_and_billed_stays(house: House, life: list[str]) -> None:
    before = house.billing.rows(document_table)
    case = house.billing.case(life[0])
    assert house.erase() == 0
    after = house.billing.case(life[0])
    assert house.billing.rows(document_table) == before
    assert (after.documents, after.payments, after.status) == (
        case.documents, case.payments, case.status,
    )  # fmt: skip
    assert (after.order.items, after.order.owed) == (case.order.items, case.order.owed)
    assert after.order.refunds[0].amount == Decimal("12.20")


def test_no_later_version_brings_it_back(house: House, life: list[str]) -> None:
    assert house.erase() == 0
    for second in (20, 30):
        house.live(refunded(second, quantity=3, tags=(f"at {second}",)))
    assert house.canaries() == {"documents"}
    with house.database.read() as conn:
        shop = integrations.stored(conn)["woo"].id
        row = orders.get(conn, shop, "1")
        assert row is not None
        assert row["version"] == 6
        assert row["tags"] == '["at 30"]'
        assert [v["payload"] for v in orders.versions(conn, row["id"])] == ["{}"] * 6


def test_the_same_version_again_is_unchanged(house: House, life: list[str]) -> None:
    assert house.erase() == 0
    house.take_in(bought(second=40))
    with house.database.write() as conn:
        shop = integrations.stored(conn)["woo"]
        again = [Incoming("1", b"{}", "", bought(second=40))]
        (one,) = orders.ingest(conn, shop, again, now=house.billing.clock())
    assert one.outcome == "unchanged"


def test_what_changes_afterwards_is_billed_to_the_buyer_of_the_invoice(
    house: House, life: list[str]
) -> None:
    assert house.erase() == 0
    customer = house.billing.case(life[0]).customer_id
    house.live(refunded(20, quantity=5))
    invoice = house.billing.case(life[0]).invoice
    assert invoice is not None
    assert invoice.number == "INV-2026-00003"
    assert invoice.customer.name == "Canary Person"
    assert house.billing.case(life[0]).customer_id == customer
    assert house.canaries() == {"documents"}
    assert list(Verified(house.database)) == []


def test_a_state_that_cannot_be_read_is_kept_without_its_payload(
    house: House, life: list[str]
) -> None:
    def reject(source_id: str) -> None:
        error = MalformedOrder(source_id, "currency is missing")
        broken = [Incoming(source_id, f'{{"email": "{EMAIL}"}}'.encode(), "", error)]
        with house.database.write() as conn:
            shop = integrations.stored(conn)["woo"]
            orders.ingest(conn, shop, broken, now=house.billing.clock())

    reject("9")
    assert house.erase() == 0
    assert house.canaries() == {"documents"}
    reject("1")
    assert house.canaries() == {"documents"}


def test_its_payloads_are_not_read_anew(house: House, life: list[str]) -> None:
    assert house.erase() == 0
    with house.database.write() as conn:
        shop = integrations.stored(conn)["woo"].id
        assert payloads.present(conn, shop, Wanted(), after="", limit=10) == []


def test_an_order_that_may_still_be_invoiced_keeps_its_buyer_and_is_named(
    house: House, life: list[str], capsys: Capture
) -> None:
    (waiting,) = house.live(bought("3", paid=False, payment_gateway="bacs"))
    assert house.erase() == 1
    said = capsys.readouterr().out
    assert "woo/3 may still be invoiced" in said
    assert "canary" not in said.casefold()
    assert house.billing.case(waiting).order.customer_name == "Canary Person"
    assert house.billing.case(life[0]).order.customer_name is None
    (customer,) = house.billing.rows(customers)
    assert customer.email == EMAIL


def test_the_letter_case_of_an_address_does_not_matter_and_others_are_left(
    house: House, life: list[str]
) -> None:
    (other,) = house.live(an_order("7"))
    assert house.erase("  canary.person@EXAMPLE.com ") == 0
    assert house.canaries() == {"documents"}
    assert house.billing.case(other).order.customer_name == "Ana Čop"


def test_one_order_is_erased_alone_and_its_customer_with_the_last_one(
    house: House, capsys: Capture
) -> None:
    first, second = house.live(bought("1"), bought("2"))
    assert house.erase(first) == 0
    assert "1 orders, 0 customers" in capsys.readouterr().out
    assert house.billing.case(second).order.customer_name == "Canary Person"
    assert house.erase("woo/2") == 0
    assert "1 orders, 1 customers" in capsys.readouterr().out
    assert house.canaries() == {"documents"}


def test_it_is_only_counted_until_it_is_meant(
    house: House, life: list[str], capsys: Capture
) -> None:
    before = house.canaries()
    assert erase_person(house.config, EMAIL, really=False) == 0
    assert "2 orders, 1 customers, 0 unread payloads; --yes" in capsys.readouterr().out
    assert house.canaries() == before
    with pytest.raises(NotFound):
        house.erase("ord_unknown")
    assert house.erase("nobody@example.com") == 0


def test_it_is_an_event_of_the_order(house: House, life: list[str]) -> None:
    assert house.erase() == 0
    with house.database.read() as conn:
        *_, last = events.of_order(conn, life[0])
    assert (last.type, last.actor, last.reason) == (
        "order.updated", "operator", "the buyer's personal data was erased",
    )  # fmt: skip
    assert house.erase() == 0  # nobody has the address any more
    with house.database.read() as conn:
        assert events.of_order(conn, life[0])[-1].id == last.id


def test_on_a_server_it_waits_for_a_page_that_is_being_stored(
    postgresql_url: Callable[[], str], clock: Callable[[], datetime]
) -> None:
    """The page was laid out before, with all of the buyer."""
    database = Database.open(postgresql_url())
    billing = Billing(database, clock)
    billing.configure(rules=RULES)
    (order_id,) = billing.take_in(bought(test=True))
    billing.bill([order_id], automatic)
    with database.write() as conn:
        (claim,) = leases.claim(conn, "one", timedelta(hours=1), ["woo"], now=clock(), limit=1)
    with database.write() as storing:
        leases.fence(storing, claim, clock())
        with pytest.raises(StoreBusy):
            impatient(database, order_id, clock())
    database.close()


def impatient(database: Database, order_id: str, now: datetime) -> None:
    """Erase it, or give up at once if that means to wait."""
    with database.write() as conn:
        conn.execute(text("SET LOCAL lock_timeout = '50ms'"))
        erasure.erase(conn, erasure.of_order(conn, order_id), now=now)
