"""Days in a shop: buyers order and pay, the shop sends, edits, refunds, cancels and throws away."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from ordermill.simulator import catalogue, money
from ordermill.simulator.catalogue import Habits
from ordermill.simulator.drafts import (
    AddCharge,
    AddItem,
    ApplyCoupon,
    Edit,
    NewCharge,
    Remove,
    SetPrice,
    SetQuantity,
)
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.orders import Order

Told = str | None


@dataclass(frozen=True, slots=True)
class Ways:
    """How often what happens; the numbers are relative. What only one platform does is 0 for the
    other: ``delete_refund``, ``blank_refund`` and ``trash`` are WooCommerce's. ``withhold``: a paid
    order is cancelled and its money kept, or given back only now."""

    place: int = 10
    pay: int = 8
    fulfil: int = 5
    edit: int = 5
    refund: int = 4
    note: int = 2
    touch: int = 1
    cancel: int = 1
    fail: int = 1
    trash: int = 1
    untrash: int = 1
    purge: int = 0
    delete_refund: int = 0
    blank_refund: int = 0
    withhold: int = 0


class Life:
    """What happens in one shop, by seed. ``step`` does one thing and says what, naming no buyer.

    Safe for several threads: one thing happens at a time, so that nothing is done to an order that
    became another while it was being picked, and an order that is cancelled is refunded, too.
    """

    def __init__(
        self, ledger: Ledger, seed: int = 0, habits: Habits | None = None, ways: Ways | None = None
    ) -> None:
        self.ledger = ledger
        self.habits = habits or Habits()
        self.ways = ways or Ways()
        self._random = random.Random(f"life {seed}")
        self._lock = threading.RLock()
        self._doings: dict[str, Callable[[], Told]] = {
            "place": self._place, "pay": self._pay, "fulfil": self._fulfil, "edit": self._edit,
            "refund": self._refund, "note": self._note, "touch": self._touch,
            "cancel": self._cancel, "fail": self._fail, "trash": self._trash,
            "untrash": self._untrash, "purge": self._purge,
            "delete_refund": self._delete_refund, "blank_refund": self._blank_refund,
            "withhold": self._withhold,
        }  # fmt: skip

    def step(self) -> str:
        """One thing happens; what cannot happen now gives way to the next drawn thing."""
        names = list(self._doings)
        weights = [getattr(self.ways, name) for name in names]
        with self._lock:
            while True:
                told = self._doings[self._random.choices(names, weights)[0]]()
                if told is not None:
                    return told

    def place(self, n: int = 1, *, lines: int | None = None) -> list[Order]:
        """So many orders, some of them paid; ``lines`` each, if given."""
        with self._lock:
            return [self._new(lines) for _ in range(n)]

    def burst(self, n: int) -> list[Order]:
        """So many orders within one and the same second."""
        with self.ledger.one_second():
            return self.place(n)

    def _new(self, lines: int | None = None) -> Order:
        draft = catalogue.draft(self._random, self.habits, lines=lines)
        at_once = draft.gateway not in ("bacs", "cheque", "cod")
        status = "on-hold" if not at_once else "pending"
        return self.ledger.place(draft, status=status, paid=at_once and self._random.random() < 0.8)

    def _pick(
        self, *statuses: str, when: Callable[[Order], bool] = lambda order: True
    ) -> Order | None:
        """One of the newest orders in one of these statuses (none named: any but trash)."""
        found = [
            order for order in self.ledger.orders()[-200:]
            if (order.status in statuses if statuses else order.status != "trash") and when(order)
        ]  # fmt: skip
        return self._random.choice(found) if found else None

    def _place(self) -> Told:
        order = self._new()
        how = "paid" if order.paid_at else "not paid yet"
        return f"order {order.number} came in: {_money(order)}, {len(order.lines)} items, {how}"

    def _pay(self) -> Told:
        order = self._pick("pending", "on-hold", "failed")
        if order is None:
            return None
        self.ledger.pay(order.id)
        return f"order {order.number} was paid: {_money(order)}"

    def _fulfil(self) -> Told:
        order = self._pick("processing", when=lambda o: o.fulfilment != "fulfilled")
        if order is None:
            return None
        whole = self._random.random() < 0.8 or len(order.lines) < 2
        left = {line.id: line.now.quantity for line in order.lines[:1]}
        sent = self.ledger.fulfil(order.id, None if whole else left, tracking="RA123456789SI")
        return f"order {order.number} was sent: {sent.fulfilment}"

    def _edit(self) -> Told:
        order = self._pick("pending", "on-hold", "processing", "completed", when=_editable)
        if order is None:
            return None
        edit, what = self._random_edit(order)
        after = self.ledger.edit(order.id, edit)
        return f"order {order.number} was edited: {what}, {order.totals.total} -> {_money(after)}"

    def _random_edit(self, order: Order) -> tuple[Edit, str]:
        line = self._random.choice([each for each in order.lines if each.now.quantity])
        name = f"{line.sku}"
        chance = self._random.random()
        if chance < 0.4:
            wanted = max(line.now.quantity + self._random.choice((-1, 1, 2)), Decimal(1))
            return SetQuantity(line.id, wanted), f"{name} x{line.now.quantity} -> x{wanted}"
        if chance < 0.55:
            price = money.rounded(line.now.unit_price * Decimal("0.9"), order.places)
            return SetPrice(line.id, price), f"{name} at {price}"
        if chance < 0.75:
            item = catalogue.priced(self._random.choice(catalogue.PRODUCTS), order.currency)
            return AddItem(item), f"{item.sku} added"
        if chance < 0.9 and sum(1 for each in order.lines if each.now.quantity) > 1:
            return Remove(line.id), f"{name} removed"
        if chance < 0.95:
            return AddCharge(NewCharge("Packing", Decimal("2.55"))), "a fee added"
        return ApplyCoupon(catalogue.COUPONS[0]), "10 % taken off"

    def _refund(self) -> Told:
        order = self._pick("processing", "completed", when=lambda o: 0 < o.current_total <= o.paid)
        if order is None:
            return None
        chance = self._random.random()
        cent = Decimal(1).scaleb(-order.places)
        if chance < 0.4 and (lines := self._some(order)):
            given = self.ledger.refund(order.id, lines, reason="Returned")
        elif chance < 0.6:
            amount = money.rounded(order.current_total / 5, order.places) or cent
            given = self.ledger.refund(order.id, amount=amount, reason="Goodwill")
        elif chance < 0.7 and any(each.now.gross for each in order.shipping):
            given = self.ledger.refund(order.id, shipping=True, reason="Late")
        elif chance < 0.9:
            given = self.ledger.refund(order.id, everything=True, reason="All returned")
        else:
            given = self.ledger.refund(order.id, full=True, reason="Order fully refunded.")
        return f"order {order.number}: {given.amount} {order.currency} refunded"

    def _some(self, order: Order) -> dict[int, Decimal]:
        """One unit of one line that has one left; never more than is left of the money."""
        for line in order.lines:
            left = line.now.quantity - order.refunded_quantity(line.id)
            if left >= 1 and line.now.gross <= order.current_total:
                return {line.id: Decimal(1)}
        return {}

    def _note(self) -> Told:
        order = self._pick()
        if order is None:
            return None
        self.ledger.annotate(order.id, note="Prosim, pokličite.", tags=["seen"])
        return f"order {order.number} got a note"

    def _touch(self) -> Told:
        order = self._pick()
        if order is None:
            return None
        self.ledger.touch(order.id)
        return f"order {order.number} was saved without a change"

    def _cancel(self) -> Told:
        order = self._pick("pending", "on-hold", "processing")
        if order is None:
            return None
        self.ledger.cancel(order.id)
        if order.paid:
            self.ledger.refund(order.id, everything=True, reason="Cancelled", restock="cancel")
        return f"order {order.number} was cancelled"

    def _fail(self) -> Told:
        order = self._pick("pending")
        if order is None:
            return None
        self.ledger.fail(order.id)
        return f"the payment of order {order.number} failed"

    def _withhold(self) -> Told:
        kept = self._pick("cancelled", when=lambda o: 0 < o.current_total <= o.paid)
        if kept is not None and self._random.random() < 0.5:
            self.ledger.refund(kept.id, everything=True, reason="Cancelled", restock="cancel")
            return f"order {kept.number}, cancelled before, was refunded"
        order = self._pick("processing", when=lambda o: o.paid > 0)
        if order is None:
            return None
        self.ledger.cancel(order.id)
        return f"order {order.number} was cancelled, and not refunded yet"

    def _trash(self) -> Told:
        order = self._pick("cancelled", "failed", "pending")
        if order is None:
            return None
        self.ledger.trash(order.id)
        return f"order {order.number} was moved to the trash"

    def _untrash(self) -> Told:
        order = self._pick("trash")
        if order is None:
            return None
        self.ledger.untrash(order.id)
        return f"order {order.number} was taken out of the trash"

    def _purge(self) -> Told:
        order = self._pick("trash", "cancelled")
        if order is None:
            return None
        self.ledger.purge(order.id)
        return f"order {order.number} was deleted for good"

    def _delete_refund(self) -> Told:
        order = self._pick(when=lambda o: bool(o.refunds))
        if order is None:
            return None
        self.ledger.delete_refund(order.id, order.refunds[-1].id)
        return f"order {order.number}: its refund was deleted"

    def _blank_refund(self) -> Told:
        order = self._pick("processing", "completed", when=lambda o: bool(o.lines[0].now.quantity))
        if order is None:
            return None
        self.ledger.refund(order.id, {order.lines[0].id: Decimal(1)}, blank=True)
        return f"order {order.number}: an item came back, no amount was given"


def _editable(order: Order) -> bool:
    return not order.refunds and any(line.now.quantity for line in order.lines)


def _money(order: Order) -> str:
    return f"{order.totals.total} {order.currency}"
