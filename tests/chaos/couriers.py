"""Brings the shops' webhooks to whichever process answers, and forgeries of them on the way."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping

import httpx

from chaos.markets import Market
from chaos.profiles import Weather
from deliveries import Delivery, forgeries

PATIENCE = 5.0  # seconds that a shop waits for an answer
PAUSE = 0.1  # seconds between two rounds
LAST = 300  # deliveries that still arrive when all is quiet
SIGNATURES = ("X-WC-Webhook-Signature", "X-Shopify-Hmac-Sha256")


class Couriers(threading.Thread):
    """Sends what is due. Only what is proven may be taken; that is never refused, though it may
    fail while the storm lasts."""

    def __init__(
        self, addresses: Callable[[], list[str]], markets: list[Market], weather: Weather, seed: int
    ) -> None:
        super().__init__(daemon=True)
        self._addresses = addresses
        self._markets = markets
        self._forged = weather.forged
        self._random = random.Random(f"couriers {seed}")
        self._over = threading.Event()
        self._left: int | None = None
        self._client = httpx.Client(
            limits=httpx.Limits(max_keepalive_connections=0), timeout=PATIENCE, trust_env=False
        )
        self.sent = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        while not self._over.is_set():
            self._round()
            time.sleep(PAUSE)

    def stop(self) -> None:
        """What is on its way now is lost, or comes with ``last``."""
        self._over.set()
        self.join()

    def last(self) -> None:
        """Some of what has not arrived arrives now, however late it is."""
        self._over.clear()
        self._left = LAST
        self._round()

    def _round(self) -> None:
        for market in self._markets:
            market.subscribe()
            market.sender.send(self._post)

    def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        addresses = self._addresses()
        if self._over.is_set() or not addresses or self._left == 0:
            raise OSError("no way")
        if self._left is not None:
            self._left -= 1
        to = self._random.choice(addresses) + url.removeprefix(Market.HOME)
        genuine = Delivery(tuple(headers.items()), body, _signature(headers))
        if genuine.signature and self._random.random() < self._forged:
            self._forge(to, genuine)
        self.sent += 1
        status = self._arrives(to, genuine)
        if 300 <= status < 500:
            self.wrong.append(f"a genuine webhook to {url} was answered {status}")
        return status

    def _forge(self, to: str, genuine: Delivery) -> None:
        # HTTP takes a space off the end of a value, and the signature is right again.
        likely = [each for each in forgeries(genuine) if each[0] != "a space after it"]
        what, forged = self._random.choice(likely)
        try:
            status = self._arrives(to, forged)
        except OSError:
            return
        if status < 500 and status != 401:
            self.wrong.append(f"a forged webhook ({what}) was answered {status}")

    def _arrives(self, to: str, delivery: Delivery) -> int:
        headers = [(name.encode(), value.encode()) for name, value in delivery.headers]
        try:
            return self._client.post(to, headers=headers, content=delivery.body).status_code
        except httpx.HTTPError as error:
            raise OSError(type(error).__name__) from None


def _signature(headers: Mapping[str, str]) -> str:
    """The header that proves it; none has one that only greets."""
    return next((name for name in SIGNATURES if name in headers), "")
