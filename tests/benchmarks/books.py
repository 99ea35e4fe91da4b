"""Orders that live, and are billed after every change: how many, and how many of them wrongly."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

from tests.benchmarks.measure import ROOT, Table

sys.path.insert(0, str(ROOT / "tests"))

from invoicing import test_recorded_orders as recorded
from invoicing.cases import Life
from invoicing.proved import findings
from invoicing.simulated import PLATFORMS, BilledShop
from ordermill.model.codes import code_of

SEEDS, STEPS = 9, 25
NOTES = (
    "Recorded orders are those of real WooCommerce shops, each before and after its refunds and, of"
    " some, after every change that was recorded. Simulated orders live in shops that are read over"
    " HTTP by the real connectors: placed, paid (in part, in cash), edited, taxed anew, refunded"
    " (pending, and deleted again), cancelled, opened again, trashed and purged; in several"
    " currencies and decimals, prices with and without tax, rounding per line and at the subtotal.",
    "",
    "After every change: invoices less credit notes are what the shop says is owed, and their tax"
    " its tax where it says one; no document has a wrong sum; nothing is issued anew unless the"
    " items changed; what does not add up is held with a code. *Wrong* counts each time that any of"
    " it was not so. Goal: none, of at least 2,000 simulated orders.",
)
HEAD = ("orders of", "orders", "looked at", "documents", "held or skipped", "wrong")


def measure(rounds: int) -> Table:
    rows = [_recorded()]
    whole: Counter[str] = Counter()
    for platform in PLATFORMS:
        counted: Counter[str] = Counter()
        for seed in range(1, SEEDS + 1):
            counted += _simulated(platform, seed)
        rows.append(_row(f"simulated: {platform}", counted))
        whole += counted
    rows.append(_row("simulated, all", whole))
    return Table("Billing to the cent", HEAD, rows, NOTES)


def _row(name: str, counted: Counter[str]) -> tuple[str, ...]:
    names = ("orders", "looks", "documents", "held", "wrong")
    return (name, *(f"{counted[each]:,}" for each in names))


def _recorded() -> tuple[str, ...]:
    lives = [_billed(document, recorded.REFUNDS.get(id_, []))
             for id_, document in recorded.ORDERS.items()]  # fmt: skip
    lives += [_billed(step["order"], step["refunds"] or []) for step in recorded.STEPS]
    return _row("recorded WooCommerce shops", _counted(lives, len(lives), _wrong(lives)))


def _billed(document: recorded.Document, refunds: list[recorded.Document]) -> Life:
    plain = recorded.order_of({**document, "refunds": []}, [])
    life = Life(plain, recorded.RULES).tick()
    return life.shop_says(recorded.order_of(document, refunds))


def _wrong(lives: Iterable[Life]) -> int:
    """Of an invoiced order without a code what is billed is what is owed."""
    wrong = 0
    for life in lives:
        owed = life.case.invoice is None or life.case.error or life.billed == max(life.owed, 0)
        wrong += bool(findings(life)) or not (owed or life.case.order.cancelled)
    return wrong


def _simulated(platform: str, seed: int) -> Counter[str]:
    shop = BilledShop(platform, seed)
    try:
        shop.live(STEPS)
    finally:
        shop.close()
    for line in shop.wrong:
        print(f"{platform}, seed {seed}: {line}", file=sys.stderr)
    return _counted(shop.lives.values(), sum(shop.looks.values()), len(shop.wrong))


def _counted(lives: Iterable[Life], looks: int, wrong: int) -> Counter[str]:
    every = list(lives)
    return Counter(
        orders=len(every),
        looks=looks,
        documents=sum(len(life.case.documents) for life in every),
        held=sum(code_of(life.case.error) is not None for life in every),
        wrong=wrong,
    )
