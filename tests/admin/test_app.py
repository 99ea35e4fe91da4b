"""The admin endpoint: health, actions, and whom it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from admin.watched import Beat, Caller, watched
from ordermill.admin.app import create_app
from ordermill.admin.guard import LARGEST
from ordermill.errors import SchemaOutdated, StoreError
from ordermill.store import runs, status
from ordermill.store.database import Database
from shops import Stored

TOKEN = "a-token-of-an-operator"
OPEN = ("/livez", "/readyz", "/metrics")
SHOWN = ("/healthz", "/status", "/")
ACTIONS: dict[str, dict[str, Any]] = {
    "/integrations/woo/sync": {},
    "/integrations/woo/pause": {"reason": "stocktaking"},
    "/integrations/woo/resume": {},
    "/integrations/woo/backfill": {"from": "2026-01-01"},
    "/integrations/woo/reconcile": {},
}


@pytest.fixture
def guarded(store: Stored, beat: Beat, clock: Callable[[], datetime]) -> Caller:
    app = create_app(store.database, watched("woo"), token=TOKEN, heartbeat=beat, now=clock)
    return Caller(app, base_url="http://ordermill.example:9464")


def is_problem(answer: Any, code: int) -> bool:
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"] == body["message"] != ""
    assert body["code"]
    return bool(answer.status_code == code)


# Health.


def test_it_is_alive_while_the_scheduler_ticks(admin: Caller, beat: Beat) -> None:
    assert admin.get("/livez").status_code == 200
    beat.seconds = 31.0
    assert admin.get("/livez").status_code == 503
    assert admin.get("/readyz").status_code == 200
    shown = admin.get("/healthz")
    assert (shown.status_code, shown.json()["components"]["scheduler"]["ok"]) == (503, False)


@pytest.mark.parametrize(
    "error", [StoreError("the database cannot be reached"), SchemaOutdated("run the upgrade")]
)
def test_it_is_not_ready_without_a_database_of_its_schema(
    admin: Caller, monkeypatch: pytest.MonkeyPatch, error: StoreError
) -> None:
    def fails(self: Database) -> None:
        raise error

    monkeypatch.setattr(Database, "check_schema", fails)
    answer = admin.get("/readyz")
    assert (answer.status_code, answer.text) == (503, str(error))
    assert admin.get("/livez").status_code == 200
    shown = admin.get("/healthz").json()
    assert shown["components"]["database"] == {"ok": False, "error": str(error)}
    assert shown["components"]["scheduler"]["ok"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_a_monitor_may_ask_without_wanting_the_words(admin: Caller, path: str) -> None:
    assert admin.request("HEAD", path).status_code == 200


def test_a_shop_that_is_down_leaves_it_ready(admin: Caller, store: Stored) -> None:
    from ordermill.errors import TransientSourceError
    from ordermill.store import integrations

    claim = store.claimed()
    with store.database.write() as conn:
        error = TransientSourceError("no answer")
        until = store.clock() + timedelta(minutes=5)
        integrations.failed(conn, claim, now=store.clock(), error=error, backoff_until=until)
    store.release(claim)
    assert admin.get("/readyz").status_code == 200
    assert admin.get("/healthz").status_code == 200
    assert admin.get("/status").json()["integrations"][0]["state"] == "backoff"


def test_status_is_what_the_command_prints(admin: Caller, store: Stored) -> None:
    with store.database.read() as conn:
        assert admin.get("/status").json() == status.as_json(status.overview(conn, store.clock()))


# Actions.


def test_a_pause_is_written_with_its_reason_and_its_end(admin: Caller, store: Stored) -> None:
    answer = admin.post("/integrations/woo/pause", json={"reason": "stocktaking", "for": "2h"})
    assert (answer.status_code, answer.json()) == (202, {"handle": "woo", "requested": "pause"})
    (shown,) = admin.get("/status").json()["integrations"]
    assert shown["state"] == "paused"
    assert shown["paused"]["reason"] == "stocktaking"
    assert shown["paused"]["by"] == "operator"
    assert shown["paused"]["until"] == "2026-11-24T14:00:00.000Z"
    assert admin.post("/integrations/woo/resume").status_code == 202
    (shown,) = admin.get("/status").json()["integrations"]
    assert (shown["state"], shown["paused"]) == ("ok", None)


def test_a_pause_without_a_body_lasts_until_it_is_resumed(admin: Caller) -> None:
    assert admin.post("/integrations/woo/pause").status_code == 202
    (shown,) = admin.get("/status").json()["integrations"]
    assert (shown["paused"]["until"], shown["next_run_at"]) == (None, None)


def test_a_sync_is_asked_for(admin: Caller, store: Stored) -> None:
    integration_id = store.quiet()
    assert store.state(integration_id).sync_requested_at is None
    assert admin.post("/integrations/woo/sync", json={}).status_code == 202
    assert store.state(integration_id).sync_requested_at == store.clock()


def test_a_backfill_covers_both_days_in_the_zone_of_the_entity(
    admin: Caller, store: Stored
) -> None:
    from shops import an_entity, an_integration

    store.configure(an_integration(), entities=[an_entity(timezone="Europe/Ljubljana")])
    days = {"from": "2026-07-01", "to": "2026-07-02"}
    answer = admin.post("/integrations/woo/backfill", json=days)
    assert answer.status_code == 202
    with store.database.read() as conn:
        run = runs.get(conn, answer.json()["run"])
    assert (run.mode, run.since, run.until) == (
        "backfill",
        datetime(2026, 6, 30, 22, tzinfo=UTC),
        datetime(2026, 7, 2, 22, tzinfo=UTC),
    )
    again = admin.post("/integrations/woo/backfill", json=days)
    assert again.json()["run"] == run.id


def test_a_reconcile_is_asked_for_once(admin: Caller, store: Stored) -> None:
    integration_id = store.quiet()
    first, again = (admin.post("/integrations/woo/reconcile") for _ in range(2))
    with store.database.read() as conn:
        run = runs.unfinished(conn, integration_id, "reconcile")
    assert run is not None
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert first.json() == {"handle": "woo", "requested": "reconcile", "run": run.id}


@pytest.mark.parametrize("action", ["sync", "pause", "resume", "backfill", "reconcile"])
def test_an_unknown_integration_is_a_404(admin: Caller, action: str) -> None:
    body = ACTIONS[f"/integrations/woo/{action}"]
    assert is_problem(admin.post(f"/integrations/nobody/{action}", json=body), 404)


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("pause", {"reason": ""}),
        ("pause", {"reason": "x" * 501}),
        ("pause", {"for": "soon"}),
        ("pause", {"for": "-1h"}),
        ("pause", {"for": "٣h"}),
        ("pause", {"until": "tomorrow"}),
        ("pause", []),
        ("sync", {"force": True}),
        ("resume", {"x": 1}),
        ("backfill", {}),
        ("reconcile", {"from": "2026-01-01"}),
        ("backfill", {"from": "yesterday"}),
        ("backfill", {"from": "2026-02-30"}),
        ("backfill", {"from": "2026-02-02", "to": "2026-02-01"}),
        ("backfill", {"from": "2026-02-02", "to": "9999-12-31"}),
        ("backfill", {"from": "0001-01-01"}),
    ],
)
def test_a_body_that_says_something_else_is_refused(
    admin: Caller, action: str, body: object
) -> None:
    before = admin.get("/status").json()
    assert is_problem(admin.post(f"/integrations/woo/{action}", json=body), 422)
    assert admin.get("/status").json() == before


@pytest.mark.parametrize(
    ("action", "body", "said"),
    [
        ("backfill", None, "the body: Field required"),
        ("backfill", {"from": "2026-02-02", "to": "2026-02-01"}, "the body: `to` is before `from`"),
        ("pause", {"for": "soon"}, "for: must be a duration: 90s, 10m, 2h, 1d, or a number of"),
        ("pause", {"for": True}, "for: must be a duration: 90s, 10m, 2h, 1d, or a number of"),
    ],
)
def test_a_refusal_says_what_to_write(admin: Caller, action: str, body: object, said: str) -> None:
    answer = admin.post(f"/integrations/woo/{action}", json=body)
    assert answer.json()["detail"].startswith(said)


def test_a_body_that_is_sent_as_a_form_is_told_how_to_be_sent(admin: Caller) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = admin.post("/integrations/woo/sync", content=b"{}", headers=headers)
    assert is_problem(answer, 422)
    assert answer.json()["detail"] == "send the body as Content-Type: application/json"


@pytest.mark.parametrize("length", [5400, 5400.0, "5400", "5400s", "90m", "1.5h"])
def test_a_pause_lasts_as_long_as_a_duration_of_the_file(admin: Caller, length: object) -> None:
    admin.post("/integrations/woo/pause", json={"for": length})
    paused = admin.get("/status").json()["integrations"][0]["paused"]
    since, until = (datetime.fromisoformat(paused[name]) for name in ("since", "until"))
    assert until - since == timedelta(minutes=90)


def test_a_body_that_is_no_json_is_refused(admin: Caller) -> None:
    headers = {"Content-Type": "application/json"}
    answer = admin.post("/integrations/woo/pause", content=b"{", headers=headers)
    assert is_problem(answer, 422)


def test_nothing_is_written_by_a_get(admin: Caller) -> None:
    for path in ACTIONS:
        assert is_problem(admin.get(path), 405)
    assert is_problem(admin.get("/docs"), 404)
    assert is_problem(admin.get("/openapi.json"), 404)
    assert is_problem(admin.post("/status"), 405)


# Whom it refuses.


@pytest.mark.parametrize("path", [*SHOWN, *ACTIONS])
@pytest.mark.parametrize(
    "given",
    [
        None, TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer ", f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}", f"Bearer  {TOKEN}", "Bearer č",
    ],
)  # fmt: skip
def test_without_the_token_nothing_is_shown_and_nothing_done(
    guarded: Caller, path: str, given: str | None
) -> None:
    headers = {} if given is None else {"Authorization": given.encode()}
    method = "POST" if path in ACTIONS else "GET"
    body = ACTIONS.get(path)
    answer = guarded.request(method, path, headers=headers, json=body)
    assert is_problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"
    in_query = guarded.request(method, f"{path}?token={TOKEN}", json=body)
    assert is_problem(in_query, 401)


def test_the_token_opens_everything_from_any_host(guarded: Caller) -> None:
    guarded.headers["Authorization"] = f"Bearer {TOKEN}"
    for path in SHOWN:
        assert guarded.get(path).status_code == 200
    for path, body in ACTIONS.items():
        assert guarded.post(path, json=body).status_code == 202


def test_probes_and_scrapes_need_no_token(guarded: Caller) -> None:
    for path in OPEN:
        assert guarded.get(path).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:9464", "127.0.0.1:9464", "[::1]:9464"])
def test_without_a_token_this_machines_names_are_answered(admin: Caller, host: str) -> None:
    assert admin.get("/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:9464", "localhost.evil.example", "127.0.0.1.evil.example",
        "192.168.1.9", "0.0.0.0", "localhost@evil.example", "", "[::1", "127.0.0.1:80:80",
        "2130706433",
    ],
)  # fmt: skip
def test_a_name_that_was_bound_anew_to_this_machine_is_not(admin: Caller, host: str) -> None:
    for path in (*OPEN, *SHOWN):
        assert is_problem(admin.get(path, headers={"Host": host}), 403)
    for path, body in ACTIONS.items():
        assert is_problem(admin.post(path, json=body, headers={"Host": host}), 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8080"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ],
)
def test_what_another_sites_page_sends_is_refused(
    admin: Caller, guarded: Caller, headers: dict[str, str]
) -> None:
    for path, body in ACTIONS.items():
        assert is_problem(admin.post(path, json=body, headers=headers), 403)
        with_token = headers | {"Authorization": f"Bearer {TOKEN}"}
        assert is_problem(guarded.post(path, json=body, headers=with_token), 403)


def test_its_own_page_may_send(admin: Caller) -> None:
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert admin.post("/integrations/woo/sync", headers=headers).status_code == 202


def test_a_large_body_is_refused_before_it_is_read(admin: Caller) -> None:
    path = "/integrations/woo/pause"
    assert is_problem(admin.post(path, content=b"x" * (LARGEST + 1)), 413)
    assert is_problem(admin.post(path, content=endless()), 413)


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 1024


def test_every_answer_forbids_frames_sniffing_and_foreign_resources(
    admin: Caller, guarded: Caller
) -> None:
    answers = [
        admin.get("/"), admin.get("/metrics"), admin.get("/nothing"), guarded.get("/status"),
        admin.post("/integrations/nobody/sync"),
    ]  # fmt: skip
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_what_nobody_foresaw_is_a_problem_without_its_text(
    admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*args: object) -> None:
        raise ZeroDivisionError("CANARY")

    monkeypatch.setattr(status, "overview", breaks)
    answer = admin.get("/status")
    assert is_problem(answer, 500)
    assert "CANARY" not in answer.text


def test_a_database_that_fails_is_a_503(admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object) -> None:
        raise StoreError("the database cannot be reached")

    monkeypatch.setattr(status, "overview", fails)
    for path in ("/status", "/"):
        assert is_problem(admin.get(path), 503)
