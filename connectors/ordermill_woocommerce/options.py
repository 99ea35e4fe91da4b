"""The `options` of a WooCommerce integration."""

from __future__ import annotations

from typing import Annotated

import httpx
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from ordermill.connector.setup import checked_base
from ordermill.errors import ConfigError

_PORTS = {"http": 80, "https": 443}

BaseUrl = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class Options(BaseModel):
    """How to reach a WooCommerce shop and its API."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    base_url: BaseUrl = Field(
        description="The shop's address as WordPress knows it, e.g. https://shop.example.com; "
        "a path belongs to it where WordPress lives in a folder."
    )
    consumer_key: SecretStr = Field(
        description="Key with read permission, from WooCommerce > Settings > Advanced > REST API."
    )
    consumer_secret: SecretStr = Field(description="The secret that belongs to consumer_key.")
    allow_private_network: bool = Field(
        default=False, description="Also allows http, private and loopback addresses."
    )

    @field_validator("consumer_key", "consumer_secret")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value().strip()
        if not text or not text.isascii() or not text.isprintable():
            raise ValueError("is empty or holds characters that no key has")
        return SecretStr(text)

    @model_validator(mode="after")
    def _has_a_usable_address(self) -> Options:
        try:
            checked_base(self.base_url, self.allow_private_network)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return self


def shop_key(options: Options) -> str:
    """Host and port, and the path where there is one: two shops may live in folders of one host."""
    url = httpx.URL(options.base_url)
    port = url.port or _PORTS.get(url.scheme, 443)
    return f"{url.host.lower()}:{port}{url.path.rstrip('/')}"
