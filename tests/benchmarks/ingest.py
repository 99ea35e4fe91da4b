"""The first load of a shop: ordermill, the floor and dlt, side by side."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measure import Table, Took, run
from tests.benchmarks.places import Databases, Shop, config, databases, shop_of

SIZES = (20_000, 100_000)
KINDS = ("postgresql", "sqlite")
NOTES = (
    "Orders of about 5 KB each from a simulated WooCommerce shop in a process of its own, 100 a"
    " page over one connection. Each row is a process from its start to its end; the best of"
    " several runs, taken in turns. *floor* fetches, decodes, normalizes to the same values, hashes"
    " and upserts into the same tables, keeps each order's text, and does nothing else. *ordermill*"
    " is one pass over the shop. *ordermill sync* then decides on every order as well, which the"
    " others do not do, so no goal is for it. PostgreSQL syncs every commit to disk; its own"
    " processor time is not counted.",
    "",
    "Goals: at most 1.6 times the floor, at least 2.5 times as fast as dlt, at most 150 MB and the"
    " same memory at both sizes.",
)


def measure(rounds: int, sizes: tuple[int, ...] = SIZES) -> Table:
    """A table of all of it. The larger size is run once less."""
    rows = []
    with databases() as made:
        for orders in sizes:
            again = rounds if orders <= SIZES[0] else max(1, rounds - 2)
            with shop_of(orders) as shop:
                for kind in KINDS:
                    rows += _side_by_side(made, shop, kind, orders, again)
    head = ("orders", "database", "program", "seconds", "CPU s", "peak MB", "times the floor")
    return Table("First load", head, rows, NOTES)


def _side_by_side(
    made: Databases, shop: Shop, kind: str, orders: int, rounds: int
) -> list[tuple[str, ...]]:
    programs = {"floor": floor, "ordermill": ordermill, "ordermill sync": ordermill_sync}
    if kind == "postgresql" and importlib.util.find_spec("dlt") is not None:
        programs["dlt"] = with_dlt
    found: dict[str, list[Took]] = {name: [] for name in programs}
    for _ in range(rounds):  # in turns, so that a slow minute of the machine is everybody's
        for name, program in programs.items():
            found[name].append(program(made, shop, kind))
            said = f"{orders:,} {kind} {name}: {found[name][-1].seconds:.1f} s"
            print(said, file=sys.stderr, flush=True)
    quickest = {name: min(runs, key=lambda took: took.seconds) for name, runs in found.items()}
    base = quickest["floor"].seconds
    return [
        (
            f"{orders:,}", kind, name, f"{took.seconds:.1f}", f"{took.cpu:.1f}",
            f"{max(one.peak for one in found[name]):.0f}", f"{took.seconds / base:.2f}",
        )
        for name, took in quickest.items()
    ]  # fmt: skip


def floor(made: Databases, shop: Shop, kind: str) -> Took:
    url = made.make(kind)
    try:
        return run("-m", "tests.benchmarks.floor", url, shop.url, shop.key, shop.secret)
    finally:
        made.drop(url)


def ordermill(made: Databases, shop: Shop, kind: str) -> Took:
    """One pass over the shop, as `ordermill sync` begins."""
    return _configured(made, shop, kind, "tests.benchmarks.loading")


def ordermill_sync(made: Databases, shop: Shop, kind: str) -> Took:
    """`ordermill sync`, as its user starts it: the pass, and then what is due."""
    return _configured(made, shop, kind, "ordermill", "sync", "-c")


def _configured(made: Databases, shop: Shop, kind: str, *module: str) -> Took:
    url = made.make(kind)
    with tempfile.TemporaryDirectory() as folder:
        try:
            return run("-m", *module, config(Path(folder), url, shop))
        finally:
            made.drop(url)


def with_dlt(made: Databases, shop: Shop, kind: str) -> Took:
    url = made.make(kind, upgraded=False)
    with tempfile.TemporaryDirectory() as folder:
        try:
            words = (url, shop.url, shop.key, shop.secret, folder)
            return run("-m", "tests.benchmarks.with_dlt", *words)
        finally:
            made.drop(url)
