"""A configuration that is right, to be made wrong in one place, and the reading of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from ordermill.errors import ConfigError
from ordermill.settings import Settings, load

LONG_KEY = "f1d2e3c4b5a69788f1d2e3c4b5a69787"


class Options(BaseModel):
    """A connector's options: a secret, a pattern, and a check that repeats what it was given."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    host: str
    token: SecretStr
    version: str = Field(default="2026-10", pattern="^20[0-9]{2}-[0-9]{2}$")

    @field_validator("host")
    @classmethod
    def _not_here(cls, value: str) -> str:
        if value.startswith("bad"):
            raise ValueError(f"{value} is no host")
        if value.startswith("crash"):
            raise RuntimeError(value)
        return value


def shop_key(options: Options) -> str:
    if options.host == "keyless":
        raise LookupError(options.host)
    return options.host.lower()


INSTALLED = {"woocommerce": (Options, shop_key), "shopify": (Options, shop_key)}

RIGHT = f"""\
database_url: sqlite:///x.db
keys:
  - {{name: a, key: {LONG_KEY}}}
entities:
  acme: {{name: Acme, currency_code: EUR}}
integrations:
  woo:
    entity: acme
    source: woocommerce
    options: {{host: a.example.com, token: "${{TOKEN}}"}}
"""


def read(folder: Path, text: str | bytes, **environ: str) -> Settings:
    file = folder / "o.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(0o600)
    return load(file, INSTALLED, {"TOKEN": "t0k", **environ})


def refused(folder: Path, text: str | bytes, environ: Mapping[str, str] | None = None) -> list[str]:
    """The lines of the refusal, without the folder."""
    with pytest.raises(ConfigError) as caught:
        read(folder, text, **(environ or {}))
    return str(caught.value).replace(f"{folder}/", "").split("\n")
