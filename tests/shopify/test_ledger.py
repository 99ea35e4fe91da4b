"""Edited and refunded orders: present amounts and credits come from the sales ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from invoicing.cases import Life
from ordermill.model.order import ItemKind
from ordermill_shopify.raws import needs_details
from shopify.made import Node, bag, line, normalized, order, page_of, shipping, tax

D = Decimal
REFUND = "gid://shopify/Refund/41"
LINE, POST = "gid://shopify/LineItem/11", "gid://shopify/ShippingLine/21"


def sale(kind: str, total: str, taxed: str, quantity: int | None = 1, **of: Any) -> Node:
    """An entry of the ledger; ``total`` contains the tax."""
    taxes = [{"amount": bag(taxed), "taxLine": tax(taxed)}] if Decimal(taxed) else []
    return {"lineType": kind, "quantity": quantity, "totalAmount": bag(total),
            "totalTaxAmount": bag(taxed), "taxes": taxes, **of}  # fmt: skip


def of_line(number: int = 11) -> Node:
    return {"lineItem": {"id": f"gid://shopify/LineItem/{number}"}}


def agreement(*sales: Node, refund: str | None = None) -> Node:
    return {"sales": page_of(*sales), "refund": {"id": refund} if refund else None}


PLACED = agreement(
    sale("PRODUCT", "24.4", "4.4", 2, **of_line()),
    sale("SHIPPING", "6.1", "1.1", 1, shippingLine={"id": POST}),
)


def refunded(amount: str, **other: Any) -> Node:
    return {
        "id": "gid://shopify/Refund/41", "processedAt": "2026-11-21T09:00:00Z",
        "createdAt": "2026-11-21T09:00:00Z", "note": "broken", "totalRefundedSet": bag(amount),
        "refundLineItems": page_of(), "refundShippingLines": page_of(),
        "orderAdjustments": page_of(), "transactions": page_of(),
    } | other  # fmt: skip


def back(quantity: int = 1, subtotal: str = "10.0", taxed: str = "2.2") -> Node:
    return {"quantity": quantity, "lineItem": {"id": LINE}, "subtotalSet": bag(subtotal),
            "totalTaxSet": bag(taxed)}  # fmt: skip


def test_a_removed_unit_leaves_what_the_ledger_says_is_left() -> None:
    """Recorded: the line's tax lines keep the tax of the quantity that was ordered."""
    edit = agreement(sale("PRODUCT", "-12.2", "-2.2", -1, **of_line()))
    found = normalized(
        order(edited=True, agreements=page_of(PLACED, edit),
              lineItems=page_of(line(currentQuantity=1)),
              currentTotalPriceSet=bag("18.3"), currentTotalTaxSet=bag("3.3"))
    )  # fmt: skip
    cup, post = found.items
    assert (cup.quantity, cup.price, cup.total, cup.total_with_tax) == (1, 10, 10, D("12.2"))
    assert cup.taxes[0].tax == D("2.2")
    assert cup.total_with_tax + post.total_with_tax == found.total_with_tax


def test_a_line_gone_has_left_the_items() -> None:
    edit = agreement(sale("PRODUCT", "-24.4", "-4.4", -2, **of_line()))
    found = normalized(
        order(agreements=page_of(PLACED, edit), lineItems=page_of(line(currentQuantity=0)))
    )
    assert [item.kind for item in found.items] == [ItemKind.SHIPPING]


def test_free_shipping_stays_when_the_ledger_is_read() -> None:
    """Else the first refund of an amount would be a change of the items, too, and reissue it."""
    free = page_of(shipping(originalPriceSet=bag("0.0"), discountedPriceSet=bag("0.0"),
                            taxLines=[tax("0.0")]))  # fmt: skip
    goods = sale("PRODUCT", "24.4", "4.4", 2, **of_line())
    tip = sale("TIP", "3.0", "0.0", 1)
    for post in ((), (sale("SHIPPING", "0.0", "0.0", 1, shippingLine={"id": POST}),)):
        before = normalized(order(shippingLines=free))
        after = normalized(order(shippingLines=free, agreements=page_of(agreement(goods, *post))))
        assert after.items == before.items
        tipped = agreement(goods, *post, tip)
        kinds = [i.kind for i in normalized(order(shippingLines=free, agreements=page_of(tipped)))
                 .items]  # fmt: skip
        assert kinds == [ItemKind.LINE_ITEM, ItemKind.SHIPPING, ItemKind.FEE]


def test_shipping_that_was_given_back_has_left_the_items() -> None:
    back = agreement(sale("SHIPPING", "-6.1", "-1.1", -1, shippingLine={"id": POST}))
    found = normalized(order(agreements=page_of(PLACED, back)))
    assert [item.kind for item in found.items] == [ItemKind.LINE_ITEM]


def test_a_discount_added_by_an_edit_is_on_the_line() -> None:
    edit = agreement(sale("PRODUCT", "-2.44", "-0.44", 0, **of_line()))
    cup = normalized(order(agreements=page_of(PLACED, edit))).items[0]
    assert (cup.price, cup.quantity, cup.discount, cup.total) == (10, 2, 2, 18)


def test_a_rate_that_an_edit_replaced_no_longer_taxes_the_line() -> None:
    moved = sale("PRODUCT", "-0.6", "-0.6", 0, **of_line())
    moved["taxes"] = [
        {"amount": bag("-4.4"), "taxLine": tax("-4.4")},
        {"amount": bag("3.8"), "taxLine": tax("3.8", 0.19, "MwSt")},
    ]
    cup = normalized(order(agreements=page_of(PLACED, agreement(moved)))).items[0]
    assert [(each.rate, each.tax) for each in cup.taxes] == [(19, D("3.8"))]
    assert (cup.total, cup.tax_rate) == (20, 19)


def test_a_rate_stays_whose_tax_on_what_is_left_is_less_than_a_cent() -> None:
    placed = agreement(sale("PRODUCT", "0.11", "0.01", 5, **of_line()))
    edit = agreement(sale("PRODUCT", "-0.09", "-0.01", -4, **of_line()))
    cups = line(currentQuantity=1, originalUnitPriceSet=bag("0.02"))
    (cup,) = normalized(order(agreements=page_of(placed, edit), lineItems=page_of(cups))).items
    assert (cup.total, cup.total_with_tax, cup.tax_rate) == (D("0.02"), D("0.02"), 22)


def test_a_refund_credits_the_lines_of_its_agreement() -> None:
    ref = "gid://shopify/Refund/41"
    credit = agreement(sale("PRODUCT", "-12.2", "-2.2", -1, **of_line()), refund=ref)
    (refund,) = normalized(
        order(refunds=[refunded("12.2", refundLineItems=page_of(back()))],
              agreements=page_of(PLACED, credit), lineItems=page_of(line(currentQuantity=1)))
    ).refunds  # fmt: skip
    assert (refund.source_id, refund.amount, refund.total_tax) == ("41", D("12.2"), D("2.2"))
    (item,) = refund.items
    assert (item.source_id, item.quantity, item.total) == ("11", 1, 10)
    assert item.tax_rate == 22


@pytest.mark.parametrize(("subtotal", "included"), [("10.0", False), ("12.2", True)])
def test_a_refund_without_a_ledger_is_read_from_its_own_amounts(
    subtotal: str, included: bool
) -> None:
    (refund,) = normalized(
        order(refunds=[refunded("12.2", refundLineItems=page_of(back(subtotal=subtotal)))],
              taxesIncluded=not included)
    ).refunds  # fmt: skip
    assert (refund.amount, refund.total_tax, refund.items[0].total) == (D("12.2"), D("2.2"), 10)


def test_a_refund_of_an_amount_only_has_no_lines_and_no_tax_of_its_own() -> None:
    (refund,) = normalized(order(refunds=[refunded("5.0")], agreements=page_of(PLACED))).refunds
    assert (refund.amount, refund.items, refund.total_tax) == (5, (), None)


def test_a_refund_that_pays_less_than_its_lines_claims_no_tax() -> None:
    (refund,) = normalized(
        order(refunds=[refunded("8.0", refundLineItems=page_of(back()))])
    ).refunds
    assert refund.amount == 8
    assert refund.total_tax is None


def test_a_pending_refund_waits_with_its_amount() -> None:
    waiting = page_of(under_way("12.2"))
    (refund,) = normalized(order(refunds=[refunded("0.0", transactions=waiting)])).refunds
    assert (refund.pending, refund.amount) == (True, D("12.2"))


def under_way(amount: str) -> Node:
    return {"kind": "REFUND", "status": "PENDING", "amountSet": bag(amount)}


def test_a_refund_of_which_only_a_part_is_through_waits_for_the_rest() -> None:
    """Paid back to a card and to a bank: its credit note is written once, over the whole."""
    parts = {"refundLineItems": page_of(back()), "transactions": page_of(under_way("4.2"))}
    (refund,) = normalized(order(refunds=[refunded("8.0", **parts)])).refunds
    assert (refund.pending, refund.amount, refund.total_tax) == (True, D("12.2"), D("2.2"))


def test_what_is_through_of_a_refund_does_not_wait_for_a_transaction_that_repeats_it() -> None:
    parts = {"refundLineItems": page_of(back()), "transactions": page_of(under_way("12.2"))}
    (refund,) = normalized(order(refunds=[refunded("12.2", **parts)])).refunds
    assert (refund.pending, refund.amount, refund.total_tax) == (False, D("12.2"), D("2.2"))


def test_a_goodwill_refund_becomes_an_adjustment_of_what_is_owed() -> None:
    goodwill = agreement(sale("ADJUSTMENT", "-5.0", "0.0", None), refund="gid://shopify/Refund/41")
    found = normalized(
        order(refunds=[refunded("5.0")], agreements=page_of(PLACED, goodwill),
              currentTotalPriceSet=bag("25.5"))
    )  # fmt: skip
    last = found.items[-1]
    assert (last.kind, last.total_with_tax, last.quantity) == (ItemKind.ADJUSTMENT, -5, 1)
    assert sum(item.total_with_tax for item in found.items) == found.total_with_tax


def test_what_a_refund_keeps_back_of_a_line_is_no_discount() -> None:
    """Else the order's own adjustment would differ from the credited one, and be reissued."""
    credit = agreement(
        sale("PRODUCT", "-12.2", "-2.2", -1, **of_line()), sale("ADJUSTMENT", "4.2", "0.0", None),
        refund="gid://shopify/Refund/41",
    )  # fmt: skip
    found = normalized(
        order(refunds=[refunded("8.0", refundLineItems=page_of(back()))],
              agreements=page_of(PLACED, credit), lineItems=page_of(line(currentQuantity=1)),
              currentTotalPriceSet=bag("22.5"), currentTotalTaxSet=bag("3.3"))
    )  # fmt: skip
    kept, given = found.items[-1], found.refunds[0].items[-1]
    assert (kept.price, kept.discount, kept.total) == (D("4.2"), 0, D("4.2"))
    assert (given.price, given.discount, given.total) == (D("-4.2"), 0, D("-4.2"))


@pytest.mark.parametrize("included", [False, True])
def test_shipping_at_a_discount_is_the_same_with_the_ledger_as_without(included: bool) -> None:
    """Else the first refund would look like a change of the shipping's price, and reissue it."""
    half = page_of(shipping(originalPriceSet=bag("10.0"), discountedPriceSet=bag("5.0"),
                            taxLines=[tax("0.9" if included else "1.1")]))  # fmt: skip
    gross = "5.0" if included else "6.1"
    post = sale("SHIPPING", gross, "0.9" if included else "1.1", 1, shippingLine={"id": POST})
    cups = sale("PRODUCT", "20.0" if included else "24.4", "3.61" if included else "4.4", 2,
                **of_line())  # fmt: skip
    lines = page_of(line(taxLines=[tax("3.61" if included else "4.4")]))
    plain = order(shippingLines=half, lineItems=lines, taxesIncluded=included)
    booked = plain | {"agreements": page_of(agreement(cups, post))}
    assert normalized(booked).items == normalized(plain).items


def test_a_free_line_that_comes_back_with_a_paid_one_is_credited_with_it() -> None:
    """Else the order would lack a line that is still billed, and be reissued."""
    gift = line(12, name="Gift", quantity=1, currentQuantity=1, taxLines=[], sku="GIFT",
                originalTotalSet=bag("10.0"), discountAllocations=[
                    {"allocatedAmountSet": bag("10.0")}])  # fmt: skip
    given = sale("PRODUCT", "0.0", "0.0", 1, **of_line(12))
    placed = agreement(*PLACED["sales"]["nodes"], given)
    returned = [line(currentQuantity=1), gift | {"currentQuantity": 0}]
    credit = agreement(
        sale("PRODUCT", "-12.2", "-2.2", -1, **of_line()),
        sale("PRODUCT", "0.0", "0.0", -1, **of_line(12)), refund=REFUND,
    )  # fmt: skip
    lines = page_of(back(), {"quantity": 1, "lineItem": {"id": "gid://shopify/LineItem/12"},
                             "subtotalSet": bag("0.0"), "totalTaxSet": bag("0.0")})  # fmt: skip
    for ledger in (page_of(placed, credit), page_of(placed, agreement(*credit["sales"]["nodes"]))):
        life = Life(normalized(order(lineItems=page_of(line(), gift), agreements=page_of(placed))),
                    source="shopify").tick()  # fmt: skip
        life.shop_says(
            normalized(
                order(refunds=[refunded("12.2", refundLineItems=lines)], agreements=ledger,
                      lineItems=page_of(*returned), currentTotalPriceSet=bag("18.3"),
                      currentTotalTaxSet=bag("3.3"), currentTaxLines=[tax("3.3")])
            )
        )  # fmt: skip
        assert [str(each.kind) for each in life.case.documents] == ["invoice", "credit_note"]
        assert life.case.changes == ()


def test_part_of_a_price_goes_back_without_a_piece_and_nothing_is_reissued() -> None:
    given = agreement(sale("PRODUCT", "-2.44", "-0.44", 0, **of_line()), refund=REFUND)
    after = order(agreements=page_of(PLACED, given), refunds=[refunded("2.44")],
                  currentTotalPriceSet=bag("28.06"), currentTotalTaxSet=bag("5.06"),
                  currentTaxLines=[tax("5.06")])  # fmt: skip
    (item,) = normalized(after).refunds[0].items
    assert (item.quantity, item.price, item.discount, item.total) == (0, 2, 0, 2)
    life = Life(normalized(order(agreements=page_of(PLACED))), source="shopify").tick()
    life.shop_says(normalized(after))
    assert [str(each.kind) for each in life.case.documents] == ["invoice", "credit_note"]
    assert (life.billed, life.billed_tax) == (D("28.06"), D("5.06"))


def test_a_return_fee_has_one_name_in_the_order_and_in_the_refund_and_nothing_is_reissued() -> None:
    credit = agreement(
        sale("PRODUCT", "-12.2", "-2.2", -1, **of_line()), sale("FEE", "3.0", "0.0", 1),
        refund=REFUND,
    )  # fmt: skip
    after = order(agreements=page_of(PLACED, credit), lineItems=page_of(line(currentQuantity=1)),
                  refunds=[refunded("9.2", refundLineItems=page_of(back()))],
                  currentTotalPriceSet=bag("21.3"), currentTotalTaxSet=bag("3.3"),
                  currentTaxLines=[tax("3.3")])  # fmt: skip
    life = Life(normalized(order()), source="shopify").tick()
    life.shop_says(normalized(after))
    assert [str(each.kind) for each in life.case.documents] == ["invoice", "credit_note"]
    assert life.billed == D("21.3")


@pytest.mark.parametrize("title", ["Post", ""])
def test_shipping_without_an_id_is_the_same_with_the_ledger_as_without(title: str) -> None:
    """Else the first refund of the order would reissue it."""
    ships = page_of(shipping(id=None, title=title, originalPriceSet=bag("8.0")))
    placed = agreement(PLACED["sales"]["nodes"][0], sale("SHIPPING", "6.1", "1.1", 1))
    plain = order(shippingLines=ships)
    assert normalized(plain | {"agreements": page_of(placed)}).items == normalized(plain).items
    given = agreement(sale("SHIPPING", "-6.1", "-1.1", -1), refund=REFUND)
    own = {"shippingLine": {"id": None}, "subtotalAmountSet": bag("5"), "taxAmountSet": bag("1.1")}
    after = order(shippingLines=ships, agreements=page_of(placed, given),
                  refunds=[refunded("6.1", refundShippingLines=page_of(own))],
                  currentTotalPriceSet=bag("24.4"), currentTotalTaxSet=bag("4.4"),
                  currentTaxLines=[tax("4.4")])  # fmt: skip
    life = Life(normalized(plain), source="shopify").tick()
    life.shop_says(normalized(after))
    assert [str(each.kind) for each in life.case.documents] == ["invoice", "credit_note"]
    assert life.case.changes == ()
    by_itself = normalized(after | {"agreements": page_of(placed)}).refunds[0].items
    assert [(item.name, item.source_id) for item in by_itself] == [(title or "Shipping", None)]


def test_a_tip_counts_once_as_a_fee() -> None:
    tip = line(12, name="Tip", sku=None, quantity=1, currentQuantity=1, taxLines=[],
               originalUnitPriceSet=bag("3.0"), originalTotalSet=bag("3.0"))  # fmt: skip
    placed = agreement(*PLACED["sales"]["nodes"], sale("TIP", "3.0", "0.0", 1, **of_line(12)))
    node = order(lineItems=page_of(line(), tip), agreements=page_of(placed),
                 totalTipReceivedSet=bag("3.0"), currentTotalPriceSet=bag("33.5"))  # fmt: skip
    assert needs_details(node)
    found = normalized(node)
    assert [(item.kind, item.name) for item in found.items if item.total == 3] == [
        (ItemKind.FEE, "Tip")
    ]
    assert sum(item.total_with_tax for item in found.items) == found.total_with_tax


def test_a_gift_card_sold_is_an_untaxed_line_and_one_redeemed_a_payment() -> None:
    card = line(12, isGiftCard=True, name="Gift card", taxLines=[], quantity=1, currentQuantity=1,
                originalUnitPriceSet=bag("50.0"), originalTotalSet=bag("50.0"))  # fmt: skip
    item = normalized(order(lineItems=page_of(card))).items[0]
    assert (item.kind, item.tax_rate, item.total_with_tax) == (ItemKind.LINE_ITEM, 0, 50)


def test_duties_and_fees_are_items_of_the_ledger() -> None:
    placed = agreement(
        *PLACED["sales"]["nodes"],
        sale("DUTY", "4.0", "0.0", 1, duty={"id": "gid://shopify/Duty/51"}),
        sale("ADDITIONAL_FEE", "1.22", "0.22", 1,
             additionalFee={"id": "gid://shopify/SaleAdditionalFee/61"}),
    )  # fmt: skip
    fee = {"id": "gid://shopify/AdditionalFee/61", "name": "Recycling", "price": bag("1.0"),
           "taxLines": []}  # fmt: skip
    node = order(agreements=page_of(placed), additionalFees=[fee],
                 currentTotalDutiesSet=bag("4.0"))  # fmt: skip
    fees = [item for item in normalized(node).items if item.kind is ItemKind.FEE]
    assert [(item.name, item.total_with_tax) for item in fees] == [
        ("Duties", D("4")), ("Recycling", D("1.22")),
    ]  # fmt: skip
    assert needs_details(node)


@pytest.mark.parametrize(
    "other",
    [
        {"edited": True},
        {"refunds": [{"id": "gid://shopify/Refund/41"}]},
        {"returnStatus": "RETURNED"},
        {"lineItems": page_of(line(currentQuantity=1))},
        {"lineItems": page_of(line(), end="more")},
        {"shippingLines": page_of(shipping(), end="more")},
        {"currentTotalPriceSet": bag("29.0")},
        {"totalTipReceivedSet": bag("1.0")},
    ],
)
def test_what_no_page_shows_exactly_is_read_with_its_ledger(other: Node) -> None:
    assert not needs_details(order())
    assert needs_details(order(**other))
