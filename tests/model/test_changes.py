"""What counts as a change of an invoiced order, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from invoicing.cases import EAGER, Life
from ordermill.invoicing import reissue
from ordermill.model.changes import buyer_diff, diff, of_items
from ordermill.model.content import of_order
from ordermill.model.document import Buyer
from ordermill.model.integration import Rules
from ordermill.model.order import (
    Address,
    Customer,
    Item,
    ItemKind,
    ItemTax,
    Order,
    PaymentStatus,
    TaxTotal,
)
from ordermill.store.read import differences_of
from ordermill.store.rows import json_text
from orders import AT, a_refund, an_item, an_order, changed

D = Decimal
MUG, PEN = an_item(), an_item("Pen", "1.50", source_id="2")
FREIGHT = an_item("Post", "4.00", 1, source_id="9", kind=ItemKind.SHIPPING)
FEE = an_item("Packing", "2.00", 1, source_id="8", kind=ItemKind.FEE)
ORDER = an_order(items=(MUG, PEN, FREIGHT, FEE))


def of(*items: Item, **other: Any) -> Order:
    """The order with these lines, recalculated."""
    made = an_order(items=items)
    names = ("items", "total", "total_tax", "total_with_tax", "owed", "owed_tax", "taxes")
    return changed(ORDER, **{name: getattr(made, name) for name in names}, **other)


def taxed(item: Item, rate: str, tax: str, **other: Any) -> Item:
    line_tax = ItemTax(rate=D(rate), tax=D(tax), **other)
    return replace(item, taxes=(line_tax,), total_with_tax=item.total + D(tax), tax_rate=D(rate))


CHANGES: list[tuple[str, Order, set[tuple[str | None, str]]]] = [
    ("a line added", of(MUG, PEN, FREIGHT, FEE, an_item("Cup", source_id="3")), {("3", "added")}),
    ("a line removed", of(MUG, FREIGHT, FEE), {("2", "removed")}),
    ("a line in the place of another at the same amount",
     of(replace(MUG, source_id="7", sku="SKU-Jug", name="Jug"), PEN, FREIGHT, FEE),
     {("1", "removed"), ("7", "added")}),
    ("a quantity", of(an_item(quantity=3), PEN, FREIGHT, FEE), {("1", "quantity"), ("1", "tax")}),
    ("a price", of(an_item(price="11.00"), PEN, FREIGHT, FEE), {("1", "price"), ("1", "tax")}),
    ("a price by a cent", of(an_item(price="10.01"), PEN, FREIGHT, FEE), {("1", "total")}),
    ("a discount", of(an_item(total=D("18.00"), discount=D("2.00"), total_with_tax=D("21.96"),
                              taxes=(ItemTax(rate=D(22), tax=D("3.96")),)), PEN, FREIGHT, FEE),
     {("1", "discount"), ("1", "tax")}),
    ("a tax rate", of(taxed(MUG, "9.5", "1.90"), PEN, FREIGHT, FEE), {("1", "tax")}),
    ("a tax amount", of(taxed(MUG, "22", "4.41"), PEN, FREIGHT, FEE), {("1", "tax")}),
    ("a second tax", of(replace(MUG, taxes=(*MUG.taxes, ItemTax(rate=D(1), tax=D("0.20"))),
                                total_with_tax=MUG.total_with_tax + D("0.20")), PEN, FREIGHT, FEE),
     {("1", "tax")}),
    ("the tax taken off", of(replace(MUG, taxes=(), total_with_tax=MUG.total), PEN, FREIGHT, FEE),
     {("1", "tax")}),
    ("what shipping costs", of(MUG, PEN, replace(FREIGHT, price=D("5.00"), total=D("5.00"),
                                                 total_with_tax=D("5.88")), FEE),
     {("9", "price")}),
    ("the tax of shipping", of(MUG, PEN, taxed(FREIGHT, "22", "0.90"), FEE), {("9", "tax")}),
    ("a fee", of(MUG, PEN, FREIGHT), {("8", "removed")}),
    ("the currency", changed(ORDER, currency_code="USD"), {(None, "currency_code")}),
    ("the total alone", changed(ORDER, total_with_tax=ORDER.total_with_tax + D("0.01"),
                                owed=ORDER.owed + D("0.01")), {(None, "total_with_tax")}),
]  # fmt: skip


@pytest.mark.parametrize(("now", "fields"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_what_counts_as_a_change(now: Order, fields: set[tuple[str | None, str]]) -> None:
    found = diff(of_order(ORDER), of_order(now))
    assert {(each.line, each.field) for each in found} == fields
    assert diff(of_order(now), of_order(now)) == ()


def anew(item: Item) -> Item:
    return replace(item, source_id=f"9{item.source_id}")


SAME: list[tuple[str, Order]] = [
    ("a name", of(replace(MUG, name="Mug, blue"), PEN, FREIGHT, FEE)),
    ("a SKU", of(replace(MUG, sku="MUG-2"), PEN, FREIGHT, FEE)),
    ("the order of lines", of(FEE, PEN, FREIGHT, MUG)),
    ("the ids of lines given anew", of(anew(MUG), anew(PEN), anew(FREIGHT), anew(FEE))),
    ("the ids given anew, and the order of lines", of(anew(PEN), anew(MUG), anew(FEE), FREIGHT)),
    ("zeros at the end of amounts", of(replace(MUG, quantity=D("2.000"), total=D("20.0"),
                                               price=D("10")), PEN, FREIGHT, FEE)),
    ("digits that nobody pays", of(replace(MUG, price=D("10.004")), PEN, FREIGHT, FEE)),
    ("digits that nobody pays, nor gets off",
     of(replace(MUG, price=D("10.008"), discount=D("0.016")), PEN, FREIGHT, FEE)),
    ("a name of a tax", of(taxed(MUG, "22", "4.40", name="DDV"), PEN, FREIGHT, FEE)),
    ("a rate written otherwise", of(taxed(MUG, "22.0", "4.40"), PEN, FREIGHT, FEE)),
    ("the ids given anew, and a rate written otherwise",
     of(taxed(anew(MUG), "22.0", "4.40"), PEN, FREIGHT, FEE)),
    ("a note", changed(ORDER, metadata={"note": "please call"})),
    ("a tag", changed(ORDER, tags=("vip",))),
    ("fulfilment", changed(ORDER, fulfilled=True, fulfilled_at=AT, complete=True)),
    ("payment", changed(ORDER, payment_status=PaymentStatus.UNPAID, payment_method="Cash")),
    ("the address of shipping", changed(ORDER, shipping_address=Address(city="Kranj"),
                                        billing_address=ORDER.billing_address)),
    ("the e-mail address", changed(ORDER, customer_email="other@example.com")),
    ("the telephone", changed(ORDER, customer=Customer(phone="+386 40 111 222"))),
    ("the time of its last change", changed(ORDER, shop_updated_at=AT.replace(year=2027))),
]  # fmt: skip


@pytest.mark.parametrize("now", [s[1] for s in SAME], ids=[s[0] for s in SAME])
def test_what_is_no_change(now: Order) -> None:
    assert diff(of_order(ORDER), of_order(now)) == ()


# The flags of the order


def flagged(order: Order = ORDER, rules: Rules | None = None) -> Life:
    life = Life(order, rules or Rules(auto_process=True)).tick()
    assert life.case.status == "invoiced"
    return life


def test_a_change_is_flagged_and_kept_field_by_field() -> None:
    life = flagged().shop_says(of(an_item(quantity=3), PEN, FREIGHT, FEE))
    assert life.case.items_changed
    assert [(c.line, c.field, c.billed, c.desired) for c in life.case.changes] == [
        ("1", "quantity", 2, 3),
        ("1", "tax", D("4.40"), D("6.60")),
    ]
    assert life.said("order.items_changed") == ["quantity, tax changed"]
    assert len(life.case.documents) == 1


def test_an_edit_that_is_undone_clears_the_flag() -> None:
    life = flagged().shop_says(of(MUG, FREIGHT, FEE)).shop_says(ORDER)
    assert (life.case.items_changed, life.case.changes, len(life.case.documents)) == (False, (), 1)


def test_a_change_is_told_once_however_often_it_is_seen() -> None:
    other = of(MUG, FREIGHT, FEE)
    life = flagged().shop_says(other)
    for note in range(3):
        life.shop_says(changed(other, metadata={"note": note}))
    assert len(life.said("order.items_changed")) == 1


LJUBLJANA = Address(address="Trg 1", city="Ljubljana", post_code="1000", country_code="SI")
BUYER = changed(ORDER, billing_address=LJUBLJANA,
                customer=Customer(company_name="Kavarna d.o.o.", tax_number="SI1"))  # fmt: skip


@pytest.mark.parametrize(("field", "now"), [
    ("company_name", {"customer": Customer(company_name="Kavarna s.p.", tax_number="SI1")}),
    ("tax_number", {"customer": Customer(company_name="Kavarna d.o.o.", tax_number="SI2")}),
    ("billing_address", {"billing_address": replace(LJUBLJANA, address="Trg 2")}),
    ("billing_address", {"billing_address": replace(LJUBLJANA, country_code="HR")}),
])  # fmt: skip
def test_what_the_invoice_says_of_the_buyer_is_a_flag_of_its_own(
    field: str, now: dict[str, Any]
) -> None:
    life = flagged(BUYER, EAGER).shop_says(changed(BUYER, **now)).tick(90_000)
    assert (life.case.items_changed, life.case.buyer_changed) == (False, True)
    assert [(c.line, c.field) for c in life.case.changes] == [(None, field)]
    assert len(life.case.documents) == 1, "it issues nothing by itself"
    assert life.said("order.items_changed") == []
    life.do(reissue.by_hand, actor="backoffice")
    assert (life.case.buyer_changed, life.case.changes) == (False, ())
    assert life.said("order.reissued") == [f"{field} changed"]
    old, new = life.invoices
    assert (old.content, old.customer != new.customer) == (new.content, True)


@pytest.mark.parametrize("now", [
    {"billing_address": replace(LJUBLJANA, name="Ana", phone="1", company="Kavarna d.o.o.")},
    {"customer": Customer(company_name="Kavarna d.o.o.", tax_number="SI1", notes="vip")},
    {"customer_email": "x@example.com"},
    {"customer_name": "Ana Č."},
    {"shipping_address": Address(city="Kranj")},
])  # fmt: skip
def test_what_else_is_known_of_the_buyer_changes_nothing(now: dict[str, Any]) -> None:
    life = flagged(BUYER).shop_says(changed(BUYER, **now))
    assert (life.case.buyer_changed, life.case.changes) == (False, ())


def test_an_address_that_says_nothing_is_none() -> None:
    life = flagged(ORDER).shop_says(changed(ORDER, billing_address=Address(name="Ana")))
    assert (life.case.buyer_changed, life.case.changes) == (False, ())


def test_the_buyer_of_an_order_of_which_nothing_is_billed_does_not_matter() -> None:
    gone = changed(BUYER, owed=D(0), refunded=True,
                   refunds=(a_refund(amount=str(BUYER.total_with_tax)),))  # fmt: skip
    life = flagged(BUYER).shop_says(gone)
    life.shop_says(changed(gone, billing_address=replace(LJUBLJANA, city="Celje")))
    assert (life.case.buyer_changed, life.case.changes) == (False, ())


def test_differences_come_back_from_their_json_as_they_were() -> None:
    """What is read again must equal what is found again, or a reissue would wait for ever."""
    found = buyer_diff(Buyer(address=LJUBLJANA), Buyer(tax_number="SI1"))
    for _, now, _ in CHANGES:
        found += diff(of_order(ORDER), of_order(now))
    assert differences_of(json_text(found)) == found
    assert [each.field for each in found if each not in of_items(found)] == [
        "tax_number", "billing_address",
    ]  # fmt: skip


TWO = TaxTotal(rate=D(22), tax=D("4.41"), base=D("20.00"))


@pytest.mark.parametrize("change", [
    lambda order: changed(order, taxes=(TWO,), total_tax=D("4.41"), total_with_tax=D("24.41"),
                          owed=D("24.41")),
    lambda order: changed(order, total_with_tax=D("24.41"), owed=D("24.41")),
])  # fmt: skip
def test_a_shop_that_rounds_anew_changes_the_document(change: Callable[[Order], Order]) -> None:
    plain = an_order()
    life = Life(plain, EAGER).tick().shop_says(change(plain))
    assert life.billed == D("24.41")
    assert len(life.invoices) == 2


def differ(before: Item, after: Item) -> bool:
    return bool(diff(of_order(of(before)), of_order(of(after))))


def test_a_net_price_derived_anew_from_the_same_gross_price_is_no_change() -> None:
    """Of 182.13 gross, 18 % off, Shopify's refund of one of two moved the net price by a cent."""
    of_two = an_item(price="158.410234", quantity=1, gross_price=D("182.13"), discount=D("28.51"),
                     total=D("129.90"))  # fmt: skip
    of_one = replace(of_two, price=D("158.421635"), discount=D("28.52"))
    assert not differ(of_two, of_one)
    yen = replace(of_two, price=D("170.625"), gross_price=D(195), discount=D(167), total=D(4))
    assert not differ(yen, replace(yen, price=D(195), discount=D(191)))
    assert differ(of_two, replace(of_one, gross_price=D("182.15")))
    assert differ(of_two, replace(of_one, total=D("128.90"), discount=D("29.52")))


def test_a_rate_derived_anew_from_what_is_left_of_a_line_is_no_change() -> None:
    """0.29 of 1.33 show 21.8 %, where 0.44 of 2.00 had shown 22 %."""

    def at(rate: str, tax: str = "0.29", *, derived: bool = True) -> Item:
        one = ItemTax(rate=D(rate), tax=D(tax), derived=derived)
        return an_item(price="1.33", quantity=1, taxes=(one,), total_with_tax=D("1.33") + D(tax))

    assert not differ(at("22"), at("21.8"))
    assert differ(at("22"), at("21.8", "0.28"))
    assert differ(at("22", derived=False), at("21.8"))
