"""Many callers at once, through one process or two: every answer is documented, the books hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.asked import key_of
from api.test_program import api_of, bearer
from program import Running, call, written

CALLERS, CALLS, ORDERS = 8, 40, 16
# What a caller may be told while others change the same order.
DOCUMENTED = {200, 201, 204, 404, 409, 412, 422}


def body(rng: random.Random, source_id: str) -> dict[str, Any]:
    buyer = {"customer_name": "Ana Novak", "customer_email": "ana@example.com"}
    known = {"source": "manual", "source_id": source_id, "currency_code": "EUR"}
    return known | buyer | sums(rng)


def sums(rng: random.Random) -> dict[str, Any]:
    """Lines at two rates, and totals that are theirs."""
    items = []
    for name, rate in (("Widget", 22), ("Book", 5)):
        quantity, price = rng.randint(1, 5), Decimal(rng.randint(100, 9999)) / 100
        total = quantity * price
        gross = round(total * (100 + rate) / 100, 2)
        amounts = {"price": str(price), "total": str(total), "total_with_tax": str(gross)}
        items.append({"name": name, "sku": name, "quantity": quantity, "tax_rate": rate, **amounts})
    return {
        "items": items,
        "total": str(sum(Decimal(item["total"]) for item in items)),
        "total_with_tax": str(sum(Decimal(item["total_with_tax"]) for item in items)),
    }


def client_of_office() -> httpx.Client:
    return httpx.Client(headers=bearer(key_of("office")), timeout=60, trust_env=False)


class Caller:
    """Does at random what the API allows, through whichever process, and repeats itself."""

    def __init__(self, urls: list[str], ids: list[str], seed: int) -> None:
        self._rng = random.Random(seed)
        self._urls = urls
        self._ids = ids
        self._seed = seed
        self.told: Counter[str] = Counter()
        self.wrong: list[str] = []

    def work(self) -> Caller:
        with client_of_office() as client:
            for n in range(CALLS):
                self._one(client, f"{self._seed}-{n}")
        return self

    def _one(self, client: httpx.Client, key: str) -> None:
        rng, order = self._rng, f"/orders/{self._rng.choice(self._ids)}"
        method, path, content = rng.choice((
            ("POST", f"{order}/process", {}), ("POST", f"{order}/process", {}),
            ("PATCH", order, sums(rng)), ("PATCH", order, {"payment_status": "paid"}),
            ("POST", f"{order}/reissue", {}), ("POST", f"{order}/cancel", {}),
            ("POST", f"{order}/restore", {}), ("POST", f"{order}/restore", {}),
            ("DELETE", order, None), ("GET", order, None),
        ))  # fmt: skip
        headers = {"Idempotency-Key": key} if method == "POST" else {}
        first, last = (
            client.request(method, rng.choice(self._urls) + path, json=content, headers=headers)
            for _ in range(2)
        )
        self.told[f"{method} {path.rpartition('/')[2][:7]} {first.status_code}"] += 1
        if first.status_code not in DOCUMENTED:
            self.wrong.append(f"{method} {path}: {first.status_code} {first.text[:300]}")
        if headers and first.status_code == 200 and last.text != first.text:
            self.wrong.append(f"{method} {path}: answered otherwise when it was repeated")


@pytest.fixture(params=["sqlite", "postgresql"])
def daemons(
    request: pytest.FixtureRequest, tmp_path: Path, postgresql_url: Callable[[], str]
) -> Iterator[tuple[Path, list[str]]]:
    """One on SQLite, two over one PostgreSQL."""
    alone = request.param == "sqlite"
    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}" if alone else postgresql_url())
    keys = f"keys:\n  - {{name: office, key: {key_of('office')}, scope: admin}}\n"
    config.write_text(keys + config.read_text())
    with ExitStack() as stack:
        running = [stack.enter_context(Running("run", "-c", config)) for _ in range(2 - alone)]
        yield config, [api_of(one) for one in running]


@pytest.fixture
def office() -> Iterator[httpx.Client]:
    with client_of_office() as client:
        yield client


def test_whatever_many_do_with_the_same_orders_at_once_the_books_hold(
    daemons: tuple[Path, list[str]], office: httpx.Client
) -> None:
    config, urls = daemons
    rng = random.Random("orders")
    ids = [
        office.post(f"{urls[0]}/orders", json=body(rng, f"c-{n}")).raise_for_status().json()["id"]
        for n in range(ORDERS)
    ]
    callers = [Caller(urls, ids, n) for n in range(CALLERS)]
    with ThreadPoolExecutor(CALLERS) as pool:
        done = list(pool.map(Caller.work, callers))
    told = sum((one.told for one in done), Counter[str]())
    assert min(told[f"POST {what} 200"] for what in ("process", "reissue", "cancel")) > 0, told
    assert [wrong for one in done for wrong in one.wrong] == []
    proof = call("verify", "-c", config)
    assert proof.returncode == 0, proof.stdout
    for order_id in ids:
        office.post(f"{urls[0]}/orders/{order_id}/restore")
        order = office.get(f"{urls[0]}/orders/{order_id}").raise_for_status().json()
        documents = office.get(f"{urls[0]}/orders/{order_id}/documents").json()["data"]
        assert_holds(order, documents)


def assert_holds(order: dict[str, Any], documents: list[dict[str, Any]]) -> None:
    """One live invoice where it is invoiced, none elsewhere; the latest is the order's."""
    invoices = [d for d in documents if d["kind"] == "invoice"]
    live = [d["id"] for d in invoices if d["status"] != "credited"]
    expected = [order["invoice_id"]] if order["status"] == "invoiced" else []
    assert live == expected, (order["status"], order["invoice_id"], documents)
    assert order["invoice_id"] == (invoices[-1]["id"] if invoices else None)
