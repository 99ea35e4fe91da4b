"""What attacks cost, and what an attacker could tell by the clock: printed, never asserted."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from tests.benchmarks.measure import ROOT, Table, environment
from tests.orders import an_item, an_order

from ordermill.model.integration import ApiKey, Entity, Integration
from ordermill.store import integrations, keys
from ordermill.store.database import Database
from ordermill.store.orders import Incoming, ingest

MINE, THEIRS = "a-key-of-acme-0123456789abcdef0123456", "a-key-of-rival-0123456789abcdef012345"
ORDERS, ASKED, CALLS = 20_000, 1_000, 2_000
PREFIXES = 50_000
NOTES = (
    f"One process on SQLite over HTTP on this machine, {ORDERS:,} orders of one entity, one order"
    " of another. Medians of calls made in turns; the goals are those of the checks.",
)


@dataclass(frozen=True)
class Server:
    """A running API; its process, and the database behind it."""

    port: int
    pid: int
    database: Database

    def memory(self) -> float:
        """Resident, in MB."""
        (line,) = [
            each for each in Path(f"/proc/{self.pid}/status").read_text().splitlines()
            if each.startswith("VmRSS")
        ]  # fmt: skip
        return int(line.split()[1]) / 1000


def measure(seconds: float, kinds: Sequence[str]) -> Iterable[Table]:
    """One table, into docs/security.md by hand; it takes two minutes, whatever is asked for."""
    rows: list[tuple[str, str, str, str]] = []
    with tempfile.TemporaryDirectory(prefix="ordermill-security-") as folder:
        url = f"sqlite:///{Path(folder) / 'a.db'}"
        foreign = filled(url)
        with served(url) as server:
            for part in (
                foreign_ids,
                wrong_keys,
                revoked,
                bad_keys,
                endless,
                hostile,
                other_tenant,
            ):
                rows += part(server, foreign)
                print(rows[-1], file=sys.stderr, flush=True)
    rows += remembered()
    return [Table("Times and memory", ("check", "what", "measured", "goal"), rows, NOTES)]


def filled(url: str) -> str:
    """Two entities; the id of the other's order."""
    now = datetime.now(UTC)
    with closing(Database.open(url)) as database:
        database.upgrade()
        with database.write() as conn:
            shops = [Integration(h, e, "woocommerce", h, f"{h}.example:443")
                     for h, e in (("woo", "acme"), ("other", "rival"))]  # fmt: skip
            entities = [Entity(each, each.title(), "EUR") for each in ("acme", "rival")]
            integrations.apply_configuration(conn, entities, shops, now=now)
            stored = integrations.stored(conn)
            for handle, count in (("woo", ORDERS), ("other", 1)):
                page = [
                    Incoming(str(n), b"{}", "", an_order(str(n), items=(an_item(f"Mug {n}"),)))
                    for n in range(count)
                ]
                done = ingest(conn, stored[handle], page, now=now)
    return str(done[0].order_id)


@contextmanager
def served(url: str) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.security", url],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment(),
    )  # fmt: skip
    assert process.stdout is not None
    try:
        with closing(Database.open(url)) as database:
            yield Server(int(process.stdout.readline()), process.pid, database)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Caller:
    """A connection that is kept; ``call`` answers status and seconds."""

    def __init__(self, port: int, key: str = MINE) -> None:
        self._port = port
        self._key = key
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def call(
        self, path: str, key: str | None = None, body: bytes | None = None
    ) -> tuple[int, float]:
        headers = {"Authorization": f"Bearer {key or self._key}"}
        began = time.perf_counter()
        self._connection.request("GET" if body is None else "POST", path, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, time.perf_counter() - began


def in_turns(count: int, ways: dict[str, Callable[[], tuple[int, float]]]) -> dict[str, float]:
    """The median of each, in milliseconds."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(count):
        for name, way in ways.items():
            took[name].append(way()[1])
    return {name: statistics.median(seen) * 1000 for name, seen in took.items()}


def compared(found: dict[str, float]) -> str:
    spread = max(found.values()) / min(found.values()) - 1
    return ", ".join(f"{n} {ms:.2f} ms" for n, ms in found.items()) + f": {spread:.1%} apart"


def foreign_ids(server: Server, foreign: str) -> list[tuple[str, str, str, str]]:
    caller = Caller(server.port)
    never = f"{foreign[:-6]}{'0' * 6}"
    found = in_turns(ASKED, {"foreign": lambda: caller.call(f"/orders/{foreign}"),
                             "unknown": lambda: caller.call(f"/orders/{never}")})  # fmt: skip
    return [("S1", f"an id of another entity and one that never was, {ASKED:,} calls each",
             compared(found), "within 20 %")]  # fmt: skip


def wrong_keys(server: Server, foreign: str) -> list[tuple[str, str, str, str]]:
    caller, now = Caller(server.port), datetime.now(UTC)
    with server.database.write() as conn:
        live, gone = (keys.create(conn, n, "read", ["acme"], now=now) for n in ("a", "b"))
        keys.revoke(conn, gone[:16], now=now)
    wrong = {
        "unknown prefix": lambda: f"omk_{secrets.token_hex(6)}{live[16:]}",
        "wrong rest": lambda: f"{live[:16]}_{secrets.token_urlsafe(32)}",
        "revoked": lambda: gone,
    }
    same = f"omk_{secrets.token_hex(6)}{live[16:]}"
    first = in_turns(CALLS, {n: lambda k=k: caller.call("/orders", k()) for n, k in wrong.items()})
    wrong["unknown prefix"] = lambda: same
    again = in_turns(CALLS, {n: lambda k=k: caller.call("/orders", k()) for n, k in wrong.items()})
    return [
        ("S7", f"wrong keys, {CALLS:,} calls each, the same prefixes again and again",
         compared(again), "within 5 % or 0.1 ms"),
        ("S7", "the same, but every unknown prefix a new one (each costs a look-up)",
         compared(first), ""),
    ]  # fmt: skip


def revoked(server: Server, foreign: str) -> list[tuple[str, str, str, str]]:
    """A key that is used 50 times a second on each of four connections is revoked."""
    with server.database.write() as conn:
        key = keys.create(conn, "c", "read", ["acme"], now=datetime.now(UTC))
    good: list[float] = []
    over = threading.Event()

    def use() -> None:
        caller = Caller(server.port, key)
        while not over.wait(0.02):
            status, _ = caller.call("/orders?limit=1")
            if status == 200:
                good.append(time.monotonic())

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(2)
    with server.database.write() as conn:
        keys.revoke(conn, key[:16], now=datetime.now(UTC))
    at = time.monotonic()
    time.sleep(3)
    over.set()
    for thread in threads:
        thread.join()
    last = max(good) - at
    return [("S9", "a key is revoked while it is used 200 times a second: the last that passed",
             f"{last:.2f} s later", "1 s")]  # fmt: skip


def bad_keys(server: Server, foreign: str) -> list[tuple[str, str, str, str]]:
    time.sleep(65)  # what the address did wrong before is forgotten
    caller = Caller(server.port)
    codes = [caller.call("/orders", f"x{n:039d}")[0] for n in range(1000)]
    assert set(codes) == {401, 429}
    assert caller.call("/orders?limit=1")[0] == 200
    return [("S10", "1,000 bad keys from one address: the first 429; a good key still passes",
             f"at number {codes.index(429) + 1}", "appears")]  # fmt: skip


def endless(server: Server, foreign: str) -> list[tuple[str, str, str, str]]:
    before = server.memory()
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {MINE}"}
    sent = 0

    def drops() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 65_536

    with suppress(OSError):
        connection.request("POST", "/orders", drops(), headers, encode_chunked=True)
    took = time.perf_counter() - began
    grown = server.memory() - before
    return [("S15", "a chunked body without end",
             f"cut off after {took:.2f} s and {sent * 65_536 / 1e6:.0f} MB, memory +{grown:.1f} MB",
             "2 s, +16 MB")]  # fmt: skip


def hostile(server: Server, foreign: str) -> list[tuple[str, str, str, str]]:
    caller = Caller(server.port)
    amounts = ["1E+9999999", "1e400", "NaN", "sNaN", "1_000", "٣.٥", "9" * 5000, "1e1000000"]
    bodies = [json.dumps({"total": each}).encode() for each in amounts]
    long = [json.dumps({name: "a" * 50_000 + "!"}).encode()
            for name in ("customer_email", "customer_name", "source_id", "ordered_at")]  # fmt: skip
    slowest = [max(caller.call("/orders", body=each)[1] for each in many) * 1000
               for many in (bodies * 5, long * 5)]  # fmt: skip
    return [("S18", "texts that look like amounts, the slowest", f"{slowest[0]:.1f} ms", "10 ms"),
            ("S26", "50 kB in a text, the slowest", f"{slowest[1]:.1f} ms", "50 ms")]  # fmt: skip


def other_tenant(server: Server, foreign: str) -> list[tuple[str, str, str, str]]:
    """Twenty callers of one entity search for what is nowhere; the other reads its list."""
    quiet = percentiles(server, 5)
    over = threading.Event()
    codes: list[int] = []
    query = json.dumps({"customer_name": {"contains": "zzz"}, "customer_email": {"not": "x"}})

    def attack(number: int) -> None:
        caller = Caller(server.port)
        while not over.is_set():
            path = f"/orders?search=zz{number}q" if number % 2 else f"/orders?query={quote(query)}"
            codes.append(caller.call(path)[0])

    threads = [threading.Thread(target=attack, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    attacked = percentiles(server, 10)
    over.set()
    for thread in threads:
        thread.join()
    refused = codes.count(429)
    return [("S24", f"GET of another entity while 20 callers search {ORDERS:,} orders"
             f" ({len(codes)} searches, {refused} refused): median and p99",
             f"quiet {quiet}, attacked {attacked}", "p99 300 ms")]  # fmt: skip


def percentiles(server: Server, seconds: float) -> str:
    caller, took, end = Caller(server.port, THEIRS), [], time.monotonic() + seconds
    while time.monotonic() < end:
        took.append(caller.call("/orders?limit=10")[1] * 1000)
        time.sleep(0.01)
    took.sort()
    return f"{statistics.median(took):.0f} and {took[int(len(took) * 0.99)]:.0f} ms"


def remembered() -> list[tuple[str, str, str, str]]:
    """Memory of the gate alone, in a process of its own: one look-up and one address each."""
    words = [sys.executable, "-m", "tests.benchmarks.security", "--prefixes"]
    ran = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=environment())
    return [("S10", f"{PREFIXES:,} made-up prefixes from as many addresses",
             f"memory +{float(ran.stdout):.1f} MB", "+10 MB")]  # fmt: skip


def serve_for_ever(url: str) -> None:
    from ordermill.admin.server import serve
    from ordermill.api.app import create_app
    from ordermill.api.gate import Keyring

    given = Keyring([ApiKey("mine", MINE, "write", ("acme",)),
                     ApiKey("theirs", THEIRS, "write", ("rival",))])  # fmt: skip
    serving = serve(create_app(Database.open(url), given), "127.0.0.1", 0, "api")
    print(serving.port, flush=True)
    threading.Event().wait()


def grow() -> None:
    """Ask the gate with made-up keys; print by how many MB the process grew."""
    from ordermill.api.gate import Gate, Keyring, Scope
    from ordermill.api.problems import Problem

    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{folder}/a.db")
        database.upgrade()
        gate = Gate(database, Keyring(), lambda: datetime.now(UTC), time.monotonic)
        itself = Server(0, os.getpid(), database)
        for number in range(PREFIXES + 2_000):
            if number == 2_000:
                before = itself.memory()
            request: Any = SimpleNamespace(
                headers=SimpleNamespace(getlist=lambda name, n=number: [_made_up(n)]),
                client=SimpleNamespace(
                    host=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
                ),
            )
            try:
                gate.enter(request, Scope.READ)
            except Problem:
                continue
        print(itself.memory() - before)
        database.close()


def _made_up(number: int) -> str:
    return f"Bearer omk_{number:012x}_{'A' * 43}"


if __name__ == "__main__":
    if sys.argv[1] == "--prefixes":
        grow()
    else:
        serve_for_ever(sys.argv[1])
