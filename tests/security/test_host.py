"""S51 to S61: the configuration, the machine, and what the program tells of them."""

from __future__ import annotations

import configparser
import json
import os
import random
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from ruamel.yaml import YAML

from ordermill.settings.models import File
from program import environment, written
from security.attempts import CANARY, Attempt, Walls
from settings.files import LONG_KEY, RIGHT, read

ROOT = Path(__file__).parents[2]
SECRET = f"{CANARY}-0123456789abcdefghijklmnop"


def test_s53_the_settings_tell_no_secret_when_they_are_shown(tmp_path: Path) -> None:
    """As a defect, a debugger or a log line would."""
    text = RIGHT.replace(LONG_KEY, SECRET).replace(
        "sqlite:///x.db", f"postgresql://u:{SECRET}@db/x\nadmin: {{token: {SECRET}}}"
    )
    settings = read(tmp_path, f"{text}    webhook_secret: {SECRET}\n", TOKEN=SECRET)
    assert settings.integrations["woo"].webhook_secret == SECRET
    assert settings.admin.token == SECRET
    parts = [settings, settings.admin, *settings.keys, *settings.integrations.values()]
    for part in parts:
        assert CANARY not in f"{part!r} {part}"
    key = {"name": "a", "key": SECRET}
    shop = {"entity": "a", "source": "x", "webhook_secret": SECRET, "options": {"token": SECRET}}
    file = File.model_validate({"database_url": f"postgresql://u:{SECRET}@db/x", "keys": [key],
                                "integrations": {"shop": shop}})  # fmt: skip
    assert CANARY not in f"{file!r} {file}"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.com", "localhost.evil"])
def test_s54_an_admin_port_for_others_needs_a_token_to_start(tmp_path: Path, host: str) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'a.db'}")
    started = ordermill("run", "-c", str(config), ORDERMILL_ADMIN__HOST=host)
    assert started.returncode == 2
    assert "is not loopback, so admin.token is required" in started.stderr
    assert not (tmp_path / "a.db").exists()


def ordermill(
    *words: str, umask: int = 0o022, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ordermill", *words],
        capture_output=True, text=True, check=False, timeout=60, umask=umask,
        env=environment() | variables,
    )  # fmt: skip


def test_s55_whatever_is_asked_for_makes_no_new_series(walls: Walls) -> None:
    chance = random.Random(55)

    def word() -> str:
        return "".join(chance.choices(string.ascii_letters, k=12))

    def series() -> tuple[int, int]:
        text = generate_latest(walls.metrics.registry)
        return len([line for line in text.splitlines() if not line.startswith(b"#")]), len(text)

    calls = (("GET", "/orders/{}"), ("GET", "/{}"), ("{}", "/orders"), ("POST", "/webhooks/{}"),
             ("GET", "/orders?order_by={}"), ("GET", "/orders?search={}"))  # fmt: skip

    def ask() -> None:
        for method, path in calls:
            sent = Attempt("x", method.format(word().upper()), path.format(word()), ())
            assert walls._sent(sent).status_code < 500

    ask()
    before, _ = series()
    for _ in range(100):
        ask()
    after, size = series()
    assert after == before
    assert size < 500_000


def test_s57_what_is_deployed_may_do_little() -> None:
    """By reading, for there is no container engine among the test requirements."""
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    assert int(re.findall(r"^USER (\d+)", dockerfile, re.MULTILINE)[-1]) >= 10_000
    assert re.search(r'HEALTHCHECK .*\\\n  CMD \["python", .*/readyz', dockerfile)
    for entry in ("ENTRYPOINT", "CMD"):  # no shell is needed to start it
        command = re.findall(rf"^{entry} (.*)$", dockerfile, re.MULTILINE)[-1]
        assert json.loads(command)
    assert "ADD " not in dockerfile
    assert "--require-hashes" in dockerfile
    services = YAML(typ="safe", pure=True).load(ROOT / "deploy/compose.yaml")["services"]
    ours = services["ordermill"]
    assert ours["read_only"] is True
    assert ours["tmpfs"] == ["/tmp"]
    assert ours["cap_drop"] == ["ALL"]
    assert ours["security_opt"] == ["no-new-privileges:true"]
    assert [mount for mount in ours["volumes"] if not mount.endswith(":ro")] == ["data:/data"]
    assert not any(service.get("privileged") for service in services.values())


HARDENED = {
    "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "AmbientCapabilities": "",
    "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
    "UMask": "0077", "StateDirectoryMode": "0700", "RestrictSUIDSGID": "yes",
    "MemoryDenyWriteExecute": "yes", "RestrictNamespaces": "yes",
    "SystemCallArchitectures": "native", "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
}  # fmt: skip


def test_s57_the_unit_takes_away_what_the_program_does_not_need() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(ROOT / "deploy/systemd/ordermill.service")
    assert {name: unit["Service"][name] for name in HARDENED} == HARDENED


def test_s60_what_is_written_is_for_its_owner_whatever_the_umask(tmp_path: Path) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path / 'kept/here/a.db'}")
    copy = str(tmp_path / "kept/copy.db")
    for words in (("db", "upgrade"), ("sync",), ("backup", copy), ("restore", copy)):
        ran = ordermill(*words, "-c", str(config), umask=0)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    found = {path: path.stat().st_mode & 0o777 for path in (tmp_path / "kept").rglob("*")}
    assert len(found) >= 4
    for path, mode in found.items():
        assert mode == (0o700 if path.is_dir() else 0o600), path
    assert os.stat(tmp_path / "kept").st_mode & 0o777 == 0o700
