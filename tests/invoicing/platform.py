"""A shop with money of its own, in whole numbers: what ordermill's billing is held against.

It knows two ways of the platforms: one whose total falls with a refund (``current``, as Shopify)
and one whose refunds stand beside it (as WooCommerce); prices with and without tax; tax rounded per
line, at the subtotal, or half down; several rates on a line; discounts, shipping, fees (negative
ones too), tips and gift cards.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal

from ordermill.model.order import (
    ZERO,
    Item,
    ItemKind,
    ItemTax,
    Order,
    PaymentStatus,
    Refund,
    TaxTotal,
    Transaction,
)

AT = datetime(2026, 11, 24, 10, tzinfo=UTC)
MICRO = Decimal("0.000001")
PLACES = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
RATES = [(), (0,), (22,), (Decimal("9.5"),), (5,), (19,), (5, 7), (Decimal("8.875"),)]


@dataclass(frozen=True)
class Line:
    """Amounts in what the shop counts: ``unit`` on the shop's price basis, ``net`` and ``taxes`` as
    charged; ``thing`` is what is sold, whatever id its line has."""

    id: str
    kind: ItemKind
    quantity: int
    unit: int
    discount: int
    rates: tuple[Decimal | int, ...]
    net: int = 0
    taxes: tuple[int, ...] = ()
    thing: str = ""

    @property
    def gross(self) -> int:
        return self.net + sum(self.taxes)


@dataclass
class Shop:
    """One order and what happens to it. A ``current`` shop has transactions, and refunds that only
    give back what was paid too much; the other has a flag that says paid.

    ``finer``: digits that it counts beyond the currency's; ``silent``: it names no rate whose tax
    is nothing; ``goodwill``: what it gave back without lines, less what it kept of lines."""

    rng: random.Random
    currency: str = "EUR"
    finer: int = 0
    silent: bool = False
    goodwill: int = 0
    included: bool = False
    rounding: str = "line"
    current: bool = False
    lines: list[Line] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    taken: dict[str, tuple[int, int, tuple[int, ...]]] = field(default_factory=dict)
    paid: bool = False
    sales: list[int] | None = None  # amounts of transactions; None: the shop has only a flag
    note: int = 0
    cancelled: bool = False
    time: int = 0
    ids: int = 0

    @classmethod
    def open(cls, seed: int) -> Shop:
        rng = random.Random(seed)
        shop = cls(
            rng,
            currency=rng.choices(list(PLACES), [6, 2, 1, 1])[0],
            included=rng.random() < 0.5,
            rounding=rng.choice(["line", "line", "subtotal", "half_down"]),
            current=rng.random() < 0.5,
            paid=rng.random() < 0.7,
        )
        shop.finer = 0 if shop.current else rng.choice([0, 0, 1, 2])
        shop.silent = shop.current and rng.random() < 0.5
        if shop.current and shop.rounding == "subtotal":
            shop.rounding = "line"
        for _ in range(rng.choice([1, 1, 2, 3, 5, 12])):
            shop.add()
        if rng.random() < 0.6:
            shop.add(ItemKind.SHIPPING)
        if rng.random() < 0.3:
            shop.add(ItemKind.FEE)
        if shop.current:
            paid, shop.paid, shop.sales = shop.paid, False, []
            if paid:
                shop.pay()
        return shop

    # What the shop's owner does.

    def add(self, kind: ItemKind = ItemKind.LINE_ITEM) -> None:
        rng = self.rng
        self.ids += 1
        quantity = rng.choice([1, 1, 2, 3, 10]) if kind is ItemKind.LINE_ITEM else 1
        unit = rng.choice([rng.randint(1, 99), rng.randint(100, 9999), rng.randint(1, 200_000)])
        unit = unit * 10**self.finer - rng.choice([0, rng.randrange(10**self.finer)])
        below = kind is ItemKind.FEE and not self.current and rng.random() < 0.4
        if below and self._whole() > 2 * unit:
            unit = -unit
        discount = 0
        if kind is ItemKind.LINE_ITEM and rng.random() < 0.4:
            discount = rng.choice([rng.randint(0, unit * quantity), unit * quantity])
        line = Line(str(self.ids), kind, quantity, unit, discount, rng.choice(RATES),
                    thing=str(self.ids))  # fmt: skip
        self.lines.append(self._charged(line))

    def edit(self) -> None:
        """Add, remove, or change a line that no refund has touched."""
        free = [line for line in self.lines if line.id not in self.taken]
        way = self.rng.choice(["add", "remove", "quantity", "price", "discount", "rate"])
        if way == "add" or not free:
            self.add()
            return
        # A cent more than was refunded may be owed by no line, where each is rounded.
        step = 100 * 10**self.finer if self.finer and self.refunds else 1
        line = self.rng.choice(free)
        at = self.lines.index(line)
        if way == "remove":
            if len(self.lines) > 1 and self._whole() - line.gross >= self._floor():
                del self.lines[at]
            return
        new = {
            "quantity": changed(line, quantity=line.quantity + 1),
            "price": changed(line, unit=line.unit + self.rng.choice([1, 100]) * step),
            "discount": changed(line, discount=max(0, line.discount - step)),
            "rate": changed(line, rates=self.rng.choice(RATES)),
        }[way]
        self.lines[at] = self._charged(new)
        if self._whole() < self._floor():
            self.lines[at] = line

    def rekey(self) -> None:
        """The same lines under new ids, as WooCommerce re-saves them."""
        if self.refunds:
            return
        for at, line in enumerate(self.lines):
            self.ids += 1
            self.lines[at] = changed(line, id=str(self.ids))

    def touch(self) -> None:
        self.note += 1

    def pay(self) -> None:
        """All that is still to be paid."""
        due = self._owed() - self._held()
        if self.sales is None:
            self.paid = True
        elif due > 0:
            self.sales.append(due)
            self.paid = True

    def give_back(self) -> None:
        """What the buyer has paid too much since the order became smaller: money, and no lines."""
        over = self._held() - self._owed()
        if self.current and self.sales is not None and over > 0:
            self._add_refund((), over)

    def refund_lines(self) -> None:
        """One, all or no pieces of one or two lines, with their share of net and tax: without a
        piece, part of the price goes back. Now and then with an amount beyond them."""
        items, amount, before = [], 0, dict(self.taken)
        for line in self.rng.sample(self.lines, min(len(self.lines), self.rng.choice([1, 2]))):
            quantity, net, taxes = self.taken.get(line.id, (0, 0, (0,) * len(line.taxes)))
            left = line.quantity - quantity
            if left <= 0 or line.net < 0:
                continue
            pieces = self.rng.choice([1, left, left, 0])
            whole = pieces == left
            part = _share(line.net, net, pieces, line.quantity, whole=whole)
            tax = tuple(
                _share(t, got, pieces, line.quantity, whole=whole)
                for t, got in zip(line.taxes, taxes, strict=True)
            )
            self.taken[line.id] = (
                quantity + pieces,
                net + part,
                tuple(a + b for a, b in zip(taxes, tax, strict=True)),
            )
            items.append(self._item(changed(line, quantity=pieces, net=part, taxes=tax,
                                            discount=0), unit=None))  # fmt: skip
            amount += part + sum(tax)
        beyond = self.rng.randint(1, 60 * 10**self.finer) if self.rng.random() < 0.2 else 0
        if self.current:
            beyond = -min(beyond, amount // 2)  # it keeps some of what the lines were worth
        if not items or not self._refund(tuple(items), amount, beyond):
            self.taken = before

    def refund_amount(self) -> None:
        """Goodwill: an amount without lines."""
        left = self._whole() if self.current else self._whole() - self._back()
        if left > 0:
            self._refund((), 0, self.rng.choice([self.rng.randint(1, left), left]))

    def _refund(self, items: tuple[Item, ...], amount: int, beyond: int) -> bool:
        """Of lines, and of an amount beyond them; whether the shop allows it."""
        amount += beyond
        most = self._held() if self.current else self._whole() - self._back()
        if self.current and items and amount > most:
            amount = beyond = 0  # nothing to give back yet: the lines go, as by an edit
        elif not 0 < amount <= most:
            return False
        if self.current and self._whole() < beyond:
            return False
        if self.current and beyond:
            self.goodwill += beyond
            items = (*items, self._item(self._beyond(beyond), unit=None))
        self._add_refund(items, amount)
        return True

    def _add_refund(self, items: tuple[Item, ...], amount: int) -> None:
        self.ids += 1
        self.refunds.append(
            Refund(
                source_id=f"r{self.ids}", created_at=AT + timedelta(seconds=self.ids),
                amount=self._money(amount), total_tax=self._tax_in(items, amount), reason=None,
                items=items,
            )
        )  # fmt: skip

    def _tax_in(self, items: tuple[Item, ...], amount: int) -> Decimal | None:
        """The lines' tax, where they make up the amount."""
        off = self._money(amount) - sum((item.total_with_tax for item in items), ZERO)
        if not items or abs(off) > Decimal("0.01") * len(items):
            return None if amount else ZERO
        return sum((item.total_with_tax - item.total for item in items), ZERO)

    # What it shows.

    def order(self) -> Order:
        self.time += 1
        lines = [self._left(line) for line in self.lines] if self.current else self.lines
        lines = [line for line in lines if line.quantity or line.gross]
        lines += [self._beyond(-self.goodwill)] if self.goodwill else []
        items = tuple(self._item(line) for line in lines)
        total_tax, taxes = self._taxes(lines)
        net = sum(line.net for line in lines)
        total = net + total_tax
        owed = self._owed()
        money = self._money
        return Order(
            source_id="1", source_order_number="#1", ordered_at=AT,
            shop_updated_at=AT + timedelta(seconds=self.time), currency_code=self.currency,
            total=money(net), total_tax=money(total_tax), total_with_tax=money(total),
            total_discount=ZERO, total_shipping=ZERO, owed=money(owed),
            owed_tax=self._owed_tax(money(total_tax)),
            taxes_included=self.included, items=items, taxes=taxes,
            payment_status=PaymentStatus.PAID if self.paid else PaymentStatus.UNPAID,
            payment_method=None, payment_gateway="stripe", paid=self.paid,
            paid_at=AT if self.paid else None, fulfilled=False, fulfilled_at=None,
            cancelled=self.cancelled, cancelled_at=None, refunded=owed <= 0 and bool(self.refunds),
            refunded_at=None, complete=False, test=False, deleted=False,
            customer_name="Ana Čop", customer_email=None, customer=None, billing_address=None,
            shipping_address=None, transactions=self._transactions(), refunds=tuple(self.refunds),
            tags=(), metadata={"note": str(self.note)},
        )  # fmt: skip

    def _transactions(self) -> tuple[Transaction, ...]:
        return tuple(
            Transaction(id=f"t{at}", kind="sale", status="success", gateway="stripe",
                        amount=self._money(amount), currency_code=self.currency, at=AT)
            for at, amount in enumerate(self.sales or ())
        )  # fmt: skip

    def _held(self) -> int:
        """Money that came and did not go back."""
        return sum(self.sales or ()) - self._back()

    def _floor(self) -> int:
        """An order is not worth less than what of it was refunded, nor less than nothing."""
        return 0 if self.current else self._back()

    @property
    def owes(self) -> bool:
        """Whether something of it is owed, or was paid for good."""
        return self._owed() > 0

    def _owed(self) -> int:
        return self._whole() if self.current else self._whole() - self._back()

    def _owed_tax(self, total_tax: Decimal) -> Decimal | None:
        """None where a refund does not say its own."""
        if self._owed() == 0:
            return ZERO
        said = [ZERO] if self.current else [r.total_tax for r in self.refunds if r.amount]
        known = [tax for tax in said if tax is not None]
        return total_tax - sum(known, ZERO) if len(known) == len(said) else None

    def _left(self, line: Line) -> Line:
        quantity, net, taxes = self.taken.get(line.id, (0, 0, (0,) * len(line.taxes)))
        left = tuple(a - b for a, b in zip(line.taxes, taxes, strict=True))
        pieces = line.quantity - quantity
        kept = line.discount * pieces // line.quantity
        return changed(line, quantity=pieces, net=line.net - net, taxes=left, discount=kept)

    def _whole(self) -> int:
        lines = [self._left(line) for line in self.lines] if self.current else self.lines
        return sum(line.net for line in lines) + self._taxes(lines)[0] - self.goodwill

    def _beyond(self, amount: int) -> Line:
        return Line("", ItemKind.ADJUSTMENT, 1, amount, 0, (), amount)

    def _back(self) -> int:
        return int(sum((r.amount for r in self.refunds), ZERO).scaleb(self._digits))

    def _money(self, amount: int) -> Decimal:
        return Decimal(amount).scaleb(-self._digits)

    @property
    def _digits(self) -> int:
        return PLACES[self.currency] + self.finer

    def _round(self, value: Decimal) -> int:
        down = self.rounding == "half_down" and self.included
        return int(value.quantize(Decimal(1), ROUND_HALF_DOWN if down else ROUND_HALF_UP))

    def _charged(self, line: Line) -> Line:
        paid = line.unit * line.quantity - line.discount
        rates = [Decimal(rate) for rate in line.rates]
        if not self.included:
            taxes = tuple(self._round(paid * rate / 100) for rate in rates)
            return changed(line, net=paid, taxes=taxes)
        whole = Decimal(100) + sum(rates)
        taxes = tuple(self._round(paid * rate / whole) for rate in rates)
        return changed(line, net=paid - sum(taxes), taxes=taxes)

    def _taxes(self, lines: list[Line]) -> tuple[int, tuple[TaxTotal, ...]]:
        sums: dict[Decimal, tuple[int, int, Decimal]] = {}
        for line in lines:
            for rate, tax in zip(line.rates, line.taxes, strict=True):
                base, so_far, exact = sums.get(Decimal(rate), (0, 0, ZERO))
                unrounded = line.net * Decimal(rate) / 100
                sums[Decimal(rate)] = (base + line.net, so_far + tax, exact + unrounded)
        subtotal = self.rounding == "subtotal" and not self.included
        groups = {
            rate: (base, self._round(exact) if subtotal else tax)
            for rate, (base, tax, exact) in sums.items()
        }
        totals = tuple(
            TaxTotal(
                rate=rate, tax=self._money(tax), base=None if self.current else self._money(base)
            )
            for rate, (base, tax) in groups.items()
            if tax or not (self.silent and rate)
        )
        return sum(tax for _, tax in groups.values()), totals

    def _item(self, line: Line, unit: int | None = -1) -> Item:
        net, gross = self._money(line.net), self._money(line.gross)
        pieces = line.quantity or 1
        price, gross_price = (net / pieces).quantize(MICRO), None
        discount = ZERO
        if unit is not None:
            price = self._money(line.unit)
            if self.included:
                gross_price = price
                whole = 1 + sum(line.rates, ZERO) / 100
                price = (price * net / gross if net > 0 else price / whole).quantize(MICRO)
            discount = price * pieces - net
            if discount < 0 < price:
                price, discount = (net / pieces).quantize(MICRO), ZERO
        return Item(
            name=f"Thing {line.thing}", sku=f"S{line.thing}", source_id=line.id or None,
            kind=line.kind, quantity=Decimal(line.quantity), price=price, gross_price=gross_price,
            discount=discount, total=net, total_with_tax=gross,
            tax_rate=sum((Decimal(r) for r in line.rates), ZERO),
            taxes=tuple(
                ItemTax(rate=Decimal(rate), tax=self._money(tax))
                for rate, tax in zip(line.rates, line.taxes, strict=True)
            ),
        )  # fmt: skip


def _share(of: int, taken: int, pieces: int, quantity: int, *, whole: bool) -> int:
    """What so many pieces give back, never more than is left; a tenth for none."""
    if whole:
        return of - taken
    return min(of - taken, of * pieces // quantity if pieces else of // 10)
