# ruff: noqa: E501
"""What is no configuration at all is refused at once; scalars mean what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from ordermill.errors import ConfigError
from ordermill.settings import load
from settings.files import RIGHT, read, refused

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(f'*{chr(97 + n)}' for _ in range(10))}]\n"
    for n in range(9)
)
NOT_FILES = [
    (b"", "1:1: the file is empty; start from config/ordermill.example.yaml"),
    (b"# only this\n", "1:1: the file is empty; start from config/ordermill.example.yaml"),
    (b"- a\n- b\n", "1:1: the file must be a mapping of keys to values"),
    (b"words", "1:1: the file must be a mapping of keys to values"),
    (b"api:\n\tport: 1\n", "2:1: not YAML: found character '\\t' that cannot start any token; indent with spaces"),
    (b"a: 1\n\xff\xfe\x00", "2:1: the file is not UTF-8 text"),
    (b"a: \x00\n", "1:1: not YAML (ReaderError)"),
    (b"a: [1, 2\n", "2:1: not YAML: expected ',' or ']', but got '<stream end>'"),
    (b"a: !Hidden!x 1\n", "1:4: not YAML: found undefined tag handle (text)"),
    (b"a: {b: ${C}}\n", "1:9: not YAML: expected ',' or '}', but got '{'; inside { } a variable is written in quotes: \"${NAME}\""),
    (b"a: *nothing\n", "1:4: an alias (*) without its anchor (&) before it"),
    (b"a: &a [*a]\n", "1:8: an alias (*) without its anchor (&) before it"),
    (b"a: !!python/object/apply:os.system ['true']\n", "1:4: a YAML tag (!) that is not allowed here; remove it"),
    (b"? [a]\n: 1\n", "1:3: a key must be plain text"),
    (b"a: 1\n--- \nb: 2\n", "2:1: the file has a second document; remove it"),
    (b"x" * 10_000_000, "1:1: the file is larger than 300,000 bytes"),
    (b"a: " + b"[" * 100_000, "1:24: the values are nested deeper than a configuration is"),
    (BOMB.encode(), "5:4: the file has more values than a configuration can have"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "line"), NOT_FILES, ids=[n[1] for n in NOT_FILES])
def test_what_is_no_configuration_is_refused_in_one_line(
    tmp_path: Path, content: bytes, line: str
) -> None:
    assert refused(tmp_path, content) == [f"o.yaml:{line}"]


def test_a_file_that_is_not_there_says_where_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No such file.*config/ordermill\.example\.yaml"):
        load(tmp_path / "none.yaml", {})


def test_scalars_mean_what_they_say(tmp_path: Path) -> None:
    address = "address: {country_code: NO, post_code: 0123, city: 12:30, state: 1.10, address: 1_0}"
    text = RIGHT.replace("EUR}", f"EUR, tax_number: 0x1F, {address}}}")
    entity = read(tmp_path, text).entities["acme"]
    assert entity.tax_number == "0x1F"
    wanted = {"country_code": "NO", "post_code": "0123", "city": "12:30", "state": "1.10"}
    assert wanted.items() <= entity.address.items()
    assert entity.address["address"] == "1_0"


def test_a_tagged_or_quoted_scalar_is_text(tmp_path: Path) -> None:
    text = RIGHT.replace("name: Acme", "name: !!str true").replace("EUR", "EUR, tax_number: 'null'")
    entity = read(tmp_path, text).entities["acme"]
    assert (entity.name, entity.tax_number) == ("true", "null")


def test_an_anchor_serves_several_integrations(tmp_path: Path) -> None:
    text = RIGHT.replace("    options:", "    poll: &slow {every: 10m}\n    options:")
    text += "  two:\n    entity: acme\n    source: shopify\n    poll: *slow\n"
    settings = read(tmp_path, text + "    options: {host: b, token: t}\n")
    polls = [integration.poll for integration in settings.integrations.values()]
    assert polls[0] == polls[1]
    assert polls[0].every.total_seconds() == 600


def test_a_key_without_a_value_is_its_default(tmp_path: Path) -> None:
    text = RIGHT.replace("entities:", "api:\nadmin:\nretention:\nentities:", 1)
    assert read(tmp_path, text).api.port == 8080


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf" + RIGHT.encode()).keys[0].name == "a"


@pytest.mark.parametrize("secret", ["shpat_0f1e2d3c4b5a", "a" * 40, "p4ss w0rd", "ck_1234567"])
def test_a_secret_that_slipped_into_the_place_of_a_key_is_not_shown(
    tmp_path: Path, secret: str
) -> None:
    text = RIGHT.replace('token: "${TOKEN}"', f'token: x, "{secret}", "{secret}": 1')
    lines = refused(tmp_path, text.replace("name: a,", f'name: a, "{secret}": 1,'))
    assert len(lines) == 3
    assert all("(key): " in line and secret not in line for line in lines)
