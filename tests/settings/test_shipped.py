"""The files of config/ fit the installed connectors; no mistake made in them shows a secret."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tuned
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ordermill.connector.registry import installed
from ordermill.errors import ConfigError
from ordermill.settings import demo_file, json_schema, load
from ordermill.settings.messages import fields_at
from ordermill.settings.models import File

CONFIG = Path(__file__).parents[2] / "config"
EXAMPLE = CONFIG / "ordermill.example.yaml"
OPTIONS = {source: (plugin.options, plugin.shop_key) for source, plugin in installed().items()}
CANARY = "CaNaRy-4f1d9b27"
FILLED = {
    "BACKOFFICE_KEY": f"{CANARY}-key-0f1e2d3c4b5a6978",
    "WOO_URL": "https://shop.si",
    "WOO_KEY": f"ck_{CANARY}",
    "WOO_SECRET": f"cs_{CANARY}",
    "WOO_WEBHOOK_SECRET": f"wh_{CANARY}",
    "SHOPIFY_DOMAIN": "acme.myshopify.com",
    "SHOPIFY_TOKEN": f"shpat_{CANARY}",
}


def test_the_sample_loads_once_its_variables_are_set() -> None:
    settings = load(EXAMPLE, OPTIONS, FILLED)
    assert list(settings.integrations) == ["acme-woo", "acme-shopify"]
    assert settings.integrations["acme-woo"].shop_key.startswith("shop.si")
    assert settings.integrations["acme-woo"].webhook_secret == f"wh_{CANARY}"


def test_the_sample_does_not_start_as_it_is_and_names_what_to_fill_in() -> None:
    with pytest.raises(ConfigError) as caught:
        load(EXAMPLE, OPTIONS, {})
    lines = str(caught.value).splitlines()
    for name, line in zip(FILLED, lines, strict=True):
        assert line.endswith(f"the environment variable {name} is not set")


def keys_of(values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(values, list):
        for inner in values:
            yield from keys_of(inner, (*path, "0"))
    if isinstance(values, dict):
        for key, inner in values.items():
            yield (*path, key)
            yield from keys_of(inner, (*path, key))


def test_the_sample_shows_every_key_there_is() -> None:
    shown = set(keys_of(YAML(typ="safe", pure=True).load(EXAMPLE)))
    parts: list[tuple[str, ...]] = [(), ("api",), ("admin",), ("keys", "0"), ("retention",)]
    parts += [("entities", "acme", *inner) for inner in ((), ("address",), ("numbering",))]
    woo = ("integrations", "acme-woo")
    parts += [(*woo, *inner) for inner in ((), ("poll",), ("sweep",), ("skip",))]
    for part in parts:
        for key in fields_at(File, part):
            assert (*part, key) in shown
    for source, handle in (("woocommerce", "acme-woo"), ("shopify", "acme-shopify")):
        wanted = OPTIONS[source][0].model_fields
        assert {("integrations", handle, "options", key) for key in wanted} <= shown


def test_the_committed_schema_is_that_of_the_models() -> None:
    committed = json.loads((CONFIG / "ordermill.schema.json").read_text())
    assert committed == json_schema(OPTIONS), "run: make schema"


def test_the_schema_refuses_unknown_keys_and_knows_each_connector() -> None:
    schema = json_schema(OPTIONS)
    assert schema["additionalProperties"] is False
    integration = schema["$defs"]["Integration"]
    assert integration["properties"]["source"]["anyOf"][0]["enum"] == ["shopify", "woocommerce"]
    for rule in integration["allOf"]:
        name = rule["then"]["properties"]["options"]["$ref"].removeprefix("#/$defs/")
        assert name == f"options.{rule['if']['properties']['source']['const']}"
        assert schema["$defs"][name]["additionalProperties"] is False


def test_the_demo_is_a_configuration_of_two_shops() -> None:
    ports = {"DEMO_API_PORT": "8080", "DEMO_ADMIN_PORT": "8081"}
    urls = {"DEMO_WOO_URL": "http://127.0.0.1:1", "DEMO_SHOPIFY_URL": "http://127.0.0.1:2"}
    secrets = dict.fromkeys(("DEMO_WOO_KEY", "DEMO_WOO_SECRET", "DEMO_SHOPIFY_TOKEN"), "s3cret")
    other = {"DEMO_DATABASE": "sqlite:///d.db", "DEMO_API_KEY": FILLED["BACKOFFICE_KEY"]}
    settings = load(demo_file(), OPTIONS, ports | urls | secrets | other)
    assert list(settings.integrations) == ["demo-woo", "demo-shopify"]
    assert {i.entity for i in settings.integrations.values()} == {"demo"}


def test_reading_a_configuration_loads_no_database_and_no_server() -> None:
    code = "import sys, ordermill.settings; print([*sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    for heavy in ("sqlalchemy", "fastapi", "httpx", "pydantic_settings", "alembic"):
        assert f"'{heavy}'" not in loaded


LITERAL = EXAMPLE.read_text()
for name, value in FILLED.items():
    LITERAL = LITERAL.replace(f"${{{name}}}", value if CANARY in value else f"${{{name}}}")
PIECES = [
    "\n", "\t", ":", ": ", "- ", "  ", "#", "'", '"', "{", "}", "[", "]", ",", "&a ", "*a", "!!x ",
    "${", "}", "null", "${file:/nowhere}", "\x00", "é", "? ", "| ", "%", "@", "`",
]  # fmt: skip


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """The sample with the secrets in it, and a few careless edits."""
    text = LITERAL
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        edit = draw(st.sampled_from(["insert", "cut", "swap", "drop line"]))
        if edit == "insert":
            text = text[:at] + draw(st.sampled_from(PIECES)) + text[at:]
        elif edit == "cut":
            text = text[:at] + text[at + draw(st.integers(1, 30)) :]
        else:
            lines = text.split("\n")
            one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
            lines[one], lines[other] = lines[other], "" if edit == "drop line" else lines[one]
            text = "\n".join(lines)
    return text


@tuned(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=spoiled())
def test_no_careless_edit_breaks_the_reading_or_shows_a_secret(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "spoiled.yaml"
    file.write_text(text)
    said: tuple[str, ...]
    try:
        said = load(file, OPTIONS, FILLED).warnings
    except ConfigError as error:
        said = tuple(str(error).split("\n"))
    for line in said:
        assert line.startswith(f"{file}:")
        assert CANARY[:10] not in line
