"""Callers of the Orders API: what was acknowledged must be true for ever, what was not is asked
again under the same key."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx

BUYER = "canary.of.a.buyer@example.test"
PATIENCE = 5.0  # seconds for an answer while the storm lasts
LONG = 60.0  # and when all is quiet, where none is a fault


@dataclass
class Wish:
    """One order that a caller wants made and processed; keys never change."""

    source_id: str
    total: int
    order_id: str | None = None
    invoice_id: str | None = None
    tries: int = 0

    def body(self) -> dict[str, Any]:
        net, gross = f"{self.total}.00", f"{self.total * Decimal('1.22'):.2f}"
        item = {"name": "Widget Pro", "quantity": 1, "price": net, "total": net,
                "total_with_tax": gross, "tax_rate": 22}  # fmt: skip
        return {"source": "manual", "source_id": self.source_id, "currency_code": "EUR",
                "customer_email": BUYER, "total": net, "total_with_tax": gross,
                "items": [item]}  # fmt: skip


@dataclass
class Callers(threading.Thread):
    """Makes orders and has them processed, through whichever process answers."""

    addresses: Callable[[], list[str]]
    key: str
    seed: int
    wishes: list[Wish] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)  # the bodies of all answers that were none

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self._over = threading.Event()
        self._rng = random.Random(f"callers {self.seed}")
        # No connection is kept: one to a process that was killed would fail a call that is judged.
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {self.key}"},
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
        )

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        while not self._over.is_set():
            if self._rng.random() < 0.3 or not self.wishes:
                self.wishes.append(Wish(f"m-{len(self.wishes) + 1}", self._rng.randint(1, 500)))
            self.ask(self._rng.choice(self.wishes))
            time.sleep(0.05)

    def stop(self) -> None:
        self._over.set()
        self.join()

    def granted(self) -> bool:
        """Ask again for what is not acknowledged yet; whether all is now."""
        for wish in self.wishes:
            if wish.invoice_id is None:
                self.ask(wish)
        return all(wish.invoice_id is not None for wish in self.wishes)

    def repeat(self) -> None:
        """Ask once more, when all is quiet: the same keys must give the same answers, and a new key
        must not give a second invoice. Of many wishes some, those of the storm's end among them.
        Call it last."""
        for wish in [*self.wishes[:10], *self.wishes[10:][-20:]]:
            self.ask(wish, quiet=True)
            path, key = f"/orders/{wish.order_id}/process", f"again-{wish.source_id}"
            again = self._post(path, key, {})
            if again is None or again.status_code != 409:
                status = again.status_code if again is not None else "nothing"
                self.wrong.append(f"{wish.source_id}: processed again, answered {status}")

    def refused(self) -> None:
        """Calls that are wrong: what they are answered tells nothing of whom they were about."""
        for wish in self.wishes[:1]:
            self._post("/orders", "bad-sums", wish.body() | {"total": "much"}, PATIENCE)
            self._post("/orders", "bad-name", wish.body() | {"customer_name": 7}, PATIENCE)
            self._post("/orders", "made-before", wish.body(), PATIENCE)
            self._post("/orders/ord_0/process", "nobody", {}, PATIENCE)

    def ask(self, wish: Wish, *, quiet: bool = False) -> None:
        """Have it made and processed, each under its key."""
        wish.tries += 1
        within = LONG if quiet else PATIENCE
        answer = self._post("/orders", f"make-{wish.source_id}", wish.body(), within)
        if answer is None or answer.status_code != 201:
            self._unless_unknown(wish, answer, quiet)
            return
        self._same(wish, "order_id", answer.json()["id"])
        path, key = f"/orders/{wish.order_id}/process", f"process-{wish.source_id}"
        answer = self._post(path, key, {}, within)
        if answer is None or answer.status_code != 200:
            self._unless_unknown(wish, answer, quiet)
            return
        self._same(wish, "invoice_id", answer.json()["invoice_id"])

    def _same(self, wish: Wish, name: str, value: str) -> None:
        before = getattr(wish, name)
        if before not in (None, value):
            self.wrong.append(f"{wish.source_id}: {name} was {before}, now {value}")
        setattr(wish, name, value)

    def _unless_unknown(self, wish: Wish, answer: httpx.Response | None, quiet: bool) -> None:
        """No answer, and an excuse, are no fault while the storm lasts."""
        excused = answer is None or answer.status_code >= 500 or answer.status_code in (409, 429)
        if quiet or not excused:
            said = "nothing" if answer is None else f"{answer.status_code} {answer.text[:200]}"
            self.wrong.append(f"{wish.source_id}: answered {said}")

    def _post(
        self, path: str, key: str, body: dict[str, Any], within: float = LONG
    ) -> httpx.Response | None:
        addresses = self.addresses()
        if not addresses:
            return None
        url, headers = self._rng.choice(addresses) + path, {"Idempotency-Key": key}
        try:
            answer = self._client.post(url, json=body, headers=headers, timeout=within)
        except httpx.HTTPError:
            return None
        if answer.status_code >= 400:
            self.refusals.append(answer.text)
        return answer
