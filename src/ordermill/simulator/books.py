"""How a ledger keeps its orders: ids, times, the lock, and what listings see late."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ordermill.simulator.building import Shop
from ordermill.simulator.clock import Clock
from ordermill.simulator.orders import Order

NONE: timedelta = timedelta(0)
Watcher = Callable[[Order | None, Order | None], None]


class Books:
    """One shop's orders. The same seed and the same calls make the same books.

    ``shop`` holds the settings new orders are calculated by; it may be replaced at any time.
    ``lag``: changes made while it is set become visible to ``indexed`` and ``visible`` so much
    later. ``watchers`` are told of each change that moves an order's time: the order before (None:
    it is new) and after (None: it is gone). They are called under the lock.
    """

    def __init__(
        self,
        clock: Clock,
        seed: int = 0,
        shop: Shop | None = None,
        *,
        first_id: int = 1001,
    ) -> None:
        self.clock = clock
        self.shop = shop or Shop()
        self.lag = NONE
        self.before_answer: Callable[[Any], None] | None = None
        self.watchers: list[Watcher] = []
        self._random = random.Random(f"ledger {seed}")
        self._lock = threading.RLock()
        self._orders: dict[int, Order] = {}
        self._late: dict[int, list[tuple[datetime, Order | None]]] = {}
        self._shown: dict[int, Order] = {}
        self._next_order = first_id
        self._next_part = first_id * 10
        self._frozen_at: datetime | None = None
        self._silent = False

    # What there is

    def now(self) -> datetime:
        """The shop's time."""
        return self._frozen_at or self.clock.now()

    def order(self, order_id: int) -> Order | None:
        """The order as it is now, in the trash or not; None when there is none or it was purged."""
        with self._lock:
            return self._orders.get(order_id)

    def orders(self) -> tuple[Order, ...]:
        """All orders as they are now, trashed ones too, in order of their ids."""
        with self._lock:
            return tuple(self._orders.values())

    def indexed(self) -> tuple[Order, ...]:
        """All orders as listings show them: changes made under a lag appear late."""
        with self._lock:
            self._catch_up()
            return tuple(self._shown.values()) if self._late else tuple(self._orders.values())

    def visible(self, order_id: int) -> Order | None:
        """The order as ``indexed`` has it."""
        with self._lock:
            self._catch_up()
            return (self._shown if self._late else self._orders).get(order_id)

    @contextmanager
    def one_second(self) -> Iterator[None]:
        """All changes made inside carry the same time, as those of a bulk edit or an import."""
        with self._lock:
            self._frozen_at = self.clock.now()
            try:
                yield
            finally:
                self._frozen_at = None

    @contextmanager
    def in_silence(self) -> Iterator[None]:
        """No change made inside moves a time or is told to anybody, as where a plug-in or the
        platform's support writes into the shop's database."""
        with self._lock:
            self._silent = True
            try:
                yield
            finally:
                self._silent = False

    def _get(self, order_id: int) -> Order:
        order = self._orders.get(order_id)
        if order is None:
            raise KeyError(f"no order {order_id} in this ledger")
        return order

    def _replace(self, order_id: int, **changes: Any) -> Order:
        with self._lock:
            order = self._get(order_id)
            return self._keep(order, replace(order, **changes))

    def _keep(
        self, before: Order | None, after: Order, *, moves: bool = True,
        status_moved: bool = False, at: datetime | None = None,
    ) -> Order:  # fmt: skip
        """Store a new state; ``status_moved``: WooCommerce's posts storage shows the time too."""
        if before is not None:
            now = at or self.now()
            after = replace(after, version=before.version + 1)
            if moves and not self._silent:
                after = replace(after, modified_at=now)
            if status_moved and not self._silent:
                after = replace(after, posts_modified_at=now)
        self._show(after.id, after)
        self._orders[after.id] = after
        if moves:
            self._tell(before, after)
        return after

    def _tell(self, before: Order | None, after: Order | None) -> None:
        if self._silent:
            return
        for watch in self.watchers:
            watch(before, after)

    def _show(self, order_id: int, after: Order | None) -> None:
        """Let listings know, late if there is a lag."""
        if not self._late and self.lag == NONE:
            return
        if not self._late:
            self._shown = dict(self._orders)
        appears = self.clock.now() + self.lag
        self._late.setdefault(order_id, []).append((appears, after))

    def _catch_up(self) -> None:
        now = self.clock.now()
        for order_id, waiting in list(self._late.items()):
            due = [i for i, (appears, _) in enumerate(waiting) if appears <= now]
            if not due:
                continue
            order = waiting[due[-1]][1]
            if order is None:
                self._shown.pop(order_id, None)
            else:
                self._shown[order_id] = order
            if left := waiting[due[-1] + 1 :]:
                self._late[order_id] = left
            else:
                del self._late[order_id]

    def _order_id(self) -> int:
        taken = self._next_order
        self._next_order += self._random.choice((1, 1, 1, 2, 3))
        return taken

    def _part_id(self) -> int:
        self._next_part += 1
        return self._next_part

    def _reference(self) -> str:
        return f"txn_{self._random.getrandbits(48):012x}"
