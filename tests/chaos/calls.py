"""The n-th call for every n: tests/faults/test_nth_call.py without its gaps, and what it tried."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
STORY = "tests/faults/test_nth_call.py"
_NAME = re.compile(r"test_whichever_(statement|answer)_.*\[(\w+?)-\d+-(once|for-good)")


@dataclass(frozen=True)
class Tried:
    """One call that failed, and whether everything came right."""

    database: str
    kind: str  # statement | answer
    for_good: bool
    right: bool


def every_call(jobs: int) -> int:
    """Run them all and say what was tried; 1 if anything was violated."""
    with tempfile.TemporaryDirectory(prefix="om-chaos-calls-") as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", str(jobs), f"--junitxml={report}", STORY],
            cwd=ROOT,
            env=os.environ | {"ORDERMILL_EVERY_CALL": "1"},
            check=False,
        )
        for line in told(list(tried(report))):
            print(line)
    return 1 if done.returncode else 0


def tried(report: Path) -> Iterator[Tried]:
    """What the report of the tests holds, without those whose n was beyond the last call."""
    for case in ElementTree.parse(report).iter("testcase"):
        name = _NAME.match(case.get("name", ""))
        wrong = case.find("failure") is not None or case.find("error") is not None
        struck = any(p.get("name") == "struck" for p in case.iter("property"))
        if name is not None and (struck or wrong):
            yield Tried(name[2], name[1], name[3] == "for-good", not wrong)


def told(every: list[Tried]) -> Iterator[str]:
    """A line per database and kind of call."""
    counts = Counter((t.database, t.kind, t.for_good) for t in every)
    wrong = Counter((t.database, t.kind) for t in every if not t.right)
    for database, kind in sorted({(t.database, t.kind) for t in every}):
        once, for_good = (counts[database, kind, how] for how in (False, True))
        yield (
            f"every {kind:<9} {database:<10} {once:>4} failed once, {for_good:>4} from there on; "
            f"{wrong[database, kind]} violations"
        )
