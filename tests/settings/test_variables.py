"""Variables in the file and over it; what they hold never becomes YAML and is never shown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from settings.files import LONG_KEY, RIGHT, read, refused


def token(folder: Path, written: str, **environ: str) -> str:
    settings = read(folder, RIGHT.replace("${TOKEN}", written), **environ)
    return settings.integrations["woo"].options.token.get_secret_value()


def test_a_variable_is_put_in_as_text(tmp_path: Path) -> None:
    assert token(tmp_path, "${A}", A="x: [1, # &a *b") == "x: [1, # &a *b"
    assert token(tmp_path, "<${A}|${B}>", A="1", B="${A}") == "<1|${A}>"


def test_a_default_serves_where_the_variable_is_unset_or_empty(tmp_path: Path) -> None:
    assert token(tmp_path, "${A:-no}") == "no"
    assert token(tmp_path, "${A:-no}", A="") == "no"
    assert token(tmp_path, "${A:-no}", A="yes") == "yes"


def test_a_secret_file_is_read_without_the_blanks_around_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("shh\n")
    secret.chmod(0o600)
    assert token(tmp_path, f"${{file:{secret}}}") == "shh"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_a_secret_file_that_holds_no_value_is_refused(tmp_path: Path, content: bytes) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(content)
    lines = refused(tmp_path, RIGHT.replace("${TOKEN}", f"${{file:{secret}}}"))
    assert len(lines) == 1
    assert lines[0].startswith("o.yaml:10:43: integrations.woo.options.token: the file in ${file:")


def test_environment_variables_override_the_file(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        RIGHT.replace("sqlite:///x.db", "${NEVER_SET}"),
        ORDERMILL_DATABASE_URL="sqlite:///y.db",
        ordermill_admin__port="9000",
        ORDERMILL_API='{"port": 9001, "docs": false}',
        ORDERMILL_ENTITIES__ACME__NUMBERING__INVOICE="R{number}",
        ORDERMILL_INTEGRATIONS__WOO__POLL__EVERY="2s",
        ORDERMILL_INTEGRATIONS__WOO__OPTIONS__TOKEN="0123",
        ORDERMILL_KEYS__0__NAME="other",
    )
    assert settings.database_url == "sqlite:///y.db"
    assert (settings.admin.port, settings.api.port, settings.api.docs) == (9000, 9001, False)
    assert settings.entities["acme"].numbering.invoice == "R{number}"
    assert settings.integrations["woo"].poll.every == timedelta(seconds=2)
    assert settings.integrations["woo"].options.token.get_secret_value() == "0123"
    assert [(key.name, key.key) for key in settings.keys] == [("other", LONG_KEY)]


@pytest.mark.parametrize("word", ["off", "false"])
def test_a_sweep_is_switched_off_by_either_word(tmp_path: Path, word: str) -> None:
    settings = read(tmp_path, RIGHT, ORDERMILL_INTEGRATIONS__WOO__SWEEP__EVERY=word)
    assert settings.integrations["woo"].sweep.every is None


def test_a_handle_with_a_hyphen_is_found_by_an_underscore(tmp_path: Path) -> None:
    text = RIGHT.replace("  woo:", "  acme-woo:")
    settings = read(tmp_path, text, ORDERMILL_INTEGRATIONS__ACME_WOO__IS_ACTIVE="false")
    assert [(i.handle, i.is_active) for i in settings.integrations.values()] == [
        ("acme-woo", False)
    ]


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("ORDERMILL_ADMIN__PORT", "many", "admin.port: must be a whole number"),
        ("ORDERMILL_ADMIN__PROT", "1", "admin.prot: unknown key; did you mean 'port'?"),
        ("ORDERMILL_ADMN__PORT", "1", "admn: unknown key; did you mean 'admin'?"),
        ("ORDERMILL_DATABASE_URL__X", "1", "database_url: has nothing inside it to set"),
        ("ORDERMILL_KEYS__7__KEY", "1", "keys: has nothing inside it to set"),
        ("ORDERMILL_KEYS", '[{"name": "n"}]', "keys.0.key: is required"),
        ("ORDERMILL_INTEGRATIONS__WOO__POLL__EVERY", "false",
         "integrations.woo.poll.every: must be a duration: 500ms, 5s, 10m, 1h, 30d, or a number of "
         "seconds"),
        ("ORDERMILL_INTEGRATIONS__WOO__ENTITY", "acne",
         "integrations.woo.entity: no such entity; did you mean 'acme'?"),
    ],
)  # fmt: skip
def test_an_error_of_an_override_names_the_variable(
    tmp_path: Path, variable: str, value: str, line: str
) -> None:
    assert refused(tmp_path, RIGHT, {variable: value}) == [f"{variable}: {line}"]


def test_variables_that_are_not_meant_for_the_file_are_left_alone(tmp_path: Path) -> None:
    others = {"ORDERMILL_CONFIG": "x", "ORDERMILL_PORT": "tcp://10.0.0.1:80", "ORDERMILL": "1"}
    assert read(tmp_path, RIGHT, **others).api.port == 8080


def warnings(folder: Path, text: str, mode: int = 0o600) -> list[str]:
    from ordermill.settings import load
    from settings.files import INSTALLED

    file = folder / "o.yaml"
    file.write_text(text)
    file.chmod(mode)
    found = load(file, INSTALLED, {"TOKEN": "t0k", "KEY": LONG_KEY}).warnings
    return [line.replace(f"{folder}/", "") for line in found]


def test_a_secret_in_the_file_is_a_warning(tmp_path: Path) -> None:
    literal = "a secret written in the file; better ${NAME} or ${file:/path}"
    assert warnings(tmp_path, RIGHT) == [f"o.yaml:3:20: keys.0.key: {literal}"]
    hidden = RIGHT.replace(LONG_KEY, '"${KEY}"')
    assert warnings(tmp_path, hidden) == []
    with_password = hidden.replace("sqlite:///x.db", "postgresql://u:pw@h/d")
    assert warnings(tmp_path, with_password) == [f"o.yaml:1:15: database_url: {literal}"]


def test_a_file_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    hidden = RIGHT.replace(LONG_KEY, '"${KEY}"')
    assert warnings(tmp_path, hidden, 0o640) == []
    assert warnings(tmp_path, hidden, 0o644) == [
        "o.yaml:1:1: the file can be read by others; chmod 600"
    ]
    secret = tmp_path / "secret"
    secret.write_text("shh")
    secret.chmod(0o644)
    assert warnings(tmp_path, hidden.replace("${TOKEN}", f"${{file:{secret}}}")) == [
        "o.yaml:10:43: integrations.woo.options.token: "
        "the file that it is read from can be read by others; chmod 600"
    ]
