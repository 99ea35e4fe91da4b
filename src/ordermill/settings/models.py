"""The shape of the YAML file: a pydantic model per mapping."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ordermill.model import integration as model
from ordermill.settings.fields import (
    AdminToken,
    ApiSecret,
    Country,
    Currency,
    DatabaseUrl,
    Day,
    Duration,
    Handle,
    KeyName,
    NumberFormat,
    Port,
    PublicUrl,
    Switchable,
    Text,
    Whole,
    Zone,
    at_least,
)


class Part(BaseModel):
    """A mapping of the file. Unknown keys are refused; a key without a value is its default."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_the_default(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        known = cls.model_fields
        return {k: v for k, v in values.items() if v is not None or k not in known}


class Api(Part):
    """Where the Orders API listens."""

    host: Text = "127.0.0.1"
    port: Port = 8080
    docs: bool = Field(default=True, description="Serve /openapi.json and /docs.")
    public_url: PublicUrl | None = Field(
        default=None, description="How shops reach this API from outside, for webhooks create."
    )


class Admin(Part):
    """Where health, metrics, actions and the operator's pages are."""

    host: Text = Field(
        default="127.0.0.1", description="A host that is not loopback demands a token."
    )
    port: Port = 8081
    token: AdminToken | None = Field(
        default=None, repr=False, description="Guards all but /livez, /readyz and /metrics."
    )


class Key(Part):
    """A key of the Orders API."""

    name: KeyName
    key: ApiSecret = Field(repr=False)
    scope: Literal["read", "write", "admin"] = "read"
    entities: tuple[Handle, ...] = Field(default=(), description="None: all.")


class PostalAddress(Part):
    """An address as documents print it."""

    address: str | None = None
    address_2: str | None = None
    city: str | None = None
    state: str | None = None
    post_code: str | None = None
    country: str | None = None
    country_code: Country | None = None


class Numbering(Part):
    """Formats of the document numbers, of {year} and {number:05d}."""

    invoice: NumberFormat = model.Numbering().invoice
    credit_note: NumberFormat = model.Numbering().credit_note
    estimate: NumberFormat = model.Numbering().estimate


class Entity(Part):
    """One legal merchant; it issues the documents."""

    name: Text
    address: PostalAddress = PostalAddress()
    tax_number: str | None = None
    currency_code: Currency
    timezone: Zone = "UTC"
    payment_due_days: Whole = Field(default=14, ge=0, le=3650)
    numbering: Numbering = Numbering()


class Poll(Part):
    """How a shop is asked for news."""

    every: Annotated[Duration, AfterValidator(at_least(timedelta(milliseconds=200)))] = (
        model.Poll().every
    )
    overlap: Duration = Field(
        default=model.Poll().overlap, description="How far before the bookmark each pass begins."
    )
    page_size: Whole = Field(default=100, ge=1, le=250)


class Sweep(Part):
    """How a window is read again and compared."""

    every: Annotated[Switchable, AfterValidator(at_least(timedelta(seconds=1)))] = (
        model.Sweep().every
    )
    window: Annotated[Duration, AfterValidator(at_least(timedelta(seconds=1)))] = (
        model.Sweep().window
    )


class Skip(Part):
    """Orders that are never invoiced by themselves."""

    test_orders: bool = True
    zero_total: bool = True
    gateways: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Integration(Part):
    """One shop of one entity."""

    entity: Handle = Field(description="The handle of the entity that issues its documents.")
    source: str = Field(description="The name of an installed connector.")
    name: Text | None = Field(default=None, description="Default: the handle.")
    is_active: bool = True
    options: dict[str, Any] = Field(
        default={}, repr=False, description="Checked by the connector itself."
    )
    poll: Poll = Poll()
    sweep: Sweep = Sweep()
    import_from: Day | None = Field(default=None, description="Default: the day of the first run.")
    auto_process: bool = False
    auto_process_on: Literal["created", "paid", "fulfilled"] = "paid"
    auto_process_delay_seconds: Whole = Field(default=0, ge=0, le=31_536_000)
    issue_invoice_on_complete: bool = False
    issue_invoice_for_bank: bool = False
    auto_reissue_on_update: bool = False
    reissue_settle_seconds: Whole = Field(default=600, ge=0, le=31_536_000)
    default_payment_type: (
        Literal["cash", "bank_transfer", "card", "check", "paypal", "coupon", "other"] | None
    ) = None
    on_cancel_after_invoice: Literal["credit", "review", "ignore"] = "credit"
    skip: Skip = Skip()
    webhook_secret: Text | None = Field(
        default=None,
        repr=False,
        description="Switches the webhook receiver on for this integration.",
    )


class Retention(Part):
    """How long what is not a document is kept."""

    raw_versions: Duration = timedelta(days=90)


class File(Part):
    """ordermill's configuration."""

    database_url: DatabaseUrl = Field(repr=False)
    api: Api = Api()
    admin: Admin = Admin()
    keys: tuple[Key, ...] = ()
    entities: dict[Handle, Entity] = {}
    integrations: dict[Handle, Integration] = {}
    auto_migrate: bool = Field(
        default=False, description="Let run upgrade a PostgreSQL schema; SQLite's is by itself."
    )
    retention: Retention = Retention()
