"""A page of 100 orders over HTTP, beside a bare ASGI endpoint that sends the same bytes."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import ROOT, Table, environment
from tests.orders import an_item, an_order

from ordermill.model.integration import ApiKey, Entity, Integration
from ordermill.store import integrations
from ordermill.store.database import Database
from ordermill.store.orders import Incoming, ingest

KEY = "a-key-of-the-benchmarks-0123456789abcdef"
ORDERS, SECONDS, CALLERS = 2_000, 4.0, 4
NOTES = (
    f"GET /orders?limit=100 of a store of {ORDERS:,} orders on SQLite, {CALLERS} callers on this"
    f" machine, {SECONDS:.0f} s. *quiet*: nothing is written meanwhile, so the page is given out"
    " again as it was made. *busy*: something is committed all the time, so it is made anew. Goal:"
    " at least half of the bare endpoint.",
)


def measure(rounds: int) -> Table:
    """The best of so many runs of each, in turns."""
    with tempfile.TemporaryDirectory(prefix="ordermill-pages-") as folder:
        url = f"sqlite:///{Path(folder) / 'a.db'}"
        filled(url)
        found: dict[str, list[float]] = {"bare": [], "quiet": [], "busy": []}
        for _ in range(rounds):
            for kind, seen in found.items():
                program, written = kind.replace("quiet", "api"), url if kind == "busy" else None
                with served(program, url) as port, writing(written):
                    seen.append(rate(port))
    best = {kind: max(seen) for kind, seen in found.items()}
    rows = [
        (kind, f"{figure:.0f}", f"{figure / best['bare']:.2f}") for kind, figure in best.items()
    ]
    return Table("A page of 100 orders over HTTP", ("", "pages a second", "of bare"), rows, NOTES)


def filled(url: str) -> None:
    now = datetime.now(UTC)
    items = tuple(an_item(f"Mug {number}") for number in range(4))
    database = Database.open(url)
    database.upgrade()
    with database.write() as conn:
        shop = Integration("woo", "acme", "woocommerce", "Woo", "shop.example:443")
        integrations.apply_configuration(conn, [Entity("acme", "Acme", "EUR")], [shop], now=now)
        stored = integrations.stored(conn)["woo"]
        ids = [str(number) for number in range(ORDERS)]
        incoming = [Incoming(i, b"{}", "", an_order(i, items=items)) for i in ids]
        ingest(conn, stored, incoming, now=now)
    database.close()


@contextmanager
def served(kind: str, url: str) -> Iterator[int]:
    """A server in a process of its own; its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.pages", kind, url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def writing(url: str | None) -> Iterator[None]:
    """Commits something small all the time, if there is a database to write."""
    over = threading.Event()

    def write(database: Database) -> None:
        while not over.wait(0.001):
            with database.write() as conn:
                conn.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")
        database.close()

    thread = None
    if url is not None:
        thread = threading.Thread(target=write, args=[Database.open(url)])
        thread.start()
    try:
        yield
    finally:
        over.set()
        if thread is not None:
            thread.join()


def rate(port: int) -> float:
    """Pages a second."""
    counts = [0] * CALLERS
    end = time.monotonic() + SECONDS

    def call(number: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            while time.monotonic() < end:
                fetched(connection)
                counts[number] += 1

    threads = [threading.Thread(target=call, args=[number]) for number in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


REQUEST = (
    f"GET /orders?limit=100 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode()
)


def fetched(connection: socket.socket) -> None:
    connection.sendall(REQUEST)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(1 << 20)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0], head
    left = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]) - len(body)
    while left > 0:
        left -= len(connection.recv(1 << 20))


def serve_for_ever(kind: str, url: str) -> None:
    """The API of a store, or the same bytes without anything around them."""
    from ordermill.admin.metrics import Metrics
    from ordermill.admin.server import serve
    from ordermill.api.app import create_app
    from ordermill.api.gate import Keyring

    app: Any = create_app(Database.open(url), Keyring([ApiKey("bench", KEY)]), listener=Metrics())
    if kind == "bare":
        from tests.admin.watched import Caller

        caller = Caller(app, "http://x", {"Authorization": f"Bearer {KEY}"})
        app = bare(caller.get("/orders?limit=100").content)
    print(serve(app, "127.0.0.1", 0).port, flush=True)
    threading.Event().wait()


def bare(body: bytes) -> Any:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


if __name__ == "__main__":
    serve_for_ever(*sys.argv[1:])
