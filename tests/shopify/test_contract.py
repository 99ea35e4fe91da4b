"""The Shopify connector passes the suite of every connector."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ordermill.connector.contract import ConnectorContract, ShopOnTrial
from ordermill.simulator.life import Ways
from ordermill.simulator.server import serve
from ordermill.simulator.shopify.face import ShopifyFace
from ordermill_shopify import plugin
from trials import lived_in, toucher


@pytest.fixture
def shop() -> Iterator[ShopOnTrial]:
    clock, ledger = lived_in(Ways(trash=0, untrash=0))
    face = ShopifyFace(ledger)
    with serve(face) as server:
        yield ShopOnTrial(
            plugin=plugin,
            options={
                "shop_domain": "acme.myshopify.com",
                "base_url": server.url,
                "access_token": face.access_token,
                "allow_private_network": True,
            },
            secrets=("access_token",),
            touch=toucher(clock, ledger),
            remove=lambda source_id: ledger.purge(int(source_id)),
            now=clock.now,
            sleep=clock.sleep,
        )


class TestContract(ConnectorContract):
    pass
