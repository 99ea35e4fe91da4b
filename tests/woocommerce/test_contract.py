"""The WooCommerce connector passes the suite of every connector, on each kind of storage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ordermill.connector.contract import ConnectorContract, ShopOnTrial
from ordermill.simulator.life import Ways
from ordermill.simulator.server import serve
from ordermill.simulator.woocommerce.face import WooCommerceFace
from ordermill_woocommerce import plugin
from trials import lived_in, toucher


@pytest.fixture(params=[("hpos", "11.0.1"), ("posts", "11.0.1"), ("posts", "7.9.0")])
def shop(request: pytest.FixtureRequest) -> Iterator[ShopOnTrial]:
    storage: Any
    storage, version = request.param
    clock, ledger = lived_in(Ways(trash=3, untrash=0, delete_refund=1, blank_refund=1))
    face = WooCommerceFace(ledger, storage, version)
    with serve(face) as server:
        yield ShopOnTrial(
            plugin=plugin,
            options={
                "base_url": server.url,
                "consumer_key": face.consumer_key,
                "consumer_secret": face.consumer_secret,
                "allow_private_network": True,
            },
            secrets=("consumer_key", "consumer_secret"),
            touch=toucher(clock, ledger),
            remove=lambda source_id: ledger.purge(int(source_id)),
            now=clock.now,
            sleep=clock.sleep,
        )


class TestContract(ConnectorContract):
    pass
