"""Simulated shops over real HTTP whose orders are billed as they change.

Everything that happens is drawn from a seed: what `ordermill.simulator.life` does, and what it
does not: edits after refunds, pending refunds, orders opened again, taxes calculated anew, part
payments, cash, lines saved without a recalculation.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace as changed
from datetime import timedelta
from decimal import Decimal
from typing import Any

from invoicing.cases import EAGER, Life
from invoicing.proved import findings
from ordermill.model import changes, content
from ordermill.model.books import desired, due, held
from ordermill.model.codes import code_of
from ordermill.model.document import DocumentStatus
from ordermill.model.integration import Skip
from ordermill.model.order import ZERO, ItemKind, Order
from ordermill.simulator import catalogue, orders
from ordermill.simulator.catalogue import Habits
from ordermill.simulator.drafts import AddItem
from sync.markets import open_market

PLATFORMS = ("woo-hpos", "woo-posts", "woo-7.9", "shopify")
RULES = changed(EAGER, skip=Skip(test_orders=False))
HOURS = timedelta(hours=9)  # between two looks at an order, so that a day's cap is not reached
# Codes that a person or the shop must clear; until then an order need not be what it owes.
HELD = {"refund_deleted", "order_totals_mismatch", "refund_below_line", "order_gone",
        "cancelled_not_refunded"}  # fmt: skip


class BilledShop:
    """One shop, its life, and every order of it as it is billed."""

    def __init__(self, platform: str, seed: int) -> None:
        self.woo = platform.startswith("woo")
        self.rng = random.Random(f"{platform} {seed}")
        self.market = open_market(platform, seed=seed, page_size=100)
        self.ledger = self.market.ledger
        self.ledger.shop = changed(
            self.ledger.shop,
            prices_include_tax=self.rng.random() < 0.5,
            round_at_subtotal=self.woo and self.rng.random() < 0.4,
            decimals=self.rng.choice([None, None, 0, 3, 4, 6]) if self.woo else None,
        )
        self.market.life.habits = Habits(
            most_lines=6, negative_fees=self.woo, foreign_currencies=True, test_orders=True
        )
        self.lives: dict[str, Life] = {}
        self.kinds: Counter[str] = Counter()
        self.looks: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._versions: dict[int, int] = {}
        self._doings: Sequence[Callable[[orders.Order], bool]] = (
            self._edit_refunded, self._refund_pending, self._settle, self._open_again,
            self._only_cancel, self._tax_anew, self._pay_in_part, self._pay_cash, self._save_line,
        )  # fmt: skip

    def close(self) -> None:
        self.market.close()

    def live(self, steps: int, each: int = 12) -> None:
        """So many times: several things happen, then what changed is read and billed."""
        for _ in range(steps):
            for _ in range(each):
                if self.rng.random() > 0.3 or not self._something_else():
                    self.market.life.step()
                self.market.clock.advance(1)
            self.look()

    def look(self) -> None:
        """Read what changed through the connector, bill it, and judge it."""
        now = {order.id: order.version for order in self.ledger.orders()}
        moved = [id_ for id_ in {*now, *self._versions} if now.get(id_) != self._versions.get(id_)]
        self._versions = now
        wanted = sorted(str(id_) for id_ in moved)
        for first in range(0, len(wanted), 50):
            fetched = self.market.connector.fetch_ids(wanted[first : first + 50])
            for raw in fetched.orders:
                self._bill(self.market.connector.normalize(raw))
            for source_id in fetched.gone:
                if source_id in self.lives:
                    self.kinds["purged"] += 1
                    self._judge(self.lives[source_id].vanishes())

    def _bill(self, order: Order) -> None:
        life = self.lives.get(order.source_id)
        if life is None:
            source = "woocommerce" if self.woo else "shopify"
            life = self.lives[order.source_id] = Life(order, RULES, source).tick()
            self._count(order)
        else:
            before, invoices = life.case, len(life.invoices)
            life.now += HOURS
            life.shop_says(order)
            if invoices and len(life.invoices) > invoices and not before.items_changed:
                self._had_reason(before, life)
        self._judge(life)

    def _had_reason(self, before: Any, life: Life) -> None:
        """No reissue without a change of the items: but an order that is opened again is invoiced
        again, and a refund that failed is owed again."""
        opened = before.order.cancelled and not life.case.order.cancelled
        opened = opened or before.deleted_by is not None  # what it was edited meanwhile is seen now
        failed = any(k.refund.pending for k in before.refunds)
        if not (opened or failed or changes.diff(desired(before), desired(life.case))):
            self._say(life, "reissued although its items had not changed")

    def _judge(self, life: Life) -> None:
        case, order = life.case, life.case.order
        code = code_of(case.error)
        self.looks[code or str(case.status)] += 1
        for what in findings(life):
            self._say(life, what)
        if any(document.content.total_with_tax < 0 for document in case.documents):
            self._say(life, "a document of less than nothing")
        if case.invoice is None or code in HELD or case.deleted_by is not None:
            if case.status == "failed" and code not in HELD:
                self._say(life, f"it could not be billed: {case.error}")
            return
        if order.cancelled and case.decide_at is not None:
            return  # waits a day for its refund
        if any(k.refund.pending and not k.deleted and not k.settled_by for k in case.refunds):
            return  # waits for its money
        self._owed(life)

    def _owed(self, life: Life) -> None:
        case, order = life.case, life.case.order
        owed = ZERO if order.cancelled and life.billed == 0 else max(life.owed, ZERO)
        if life.billed != owed:
            self._say(life, f"billed {life.billed}, owed {owed}")
        elif owed and order.owed_tax is not None:
            off = abs(life.billed_tax - order.owed_tax)
            if off > (ZERO if _in_units(order) else self._parts(life)):
                self._say(life, f"billed tax {life.billed_tax}, owed {order.owed_tax}")
        if case.items_changed:
            self._say(life, f"still differs: {case.changes}")
        live = [d for d in life.invoices if d.status is not DocumentStatus.CREDITED]
        over = sum((max(ZERO, d.paid - d.content.total_with_tax) for d in life.invoices), ZERO)
        if sum(map(due, live), ZERO) > max(ZERO, owed - held(case)) + over:
            self._say(life, "more is due than was not paid")

    def _parts(self, life: Life) -> Decimal:
        """A shop that counts parts of the unit: half a one for each tax of each document."""
        rounded = sum(len(d.content.taxes) + 1 for d in life.case.documents)
        return content.unit_of(life.case.order.currency_code) * rounded / 2

    def _say(self, life: Life, what: str) -> None:
        self.wrong.append(f"order {life.case.order.source_id}: {what}")

    def _count(self, order: Order) -> None:
        items = order.items
        found = {
            order.currency_code: True,
            "several rates": any(len(item.taxes) > 1 for item in items),
            "compound": any(tax.compound for item in items for tax in item.taxes),
            "discounted whole": any(item.discount and not item.total for item in items),
            "negative fee": any(i.kind is ItemKind.FEE and i.total < 0 for i in items),
            "tip or fee": any(i.kind is ItemKind.FEE and i.total > 0 for i in items),
            "gift card": any(item.name == "Gift card" for item in items),
            "free": not order.total_with_tax,
            "test": order.test,
            "with tax": order.taxes_included,
            "without tax": not order.taxes_included,
            "finer than the unit": not _in_units(order),
            "business": bool(order.customer and order.customer.is_business),
        }
        self.kinds.update(name for name, is_so in found.items() if is_so)

    # What life does not do

    def _something_else(self) -> bool:
        """One of these things, to the first order that it can happen to."""
        there = [o for o in self.ledger.orders() if o.status != "trash"][-60:]
        do = self.rng.choice(self._doings)
        done = any(do(order) for order in self.rng.sample(there, len(there)))
        self.kinds[do.__name__.strip("_")] += done
        return done

    def _edit_refunded(self, order: orders.Order) -> bool:
        if (
            not order.refunds
            or order.current_total <= 0
            or order.status in ("cancelled", "refunded")
        ):
            return False
        item = catalogue.priced(self.rng.choice(catalogue.PRODUCTS), order.currency)
        self.ledger.edit(order.id, AddItem(item))
        return True

    def _refund_pending(self, order: orders.Order) -> bool:
        amount = _share(order, 3)
        if self.woo or not 0 < amount <= order.paid - order.refunded:
            return False
        self.ledger.refund(order.id, amount=amount, pending=True)
        return True

    def _settle(self, order: orders.Order) -> bool:
        waiting = [t for t in order.transactions if t.status == "pending" and t.refund_id]
        for transaction in waiting[:1]:
            succeeds = self.rng.random() < 0.8
            self.ledger.settle_refund(order.id, transaction.refund_id or 0, success=succeeds)
        return bool(waiting)

    def _open_again(self, order: orders.Order) -> bool:
        if order.status != "cancelled" or not self.woo:
            return False
        self.ledger.set_status(order.id, "processing")
        return True

    def _only_cancel(self, order: orders.Order) -> bool:
        if order.status not in ("pending", "processing", "on-hold") or self.rng.random() < 0.7:
            return False
        self.ledger.cancel(order.id)
        return True

    def _tax_anew(self, order: orders.Order) -> bool:
        if order.refunds or order.status not in ("pending", "processing"):
            return False
        self.ledger.readdress(order.id, rates=self.rng.choice(catalogue.PLACES).rates)
        return True

    def _pay_in_part(self, order: orders.Order) -> bool:
        if self.woo or order.status not in ("pending", "on-hold") or not _share(order, 2):
            return False
        self.ledger.pay(order.id, _share(order, 2))
        return True

    def _pay_cash(self, order: orders.Order) -> bool:
        if self.woo or order.status != "on-hold" or order.paid:
            return False
        self.ledger.pay(order.id, gateway="cash", rounding=Decimal("-0.02"))
        return True

    def _save_line(self, order: orders.Order) -> bool:
        if not self.woo or self.rng.random() < 0.9:
            return False
        self.ledger.edit_without_recalculation(order.id, order.lines[0].id, Decimal("60.00"))
        return True


def _share(order: orders.Order, parts: int) -> Decimal:
    return (order.current_total / parts).quantize(Decimal(1).scaleb(-order.places))


def _in_units(order: Order) -> bool:
    """Whether the shop counts no finer than the currency's minor unit."""
    amounts = [tax.tax for tax in order.taxes] + [item.total for item in order.items]
    return content.in_units(order.currency_code, order.owed, order.owed_tax, *amounts)
