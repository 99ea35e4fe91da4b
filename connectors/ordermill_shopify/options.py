"""The ``options`` of a Shopify integration, as they stand in the YAML."""

from __future__ import annotations

from typing import Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from ordermill.connector.setup import checked_base
from ordermill.errors import ConfigError

Money = Literal["presentment", "shop"]


class Options(BaseModel):
    """How to reach a Shopify shop, and which side of its money counts."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    shop_domain: str = Field(
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$",
        max_length=253,
        description="The shop's permanent domain, e.g. acme.myshopify.com.",
    )
    access_token: SecretStr | None = Field(
        default=None, description="A standing Admin API token (shpat_...)."
    )
    client_id: str | None = Field(
        default=None, min_length=1, description="Client id of a Dev Dashboard app, with its secret."
    )
    client_secret: SecretStr | None = Field(
        default=None, description="The app's secret; tokens of 24 h are asked for by themselves."
    )
    api_version: str = Field(
        default="2026-10",
        pattern=r"^(20[0-9]{2}-(01|04|07|10)|unstable)$",
        description="Quarterly.",
    )
    base_url: str | None = Field(
        default=None, max_length=2000, description="Where the Admin API answers, if elsewhere."
    )
    allow_private_network: bool = Field(
        default=False, description="Also allows http, private and loopback addresses."
    )
    money: Money = Field(
        default="presentment", description="Whose amounts count: the buyer's, or the shop's."
    )

    @field_validator("access_token", "client_secret")
    @classmethod
    def _is_a_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        text = value.get_secret_value().strip()
        if not text or not text.isascii() or not text.isprintable():
            raise ValueError("is empty or holds characters that no token has")
        return SecretStr(text)

    @model_validator(mode="after")
    def _has_one_way_in(self) -> Options:
        pair = (self.client_id is not None, self.client_secret is not None)
        if pair[0] != pair[1]:
            raise ValueError("client_id and client_secret belong together")
        if (self.access_token is not None) == pair[0]:
            raise ValueError("give access_token, or client_id and client_secret, but not both")
        try:
            checked_base(self.url, self.allow_private_network)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def url(self) -> str:
        """Where the shop answers, without a closing slash."""
        return (self.base_url or f"https://{self.shop_domain}").rstrip("/")


def shop_key(options: Options) -> str:
    """Host in lower case, with the port where it is not the scheme's own."""
    url = httpx.URL(options.url)
    host = url.host.lower()
    return f"{host}:{url.port}" if url.port else host
