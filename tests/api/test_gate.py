"""Who comes in, and for which entity."""

from __future__ import annotations

from datetime import timedelta

import pytest

from api.asked import Api, an_order, is_problem, key_of, made_api
from ordermill.api.gate import Keyring
from ordermill.api.throttle import AT_ONCE, MOST_ADDRESSES, Throttle
from ordermill.store import keys
from shops import Stored

GOOD = key_of("reader")
UNIDENTIFIED = {
    "nothing": None, "blank": "", "scheme alone": "Bearer", "no key": "Bearer ",
    "another scheme": f"Basic {GOOD}", "lower case": f"bearer {GOOD}", "key alone": GOOD,
    "two spaces": f"Bearer  {GOOD}", "twice": f"Bearer Bearer {GOOD}",
    "words after": f"Bearer {GOOD} x", "two keys": f"Bearer {GOOD}, Bearer {GOOD}",
    "a part": f"Bearer {GOOD[:-1]}", "more": f"Bearer {GOOD}x",
    "in capitals": f"Bearer {GOOD.upper()}",
}  # fmt: skip


@pytest.mark.parametrize("header", UNIDENTIFIED.values(), ids=UNIDENTIFIED)
def test_anything_but_one_good_bearer_key_is_a_stranger(anybody: Api, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = anybody.call("GET", "/orders", headers=headers)
    assert is_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert GOOD not in answer.text


def test_a_key_elsewhere_than_in_the_header_is_none(anybody: Api) -> None:
    assert is_problem(anybody.get("/orders", api_key=GOOD), 401, "unauthorized")
    cookie = anybody.call("GET", "/orders", headers={"Cookie": f"key={GOOD}"})
    assert is_problem(cookie, 401, "unauthorized")
    twice = [("Authorization", f"Bearer {GOOD}")] * 2
    assert is_problem(anybody.call("GET", "/orders", headers=twice), 401, "unauthorized")


def test_a_reading_key_changes_nothing(anybody: Api, api: Api) -> None:
    made, reader = api.made(), anybody.as_("reader")
    assert reader.get(f"/orders/{made['id']}").json() == made
    assert is_problem(reader.post("/orders", an_order("m-2")), 403, "forbidden")
    assert is_problem(reader.call("DELETE", f"/orders/{made['id']}"), 403, "forbidden")
    assert api.ids("/orders") == [made["id"]]


# Entities.


def entity_ids(anybody: Api) -> dict[str, str]:
    found = anybody.as_("all").get("/entities").json()["data"]
    return {each["handle"]: each["id"] for each in found}


def test_a_key_of_several_entities_must_name_one(anybody: Api) -> None:
    ids = entity_ids(anybody)
    assert is_problem(anybody.as_("all").get("/orders"), 400, "entity_required")
    for handle, source_id in (("acme", "a-1"), ("rival", "r-1")):
        made = anybody.as_("all", x_entity_id=ids[handle]).made(source_id)
        assert made["entity_id"] == ids[handle]
    assert len(anybody.as_("reader").ids("/orders")) == 1


def test_an_entity_out_of_reach_is_refused_whether_it_exists_or_not(anybody: Api) -> None:
    ids = entity_ids(anybody)
    unknown = ids["rival"][:-1] + ("0" if ids["rival"][-1] != "0" else "1")
    answers = [
        anybody.as_("writer", x_entity_id=each).get("/orders") for each in (ids["rival"], unknown)
    ]
    assert all(is_problem(answer, 403, "entity_forbidden") for answer in answers)
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    "given", ["", "*", "{acme},{rival}", " {acme} x", "[{acme}]", "{ACME}", "acme", "ent_é"]
)
def test_an_entity_header_that_is_no_id_is_refused(anybody: Api, given: str) -> None:
    ids = entity_ids(anybody)
    named = given.format(**ids, ACME=ids["acme"].upper()).encode()
    answer = anybody.as_("all").call("GET", "/orders", headers={b"x-entity-id": named} | {
        k.encode(): v.encode() for k, v in anybody.as_("all").headers.items()})  # fmt: skip
    assert answer.status_code in (400, 403)
    twice = [*anybody.as_("all").headers.items(), *[("x-entity-id", ids["acme"])] * 2]
    answer = anybody.call("GET", "/orders", headers=twice)
    assert is_problem(answer, 400, "entity_required")


def test_entities_are_those_that_the_key_reaches(anybody: Api) -> None:
    assert [e["handle"] for e in anybody.as_("reader").get("/entities").json()["data"]] == ["acme"]
    shown = anybody.as_("all").get("/entities").json()
    assert ([e["handle"] for e in shown["data"]], shown["pagination"]["total"]) == (
        ["acme", "rival"], 2,
    )  # fmt: skip
    assert list(shown["data"][0]) == [
        "id", "handle", "name", "address", "tax_number", "currency_code", "timezone",
        "payment_due_days", "created_at",
    ]  # fmt: skip


# Keys of the database.


def test_a_stored_key_works_until_it_is_revoked_and_a_second_with_it(
    anybody: Api, store: Stored
) -> None:
    with store.database.write() as conn:
        first, second = (
            keys.create(conn, name, "write", ["acme"], now=store.clock()) for name in ("a", "b")
        )
    old = {"Authorization": f"Bearer {first}"}
    new = {"Authorization": f"Bearer {second}"}
    for headers in (old, new):
        assert anybody.call("GET", "/orders", headers=headers).status_code == 200
    with store.database.write() as conn:
        keys.revoke(conn, first[:16], now=store.clock())
    anybody.ticks.seconds += 0.6
    assert is_problem(anybody.call("GET", "/orders", headers=old), 401, "unauthorized")
    assert anybody.call("GET", "/orders", headers=new).status_code == 200
    altered = {"Authorization": f"Bearer {second[:-1]}{'A' if second[-1] != 'A' else 'B'}"}
    assert is_problem(anybody.call("GET", "/orders", headers=altered), 401, "unauthorized")


def test_a_stored_key_is_over_at_the_moment_it_expires(anybody: Api, store: Stored) -> None:
    ends = store.clock() + timedelta(hours=1)
    with store.database.write() as conn:
        key = keys.create(conn, "a", "read", [], now=store.clock(), expires_at=ends)
    headers = {"Authorization": f"Bearer {key}"}
    store.clock.advance(3599)  # type: ignore[attr-defined]
    assert anybody.call("GET", "/entities", headers=headers).status_code == 200
    store.clock.advance(1)  # type: ignore[attr-defined]
    assert is_problem(anybody.call("GET", "/entities", headers=headers), 401, "unauthorized")


def test_a_stored_key_is_nowhere_in_the_database_and_its_use_is(
    anybody: Api, store: Stored
) -> None:
    with store.database.write() as conn:
        key = keys.create(conn, "a", "read", [], now=store.clock())
    headers = {"Authorization": f"Bearer {key}"}
    anybody.call("GET", "/entities", headers=headers)
    store.clock.advance(30)  # type: ignore[attr-defined]
    anybody.ticks.seconds += 1
    anybody.call("GET", "/entities", headers=headers)
    with store.database.read() as conn:
        (shown,) = keys.listed(conn)
    assert shown.last_used_at == store.clock() - timedelta(seconds=30)
    assert key not in repr(shown)
    assert shown.prefix == key[:16]


def test_a_reload_swaps_the_keys_of_the_file(store: Stored, clock: object) -> None:
    keyring = Keyring()
    api = made_api(store.database, store.clock)
    from api.asked import KEYS
    from ordermill.api.app import create_app

    app = create_app(store.database, keyring, now=store.clock)
    reader = Api(app, store.database, store.clock, api.ticks).as_("reader")
    assert reader.get("/orders").status_code == 401
    keyring.replace(KEYS)
    assert reader.get("/orders").status_code == 200
    keyring.replace([])
    assert reader.get("/orders").status_code == 401


# Strangers who keep trying.


def test_too_many_bad_keys_are_slowed_down_and_good_ones_are_not(anybody: Api) -> None:
    bad = {"Authorization": "Bearer " + "x" * 40}
    codes = [anybody.call("GET", "/orders", headers=bad).status_code for _ in range(AT_ONCE + 2)]
    assert codes == [401] * AT_ONCE + [429] * 2
    answer = anybody.call("GET", "/orders", headers=bad)
    assert is_problem(answer, 429, "rate_limit_exceeded")
    assert int(answer.headers["retry-after"]) >= 1
    assert anybody.as_("reader").get("/orders").status_code == 200
    anybody.ticks.seconds += 2
    assert anybody.call("GET", "/orders", headers=bad).status_code == 401


def test_the_throttle_forgets_the_oldest_address_and_takes_a_network_for_one() -> None:
    throttle = Throttle(lambda: 0.0)
    for number in range(AT_ONCE):
        assert throttle.failed(f"2001:db8::{number:x}") is None
    assert throttle.failed("2001:db8::ffff") == 1.0
    for number in range(MOST_ADDRESSES):
        assert throttle.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}") is None
    assert len(throttle._levels) == MOST_ADDRESSES
    assert throttle.failed("2001:db8::1") is None
