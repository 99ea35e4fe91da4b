"""What the Admin API shows of an order after edits, refunds, payments: recorded or documented."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ordermill.simulator.catalogue import COUPONS, GIFT_CARD, PLACES
from ordermill.simulator.drafts import (
    AddItem,
    ApplyCoupon,
    Coupon,
    NewCharge,
    NewShipping,
    SetQuantity,
)
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.orders import Order
from ordermill.simulator.parts import Rate
from ordermill.simulator.shopify.order import OrderNode
from simulator.books import BOOK, CUP, ZERO, D, a_ledger, placed

HST = (("", (Rate(1, "CA-ON-HST-1", "HST", D(13)),)),)
HAT = replace(CUP, sku="HAT", name="Hat", unit_price=D(50))


def node(ledger: Ledger, order: Order) -> OrderNode:
    found = ledger.order(order.id)
    assert found is not None
    return OrderNode(found)


def amount(bag: Any) -> Decimal:
    return Decimal(bag["presentmentMoney"]["amount"])


def amounts(shown: Any, *names: str) -> list[Decimal]:
    return [amount(shown[f"{name}Set"]) for name in names]


def sales_of(shown: Any) -> list[tuple[str, str, Any, Decimal, Decimal]]:
    return [
        (agreement["reason"], sale["lineType"], sale["quantity"],
         amount(sale["totalAmount"]), amount(sale["totalTaxAmount"]))
        for agreement in shown["agreements"] for sale in agreement["sales"]
    ]  # fmt: skip


# Edits


@pytest.fixture
def shortened() -> tuple[Ledger, Order]:
    """The recorded case: of three hats at 50 two are removed; one more stands beside them; 13 %."""
    ledger = a_ledger(included=False)
    hats = replace(HAT, quantity=D(3)), replace(HAT, quantity=D(1))
    order = placed(ledger, *hats, rates=HST, shipping=())
    ledger.clock.sleep(60)
    ledger.edit(order.id, SetQuantity(order.lines[0].id, D(1)))
    return ledger, order


def test_a_removed_unit_leaves_the_totals_and_lowers_the_current_ones(
    shortened: tuple[Ledger, Order],
) -> None:
    shown = node(*shortened)
    assert amounts(shown, "subtotalPrice", "totalTax", "totalPrice") == [200, 26, 226]
    assert amounts(shown, "currentSubtotalPrice", "currentTotalTax", "currentTotalPrice") == [
        100, 13, 113,
    ]  # fmt: skip
    assert amounts(shown, "originalTotalPrice") == [226]


def test_the_lines_tax_stays_that_of_the_original_quantity(
    shortened: tuple[Ledger, Order],
) -> None:
    shown = node(*shortened)
    line = shown["lineItems"][0]
    assert (line["quantity"], line["currentQuantity"], line["nonFulfillableQuantity"]) == (3, 1, 2)
    assert amount(line["taxLines"][0]["priceSet"]) == D("19.5")
    assert sum(amount(tax["priceSet"]) for tax in shown["taxLines"]) == 26
    assert sum(amount(tax["priceSet"]) for tax in shown["currentTaxLines"]) == 13
    assert amount(line["priceAfterAllDiscountsBeforeTaxesSet"]) == 50


def test_an_edit_flips_edited_moves_the_time_and_is_an_agreement(
    shortened: tuple[Ledger, Order],
) -> None:
    ledger, order = shortened
    before, shown = OrderNode(order), node(ledger, order)
    assert (before["edited"], shown["edited"]) == (False, True)
    assert before["updatedAt"] < shown["updatedAt"]
    assert sales_of(shown) == [
        ("ORDER", "PRODUCT", 3, D("169.5"), D("19.5")),
        ("ORDER", "PRODUCT", 1, D("56.5"), D("6.5")),
        ("ORDER_EDIT", "PRODUCT", -2, D("-113"), D("-13")),
    ]


def test_a_discount_given_in_an_edit_lowers_even_the_total_but_not_the_original() -> None:
    ledger = a_ledger(included=False)
    order = placed(ledger, replace(HAT, quantity=D(2)), rates=(), shipping=())
    ledger.edit(order.id, ApplyCoupon(Coupon("", "percent", D(20))))
    shown = node(ledger, order)
    assert amounts(shown, "originalTotalPrice", "totalPrice", "currentTotalPrice") == [100, 80, 80]
    # The connection knows the discounts the order was placed with; the line knows all.
    assert shown["discountApplications"] == []
    (given,) = shown["lineItems"][0]["discountAllocations"]
    assert amount(given["allocatedAmountSet"]) == 20
    assert given["discountApplication"]["__typename"] == "ManualDiscountApplication"


def test_an_added_line_counts_in_the_total_and_not_in_the_original() -> None:
    ledger = a_ledger(included=False)
    order = placed(ledger, HAT, rates=(), shipping=())
    ledger.edit(order.id, AddItem(BOOK))
    assert amounts(node(ledger, order), "originalTotalPrice", "totalPrice") == [150, D("174.9")]


def test_another_address_can_change_the_tax() -> None:
    ledger = a_ledger(included=False)
    order = placed(ledger, HAT, rates=HST, shipping=())
    ledger.readdress(order.id, rates=PLACES[1].rates)
    shown = node(ledger, order)
    assert amounts(shown, "currentTotalTax", "currentTotalPrice") == [D("28.5"), D("178.5")]
    assert [tax["title"] for tax in shown["currentTaxLines"]] == ["MwSt. 19%"]


@pytest.mark.parametrize("included", [True, False])
def test_the_sales_add_up_to_the_current_total_after_everything(included: bool) -> None:
    ledger = a_ledger(included=included)
    order = placed(ledger, coupons=COUPONS[1:2], charges=(NewCharge("Tip", D(3), "tip"),))
    ledger.edit(order.id, AddItem(BOOK), SetQuantity(order.lines[0].id, D(2)))
    ledger.refund(order.id, {order.lines[0].id: D(1)}, shipping=True)
    ledger.refund(order.id, amount=D("0.50"))
    shown = node(ledger, order)
    sales = sales_of(shown)
    assert sum(each[3] for each in sales) == amount(shown["currentTotalPriceSet"])
    assert sum(each[4] for each in sales) == amount(shown["currentTotalTaxSet"])


# Refunds


def test_a_refund_shows_its_lines_its_shipping_and_what_is_beyond_them() -> None:
    ledger = a_ledger(included=False)
    order = placed(ledger, rates=HST)
    cup = order.lines[0]
    ledger.refund(
        order.id, {cup.id: D(1)}, shipping=True, amount=D("15.00"), restock="cancel", reason="dent"
    )
    shown = node(ledger, order)
    (refund,) = shown["refunds"]
    (line,) = refund["refundLineItems"]
    assert (line["quantity"], line["restockType"], refund["note"]) == (1, "CANCEL", "dent")
    assert amounts(line, "subtotal", "totalTax") == [D("7.45"), D("0.97")]
    (freight,) = refund["refundShippingLines"]
    assert amounts(freight, "subtotalAmount", "taxAmount") == [D("4.9"), D("0.64")]
    # 8.42 and 5.54 are worth 13.96: 1.04 more than that was given.
    (more,) = refund["orderAdjustments"]
    assert (more["reason"], amount(more["amountSet"])) == ("REFUND_DISCREPANCY", D("-1.04"))
    assert amount(shown["refundDiscrepancySet"]) == D("-1.04")
    assert amount(refund["totalRefundedSet"]) == amount(shown["totalRefundedSet"]) == 15
    assert shown["lineItems"][0]["currentQuantity"] == 2


def test_prices_with_tax_give_back_subtotals_with_tax() -> None:
    ledger = a_ledger(included=True)
    order = placed(ledger)
    ledger.refund(order.id, {order.lines[0].id: D(1)})
    (line,) = node(ledger, order)["refunds"][0]["refundLineItems"]
    assert amounts(line, "subtotal", "totalTax") == [D("7.45"), D("1.34")]


def test_a_refund_without_lines_still_changes_the_money() -> None:
    ledger = a_ledger()
    order = placed(ledger)
    ledger.refund(order.id, amount=D("5.00"))
    shown = node(ledger, order)
    (refund,) = shown["refunds"]
    assert (refund["refundLineItems"], refund["refundShippingLines"]) == ([], [])
    assert amount(shown["currentTotalPriceSet"]) == order.totals.total - 5
    assert shown["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    assert sales_of(shown)[-1] == ("REFUND", "ADJUSTMENT", None, D(-5), ZERO)


def test_a_pending_refund_is_not_refunded_yet() -> None:
    ledger = a_ledger()
    order = placed(ledger)
    back = ledger.refund(order.id, {order.lines[0].id: D(1)}, pending=True)
    shown = node(ledger, order)
    assert amounts(shown, "totalRefunded", "totalOutstanding") == [0, -back.amount]
    assert shown["refunds"][0]["transactions"][0]["status"] == "PENDING"
    assert shown["displayFinancialStatus"] == "PAID"
    ledger.settle_refund(order.id, back.id)
    shown = node(ledger, order)
    assert amounts(shown, "totalRefunded", "totalOutstanding") == [back.amount, 0]
    assert shown["displayFinancialStatus"] == "PARTIALLY_REFUNDED"


# What is sold


def test_a_tip_is_a_line_that_the_subtotal_leaves_out() -> None:
    ledger = a_ledger(included=False)
    order = placed(ledger, HAT, rates=(), shipping=(), charges=(NewCharge("Tip", D(7), "tip"),))
    shown = node(ledger, order)
    assert [line["title"] for line in shown["lineItems"]] == ["Hat", "Tip"]
    assert amounts(shown, "subtotalPrice", "totalTipReceived", "totalPrice") == [150, 7, 157]
    assert (shown["subtotalLineItemsQuantity"], sales_of(shown)[1][1]) == (3, "TIP")


def test_a_gift_card_bought_is_an_untaxed_line_and_one_used_a_payment() -> None:
    ledger = a_ledger()
    bought = node(ledger, placed(ledger, GIFT_CARD, shipping=()))
    (line,) = bought["lineItems"]
    assert (line["isGiftCard"], line["taxLines"], sales_of(bought)[0][1]) == (True, [], "GIFT_CARD")
    order = placed(ledger, paid=False)
    ledger.pay(order.id, D(10), gateway="gift_card")
    ledger.pay(order.id)
    used = node(ledger, order)
    assert used["paymentGatewayNames"] == ["gift_card", "shopify_payments"]
    assert amounts(used, "totalDiscounts", "totalOutstanding") == [0, 0]


def test_duties_stand_at_their_line_and_fees_at_the_order_with_their_tax() -> None:
    ledger = a_ledger(included=False)
    charges = NewCharge("", D("4.00"), "duty", line=0), NewCharge("Recycling", D("1.00"))
    shown = node(ledger, placed(ledger, HAT, rates=HST, shipping=(), charges=charges))
    assert amount(shown["lineItems"][0]["duties"][0]["price"]) == 4
    (fee,) = shown["additionalFees"]
    assert (fee["name"], amount(fee["price"])) == ("Recycling", 1)
    assert amount(fee["taxLines"][0]["priceSet"]) == D("0.13")
    names = ("currentTotalDuties", "currentTotalAdditionalFees", "currentTotalTax", "totalPrice")
    assert amounts(shown, *names) == [4, 1, D("19.63"), D("174.63")]
    assert node(ledger, placed(ledger))["currentTotalDutiesSet"] is None


def test_free_shipping_is_a_discount_on_the_shipping_line() -> None:
    ledger = a_ledger(included=False)
    coupons = (Coupon("FREESHIP", "shipping", D(100)),)
    shown = node(ledger, placed(ledger, HAT, rates=HST, coupons=coupons))
    (line,) = shown["shippingLines"]
    assert amounts(line, "originalPrice", "discountedPrice") == [D("4.9"), 0]
    application = line["discountAllocations"][0]["discountApplication"]
    assert (application["code"], application["targetType"]) == ("FREESHIP", "SHIPPING_LINE")
    assert amounts(shown, "totalShippingPrice", "totalDiscounts", "totalPrice") == [
        0, D("4.9"), D("169.5"),
    ]  # fmt: skip


def test_several_taxes_stand_at_one_line() -> None:
    ledger = a_ledger(included=False)
    shown = node(ledger, placed(ledger, HAT, rates=PLACES[5].rates, shipping=()))
    taxes = shown["lineItems"][0]["taxLines"]
    assert [(tax["title"], tax["rate"], amount(tax["priceSet"])) for tax in taxes] == [
        ("GST", 0.05, D("7.5")), ("PST", 0.07, D("10.5")),
    ]  # fmt: skip


def test_both_sides_of_the_money_are_rounded_by_themselves() -> None:
    ledger = a_ledger(included=False)
    yen = replace(HAT, unit_price=D(333), quantity=D(1))
    post = NewShipping("Post", D(100))
    shown = node(
        ledger,
        placed(ledger, yen, yen, rates=(), shipping=(post,), currency="JPY", shop_rate=D("0.0061")),
    )
    sides = [
        [bag[side]["amount"] for bag in (
            shown["lineItems"][0]["originalTotalSet"], shown["totalShippingPriceSet"],
            shown["totalPriceSet"],
        )]
        for side in ("presentmentMoney", "shopMoney")
    ]  # fmt: skip
    # 2.03 + 2.03 + 0.61 is not 4.67: no side can be made of the other.
    assert sides == [["333.0", "100.0", "766.0"], ["2.03", "0.61", "4.67"]]
    assert (shown["currencyCode"], shown["presentmentCurrencyCode"]) == ("EUR", "JPY")


# Statuses


def test_payments_make_the_financial_status() -> None:
    ledger = a_ledger()

    def status(order: Order) -> str:
        found: str = node(ledger, order)["displayFinancialStatus"]
        return found

    order = placed(ledger, paid=False)
    seen = [status(order)]
    ledger.authorize(order.id)
    seen.append(status(order))
    ledger.capture(order.id, D("1.00"))
    seen.append(status(order))
    ledger.pay(order.id)
    seen.append(status(order))
    ledger.refund(order.id, amount=D("1.00"))
    seen.append(status(order))
    ledger.refund(order.id, everything=True)
    seen.append(status(order))
    assert seen == [
        "PENDING", "AUTHORIZED", "PARTIALLY_PAID", "PAID", "PARTIALLY_REFUNDED", "REFUNDED",
    ]  # fmt: skip
    voided, cancelled, failed = (placed(ledger, paid=False) for _ in range(3))
    ledger.authorize(voided.id)
    ledger.void(voided.id)
    ledger.cancel(cancelled.id)
    ledger.fail(failed.id)
    assert [status(each) for each in (voided, cancelled, failed)] == ["VOIDED", "VOIDED", "PENDING"]
    assert status(placed(ledger, coupons=(Coupon("x", "percent", D(100)),), shipping=())) == "PAID"


def test_parcels_make_the_fulfilment_status() -> None:
    ledger = a_ledger()
    order = placed(ledger, CUP, replace(BOOK, requires_shipping=False))
    seen = [node(ledger, order)["displayFulfillmentStatus"]]
    for quantity in (1, 2):
        ledger.fulfil(order.id, {order.lines[0].id: D(quantity)})
        seen.append(node(ledger, order)["displayFulfillmentStatus"])
    assert seen == ["UNFULFILLED", "PARTIALLY_FULFILLED", "FULFILLED"]
    nothing_to_send = node(ledger, placed(ledger, GIFT_CARD, shipping=()))
    assert nothing_to_send["displayFulfillmentStatus"] == "FULFILLMENT_NOT_REQUIRED"
    assert nothing_to_send["shippingAddress"] is None


def test_a_cancellation_leaves_the_totals_and_says_why() -> None:
    ledger = a_ledger()
    order = placed(ledger, paid=False)
    ledger.cancel(order.id, "whim")
    shown = node(ledger, order)
    assert (shown["cancelledAt"], shown["cancelReason"]) == ("2026-11-24T12:00:00Z", "OTHER")
    assert amount(shown["currentTotalPriceSet"]) == order.totals.total


def test_an_archived_order_can_be_reopened_and_both_move_its_time() -> None:
    ledger = a_ledger()
    order = placed(ledger)
    times = []
    for change in (ledger.close, ledger.reopen):
        ledger.clock.sleep(1)
        change(order.id)
        shown = node(ledger, order)
        times.append((shown["closed"], shown["updatedAt"]))
    assert times == [(True, "2026-11-24T12:00:01Z"), (False, "2026-11-24T12:00:02Z")]


def test_cash_rounding_stands_beside_the_amount() -> None:
    ledger = a_ledger()
    order = placed(ledger, paid=False)
    ledger.pay(order.id, rounding=D("0.02"))
    shown = node(ledger, order)
    assert amounts(shown["transactions"][0], "amount", "amountRounding") == [
        order.totals.total, D("0.02"),
    ]  # fmt: skip
    assert amounts(shown["totalCashRoundingAdjustment"], "payment", "refund") == [D("0.02"), 0]
    assert amount(shown["totalOutstandingSet"]) == 0
