"""The lines of an order as they are now: from its line items, or from its sales ledger. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from ordermill.model.order import ZERO, Item, ItemKind
from ordermill_shopify.amounts import Side, Sold, taxed
from ordermill_shopify.raws import bare
from ordermill_shopify.structs import Line, Order, Reference, Sale, Ship, TaxLine

_ONE = Decimal(1)
_KINDS = {
    "SHIPPING": ItemKind.SHIPPING,
    "TIP": ItemKind.FEE,
    "DUTY": ItemKind.FEE,
    "ADDITIONAL_FEE": ItemKind.FEE,
    "FEE": ItemKind.FEE,
    "ADJUSTMENT": ItemKind.ADJUSTMENT,
    "UNKNOWN": ItemKind.ADJUSTMENT,
}
_NAMES = {
    "SHIPPING": "Shipping",
    "TIP": "Tip",
    "DUTY": "Duties",
    "ADDITIONAL_FEE": "Fee",
    "FEE": "Return fee",
}
_RANK = {ItemKind.LINE_ITEM: 0, ItemKind.SHIPPING: 1, ItemKind.FEE: 2, ItemKind.ADJUSTMENT: 3}


def items_of(order: Order, side: Side) -> tuple[Item, ...]:
    """Present lines, shipping, fees and adjustments; what is gone has left.

    Where the ledger was read it counts: no other field gives a line's present amounts once it was
    edited or refunded (tax lines keep the tax of the quantity that was ordered).
    """
    if order.agreements is not None:
        sales = (sale for agreement in order.agreements for sale in agreement.sales)
        return tuple(_from_ledger(order, side, sales))
    lines = (_line(line, side, order) for line in order.line_items if line.current_quantity > 0)
    freight = (_ship(ship, side, order) for ship in order.shipping_lines if not ship.is_removed)
    return (*lines, *freight)


def _line(line: Line, side: Side, order: Order) -> Item:
    allocated = (
        side.of(each.allocated_amount_set, "lineItems.discountAllocations")
        for each in line.discount_allocations
    )
    paid = side.of(line.original_total_set, "lineItems.originalTotalSet") - sum(allocated, ZERO)
    return _sold(
        name=line.name or line.title,
        kind=ItemKind.LINE_ITEM,
        quantity=Decimal(line.current_quantity),
        unit=side.of(line.original_unit_price_set, "lineItems.originalUnitPriceSet"),
        paid=paid,
        tax_lines=line.tax_lines,
        side=side,
        order=order,
        sku=line.sku or None,
        source_id=bare(line.id),
    )


def _ship(ship: Ship, side: Side, order: Order) -> Item:
    return _sold(
        name=ship.title or _NAMES["SHIPPING"],
        kind=ItemKind.SHIPPING,
        quantity=_ONE,
        unit=side.of(ship.original_price_set, "shippingLines.originalPriceSet"),
        paid=side.of(ship.discounted_price_set, "shippingLines.discountedPriceSet"),
        tax_lines=ship.tax_lines,
        side=side,
        order=order,
        source_id=id_of(ship),
    )


def _sold(
    *,
    name: str,
    kind: ItemKind,
    quantity: Decimal,
    unit: Decimal,
    paid: Decimal,
    tax_lines: Iterable[TaxLine],
    side: Side,
    order: Order,
    source_id: str | None,
    sku: str | None = None,
) -> Item:
    taxes = [(line, side.maybe(line.price_set, "taxLines.priceSet")) for line in tax_lines]
    tax = sum((each for _, each in taxes), ZERO)
    net = paid - tax if order.taxes_included else paid
    return Sold(
        name=name,
        kind=kind,
        quantity=quantity,
        unit=unit,
        net=net,
        taxes=taxed(taxes, net, side),
        included=order.taxes_included,
        sku=sku,
        source_id=source_id,
    ).item()


@dataclass(slots=True)
class Sum:
    """What the ledger adds up to for one thing that was sold."""

    kind: ItemKind
    line_type: str
    ref: str | None
    quantity: int = 0
    gross: Decimal = ZERO
    tax: Decimal = ZERO
    taxes: list[tuple[TaxLine, Decimal]] = field(default_factory=list)

    def add(self, sale: Sale, side: Side, sign: int) -> None:
        self.quantity += sign * (sale.quantity or 0)
        self.gross += sign * side.of(sale.total_amount, "sales.totalAmount")
        self.tax += sign * side.of(sale.total_tax_amount, "sales.totalTaxAmount")
        self.taxes += [
            (each.tax_line, sign * side.of(each.amount, "sales.taxes.amount"))
            for each in sale.taxes
        ]

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax

    def tax_lines(self) -> list[tuple[TaxLine, Decimal]]:
        """The taxes per rate; one of an unknown rate where they do not add up to the sale's."""
        if sum((tax for _, tax in self.taxes), ZERO) == self.tax:
            return self.taxes
        return [(TaxLine(), self.tax)]


def sums_of(sales: Iterable[Sale], side: Side, sign: int = 1) -> list[Sum]:
    """The ledger by what was sold, in the order of its first sale; ``sign`` -1 turns refunds."""
    sums: dict[tuple[ItemKind, str | None], Sum] = {}
    for sale in sales:
        kind, ref = _KINDS.get(sale.line_type, ItemKind.LINE_ITEM), reference(sale)
        line_type = sale.line_type
        sums.setdefault((kind, ref), Sum(kind, line_type, ref)).add(sale, side, sign)
    return list(sums.values())


def reference(sale: Sale) -> str | None:
    """The bare id of what was sold; None for an adjustment."""
    named = sale.line_item or sale.shipping_line or sale.duty or sale.additional_fee
    return id_of(named)


def id_of(named: Reference | Ship | None) -> str | None:
    """The bare id, None where the shop tells none."""
    return bare(named.id) if named is not None and named.id is not None else None


def _from_ledger(order: Order, side: Side, sales: Iterable[Sale]) -> Iterator[Item]:
    lines = {bare(line.id): line for line in order.line_items}
    place = {ref: at for at, ref in enumerate(lines)}
    names = names_of(order)
    freight = {id_of(ship): ship for ship in order.shipping_lines}
    free = _free_shipping(order, side)
    sums = sorted(
        sums_of(sales, side), key=lambda s: (_RANK[s.kind], place.get(s.ref or "", len(place)))
    )
    for each in sums:
        line = lines.get(each.ref or "")
        if free and _RANK[each.kind] > _RANK[ItemKind.LINE_ITEM]:
            yield from free
            free = []
        quantity = line.current_quantity if line is not None else min(max(each.quantity, 0), 1)
        if each.gross or each.tax or (quantity > 0 and each.kind is ItemKind.LINE_ITEM):
            ship = freight.get(each.ref)
            unit = _unit(each, line if quantity > 0 else None, ship, side, order)
            yield _present(each, line, quantity, names, side, order.taxes_included, unit)
    yield from free


def _free_shipping(order: Order, side: Side) -> list[Item]:
    """Shipping that never cost anything. The ledger does not tell it from shipping that
    was given back, and it must not leave the order when the ledger is first read."""
    kept = [ship for ship in order.shipping_lines if not ship.is_removed]
    items = (_ship(ship, side, order) for ship in kept)
    return [item for item in items if not item.total_with_tax]


def _unit(each: Sum, line: Line | None, ship: Ship | None, side: Side, order: Order) -> Decimal:
    """What one costs before discounts. Shipping of which nothing went back costs what it did when
    no ledger was read; of all else that is no product, its amount is its price."""
    amount = each.gross if order.taxes_included else each.net
    if line is not None and each.kind is ItemKind.LINE_ITEM:
        return side.of(line.original_unit_price_set, "lineItems.originalUnitPriceSet")
    if ship is not None and each.kind is ItemKind.SHIPPING:
        paid = side.of(ship.discounted_price_set, "shippingLines.discountedPriceSet")
        if amount == paid:
            return side.of(ship.original_price_set, "shippingLines.originalPriceSet")
    return amount


def _present(
    each: Sum,
    line: Line | None,
    quantity: int,
    names: dict[str, str],
    side: Side,
    included: bool,
    unit: Decimal,
) -> Item:
    """A sum of the ledger as a line. An amount that is left without a quantity is counted once."""
    net = each.net
    return Sold(
        name=name_of(each.ref, each.line_type, names),
        kind=each.kind,
        quantity=Decimal(quantity) if quantity > 0 else _ONE,
        unit=unit,
        net=net,
        taxes=taxed(each.tax_lines(), net, side) if each.tax or each.taxes else (),
        included=included,
        sku=line.sku or None if line is not None else None,
        source_id=each.ref,
    ).item()


def names_of(order: Order) -> dict[str, str]:
    """The names of lines, shipping lines and fees by their bare ids, and of what has none by the
    type that the ledger gives it."""
    ships = {id_of(ship) or "SHIPPING": ship.title for ship in order.shipping_lines if ship.title}
    lines = {bare(line.id): line.name or line.title for line in order.line_items}
    return _NAMES | ships | lines | {bare(fee.id): fee.name for fee in order.additional_fees}


def name_of(ref: str | None, line_type: str, names: dict[str, str]) -> str:
    """The same in the order as in a refund: what has no id is known by its name."""
    return names.get(ref or "") or names.get(line_type, "Adjustment")
