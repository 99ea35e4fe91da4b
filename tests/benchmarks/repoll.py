"""Polls of a shop that is stored already: nothing changed, and one order in a hundred."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from statistics import median

from tests.benchmarks.measure import Table, run
from tests.benchmarks.places import config, databases, shop_of

SIZES = (20_000, 100_000)
NOTES = (
    "A living process polls a shop whose orders are all stored; then one order in a hundred changes"
    " and it polls again. PostgreSQL. A poll is timed from its first request to its last commit; it"
    " also reads the 10 s before its bookmark again, as always. The best of several rounds, less a"
    " poll just before it.",
    "",
    "Goal: a changed order costs the same at both sizes, within 1.3 times.",
)


def measure(rounds: int, sizes: tuple[int, ...] = SIZES) -> Table:
    rows = []
    base = 0.0
    with databases() as made, tempfile.TemporaryDirectory() as folder:
        for orders in sizes:
            changed = orders // 100
            with shop_of(orders) as shop:
                url = made.make("postgresql")
                file = config(Path(folder), url, shop)
                words = (file, shop.url, str(changed), str(rounds))
                output = run("-m", "tests.benchmarks.polling", *words).output
                found = json.loads(output.splitlines()[-1])
                made.drop(url)
            each = min(found["each"])
            base = base or each
            rows.append((
                f"{orders:,}", f"{median(found['idle']) * 1000:.1f}",
                f"{found['idle'][-1] * 1000:.1f}", f"{changed:,}", f"{each * 1e6:.0f}",
                f"{each / base:.2f}",
            ))  # fmt: skip
    head = (
        "orders stored", "nothing changed, median ms", "slowest ms", "changed",
        "microseconds per changed order", "times the first",
    )  # fmt: skip
    return Table("Polling again", head, rows, NOTES)
