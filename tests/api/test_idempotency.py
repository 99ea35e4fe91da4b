"""The same call twice: done once, answered the same."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.asked import Api, an_order, is_problem
from ordermill.api import writing
from ordermill.api.call import Running
from ordermill.store import edits, idempotency
from shops import Stored


@pytest.mark.parametrize("header", ["Idempotency_Key", "X_Request_Id"])
def test_the_first_answer_is_given_again(api: Api, header: str) -> None:
    first = api.post("/orders", an_order(), **{header: "one"})
    again = api.post("/orders", an_order(), **{header: "one"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert (again.headers["idempotency-replayed"], again.headers["etag"]) == (
        "true", first.headers["etag"],
    )  # fmt: skip
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert len(api.ids("/orders")) == 1
    if header == "X_Request_Id":
        assert again.headers["x-request-id"] == "one"


def test_idempotency_key_goes_before_x_request_id(api: Api) -> None:
    first = api.post("/orders", an_order(), Idempotency_Key="one", X_Request_Id="a")
    again = api.post("/orders", an_order(), Idempotency_Key="one", X_Request_Id="b")
    assert again.content == first.content
    assert again.headers["x-request-id"] == "b"


def test_the_same_body_in_other_letters_is_the_same_call(api: Api) -> None:
    first = api.post("/orders", an_order(), Idempotency_Key="one")
    turned = dict(reversed(list(an_order().items())))
    assert api.post("/orders", turned, Idempotency_Key="one").content == first.content


def test_another_body_or_address_under_the_same_key_is_refused(api: Api) -> None:
    made = api.post("/orders", an_order(), Idempotency_Key="one").json()
    other = api.post("/orders", an_order("m-2"), Idempotency_Key="one")
    assert is_problem(other, 422, "idempotency_key_reused")
    process = api.post(f"/orders/{made['id']}/process", Idempotency_Key="one")
    assert is_problem(process, 422, "idempotency_key_reused")
    assert api.get(f"/orders/{made['id']}").json()["status"] == "pending"


def test_an_action_is_done_once(api: Api) -> None:
    made = api.made()
    path = f"/orders/{made['id']}"
    first = api.post(f"{path}/process", Idempotency_Key="one")
    again = api.post(f"{path}/process", {}, Idempotency_Key="one")
    assert (again.status_code, again.content) == (200, first.content)
    assert is_problem(api.post(f"{path}/process"), 409, "order_already_invoiced")
    assert len(api.ids("/invoices")) == 1


def test_a_refusal_that_is_said_on_the_order_is_kept(api: Api) -> None:
    made = api.made(total_with_tax=130)
    path = f"/orders/{made['id']}"
    first = api.post(f"{path}/process", Idempotency_Key="one")
    assert is_problem(first, 422, "order_totals_mismatch")
    api.patch(path, {"total_with_tax": 122})
    again = api.post(f"{path}/process", Idempotency_Key="one")
    assert is_problem(again, 422, "order_totals_mismatch")
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert api.post(f"{path}/process", Idempotency_Key="two").status_code == 200


def test_what_changed_nothing_leaves_the_key_free(api: Api, anybody: Api) -> None:
    refused = [
        api.post("/orders", an_order(total="x"), Idempotency_Key="one"),
        api.post("/orders?x=1", an_order(), Idempotency_Key="one"),
        anybody.post("/orders", an_order(), Idempotency_Key="one"),
        anybody.as_("reader").post("/orders", an_order(), Idempotency_Key="one"),
        api.post("/orders/ord_000000000000000000000000/process", Idempotency_Key="one"),
    ]
    assert [answer.status_code for answer in refused] == [422, 400, 401, 403, 404]
    assert api.post("/orders", an_order(), Idempotency_Key="one").status_code == 201
    double = api.post("/orders", an_order(), Idempotency_Key="two")
    assert is_problem(double, 409, "order_exists")
    assert api.post("/orders", an_order("m-2"), Idempotency_Key="two").status_code == 201


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "é", "a\tb"])
def test_what_is_no_key_is_refused(api: Api, key: str) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1")}
    answer = api.call("POST", "/orders", json=an_order(), headers=headers)
    assert is_problem(answer, 400, "invalid_query")
    assert api.ids("/orders") == []


def test_calls_at_once_with_one_key_do_it_once(api: Api) -> None:
    def post(number: int) -> Any:
        return api.post("/orders", an_order(), Idempotency_Key="one")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 7
    assert len(api.ids("/orders")) == 1


def test_calls_at_once_without_a_key_make_one_order(api: Api) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post("/orders", an_order()), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert len(api.ids("/orders")) == 1


def test_parallel_processing_gives_one_invoice(api: Api) -> None:
    made = api.made()
    with ThreadPoolExecutor(8) as pool:
        path = f"/orders/{made['id']}/process"
        answers = list(pool.map(lambda _: api.post(path), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert len(api.ids("/invoices")) == 1


def test_a_key_whose_call_runs_too_long_is_in_progress(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "WAIT_SECONDS", 0.01)
    inside, go_on = threading.Event(), threading.Event()
    create = edits.create

    def slow(*given: Any, **named: Any) -> str:
        inside.set()
        go_on.wait(10)
        return create(*given, **named)

    monkeypatch.setattr(edits, "create", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(api.post, "/orders", an_order(), Idempotency_Key="one")
        assert inside.wait(10)
        second = api.post("/orders", an_order(), Idempotency_Key="one")
        go_on.set()
        assert is_problem(second, 409, "idempotency_in_progress")
        assert second.headers["retry-after"]
        assert first.result().status_code == 201


def test_a_key_that_another_process_works_on_is_in_progress(
    api: Api, store: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.database.dialect == "sqlite":
        pytest.skip("one process writes an SQLite file")
    monkeypatch.setattr(writing, "WAIT_SECONDS", 0.05)
    entity = api.get("/entities").json()["data"][0]["id"]
    with store.database.write() as conn:
        idempotency.claim(conn, entity, "one", wait=1)
        answer = api.post("/orders", an_order(), Idempotency_Key="one")
    assert is_problem(answer, 409, "idempotency_in_progress")
    assert api.post("/orders", an_order(), Idempotency_Key="one").status_code == 201


def test_an_order_that_another_transaction_holds_is_locked(
    api: Api, store: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from ordermill.invoicing import desk

    if store.database.dialect == "sqlite":
        pytest.skip("one transaction writes an SQLite file")
    monkeypatch.setattr(desk, "PATIENCE", timedelta(milliseconds=50))
    monkeypatch.setattr(edits, "PATIENCE", 0.05)
    made = api.made()
    path = f"/orders/{made['id']}"
    with store.database.write() as conn:
        assert edits.locked(conn, made["entity_id"], made["id"]) is not None
        for answer in (api.post(f"{path}/process"), api.patch(path, {"customer_name": "x"}),
                       api.call("DELETE", path), api.post(f"{path}/restore")):  # fmt: skip
            assert is_problem(answer, 409, "order_locked")
            assert answer.headers["retry-after"]
    assert api.post(f"{path}/process").status_code == 200


def test_of_two_calls_with_a_key_the_second_waits_for_the_first() -> None:
    running, order = Running(), []

    def second() -> None:
        with running.alone(("e", "k"), 10) as free:
            order.append(f"second {free}")

    with running.alone(("e", "k"), 10) as free:
        thread = threading.Thread(target=second)
        thread.start()
        order.append(f"first {free}")
    thread.join(10)
    assert order == ["first True", "second True"]
