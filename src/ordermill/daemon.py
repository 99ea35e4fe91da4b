"""The composition root: builds the rooms from the settings, wires them, runs until told to stop."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from pydantic import BaseModel

from ordermill.admin.metrics import Metrics
from ordermill.connector.base import Connector, Context, Observer, Plugin, ReadsWebhooks
from ordermill.connector.registry import installed
from ordermill.errors import ConfigError, OrdermillError
from ordermill.invoicing.done import Listener as DueListener
from ordermill.invoicing.due import Due
from ordermill.model.integration import Integration, manual_handle
from ordermill.model.webhook import Headers, Redaction, Said
from ordermill.schedule import Schedule
from ordermill.settings import Settings, load
from ordermill.store import erasure, integrations, restores, retention, tallies
from ordermill.store.database import Database
from ordermill.store.migrations import REVISIONS
from ordermill.sync.engine import Engine
from ordermill.sync.lease import RENEW
from ordermill.sync.listener import Everyone, Listener
from ordermill.sync.shop import Shop

if TYPE_CHECKING:
    from ordermill.admin.server import Serving
    from ordermill.api.gate import Keyring
    from ordermill.api.inbox import Writer
    from ordermill.api.webhooks import Reader

log = structlog.get_logger()

OLDER = REVISIONS[:-1]  # schemas that an upgrade changes
TICK = timedelta(milliseconds=200)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LAST_HINTS = 0.5  # seconds for writing what webhooks brought last
STARTED_WITH = ("api.host", "api.port", "api.docs", "admin.host", "admin.port", "admin.token")
GRACE = timedelta(seconds=8)  # of the 10 s in which the daemon stops


def now() -> datetime:
    return datetime.now(UTC)


def owner_id() -> str:
    """Names this start of this process in the leases: host, pid, and the moment."""
    return f"{socket.gethostname()}-{os.getpid()}-{time.time_ns()}"


def options_by_source() -> dict[str, tuple[type[BaseModel], Callable[[Any], str]]]:
    """What the settings must know of the installed connectors."""
    return {source: (plugin.options, plugin.shop_key) for source, plugin in installed().items()}


def read_settings(path: Path) -> Settings:
    """The settings, checked with the installed connectors; raise ConfigError with all errors."""
    return load(path, options_by_source())


def open_database(settings: Settings, *, upgrade: bool | None = None) -> Database:
    """The database with a schema that this program can use.

    SQLite is upgraded by itself, PostgreSQL only with ``auto_migrate``; else SchemaOutdated names
    the command. ``upgrade=False`` never upgrades. Raise StoreLocked rather than change an SQLite
    file's schema under a daemon of the version before.
    """
    database = Database.open(settings.database_url)
    wanted = upgrade if upgrade is not None else settings.auto_migrate
    try:
        if upgrade is not False and (wanted or database.dialect == "sqlite"):
            with database.lock_scheduler() if database.revision() in OLDER else nullcontext():
                database.upgrade()
        database.check_schema()
    except BaseException:
        database.close()
        raise
    return database


@dataclass
class Shops:
    """The shops of the present settings, each with its live connector."""

    observer: Callable[[str], Observer]
    listener: Listener
    clock: Callable[[], datetime] = now
    sleep: Callable[[float], None] = time.sleep
    plugins: Mapping[str, Plugin] = field(default_factory=installed)
    by_handle: dict[str, Shop] = field(default_factory=dict)
    _retired: list[Shop] = field(default_factory=list)

    def apply(self, database: Database, settings: Settings) -> None:
        """Write the configuration to the store and connect what is new or changed.

        An integration whose values are the same keeps its connector, so a reload does not disturb
        it. Raise ConfigError, with nothing changed, if the store refuses (a shop under a new name).
        """
        with database.write() as conn:
            integrations.apply_configuration(
                conn,
                list(settings.entities.values()),
                list(settings.integrations.values()),
                now=self.clock(),
            )
        with database.read() as conn:
            stored = integrations.stored(conn)
        previous = self.by_handle
        self.by_handle = {
            handle: self._shop(integration, previous.get(handle), stored[handle])
            for handle, integration in settings.integrations.items()
            if integration.is_active
        }
        for handle, shop in previous.items():
            kept = self.by_handle.get(handle)
            if kept is None or kept.connector is not shop.connector:
                self._retired.append(shop)

    def close_retired(self, busy: Callable[[str], bool]) -> None:
        """Close the connectors that a reload replaced, once no pass is using them."""
        for shop in [shop for shop in self._retired if not busy(shop.handle)]:
            self._retired.remove(shop)
            shop.connector.close()

    def connect(self, integration: Integration) -> Connector:
        """A new connector; it asks the shop nothing yet."""
        context = Context(
            handle=integration.handle,
            now=self.clock,
            sleep=self.sleep,
            observer=self.observer(integration.handle),
            page_size=integration.poll.page_size,
        )
        return self.plugins[integration.source].connect(integration.options, context)

    def close(self) -> None:
        for shop in [*self.by_handle.values(), *self._retired]:
            shop.connector.close()

    def _shop(
        self, integration: Integration, before: Shop | None, stored: integrations.StoredIntegration
    ) -> Shop:
        same = (
            before is not None
            and before.integration.options == integration.options
            and before.integration.poll.page_size == integration.poll.page_size
        )
        connector = before.connector if same and before else self.connect(integration)
        return Shop(integration, stored, connector, self.listener, self.clock)


class Told(Listener, DueListener, Protocol):
    """Who is told what happens in both rooms that work."""


class Daemon:
    """One process: scheduler, workers, Orders API, admin endpoint. ``run`` blocks until ``stop`` is
    called."""

    def __init__(self, path: Path, settings: Settings, *, listener: Told | None = None) -> None:
        self._path = path
        self._started = self.settings = settings
        self.metrics = Metrics(revision=os.environ.get("ORDERMILL_REVISION", ""))
        self._told: list[Told] = [self.metrics] if listener is None else [self.metrics, listener]
        self._listener = Everyone(self._told)
        self._stop = threading.Event()
        self._reload = threading.Event()
        self._beat = time.monotonic()
        self.ready = threading.Event()
        self.finished = True  # False once it ended with a thread that a shop keeps waiting
        self.admin_port: int | None = None
        self.api_port: int | None = None
        self._keyring: Keyring | None = None
        self._readers: dict[str, Reader] = {}

    def stop(self) -> None:
        """Ask for the end; safe in a signal handler."""
        self._stop.set()

    def reload(self) -> None:
        """Ask for the YAML to be read again; safe in a signal handler."""
        self._reload.set()

    def run(self) -> None:
        """Run until stopped; raise OrdermillError if it cannot start."""
        database = open_database(self.settings)
        try:
            with database.lock_scheduler():
                self._run(database)
        finally:
            database.close()

    def _run(self, database: Database) -> None:
        shops = Shops(self.metrics.observer, self._listener)
        shops.apply(database, self.settings)
        say_if_held(database)
        self.metrics.watch_database(database)
        self._watch(shops)
        engine = Engine(database, owner_id(), self._listener, now)
        engine.shops = shops.by_handle
        due = Due(database, now, self._told)
        schedule = Schedule(self.metrics.scheduler_missed, self._call_failed)
        schedule.every("tick", TICK, lambda: self._tick(engine), wandering=True)
        schedule.every("due", TICK, due.tick, wandering=True)
        schedule.every("heartbeat", RENEW, engine.heartbeat)
        schedule.every("tally", MINUTE, lambda: self._settle_tallies(database))
        schedule.every("forget", DAY, lambda: self._forget(database))
        (api, writer), admin = self._serve_api(database), self._serve_admin(database)
        self.api_port, self.admin_port = api.port, admin.port
        self.metrics.reload(True, now())
        gc.freeze()  # nothing made so far ends before the process does, unless by a reload
        schedule.start()
        self.ready.set()
        log.info(
            "ready",
            admin=f"http://{self.settings.admin.host}:{admin.port}/",
            api=f"http://{self.settings.api.host}:{api.port}/",
            integrations=len(shops.by_handle),
            database=database.dialect,
        )
        try:
            self._wait(database, shops, engine, schedule)
        finally:
            api.close()
            schedule.stop()
            self.finished = stopped(engine, due, GRACE)
            api.stop()
            writer.stop(LAST_HINTS)
            admin.stop()
            shops.close()
            log.info("stopped", finished=self.finished)

    def _serve_admin(self, database: Database) -> Serving:
        # The web framework takes half a second to import, and other commands use this module too.
        from ordermill.admin.app import create_app
        from ordermill.admin.server import serve

        app = create_app(
            database, self.metrics, token=self.settings.admin.token, heartbeat=self._since_tick
        )
        return serve(app, self.settings.admin.host, self.settings.admin.port)

    def _serve_api(self, database: Database) -> tuple[Serving, Writer]:
        from ordermill.admin.server import serve
        from ordermill.api.app import create_app
        from ordermill.api.gate import Keyring
        from ordermill.api.inbox import Inbox, Writer
        from ordermill.api.webhooks import routes

        self._keyring = Keyring(self.settings.keys)
        inbox = Inbox(self.metrics.hint_dropped)
        app = create_app(
            database,
            self._keyring,
            docs=self.settings.api.docs,
            webhooks=routes(self._readers, inbox, partial(redact, database)),
            listener=self.metrics,
            billing=self._told,
        )
        serving = serve(app, self.settings.api.host, self.settings.api.port, "api")
        writer = Writer(database, inbox, now)
        writer.start()
        return serving, writer

    def _wait(self, database: Database, shops: Shops, engine: Engine, schedule: Schedule) -> None:
        clock, overdue = Clock(), False
        while not self._stop.wait(0.1):
            if self._reload.is_set():
                self._reload.clear()
                self._reload_now(database, shops)
            if clock.set_back():
                schedule.at_once()
                overdue = True
            if overdue:
                overdue = not self._due_by_this_clock(database, shops)
            engine.shops = shops.by_handle
            shops.close_retired(engine.busy)

    def _due_by_this_clock(self, database: Database, shops: Shops) -> bool:
        """No shop waits for longer than its interval, as after a reload: by the clock as it was,
        the next poll may be a day away. False where the store is busy."""
        try:
            shops.apply(database, self.settings)
        except OrdermillError:
            return False
        log.warning("clock_set_back")
        return True

    def _reload_now(self, database: Database, shops: Shops) -> None:
        """Swap to the file's present content; a refused file leaves what runs in place."""
        try:
            settings = read_settings(self._path)
            if settings.database_url != self.settings.database_url:
                raise ConfigError("database_url changes only with a restart")
            shops.apply(database, settings)
        except OrdermillError as error:
            self.metrics.reload(False, now())
            log.error("reload_refused", reason=str(error))
            return
        self.settings = settings
        if self._keyring is not None:
            self._keyring.replace(settings.keys)
        self._watch(shops)
        self.metrics.reload(True, now())
        log.info("reloaded", integrations=len(shops.by_handle))
        kept = [name for name in STARTED_WITH if self._differs(settings, attrgetter(name))]
        if kept:
            log.warning("restart_needed", changed=kept)

    def _differs(self, settings: Settings, value: Callable[[Settings], object]) -> bool:
        """Whether it is another than this process listens with."""
        return value(settings) != value(self._started)

    def _watch(self, shops: Shops) -> None:
        """Whatever follows the settings: the metrics' shops, and who reads webhooks with what."""
        readers = webhook_readers(shops, self.settings)
        self._readers.update(readers)
        for handle in self._readers.keys() - readers.keys():
            del self._readers[handle]
        sources = {h: i.source for h, i in self.settings.integrations.items()}
        self.metrics.watch(
            {h: shops.plugins[source] for h, source in sources.items()},
            {h: i.poll.every for h, i in self.settings.integrations.items()},
            by_hand=[manual_handle(entity) for entity in self.settings.entities],
        )

    def _tick(self, engine: Engine) -> None:
        engine.tick()
        self._beat = time.monotonic()

    def _forget(self, database: Database) -> None:
        with database.write() as conn:
            retention.forget(conn, now=now(), raw_for=self.settings.retention.raw_versions)

    def _settle_tallies(self, database: Database) -> None:
        with database.write() as conn:
            tallies.settle(conn)

    def _since_tick(self) -> float:
        """Seconds; more than a few say that the scheduler is stuck."""
        return time.monotonic() - self._beat

    def _call_failed(self, name: str, error: BaseException) -> None:
        self.metrics.error("", "store", "internal")
        log.error("call_failed", call=name, error=type(error).__name__)


class Clock:
    """This machine's clock, as set beside the one that only goes on."""

    def __init__(self) -> None:
        self._ahead = self._difference()

    def set_back(self) -> bool:
        """Whether it was, by a second or more, since this was last asked."""
        before, self._ahead = self._ahead, self._difference()
        return self._ahead <= before - 1

    @staticmethod
    def _difference() -> float:
        return now().timestamp() - time.monotonic()


def stopped(engine: Engine, due: Due, within: timedelta) -> bool:
    """End what is in flight in both rooms that work; False if something did not end in time."""
    ends = time.monotonic() + within.total_seconds()
    due.stop(timedelta())  # told first, so that it ends its batch meanwhile
    finished = engine.stop(within)
    return due.join(timedelta(seconds=max(ends - time.monotonic(), 0))) and finished


def say_if_held(database: Database) -> None:
    """After a restore nothing may be billed by itself: the log says so at every start."""
    with database.read() as conn:
        since = restores.held_since(conn)
    if since is not None:
        log.warning("billing_held", since=since.isoformat(), end="ordermill restore --resume")


def webhook_readers(shops: Shops, settings: Settings) -> dict[str, Reader]:
    """What reads the deliveries to each integration that has a secret for them."""
    readers: dict[str, Reader] = {}
    for handle, shop in shops.by_handle.items():
        secret = settings.integrations[handle].webhook_secret
        if secret is None:
            continue
        if isinstance(shop.connector, ReadsWebhooks):
            readers[handle] = webhook_reader(shop.connector, secret)
        else:
            log.warning("webhooks_not_read", connector=handle, reason="its connector cannot")
    return readers


def webhook_reader(connector: ReadsWebhooks, secret: str) -> Reader:
    def read(headers: Headers, body: bytes) -> Said:
        return connector.read_webhook(headers, body, secret)

    return read


def redact(database: Database, handle: str, asked: Redaction) -> None:
    """Erase what the shop asks to be erased; idempotent. StoreBusy and the like: nothing was."""
    with database.write() as conn:
        person = erasure.of_request(conn, handle, asked.source_ids, asked.email)
        erasure.erase(conn, person, now=now())
    log.warning("buyer_erased", connector=handle, orders=len(person.orders), left=person.open)


def run_with_signals(daemon: Daemon) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reloads. Call from the main thread."""
    signal.signal(signal.SIGTERM, lambda *_: daemon.stop())
    signal.signal(signal.SIGINT, lambda *_: daemon.stop())
    signal.signal(signal.SIGHUP, lambda *_: daemon.reload())
    daemon.run()
