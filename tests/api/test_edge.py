"""The outermost layer: request ids, headers, prefixes, counting; and over a real connection."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from admin.watched import Caller
from api.asked import Api, an_order, is_problem, key_of, made_api
from ordermill.admin.metrics import Metrics
from ordermill.admin.server import serve
from ordermill.api import app as apps
from ordermill.api.routes import ROUTES
from ordermill.errors import StoreBusy, StoreError, TooSlow
from ordermill.store import lists
from shops import Stored


def test_every_answer_has_a_request_id_of_the_callers_or_of_ours(api: Api) -> None:
    for path in ("/orders", "/nowhere", "/orders?limit=0", "/openapi.json"):
        given = api.call("GET", path, headers={"X-Request-Id": "trace-1"})
        assert given.headers["x-request-id"] == "trace-1"
        made = [api.call("GET", path).headers["x-request-id"] for _ in range(2)]
        assert made[0] != made[1]
    for wrong in (b"", b"a b", b"\xe9", b"x" * 300):
        answer = api.call("GET", "/orders", headers={"X-Request-Id": wrong})
        assert answer.headers["x-request-id"].startswith("req_")


def test_answers_are_not_sniffed_kept_or_shared(api: Api) -> None:
    answer = api.get("/orders")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in answer.headers["vary"]
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/orders", "GET, POST"), (f"/orders/ord_{'0' * 24}", "DELETE, GET, PATCH"),
     ("/invoices", "GET")],
)  # fmt: skip
def test_a_method_that_is_not_answered_names_those_that_are(
    api: Api, path: str, allowed: str
) -> None:
    answer = api.call("PUT", path)
    assert is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


def test_every_path_answers_under_v1_too(api: Api) -> None:
    made = api.call("POST", "/v1/orders", json=an_order()).json()
    assert api.call("GET", f"/v1/orders/{made['id']}").json() == made


def test_requests_are_counted_by_route_and_never_by_path(store: Stored) -> None:
    metrics = Metrics()
    api = made_api(store.database, store.clock, listener=metrics).as_("writer")
    made = api.made()
    for _ in range(3):
        api.get(f"/orders/{made['id']}")
        api.get("/orders/nothing")
    for number in range(50):
        api.get(f"/nowhere/{number}")
        api.call(f"M{number}", f"/nowhere/{number}")

    def count(**labels: str) -> float | None:
        return metrics.registry.get_sample_value("ordermill_http_requests_total", labels)

    assert count(handler="/orders/{id}", method="GET", code="200") == 3
    assert count(handler="/orders/{id}", method="GET", code="404") == 3
    assert count(handler="other", method="GET", code="404") == 50
    assert count(handler="other", method="other", code="404") == 50
    assert metrics.registry.get_sample_value("ordermill_http_requests_in_flight") == 0
    seconds = {"handler": "/orders", "method": "POST"}
    name = "ordermill_http_request_duration_seconds_count"
    assert metrics.registry.get_sample_value(name, seconds) == 1


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StoreError("the disk of the database is full"), 503, "unavailable"),
        (StoreBusy("another process was writing"), 503, "unavailable"),
        (TooSlow("a statement took longer than it may"), 400, "invalid_query"),
        (RuntimeError("a secret"), 500, "internal"),
    ],
)
def test_what_goes_wrong_inside_is_a_problem_without_its_text(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    def fails(*given: Any, **named: Any) -> Any:
        raise error

    monkeypatch.setattr(lists, "changes_of", fails)
    made = api.made()
    answer = api.get(f"/orders/{made['id']}/changes")
    assert is_problem(answer, status, code)
    assert str(error) not in answer.text
    assert ("retry-after" in answer.headers) is (status == 503)
    assert api.get("/orders").status_code == 200


def test_a_search_that_takes_too_long_is_the_callers_to_narrow(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ordermill.api import asking

    for number in range(3):
        api.made(f"m-{number}")
    monkeypatch.setattr(asking, "READ_SECONDS", -1.0)
    if api.database.dialect == "postgresql":
        pytest.skip("a millisecond is enough for PostgreSQL")
    monkeypatch.setattr("ordermill.store.sqlite.STEPS", 1)
    assert is_problem(api.get("/orders", search="widget"), 400, "invalid_query")
    monkeypatch.undo()
    assert api.get("/orders", search="widget").status_code == 200


def test_one_entitys_long_searches_leave_room_for_others(
    anybody: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from ordermill.api import asking
    from ordermill.api.throttle import READS_AT_ONCE

    began, go_on = threading.Semaphore(0), threading.Event()
    page = asking.page

    def slow(conn: Any, listed: Any, wanted: Any) -> Any:
        if wanted.term == "slow":
            began.release()
            go_on.wait(20)
        return page(conn, listed, wanted)

    monkeypatch.setattr(asking, "page", slow)
    mine, rival = anybody.as_("writer"), anybody.as_("rival")
    with ThreadPoolExecutor(READS_AT_ONCE) as pool:
        searches = [pool.submit(mine.get, "/orders", search="slow") for _ in range(READS_AT_ONCE)]
        for _ in searches:
            assert began.acquire(timeout=20)
        refused = mine.get("/orders", search="more")
        others = (rival.get("/orders", search="x"), mine.get("/orders"))
        go_on.set()
        assert is_problem(refused, 429, "rate_limit_exceeded")
        assert [answer.status_code for answer in others] == [200, 200]
        assert {search.result().status_code for search in searches} == {200}
    assert mine.get("/orders", search="more").status_code == 200


# The description.


def test_the_document_and_its_page_are_open_and_load_nothing(anybody: Api) -> None:
    document = anybody.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    documented = {(m.upper(), p) for p, ms in document["paths"].items() for m in ms}
    receiver = {("POST", "/webhooks/{handle}")}
    assert documented == {(route.method, route.path) for route in ROUTES} | receiver
    created = document["paths"]["/orders"]["post"]
    assert created["requestBody"]["content"]["application/json"]["example"]["source"] == "manual"
    page = anybody.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for loading in ("<script", "src=", "<link", "@import", "url(", "http://", "https://"):
        assert loading not in page.text
    for route in ROUTES:
        assert route.path in page.text


def test_the_description_can_be_switched_off(store: Stored) -> None:
    api = made_api(store.database, store.clock, docs=False)
    for path in ("/openapi.json", "/docs"):
        assert is_problem(api.get(path), 404, "not_found")


def test_every_answer_has_the_documented_attributes(api: Api) -> None:
    """Field for field: nothing undocumented leaves, nothing documented is missing."""
    schemas = api.get("/openapi.json").json()["components"]["schemas"]
    made = api.made(customer_name="Ana", payment_status="paid")
    path = f"/orders/{made['id']}"
    order = api.post(f"{path}/process").json()
    shown = {
        "Order": order,
        "Document": api.get(f"{path}/documents").json()["data"][0],
        "Payment": api.get("/payments").json()["data"][0],
        "Customer": api.get("/customers").json()["data"][0],
        "Integration": api.get("/order-integrations").json()["data"][0],
        "Entity": api.get("/entities").json()["data"][0],
        "Event": api.get(f"{path}/events").json()["data"][0],
        "Pagination": api.get("/orders").json()["pagination"],
    }
    for name, body in shown.items():
        assert list(body) == list(schemas[name]["properties"]), name


# Over a real connection.


@pytest.fixture
def port(store: Stored) -> Iterator[int]:
    serving = serve(made_api(store.database, store.clock).app, "127.0.0.1", 0, "api")
    yield serving.port
    serving.stop()


AUTHORIZED = f"Authorization: Bearer {key_of('writer')}\r\n"


def sent(port: int, head: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """Bytes as they are, and the answer; the connection may be closed before all is sent."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(head.encode() + b"\r\n" + body)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def test_an_endless_body_is_cut_off_whatever_its_length_says(port: int) -> None:
    head = f"POST /orders HTTP/1.1\r\nHost: x\r\n{AUTHORIZED}"
    endless = chunk(b" " * 65_536) * 20
    status, headers, _ = sent(port, f"{head}Transfer-Encoding: chunked\r\n", endless)
    assert (status, headers["connection"]) == (413, "close")
    status, _, _ = sent(port, f"{head}Content-Length: 10000000000\r\n", b" " * 1_200_000)
    assert status == 413


def test_a_body_without_a_length_is_read(port: int) -> None:
    body = chunk(json.dumps(an_order()).encode()) + b"0\r\n\r\n"
    head = f"POST /orders HTTP/1.1\r\nHost: x\r\n{AUTHORIZED}Transfer-Encoding: chunked\r\n"
    status, headers, answer = sent(port, head, body)
    assert (status, json.loads(answer)["status"]) == (201, "pending")
    assert headers["etag"]
    assert "server" not in headers


@pytest.mark.parametrize(
    "head",
    [
        "GET /orders HTTP/1.1\r\n", "GET /orders HTTP/9.9\r\nHost: x\r\n", "nonsense\r\n",
        "GET /orders\x00 HTTP/1.1\r\nHost: x\r\n", "GET /orders HTTP/1.1\r\nHost: x\r\n: y\r\n",
        "GET /orders HTTP/1.1\r\nHost: x\r\nX: " + "y" * 70_000 + "\r\n",
        "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n",
        "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
    ],
    ids=range(8),
)  # fmt: skip
def test_what_is_no_http_is_a_bad_request_and_the_next_call_is_answered(
    port: int, head: str
) -> None:
    status, _, _ = sent(port, head)
    assert 400 <= status < 500
    status, _, _ = sent(port, f"GET /orders HTTP/1.1\r\nHost: x\r\n{AUTHORIZED}")
    assert status == 200


def test_an_exception_in_an_endpoint_ends_no_server(
    store: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(apps, "_call", fails)
    api = made_api(store.database, store.clock)
    answer = Caller(api.app, "http://x").get("/orders")
    assert is_problem(answer, 500, "internal")
