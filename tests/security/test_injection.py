"""S30 to S41: nobody makes ordermill ask where it should not, or say what it should not."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import func, select

from admin.watched import watched
from api.asked import made_api
from connector.wire import listening, saying, written
from ordermill.admin.app import create_app as admin_app
from ordermill.api.inbox import Inbox
from ordermill.api.routes import ROUTES
from ordermill.api.webhooks import routes
from ordermill.connector.base import By, Connector, Window
from ordermill.connector.registry import installed
from ordermill.errors import ConfigError, SourceError
from ordermill.store.tables import orders
from security.attempts import CANARY, Attempt, Walls, asking
from security.doors import OPTIONS, a_context, connected
from shops import Stored

ALL = Window(by=By.CHANGED, since=None)

# Where requests go.


HOSTS = [
    "127.0.0.1", "0", "0.0.0.0", "0x7f.1", "0x7f000001", "017700000001", "2130706433", "127.1",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "localhost", "localhost.",
    "LOCALHOST", "169.254.169.254", "[fe80::1]", "127。0。0。1", "①②⑦.⓪.⓪.①",
    "x.myshopify.com@127.0.0.1", "127.0.0.1#.myshopify.com", "127.0.0.1\\.myshopify.com",
    "127.0.0.1%2f.myshopify.com",
    "user:x@127.0.0.1", "127.0.0.1?x=.myshopify.com",
]  # fmt: skip


def is_refused_or_reaches_nobody(source: str, **options: str) -> bool:
    """At the reading of the configuration, or when a connection would be made."""
    plugin = installed()[source]
    try:
        read = plugin.options.model_validate(OPTIONS[source] | options)
        connector = plugin.connect(read, a_context())
    except (ValidationError, ConfigError) as error:
        return CANARY not in str(error)
    try:
        connector.check()
    except SourceError as error:
        return CANARY not in str(error)
    finally:
        connector.close()
    return False


@pytest.mark.parametrize("host", HOSTS)
def test_s30_no_spelling_of_a_private_address_reaches_it(host: str) -> None:
    with listening(saying(written()), tls=True) as inside:
        for source in sorted(OPTIONS):
            for scheme in ("https", "http"):
                url = f"{scheme}://{host}:{inside.port}"
                assert is_refused_or_reaches_nobody(source, base_url=url)
        assert is_refused_or_reaches_nobody("shopify", shop_domain=host)
        assert is_refused_or_reaches_nobody("shopify", shop_domain=f"{host}:{inside.port}")
        assert inside.connections == 0


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd", "gopher://127.0.0.1:25/x", "unix:///var/run/docker.sock", "ftp://x.y",
        "data:text/plain,x", "javascript:x", "//shop.example.com", "ws://shop.example.com",
        "dict://127.0.0.1:11211/", "https:shop.example.com", "HTTPS//x",
        f"https://shop.example.com/?consumer_key={CANARY}", f"https://ck:{CANARY}@shop.example.com",
    ],
)  # fmt: skip
@pytest.mark.parametrize("source", sorted(OPTIONS))
def test_s33_an_address_that_is_not_of_a_web_shop_is_refused_when_it_is_read(
    source: str, address: str
) -> None:
    for private in (False, True):
        given = OPTIONS[source] | {"base_url": address, "allow_private_network": private}
        with pytest.raises(ValidationError) as caught:
            installed()[source].options.model_validate(given)
        assert CANARY not in str(caught.value)


@pytest.mark.parametrize("key", ["verify", "verify_tls", "insecure", "ca_file", "proxy", "headers"])
@pytest.mark.parametrize("source", sorted(OPTIONS))
def test_s47_nothing_in_the_configuration_weakens_tls(source: str, key: str) -> None:
    with pytest.raises(ValidationError, match="extra"):
        installed()[source].options.model_validate(OPTIONS[source] | {key: False})


@pytest.mark.parametrize("source", sorted(OPTIONS))
@pytest.mark.parametrize(
    "status", ["200 OK", "301 Moved", "302 Found", "303 See", "307 X", "308 X"]
)
def test_s31_s32_wherever_a_shop_points_nobody_else_is_asked(source: str, status: str) -> None:
    with listening(saying(written())) as other:
        away = f"http://127.0.0.1:{other.port}"
        body = {"data": {"next": away}, "next": away, "links": {"next": [{"href": away}]}}
        headers = {"location": f"{away}/x", "link": f'<{away}/x?page=2>; rel="next"',
                   "refresh": f"0; url={away}", "content_location": away}  # fmt: skip
        answers = [json.dumps(body).encode(), json.dumps([body]).encode(), b"[]"]
        for content in answers:
            with listening(saying(written(status, content, **headers))) as shop:
                connector: Connector = connected(source, f"http://127.0.0.1:{shop.port}")
                with pytest.raises(SourceError):
                    read_to_the_end(connector)
                connector.close()
                assert shop.requests
        assert other.connections == 0


def read_to_the_end(connector: Connector) -> None:
    """A pass; an empty list of WooCommerce is one that ends well, an odd row is left."""
    cursor = None
    for _ in range(5):
        cursor = connector.fetch(ALL, cursor).cursor
        if cursor is None:
            break
    raise SourceError("it ended")


# What reaches the database.


PAYLOADS = [
    "' OR 1=1 --", "' OR '1'='1", "'; DROP TABLE orders; --", "1; DROP TABLE orders",
    "') OR 1=1 --", "' UNION SELECT key FROM api_keys --", "\" OR \"\"=\"", "' OR 1=1#",
    "'/**/OR/**/1=1", "\\' OR 1=1",
    "%' OR '%'='", "_' OR 1=1 --", "'||'a", "a'||'b", "$$; DROP TABLE orders; $$", "E'\\x41'",
    "CAST('1' AS INT)", "pg_sleep(9)", "'; SELECT pg_sleep(9) --", "randomblob(1000000000)",
    "sqlite_master", "information_schema", "current_user", "{{7*7}}", "${7*7}", "%s", "%(x)s", ":x",
    "?", "\\", "'", "\"", "`", ";", "--", "/*", "*/", "NULL", "true", "0x27", "&#39;", "\u02b9",
    "\uff07 OR 1=1", "' AND 1=(SELECT COUNT(*) FROM orders)", "' LIMIT 1 --", "ORDER BY 99",
    "GROUP BY 1", "HAVING 1=1", "1' AND '1'='2", "x' AND email IS NULL; --", "]] OR 1=1",
    "$where: 1", "{\"$ne\": null}", "[$ne]", "../../etc/passwd", "|| ls", "`id`", "$(id)",
    "\r\nX: y",
    "<script>alert(1)</script>",
]  # fmt: skip


@pytest.fixture
def three(walls: Walls) -> Walls:
    for number in range(3):
        walls.api.as_("writer").made(f"m-{number}", customer_name=f"Ana {number}")
    return walls


def test_s34_no_payload_finds_more_than_its_letters(
    three: Walls, subtests: pytest.Subtests
) -> None:
    """Sixty in every place that takes a text: no row is found that does not hold them."""
    assert len(PAYLOADS) >= 60
    for payload in PAYLOADS:
        with subtests.test(payload):
            asked: list[dict[str, str]] = [
                {"query": json.dumps({"customer_name": {word: payload}})}
                for word in ("equals", "contains", "startsWith", "endsWith")
            ] + [{"query": json.dumps({"id": {"in": [payload]}})}]
            for parameters in asked:
                answer = three.held(Attempt("x", "GET", asking("/orders", **parameters), (200,)))
                assert answer.json()["data"] == []
            term = asking("/orders", search=f"{payload} nobody")
            assert three.held(Attempt("x", "GET", term, (200, 400))).json().get("data", []) == []
    with three.api.database.read() as conn:
        assert conn.execute(select(func.count()).select_from(orders)).scalar_one() == 3


def test_s34_names_that_are_none_are_refused(three: Walls, subtests: pytest.Subtests) -> None:
    three.hold(
        [
            Attempt(f"{payload} as {name}", "GET", asking("/orders", **parameters), (400,))
            for payload in PAYLOADS
            for name, parameters in (
                ("sort", {"order_by": payload}), ("descending", {"order_by": f"-{payload}"}),
                ("field", {"query": json.dumps({payload: "x"})}),
                ("operator", {"query": json.dumps({"status": {payload: "x"}})}),
                ("parameter", {payload: "x"}), ("cursor", {"next_cursor": payload}),
                ("limit", {"limit": payload}), ("deleted", {"deleted": payload}),
            )
        ][::3],
        subtests,
    )  # fmt: skip


def test_s35_no_bit_of_a_cursor_can_be_turned(three: Walls) -> None:
    page = three.api.as_("writer").get("/orders", limit=1).json()
    cursor = page["pagination"]["next_cursor"]
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    chance = random.Random(35)
    for _ in range(200):
        at = chance.randrange(len(raw) * 8)
        turned = bytearray(raw)
        turned[at // 8] ^= 1 << at % 8
        text = base64.urlsafe_b64encode(turned).decode().rstrip("=")
        for name in ("next_cursor", "prev_cursor"):
            answer = three.api.as_("writer").get("/orders", limit=1, **{name: text})
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


# Which addresses there are.


def addresses(app: Any) -> set[tuple[str, str]]:
    """Every route of an app, through what is around it."""
    while not isinstance(app, FastAPI):
        app = app._app
    return set(routed(app.routes))


def routed(found: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for route in found:
        if (included := getattr(route, "original_router", None)) is not None:
            yield from routed(included.routes)
        else:
            yield from ((method, route.path) for method in route.methods)


def test_s41_there_are_the_documented_addresses_and_no_others(store: Stored) -> None:
    inbox = Inbox(lambda: None)
    described = {("GET", "/openapi.json"), ("GET", "/docs")}
    receiver = {("POST", "/webhooks/{handle}")}
    listed = {(route.method, route.path) for route in ROUTES} | receiver
    for docs, more in ((True, described), (False, set())):
        webhooks = routes({}, inbox, lambda handle, asked: None)
        api = made_api(store.database, store.clock, webhooks=webhooks, docs=docs)
        assert addresses(api.app) == listed | more


def test_s41_s54_the_admin_port_reads_by_get_and_acts_by_post(store: Stored) -> None:
    app = admin_app(store.database, watched("woo"), token=None, heartbeat=lambda: 0.0)
    actions = ("sync", "pause", "resume", "reconcile", "backfill")
    health = ("/livez", "/readyz", "/healthz")
    shown = {("GET", path) for path in (*health, "/metrics", "/status", "/")}
    asked = {("HEAD", path) for path in health}
    acts = {("POST", f"/integrations/{{handle}}/{action}") for action in actions}
    assert addresses(app) == shown | asked | acts
