"""One shop's books: its orders on a clock, and everything that can happen to them.

Orders are immutable values (orders.py); ``ledger.order(id)`` is a snapshot that stays as it is. All
methods are safe for several threads: one lock, held for one change. Each change is stamped with the
clock's time. What is asked for comes from drafts.py: ``Draft``, ``Item``, ``Edit``.

A face reads ``indexed()`` (what listings show: late, if ``lag`` is set) and ``order()`` or
``visible()``. It keeps the ledger as its attribute ``ledger``: the server calls
``ledger.before_answer(request)``, when a test has set it, before the face answers, so a test can
change the shop between two pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from ordermill.simulator import building, editing
from ordermill.simulator.books import Books
from ordermill.simulator.drafts import Draft, Edit
from ordermill.simulator.orders import Fulfilment, Order, Refund, Transaction, TransactionStatus
from ordermill.simulator.parts import ZERO, Address, Customer, Rate

_KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Ledger(Books):
    """Everything that can happen to the orders of one shop."""

    # What buyers do

    def place(
        self, draft: Draft, *, status: str = "pending", paid: bool = False,
        at: datetime | None = None,
    ) -> Order:  # fmt: skip
        """A new order. ``paid``: paid in full at once, so its status becomes processing.

        ``at`` backdates it, as imports do.
        """
        with self._lock:
            order_id = self._order_id()
            key = "wc_order_" + "".join(self._random.choices(_KEY, k=13))
            when = at or self.now()
            order = building.place(draft, self.shop, order_id, key, self._part_id, when, status)
            self._keep(None, order)
            return self.pay(order_id, at=when) if paid else order

    def pay(
        self, order_id: int, amount: Decimal | None = None, *, gateway: str | None = None,
        rounding: Decimal = ZERO, at: datetime | None = None,
    ) -> Order:  # fmt: skip
        """A successful sale of ``amount`` (None: all that is due). Paid in full, a pending, on-hold
        or failed order starts processing, or is completed when nothing has to be sent."""
        with self._lock:
            order = self._get(order_id)
            due = order.current_total - order.paid + _given_back(order)
            paid = Transaction(
                self._part_id(), "sale", "success", gateway or order.gateway,
                due if amount is None else amount, at or self.now(),
                reference=self._reference(), rounding=rounding,
            )  # fmt: skip
            return self._keep(order, self._with_money(order, paid), status_moved=True, at=at)

    def authorize(self, order_id: int) -> Order:
        """The whole total is reserved, not taken."""
        with self._lock:
            order = self._get(order_id)
            return self._transact(order, "authorization", order.current_total)

    def capture(self, order_id: int, amount: Decimal | None = None) -> Order:
        """Take what was authorized (None: all of it)."""
        with self._lock:
            order = self._get(order_id)
            reserved = next(t for t in order.transactions if t.kind == "authorization")
            return self._transact(order, "capture", amount or reserved.amount, reserved.id)

    def void(self, order_id: int) -> Order:
        """Release an authorization."""
        with self._lock:
            order = self._get(order_id)
            reserved = next(t for t in order.transactions if t.kind == "authorization")
            return self._transact(order, "void", reserved.amount, reserved.id)

    def fail(self, order_id: int) -> Order:
        """A payment that did not succeed; the status becomes failed."""
        with self._lock:
            order = self._get(order_id)
            failed = self._transaction(order, "sale", order.current_total, status="failure")
            after = replace(order, transactions=(*order.transactions, failed), status="failed")
            return self._keep(order, after, status_moved=True)

    # What the shop does

    def fulfil(
        self, order_id: int, quantities: Mapping[int, Decimal] | None = None, *, tracking: str = ""
    ) -> Order:
        """Send so much of each line (None: what was not sent). All sent completes the order."""
        with self._lock:
            order = self._get(order_id)
            sent = _unsent(order) if quantities is None else dict(quantities)
            parcel = Fulfilment(self._part_id(), self.now(), tuple(sent.items()), tracking)
            after = replace(order, fulfilments=(*order.fulfilments, parcel))
            if after.fulfilment == "fulfilled":
                after = self._in_status(after, "completed")
            return self._keep(order, after, status_moved=after.status != order.status)

    def set_status(self, order_id: int, status: str) -> Order:
        """By hand or by a plug-in. completed and processing count as paid (WooCommerce); refunded
        gives back the rest of the money; cancelled sets ``cancelled_at``."""
        with self._lock:
            order = self._get(order_id)
            self._keep(order, self._in_status(order, status), status_moved=True)
            if status == "refunded" and self._get(order_id).current_total > 0:
                self.refund(order_id, full=True, reason="Order fully refunded.")
            return self._get(order_id)

    def cancel(self, order_id: int, reason: str = "customer") -> Order:
        """Cancelled; the money stays where it is until refunded or voided."""
        with self._lock:
            order = self._get(order_id)
            after = replace(self._in_status(order, "cancelled"), cancel_reason=reason)
            return self._keep(order, after, status_moved=True)

    def close(self, order_id: int) -> Order:
        """Archive it (Shopify)."""
        return self._replace(order_id, closed_at=self.now())

    def reopen(self, order_id: int) -> Order:
        """Take it out of the archive (Shopify)."""
        return self._replace(order_id, closed_at=None)

    def edit(self, order_id: int, *edits: Edit) -> Order:
        """Change items, in one go; the sums follow. ``posts_modified_at`` stays: measured."""
        with self._lock:
            order = self._get(order_id)
            return self._keep(order, editing.edited(order, edits, self._part_id, self.now()))

    def edit_without_recalculation(self, order_id: int, line_id: int, net: Decimal) -> Order:
        """As a plug-in that saves a line's total and nothing else: the sums no longer hold."""
        with self._lock:
            order = self._get(order_id)
            line = order.line(line_id)
            lines = tuple(
                replace(x, now=replace(x.now, total=net)) if x.id == line.id else x
                for x in order.lines
            )
            return self._keep(order, replace(order, lines=lines), moves=False)

    def refund(
        self,
        order_id: int,
        lines: Mapping[int, Decimal] | None = None,
        *,
        shipping: bool = False,
        charges: bool = False,
        amount: Decimal | None = None,
        full: bool = False,
        everything: bool = False,
        blank: bool = False,
        reason: str = "",
        restock: str = "return",
        pending: bool = False,
    ) -> Refund:
        """Give money back: units of ``lines`` by id, what is left of shipping and charges, or only
        an ``amount`` (with lines too: the amount wins, the difference is an adjustment).

        ``everything``: all that is left, line by line. ``full``: the same money without any parts.
        ``blank``: quantities and no amount, WooCommerce's "-". ``pending``: its transaction has not
        succeeded yet. An order given back entirely gets the status refunded.
        """
        with self._lock:
            order = self._get(order_id)
            if everything:
                lines, shipping, charges = _unrefunded(order), True, True
            given = editing.refund(
                order, self._order_id(), self._part_id, self.now(), lines=lines or {},
                shipping=shipping, charges=charges, reason=reason, restock=restock, blank=blank,
                amount=order.current_total if amount is None and (full or everything) else amount,
            )  # fmt: skip
            if given.amount and order.paid:
                given, order_with = self._paid_back(order, given, pending)
            else:
                order_with = order
            given = replace(given, full=full)
            after = editing.with_refund(order_with, given, self._part_id)
            if after.current_total <= 0 and not blank:
                after = replace(after, status="refunded")
            self._keep(order, after, status_moved=True)
            return given

    def settle_refund(self, order_id: int, refund_id: int, *, success: bool = True) -> Order:
        """A pending refund's transaction succeeds or fails."""
        with self._lock:
            order = self._get(order_id)
            status: TransactionStatus = "success" if success else "failure"
            after = replace(order, transactions=tuple(
                replace(t, status=status) if t.refund_id == refund_id else t
                for t in order.transactions
            ))  # fmt: skip
            return self._keep(order, after)

    def delete_refund(self, order_id: int, refund_id: int) -> Order:
        """Take a refund back out of the books. No time moves, on any storage: measured."""
        with self._lock:
            order = self._get(order_id)
            after = editing.without_refund(order, refund_id)
            return self._keep(order, after, moves=False)

    # What is written on an order

    def annotate(
        self, order_id: int, *, note: str | None = None, tags: Sequence[str] | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> Order:  # fmt: skip
        """The buyer's note, tags, meta data; meta is merged."""
        with self._lock:
            order = self._get(order_id)
            merged = {name: (id_, value) for id_, name, value in order.meta}
            for name, value in (meta or {}).items():
                merged[name] = (merged.get(name, (self._part_id(), None))[0], value)
            after = replace(
                order,
                note=order.note if note is None else note,
                tags=order.tags if tags is None else tuple(tags),
                meta=tuple((id_, name, value) for name, (id_, value) in merged.items()),
            )
            return self._keep(order, after, status_moved=after.note != order.note)

    def readdress(
        self, order_id: int, *, billing: Address | None = None, ship_to: Address | None = None,
        customer: Customer | None = None,
        rates: Sequence[tuple[str, tuple[Rate, ...]]] | None = None,
    ) -> Order:  # fmt: skip
        """Other addresses or buyer; with ``rates`` (by class) the tax is calculated again."""
        with self._lock:
            order = self._get(order_id)
            after = replace(
                order, billing=billing or order.billing, ship_to=ship_to or order.ship_to,
                customer=customer or order.customer,
            )  # fmt: skip
            if rates is not None:
                after = editing.retaxed(after, dict(rates), self._part_id, self.now())
            return self._keep(order, after)

    def touch(self, order_id: int) -> Order:
        """Nothing changes but the time."""
        return self._replace(order_id)

    def set_modified(self, order_id: int, at: datetime) -> Order:
        """As import plug-ins do: the times of change go where they are told, backwards too."""
        with self._lock:
            order = self._get(order_id)
            after = replace(order, modified_at=at, posts_modified_at=at)
            return self._keep(order, after, moves=False)

    def trash(self, order_id: int) -> Order:
        """Into the trash: gone from status=any, still there by id."""
        with self._lock:
            order = self._get(order_id)
            after = replace(order, status="trash", status_before_trash=order.status)
            return self._keep(order, after, status_moved=True)

    def untrash(self, order_id: int) -> Order:
        """Back to the status it had."""
        with self._lock:
            order = self._get(order_id)
            after = replace(order, status=order.status_before_trash, status_before_trash="")
            return self._keep(order, after, status_moved=True)

    def purge(self, order_id: int) -> None:
        """Gone for good, without a trace."""
        with self._lock:
            order = self._get(order_id)
            self._show(order.id, None)
            del self._orders[order.id]
            self._tell(order, None)

    # How money is written down

    def _transaction(self, order: Order, kind: Any, amount: Decimal, parent: int | None = None, *,
                     status: Any = "success") -> Transaction:  # fmt: skip
        return Transaction(
            self._part_id(), kind, status, order.gateway, amount, self.now(),
            parent_id=parent, reference=self._reference(),
        )  # fmt: skip

    def _transact(self, order: Order, kind: Any, amount: Decimal, parent: int | None = None
                  ) -> Order:  # fmt: skip
        transaction = self._transaction(order, kind, amount, parent)
        return self._keep(order, self._with_money(order, transaction), status_moved=True)

    def _with_money(self, order: Order, transaction: Transaction) -> Order:
        after = replace(order, transactions=(*order.transactions, transaction))
        waiting = after.status in ("pending", "on-hold", "failed")
        if waiting and after.paid >= after.totals.total:
            sent = any(line.requires_shipping for line in after.lines)
            after = self._in_status(after, "processing" if sent else "completed")
            after = replace(after, paid_at=order.paid_at or transaction.at)
        return after

    def _in_status(self, order: Order, status: str) -> Order:
        now = self.now()
        after = replace(order, status=status)
        if status in ("processing", "completed") and order.paid_at is None:
            after = replace(after, paid_at=now)
        if status == "completed":
            after = replace(after, completed_at=now)
        if status == "cancelled":
            after = replace(after, cancelled_at=now)
        return after

    def _paid_back(self, order: Order, given: Refund, pending: bool) -> tuple[Refund, Order]:
        """The refund with its transaction, and the order that has it."""
        sale = next((t for t in order.transactions if t.kind in ("sale", "capture")), None)
        back = replace(
            self._transaction(order, "refund", given.amount, sale.id if sale else None,
                              status="pending" if pending else "success"),
            refund_id=given.id,
        )  # fmt: skip
        after = replace(order, transactions=(*order.transactions, back))
        return replace(given, transaction_id=back.id), after


def _given_back(order: Order) -> Decimal:
    """What was paid back by transactions."""
    return sum((t.amount for t in order.transactions if t.kind == "refund"), ZERO)


def _unsent(order: Order) -> dict[int, Decimal]:
    left = {
        line.id: line.now.quantity - order.refunded_quantity(line.id)
        - order.fulfilled_quantity(line.id)
        for line in order.lines if line.requires_shipping
    }  # fmt: skip
    return {line_id: quantity for line_id, quantity in left.items() if quantity > 0}


def _unrefunded(order: Order) -> dict[int, Decimal]:
    left = {line.id: line.now.quantity - order.refunded_quantity(line.id) for line in order.lines}
    return {line_id: quantity for line_id, quantity in left.items() if quantity > 0}
