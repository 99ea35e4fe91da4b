"""What deploy/ ships fits the program: users, paths, ports, commands and exit codes."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from ordermill.cli import Exit, app
from ordermill.settings.environment import PREFIX
from ordermill.settings.messages import fields_at
from ordermill.settings.models import Admin, Api, File

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()


def yaml(path: str) -> Any:
    return YAML(typ="safe", pure=True).load(ROOT / "deploy" / path)


COMPOSE = yaml("compose.yaml")


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "deploy/systemd/ordermill.service")
    return parser["Service"]


def test_the_image_runs_as_nobody_in_particular() -> None:
    user = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    assert user
    assert int(user[-1][0]) >= 10_000
    assert "STOPSIGNAL SIGTERM" in DOCKERFILE


def test_the_image_is_made_of_files_that_are_there_and_not_ignored() -> None:
    allowed = (ROOT / ".dockerignore").read_text()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in line.split():
            assert (ROOT / source).exists()
            assert f"!{source}" in allowed


def test_the_image_exposes_the_ports_of_the_configuration() -> None:
    assert f"EXPOSE {Api().port} {Admin().port}" in DOCKERFILE
    assert f"'{Admin().port}'" in DOCKERFILE


def overrides() -> list[str]:
    return [name for name in COMPOSE["services"]["ordermill"]["environment"]]


@pytest.mark.parametrize("name", overrides())
def test_the_composed_service_overrides_keys_that_exist(name: str) -> None:
    *outer, last = name.removeprefix(PREFIX).lower().split("__")
    assert last in fields_at(File, tuple(outer))


def test_the_composed_service_may_do_little() -> None:
    service = COMPOSE["services"]["ordermill"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_no_port_is_open_to_the_network_and_no_secret_has_a_default() -> None:
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    written = (ROOT / "deploy/compose.yaml").read_text()
    assert re.findall(r"\$\{(POSTGRES_PASSWORD|ADMIN_TOKEN)(?!:\?)", written) == []


def test_prometheus_scrapes_the_admin_port_of_the_composed_service() -> None:
    jobs = yaml("prometheus/prometheus.yml")["scrape_configs"]
    assert jobs[0]["static_configs"] == [{"targets": [f"ordermill:{Admin().port}"]}]
    assert "ordermill" in COMPOSE["services"]


def test_the_unit_starts_a_command_that_exists_and_never_runs_as_root() -> None:
    service = unit()
    program, *words = service["ExecStart"].split()
    assert program.endswith("/bin/ordermill")
    assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0
    assert service["User"] == "ordermill"
    assert service["ProtectSystem"] == "strict"


def test_the_unit_does_not_start_again_what_a_person_must_mend() -> None:
    codes = unit()["RestartPreventExitStatus"].split()
    assert [int(code) for code in codes] == [Exit.CONFIGURATION, Exit.CREDENTIALS]
