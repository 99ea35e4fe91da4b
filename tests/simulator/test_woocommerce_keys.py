"""The WooCommerce face lets in whom a real shop lets in, and refuses in its words."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from ordermill.simulator import outages
from ordermill.simulator.faults import Fault
from ordermill.simulator.woocommerce.auth import Keys, base_string
from ordermill.simulator.woocommerce.face import WooCommerceFace
from simulator.woocommerce_shop import DATA, START, Said, Shop

PATH = "/wp-json/wc/v3/orders"
OUTAGES = {
    outage["title"]: outage
    for outage in json.loads((DATA / "outages.json").read_text(encoding="utf-8"))
}


def basic(key: str = "ck_simulated", secret: str = "cs_simulated") -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{key}:{secret}'.encode()).decode()}"}


def refusal(said: Said) -> tuple[int, str]:
    return said.status, said.value["code"]


CANNOT = "woocommerce_rest_cannot_view"
WRONG = "woocommerce_rest_authentication_error"


def shop(**options: Any) -> Shop:
    return Shop(keys=Keys(now=START.timestamp, **options))


def test_no_key_an_unknown_one_and_one_that_is_not_looked_at_are_the_same_401() -> None:
    without = shop().ask(PATH, headers={})
    unknown = shop().ask(PATH, headers=basic("ck_other"))
    ignored = shop(ways=frozenset({"query"})).ask(PATH, headers=basic())
    assert refusal(without) == refusal(unknown) == refusal(ignored) == (401, CANNOT)
    assert without.body == unknown.body == ignored.body


def test_a_wrong_secret_is_told() -> None:
    said = shop().ask(PATH, headers=basic(secret="cs_wrong"))
    assert refusal(said) == (401, WRONG)
    assert said.value["message"] == "Consumer secret is invalid."


def test_a_key_that_may_not_read_is_401_and_a_user_who_may_not_is_403() -> None:
    assert refusal(shop(permission="write").ask(PATH)) == (401, WRONG)
    assert refusal(shop(may="nothing").ask(PATH)) == (403, CANNOT)


def test_keys_in_the_query_open_too() -> None:
    query = urlencode({"consumer_key": "ck_simulated", "consumer_secret": "cs_simulated"})
    assert shop().ask(PATH, query, headers={}).status == 200


def test_a_user_who_may_only_read_orders_sees_no_settings() -> None:
    low = shop(may="orders")
    assert low.get("/orders").status == 200
    for path in ("/settings/tax", "/settings/general", "/system_status"):
        assert low.get(path).status == 403
        assert shop().get(path).status == 200


def test_the_system_status_tells_storage_and_version() -> None:
    for storage, hpos in (("hpos", True), ("posts", False)):
        status = Shop(storage=storage, version="7.9.0").get("/system_status").value
        assert status["settings"]["HPOS_enabled"] is hpos
        assert status["environment"]["version"] == "7.9.0"


def test_the_tax_settings_are_a_real_shops() -> None:
    recorded = json.loads((DATA / "settings_tax.json").read_text(encoding="utf-8"))
    assert Shop().get("/settings/tax").value == recorded


def signed(method: str = "HMAC-SHA256", home: str = "http://shop.example", **other: str) -> str:
    """The query of a signed request, made apart from the product's own code."""
    given = {
        "oauth_consumer_key": "ck_simulated", "oauth_nonce": "n1",
        "oauth_signature_method": method, "oauth_timestamp": str(int(START.timestamp())),
        "per_page": "5",
    } | other  # fmt: skip
    digest = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}[method]
    text = base_string("GET", home + PATH, list(given.items()))
    signature = hmac.new(b"cs_simulated&", text.encode(), digest).digest()
    return urlencode(given | {"oauth_signature": base64.b64encode(signature).decode()})


def locked() -> Shop:
    keys = Keys(now=START.timestamp, ways=frozenset({"oauth"}))
    return Shop(keys=keys, home="http://shop.example")


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256"])
def test_a_signature_opens(method: str) -> None:
    assert locked().ask(PATH, signed(method), headers={}).status == 200


def test_a_signature_over_another_address_is_refused() -> None:
    said = locked().ask(PATH, signed(home="http://127.0.0.1:8083"), headers={})
    assert refusal(said) == (401, WRONG)
    assert said.value["message"].startswith("Invalid signature")


def test_a_nonce_opens_once() -> None:
    one = locked()
    assert one.ask(PATH, signed(), headers={}).status == 200
    assert refusal(one.ask(PATH, signed(), headers={})) == (401, WRONG)
    assert one.ask(PATH, signed(oauth_nonce="n2"), headers={}).status == 200


@pytest.mark.parametrize(("minutes", "status"), [(-20, 401), (-14, 200), (14, 200), (20, 401)])
def test_a_timestamp_counts_for_a_quarter_of_an_hour(minutes: int, status: int) -> None:
    at = str(int(START.timestamp()) + minutes * 60)
    assert locked().ask(PATH, signed(oauth_timestamp=at), headers={}).status == status


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("maintenance", "WordPress maintenance mode (.maintenance)"),
        ("no_route", "WooCommerce plugin deactivated"),
        ("database", "database table missing"),
        ("warning", "broken plugin: warn"),
        ("bom", "broken plugin: bom"),
        ("fatal", "broken plugin: fatal"),
        ("empty", "broken plugin: exit"),
        ("login", "broken plugin: redirect"),
        ("bot_wall", "broken plugin: cf"),
    ],
)
def test_an_outage_is_worded_as_recorded(kind: Any, title: str) -> None:
    recorded = OUTAGES[title]
    status, headers, body = outages.of(Fault(kind), 200, outages.JSON, b'[{"id":353}]')
    assert status == recorded["status"]
    assert headers["Content-Type"] == recorded["headers"]["Content-Type"]
    assert headers.get("Retry-After") == recorded["headers"].get("Retry-After")
    text = body.decode("utf-8")
    # Long pages are shortened; they begin and are parsed alike.
    assert text[:120] == str(recorded["body"])[:120] or kind == "login"
    assert text.lstrip().startswith(str(recorded["body"]).lstrip()[:15])


def test_what_a_recorded_refusal_says_is_what_the_face_says() -> None:
    recorded = OUTAGES["plain: rest_route + query keys"]
    assert shop().ask(PATH, headers={}).value == json.loads(recorded["body"])
    missing = OUTAGES["deactivated: single"]
    assert Shop().get("/nothing").value == json.loads(missing["body"])


def test_a_face_needs_nothing_but_a_ledger() -> None:
    face = WooCommerceFace(Shop().ledger)
    assert (face.storage, face.version, face.ancient) == ("hpos", "11.0.1", False)
