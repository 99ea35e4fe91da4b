"""Bodies, paths, methods and headers of people who mean no good: refused, and nothing is stored."""

from __future__ import annotations

import contextlib
import json
import random
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.asked import ITEM, Api, an_order, is_problem
from ordermill.api.edge import LARGEST
from ordermill.api.reading import DEPTH, Unreadable, read

WHOLE = json.dumps(an_order())


def with_(name: str, text: str) -> bytes:
    """An order whose ``name`` is written as ``text``."""
    order = {k: v for k, v in an_order().items() if k != name}
    return (json.dumps(order)[:-1] + f', "{name}": {text}}}').encode("utf-8", "surrogatepass")


AMOUNTS = [
    '"1e400"', "1e400", "NaN", "Infinity", "-Infinity", "1e30", '"NaN"', '"sNaN"', '"1_000"',
    '"٣.٥"', '" 1"', '"1 "', '"+1"', '"1e3"', '"1E+9999999"', "1E+9999999", "1e1000000", '"0x1"',
    '""', "null", "true", "[]", "{}", '"1,5"', "1000000000000", '"1000000000000"', "0.0000001",
    "12345678901234567.89", '"1."', '".5"', "9" * 5000, "1" + "0" * 60, '"--1"', '"1\\n"',
]  # fmt: skip
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "a list": b"[]",
    "a text": b'"x"',
    "a number": b"1",
    "null": b"null",
    "cut": WHOLE[:-5].encode(),
    "more": WHOLE.encode() + b"x",
    "utf-16": WHOLE.encode("utf-16"),
    "bom": b"\xef\xbb\xbf" + WHOLE.encode(),
    "no utf-8": with_("customer_name", '"é"').replace("é".encode(), b"\xff"),
    "a key twice": with_("x", "1").replace(b'"x"', b'"total"'),
    "deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "tax too large": with_("total", "-999999999999").replace(b'tax": 122', b'tax": 999999999999'),
}
FIELDS: dict[str, tuple[str, str]] = {
    "surrogate": ("customer_name", '"\\ud800"'),
    "nul": ("customer_name", '"a\\u0000"'),
    "nul in a key": ("metadata", '{"a\\u0000": 1}'),
    "nan in metadata": ("metadata", '{"a": NaN}'),
    "huge in metadata": ("metadata", '{"a": 1e400}'),
    "a key twice within": ("metadata", '{"a": 1, "a": 2}'),
    "deep lists": ("metadata", '{"a": ' + "[" * DEPTH + "]" * DEPTH + "}"),
    "wide": ("metadata", '{"a": [' + "1," * 60_000 + "1]}"),
    "many keys": ("metadata", json.dumps({str(n): n for n in range(51)})),
    "long text in metadata": ("metadata", json.dumps({"a": "x" * 251})),
    "metadata is a list": ("metadata", "[]"),
    "no items": ("items", "[]"),
    "items is an object": ("items", "{}"),
    "an item is a text": ("items", '["x"]'),
    "too many items": ("items", json.dumps([{}] * 2001)),
    "a kind of its own": ("items", json.dumps([ITEM | {"kind": "x"}])),
    "taxes are numbers": ("items", json.dumps([ITEM | {"taxes": [1]}])),
    "too much in lines": ("items", json.dumps([ITEM | {"discount": 999999999999}] * 2)),
    "long source_id": ("source_id", json.dumps("x" * 256)),
    "blank source_id": ("source_id", '" "'),
    "long name": ("customer_name", json.dumps("x" * 1001)),
    "a name is a number": ("customer_name", "1"),
    "currency": ("currency_code", '"EURO"'),
    "no time": ("ordered_at", '"yesterday"'),
    "no zone": ("ordered_at", '"2026-01-01T00:00:00"'),
    "before time": ("ordered_at", '"0001-01-01T00:00:00+14:00"'),
    "no day": ("ordered_at", '"2026-02-30T00:00:00Z"'),
    "a number for a time": ("ordered_at", "1e10"),
    "no business": ("customer", '{"is_business": "yes"}'),
    "status": ("payment_status", '"PAID"'),
    "source": ("source", '"magento"'),
}


def is_refused(api: Api, body: bytes) -> bool:
    answer = api.call("POST", "/orders", content=body)
    assert is_problem(answer, 422, "invalid_body")
    assert "canary" not in answer.text
    assert api.get("/orders").json()["pagination"]["total"] == 0
    return True


def test_what_is_no_plain_amount_is_refused_everywhere(api: Api, subtests: pytest.Subtests) -> None:
    for text in AMOUNTS:
        with subtests.test(text[:20]):
            assert is_refused(api, with_("total", text))
            item = json.dumps(ITEM)[:-1] + f', "discount": {text}}}'
            assert text == "null" or is_refused(api, with_("items", f"[{item}]"))


def test_a_hostile_body_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    for name, body in BODIES.items():
        with subtests.test(name):
            assert is_refused(api, body)


def test_a_hostile_field_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    for what, (name, text) in FIELDS.items():
        with subtests.test(what):
            assert is_refused(api, with_(name, text))


def test_a_secret_in_a_wrong_place_is_not_repeated(api: Api) -> None:
    for name in ("total", "currency_code", "items", "ordered_at", "source", "metadata"):
        assert is_refused(api, with_(name, '"canary-shpat_secret"'))
    assert is_refused(api, b'{"canary": canary}')


def test_the_forty_amounts_come_back_as_they_were_sent(api: Api) -> None:
    chance = random.Random(7)
    for number in range(40):
        digits = chance.choice([0, 1, 2, 3, 6])
        amount = str(chance.randrange(10 ** chance.randrange(1, 13)))
        if digits:
            amount += "." + "".join(chance.choice("0123456789") for _ in range(digits - 1)) + "7"
        sign = chance.choice(["", "-"]) if amount != "0" else ""
        text = json.dumps(an_order(f"m-{number}"))[:-1].replace(
            '"price": 50', f'"price": {sign}{amount}'
        )
        answer = api.call("POST", "/orders", content=f"{text}}}".encode())
        assert answer.status_code == 201, answer.text
        assert f'"price":{sign}{amount},' in answer.text


@given(text=st.text(max_size=300))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    for given_text in (text, text.encode("utf-8", "surrogatepass")):
        with contextlib.suppress(Unreadable):
            json.dumps(read(given_text), default=str)


LETTERS = st.characters(exclude_characters="\0", exclude_categories=("Cs",))
LEAVES = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(LETTERS, max_size=8)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(LETTERS, max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=JSON)
def test_what_is_json_is_read_as_it_is(value: Any) -> None:
    assert read(json.dumps(value)) == value
    assert read(json.dumps(value, ensure_ascii=False).encode()) == value


@given(
    metadata=st.dictionaries(st.text(LETTERS, min_size=1, max_size=8), JSON, max_size=5),
    source_id=st.uuids(),
)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_metadata_comes_back_as_it_was_sent(
    api: Api, metadata: dict[str, Any], source_id: uuid.UUID
) -> None:
    answer = api.post("/orders", an_order(str(source_id), metadata=metadata))
    assert answer.status_code in (201, 409), answer.text
    if answer.status_code == 201:
        assert answer.json()["metadata"] == metadata
        assert api.get(f"/orders/{answer.json()['id']}").json()["metadata"] == metadata


# Paths, methods, sizes.


NO_ADDRESSES = [
    "/orders/", "/orders/x", "/orders/ord_1", "/orders/%00", "/orders/..%2f..%2fetc%2fpasswd",
    "/orders/ord_00000000000000000000000G", "/orders/ORD_000000000000000000000000", "//orders",
    "/Orders", "/orders/%2e%2e/entities", "/v1", "/v2/orders", "/v1/v1/orders", "/admin",
    "/orders/ord_000000000000000000000000'--", "/invoices/%0d%0aSet-Cookie:x", "/redoc",
    "/invoices/INV%2f..%2fx", "/" + "a" * 5000, "/orders/\u0130", "/.git/config",
]  # fmt: skip


def test_what_is_no_address_is_not_found(api: Api, subtests: pytest.Subtests) -> None:
    for path in NO_ADDRESSES:
        with subtests.test(path[:50]):
            answer = api.call("GET", path)
            assert is_problem(answer, 404, "not_found")
            assert "set-cookie" not in answer.headers


def test_another_method_is_no_way_in(api: Api, subtests: pytest.Subtests) -> None:
    made = api.made()
    for method in ("PUT", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW"):
        for path in ("/orders", f"/orders/{made['id']}", "/invoices"):
            with subtests.test(f"{method} {path}"):
                answer = api.call(method, path, headers={"X-HTTP-Method-Override": "DELETE"})
                assert answer.status_code == 405
                assert answer.headers["allow"]
                assert method == "HEAD" or is_problem(answer, 405, "method_not_allowed")
    overridden = {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"}
    answer = api.call("POST", f"/orders/{made['id']}/restore", headers=overridden)
    assert answer.json() == made


def test_what_is_issued_is_not_changed_by_anybody(api: Api, subtests: pytest.Subtests) -> None:
    for path in ("/invoices", "/credit-notes", "/estimates", "/payments"):
        for method in ("PATCH", "PUT", "DELETE", "POST"):
            for address in (path, f"{path}/inv_000000000000000000000000"):
                with subtests.test(f"{method} {address}"):
                    answer = api.call(method, address, json={})
                    assert is_problem(answer, 405, "method_not_allowed")


def test_a_body_has_at_most_a_mebibyte(api: Api) -> None:
    for size, code in ((LARGEST, 422), (LARGEST + 1, 413)):
        answer = api.call("POST", "/orders", content=b" " * size)
        assert answer.status_code == code
    assert is_problem(answer, 413, "payload_too_large")


def test_a_compressed_body_is_not_taken(api: Api) -> None:
    answer = api.call("POST", "/orders", json=an_order(), headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_actions_take_no_words(api: Api) -> None:
    made = api.made()
    for action in ("process", "cancel", "reissue", "restore"):
        answer = api.post(f"/orders/{made['id']}/{action}", {"status": "paid"})
        assert is_problem(answer, 422, "invalid_body")
        assert is_problem(
            api.call("POST", f"/orders/{made['id']}/{action}?x=1"), 400, "invalid_query"
        )
    assert api.get(f"/orders/{made['id']}").json() == made


def test_markup_and_control_characters_are_text(api: Api) -> None:
    names = ('<script>alert(1)</script>', 'x\n{"level":"critical"}\x1b[2J\u2028', '=HYPERLINK("x")',
             "'; DROP TABLE orders; --", "\u202egnirts", "😀" * 300)  # fmt: skip
    for number, name in enumerate(names):
        made = api.made(f"m-{number}", customer_name=name)
        assert made["customer_name"] == name
        assert api.ids("/orders", search=name[:20].strip()) == [made["id"]]
