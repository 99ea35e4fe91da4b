"""Large files on another host: line by line, taken up again where a connection broke."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable

import httpx
import pytest

from connector.conftest import House
from connector.wire import dripping, listening, saying, written
from ordermill.connector.http import Limits, ShopClient
from ordermill.errors import InvalidAnswer, SourceUnsupported, TransientSourceError

Clients = Callable[..., ShopClient]
LINES = [b'{"id":%d}' % number for number in range(1000)]
FILE = b"\n".join(LINES) + b"\n"
TOKEN = "shpat_CANARY_token"


def lines(shop: ShopClient, url: str, start: int = 0) -> list[bytes]:
    return list(shop.stream("bulk", url, start=start))


def part(request: bytes) -> bytes:
    """What is asked for of the file, as an answer."""
    asked = re.search(rb"range: bytes=(\d+)-", request, re.IGNORECASE)
    if asked is None:
        return written(body=FILE)
    start = int(asked[1])
    content_range = f"bytes {start}-{len(FILE) - 1}/{len(FILE)}"
    return written("206 Partial Content", body=FILE[start:], content_range=content_range)


def test_a_file_is_read_line_by_line_without_our_credentials(client: Clients) -> None:
    with listening(saying(written(body=FILE))) as server:
        shop = client(headers={"X-Token": TOKEN}, auth=httpx.BasicAuth("key", TOKEN))
        assert lines(shop, server.url + "/file") == LINES
        (request,) = server.requests
        assert TOKEN.encode() not in request
        assert b"authorization" not in request.lower()


def test_a_last_line_without_its_line_feed_is_read(client: Clients) -> None:
    with listening(saying(written(body=b"a\nb"))) as server:
        assert lines(client(), server.url) == [b"a", b"b"]


def test_a_broken_connection_is_taken_up_where_it_broke(client: Clients, house: House) -> None:
    def broken(connection: socket.socket, request: bytes) -> None:
        answer = part(request)
        head = answer.index(b"\r\n\r\n") + 4
        connection.sendall(answer[: head + 5000])
        raise ConnectionAbortedError

    with listening(broken) as server:
        assert lines(client(), server.url) == LINES
        assert len(server.requests) > 2
    assert {reason for _, reason in house.retries} == {"schema"}


def test_a_host_that_knows_no_ranges_is_read_from_the_start_and_skipped(client: Clients) -> None:
    with listening(saying(written(body=FILE))) as server:
        start = len(LINES[0]) + 1
        assert lines(client(), server.url, start) == LINES[1:]
        assert b"bytes=9-" in server.requests[0]


def test_another_part_than_was_asked_for_is_refused(client: Clients) -> None:
    wrong = written("206 Partial Content", body=FILE, content_range="bytes 0-9/10")
    with listening(saying(wrong)) as server, pytest.raises(InvalidAnswer):
        lines(client(limits=Limits(attempts=1)), server.url, 5)


def test_a_line_that_drips_ends_with_the_deadline(client: Clients) -> None:
    answer = written(body=b"x" * 200)
    with listening(dripping(answer, answer.index(b"\r\n\r\n") + 4)) as server:
        shop = client(limits=Limits(deadline=0.3, attempts=1))
        with pytest.raises(TransientSourceError, match="within"):
            lines(shop, server.url)


def test_a_file_longer_than_the_deadline_is_read_while_its_lines_come(client: Clients) -> None:
    answer = written(body=b"x\n" * 30)
    with listening(dripping(answer, answer.index(b"\r\n\r\n") + 45)) as server:
        assert len(lines(client(limits=Limits(deadline=0.4, attempts=1)), server.url)) == 30


def test_a_line_without_end_is_refused(client: Clients) -> None:
    with listening(saying(written(body=b"x" * 5000))) as server:
        shop = client(limits=Limits(max_bytes=1000, attempts=1))
        with pytest.raises(InvalidAnswer, match="larger"):
            lines(shop, server.url)


def test_a_file_whose_link_expired_is_no_answer(client: Clients) -> None:
    with (
        listening(saying(written("403 Forbidden"))) as server,
        pytest.raises(InvalidAnswer, match="expired"),
    ):
        lines(client(limits=Limits(attempts=1)), server.url)


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "https://", "\0"])
def test_a_link_that_is_none_is_no_answer(client: Clients, url: str) -> None:
    with pytest.raises(InvalidAnswer):
        lines(client(limits=Limits(attempts=1)), url)


def test_a_file_in_a_private_network_is_not_fetched(client: Clients) -> None:
    with listening(saying(written(body=FILE)), tls=True) as server:
        shop = client(allow_private_network=False)
        with pytest.raises(SourceUnsupported, match="private"):
            lines(shop, server.url)
        with pytest.raises(SourceUnsupported, match="without TLS"):
            lines(shop, "http://files.example/x")
        assert server.connections == 0
