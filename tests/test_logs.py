"""What is logged: one JSON line each, and no canary of a secret or of a buyer in any."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from ordermill.errors import ConfigError
from ordermill.logs import exceptions_as_frames, without_secrets

START = "import logging, structlog; from ordermill import logs; logs.configure(); "


def logged(program: str) -> list[dict[str, Any]]:
    """Run a program that logs; its lines, each parsed."""
    ran = subprocess.run(
        [sys.executable, "-c", START + program], capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.mark.parametrize(
    "name",
    [
        "token", "access_token", "client_secret", "password", "Authorization", "cookie", "api_key",
        "consumer_key", "credentials", "email", "customer_email", "phone", "billing_address",
        "customer_name", "first_name", "company_name", "buyer", "payload", "body", "raw_data",
    ],
)  # fmt: skip
def test_a_field_named_like_a_secret_or_a_person_is_removed(name: str) -> None:
    assert "CANARY" not in str(without_secrets(None, "info", {name: "CANARY"}))
    nested = {"order": {"lines": [{name: "CANARY"}]}}
    assert "CANARY" not in str(without_secrets(None, "info", nested))


def test_other_fields_stay_as_they_are() -> None:
    event = {"event": "ready", "connector": "woo", "integrations": 2, "job": {"name": "tick"}}
    assert without_secrets(None, "info", dict(event)) == event


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.example/wp-json/wc/v3/orders?consumer_secret=CANARY", "/wc/v3/orders"),
        ("https://ck_CANARY:cs_CANARY@shop.example:8443/orders", "https://shop.example:8443"),
        ("get https://shop.example/a?x=CANARY, then http://u:CANARY@b/c#CANARY", "/a"),
    ],
)
def test_a_url_keeps_its_host_and_path_alone(url: str, kept: str) -> None:
    for event in ({"event": url}, {"event": "x", "urls": [url]}):
        cleaned = str(without_secrets(None, "info", event))
        assert "CANARY" not in cleaned
        assert kept in cleaned


def test_an_error_of_a_library_leaves_its_type_and_places_but_not_its_text() -> None:
    try:
        raise ValueError("Key (customer_email)=(CANARY) already exists")
    except ValueError as error:
        event = exceptions_as_frames(None, "error", {"event": "broke", "exc_info": error})
    assert event["exception"] == "ValueError"
    assert any("test_logs.py" in frame for frame in event["frames"])
    assert "CANARY" not in str(event)


def test_an_error_of_ours_keeps_its_text() -> None:
    event = exceptions_as_frames(None, "error", {"exc_info": ConfigError("write poll.every")})
    assert event["exception"] == "ConfigError: write poll.every"


def test_lines_are_json_with_the_time_in_utc_to_the_millisecond() -> None:
    (line,) = logged("structlog.get_logger().info('ready', integrations=2)")
    assert (line["event"], line["level"], line["integrations"]) == ("ready", "info", 2)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"])


def test_a_hostile_value_stays_on_one_line() -> None:
    program = r"structlog.get_logger().warning('odd', connector='a\n{\u2028\x1b[2J\"')"
    (line,) = logged(program)
    assert line["connector"] == 'a\n{\u2028\x1b[2J"'


def test_a_long_value_is_cut() -> None:
    for event in ({"reason": "x" * 100_000}, {"reasons": ["x" * 100_000]}):
        cleaned = str(without_secrets(None, "info", event))
        assert 1000 < len(cleaned) < 1100
        assert "[and 99000 more]" in cleaned
    described = exceptions_as_frames(None, "error", {"exc_info": ConfigError("x" * 100_000)})
    assert len(described["exception"]) < 1100


def test_messages_of_libraries_go_the_same_way() -> None:
    lines = logged(
        "logging.getLogger('httpx').info('GET https://x/?key=CANARY');"
        "logging.getLogger('sqlalchemy.engine').info('SELECT CANARY');"
        "logging.getLogger('httpx').warning('GET https://u:CANARY@x/?key=CANARY');"
        "logging.getLogger('uvicorn.error').error('broke')"
    )
    assert [line["event"] for line in lines] == ["GET https://x/", "broke"]


def test_an_exception_of_a_library_goes_the_same_way() -> None:
    program = """
def broken(email):
    raise KeyError(email)
try:
    broken('CANARY')
except KeyError:
    logging.getLogger('uvicorn.error').exception('in an app')
    structlog.get_logger().exception('in ours')
"""
    lines = logged("\n" + program)
    assert [line["event"] for line in lines] == ["in an app", "in ours"]
    for line in lines:
        assert line["exception"] == "KeyError"
        assert len(line["frames"]) == 2
        assert "CANARY" not in json.dumps(line)
