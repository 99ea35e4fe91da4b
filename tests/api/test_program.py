"""The API of the running program: keys by command and by reload, and a page over real HTTP."""

from __future__ import annotations

import re
import signal
import sqlite3
from pathlib import Path

import httpx
import pytest

from api.asked import EXAMPLES, an_order, key_of
from program import Running, call, written


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """One entity, one key in the file, SQLite."""
    file = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}")
    keys = f"keys:\n  - {{name: office, key: {key_of('office')}, scope: write}}\n"
    file.write_text(keys + file.read_text())
    return file


def api_of(daemon: Running) -> str:
    found = re.search(r'"api": "(http://[0-9.:]+)/"', daemon.until('"ready"'))
    assert found is not None
    return found[1]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_keys_made_and_revoked_by_command_count_in_a_running_daemon(config: Path) -> None:
    with Running("run", "-c", config) as daemon:
        url = api_of(daemon)
        made = call("keys", "create", "till", "--scope", "read", "--entity", "acme", "-c", config)
        assert made.returncode == 0, made.stderr
        key = made.stdout.strip()
        assert re.fullmatch(r"omk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", key)
        assert httpx.get(f"{url}/orders", headers=bearer(key)).status_code == 200
        refused = httpx.post(f"{url}/orders", headers=bearer(key), json=an_order())
        assert refused.status_code == 403
        listed = call("keys", "list", "-c", config).stdout
        assert key[:16] in listed
        assert "read   acme  live" in listed
        assert key not in listed
        assert call("keys", "revoke", key[:16], "-c", config).returncode == 0
        answers = (httpx.get(f"{url}/orders", headers=bearer(key)) for _ in range(10_000))
        assert any(answer.status_code == 401 for answer in answers)
        assert "revoked" in call("keys", "list", "-c", config).stdout
        assert daemon.terminate() == 0
    with sqlite3.connect(config.parent / "a.db") as conn:
        kept = "".join(conn.iterdump())
    assert key not in kept
    assert key_of("office") not in kept


def test_a_key_that_is_to_end_by_itself_does_and_the_list_says_so(config: Path) -> None:
    with Running("run", "-c", config) as daemon:
        url = api_of(daemon)
        short, long = (
            call("keys", "create", time, "--scope", "read", "--expires-in", time, "-c", config)
            for time in ("1s", "90d")
        )
        assert httpx.get(f"{url}/orders", headers=bearer(long.stdout.strip())).status_code == 200
        key = short.stdout.strip()
        answers = (httpx.get(f"{url}/orders", headers=bearer(key)) for _ in range(10_000))
        assert any(answer.status_code == 401 for answer in answers)
    listed = call("keys", "list", "-c", config).stdout.splitlines()
    assert [line.split("  ")[3].split(" 20")[0] for line in listed] == ["expired", "live until"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("create", "x", "--scope", "read", "--entity", "nobody"), 2, "there are: acme"),
        (("create", " ", "--scope", "read"), 2, "needs a name"),
        (("create", "x", "--scope", "root"), 2, "'root' is not one of"),
        (("create", "x", "--scope", "read", "--expires-in", "soon"), 2, "must be a duration"),
        (("create", "x", "--scope", "read", "--expires-in", "0"), 2, "more than nothing"),
        (("create", "x"), 2, "Missing option '--scope'"),
        (("revoke", "omk_000000000000"), 1, "no key begins with"),
    ],
)
def test_what_is_wrong_with_a_key_is_said(
    config: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    refused = call("keys", *words, "-c", config)
    assert refused.returncode == code, refused.stdout + refused.stderr
    assert said in " ".join(refused.stderr.replace("│", " ").split())


def test_a_reload_swaps_the_keys_of_the_file(config: Path) -> None:
    old, new = key_of("office"), key_of("newer")
    with Running("run", "-c", config) as daemon:
        url = api_of(daemon)
        assert httpx.get(f"{url}/orders", headers=bearer(old)).status_code == 200
        assert httpx.get(f"{url}/orders", headers=bearer(new)).status_code == 401
        config.write_text(config.read_text().replace(old, new))
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until('"reloaded"')
        assert httpx.get(f"{url}/orders", headers=bearer(old)).status_code == 401
        assert httpx.get(f"{url}/orders", headers=bearer(new)).status_code == 200
        assert old not in "".join(daemon.lines)


def test_a_published_call_over_real_http(config: Path) -> None:
    with Running("run", "-c", config) as daemon:
        url = api_of(daemon)
        with httpx.Client(base_url=url, headers=bearer(key_of("office"))) as client:
            made = client.post("/orders", json=an_order("manual-001"))
            assert made.status_code == 201
            path = f"/orders/{made.json()['id']}"
            done = client.post(f"{path}/process").json()
            assert list(done) == list(EXAMPLES["process_response"])
            assert done["status"] == "invoiced"
            assert client.get("/docs").status_code == 200
        assert daemon.terminate() == 0
