"""`python -m tests.benchmarks [name...]`: measures, prints, and with --write keeps the figures.

Exit 1 if a goal was missed that the benchmark judges itself."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from tests.benchmarks import (
    books,
    budget,
    ingest,
    lists,
    pages,
    processing,
    repoll,
    scaling,
    security,
    soak,
    start,
)
from tests.benchmarks.measure import ROOT, Table

BENCHMARKS: dict[str, Callable[[int], Table]] = {
    "start": start.measure,
    "ingest": ingest.measure,
    "repoll": repoll.measure,
    "budget": budget.measure,
    "processing": processing.measure,
    "books": books.measure,
    "lists": lists.measure,
    "pages": pages.measure,
}
# Only when they are named: they take long and have pages of their own.
LONG: dict[str, Callable[[float, Sequence[str]], Iterable[Table]]] = {
    "soak": soak.measure,
    "scaling": scaling.measure,
    "security": security.measure,
}
KINDS = ("sqlite", "postgresql")
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = (
    '# Benchmarks\n\n`make bench` measures them again; `make bench ARGS="ingest --rounds 1"`'
    " measures one of them; with `--write` its section here is written anew. Compare figures"
    " within a table only: machines differ, and so does one machine from hour to hour."
)
PACKAGES = ("msgspec", "psycopg", "SQLAlchemy", "httpx", "dlt")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, *LONG, []],
                        help=f"default: all but {', '.join(LONG)}")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, of which the best")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.relative_to(ROOT)}, too")
    parser.add_argument("--seconds", type=float, default=600, help="that a soak takes")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="of a soak")
    given = parser.parse_args()
    missed: list[str] = []
    for name in given.names or BENCHMARKS:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        before = busy()
        if name in LONG:
            tables = LONG[name](given.seconds, given.kinds)
        else:
            tables = [BENCHMARKS[name](given.rounds)]
        for measured in tables:
            table = replace(measured, notes=(*measured.notes, "", before))
            print(table.markdown(), end="\n\n", flush=True)
            missed += [f"MISSED {one}" for one in table.missed]
            if given.write and name in BENCHMARKS:
                text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
                PAGE.write_text(page(text, table), encoding="utf-8")
    print("\n".join(missed), end="\n" if missed else "")
    return 1 if missed else 0


def page(text: str, table: Table) -> str:
    """The documentation's page with this table in the place of its older figures."""
    sections = ("\n" + text).split("\n## ")[1:]
    by_title = {section.partition("\n")[0]: f"## {section.strip()}" for section in sections}
    by_title[table.title] = table.markdown()
    return "\n\n".join((HEAD, machine(), *by_title.values())) + "\n"


def busy() -> str:
    """When it is measured, and beside what."""
    day = datetime.now(UTC).date().isoformat()
    return f"Measured on {day} at a load average of {os.getloadavg()[1]:.0f} before it."


def machine() -> str:
    """What it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES if version(name))
    return (
        f"{os.cpu_count()} cores ({processor()}), {memory:.0f} GB, {platform.system()}"
        f" {platform.machine()}, Python {platform.python_version()}, {versions}."
    )


def version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown processor"


if __name__ == "__main__":
    sys.exit(main())
