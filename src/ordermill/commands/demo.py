"""`demo`: two simulated shops over real HTTP, a daemon on a throw-away store, a line per event."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console

from ordermill.daemon import Daemon, read_settings, run_with_signals
from ordermill.invoicing.done import Done
from ordermill.settings import demo_file
from ordermill.simulator.clock import ScaledClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life, Ways
from ordermill.simulator.server import Server, serve
from ordermill.simulator.shopify.face import ShopifyFace
from ordermill.simulator.woocommerce.face import WooCommerceFace
from ordermill.store.orders import Ingested, Outcome

API_PORT, ADMIN_PORT = 8080, 8081
BEFORE = 12  # orders that each shop has when the daemon meets it
PACE = 1.5  # seconds between two happenings in a shop, at speed 1
# Shopify knows no trash: what is deleted is gone.
IN_SHOPIFY = Ways(cancel=3, trash=0, untrash=0, purge=2)


def run_demo(*, seed: int, duration: float | None, speed: float) -> None:
    """Run until Ctrl-C or for ``duration`` seconds; everything it wrote is removed at the end.

    The same seed makes the shops live the same life, ``speed`` times as fast.
    """
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="ordermill-demo-") as folder, ExitStack() as stack:
        woo, shopify = living_shops(seed, stack)
        for name, value in environment(Path(folder), woo, shopify).items():
            os.environ[name] = value
        path = demo_file()
        daemon = Daemon(path, read_settings(path), listener=Told(console))
        lives = [("demo-woo", woo.life), ("demo-shopify", shopify.life)]
        stack.enter_context(living(lives, PACE / speed, daemon, console))
        if duration is not None:
            timer = threading.Timer(duration, daemon.stop)
            timer.daemon = True
            timer.start()
            stack.callback(timer.cancel)
        introduce(console, daemon, woo, shopify)
        run_with_signals(daemon)
        console.print("[dim]the demo is over; its store was removed[/]")


@dataclass(frozen=True, slots=True)
class SimulatedShop:
    """A shop that lives and answers."""

    life: Life
    server: Server
    credentials: Mapping[str, str]


def living_shops(seed: int, stack: ExitStack) -> tuple[SimulatedShop, SimulatedShop]:
    """Both shops, serving; each has some history."""
    clock = ScaledClock(datetime.now(UTC), 1.0)
    woo_ledger, shopify_ledger = Ledger(clock, seed=seed), Ledger(clock, seed=seed + 1)
    woo, shopify = WooCommerceFace(woo_ledger), ShopifyFace(shopify_ledger)
    shops = (
        SimulatedShop(
            Life(woo_ledger, seed=seed),
            stack.enter_context(serve(woo)),
            {"DEMO_WOO_KEY": woo.consumer_key, "DEMO_WOO_SECRET": woo.consumer_secret},
        ),
        SimulatedShop(
            Life(shopify_ledger, seed=seed + 1, ways=IN_SHOPIFY),
            stack.enter_context(serve(shopify)),
            {"DEMO_SHOPIFY_TOKEN": shopify.access_token},
        ),
    )
    for shop in shops:
        shop.life.place(BEFORE)
    return shops


def environment(folder: Path, woo: SimulatedShop, shopify: SimulatedShop) -> dict[str, str]:
    """What config/demo.yaml expands."""
    return {
        "DEMO_DATABASE": f"sqlite:///{folder / 'demo.db'}",
        "DEMO_WOO_URL": woo.server.url,
        "DEMO_SHOPIFY_URL": shopify.server.url,
        "DEMO_API_PORT": str(free_port(API_PORT)),
        "DEMO_ADMIN_PORT": str(free_port(ADMIN_PORT)),
        "DEMO_API_KEY": secrets.token_urlsafe(32),
        **woo.credentials,
        **shopify.credentials,
    }


def free_port(wanted: int) -> int:
    """``wanted``, or the next one that nobody listens on."""
    for port in range(wanted, wanted + 200, 2):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return 0


def introduce(console: Console, daemon: Daemon, woo: SimulatedShop, shopify: SimulatedShop) -> None:
    """The addresses, and the key that the API wants."""
    admin = f"http://127.0.0.1:{daemon.settings.admin.port}"
    api = f"http://127.0.0.1:{daemon.settings.api.port}"
    console.print("[bold]ordermill demo[/]: two simulated shops, one daemon; Ctrl-C ends it")
    console.print(f"  WooCommerce shop  {woo.server.url}")
    console.print(f"  Shopify shop      {shopify.server.url}")
    console.print(f"  admin             {admin}/")
    console.print(f"  metrics           {admin}/metrics")
    console.print(f"  Orders API        {api}/docs")
    console.print(f"  its key           {daemon.settings.keys[0].key}\n")


@contextmanager
def living(
    lives: Sequence[tuple[str, Life]], pause: float, daemon: Daemon, console: Console
) -> Iterator[None]:
    """Something happens in the shops, in turns, once the daemon is ready."""
    over = threading.Event()

    def live() -> None:
        daemon.ready.wait()
        while True:
            for handle, life in lives:
                if over.wait(pause):
                    return
                line(console, handle, f"[dim]in the shop: {life.step()}[/]")

    thread = threading.Thread(target=live, name="life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        daemon.ready.set()
        thread.join(2)


class Told:
    """A listener that prints a line per order that was stored, changed, or has gone, and per
    document."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def run_started(self, handle: str, mode: str) -> None: ...

    def run_finished(self, handle: str, mode: str, result: str, seconds: float) -> None: ...

    def page(self, handle: str, mode: str, outcomes: Mapping[str, int], fetched: int) -> None: ...

    def propagation(self, handle: str, seconds: float) -> None: ...

    def error(self, handle: str, stage: str, error_class: str) -> None:
        line(self._console, handle, f"[red]{stage} failed: {error_class}; it is tried again[/]")

    def lease_takeover(self, handle: str) -> None: ...

    def orders(self, handle: str, ingested: Sequence[Ingested]) -> None:
        for one in ingested:
            for sentence in sentences(one):
                line(self._console, handle, sentence)

    def processed(self, handle: str, done: Sequence[Done], seconds: float) -> None:
        for one in done:
            for sentence in issued(one):
                line(self._console, handle, sentence)


def line(console: Console, handle: str, text: str) -> None:
    console.print(f"{datetime.now():%H:%M:%S}  {handle:<13} {text}")  # noqa: DTZ005 - the reader's


def sentences(one: Ingested) -> Iterator[str]:
    """What became of one order, in words; nothing of what did not change."""
    name = one.source_id if one.order is None else one.order.source_order_number or one.source_id
    if one.outcome is Outcome.REJECTED:
        yield f"[red]order {name} cannot be read; kept raw[/]"
    elif one.outcome is Outcome.CREATED and one.order is not None:
        order = one.order
        yield (
            f"[green]stored[/]   order {name}: {shown(order.total_with_tax)} "
            f"{order.currency_code}, {order.payment_status}, {len(order.items)} items"
        )
    elif one.changes:
        yield f"[yellow]changed[/]  order {name}: {', '.join(told(one))}"
    if one.event == "order.gone":
        yield f"[magenta]gone[/]     order {name}: no longer in the shop; kept here, marked deleted"
    elif one.event == "order.restored":
        yield f"[cyan]restored[/] order {name}: back in the shop"


def issued(one: Done) -> Iterator[str]:
    """What was issued for one order, in words, and what keeps it from being issued."""
    replaced = one.reissue.replaced if one.reissue is not None else None
    for made in one.documents:
        what = f"{made.number}, {shown(made.total_with_tax)} {made.currency_code}"
        if made.kind == "credit_note":
            yield f"[blue]credited[/] order {one.name}: {what}, {made.reason}"
        elif made.kind == "estimate":
            yield f"[cyan]estimate[/] order {one.name}: {what}"
        elif replaced is not None and made.reason == "reissue":
            yield f"[bold cyan]reissued[/] order {one.name}: {replaced} -> {what}"
        else:
            yield f"[bold green]invoiced[/] order {one.name}: {what}"
    if one.error is not None:
        word = "skipped" if one.outcome == "skipped" else "held"
        yield f"[red]{word:<8}[/] order {one.name}: {one.error}"


def told(one: Ingested) -> Iterator[str]:
    """The changed fields, with before and after where both may be told."""
    for change in one.changes:
        name = change.field.replace("_", " ")
        if change.before is None and change.after is None:
            yield name
        else:
            yield f"{name} {shown(change.before)} -> {shown(change.after)}"


def shown(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return "yes" if value is True else "no" if value is False else str(value)
