"""Refunds: what the buyer got back, for which lines, and with which tax. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ordermill.model.order import ZERO, Item, ItemKind
from ordermill.model.order import Refund as OrderRefund
from ordermill_shopify.amounts import Side, Sold, taxed, time
from ordermill_shopify.items import Sum, id_of, name_of, names_of, sums_of
from ordermill_shopify.raws import bare
from ordermill_shopify.structs import Order, Refund, Sale, TaxLine

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Part:
    """One line given back by the refund's own fields; ``subtotal`` may or may not hold the tax."""

    ref: str | None
    kind: ItemKind
    quantity: int
    subtotal: Decimal
    tax: Decimal


def refunds_of(order: Order, side: Side) -> tuple[OrderRefund, ...]:
    """Every refund in the order Shopify gives them; amounts are positive."""
    ledger: dict[str, list[Sale]] = {}
    for agreement in order.agreements or ():
        if agreement.refund is not None and agreement.refund.id is not None:
            ledger.setdefault(agreement.refund.id, []).extend(agreement.sales)
    return tuple(
        _refund(refund, order, side, ledger.get(refund.id, ())) for refund in order.refunds
    )


def _refund(refund: Refund, order: Order, side: Side, sales: Sequence[Sale]) -> OrderRefund:
    paid = side.of(refund.total_refunded_set, "refunds.totalRefundedSet")
    waiting = _waiting(refund, side)
    whole = paid + waiting
    # One way of paying may be through while another is not: then the whole is what adds up.
    if waiting and paid and _explained(refund, order, side, sales, whole)[1] is None:
        waiting, whole = ZERO, paid
    created_at = time(refund.created_at or refund.processed_at, "refunds.createdAt")
    assert created_at is not None
    items, total_tax = _explained(refund, order, side, sales, whole)
    return OrderRefund(
        source_id=bare(refund.id),
        created_at=created_at,
        amount=whole,
        total_tax=total_tax,
        reason=refund.note or None,
        items=items,
        pending=bool(waiting),
    )


def _waiting(refund: Refund, side: Side) -> Decimal:
    """What transactions that are still under way will give back."""
    amounts = (
        abs(side.of(each.amount_set, "refunds.transactions.amountSet"))
        for each in refund.transactions
        if each.kind == "REFUND" and each.status in ("PENDING", "AWAITING_RESPONSE")
    )
    return sum(amounts, ZERO)


def _explained(
    refund: Refund, order: Order, side: Side, sales: Sequence[Sale], amount: Decimal
) -> tuple[tuple[Item, ...], Decimal | None]:
    """Lines and tax from the ledger or from the refund's own amounts, whichever add up to it."""
    names = names_of(order)
    sums = [s for s in sums_of(sales, side, -1) if s.gross or s.tax or _comes_free(s)]
    if sums and _agree(sum((s.gross for s in sums), ZERO), amount, len(sums), side):
        items = tuple(_of_sum(each, names, side) for each in sums)
        return items, sum((s.tax for s in sums), ZERO)
    parts = _parts(refund, side)
    tax = sum((part.tax for part in parts), ZERO)
    plain = sum((part.subtotal for part in parts), ZERO)
    included = _holds_tax(plain, tax, amount, order.taxes_included)
    items = tuple(
        _of_part(part, names, side, included)
        for part in parts
        if part.subtotal or part.tax or part.kind is ItemKind.LINE_ITEM
    )
    whole = plain if included else plain + tax
    return items, tax if parts and whole == amount else None


def _agree(whole: Decimal, amount: Decimal, parts: int, side: Side) -> bool:
    """Whether the ledger explains the amount. Shopify rounds each shop amount by itself, so there a
    sum may be off by half a unit a part; what the buyer saw adds up exactly."""
    return abs(whole - amount) <= (ZERO if side.presentment else side.unit * parts)


def _holds_tax(plain: Decimal, tax: Decimal, amount: Decimal, taxes_included: bool) -> bool:
    """Whether the subtotals contain the tax: as the sums show, else as the order's prices do."""
    if plain == amount:
        return True
    return False if plain + tax == amount else taxes_included


def _parts(refund: Refund, side: Side) -> list[Part]:
    lines = [
        Part(
            bare(line.line_item.id),
            ItemKind.LINE_ITEM,
            line.quantity,
            side.of(line.subtotal_set, "refundLineItems.subtotalSet"),
            side.of(line.total_tax_set, "refundLineItems.totalTaxSet"),
        )
        for line in refund.refund_line_items
    ]
    freight = [
        Part(
            id_of(ship.shipping_line),
            ItemKind.SHIPPING,
            1,
            side.of(ship.subtotal_amount_set, "refundShippingLines.subtotalAmountSet"),
            side.of(ship.tax_amount_set, "refundShippingLines.taxAmountSet"),
        )
        for ship in refund.refund_shipping_lines
    ]
    return lines + freight


def _comes_free(each: Sum) -> bool:
    """Whether a free product comes back: no money, but the order no longer has it."""
    return each.kind is ItemKind.LINE_ITEM and each.quantity > 0


def _pieces(kind: ItemKind, quantity: int) -> Decimal:
    """Part of a product's price goes back without a piece; of all else there is one."""
    if quantity > 0:
        return Decimal(quantity)
    return ZERO if kind is ItemKind.LINE_ITEM and not quantity else _ONE


def _of_sum(each: Sum, names: dict[str, str], side: Side) -> Item:
    return Sold(
        name=name_of(each.ref, each.line_type, names),
        kind=each.kind,
        quantity=_pieces(each.kind, each.quantity),
        unit=min(each.net, ZERO),  # a refund names no price: what is left of one is no discount
        net=each.net,
        taxes=taxed(each.tax_lines(), each.net, side) if each.tax or each.taxes else (),
        included=False,
        source_id=each.ref,
    ).item()


def _of_part(part: Part, names: dict[str, str], side: Side, included: bool) -> Item:
    net = part.subtotal - part.tax if included else part.subtotal
    return Sold(
        name=name_of(part.ref, str(part.kind).upper(), names),
        kind=part.kind,
        quantity=_pieces(part.kind, part.quantity),
        unit=ZERO,
        net=net,
        taxes=taxed([(TaxLine(), part.tax)], net, side) if part.tax else (),
        included=False,
        source_id=part.ref,
    ).item()
