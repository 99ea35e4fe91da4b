"""The canary protocol: every secret and every word of a buyer is one of a kind, the running program
goes through good and bad, and whatever it left is searched for them.

Secrets are nowhere but in the requests to their own shop; a buyer's words are in neither the log,
the metrics, the status nor any refusal. tests/chaos does the like inside storms.
"""

from __future__ import annotations

import base64
import json
import re
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.asked import an_order
from connector.wire import Script, Wire, listening
from deliveries import Delivery
from deliveries import shopify as from_shopify
from deliveries import woocommerce as from_woocommerce
from faults.rewriting import Rewritten
from ordermill.simulator.catalogue import HOME, PRODUCTS
from ordermill.simulator.clock import ScaledClock
from ordermill.simulator.drafts import Draft
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.parts import Address, Customer
from ordermill.simulator.server import Face, Request, serve
from ordermill.simulator.shopify.auth import Credentials
from ordermill.simulator.shopify.face import ShopifyFace
from ordermill.simulator.woocommerce.auth import Keys
from ordermill.simulator.woocommerce.face import WooCommerceFace
from program import Running, call
from test_program import eventually

ORDERS = 5  # of each shop
PRIVATE = {"allow_private_network": True}
COMMON: dict[str, Any] = {
    "entity": "acme", "poll": {"every": "200ms", "overlap": "10s"}, "sweep": {"every": False},
    "import_from": "2020-01-01", "auto_process": True, "auto_process_on": "created",
}  # fmt: skip


@dataclass
class Canaries:
    """Words that are nowhere else; what was given out."""

    secrets: dict[str, str] = field(default_factory=dict)
    persons: list[str] = field(default_factory=list)

    def secret(self, name: str) -> str:
        return self.secrets.setdefault(
            name, f"QZS{len(self.secrets):03d}-{name}-7f3c91d2ab45e608c1d2e3f4"
        )

    def person(self, of: str) -> str:
        self.persons.append(f"QZP{len(self.persons):03d}{of}")
        return self.persons[-1]

    def keys(self, shop: str) -> dict[str, str]:
        """Of a WooCommerce shop."""
        return {name: self.secret(f"{shop}_{name}") for name in ("consumer_key", "consumer_secret")}

    def spelled(self) -> list[str]:
        """The secrets as they are, and as Basic authentication writes pairs of them."""
        pairs = (self.keys(shop).values() for shop in ("woo", "broken", "nowhere"))
        basic = [base64.b64encode(":".join(pair).encode()).decode() for pair in pairs]
        return [*self.secrets.values(), *basic]


def a_draft(canaries: Canaries) -> Draft:
    """An order of a buyer of whom every field is a canary."""
    of = canaries.person

    def address() -> Address:
        return Address(of("first"), of("last"), of("company"), of("street"), of("floor"),
                       of("city"), "", of("zip"), "SI", of("phone"))  # fmt: skip

    buyer = Customer(0, of("first"), of("last"), f"{of('mail')}@example.com", of("phone"),
                     of("company"), of("vat"))  # fmt: skip
    return Draft((PRODUCTS[1],), rates=HOME.rates, customer=buyer, billing=address(),
                 ship_to=address(), note=of("note"), gateway="stripe")  # fmt: skip


def echoing(*turns: tuple[str, str]) -> Script:
    """Answers that are none, each with the whole request in it."""
    left = cycle(turns)

    def script(connection: socket.socket, request: bytes) -> None:
        status, kind = next(left)
        said = request.decode("latin-1")
        bodies = {"json": json.dumps({"errors": said, "data": None, "code": said}),
                  "rows": json.dumps([{"id": 1, "total": "none", "number": "x" * 9}])}  # fmt: skip
        body = bodies.get(kind, f"<html>{said}</html>").encode("latin-1", "replace")
        length = len(body) + (9 if kind == "cut" else 0)
        head = f"HTTP/1.1 {status}\r\ncontent-length: {length}\r\nx-echo: {said[:20]!r}\r\n\r\n"
        connection.sendall(head.encode("latin-1", "replace") + body)
        if kind == "cut":
            raise ConnectionAbortedError

    return script


class Town:
    """Two good shops and four bad ones, the program that reads them, and what was said."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.canaries = Canaries()
        self.file, self.config = folder / "a.db", folder / "ordermill.yaml"
        self.refusals: list[str] = []
        self.heard: list[
            str
        ] = []  # what good shops were sent, to see that the search would find it
        woo, shopify = self._ledger(1), self._ledger(2)
        keys = self.canaries.keys("woo")
        token = self.canaries.secret("token")
        faces: tuple[Face, Face] = (
            WooCommerceFace(woo, keys=Keys(keys["consumer_key"], keys["consumer_secret"])),
            ShopifyFace(shopify, credentials=Credentials(token=token)),
        )
        urls = [stack.enter_context(serve(self._watched(face))).url for face in faces]
        broken = (("500 Internal Server Error", "html"), ("200 OK", "html"), ("200 OK", "cut"),
                  ("200 OK", "rows"), ("404 Not Found", "json"))  # fmt: skip
        self.bad = [stack.enter_context(listening(echoing(*turns))) for turns in (
            broken, (("200 OK", "json"), broken[0]), (("401 Unauthorized", "json"),))]  # fmt: skip
        self.config.write_text(json.dumps(self._settings(urls, self.bad)))
        self.config.chmod(0o600)

    def _ledger(self, seed: int) -> Ledger:
        ledger = Ledger(ScaledClock(datetime.now(UTC)), seed=seed)
        for _ in range(ORDERS):
            ledger.place(a_draft(self.canaries))
        return ledger

    def _watched(self, face: Face) -> Face:
        """It notes what it was sent; orders of WooCommerce bring what is nobody's business."""
        leaks = {"order_key": "order_key", "customer_ip_address": "ip", "cart_hash": "cart",
                 "customer_user_agent": "browser", "checkout_token": "checkout"}  # fmt: skip
        leaking = {name: self.canaries.secret(value) for name, value in leaks.items()}

        def leak(rows: Any) -> Any:
            return [row | {n: v for n, v in leaking.items() if "line_items" in row} for row in rows]

        heard = self.heard

        class Watched(Rewritten):
            def answer(self, request: Request) -> Any:
                heard.append(f"{request.query} {dict(request.headers)}")
                return super().answer(request)

        return Watched(face, "/orders", leak)

    def _settings(self, urls: list[str], bad: list[Wire]) -> dict[str, Any]:
        secret = self.canaries.secret
        broken, echo, refusing = (f"http://127.0.0.1:{each.port}" for each in bad)
        shops = {
            "woo": {"base_url": urls[0], **self.canaries.keys("woo"), **PRIVATE},
            "shopify": {"base_url": urls[1], "access_token": secret("token"), **PRIVATE},
            "broken": {"base_url": broken, **self.canaries.keys("broken"), **PRIVATE},
            "echo": {"base_url": echo, "access_token": secret("echo_token"), **PRIVATE},
            "refusing": {"base_url": refusing, "client_id": "app",
                         "client_secret": secret("grant"), **PRIVATE},
            "nowhere": {"base_url": "https://nowhere.invalid", **self.canaries.keys("nowhere")},
        }  # fmt: skip
        integrations = {}
        for name, options in shops.items():
            source = "woocommerce" if "consumer_key" in options else "shopify"
            domain = {"shop_domain": f"{name}.myshopify.com"} if source == "shopify" else {}
            hook = {"webhook_secret": secret(f"{name}_hook")} if name in ("woo", "shopify") else {}
            integrations[name] = COMMON | hook | {"source": source, "options": domain | options}
        return {
            "database_url": f"sqlite:///{self.file}",
            "api": {"port": 0},
            "admin": {"port": 0, "token": secret("admin")},
            "keys": [{"name": name, "key": secret(name), "scope": "admin"} for name in ("office",)],
            "entities": {"acme": {"name": "Acme", "currency_code": "EUR"}},
            "integrations": integrations,
        }

    def count(self, table: str) -> int:
        with closing(sqlite3.connect(self.file)) as conn:
            return int(conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def dump(self) -> str:
        with closing(sqlite3.connect(self.file)) as conn:
            return "\n".join(conn.iterdump())


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with ExitStack() as stack:
        yield Town(tmp_path, stack)


def called(town: Town, api: str) -> None:
    """Calls that are answered, and those that are refused, whose answers are kept."""
    canaries = town.canaries
    of, office = canaries.person, {"Authorization": f"Bearer {canaries.secret('office')}"}
    with httpx.Client(base_url=api, timeout=30, trust_env=False) as client:
        made = client.post("/orders", headers=office, json=an_order(
            "m-1", customer_name=of("name"), customer_email=f"{of('mail')}@example.com",
            payment_status="paid", metadata={"token": of("metadata")})).json()  # fmt: skip
        path = f"/orders/{made['id']}"
        assert client.post(f"{path}/process", headers=office).status_code == 200
        wrong = an_order("m-2", customer_name=of("name"), total=of("total"), secret=of("field"))
        stranger = {"Authorization": f"Bearer {canaries.secret('a_wrong_key_of_32_characters')}"}
        refused: list[tuple[str, str, dict[str, Any]]] = [
            ("POST", "/orders", {"headers": office, "json": wrong}),
            ("POST", "/orders", {"headers": office, "content": of("body")}),
            ("POST", f"{path}/process", {"headers": office}),
            ("GET", f"/orders/{of('id')}", {"headers": office}),
            ("GET", "/orders", {"headers": office, "params": {"next_cursor": of("cursor")}}),
            ("GET", "/orders", {"headers": office, "params": {"query": of("query")}}),
            ("GET", "/orders", {"headers": stranger}),
            ("GET", "/orders", {"params": {"api_key": canaries.secret("office")}}),
            ("GET", "/orders", {"headers": office | {"x-entity-id": of("entity")}}),
        ]
        for name, sent in deliveries(town).items():
            where = f"/webhooks/{name.split()[0]}"
            answer = client.post(where, headers=list(sent.headers), content=sent.body)
            assert answer.status_code == (401 if "forged" in name else 202), answer.text
            town.refusals.append(answer.text)
        for method, where, more in refused:
            answer = client.request(method, where, **more)
            assert 400 <= answer.status_code < 500, (method, where, answer.text)
            town.refusals.append(answer.text + str(answer.headers))


def deliveries(town: Town) -> dict[str, Delivery]:
    """One that is taken and one that is forged, of each platform, with a buyer in the body."""
    secret, of = town.canaries.secret, town.canaries.person
    made: dict[str, Callable[[], Delivery]] = {
        "woo": lambda: from_woocommerce(10**6, billing={"email": of("mail")}),
        "shopify": lambda: from_shopify({"id": 10**6, "email": of("mail")},
                                        shop="shopify.myshopify.com"),
    }  # fmt: skip
    return {name: each().signed(secret(f"{name}_hook")) for name, each in made.items()} | {
        f"{name} forged": each().signed("another") for name, each in made.items()
    }


def administered(town: Town, admin: str) -> list[str]:
    """What the admin port shows, and how it refuses."""
    token = {"Authorization": f"Bearer {town.canaries.secret('admin')}"}
    wrong = {"Authorization": f"Bearer {town.canaries.secret('another_admin')}"}
    with httpx.Client(base_url=admin, timeout=30, trust_env=False) as client:
        for headers in ({}, wrong):
            answer = client.get("/status", headers=headers)
            assert answer.status_code == 401
            town.refusals.append(answer.text)
        pause = {"reason": 7, "token": town.canaries.person("pause")}
        answer = client.post("/integrations/woo/pause", headers=token, json=pause)
        assert answer.status_code == 422
        town.refusals.append(answer.text)
        formats = ({}, {"Accept": "application/openmetrics-text"})
        shown = [client.get("/metrics", headers=each).text for each in formats]
        return shown + [client.get(p, headers=token).text for p in ("/status", "/healthz", "/")]


def failing(town: Town) -> set[str]:
    """Whose shop has told an error."""
    with closing(sqlite3.connect(town.file)) as conn:
        found = conn.execute(
            "SELECT handle FROM integrations JOIN integration_state ON integration_id = id "
            "WHERE last_error IS NOT NULL OR paused_by = 'auth'"
        )
        return {handle for (handle,) in found}


def test_no_canary_gets_out(town: Town) -> None:
    with ThreadPoolExecutor(1) as beside, Running("run", "-c", town.config) as daemon:
        ready = daemon.until('"ready"')
        api, admin = (
            str(re.search(rf'"{name}": "(http://[0-9.:]+)/"', ready)[1])  # type: ignore[index]
            for name in ("api", "admin")
        )
        checking = beside.submit(call, "check", "-c", town.config)
        eventually(lambda: town.count("documents") >= 2 * ORDERS)
        eventually(lambda: failing(town) >= {"refusing", "nowhere"})
        eventually(lambda: min(len(each.requests) for each in town.bad[:2]) >= 2)
        called(town, api)
        checked = checking.result()
        good = town.config.read_text()
        town.config.write_text(good.replace('"EUR"', '"EURO"') + town.canaries.secret("spoiled"))
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until("reload_refused")
        town.config.write_text(good)
        shown = administered(town, admin)
        assert daemon.terminate() == 0
        assert daemon.process.stdout is not None
        said = "".join(daemon.lines) + daemon.process.stdout.read()
    assert checked.returncode in (1, 3)
    told = [checked.stdout + checked.stderr, call("status", "-c", town.config).stdout]
    dump, raw = town.dump(), town.file.read_bytes().decode("latin-1")
    searched = {"the log": said, "the admin port": "\n".join(shown), "commands": "\n".join(told),
                "a refusal": "\n".join(town.refusals)}  # fmt: skip
    # The search would find them: the shops were sent them, the database knows the buyers.
    sent = "\n".join(town.heard)
    assert town.canaries.secret("token") in sent
    assert sum(person in dump for person in town.canaries.persons) > 10 * ORDERS
    for where, text in searched.items():
        assert [each for each in town.canaries.persons if each in text] == [], where
    for where, text in (searched | {"the database": dump, "its file": raw}).items():
        assert [each for each in town.canaries.spelled() if each in text] == [], where
