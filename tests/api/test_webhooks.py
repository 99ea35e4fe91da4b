"""Webhooks from a shop to the store, over real HTTP: hints that are proven, and nothing more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import func, select, text

from api.asked import KEYS, is_problem
from deliveries import SECRET, Delivery, forgeries, recorded, shopify, woocommerce
from ordermill.admin.server import serve
from ordermill.api.app import create_app
from ordermill.api.edge import LARGEST_WEBHOOK
from ordermill.api.gate import Keyring
from ordermill.api.inbox import Inbox, Writer
from ordermill.api.webhooks import routes
from ordermill.connector.base import ReadsWebhooks
from ordermill.daemon import redact, webhook_reader
from ordermill.simulator.courier import Mishaps, over_http
from ordermill.store import webhooks
from ordermill.store.database import Database
from ordermill.store.tables import events, hints, orders, raw_versions
from sync.house import House
from sync.markets import Market, differences, moved_in, open_market, settle

BOTH = ("woo-hpos", "shopify")
OTHER_SECRET = "the secret of another shop"


class Mill:
    """A shop, the process that reads it, and the receiver that it delivers to. The inbox is
    written by hand, for a thread would make tests wait."""

    def __init__(self, platform: str, database: Database, stack: ExitStack) -> None:
        self.platform = platform
        self.database = database
        self.market: Market = open_market(platform)
        stack.callback(self.market.close)
        self.market.life.place(3)
        self.house: House = moved_in(self.market, database)
        stack.callback(self.house.engine.stop, timedelta(seconds=30))
        settle(self.market, self.house, times=1)
        self.dropped: list[bool] = []
        self.inbox = Inbox(lambda: self.dropped.append(True))
        connector = self.market.connector
        assert isinstance(connector, ReadsWebhooks)
        self.readers = {"shop": webhook_reader(connector, SECRET)}
        router = routes(self.readers, self.inbox, partial(redact, database))
        app = create_app(database, Keyring(KEYS), webhooks=router, now=self.market.clock.now)
        serving = serve(app, "127.0.0.1", 0, "api")
        stack.callback(serving.stop)
        self.url = f"http://127.0.0.1:{serving.port}"
        self.client = stack.enter_context(httpx.Client(timeout=10, trust_env=False))

    def about(self, order_id: int, event: str = "e1", **more: Any) -> Delivery:
        """A genuine delivery about an order; ``more`` is what the body claims."""
        if self.platform == "shopify":
            return shopify({"id": order_id, **more}, event=event)
        return woocommerce(order_id, delivery=event, **more)

    def post(self, delivery: Delivery, handle: str = "shop") -> httpx.Response:
        headers = [(name.encode(), value.encode()) for name, value in delivery.headers]
        url = f"{self.url}/webhooks/{handle}"
        return self.client.post(url, headers=headers, content=delivery.body)

    def read(self) -> int:
        """Write what came, and let the engine work; how often it read orders. No poll is due where
        no time has passed, so these are the hints'."""
        self.written()
        before = len(self.house.heard.pages)
        self.house.work()
        return len(self.house.heard.pages) - before

    def written(self) -> None:
        while len(self.inbox):
            with self.database.write() as conn:
                webhooks.keep(conn, self.inbox.take(), now=self.house.clock())

    def place(self) -> int:
        """A new order, which no poll is due to find."""
        (order,) = self.market.life.place(1)
        return order.id

    def count(self, table: Any) -> int:
        with self.database.read() as conn:
            found: int = conn.execute(select(func.count()).select_from(table)).scalar_one()
        return found

    def subscribe(self) -> None:
        """Let the shop deliver to us what it does."""
        connector: Any = self.market.connector
        url = f"{self.url}/webhooks/shop"
        secret = SECRET
        if self.platform == "shopify":
            secret = self.market.server.face.credentials.client_secret  # type: ignore[attr-defined]
            self.readers["shop"] = webhook_reader(connector, secret)
        for topic in connector.webhook_topics:
            connector.create_webhook(topic, url, secret)

    def deliver(self) -> int:
        """Let what is due arrive; how many deliveries we took."""
        face: Any = self.market.server.face
        sender = face.deliveries if self.platform == "shopify" else face.hooks
        taken: int = sender.send(over_http)
        return taken

    def befall(self, mishaps: Mishaps) -> None:
        face: Any = self.market.server.face
        (face.deliveries if self.platform == "shopify" else face.hooks).mishaps = mishaps


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture(params=BOTH)
def mill(request: pytest.FixtureRequest, database: Database, stack: ExitStack) -> Mill:
    return Mill(request.param, database, stack)


@pytest.fixture
def woo(database: Database, stack: ExitStack) -> Mill:
    return Mill("woo-hpos", database, stack)


def test_an_order_that_a_webhook_names_is_read_at_once(mill: Mill) -> None:
    order = mill.place()
    assert mill.post(mill.about(order)).status_code == 202
    assert mill.read() == 1
    assert differences(mill.market, mill.house) == []
    assert mill.house.order(str(order))["source_event_id"] == "e1"
    assert mill.count(hints) == 0


def test_what_the_body_claims_is_not_believed(mill: Mill) -> None:
    order = mill.place()
    forged = mill.about(order, total="0.01", status="refunded", currency="XXX", line_items=[])
    assert mill.post(forged).status_code == 202
    mill.read()
    assert differences(mill.market, mill.house) == []


def test_fault_37_the_same_event_twenty_times_at_once_is_one_fetch(mill: Mill) -> None:
    order = mill.place()
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: mill.post(mill.about(order)), range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert mill.read() == 1
    for _ in range(3):
        assert mill.post(mill.about(order)).status_code == 202
        assert mill.read() == 0
    with mill.database.read() as conn:
        row = mill.house.order(str(order))
        mine = events.c.order_id == row["id"]
        assert conn.scalar(select(func.count()).where(mine, events.c.type == "order.created")) == 1
        versions = select(func.count()).where(raw_versions.c.order_id == row["id"])
        assert conn.scalar(versions) == 1


def test_fault_38_an_order_is_what_it_is_now_whatever_came_first(mill: Mill) -> None:
    mill.subscribe()
    mill.deliver()
    order = mill.place()
    mill.market.ledger.cancel(order)
    assert mill.deliver() >= 2  # the latest first
    mill.read()
    assert mill.house.order(str(order))["cancelled"] is True
    assert mill.house.order(str(order))["source_event_id"] is not None
    assert differences(mill.market, mill.house) == []


@pytest.mark.parametrize("platform", BOTH)
def test_fault_39_what_is_not_proven_is_refused_and_asks_for_nothing(
    platform: str, database: Database, stack: ExitStack
) -> None:
    mill = Mill(platform, database, stack)
    genuine = mill.about(mill.place())
    # HTTP takes a space off the end of a value, and the signature is right again.
    wrong = [each for what, each in forgeries(genuine) if what != "a space after it"]
    for delivery in wrong:
        answer = mill.post(delivery)
        assert is_problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"]
    assert len(mill.inbox) == 0
    assert mill.read() == 0
    assert mill.post(genuine).status_code == 202


def test_fault_40_a_shop_whose_webhooks_are_all_lost_is_complete_after_one_poll(
    mill: Mill,
) -> None:
    mill.subscribe()
    mill.deliver()
    mill.befall(Mishaps(lost=1.0))
    for _ in range(12):
        mill.market.life.step()
    assert mill.deliver() == 0
    mill.market.sleep(61)
    mill.house.work()
    assert differences(mill.market, mill.house) == []


def test_no_key_opens_the_receiver(woo: Mill) -> None:
    forged = woo.about(woo.place()).signed(OTHER_SECRET)
    for key in KEYS:
        answer = woo.post(forged.having("Authorization", f"Bearer {key.key}"))
        assert is_problem(answer, 401, "unauthorized")
    assert len(woo.inbox) == 0


@contextmanager
def held(database: Database) -> Iterator[None]:
    """Nobody else can write meanwhile."""
    with database.write() as conn:
        if database.dialect == "postgresql":
            conn.execute(text("LOCK TABLE hints, webhook_events, orders IN ACCESS EXCLUSIVE MODE"))
        yield


def test_fault_41_it_answers_while_the_database_is_held(mill: Mill) -> None:
    """No answer would come before the end of ``held``, if one needed the database."""
    writer = Writer(mill.database, mill.inbox, mill.house.clock)
    first, second = mill.place(), mill.place()
    writer.start()
    with held(mill.database):
        for event in ("e1", "e2", "e3"):
            assert mill.post(mill.about(first, event)).status_code == 202
        assert mill.post(mill.about(second, "e4")).status_code == 202
        assert is_problem(mill.post(mill.about(first).signed("x")), 401, "unauthorized")
    writer.stop(30)
    mill.house.work()
    assert differences(mill.market, mill.house) == []
    assert mill.dropped == []


def test_s42_each_integration_has_a_secret_of_its_own(mill: Mill) -> None:
    connector = mill.market.connector
    assert isinstance(connector, ReadsWebhooks)
    mill.readers["other"] = webhook_reader(connector, OTHER_SECRET)
    delivery = mill.about(mill.place())
    assert mill.post(delivery, "shop").status_code == 202
    assert is_problem(mill.post(delivery, "other"), 401, "unauthorized")
    assert mill.post(delivery.signed(OTHER_SECRET), "other").status_code == 202
    assert is_problem(mill.post(delivery.signed(OTHER_SECRET)), 401, "unauthorized")


def test_s43_a_thousand_replays_under_new_names_are_one_fetch_in_a_window(mill: Mill) -> None:
    """The name of an event is not signed: who replays a delivery may change it."""
    order = mill.place()
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda n: mill.post(mill.about(order, f"e{n}")), range(1000)))
    assert mill.read() == 1
    assert mill.count(hints) == 0


def test_s44_a_greeting_is_answered_and_does_nothing(woo: Mill) -> None:
    said = [woo.post(delivery).status_code for delivery in recorded()]
    assert (said.count(200), said.count(202)) == (8, 6)
    assert {arrival.source_id for arrival in woo.inbox.take()} == {"338"}
    assert len(woo.inbox) == 0


def test_what_is_passed_over_is_in_the_log(woo: Mill) -> None:
    with structlog.testing.capture_logs() as said:
        other = woocommerce(1, topic="product.updated")
        assert woo.post(other).status_code == 200
        assert woo.post(woo.about(1)).status_code == 202
    told = [(line["event"], line["topic"]) for line in said if "topic" in line]
    assert told == [("webhook_without_order", "product.updated")]


def test_a_body_has_five_mebibytes_counted_as_they_are_read(woo: Mill) -> None:
    order = woo.place()
    largest = json.dumps({"id": order}).encode().ljust(LARGEST_WEBHOOK)
    fits = replace(woo.about(order), body=largest).signed()
    assert woo.post(fits).status_code == 202
    assert is_problem(woo.post(replace(fits, body=largest + b" ")), 413, "payload_too_large")
    answer = woo.client.post(f"{woo.url}/webhooks/shop", content=pieces(largest + b" "))
    assert is_problem(answer, 413, "payload_too_large")


def pieces(body: bytes) -> Iterator[bytes]:
    """Sent in chunks, without a Content-Length."""
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


@pytest.mark.parametrize("handle", ["nobody", "manual-acme", "SHOP", "shop%2F", "..", "shop/x"])
def test_who_has_no_secret_receives_nothing(woo: Mill, handle: str) -> None:
    assert is_problem(woo.post(woo.about(1), handle), 404, "not_found")


def test_only_a_post_is_a_delivery(woo: Mill) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = httpx.request(method, f"{woo.url}/webhooks/shop")
        assert is_problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "POST"


def test_an_order_that_the_shop_has_deleted_is_marked_by_its_webhook(mill: Mill) -> None:
    mill.subscribe()
    mill.deliver()
    order = mill.market.ledger.orders()[0].id
    if mill.platform == "shopify":
        mill.market.ledger.purge(order)
    else:
        mill.market.ledger.trash(order)
    assert mill.deliver() == 1
    mill.read()
    row = mill.house.order(str(order))
    assert (row["deleted_by"], row["source_event_id"] is not None) == ("shop", True)


def redaction(email: str | None, *order_ids: int) -> Delivery:
    body = {"customer": {"id": 7, "email": email}, "orders_to_redact": order_ids}
    return shopify(body, "customers/redact")


def test_s59_a_buyer_whom_the_shop_says_to_erase_is_erased_before_the_answer(
    database: Database, stack: ExitStack
) -> None:
    mill = Mill("shopify", database, stack)
    first, second, third = (order.id for order in mill.market.ledger.orders())
    with database.write() as conn:
        conn.execute(orders.update().values(status="skipped"))
        conn.execute(orders.update().values(customer_email=None, customer_id=None))
        for order, status in ((second, "skipped"), (third, "pending")):
            mine = orders.c.source_id == str(order)
            email, name = "Ana@Example.com", "ana@example.com"
            values = {"customer_email": email, "search_text": name, "status": status}
            conn.execute(orders.update().where(mine).values(**values))
    assert mill.post(redaction("ana@example.com", first)).status_code == 200
    erased = {order: mill.house.order(str(order))["erased_at"] for order in (first, second, third)}
    assert [bool(at) for at in erased.values()] == [True, True, False]
    assert mill.read() == 0


def test_s59_an_erasure_that_the_database_cannot_take_is_to_be_sent_again(
    database: Database, stack: ExitStack
) -> None:
    mill = Mill("shopify", database, stack)
    order = mill.market.ledger.orders()[0].id
    with database.write() as conn:
        conn.execute(orders.update().values(status="skipped"))
    database.close()
    assert mill.post(redaction(None, order)).status_code == 503


@pytest.mark.parametrize("seed", range(3))
def test_whatever_befalls_webhooks_a_poll_later_all_is_there_once(mill: Mill, seed: int) -> None:
    mill.subscribe()
    mill.deliver()
    mill.befall(Mishaps(lost=0.2, doubled=0.3, delayed=0.3, late=timedelta(minutes=7)))
    for _ in range(25):
        mill.market.life.step()
        mill.market.sleep(20)
        mill.deliver()
        mill.read()
    settle(mill.market, mill.house, times=2)
    mill.deliver()
    mill.read()
    assert differences(mill.market, mill.house) == []


def test_a_shop_gives_up_a_webhook_that_is_refused(mill: Mill) -> None:
    """Why answers must be quick and right: what the simulated shops do is what the real ones do."""
    mill.subscribe()
    mill.deliver()
    connector: Any = mill.market.connector
    mill.readers["shop"] = webhook_reader(connector, OTHER_SECRET)
    order = mill.place()
    for _ in range(12):
        mill.market.ledger.touch(order)
        mill.deliver()
        mill.market.clock.advance(7200)
    left = {each.topic.lower() for each in connector.webhooks() if each.trouble is None}
    assert not any(topic.endswith("updated") for topic in left)
