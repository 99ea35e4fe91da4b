"""Requests reach the shop that was named, over proven TLS, and nobody else."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx
import pytest

from connector.conftest import House
from connector.wire import CERTIFICATE, listening, saying, written
from ordermill.connector.http import Limits, ShopClient
from ordermill.connector.network import is_public
from ordermill.connector.setup import tls_context
from ordermill.errors import ConfigError, SourceUnsupported, TransientSourceError

Clients = Callable[..., ShopClient]
ONCE = Limits(deadline=2, attempts=1)
TOKEN = "shpat_CANARY_token"


def status_of(shop: ShopClient) -> int:
    return shop.call("orders", "GET", "/orders", read=lambda answer: answer.status)


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let the name server give these addresses, look-up after look-up; the names asked for."""
    asked: list[str] = []
    left = list(answers)

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let no connection succeed; the addresses that were tried."""
    tried: list[str] = []

    def connect(_self: object, host: str, *_: Any, **__: Any) -> Any:
        tried.append(host)
        raise httpcore.ConnectError

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    return tried


def test_a_redirect_to_another_host_never_sees_the_token(client: Clients, house: House) -> None:
    with listening(saying(written())) as other:
        there = written("302 Found", location=f"http://127.0.0.1:{other.port}/orders?t={TOKEN}")
        with listening(saying(there)) as server:
            shop = client(server.url, headers={"X-Shopify-Access-Token": TOKEN})
            with pytest.raises(
                SourceUnsupported, match=r"redirects \(302\) to 127.0.0.1"
            ) as caught:
                status_of(shop)
            assert TOKEN.encode() in server.requests[0]
            assert len(server.requests) == 1
        assert other.connections == 0
    assert TOKEN not in str(caught.value)
    assert house.requests == [("orders", "3xx")]


def test_a_redirect_within_the_host_is_not_followed_either(client: Clients) -> None:
    with listening(saying(written("301 Moved", location="/wp-login.php"))) as server:
        with pytest.raises(SourceUnsupported, match="another path of the same host"):
            status_of(client(server.url))
        assert len(server.requests) == 1


def test_a_self_signed_certificate_is_refused(client: Clients) -> None:
    with listening(saying(written()), tls=True) as server:
        shop = client(server.url, limits=ONCE, headers={"X-Token": TOKEN})
        with pytest.raises(TransientSourceError, match="self-signed certificate"):
            status_of(shop)
        assert server.requests == []


def test_a_private_authority_is_trusted_where_its_file_is_named(client: Clients) -> None:
    with listening(saying(written()), tls=True) as server:
        assert status_of(client(server.url, ca_file=str(CERTIFICATE))) == 200


def test_a_certificate_for_another_name_is_refused(client: Clients) -> None:
    with listening(saying(written()), tls=True) as server:
        elsewhere = server.url.replace("localhost", "127.0.0.1")
        shop = client(elsewhere, ca_file=str(CERTIFICATE), limits=ONCE)
        with pytest.raises(TransientSourceError, match="TLS is refused"):
            status_of(shop)
        assert server.requests == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "127.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_loopback_is_not_reached_unless_allowed_however_it_is_written(
    client: Clients, host: str
) -> None:
    with listening(saying(written()), tls=True) as server:
        shop = client(f"https://{host}:{server.port}", allow_private_network=False, limits=ONCE)
        with pytest.raises(SourceUnsupported, match="allow_private_network"):
            status_of(shop)
        assert server.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [["10.0.0.5"], ["169.254.169.254"], ["93.184.216.34", "127.0.0.1"], ["100.64.0.1"]],
)
def test_a_name_that_leads_to_a_private_address_is_refused(
    client: Clients, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    names(monkeypatch, addresses)
    tried = connected(monkeypatch)
    shop = client("https://shop.example", allow_private_network=False, limits=ONCE)
    with pytest.raises(SourceUnsupported, match="private, loopback"):
        status_of(shop)
    assert tried == []


def test_a_name_that_changes_its_address_after_the_check_gains_nothing(
    client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the checked address is the one connected to; each look-up is checked anew."""
    asked = names(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    tried = connected(monkeypatch)
    shop = client("https://shop.example", allow_private_network=False, limits=ONCE)
    with pytest.raises(TransientSourceError):
        status_of(shop)
    assert (asked, tried) == (["shop.example"], ["93.184.216.34"])
    with pytest.raises(SourceUnsupported):
        status_of(shop)
    assert tried == ["93.184.216.34"]


def test_each_address_of_a_name_gets_its_turn(
    client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = ["93.184.216.34", "93.184.216.35", "93.184.216.36"]
    names(monkeypatch, addresses)
    tried = connected(monkeypatch)
    with pytest.raises(TransientSourceError):
        status_of(client("https://shop.example", allow_private_network=False, limits=ONCE))
    assert tried == addresses


def test_a_name_that_cannot_be_looked_up_is_tried_again_later(
    client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(TransientSourceError, match="DNS"):
        status_of(client("https://shop.example", limits=ONCE))


def test_no_proxy_of_the_environment_gets_the_requests(
    client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(saying(written())) as proxy, listening(saying(written())) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert status_of(client(server.url)) == 200
        assert proxy.connections == 0


def test_cookies_of_a_shop_are_not_sent_back(client: Clients) -> None:
    with listening(saying(written(set_cookie="session=1; Path=/"))) as server:
        shop = client(server.url)
        status_of(shop)
        status_of(shop)
        assert b"session" not in server.requests[1].lower()


@pytest.mark.parametrize(
    "address",
    """10.1.2.3 172.16.0.1 192.168.1.1 127.0.0.1 0.0.0.0 169.254.169.254 100.64.0.1 192.0.2.1
    198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 168.63.129.16 :: ::1 fe80::1 fc00::1 fd00::1
    ff02::1 2001:db8::1 fec0::1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 2002:7f00:1:: 64:ff9b::10.0.0.1
    2001:0:4136:e378:8000:63bf:3fff:fdd2""".split(),
)
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", "93.184.216.34 1.1.1.1 2606:4700::1111 64:ff9b::1.1.1.1 ::ffff:1.1.1.1".split()
)
def test_ordinary_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "base_url",
    [
        "shop.example",
        "ftp://shop.example",
        "https://",
        "https://user:CANARY@shop.example",
        "https://shop.example?key=CANARY",
        "https://shop.example#x",
        "http://shop.example",
        "https://shop.example:99999",
    ],
)
def test_an_unfit_base_url_is_a_mistake_of_the_configuration(
    client: Clients, base_url: str
) -> None:
    with pytest.raises(ConfigError, match="base_url") as caught:
        client(base_url, allow_private_network=False)
    assert "CANARY" not in str(caught.value)


def test_a_header_that_http_cannot_carry_is_a_mistake_of_the_configuration(
    client: Clients,
) -> None:
    for value in (f"{TOKEN}\nX-Other: 1", f"{TOKEN}č"):
        with pytest.raises(ConfigError, match="X-Token") as caught:
            client(headers={"X-Token": value})
        assert TOKEN not in str(caught.value)


def test_a_path_of_the_base_url_is_kept(client: Clients) -> None:
    seen: list[httpx.URL] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200)

    shop = client("https://shop.example/store/", transport=httpx.MockTransport(note))
    shop.call("orders", "GET", "/wp-json/orders", read=lambda a: None, params={"page": "2"})
    assert str(seen[0]) == "https://shop.example/store/wp-json/orders?page=2"


def test_the_authorities_of_the_world_are_read_once_for_all_shops() -> None:
    assert tls_context(None) is tls_context(None)
    assert tls_context(str(CERTIFICATE)) is not tls_context(str(CERTIFICATE))
