"""The arithmetic of documents: golden vectors, every gross price, splitting, minor units."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from ordermill.model import content as contents
from ordermill.model.arithmetic import arithmetic, most_rounding
from ordermill.model.content import minus, mismatch, of_order, of_refund
from ordermill.model.document import Content
from ordermill.model.lines import split
from ordermill.model.order import Item, ItemKind, ItemTax, Order, TaxTotal
from orders import a_refund, an_order

D = Decimal
CENT = D("0.01")


def line(net: str, *taxes: tuple[str, str], quantity: str = "1", **other: Any) -> Item:
    """A line of so much net, with (rate, tax) each."""
    kept = tuple(ItemTax(rate=D(rate), tax=D(tax)) for rate, tax in taxes)
    total, tax = D(net), sum((each.tax for each in kept), D(0))
    values: dict[str, Any] = {
        "name": "Thing", "sku": None, "source_id": None, "kind": ItemKind.LINE_ITEM,
        "quantity": D(quantity), "price": total / D(quantity), "gross_price": None,
        "discount": D(0), "total": total, "total_with_tax": total + tax,
        "tax_rate": sum((each.rate or D(0) for each in kept), D(0)), "taxes": kept,
    }  # fmt: skip
    return Item(**(values | other))


def order(
    total: str, *items: Item, taxes: Sequence[tuple[str, str]] = (), code: str = "EUR"
) -> Order:
    """The platform's total over these lines, with its tax per rate where it names that."""
    groups = tuple(TaxTotal(rate=D(rate), tax=D(tax)) for rate, tax in taxes)
    of_lines = sum((item.total_with_tax - item.total for item in items), D(0))
    tax = sum((each.tax for each in groups), D(0)) if groups else of_lines
    return an_order(
        items=items, taxes=groups, currency_code=code, total_with_tax=D(total), owed=D(total),
        total_tax=tax, total=D(total) - tax, owed_tax=tax,
    )  # fmt: skip


def proved(content: Content) -> Content:
    assert list(arithmetic(content, most_rounding(content))) == []
    return content


# Golden vectors: figures of real shops that a naive engine gets wrong.


def test_tax_rounded_at_the_subtotal_is_the_orders_not_the_lines() -> None:
    """WooCommerce, 12 %: 4.2852 and 0.3756 are 4.29 + 0.38 = 4.67 by line, 4.66 in all."""
    lines = line("35.71", ("12", "4.29")), line("3.13", ("12", "0.38"), kind=ItemKind.SHIPPING)
    said = proved(of_order(order("43.50", *lines, taxes=[("12", "4.66")])))
    assert (said.total, said.total_tax, said.total_with_tax) == (D("38.84"), D("4.66"), D("43.50"))
    assert said.rounding == 0
    rest = proved(of_order(order("43.50", *lines)))
    assert (rest.total_tax, rest.rounding) == (D("4.67"), D("-0.01"))


def test_five_cheap_lines_have_another_tax_than_their_order() -> None:
    """WooCommerce, 20 % included: line taxes add up to 2.67, the order's tax is 2.69."""
    taxes = ("0.50", "0.52", "0.55", "0.56", "0.54")
    lines = [line("2.68", ("20", tax)) for tax in taxes]
    content = proved(of_order(order("16.09", *lines, taxes=[("20", "2.69")])))
    assert (content.total, content.total_tax, content.rounding) == (D("13.40"), D("2.69"), D(0))
    assert [item.total_with_tax - item.total for item in content.items] == [D(t) for t in taxes]


def test_a_total_rounded_once_keeps_its_cent_beside_the_lines() -> None:
    """WooCommerce, 21 %: 247.314 + 26.0337 = 273.3477 is 273.35; rounded apart it is 273.34."""
    lines = line("247.31", ("21", "0.00")), line("26.03", ("21", "0.00"))
    content = proved(of_order(order("273.35", *lines)))
    assert (content.total, content.total_with_tax) == (D("273.34"), D("273.35"))
    assert content.rounding == D("0.01")


def test_an_unrounded_tax_beside_a_rounded_one_is_rounded_once() -> None:
    """WooCommerce 7.9, 681.88 less 7 % at 20 %: 126.82968 of tax."""
    item = line("634.148400", ("20", "126.829680"), price=D("681.88"), discount=D("47.731600"))
    content = proved(of_order(order("760.98", item)))
    assert (content.total, content.total_tax) == (D("634.15"), D("126.83"))
    assert content.total_discount == D("47.73")
    assert content.rounding == 0


def test_a_removed_piece_takes_its_share_of_the_discount_with_it() -> None:
    """Shopify, 2 x 48.00 less 20 %, one removed: 38.40, never 28.80 with the whole discount."""
    two = line("76.80", quantity="2", price=D("48.00"), discount=D("19.20"), source_id="1")
    one = line("38.40", price=D("48.00"), discount=D("9.60"), source_id="1")
    left = proved(minus(of_order(order("76.80", two)), of_order(order("38.40", one))))
    (kept,) = left.items
    assert (kept.quantity, kept.price, kept.discount, kept.total) == (1, 48, D("9.60"), D("38.40"))
    assert left.total_with_tax == D("38.40")


def test_a_rest_without_a_discount_says_so_without_a_sign() -> None:
    screws = line("3.46", quantity="57", price=D("0.060702"), source_id="1")
    left = minus(
        of_order(order("3.46", screws)), of_order(order("0.06", line("0.06", source_id="1")))
    )
    assert str(left.items[0].discount) == "0.00"


def test_a_refund_takes_back_net_and_tax() -> None:
    whole = of_order(order("24.40", line("20.00", ("22", "4.40"), quantity="2", source_id="1")))
    refund = a_refund(amount="12.20", items=(line("10.00", ("22", "2.20"), source_id="1"),))
    note = proved(of_refund(refund, whole))
    assert (note.total, note.total_tax, note.total_with_tax) == (D("10.00"), D("2.20"), D("12.20"))
    left = proved(minus(whole, note))
    assert (left.total, left.total_tax, left.total_with_tax) == (D("10.00"), D("2.20"), D("12.20"))


def test_a_tax_that_rounds_to_nothing_gives_back_its_base_all_the_same() -> None:
    """WooCommerce leaves it out: 0.30 of fifty stickers at 7.25 and 1.25 % has no county tax."""
    stickers = line("15.00", ("7.25", "1.09"), ("1.25", "0.19"), quantity="50", source_id="1")
    whole = of_order(order("16.28", stickers, taxes=[("7.25", "1.09"), ("1.25", "0.19")]))
    refund = a_refund(amount="0.32", items=(line("0.30", ("7.25", "0.02"), source_id="1"),))
    note = proved(of_refund(refund, whole))
    assert [(tax.rate, tax.base, tax.tax) for tax in note.taxes] == [
        (D("7.25"), D("0.30"), D("0.02")), (D("1.25"), D("0.30"), D(0)),
    ]  # fmt: skip
    left = minus(whole, note)
    assert {tax.base for tax in left.taxes} == {D("14.70")}


def test_a_discount_is_taken_off_before_tax() -> None:
    item = line("80.00", ("10", "8.00"), price=D("100.00"), discount=D("20.00"))
    content = proved(of_order(order("88.00", item)))
    assert (content.total, content.total_discount, content.total_with_tax) == (80, 20, 88)


def test_tax_out_of_a_gross_price_is_what_the_shop_says_not_net_times_rate() -> None:
    """Ten times 0.99 at 22 %: 8.10 and 1.80; 22 % of 8.10 would be 1.78."""
    item = line("8.10", ("22", "1.80"), quantity="10", gross_price=D("0.99"))
    content = proved(of_order(order("9.90", item)))
    assert (content.total, content.total_tax, content.total_with_tax) == (
        D("8.10"), D("1.80"), D("9.90"),
    )  # fmt: skip


RATES = ("5", "7", "9.5", "19", "20", "21", "22", "25", "27")


@pytest.mark.parametrize("rate", RATES)
def test_every_gross_price_up_to_999_99_is_invoiced_to_the_cent(rate: str) -> None:
    """Up to a fifth of them cannot be written as net plus rounded tax on it."""
    percent, whole, some = D(rate), 100 + D(rate), line("1.00", (rate, "0.22"))
    tax_of = [
        (D(gross) * percent / whole).quantize(D(1), ROUND_HALF_UP) for gross in range(100_000)
    ]
    for first in range(0, 100_000, 1_000):
        items, gross = [], D(0)
        for cents in range(max(first, 1), first + 1_000):
            tax = tax_of[cents].scaleb(-2)
            paid = D(cents).scaleb(-2)
            taxes = (ItemTax(rate=percent, tax=tax),)
            items.append(replace(some, total=paid - tax, total_with_tax=paid, taxes=taxes))
            gross += paid
        content = of_order(an_order(items=tuple(items), taxes=(), total_with_tax=gross))
        assert content.total_with_tax == content.total + content.total_tax == gross
        assert [item.total_with_tax for item in content.items] == [i.total_with_tax for i in items]


# Several rates, compound ones, rates that were derived


def test_several_rates_on_a_line_are_a_group_each() -> None:
    item = line("49.16", ("5", "2.46"), ("9.975", "5.15"))
    content = proved(of_order(order("66.77", item, line("10.00"))))
    assert [(tax.rate, tax.base, tax.tax) for tax in content.taxes] == [
        (5, D("49.16"), D("2.46")), (D("9.975"), D("49.16"), D("5.15")),
    ]  # fmt: skip


@pytest.mark.parametrize("named", [True, False])
def test_two_taxes_that_are_alike_stay_two_until_both_are_gone(named: bool) -> None:
    """India's halves, or two rates of a shop under the same name."""
    halves, whole = line("100.00", ("9", "9.00"), ("9", "9.00")), line("50.00", ("9", "4.50"))
    group = TaxTotal(rate=D(9), tax=D("13.50"), base=D("150.00"))
    other = replace(group, tax=D("9.00"), base=D("100.00"))
    made = order("172.50", halves, whole)
    content = proved(of_order(replace(made, taxes=(group, other)) if named else made))
    assert content.taxes == (group, other)
    assert contents.is_nothing(minus(content, content))
    refund = of_refund(a_refund(amount="118.00", items=(halves,)), content)
    assert [(tax.base, tax.tax) for tax in proved(refund).taxes] == [(100, 9), (100, 9)]
    assert [(tax.base, tax.tax) for tax in proved(minus(content, refund)).taxes] == [
        (D("50.00"), D("4.50"))
    ]


def test_a_compound_tax_is_a_group_of_its_own_with_the_platforms_base() -> None:
    gst = TaxTotal(rate=D(5), tax=D("5.00"), base=D("100.00"), name="GST")
    qst = TaxTotal(rate=D("9.975"), tax=D("10.47"), base=D("105.00"), name="QST", compound=True)
    item = replace(line("100.00"), taxes=(
        ItemTax(rate=D(5), tax=D("5.00"), name="GST"),
        ItemTax(rate=D("9.975"), tax=D("10.47"), name="QST", compound=True),
    ), total_with_tax=D("115.47"))  # fmt: skip
    plain = order("115.47", item)
    content = proved(of_order(replace(plain, taxes=(gst, qst), total_tax=D("15.47"))))
    assert content.taxes == (gst, qst)


def test_a_derived_rate_stays_marked() -> None:
    item = replace(line("10.00"), taxes=(ItemTax(rate=D("21.98"), tax=D("2.20"), derived=True),),
                   total_with_tax=D("12.20"))  # fmt: skip
    (group,) = of_order(order("12.20", item)).taxes
    assert (group.rate, group.derived) == (D("21.98"), True)


def test_the_platforms_tax_per_rate_counts_where_it_adds_up_else_the_lines() -> None:
    item = line("10.00", ("22", "2.20"))
    agrees = order("12.21", item, taxes=[("22", "2.21")])
    assert of_order(agrees).total_tax == D("2.21")
    assert of_order(replace(agrees, total_tax=D("2.25"))).total_tax == D("2.20")


# What is negative, free, or no goods at all


def test_a_negative_fee_stays_a_negative_fee() -> None:
    fee = line("-3.00", ("22", "-0.66"), kind=ItemKind.FEE)
    content = proved(of_order(order("8.54", line("10.00", ("22", "2.20")), fee)))
    assert [item.kind for item in content.items] == ["line_item", "fee"]
    assert (content.total, content.total_discount, content.total_tax) == (7, 0, D("1.54"))


def test_a_line_discounted_whole_stays_at_nothing() -> None:
    free = line("0.00", ("22", "0.00"), quantity="3", price=D("4.00"), discount=D("12.00"))
    content = proved(of_order(order("0.00", free)))
    assert [(item.quantity, item.total) for item in content.items] == [(3, 0)]
    assert not contents.is_nothing(content)


# Minor units


@pytest.mark.parametrize(("code", "total", "net", "tax"), [
    ("JPY", "1098", "1000", "98"),
    ("KWD", "12.198", "9.999", "2.199"),
    ("EUR", "12.20", "10.00", "2.20"),
])  # fmt: skip
def test_amounts_have_the_minor_units_of_their_currency(
    code: str, total: str, net: str, tax: str
) -> None:
    content = proved(of_order(order(total, line(net, ("9.8", tax)), code=code)))
    assert (str(content.total), str(content.total_tax)) == (net, tax)


def test_what_a_shop_counts_beyond_the_minor_unit_is_rounding() -> None:
    """Six decimals in euro: each figure to the cent, what is over stands beside them."""
    items = [line("1.234500", ("22", "0.271590")) for _ in range(3)]
    content = proved(of_order(order("4.518270", *items)))
    assert [str(item.total) for item in content.items] == ["1.23", "1.23", "1.23"]
    assert (str(content.total_tax), str(content.total_with_tax)) == ("0.81", "4.52")
    assert content.rounding == D("0.02")


def test_the_taxes_of_several_rates_add_up_to_the_platforms_whatever_it_counts() -> None:
    taxes = [("5", "10.0049"), ("7", "10.0049"), ("9", "10.0049")]
    content = of_order(order("130.0147", line("100.0000"), taxes=taxes))
    assert content.total_tax == D("30.01")
    assert sorted(tax.tax for tax in content.taxes) == [D("10.00"), D("10.00"), D("10.01")]


def test_a_yen_order_with_decimals_is_in_whole_yen() -> None:
    """A currency plug-in in a shop of two decimals (recorded): JPY 89.77."""
    content = proved(of_order(order("89.77", line("73.58", ("22", "16.19")), code="JPY")))
    assert (content.total, content.total_tax, content.total_with_tax) == (74, 16, 90)


@pytest.mark.parametrize(("off", "held"), [
    ("0.00", False), ("0.03", False), ("-0.03", False), ("0.04", True), ("-0.04", True),
])  # fmt: skip
def test_lines_and_taxes_may_be_a_cent_a_line_from_the_total(off: str, held: bool) -> None:
    items = [line("10.00", ("22", "2.20")) for _ in range(3)]
    said = mismatch(order(str(D("36.60") + D(off)), *items))
    assert said == (D(off) if held else None)


def test_more_than_a_cent_a_line_is_held_also_where_only_rounding_makes_it() -> None:
    """0.0099 off is within a cent, but in whole cents it is 0.02 beside one line."""
    item = line("10.0049", ("10", "1.0149"))
    assert mismatch(order("11.0198", item)) is None
    assert mismatch(order("11.0297", item)) == D("0.02")


# Splitting and taking back


def test_an_amount_is_split_over_the_rates_by_their_gross() -> None:
    goods = [line("100.00", ("22", "22.00")), line("50.00", ("9.5", "4.75")), line("20.00")]
    parts = split(D("30.00"), goods, "Refund", "EUR")
    assert [(str(part.total_with_tax), str(part.total)) for part in parts] == [
        ("18.60", "15.25"), ("8.35", "7.63"), ("3.05", "3.05"),
    ]  # fmt: skip
    assert all(part.kind is ItemKind.ADJUSTMENT and part.source_id is None for part in parts)
    assert sum(part.total_with_tax for part in parts) == D("30.00")


def test_a_single_cent_goes_to_the_largest_share() -> None:
    goods = [line("1.00", ("22", "0.22")), line("50.00", ("9.5", "4.75"))]
    (part,) = split(CENT, goods, "Refund", "EUR")
    assert (part.total_with_tax, part.tax_rate) == (CENT, D("9.5"))


def test_lines_that_add_up_to_less_than_the_refund_are_joined_by_an_adjustment() -> None:
    whole = of_order(order("146.40", line("120.00", ("22", "26.40"), quantity="12", source_id="1")))
    refund = a_refund(amount="36.60", items=(line("10.00", ("22", "2.20"), source_id="1"),))
    note = proved(of_refund(refund, whole))
    assert [(item.kind, str(item.total_with_tax)) for item in note.items] == [
        ("line_item", "12.20"), ("adjustment", "24.40"),
    ]  # fmt: skip
    assert (note.total_with_tax, note.total_tax) == (D("36.60"), D("6.60"))


def test_lines_that_add_up_to_more_leave_a_negative_adjustment() -> None:
    whole = of_order(order("24.40", line("20.00", ("22", "4.40"), quantity="2", source_id="1")))
    refund = a_refund(amount="10.00", items=(line("10.00", ("22", "2.20"), source_id="1"),))
    note = proved(of_refund(refund, whole))
    assert [str(item.total_with_tax) for item in note.items] == ["12.20", "-2.20"]
    assert note.total_with_tax == D("10.00")


@pytest.mark.parametrize("amount", ["24.40", "24.41", "99.00"])
def test_a_refund_of_all_or_more_takes_exactly_all(amount: str) -> None:
    whole = of_order(order("24.40", line("20.00", ("22", "4.40"))))
    assert of_refund(a_refund(amount=amount), whole) == whole


def test_a_refund_without_the_name_of_its_rate_is_credited_at_the_lines() -> None:
    whole = of_order(order("24.40", line("20.00", ("22", "4.40"), quantity="2", source_id="1")))
    derived = replace(line("3.00", source_id="1"), total_with_tax=D("3.66"), taxes=(
        ItemTax(rate=D("21.99"), tax=D("0.66"), derived=True),))  # fmt: skip
    note = proved(of_refund(a_refund(amount="3.66", items=(derived,)), whole))
    assert [(tax.rate, tax.base, tax.tax) for tax in note.taxes] == [(22, D("3.00"), D("0.66"))]
    assert minus(whole, note).taxes[0].tax == D("3.74")


@pytest.mark.parametrize("free_first", [False, True])
def test_of_two_lines_of_one_name_the_free_one_is_taken_from_itself(free_first: bool) -> None:
    lines = line("30.00", ("22", "6.60"), quantity="3"), line("0.00", ("22", "0.00"), quantity="3")
    content = of_order(order("36.60", *lines))
    taken = of_order(order("36.60", *(reversed(lines) if free_first else lines)))
    assert contents.is_nothing(minus(content, taken))


def test_many_small_refunds_end_at_exactly_nothing() -> None:
    left = of_order(order("17.33", line("14.20", ("22", "3.13"))))
    for _ in range(20):
        note = of_refund(a_refund(amount="0.87"), left)
        left = minus(left, note)
        proved(note)
    assert contents.is_nothing(left)


def test_two_adjustments_at_the_same_rates_are_one_amount() -> None:
    whole = of_order(order("24.40", line("20.00", ("22", "4.40"))))
    left = whole
    for amount in ("5.00", "3.00"):
        left = minus(left, of_refund(a_refund(amount=amount), left))
    assert [str(item.total_with_tax) for item in left.items] == ["24.40", "-8.00"]
