"""The YAML file as typed values: every error at once, each with its place in the file."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ordermill.errors import ConfigError
from ordermill.model import integration as model

Options = Mapping[str, tuple[type[BaseModel], Callable[[Any], str]]]
Where = tuple[str | int, ...]

LARGEST = 1_000_000  # bytes; a file beyond it is none that a person wrote
MOST_VALUES = 100_000  # an alias bomb has more
DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)?", re.ASCII)
UNITS = {"ms": 0.001, None: 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
HANDLE = r"^[a-z0-9][a-z0-9_-]{0,62}$"
VARIABLE = re.compile(r"\$\{([^{}]*)\}")
PLACEHOLDERS = re.compile(r"change.?me|your.?key|example|placeholder|^(.)\1*$|^x{4,}", re.I)
SECRET = re.compile(r"key|secret|token|password|database_url", re.I)
PREFIX = "ORDERMILL_"
OURS = {"ORDERMILL_CONFIG", "ORDERMILL_REVISION"}


def duration(value: Any) -> Any:
    """Seconds, or a number with ms, s, m, h or d."""
    if isinstance(value, timedelta | None):
        return value
    match = DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration such as 500ms, 5s, 10m, 1h, 30d, or a number of seconds")
    return timedelta(seconds=float(match[1]) * UNITS[match[2]])


def off(value: Any) -> Any:
    return None if value is False or value == "off" else duration(value)


def zone(value: Any) -> Any:
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("a time zone such as Europe/Ljubljana") from None
    return value


def number_format(value: Any) -> Any:
    try:
        first, second = (str(value).format(year=2026, number=n) for n in (1, 2))
    except (KeyError, IndexError, ValueError, AttributeError):
        raise ValueError("a format of {year} and {number:05d}") from None
    if first == second:
        raise ValueError("{number} must be in it, or two documents get one number")
    return value


Duration = Annotated[timedelta, BeforeValidator(duration, json_schema_input_type=str | float)]
Handle = Annotated[str, Field(pattern=HANDLE)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Format = Annotated[str, BeforeValidator(number_format, json_schema_input_type=str)]


class Part(BaseModel):
    """A mapping of the file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Api(Part):
    host: str = "127.0.0.1"
    port: Port = 8080
    docs: bool = True
    public_url: str | None = None


class Admin(Part):
    host: str = "127.0.0.1"
    port: Port = 8081
    token: str | None = Field(default=None, min_length=16)


class Key(Part):
    name: str
    key: str = Field(min_length=32)
    scope: Literal["read", "write", "admin"]
    entities: tuple[str, ...] = ()


class PostalAddress(Part):
    address: str | None = None
    address_2: str | None = None
    city: str | None = None
    state: str | None = None
    post_code: str | None = None
    country: str | None = None
    country_code: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None


class Numbering(Part):
    invoice: Format = model.Numbering().invoice
    credit_note: Format = model.Numbering().credit_note
    estimate: Format = model.Numbering().estimate


class Entity(Part):
    name: str = Field(min_length=1)
    address: PostalAddress = PostalAddress()
    tax_number: str | None = None
    currency_code: str = Field(pattern=r"^[A-Z]{3}$")
    timezone: Annotated[str, BeforeValidator(zone, json_schema_input_type=str)] = "UTC"
    payment_due_days: int = Field(default=14, ge=0, le=3650)
    numbering: Numbering = Numbering()


class Poll(Part):
    every: Annotated[Duration, Field(ge=timedelta(milliseconds=200))] = model.Poll().every
    overlap: Duration = model.Poll().overlap
    page_size: int = Field(default=100, ge=1, le=250)


class Sweep(Part):
    every: Annotated[
        Annotated[timedelta, Field(ge=timedelta(seconds=1))] | None,
        BeforeValidator(off, json_schema_input_type=str | float | Literal[False]),
    ] = model.Sweep().every
    window: Duration = model.Sweep().window


class Skip(Part):
    test_orders: bool = True
    zero_total: bool = True
    gateways: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Integration(Part):
    entity: str
    source: str
    name: str | None = None
    is_active: bool = True
    options: dict[str, Any] = {}
    poll: Poll = Poll()
    sweep: Sweep = Sweep()
    import_from: date | None = None
    auto_process: bool = False
    auto_process_on: Literal["created", "paid", "fulfilled"] = "paid"
    auto_process_delay_seconds: int = Field(default=0, ge=0)
    issue_invoice_on_complete: bool = False
    issue_invoice_for_bank: bool = False
    auto_reissue_on_update: bool = False
    reissue_settle_seconds: int = Field(default=600, ge=0)
    default_payment_type: (
        Literal["cash", "bank_transfer", "card", "check", "paypal", "coupon", "other"] | None
    ) = None
    on_cancel_after_invoice: Literal["credit", "review", "ignore"] = "credit"
    skip: Skip = Skip()
    webhook_secret: str | None = Field(default=None, min_length=1)


class Retention(Part):
    raw_versions: Duration = timedelta(days=90)


class File(Part):
    database_url: str = Field(pattern=r"^(sqlite:///.|postgres(ql)?(\+psycopg)?://)")
    api: Api = Api()
    admin: Admin = Admin()
    keys: tuple[Key, ...] = ()
    entities: dict[Handle, Entity] = {}
    integrations: dict[Handle, Integration] = {}
    auto_migrate: bool = False
    retention: Retention = Retention()


@dataclass(frozen=True, slots=True)
class Settings:
    """The file's values as the rooms use them. ``warnings``: sentences for `check`."""

    database_url: str
    api: Api
    admin: Admin
    keys: tuple[model.ApiKey, ...]
    entities: Mapping[str, model.Entity]
    integrations: Mapping[str, model.Integration]
    auto_migrate: bool
    retention: Retention
    warnings: tuple[str, ...] = ()


def load(path: Path, options: Options, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the file; raise ConfigError with a line for every error in it.

    ``options`` are the installed connectors': the model and shop key of each source. Environment
    variables ``ORDERMILL_…__…`` override the file. No value is ever shown, for it may be secret.
    """
    document = Document(path)
    values = document.values()
    document.expand(values, environ)
    document.override(values, environ)
    file = document.checked(File, values, ())
    chosen = document.options(values, options)
    if file is not None:
        document.across(file, chosen)
    document.raise_errors()
    assert file is not None
    return _settings(file, chosen, tuple(document.warnings))


def json_schema(options: Options) -> dict[str, Any]:
    """The JSON Schema of the file, with the options of every installed connector."""
    schema = File.model_json_schema()
    shapes = schema["$defs"]
    alternatives = []
    for source, (options_model, _) in options.items():
        inner = options_model.model_json_schema(ref_template=f"#/$defs/{source}.{{model}}")
        shapes |= {f"{source}.{name}": part for name, part in inner.pop("$defs", {}).items()}
        shapes[f"options.{source}"] = inner
        alternatives.append(
            {
                "if": {"properties": {"source": {"const": source}}},
                "then": {"properties": {"options": {"$ref": f"#/$defs/options.{source}"}}},
            }
        )
    shapes["Integration"]["properties"]["source"]["enum"] = list(options)
    shapes["Integration"]["properties"]["options"] = {"type": "object"}
    shapes["Integration"]["allOf"] = alternatives
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def demo_file() -> Path:
    """The demo's configuration, inside the package or, in a checkout, in config/."""
    inside = Path(__file__).parent / "demo.yaml"
    return inside if inside.exists() else Path(__file__).parents[2] / "config/demo.yaml"


class Document:
    """One file: its values, where each stands, and what is wrong with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._errors: list[tuple[int, int, str]] = []
        self._places: dict[Where, tuple[int, int]] = {}
        self._literal_secrets: set[Where] = set()
        self._text = self._read()

    def values(self) -> dict[str, Any]:
        """The file as plain values; scalars but true, false and null keep their text, so that
        ``0123``, ``1.10``, ``12:30`` and ``NO`` mean what they say."""
        try:
            node = YAML(typ="rt", pure=True).compose(self._text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise ConfigError(f"{self.path}:{line}:{column}: {error.problem}") from None
        except (YAMLError, ValueError, RecursionError) as error:
            raise ConfigError(f"{self.path}:1:1: not YAML: {type(error).__name__}") from None
        count = 0

        def plain(node: Any, where: Where) -> Any:
            nonlocal count
            count += 1
            if count > MOST_VALUES or len(where) > 30:
                raise ConfigError(f"{self.path}:1:1: more values than a configuration has")
            place = (node.start_mark.line + 1, node.start_mark.column + 1)
            self._places.setdefault(where, place)
            kind = node.tag.rsplit(":", 1)[-1] if isinstance(node.tag, str) else str(node.ctag)
            if isinstance(node.value, list) and kind.endswith("map"):
                return self._mapping(node, where, plain)
            if isinstance(node.value, list):
                return [plain(inner, (*where, at)) for at, inner in enumerate(node.value)]
            return _scalar(node)

        values = plain(node, ()) if node is not None else {}
        if not isinstance(values, dict):
            raise ConfigError(f"{self.path}:1:1: the file must be a mapping of keys to values")
        return values

    def _mapping(self, node: Any, where: Where, plain: Callable[[Any, Where], Any]) -> Any:
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            place = (key.start_mark.line + 1, key.start_mark.column + 1)
            if name in found:
                first = self._places[(*where, name)][0]
                self._wrong(place, (*where, name), f"given twice, first in line {first}")
                continue
            self._places[(*where, name)] = place
            found[name] = plain(value, (*where, name))
        return found

    def expand(self, values: dict[str, Any], environ: Mapping[str, str]) -> None:
        """Replace ``${NAME}``, ``${NAME:-default}`` and ``${file:path}`` in every text."""

        def expanded(value: Any, where: Where) -> Any:
            if isinstance(value, dict):
                return {name: expanded(inner, (*where, name)) for name, inner in value.items()}
            if isinstance(value, list):
                return [expanded(inner, (*where, at)) for at, inner in enumerate(value)]
            if not isinstance(value, str):
                return value
            if SECRET.search(str(where[-1])) and "${" not in value:
                self._literal_secrets.add(where)
            return VARIABLE.sub(lambda match: self._variable(match[1], where, environ), value)

        values.update(expanded(values, ()))

    def _variable(self, name: str, where: Where, environ: Mapping[str, str]) -> str:
        if name.startswith("file:"):
            try:
                return Path(name.removeprefix("file:")).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                self.wrong(where, f"the file in ${{{name}}} cannot be read: {type(error).__name__}")
                return ""
        variable, given, default = name.partition(":-")
        if variable in environ:
            return environ[variable]
        if not given:
            self.wrong(where, f"the environment variable {variable} is not set")
        return default

    def override(self, values: dict[str, Any], environ: Mapping[str, str]) -> None:
        """Put ``ORDERMILL_ADMIN__PORT`` and its like in the place of the file's values."""
        for name, value in environ.items():
            if not name.startswith(PREFIX) or name in OURS:
                continue
            path = name.removeprefix(PREFIX).lower().split("__")
            if path[0] not in File.model_fields:
                continue
            inner = values
            for part in path[:-1]:
                inner = inner.setdefault(part, {})
                if not isinstance(inner, dict):
                    break
            else:
                inner[path[-1]] = value

    def checked(self, shape: type[Any], values: Any, where: Where) -> Any:
        """The values as that model, or None with the errors noted."""
        try:
            return shape.model_validate(values)
        except ValidationError as error:
            for found in error.errors(include_url=False, include_input=False):
                self._noted(found, shape, where)
            return None

    def _noted(self, found: ErrorDetails, shape: type[BaseModel], base: Where) -> None:
        where = (*base, *(part for part in found["loc"] if part != "[key]"))
        if found["type"] == "extra_forbidden":
            known = sorted(_fields_at(shape, found["loc"][:-1]))
            near = difflib.get_close_matches(str(where[-1]), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
            self.wrong(where, f"unknown key; {hint}")
        elif found["type"] == "missing":
            self.wrong(where, "is required")
        else:
            self.wrong(where, found["msg"].removeprefix("Value error, "))

    def options(self, values: dict[str, Any], options: Options) -> dict[str, tuple[Any, str]]:
        """Each integration's options as its connector's model, with its shop key."""
        chosen: dict[str, tuple[Any, str]] = {}
        integrations = values.get("integrations")
        for handle, one in integrations.items() if isinstance(integrations, dict) else ():
            if not isinstance(one, dict) or "source" not in one:
                continue
            where: Where = ("integrations", handle)
            source = one["source"]
            if source not in options:
                self.wrong(
                    (*where, "source"), f"no such connector; installed: {', '.join(options)}"
                )
                continue
            shape, shop_key = options[source]
            checked = self.checked(shape, one.get("options") or {}, (*where, "options"))
            if checked is not None:
                chosen[handle] = (checked, shop_key(checked))
        return chosen

    def across(self, file: File, chosen: Mapping[str, tuple[Any, str]]) -> None:
        """What concerns more than one value."""
        shops: dict[str, str] = {}
        for handle, (_, shop) in chosen.items():
            if shop in shops:
                self.wrong(
                    ("integrations", handle), f"is the same shop as integration {shops[shop]}"
                )
            shops.setdefault(shop, handle)
        for handle, integration in file.integrations.items():
            if integration.entity not in file.entities:
                self.wrong(("integrations", handle, "entity"), _unknown_entity(file))
        for at, key in enumerate(file.keys):
            if PLACEHOLDERS.search(key.key):
                self.wrong(("keys", at, "key"), "is a placeholder; make one: openssl rand -hex 32")
            if not set(key.entities) <= set(file.entities):
                self.wrong(("keys", at, "entities"), _unknown_entity(file))
        if file.admin.host not in ("127.0.0.1", "localhost", "::1") and file.admin.token is None:
            self.wrong(("admin", "host"), "is not loopback, so admin.token is required")
        self._warn()

    def _warn(self) -> None:
        for where in sorted(self._literal_secrets, key=str):
            self.warnings.append(f"{self._said(where)} is written in the file; use ${{NAME}}")
        if self._literal_secrets and self.path.stat().st_mode & 0o044:
            self.warnings.append(f"{self.path} can be read by others; chmod 600")

    def wrong(self, where: Where, message: str) -> None:
        """Note an error at a value, or at the nearest thing around it that is in the file."""
        around = where
        while around and around not in self._places:
            around = around[:-1]
        self._wrong(self._places.get(around, (1, 1)), where, message)

    def _wrong(self, place: tuple[int, int], where: Where, message: str) -> None:
        self._errors.append((*place, f"{self._said(where)}: {message}"))

    def raise_errors(self) -> None:
        """Raise ConfigError if anything is wrong, in the order of the file."""
        if self._errors:
            lines = [
                f"{self.path}:{line}:{col}: {text}" for line, col, text in sorted(self._errors)
            ]
            raise ConfigError("\n".join(dict.fromkeys(lines)))

    @staticmethod
    def _said(where: Where) -> str:
        return ".".join(str(part) for part in where) or "the file"

    def _read(self) -> str:
        try:
            raw = self.path.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"{self.path}: cannot be read ({type(error).__name__}); "
                "say -c FILE, or start from config/ordermill.example.yaml"
            ) from None
        if len(raw) > LARGEST:
            raise ConfigError(f"{self.path}:1:1: larger than {LARGEST} bytes")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise ConfigError(f"{self.path}:1:1: not UTF-8 text") from None


def _scalar(node: Any) -> Any:
    text = str(node.value)
    if node.style in ("'", '"', "|", ">"):
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    lowered = text.lower()
    return lowered == "true" if lowered in ("true", "false") else text


def _fields_at(shape: type[BaseModel], path: tuple[int | str, ...]) -> Iterator[str]:
    """The keys that the model has at a path; mappings by handle and lists are passed through."""
    schema = shape.model_json_schema()
    node: dict[str, Any] = schema
    for part in path:
        node = _resolved(schema, node)
        node = (
            node.get("properties", {}).get(part)
            or node.get("additionalProperties")
            or node.get("items")
            or next(iter(node.get("patternProperties", {}).values()), {})
        )
    yield from _resolved(schema, node).get("properties", {})


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


def _unknown_entity(file: File) -> str:
    return f"no such entity; there are: {', '.join(file.entities) or 'none'}"


def _settings(file: File, chosen: Mapping[str, tuple[Any, str]], warnings: Any) -> Settings:
    return Settings(
        database_url=file.database_url,
        api=file.api,
        admin=file.admin,
        keys=tuple(model.ApiKey(**key.model_dump()) for key in file.keys),
        entities={handle: _entity(handle, one) for handle, one in file.entities.items()},
        integrations={
            handle: _integration(handle, one, *chosen[handle])
            for handle, one in file.integrations.items()
        },
        auto_migrate=file.auto_migrate,
        retention=file.retention,
        warnings=warnings,
    )


def _entity(handle: str, one: Entity) -> model.Entity:
    values = one.model_dump() | {"numbering": model.Numbering(**one.numbering.model_dump())}
    return model.Entity(handle=handle, **values)


def _integration(handle: str, one: Integration, options: Any, shop_key: str) -> model.Integration:
    values = one.model_dump(exclude={"options", "name", "poll", "sweep", "skip"})
    return model.Integration(
        handle=handle,
        name=one.name or handle,
        options=options,
        shop_key=shop_key,
        poll=model.Poll(**one.poll.model_dump()),
        sweep=model.Sweep(**one.sweep.model_dump()),
        skip=model.Skip(**one.skip.model_dump()),
        **values,
    )
