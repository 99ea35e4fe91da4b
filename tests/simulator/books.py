"""A shop's books with orders of every kind: lived, and made by hand where life is too plain."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

from ordermill.simulator import catalogue
from ordermill.simulator.building import Shop
from ordermill.simulator.catalogue import GIFT_CARD, HOME, PLACES, PRODUCTS, SHIPPINGS, Habits
from ordermill.simulator.clock import ManualClock
from ordermill.simulator.drafts import (
    AddCharge,
    AddItem,
    AddShipping,
    ApplyCoupon,
    Coupon,
    Draft,
    Edit,
    Item,
    NewCharge,
    NewShipping,
    Remove,
    SetPrice,
    SetQuantity,
)
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life, Ways
from ordermill.simulator.orders import Order
from ordermill.simulator.parts import Address, Customer

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
D = Decimal
ZERO = Decimal(0)
CUP = Item("CUP", "Cup", D("7.45"), quantity=D(3), product_id=18)
BOOK = Item("BOOK", "Book", D("24.90"), product_id=19, tax_class=catalogue.REDUCED)
POST = NewShipping("Post", D("4.90"))
COMPOUND = PLACES[4]
HABITS = Habits(foreign_currencies=True, test_orders=True)
WAYS = Ways(edit=12, refund=8, cancel=2, fail=1, trash=0, untrash=0)


def a_draft(*items: Item, **other: object) -> Draft:
    """Cups and a book to Slovenia, sent by post; the card is charged elsewhere."""
    customer, address = catalogue.buyer(Random(1), HOME)
    values: dict[str, object] = {
        "items": items or (CUP, BOOK), "rates": HOME.rates, "shipping": (POST,),
        "customer": customer, "billing": address, "gateway": "shopify_payments",
    }  # fmt: skip
    return Draft(**(values | other))  # type: ignore[arg-type]


def a_ledger(*, included: bool = True, currency: str = "EUR", seed: int = 1) -> Ledger:
    """Empty books on a clock that stands still."""
    shop = Shop(currency=currency, prices_include_tax=included)
    return Ledger(ManualClock(START), seed=seed, shop=shop)


def placed(ledger: Ledger, *items: Item, paid: bool = True, **other: object) -> Order:
    return ledger.place(a_draft(*items, **other), paid=paid)


def crowd(ledger: Ledger, orders: int = 1000) -> None:
    """So many small orders, which are soon made and read: as many as bulk is worth while for."""
    for _ in range(orders):
        placed(ledger, CUP, shipping=(), customer=Customer())


def lived(ledger: Ledger, orders: int, steps: int, seed: int = 1) -> None:
    """So many orders, and so many things that happen to them and others, a second apart."""
    life = Life(ledger, seed=seed, habits=HABITS, ways=WAYS)
    life.place(orders)
    for _ in range(steps):
        life.step()
        ledger.clock.sleep(1)


def by_hand(ledger: Ledger) -> None:
    """One order at least of each kind that life does not come to."""
    _sold(ledger)
    _edited(ledger)
    _refunded(ledger)
    _paid(ledger)
    _done_with(ledger)


def _sold(ledger: Ledger) -> None:
    random = Random(7)
    for place in PLACES:
        for included in (True, False):
            placed(ledger, rates=place.rates, prices_include_tax=included)
    for currency, rate in (("JPY", "0.0061"), ("KWD", "3.01"), ("USD", "0.92")):
        items = tuple(catalogue.priced(item, currency) for item in PRODUCTS[:6])
        placed(ledger, *items, currency=currency, shop_rate=D(rate), coupons=catalogue.COUPONS[:2])
    cups = [replace(CUP, sku=f"CUP-{n}", quantity=D(random.randint(1, 3))) for n in range(600)]
    placed(ledger, *cups, coupons=(Coupon("cart17", "fixed_cart", D("17.77")),))
    duty, fee = NewCharge("", D("3.21"), "duty", line=0), NewCharge("Recycling", D("0.55"))
    placed(ledger, charges=(duty, fee, NewCharge("Tip", D(2), "tip")))
    placed(ledger, coupons=(Coupon("FREESHIP", "shipping", D(100)),))
    placed(ledger, coupons=(Coupon("HALFSHIP", "shipping", D(50)), catalogue.COUPONS[0]))
    placed(ledger, coupons=(catalogue.FULL,), shipping=())
    placed(ledger, coupons=(Coupon("", "fixed_product", D("0.5")),))
    placed(ledger, GIFT_CARD, shipping=())
    placed(ledger, shipping=(*SHIPPINGS[:2], POST))
    company = Customer(81, "Ana", "Novak", "ana@example.test", "", "Novak d.o.o.", "SI12345678")
    placed(ledger, customer=company, tax_exempt=True, rates=PLACES[1].rates)
    guest = replace(company, id=0, vat_id="IT00743110157")
    italy = Address("Ana", "Novak", "Novak", "Via 1", "", "Roma", "", "00100", "IT")
    placed(ledger, customer=guest, billing=italy)
    placed(ledger, customer=replace(guest, vat_id="SI12345678"), test=True, tags=("b", "a"))
    placed(ledger, customer=Customer(), billing=Address(), ship_to=Address())


def _edited(ledger: Ledger) -> None:
    for included in (True, False):
        order = placed(
            ledger, prices_include_tax=included, coupons=catalogue.COUPONS[1:2],
            charges=(NewCharge("Packing", D("2.55")),),
        )  # fmt: skip
        cup, book = order.lines
        one: list[Edit] = [SetQuantity(cup.id, D(1))]
        for edits in (
            one, [SetPrice(book.id, D("19.99"))], [AddItem(BOOK), AddItem(GIFT_CARD)],
            [ApplyCoupon(Coupon("", "percent", D(15)))], [AddShipping(POST)],
            [AddCharge(NewCharge("Wrapping", D("1.11")))], [Remove(cup.id)],
            [Remove(order.shipping[0].id), Remove(order.charges[0].id)],
        ):  # fmt: skip
            ledger.clock.sleep(1)
            ledger.edit(order.id, *edits)
    emptied = placed(ledger)
    ledger.edit(emptied.id, *(Remove(part.id) for part in (*emptied.lines, *emptied.shipping)))
    moved = placed(ledger, paid=False)
    ledger.readdress(moved.id, rates=COMPOUND.rates)
    ledger.pay(moved.id)
    ledger.readdress(moved.id, rates=PLACES[1].rates)


def _refunded(ledger: Ledger) -> None:
    for included in (True, False):
        order = _for_refunds(ledger, included)
        cup, book = order.lines
        ledger.refund(order.id, {cup.id: D(1)}, reason="broken", restock="cancel")
        ledger.refund(order.id, {cup.id: D(1), book.id: D(1)}, shipping=True)
        ledger.edit(order.id, AddItem(BOOK))
        ledger.refund(order.id, charges=True)
        ledger.refund(order.id, amount=D("0.77"), reason="goodwill")
        ledger.refund(order.id, everything=True)
        order = _for_refunds(ledger, included)
        cup = order.lines[0]
        ledger.refund(order.id, {cup.id: D(1)}, amount=D("1.00"))
        ledger.refund(order.id, {cup.id: D(1)}, amount=D("17.00"))
        ledger.refund(order.id, full=True)
        for success in (None, True, False):
            order = _for_refunds(ledger, included)
            back = ledger.refund(order.id, {order.lines[1].id: D(1)}, pending=True)
            if success is not None:
                ledger.settle_refund(order.id, back.id, success=success)
    many = placed(ledger, replace(CUP, quantity=D(40)))
    for _ in range(30):
        ledger.refund(many.id, {many.lines[0].id: D(1)})


def _for_refunds(ledger: Ledger, included: bool) -> Order:
    charges = (
        NewCharge("Packing", D("2.55")), NewCharge("Tip", D(3), "tip"),
        NewCharge("", D("1.20"), "duty", line=0),
    )  # fmt: skip
    return placed(
        ledger, prices_include_tax=included, charges=charges, coupons=catalogue.COUPONS[1:2],
        rates=COMPOUND.rates,
    )  # fmt: skip


def _paid(ledger: Ledger) -> None:
    held = [placed(ledger, paid=False) for _ in range(4)]
    for order in held:
        ledger.authorize(order.id)
    ledger.capture(held[1].id)
    ledger.capture(held[2].id, D("5.00"))
    ledger.void(held[3].id)
    split = placed(ledger, paid=False)
    ledger.pay(split.id, D("10.00"), gateway="gift_card")
    ledger.pay(split.id)
    ledger.fail(placed(ledger, paid=False).id)
    cash = placed(ledger, paid=False, gateway="cash")
    ledger.pay(cash.id, rounding=D("0.02"))
    ledger.pay(placed(ledger, paid=False).id, D("3.00"))


def _done_with(ledger: Ledger) -> None:
    for reason in ("customer", "fraud", "whim"):
        ledger.cancel(placed(ledger, paid=False).id, reason)
    cancelled = placed(ledger)
    ledger.cancel(cancelled.id)
    ledger.refund(cancelled.id, everything=True, restock="cancel")
    sent = placed(ledger)
    ledger.fulfil(sent.id, {sent.lines[0].id: D(1)})
    ledger.fulfil(sent.id)
    ledger.close(sent.id)
    ledger.close(placed(ledger).id)
    ledger.reopen(ledger.orders()[-1].id)
