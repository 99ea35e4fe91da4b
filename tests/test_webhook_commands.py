"""`ordermill webhooks`: what shops keep for us, made where it is missing, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from ordermill.simulator.clock import ManualClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.server import serve
from ordermill.simulator.shopify.face import ShopifyFace
from ordermill.simulator.woocommerce.face import WooCommerceFace
from program import call, written

SECRET = "canary-secret"
WOO = """\
  woo:
    entity: acme
    source: woocommerce
    options: {{base_url: "{url}", consumer_key: "{face.consumer_key}",
              consumer_secret: "{face.consumer_secret}", allow_private_network: true}}
    webhook_secret: {secret}
"""
SHOPIFY = """\
  shopify:
    entity: acme
    source: shopify
    options: {{shop_domain: acme.myshopify.com, access_token: "{face.access_token}",
              base_url: "{url}", allow_private_network: true}}
    webhook_secret: {secret}
"""


class Shops:
    """A shop of each platform, and a configuration that reads both."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        now = ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
        self.woo, self.shopify = WooCommerceFace(Ledger(now)), ShopifyFace(Ledger(now))
        self.urls = [stack.enter_context(serve(face)).url for face in (self.woo, self.shopify)]
        self.written()

    def written(self, secret: str = SECRET, public: str = "https://mill.example") -> None:
        woo = WOO.format(url=self.urls[0], face=self.woo, secret=secret)
        shopify = SHOPIFY.format(url=self.urls[1], face=self.shopify, secret=secret)
        self.file = written(self.folder, f"sqlite:///{self.folder / 'a.db'}", woo, shopify)
        text = self.file.read_text().replace("api: {port: 0}", f"api: {{public_url: {public}}}")
        self.file.write_text(text)

    def call(self, command: str, *words: str) -> CompletedProcess[str]:
        done = call("webhooks", command, *words, "-c", self.file)
        assert SECRET not in done.stdout + done.stderr
        return done


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[Shops]:
    with ExitStack() as stack:
        yield Shops(tmp_path, stack)


def test_what_is_missing_is_named_then_made_and_then_all_is_well(shops: Shops) -> None:
    before = shops.call("list")
    assert before.returncode == 1
    assert before.stdout.count("missing") == 4 + 7
    made = shops.call("create")
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.count("delivers") == 4 + 7
    again = shops.call("create")
    assert again.stdout == shops.call("list").stdout == made.stdout
    hooks = shops.woo.hooks.all()
    assert {hook.url for hook in hooks} == {"https://mill.example/webhooks/woo"}
    assert [hook.secret for hook in hooks] == [SECRET] * 4
    subscribed = shops.shopify.engine.subscriptions.all({})
    assert {each["uri"] for each in subscribed} == {"https://mill.example/webhooks/shopify"}
    assert len(subscribed) == 7


def test_one_that_the_shop_has_switched_off_is_named_and_not_made_again(shops: Shops) -> None:
    shops.call("create", "woo")
    shops.woo.hooks.switch(2, "disabled")
    shops.woo.hooks.switch(3, "paused")
    for command in ("list", "create"):
        done = shops.call(command, "woo")
        assert done.returncode == 1
        assert "order.updated: the shop has switched it off" in done.stdout
        assert "order.deleted: its status is paused" in done.stdout
    assert len(shops.woo.hooks.all()) == 4


def test_a_webhook_to_somebody_else_is_not_ours(shops: Shops) -> None:
    for url in ("https://mill.example/webhooks/woo2", "https://other.example/webhooks/woo"):
        shops.woo.hooks.create({"topic": "order.created", "delivery_url": url})
    assert "order.created: missing" in shops.call("list", "woo").stdout


def test_a_key_that_may_only_read_is_told_what_to_grant(shops: Shops) -> None:
    shops.woo.keys.permission = "read"
    refused = shops.call("create", "woo")
    assert refused.returncode == 3
    assert "read/write" in refused.stdout
    assert shops.woo.hooks.all() == []
    assert shops.call("list", "woo").returncode == 1


def test_a_key_that_may_not_even_look_is_refused(shops: Shops) -> None:
    shops.woo.keys.may = "orders"
    for command in ("list", "create"):
        assert shops.call(command, "woo").returncode == 3


def test_without_a_public_url_or_a_secret_it_says_what_to_write(shops: Shops) -> None:
    shops.written(public="null")
    refused = shops.call("list")
    assert refused.returncode == 2
    assert "api.public_url" in refused.stderr
    shops.written(secret="null")
    silent = shops.call("create")
    assert silent.returncode == 0
    assert silent.stdout.count("webhook_secret") == 2
    assert shops.call("list", "nobody").returncode == 2
