# ruff: noqa: E501
"""Every refusal, as the operator reads it: one line, at its line and column, saying what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings.files import LONG_KEY, RIGHT, read, refused

DURATION = "must be a duration: 500ms, 5s, 10m, 1h, 30d, or a number of seconds"
ENTITY = "  acme: {name: Acme, currency_code: EUR}\n"
OPTIONS = '    options: {host: a.example.com, token: "${TOKEN}"}\n'

# What replaces what in the right file, and the one line that comes of it.
CASES = [
    ("database_url: sqlite:///x.db", "database_url: mysql://u:p@h/d", "1:15: database_url: must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST:5432/NAME"),
    ("sqlite:///x.db", "sqlite:///x.db?mode=ro", "1:15: database_url: must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST:5432/NAME"),
    ("sqlite:///x.db", '"sqlite:///:memory:"', "1:15: database_url: must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST:5432/NAME"),
    ("sqlite:///x.db", "sqlite:///", "1:15: database_url: must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST:5432/NAME"),
    ("sqlite:///x.db", "postgresql://u:p@h:port/d", "1:15: database_url: must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST:5432/NAME"),
    ("database_url: sqlite:///x.db\n", "", "1:1: database_url: is required"),
    ("sqlite:///x.db", "", "1:1: database_url: is required"),
    ("keys:", "kes: 1\nkeys:", "2:1: kes: unknown key; did you mean 'keys'?"),
    ("keys:", "wholly: 1\nkeys:", "2:1: wholly: unknown key; there is: admin, api, auto_migrate, database_url, entities, integrations, keys, retention"),
    ("keys:", "api: {port: 70000}\nkeys:", "2:13: api.port: must be 65535 or less"),
    ("keys:", "api: {port: true}\nkeys:", "2:13: api.port: must be a whole number"),
    ("keys:", "api: {docs: perhaps}\nkeys:", "2:13: api.docs: must be true or false"),
    ("keys:", "api: 8080\nkeys:", "2:6: api: must be a mapping of keys to values"),
    ("keys:", "api: {public_url: shop}\nkeys:", "2:19: api.public_url: must be an address such as https://orders.example.com"),
    ("keys:", "admin: {host: 0.0.0.0}\nkeys:", "2:15: admin.host: is not loopback, so admin.token is required"),
    ("keys:", "admin: {token: short}\nkeys:", "2:16: admin.token: must have 16 characters or more"),
    ("keys:", "admin: {port: 8080}\nkeys:", "2:15: admin.port: is the port of the api too; choose another"),
    ("name: a", "name: shop", "3:12: keys.0.name: is what the audit trail calls others; choose another name"),
    (LONG_KEY, "short", "3:20: keys.0.key: must have 32 characters or more"),
    (LONG_KEY, "changeme" + LONG_KEY, "3:20: keys.0.key: is a placeholder; make one with: openssl rand -hex 32"),
    (LONG_KEY, "your-key-here" + LONG_KEY, "3:20: keys.0.key: is a placeholder; make one with: openssl rand -hex 32"),
    *((LONG_KEY, sample, "3:20: keys.0.key: is a placeholder; make one with: openssl rand -hex 32") for sample in (
        "REPLACE_WITH_A_KEY_OF_32_CHARACTERS", "fill-this-in-with-a-long-random-text",
        "passwordpasswordpasswordpassword", "12345678901234567890123456789012",
    )),
    (LONG_KEY, "xxxx" + LONG_KEY, "3:20: keys.0.key: is a placeholder; make one with: openssl rand -hex 32"),
    (LONG_KEY, "ab" * 20, "3:20: keys.0.key: is a placeholder; make one with: openssl rand -hex 32"),
    (LONG_KEY, f"'{LONG_KEY} 1'", "3:20: keys.0.key: holds spaces or characters that a header cannot carry"),
    (LONG_KEY, LONG_KEY + ", scope: wride", "3:61: keys.0.scope: must be 'read', 'write' or 'admin'"),
    (LONG_KEY, LONG_KEY + ", entities: acme", "3:64: keys.0.entities: must be a list"),
    (LONG_KEY, LONG_KEY + ", entities: [acne]", "3:65: keys.0.entities.0: no such entity; did you mean 'acme'?"),
    ("entities:", f"  - {{name: a, key: {LONG_KEY[::-1]}}}\nentities:", "4:12: keys.1.name: is the same as keys.0.name"),
    ("entities:", f"  - {{name: b, key: {LONG_KEY}}}\nentities:", "4:20: keys.1.key: is the same as keys.0.key"),
    ("EUR", "EURO", "5:37: entities.acme.currency_code: must be an ISO 4217 currency code in capitals, such as EUR"),
    ("EUR", "EUR, timezone: Europe/Lublana", "5:52: entities.acme.timezone: must be a time zone such as Europe/Ljubljana"),
    ("EUR", "EUR, timezone: ../../etc/passwd", "5:52: entities.acme.timezone: must be a time zone such as Europe/Ljubljana"),
    ("EUR", "EUR, payment_due_days: 1.5", "5:60: entities.acme.payment_due_days: must be a whole number"),
    ("EUR", "EUR, address: {country_code: Norway}", "5:66: entities.acme.address.country_code: must be an ISO 3166 country code of two capitals, such as SI"),
    ("EUR", "EUR, address: {adress: x}", "5:52: entities.acme.address.adress: unknown key; did you mean 'address'?"),
    ("EUR", 'EUR, numbering: {invoice: "I-{year}"}', "5:63: entities.acme.numbering.invoice: must hold {number}, or two documents get one number"),
    ("EUR", 'EUR, numbering: {invoice: "I-{nummer}"}', "5:63: entities.acme.numbering.invoice: may hold {year} and {number} alone; write INV-{year}-{number:05d}"),
    ("EUR", 'EUR, numbering: {invoice: "{number.real}"}', "5:63: entities.acme.numbering.invoice: may hold {year} and {number} alone; write INV-{year}-{number:05d}"),
    ("EUR", 'EUR, numbering: {invoice: "I-{number"}', "5:63: entities.acme.numbering.invoice: has a brace without its partner; write INV-{year}-{number:05d}"),
    ("EUR", 'EUR, numbering: {invoice: "I-{number:09999999d}"}', "5:63: entities.acme.numbering.invoice: has a width that is none; write {number:05d}"),
    ("acme: {name: Acme,", "acme: {", "5:3: entities.acme.name: is required"),
    ("  acme: {", "  Big One: {name: B, currency_code: EUR}\n  acme: {", "5:3: entities.(key): must be a handle: small letters, digits, - and _, 63 at most"),
    ("entity: acme", "entity: acne", "8:13: integrations.woo.entity: no such entity; did you mean 'acme'?"),
    ("    entity: acme\n", "", "7:3: integrations.woo.entity: is required"),
    ("source: woocommerce", "source: woocomerce", "9:13: integrations.woo.source: no such connector installed; did you mean 'woocommerce'?; installed: woocommerce, shopify"),
    ("source: woocommerce", "source: zzz", "9:13: integrations.woo.source: no such connector installed; there is: shopify, woocommerce"),
    ("    options:", "    poll: {evry: 60s}\n    options:", "10:12: integrations.woo.poll.evry: unknown key; did you mean 'every'?"),
    ("    options:", "    poll: {every: 100ms}\n    options:", "10:19: integrations.woo.poll.every: must be 200ms or more"),
    ("    options:", "    poll: {every: 5x}\n    options:", f"10:19: integrations.woo.poll.every: {DURATION}"),
    ("    options:", "    poll: {every: off}\n    options:", f"10:19: integrations.woo.poll.every: {DURATION}"),
    ("    options:", "    poll: {overlap: -5s}\n    options:", f"10:21: integrations.woo.poll.overlap: {DURATION}"),
    ("    options:", "    sweep: {every: soon}\n    options:", f"10:20: integrations.woo.sweep.every: {DURATION}; off switches it off"),
    ("    options:", "    sweep: {window: 12:30}\n    options:", f"10:21: integrations.woo.sweep.window: {DURATION}"),
    ("    options:", "    sweep: {window: 999999999d}\n    options:", "10:21: integrations.woo.sweep.window: must be a duration of 36500d or less"),
    ("    options:", "    import_from: 0001-01-01\n    options:", "10:18: integrations.woo.import_from: must be a day from 1970-01-01 to 2999-12-31"),
    ("    options:", "    import_from: 9999-12-31\n    options:", "10:18: integrations.woo.import_from: must be a day from 1970-01-01 to 2999-12-31"),
    ("    options:", "    import_from: 2026-13-01\n    options:", "10:18: integrations.woo.import_from: must be a day such as 2026-01-31"),
    ("    options:", "    auto_process_on: payed\n    options:", "10:22: integrations.woo.auto_process_on: must be 'created', 'paid' or 'fulfilled'"),
    ("    options:", '    webhook_secret: ""\n    options:', "10:21: integrations.woo.webhook_secret: must not be empty"),
    ("    options:", "    name: true\n    options:", "10:11: integrations.woo.name: must be text; put it in quotes"),
    ("    options:", "    entity: acme\n    options:", "10:5: integrations.woo.entity: is given twice, first at 8:5"),
    ("token:", "tokn:", None),
    ("host: a.example.com", "host: bad-4711", "10:21: integrations.woo.options.host: (value) is no host"),
    ("host: a.example.com", "host: crash", "10:14: integrations.woo.options: the connector cannot check these values (RuntimeError)"),
    ("host: a.example.com", "host: keyless", "10:14: integrations.woo.options: the connector finds no shop in them (LookupError)"),
    ("host: a.example.com", "host: a, version: '1'", "10:33: integrations.woo.options.version: must have the form ^20[0-9]{2}-[0-9]{2}$"),
    (OPTIONS, "    options: [1]\n", "10:14: integrations.woo.options: must be a mapping of keys to values"),
    ("${TOKEN}", "${TOKNE}", "10:43: integrations.woo.options.token: the environment variable TOKNE is not set"),
    ("${TOKEN}", "${a-b}", "10:43: integrations.woo.options.token: ${} takes NAME, NAME:-default or file:/path"),
    ("${TOKEN}", "${file:/nowhere/at/all}", "10:43: integrations.woo.options.token: the file in ${file:...} cannot be read: No such file or directory"),
    (ENTITY, ENTITY + "  acme: {name: B, currency_code: EUR}\n", "6:3: entities.acme: is given twice, first at 5:3"),
    (OPTIONS, OPTIONS + "  manual-acme:\n    entity: acme\n    source: shopify\n    options: {host: b, token: t}\n", "11:3: integrations.manual-acme: is the handle of the entity's manual orders"),
    (OPTIONS, OPTIONS + "  two:\n    entity: acme\n    source: shopify\n    options: {host: A.example.com, token: t}\n", "11:3: integrations.two: is the same shop as integration woo"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line"), CASES, ids=[c[1][:40].strip() for c in CASES])
def test_a_mistake_is_one_line_at_its_place(
    tmp_path: Path, old: str, new: str, line: str | None
) -> None:
    assert old in RIGHT
    lines = refused(tmp_path, RIGHT.replace(old, new, 1))
    if line is None:
        assert lines == [
            "o.yaml:10:5: integrations.woo.options.token: is required",
            "o.yaml:10:36: integrations.woo.options.tokn: unknown key; did you mean 'token'?",
        ]
        return
    assert lines == [f"o.yaml:{line}"]


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = RIGHT.replace("EUR", "EURO").replace("sqlite:///x.db", "x").replace("TOKEN", "NONE")
    text = text.replace("keys:", "admin: {host: 0.0.0.0, port: 8080}\nkeys:", 1)
    lines = refused(tmp_path, text.replace("entity: acme", "entity: acm"))
    assert [line.split(": ")[1] for line in lines] == [
        "database_url",
        "admin.host",
        "entities.acme.currency_code",
        "integrations.woo.entity",
        "integrations.woo.options.token",
    ]


def test_the_file_that_the_mistakes_are_made_in_is_right(tmp_path: Path) -> None:
    assert read(tmp_path, RIGHT).integrations["woo"].shop_key == "a.example.com"
