"""One deadline and one cap for a whole answer, over real sockets."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest

from connector.conftest import House
from connector.wire import dripping, listening, saying, written
from ordermill.connector.http import Limits, ShopClient
from ordermill.errors import InvalidAnswer, SourceError, TransientSourceError

Clients = Callable[..., ShopClient]
ONCE = Limits(deadline=0.3, attempts=1)
LONG = written(body=b"x" * 200)
HEAD = LONG.index(b"\r\n\r\n") + 4


def body_of(shop: ShopClient, path: str = "/orders") -> bytes:
    return shop.call("orders", "GET", path, read=lambda answer: answer.body)


@pytest.mark.parametrize("after", [HEAD, 10], ids=["body", "head"])
def test_an_answer_that_drips_ends_with_the_deadline_of_the_whole_request(
    client: Clients, house: House, after: int
) -> None:
    """Each byte comes well within 0.3 s, so a timeout per read would never end it."""
    with listening(dripping(LONG, after)) as server:
        shop = client(server.url, limits=ONCE)
        with pytest.raises(TransientSourceError, match=r"within 0\.3 s") as caught:
            body_of(shop)
    assert caught.value.error_class == "timeout"
    assert house.requests == [("orders", "network")]


def test_a_compressed_answer_that_drips_ends_with_the_deadline(client: Clients) -> None:
    packed = gzip.compress(bytes(range(256)))
    answer = written(body=packed, content_encoding="gzip")
    with listening(dripping(answer, answer.index(b"\r\n\r\n") + 4)) as server:
        shop = client(server.url, limits=ONCE)
        with pytest.raises(TransientSourceError, match="within"):
            body_of(shop)


def test_a_server_that_accepts_and_says_nothing_in_tls_ends_with_the_deadline(
    client: Clients,
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener:
        shop = client(f"https://127.0.0.1:{listener.getsockname()[1]}", limits=ONCE)
        with pytest.raises(TransientSourceError, match="within"):
            body_of(shop)


def test_a_name_server_that_does_not_answer_ends_with_the_deadline(
    client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1) or [])
    with pytest.raises(TransientSourceError, match="within"):
        body_of(client("https://shop.example", limits=ONCE))


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(client: Clients) -> None:
    """100 MB of zeros in 100 kB: no more than the cap and a little is ever held."""
    packer = zlib.compressobj(9, wbits=31)
    megabyte = bytes(2**20)
    bomb = b"".join(packer.compress(megabyte) for _ in range(100)) + packer.flush()
    with listening(saying(written(body=bomb, content_encoding="gzip"))) as server:
        shop = client(server.url, limits=Limits(max_bytes=2**20, attempts=1))
        tracemalloc.start()
        try:
            with pytest.raises(InvalidAnswer, match="larger than the 1048576 bytes"):
                body_of(shop)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 8 * 2**20


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(written(body=b"x" * 2000), id="announced"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
            + b"".join([b"64\r\n", b"x" * 100, b"\r\n"] * 20),
            id="chunked",
        ),
    ],
)
def test_an_answer_larger_than_the_cap_is_refused(client: Clients, answer: bytes) -> None:
    with listening(saying(answer)) as server:
        shop = client(server.url, limits=Limits(max_bytes=1000, attempts=1))
        with pytest.raises(InvalidAnswer, match="larger than"):
            body_of(shop)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_answer_is_read_whole(client: Clients, encoding: str) -> None:
    text = b"".join(b"order %d " % number for number in range(50_000))
    packed = gzip.compress(text) if encoding == "gzip" else zlib.compress(text)
    with listening(saying(written(body=packed, content_encoding=encoding))) as server:
        assert body_of(client(server.url)) == text


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(written(body=b"{}")[:-1], id="shorter than its length"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n[", id="chunk"),
        pytest.param(
            written(body=gzip.compress(b"[1,2,3]")[:-4], content_encoding="gzip"), id="gzip"
        ),
        pytest.param(written(body=b"no gzip at all", content_encoding="gzip"), id="no gzip"),
        pytest.param(written(body=b"{}", content_encoding="br"), id="not asked for"),
    ],
)
def test_a_cut_or_unreadable_answer_is_none(client: Clients, answer: bytes) -> None:
    def cut(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(answer)
        raise ConnectionAbortedError

    with listening(cut) as server, pytest.raises(InvalidAnswer):
        body_of(client(server.url, limits=Limits(attempts=1)))


def test_connections_are_used_again_after_a_complete_answer(client: Clients) -> None:
    with listening(saying(written(body=b"[]"))) as server:
        shop = client(server.url)
        for _ in range(5):
            assert body_of(shop) == b"[]"
        assert (len(server.requests), server.connections) == (5, 1)


def test_a_connection_that_the_shop_closed_meanwhile_is_replaced(
    client: Clients, house: House
) -> None:
    def once(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(written(body=b"[]"))
        raise ConnectionAbortedError

    with listening(once) as server:
        shop = client(server.url)
        assert [body_of(shop), body_of(shop)] == [b"[]", b"[]"]


def test_threads_share_a_client(client: Clients) -> None:
    def echo(connection: socket.socket, request: bytes) -> None:
        connection.sendall(written(body=request.split(b" ")[1]))

    with listening(echo) as server, ThreadPoolExecutor(8) as pool:
        shop = client(server.url)
        paths = [f"/orders/{number}" for number in range(80)]
        bodies = pool.map(partial(body_of, shop), paths)
        assert [body.decode() for body in bodies] == paths


def test_a_closed_client_says_so_and_closes_twice(shop: Callable[..., ShopClient]) -> None:
    one = shop(httpx.Response(200))
    one.close()
    one.close()
    with pytest.raises(SourceError, match="closed"):
        body_of(one)
