"""Webhooks of the simulated WooCommerce shop, as they were measured on real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from deliveries import recorded, sign
from ordermill.simulator.courier import Mishaps, over_http
from ordermill.simulator.drafts import SetQuantity
from ordermill.simulator.server import serve
from ordermill.simulator.woocommerce.face import WooCommerceFace
from ordermill.simulator.woocommerce.webhooks import MOST_FAILURES
from simulator.books import BOOK, Ledger, a_ledger, placed

URL, SECRET = "https://mill.example/webhooks/woo", "a secret"


@dataclass
class Receiver:
    """A Post that remembers; ``status`` is what it answers, 0 for nothing at all."""

    status: int = 202
    got: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.got.append((headers, body))
        if not self.status:
            raise OSError
        return self.status

    @property
    def topics(self) -> list[str]:
        return [headers.get("X-WC-Webhook-Topic", "") for headers, _ in self.got]


@dataclass
class Shop:
    """A shop whose webhooks for orders go to one receiver, greeted already."""

    ledger: Ledger = field(default_factory=a_ledger)
    receiver: Receiver = field(default_factory=Receiver)

    def __post_init__(self) -> None:
        self.face = WooCommerceFace(self.ledger)
        for event in ("created", "updated", "deleted", "restored"):
            self.face.hooks.create(
                {"topic": f"order.{event}", "delivery_url": URL, "secret": SECRET}
            )
        self.sent()
        self.receiver.got.clear()

    def place(self) -> int:
        return placed(self.ledger, BOOK).id

    def sent(self) -> list[str]:
        """Send what is due; the topics that were told."""
        before = len(self.receiver.got)
        self.face.hooks.send(self.receiver)
        return self.receiver.topics[before:]


def test_a_delivery_has_the_headers_and_the_signature_of_a_real_one() -> None:
    shop = Shop()
    order = shop.place()
    shop.sent()
    real = next(each for each in recorded() if each.value("User-Agent") and len(each.body) > 99)
    carried = {"host", "accept", "accept-encoding", "connection", "content-length"}
    names = {name.lower() for name, _ in real.headers} - carried
    for headers, body in shop.receiver.got:
        assert {name.lower() for name in headers} == names
        assert headers["X-WC-Webhook-Signature"] == sign(body, SECRET)
        assert json.loads(body)["id"] == order
        assert json.loads(body).keys() >= json.loads(real.body).keys() - {"_links"}


def test_a_new_webhook_greets_without_a_signature() -> None:
    shop = Shop()
    shop.face.hooks.create({"topic": "order.created", "delivery_url": URL})
    shop.face.hooks.send(shop.receiver)
    headers, body = shop.receiver.got[-1]
    assert body == b"webhook_id=5"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert not any("Signature" in name for name in headers)


def test_each_happening_has_its_topic() -> None:
    shop = Shop()
    order = shop.place()
    assert sorted(shop.sent()) == ["order.created", "order.updated"]
    shop.ledger.pay(order)
    assert shop.sent() == ["order.updated"]
    shop.ledger.trash(order)
    assert shop.sent() == ["order.deleted"]
    assert json.loads(shop.receiver.got[-1][1]) == {"id": order}
    shop.ledger.untrash(order)
    assert shop.sent() == ["order.restored"]


def test_item_edits_are_told_with_posts_too_and_what_moves_nothing_is_not() -> None:
    shop = Shop()
    order = shop.place()
    shop.ledger.pay(order)
    refund = shop.ledger.refund(order, amount=Decimal(1))
    shop.sent()
    line = shop.ledger.order(order).lines[0]  # type: ignore[union-attr]
    shop.ledger.edit(order, SetQuantity(line.id, Decimal(5)))
    assert shop.sent() == ["order.updated"]
    shop.ledger.delete_refund(order, refund.id)
    with shop.ledger.in_silence():
        shop.ledger.touch(order)
    shop.ledger.purge(order)
    assert shop.sent() == []


def test_several_quick_changes_are_one_delivery_of_the_last_state() -> None:
    shop = Shop()
    order = shop.place()
    shop.sent()
    for status in ("on-hold", "processing", "completed"):
        shop.ledger.set_status(order, status)
    assert shop.sent() == ["order.updated"]
    assert json.loads(shop.receiver.got[-1][1])["status"] == "completed"


@pytest.mark.parametrize("status", [500, 401, 0])
def test_failures_are_not_tried_again_and_the_sixth_in_a_row_ends_it(status: int) -> None:
    shop = Shop()
    order = shop.place()
    shop.sent()
    shop.receiver.status = status
    for n in range(MOST_FAILURES + 1):
        assert shop.face.hooks.all()[1].status == "active", n
        shop.ledger.touch(order)
        assert shop.sent() == ["order.updated"]
        assert shop.face.hooks.waiting == ()
    assert shop.face.hooks.all()[1].status == "disabled"
    shop.ledger.touch(order)
    assert shop.sent() == []


def test_one_success_forgives_the_failures_before_it_and_a_redirect_is_one() -> None:
    shop = Shop()
    order = shop.place()
    for status in [500] * MOST_FAILURES + [302] + [500] * MOST_FAILURES:
        shop.receiver.status = status
        shop.ledger.touch(order)
        shop.sent()
    assert shop.face.hooks.all()[1].status == "active"


def test_deliveries_are_lost_doubled_and_late_by_seed() -> None:
    shop = Shop()
    hooks = shop.face.hooks
    hooks.mishaps = Mishaps(lost=1.0)
    order = shop.place()
    assert shop.sent() == []
    hooks.mishaps = Mishaps(doubled=1.0)
    shop.ledger.touch(order)
    assert shop.sent() == ["order.updated"] * 2
    numbers = {headers["X-WC-Webhook-Delivery-ID"] for headers, _ in shop.receiver.got}
    assert len(numbers) == 1
    hooks.mishaps = Mishaps(delayed=1.0, late=timedelta(minutes=5))
    shop.ledger.touch(order)
    assert shop.sent() == []
    shop.ledger.clock.sleep(301)
    assert shop.sent() == ["order.updated"]


def test_the_api_lists_and_makes_webhooks_and_shows_no_secret() -> None:
    face = WooCommerceFace(a_ledger())
    with serve(face) as server:
        address = f"{server.url}/wp-json/wc/v3/webhooks"

        def ask(method: str, **more: Any) -> httpx.Response:
            key = (face.consumer_key, face.consumer_secret)
            return httpx.request(method, address, auth=key, trust_env=False, **more)

        wanted = {"topic": "order.updated", "delivery_url": URL, "secret": SECRET}
        made = ask("POST", json=wanted)
        assert made.status_code == 201
        assert made.json()["status"] == "active"
        assert ask("GET").json() == [made.json()]
        assert SECRET not in ask("GET").text
        assert ask("GET", params={"page": "2"}).json() == []
        for bad in ({"topic": "order.exploded"}, {"delivery_url": "mill"}):
            assert ask("POST", json=wanted | bad).status_code == 400
        face.keys.permission = "read"
        refused = ask("POST", json=wanted)
        assert refused.status_code == 401
        assert refused.json()["code"] == "woocommerce_rest_authentication_error"


def test_no_answer_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match="ConnectError"):
        over_http("http://127.0.0.1:9/", {}, b"")
