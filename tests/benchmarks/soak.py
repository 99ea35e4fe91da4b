"""A working day of a hundred shops in ten minutes, on the real daemon: what must not grow or slip.

`make bench ARGS=soak`, `make bench ARGS="soak --seconds 60 --kinds sqlite"` for a trial.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

from sqlalchemy import text
from tests.benchmarks.fleet import Daemon, Pace, Street, street_of, written
from tests.benchmarks.measure import ROOT, Table, environment
from tests.benchmarks.places import databases

from ordermill.store.database import Database

FASTER = 48.0  # 8 hours are 10 minutes
SHOPS = 100
DEAD, SLOW = SHOPS - 1, 0  # their numbers
SLOWNESS = 3.0  # seconds of each answer of the slow one
POLL, SWEEP, SETTLE = 300.0, 3600.0, 600.0  # seconds, before they are compressed
HAPPENINGS = 6.0  # in each shop and hour: placed, paid, edited, refunded, ...
MEMORY = 64.0  # MB that it may grow
LATE = 2.0  # times the interval
REST = 90.0  # seconds at most until everything is stored and billed

NOTES = (
    f"{SHOPS} shops, half of them WooCommerce, half Shopify, {FASTER:.0f} times as fast as meant: a"
    f" poll every {POLL / 60:.0f} minutes, a sweep every hour, {HAPPENINGS:.0f} happenings an hour"
    " in each shop (orders placed, paid, edited, refunded, cancelled, sent, thrown away). One shop"
    " is dead: in the first half it takes connections and never answers, in the second it refuses"
    f" them. One is slow: each answer takes {SLOWNESS:.0f} s, which is not made faster. The daemon"
    " is a process of its own, looked at every second. *start* is when every healthy shop was read"
    " and swept once, at least a tenth of the time.",
    "",
    f"Goals: memory at most {MEMORY:.0f} MB above the start; file descriptors, threads and"
    " connections no more than at the start; between two polls of a healthy shop at most"
    f" {LATE:.0f} times the interval; no reissue that no edit of the items asked for; every order"
    " stored and the books proved at the end.",
)
HEAD = ("what", "goal")


@dataclass(frozen=True, slots=True)
class Sample:
    """The daemon at one moment. ``connections``: to PostgreSQL, by the server's own count."""

    at: float
    memory: float
    descriptors: int
    threads: int
    connections: int


@dataclass
class Found:
    """One soak. ``lateness``: of each healthy shop the longest time between two polls, as a
    multiple of the interval."""

    kind: str
    seconds: float
    start: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    lateness: dict[str, float] = field(default_factory=dict)
    slow: float = 0.0
    typical: float = 0.0
    polls: int = 0
    sweeps: int = 0
    orders: int = 0
    documents: int = 0
    reissues: int = 0
    edits: int = 0
    unasked: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    rest: float = 0.0
    cpu: float = 0.0
    waited: float = 0.0  # seconds for the shops' budgets
    late: list[str] = field(default_factory=list)
    verified: str = ""
    ended: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; ``kept``: whether the goal is."""

    what: str
    goal: str
    figure: str
    kept: bool = True


def measure(seconds: float, kinds: Sequence[str]) -> list[Table]:
    """A soak on each kind of database."""
    columns = [judged(soak(kind, seconds)) for kind in kinds]
    rows = [
        (lines[0].what, lines[0].goal, *(f"{one.figure}{'' if one.kept else ' MISSED'}"
         for one in lines))
        for lines in zip(*columns, strict=True)
    ]  # fmt: skip
    missed = [
        f"{kind}: {line.what}: {line.figure} ({line.goal})"
        for kind, lines in zip(kinds, columns, strict=True)
        for line in lines
        if not line.kept
    ]
    title = f"Soak: {seconds * FASTER / 3600:.1f} hours in {seconds:.0f} s"
    return [Table(title, (*HEAD, *kinds), rows, NOTES, missed)]


def soak(kind: str, seconds: float) -> Found:
    """One of them; everything it made is removed, but for the daemon's log if something is off."""
    pace = Pace(
        every=_milliseconds(POLL / FASTER), sweep=_milliseconds(SWEEP / FASTER),
        settle=round(SETTLE / FASTER),
    )  # fmt: skip
    found = Found(kind, seconds)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ordermill-soak-")))
        url = stack.enter_context(databases()).make(kind)
        street = stack.enter_context(
            street_of(SHOPS, SHOPS * HAPPENINGS * FASTER / 3600, faster=FASTER)
        )
        street.slow(SLOW, SLOWNESS)
        dead = stack.enter_context(nobody())
        database = Database.open(url)
        stack.callback(database.close)
        elsewhere = {DEAD: f"http://127.0.0.1:{dead.getsockname()[1]}"}
        shops = [street.integration(n, pace, elsewhere.get(n)) for n in range(SHOPS)]
        config = written(folder, url, shops)
        daemon = Daemon(config, folder / "daemon.log")
        stack.callback(daemon.kill)
        daemon.wait_ready()
        watch(daemon, database, dead, found)
        street.calm()
        found.cpu = daemon.cpu()
        found.waited = daemon.counted("upstream_throttle_wait_seconds_total")
        judge(database, found)
        rested(database, street, found)
        count_documents(database, street, found)
        found.ended = daemon.end()
        found.verified = verified(config)
        if any(not line.kept for line in judged(found)):
            explain(config, (folder / "daemon.log").read_text(), found)
    return found


def explain(config: Path, log: str, found: Found) -> None:
    """Keep what a developer wants to see."""
    kept = Path(tempfile.gettempdir()) / f"ordermill-soak-{found.kind}.log"
    stories = [said(config, "explain", order) for order in found.unasked[:5]]
    kept.write_text("\n".join([*found.late, *found.failed, *found.unasked, *stories, log]))
    print(f"a goal was missed; see {kept}", file=sys.stderr)


@contextmanager
def nobody() -> Iterator[socket.socket]:
    """A port whose connections are taken by the system and never answered."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        yield listening


def watch(daemon: Daemon, database: Database, dead: socket.socket, found: Found) -> None:
    """Look every second until the time is over; the dead shop changes its way at half time."""
    began = time.monotonic()
    while (at := time.monotonic() - began) < found.seconds:
        if not daemon.alive():
            raise RuntimeError("the daemon ended by itself")
        if at > found.seconds / 2:
            dead.close()
        found.samples.append(
            Sample(at, daemon.memory(), daemon.descriptors(), daemon.threads(),
                   connections(database))
        )  # fmt: skip
        if not found.start and at > found.seconds / 10 and all_read(database):
            found.start = at
        if len(found.samples) % 30 == 1:
            one = found.samples[-1]
            print(f"{found.kind} {at:.0f} s: {one.memory:.0f} MB, {one.descriptors} descriptors, "
                  f"{one.threads} threads", file=sys.stderr, flush=True)  # fmt: skip
        time.sleep(1)


def connections(database: Database) -> int:
    """To the database, of everybody but this program."""
    if database.dialect == "sqlite":
        return 0
    asked = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    with database.read() as conn:
        return int(conn.execute(text(asked)).scalar_one())


def all_read(database: Database) -> bool:
    """Whether every shop but the dead one was swept once, hence polled before."""
    asked = (
        "SELECT count(DISTINCT integration_id) FROM sync_runs"
        " WHERE mode = 'sweep' AND result = 'success'"
    )
    with database.read() as conn:
        return int(conn.execute(text(asked)).scalar_one()) >= SHOPS - 1


def rested(database: Database, street: Street, found: Found) -> None:
    """Wait until all orders are stored and nothing is due, not longer than REST."""
    began = time.monotonic()
    while found.rest < REST:
        found.rest = time.monotonic() - began
        found.missing = missing(database, street)
        with database.read() as conn:
            asked = "SELECT count(*) FROM orders WHERE decide_at IS NOT NULL"
            due = conn.execute(text(asked)).scalar_one()
        if not found.missing and not due:
            return
        time.sleep(1)


def missing(database: Database, street: Street) -> list[str]:
    """The orders that a shop shows and the store does not have."""
    stored = set(_rows(database, _STORED))
    return [
        f"shop-{number}/{source_id}"
        for number, told in enumerate(street.books())
        for source_id in told["orders"]
        if number != DEAD and (f"shop-{number}", source_id) not in stored
    ]


_STORED = (
    "SELECT i.handle, o.source_id FROM orders o JOIN integrations i ON i.id = o.integration_id"
)
_REISSUED = (
    "SELECT i.handle, o.source_id FROM events e JOIN orders o ON o.id = e.order_id"
    " JOIN integrations i ON i.id = o.integration_id WHERE e.type = 'order.reissued'"
)
_RUNS = (
    "SELECT i.handle, r.mode, r.result, r.started_at FROM sync_runs r"
    " JOIN integrations i ON i.id = r.integration_id ORDER BY r.id"
)


def judge(database: Database, found: Found) -> None:
    """When each shop was polled."""
    every = POLL / FASTER
    polls: dict[str, list[float]] = defaultdict(list)
    for handle, mode, result, started in _rows(database, _RUNS):
        found.sweeps += mode == "sweep"
        if mode == "incremental":
            polls[handle].append(_seconds(started))
        if result not in ("success", None) and handle != f"shop-{DEAD}":
            found.failed.append(f"{handle}: a {mode} was {result}")
    gaps = {
        handle: [(after - before) / every for before, after in pairwise(at)]
        for handle, at in polls.items()
    }
    unwell = {f"shop-{DEAD}", f"shop-{SLOW}"}
    healthy = {handle: each for handle, each in gaps.items() if handle not in unwell}
    found.polls = sum(len(at) for at in polls.values())
    found.lateness = {handle: max(each, default=0.0) for handle, each in healthy.items()}
    found.late = late(healthy, polls)
    found.typical = median(gap for each in healthy.values() for gap in each)
    found.slow = max(gaps.get(f"shop-{SLOW}", []), default=0.0)


def late(gaps: dict[str, list[float]], polls: dict[str, list[float]]) -> list[str]:
    """Each time that was too long, and when it began."""
    start = min(at[0] for at in polls.values())
    return [
        f"{handle}: {gap:.1f} intervals, {polls[handle][n] - start:.0f} s after the start"
        for handle, each in gaps.items()
        for n, gap in enumerate(each)
        if gap > LATE
    ]


def count_documents(database: Database, street: Street, found: Found) -> None:
    """What was issued, beside what the shops know."""
    books = street.books()
    found.edits = sum(sum(told["orders"].values()) for told in books)
    found.orders = len(_rows(database, _STORED))
    found.documents = len(_rows(database, "SELECT id FROM documents"))
    reissued = Counter((handle, source_id) for handle, source_id in _rows(database, _REISSUED))
    found.reissues = reissued.total()
    for (handle, source_id), times in reissued.items():
        orders = books[int(handle.removeprefix("shop-"))]["orders"]
        # An order that was purged is not in the books any more.
        if times > orders.get(source_id, times):
            found.unasked.append(f"{handle}/{source_id}")


def _rows(database: Database, statement: str) -> list[tuple[object, ...]]:
    with database.read() as conn:
        return [tuple(row) for row in conn.execute(text(statement))]


def _seconds(at: object) -> float:
    """A time as the database has it: milliseconds on SQLite."""
    return at.timestamp() if isinstance(at, datetime) else float(str(at)) / 1000


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms"


def verified(config: Path) -> str:
    """What `ordermill verify` finds."""
    done = called(config, "verify")
    return "" if done.returncode == 0 else f"exit {done.returncode}: {done.stdout[-2000:]}"


def said(config: Path, *words: str) -> str:
    return called(config, *words).stdout


def called(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ordermill", *words, "-c", str(config)],
        capture_output=True, text=True, cwd=ROOT, env=environment(), check=False,
    )  # fmt: skip


def judged(found: Found) -> list[Line]:
    """The lines of the table."""
    before = [s for s in found.samples if s.at <= found.start] or found.samples[:1]
    after = [s for s in found.samples if s.at > found.start] or found.samples[-1:]
    at_start, highest = before[-1].memory, max(s.memory for s in after)
    worst = max(found.lateness.values(), default=float("inf"))
    return [
        Line("polls, sweeps", "", f"{found.polls:,}, {found.sweeps:,}"),
        Line("orders, documents", "", f"{found.orders:,}, {found.documents:,}"),
        Line("start, seconds", "", f"{found.start:.0f}", found.start > 0),
        Line("memory at the start, MB", "", f"{at_start:.0f}"),
        Line("memory, highest later, MB", f"+{MEMORY:.0f}",
             f"{highest:.0f} ({highest - at_start:+.0f})", highest - at_start <= MEMORY),
        _constant("file descriptors", [s.descriptors for s in after]),
        _constant("threads", [s.threads for s in after]),
        _constant("connections to PostgreSQL", [s.connections for s in after]),
        Line("between polls, usual", "", f"{found.typical:.2f} intervals"),
        Line("between polls, longest", f"{LATE:.0f} intervals",
             f"{worst:.2f} intervals", worst <= LATE and len(found.lateness) == SHOPS - 2),
        Line("longer than that, of all", "0", f"{len(found.late)} of {found.polls:,}"),
        Line("waited for the shops' budgets", "", f"{found.waited:.0f} s"),
        Line("the slow shop, longest", "", f"{found.slow:.2f} intervals"),
        Line("healthy shops' failed passes", "0", str(len(found.failed)), not found.failed),
        Line("edits, reissues", "", f"{found.edits:,}, {found.reissues:,}"),
        Line("reissues without an edit", "0", str(len(found.unasked)), not found.unasked),
        Line("orders missing at the end", "0", str(len(found.missing)), not found.missing),
        Line("until all was stored and billed", f"{REST:.0f} s", f"{found.rest:.0f} s",
             found.rest < REST),
        Line("processor, of one core", "", f"{found.cpu / found.seconds * 100:.0f} %"),
        Line("`ordermill verify`", "nothing", found.verified or "nothing", not found.verified),
        Line("exit code after SIGTERM", "0", str(found.ended), found.ended == 0),
    ]  # fmt: skip


def _constant(what: str, seen: Sequence[int]) -> Line:
    """Connections to shops are opened and kept for a while, and so are threads, so single looks
    differ: what is held usually in the last quarter must not be more than usually in the first."""
    quarter = max(len(seen) // 4, 1)
    first, last = round(median(seen[:quarter])), round(median(seen[-quarter:]))
    figure = f"{first}, at the end {last}, never above {max(seen)}"
    return Line(what, "constant", figure, last <= first * 1.05 + 2)
