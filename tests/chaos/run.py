"""One run: shops that live, daemons that are hit, then rest, then judgement."""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from chaos import closely, invariants
from chaos.callers import BUYER, Callers
from chaos.couriers import Couriers
from chaos.databases import PASSWORD, PostgresDatabase, Server, SqliteFile
from chaos.markets import Living, Market, open_markets
from chaos.processes import Process
from chaos.profiles import Profile, Weather
from chaos.seen import Seen
from chaos.watch import Watch

KEY = "chaos-api-key-0123456789abcdefghijklmnopqrstuv"
OTHER_KEY = "other-api-key-0123456789abcdefghijklmnopqrstuv"
TURMOIL = 5.0  # seconds of trouble, or more where the machine is too busy for that many blows:
LEAST_BLOWS = 3
REST = 240.0  # seconds until all must hold, on a machine that has other work, too
CONFIG = """\
database_url: {database}
api: {{port: 0}}
admin: {{port: 0}}
auto_migrate: true
keys:
  - {{name: chaos, key: "{key}", scope: admin, entities: [acme]}}
  - {{name: other, key: "{other}", scope: admin, entities: [other]}}
entities:
  other: {{name: Other d.o.o., currency_code: EUR, timezone: UTC}}
  acme: {{name: Acme d.o.o., currency_code: EUR, timezone: Europe/Ljubljana}}
integrations:
  shop-woocommerce:
    entity: acme
    source: woocommerce
    options:
      base_url: {woo}
      consumer_key: {woo_key}
      consumer_secret: {woo_secret}
      allow_private_network: true
    poll: {{every: 300ms, overlap: {overlap}s, page_size: {page_size}}}
    sweep: {{every: {sweep}, window: 30d}}
    import_from: 2020-01-01
    auto_process: true
    auto_process_on: created
    issue_invoice_for_bank: true
    auto_reissue_on_update: true
    reissue_settle_seconds: 1
    webhook_secret: {woo_webhooks}
  shop-shopify:
    entity: acme
    source: shopify
    options:
      shop_domain: acme.myshopify.com
      access_token: {shopify_token}
      base_url: {shopify}
      allow_private_network: true
    poll: {{every: 300ms, overlap: {overlap}s, page_size: 50}}
    sweep: {{every: {sweep}, window: 30d}}
    import_from: 2020-01-01
    auto_process: true
    auto_process_on: paid
    auto_reissue_on_update: true
    reissue_settle_seconds: 1
    webhook_secret: {shopify_webhooks}
"""


@dataclass
class Outcome:
    """How a run ended. ``violations`` empty: everything held."""

    seed: int
    profile: str
    seconds: float = 0.0
    blows: list[str] = field(default_factory=list)
    orders: int = 0
    documents: int = 0
    calls: int = 0
    webhooks: int = 0
    violations: list[str] = field(default_factory=list)

    def line(self) -> str:
        verdict = "ok" if not self.violations else f"{len(self.violations)} VIOLATIONS"
        return (
            f"seed {self.seed:<5} {self.profile:<24} {verdict:<14} {self.seconds:5.1f} s  "
            f"{self.orders} orders, {self.documents} documents, {self.calls} calls, "
            f"{self.webhooks} webhooks, {len(self.blows)} blows"
        )


def run(
    seed: int,
    profile: Profile,
    server: Server | None,
    *,
    bug: str | None = None,
    given: Mapping[str, Any] | None = None,
    turmoil: float = TURMOIL,
    rest: float = REST,
    keep: bool = False,
) -> Outcome:
    """One seed under one profile; everything it made is removed, unless ``keep`` and it failed.

    ``given``: what of the weather the seed does not decide.
    """
    began = time.monotonic()
    outcome = Outcome(seed, profile.name)
    folder = Path(tempfile.mkdtemp(prefix=f"om-chaos-{seed}-"))
    with ExitStack() as stack:
        weather = replace(Weather.of(seed, profile), **given or {})
        database = _database(profile, folder, server)
        stack.callback(database.close)
        markets = open_markets(seed, profile, weather, stack)
        scene = Scene(profile, weather, folder, database, markets, bug)
        stack.callback(scene.end)
        try:
            scene.storm(seed, weather, turmoil, outcome)
            scene.settle(rest, outcome)
        except Exception as error:  # noqa: BLE001 - whatever breaks a run is told as its fault
            outcome.violations.append(f"the run broke: {type(error).__name__}: {error}")
            if bug is None:
                traceback.print_exc()
    outcome.seconds = time.monotonic() - began
    if keep and outcome.violations:
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _database(
    profile: Profile, folder: Path, server: Server | None
) -> SqliteFile | PostgresDatabase:
    if profile.database == "sqlite":
        return SqliteFile(folder)
    assert server is not None
    return PostgresDatabase(server)


class Scene:
    """The processes, shops and callers of one run."""

    def __init__(
        self,
        profile: Profile,
        weather: Weather,
        folder: Path,
        database: SqliteFile | PostgresDatabase,
        markets: list[Market],
        bug: str | None,
    ) -> None:
        self.folder = folder
        self.shown = ""
        self.overlap = None if profile.sweep else timedelta(seconds=weather.overlap)
        self.database = database
        self.markets = markets
        self.config = folder / "ordermill.yaml"
        woo, shopify = markets
        self.secrets = [woo.face.consumer_key, woo.face.consumer_secret,
                        shopify.face.access_token, woo.webhook_secret, shopify.webhook_secret,
                        KEY, OTHER_KEY, PASSWORD]  # fmt: skip
        self.config.write_text(
            CONFIG.format(
                database=database.url, key=KEY, other=OTHER_KEY, overlap=weather.overlap,
                page_size=weather.page_size,
                sweep="1s" if profile.sweep else "off",
                woo=woo.server.url, woo_key=woo.face.consumer_key,
                woo_secret=woo.face.consumer_secret, shopify=shopify.server.url,
                shopify_token=shopify.face.access_token,
                woo_webhooks=woo.webhook_secret, shopify_webhooks=shopify.webhook_secret,
            )
        )  # fmt: skip
        self.config.chmod(0o600)
        self.logs = [folder / f"daemon-{n}.log" for n in range(profile.processes)]
        self.processes = [Process(self.config, log, bug) for log in self.logs]

    def addresses(self) -> list[str]:
        return [p.api for p in self.processes if p.alive() and p.api]

    def daemons(self) -> list[tuple[str, str]]:
        return [(p.api, p.admin) for p in self.processes if p.alive() and p.api]

    def storm(self, seed: int, weather: Weather, seconds: float, outcome: Outcome) -> None:
        rng = random.Random(f"blows {seed}")
        for process in self.processes:
            process.start()
        living = Living(self.markets, weather, seed)
        self.callers = Callers(self.addresses, KEY, seed)
        self.couriers = Couriers(self.addresses, self.markets, weather, seed)
        self.watch = Watch(self.daemons, KEY, self.markets, self.overlap)
        threads = (living, self.callers, self.couriers, self.watch)
        for thread in threads:
            thread.start()
        until = time.monotonic() + seconds
        while time.monotonic() < until or len(outcome.blows) < LEAST_BLOWS:
            time.sleep(rng.uniform(*weather.pause))
            blow = rng.choice(weather.blows)
            outcome.blows.append(blow)
            getattr(self, f"_{blow}")(rng.choice(self.processes), rng)
        for thread in threads:
            thread.stop()

    # Blows: each leaves the process running, or about to be.

    def _kill(self, process: Process, rng: random.Random) -> None:
        process.kill()
        process.start(wait=rng.random() < 0.7)

    def _kill_after_page(self, process: Process, rng: random.Random) -> None:
        """Within 30 ms after a shop has served a page."""
        market = rng.choice(self.markets)
        self._aimed(process, lambda: len(market.server.requests), rng)

    def _kill_after_call(self, process: Process, rng: random.Random) -> None:
        """Within 30 ms after a call of the API was sent."""
        self._aimed(process, lambda: sum(w.tries for w in self.callers.wishes), rng)

    def _aimed(self, process: Process, count: Callable[[], int], rng: random.Random) -> None:
        before, until = count(), time.monotonic() + 1.0
        while count() == before and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.03))
        self._kill(process, rng)

    def _freeze(self, process: Process, rng: random.Random) -> None:
        """Stopped for a moment, or for longer than its leases last where another takes over."""
        process.freeze()
        time.sleep(12 if len(self.processes) > 1 and rng.random() < 0.25 else 0.7)
        process.thaw()

    def _restart(self, process: Process, rng: random.Random) -> None:
        process.terminate()
        process.start()

    def _database_stop(self, process: Process, rng: random.Random) -> None:
        assert isinstance(self.database, PostgresDatabase)
        self.database.server.crash(rng.uniform(0, 0.5))

    def _cut_after_commit(self, process: Process, rng: random.Random) -> None:
        assert isinstance(self.database, PostgresDatabase)
        self.database.wire.cut_commits(rng.randint(1, 3))
        time.sleep(0.5)

    def _disk_full(self, process: Process, rng: random.Random) -> None:
        """No file can grow; then there is room again."""
        process.kill()
        size = (self.folder / "chaos.db").stat().st_size
        process.start(file_limit=size + rng.choice([0, 8192, 65536]), wait=False)
        time.sleep(1.5)
        process.kill()
        process.start()

    # Rest and judgement.

    def settle(self, seconds: float, outcome: Outcome) -> None:
        """Nothing goes wrong any more; everything must come right within ``seconds``."""
        for calming in (self.database, *self.markets):
            calming.calm()
        self._all_up()
        self.couriers.last()
        outcome.webhooks = self.couriers.sent
        outcome.violations = self._rest(seconds, outcome)
        self.callers.repeat()
        self.callers.refused()
        if not outcome.violations:
            outcome.violations = list(self._closely(outcome))
        outcome.violations += self.watch.wrong
        outcome.violations += closely.kept(self.database, self.secrets)
        codes = [process.terminate() for process in self.processes]
        outcome.violations += [f"SIGTERM: exit code {code}" for code in codes if code]
        outcome.violations += self.callers.wrong + self.couriers.wrong
        if not outcome.violations:
            outcome.violations += invariants.verified(self.config) + self.database.damage()
        outcome.violations += self._told()

    def _rest(self, seconds: float, outcome: Outcome) -> list[str]:
        """What does not hold after that time, or nothing as soon as everything does."""
        until = time.monotonic() + seconds
        nudged = 0.0
        while True:
            if time.monotonic() - nudged > 5:
                nudged = time.monotonic()
                self._all_up()
                self._nudge()
            found = self._judged(outcome)
            if not found or time.monotonic() > until:
                self._rested = time.monotonic()
                return found
            time.sleep(0.5)

    def _closely(self, outcome: Outcome) -> Iterator[str]:
        """What costs more than the others, once they hold."""
        api = self.addresses()[0]
        seen = Seen(api, KEY)
        yield from self.watch.lost(seen)
        yield from closely.trails(api, KEY, seen)
        yield from closely.tenants(api, OTHER_KEY, seen)
        time.sleep(max(0.0, closely.KEPT_SECONDS - (time.monotonic() - self._rested)))
        answered = not {"database_stop", "cut_after_commit"} & set(outcome.blows)
        yield from closely.metrics(self.processes, seen, self.markets, answered=answered)
        yield from closely.leftovers(self.processes, self.database)
        self.shown = "".join(
            httpx.get(process.admin + path, timeout=10).text
            for process in self.processes for path in ("/metrics", "/status", "/healthz")
        )  # fmt: skip

    def _told(self) -> Iterator[str]:
        logs = "".join(log.read_text(errors="replace") for log in self.logs if log.exists())
        refusals = "".join(self.callers.refusals)
        texts = ((logs, "a log"), (refusals, "a refusal"), (self.shown, "an admin answer"))
        for text, where in texts:
            yield from closely.told(text, where, self.markets, [*self.secrets, BUYER])
        if "Traceback (most recent call last)" in logs:
            yield "a traceback is in a log"

    def _all_up(self) -> None:
        for process in self.processes:
            if not process.alive() or not process.ready(1):
                process.kill()
                process.start()

    def _nudge(self) -> None:
        """A pass now, whatever backoff the storm has left."""
        for process in self.processes:
            for market in self.markets:
                url = f"{process.admin}/integrations/{market.handle}/sync"
                with contextlib.suppress(httpx.HTTPError):
                    httpx.post(url, json={}, timeout=5)

    def _judged(self, outcome: Outcome) -> list[str]:
        found = [] if self.callers.granted() else ["a call is not answered"]
        try:
            seen = Seen(self.addresses()[0], KEY)
        except (httpx.HTTPError, IndexError) as error:
            return [*found, f"the API does not answer: {type(error).__name__}"]
        outcome.orders = len(seen.orders) + len(seen.deleted)
        outcome.documents = len(seen.invoices) + len(seen.credit_notes)
        outcome.calls = sum(wish.tries for wish in self.callers.wishes)
        return found + invariants.violations(seen, self.markets, self.callers.wishes)

    def end(self) -> None:
        for process in self.processes:
            process.kill()
