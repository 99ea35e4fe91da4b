"""Transactions, refunds and the sales ledger of an order as the Admin API shows them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ordermill.simulator import money
from ordermill.simulator.orders import Agreement, Back, Order, Refund, Sale, Transaction
from ordermill.simulator.parts import ZERO
from ordermill.simulator.shopify.sums import total
from ordermill.simulator.shopify.values import Node, gid, number_of, stamp
from ordermill.simulator.shopify.view import View

_SALES = {
    "product": ("ProductSale", "PRODUCT"),
    "gift_card": ("GiftCardSale", "GIFT_CARD"),
    "tip": ("TipSale", "TIP"),
    "shipping": ("ShippingLineSale", "SHIPPING"),
    "fee": ("AdditionalFeeSale", "ADDITIONAL_FEE"),
    "duty": ("DutySale", "DUTY"),
    "adjustment": ("AdjustmentSale", "ADJUSTMENT"),
}
_AGREEMENTS = {
    "order": ("OrderAgreement", "ORDER"),
    "edit": ("OrderEditAgreement", "ORDER_EDIT"),
    "refund": ("RefundAgreement", "REFUND"),
}
_BY_HAND = frozenset({"bacs", "cod", "cheque", "manual", "bank_deposit"})
_STATUS = {"success": "SUCCESS", "pending": "PENDING", "failure": "FAILURE"}


def transactions(view: View) -> list[Node]:
    """All of them, oldest first; a child refers to its parent's own dict."""
    made: dict[int, Node] = {}
    for transaction in view.order.transactions:
        parent = made.get(transaction.parent_id or 0)
        made[transaction.id] = _transaction(view, transaction, parent)
    return list(made.values())


def _transaction(view: View, t: Transaction, parent: Node | None) -> Node:
    return Node({
        "__typename": "OrderTransaction",
        "id": gid("OrderTransaction", t.id),
        "kind": t.kind.upper(),
        "status": _STATUS[t.status],
        "test": view.order.test,
        "gateway": t.gateway,
        "formattedGateway": t.gateway.replace("_", " ").title(),
        "manualPaymentGateway": t.gateway in _BY_HAND,
        "createdAt": stamp(t.at),
        "processedAt": stamp(t.at),
        "settlementCurrency": None,
        "settlementCurrencyRate": None,
        "paymentId": t.reference or None,
        "paymentMethod": None,
        "accountNumber": None,
        "authorizationCode": None,
        "authorizationExpiresAt": None,
        "receiptJson": None,
        "errorCode": None if t.status != "failure" else "CARD_DECLINED",
        "manuallyCapturable": False,
        "multiCapturable": False,
        "maximumRefundable": None,
        "maximumRefundableV2": None,
        "totalUnsettledSet": view.bag(ZERO),
        "totalUnsettledV2": view.bag(ZERO)["shopMoney"],
        "amountSet": view.bag(t.amount),
        "amountV2": view.bag(t.amount)["shopMoney"],
        "amountRoundingSet": view.bag(t.rounding) if t.rounding else None,
        "parentTransaction": parent,
    })  # fmt: skip


def refunds(view: View, paid: list[Node]) -> list[Node]:
    """All of them, oldest first. Each one's ``order`` is filled in by the caller."""
    return [_refund(view, refund, paid) for refund in view.order.refunds]


def _refund(view: View, refund: Refund, paid: list[Node]) -> Node:
    mine = [t for t in view.order.transactions if t.refund_id == refund.id]
    given = total(t.amount for t in mine if t.status == "success")
    numbers = {t.id for t in mine}
    return Node({
        "__typename": "Refund",
        "id": gid("Refund", refund.id),
        "legacyResourceId": str(refund.id),
        "createdAt": stamp(refund.at),
        "processedAt": stamp(refund.at),
        "updatedAt": stamp(refund.at),
        "note": refund.reason or None,
        "return": None,
        "totalRefunded": view.bag.presentment(given),
        "totalRefundedSet": view.bag(given),
        "refundLineItems": _refund_lines(view, refund),
        "refundShippingLines": [_refund_shipping(view, back) for back in refund.shipping],
        "orderAdjustments": _adjustments(view, refund),
        "duties": [_refund_duty(view, b) for b in refund.charges if b.of in view.duties],
        "transactions": [t for t in paid if number_of(t["id"], "OrderTransaction") in numbers],
    })  # fmt: skip


def _refund_lines(view: View, refund: Refund) -> list[Node]:
    tips = [back for back in refund.charges if back.of in view.lines]
    return [_refund_line(view, back) for back in (*refund.lines, *tips)]


def _refund_line(view: View, back: Back) -> Node:
    worth = view.sums.back_basis(back)
    unit = money.rounded(worth / back.quantity, view.order.places) if back.quantity else ZERO
    return Node({
        "id": gid("RefundLineItem", back.id),
        "quantity": int(back.quantity),
        "restockType": back.restock.upper(),
        "restocked": back.restock != "no_restock",
        "lineItem": view.lines[back.of],
        "priceSet": view.bag(unit),
        "subtotalSet": view.bag(worth),
        "totalTaxSet": view.bag(back.tax),
    })  # fmt: skip


def _refund_shipping(view: View, back: Back) -> Node:
    return Node({
        "__typename": "RefundShippingLine",
        "id": gid("RefundShippingLine", back.id),
        "shippingLine": view.shipping[back.of],
        "subtotalAmountSet": view.bag(view.sums.back_basis(back)),
        "taxAmountSet": view.bag(back.tax),
    })  # fmt: skip


def _refund_duty(view: View, back: Back) -> Node:
    return Node(amountSet=view.bag(back.gross), originalDuty=view.duties[back.of])


def _adjustments(view: View, refund: Refund) -> list[Node]:
    """In the buyer's favour is negative; a fee given back has no place of its own, and is one."""
    fees = total(back.gross for back in refund.charges if back.of in view.fees)
    amount = -(refund.adjustment + fees)
    if not amount:
        return []
    tax = -total(back.tax for back in refund.charges if back.of in view.fees)
    return [
        Node(
            __typename="OrderAdjustment",
            id=gid("OrderAdjustment", refund.id),
            reason="REFUND_DISCREPANCY",
            amountSet=view.bag(amount - tax),
            taxAmountSet=view.bag(tax),
        )
    ]


def agreements(view: View, refunded: list[Node]) -> list[Node]:
    """The sales ledger: all sales of all agreements add up to the current total."""
    by_id = {node["id"]: node for node in refunded}
    return [_agreement(view, each, by_id) for each in view.order.agreements]


def _agreement(view: View, agreement: Agreement, refunded: dict[str, Node]) -> Node:
    kind, reason = _AGREEMENTS[agreement.kind]
    node = Node(
        __typename=kind,
        id=gid(kind, agreement.id),
        reason=reason,
        happenedAt=stamp(agreement.at),
        app=None,
        sales=[_sale(view, sale) for sale in agreement.sales],
    )
    if kind == "RefundAgreement":
        node["refund"] = refunded[gid("Refund", agreement.refund_id or 0)]
    return node


def _sale(view: View, sale: Sale) -> Node:
    kind, line_type = _SALES[sale.kind]
    before, after = _discounts(view.order, sale, _discount(view, sale))
    return Node(
        __typename=kind,
        id=gid(kind, sale.id),
        actionType=sale.action.upper(),
        lineType=line_type,
        quantity=None if sale.kind == "adjustment" else int(sale.quantity),
        totalAmount=view.bag(sale.total),
        totalTaxAmount=view.bag(sale.tax),
        totalDiscountAmountBeforeTaxes=view.bag(before),
        totalDiscountAmountAfterTaxes=view.bag(after),
        taxes=[
            Node(
                id=gid("SaleTax", f"{sale.id}{tax.rate_id:03}"),
                amount=view.bag(tax.amount),
                taxLine=view.tax(tax),
            )
            for tax in sale.taxes
        ],
        **_sold(view, sale),
    )


def _sold(view: View, sale: Sale) -> dict[str, Any]:
    of = sale.of or 0
    match sale.kind:
        case "product" | "gift_card" | "tip":
            return {"lineItem": view.lines[of]}
        case "shipping":
            return {"shippingLine": view.shipping[of]}
        case "duty":
            return {"duty": view.duties[of]}
        case "fee":
            return {"additionalFee": Node(id=gid("SaleAdditionalFee", of))}
    return {}


def _discount(view: View, sale: Sale) -> Decimal:
    """Price basis, signed as the quantity is; returned units take their share back."""
    if sale.action != "return" or sale.kind not in ("product", "gift_card"):
        return sale.discount
    return view.sums.discount_of(view.order.line(sale.of or 0), sale.quantity)


def _discounts(order: Order, sale: Sale, discount: Decimal) -> tuple[Decimal, Decimal]:
    """Without and with tax."""
    factor = 1 + total(order.rate(tax.rate_id).percent for tax in sale.taxes) / 100
    if order.prices_include_tax:
        return money.rounded(discount / factor, order.places), discount
    return discount, money.rounded(discount * factor, order.places)
