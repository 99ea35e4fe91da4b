"""The kinds of values a configuration is made of; each refusal says what to write instead."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date, timedelta
from string import Formatter
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from ordermill.model.integration import ACTORS

HANDLE = r"^[a-z0-9][a-z0-9_-]{0,62}$"
LONGEST = timedelta(days=36_500)
EARLIEST, LATEST = date(1970, 1, 1), date(2999, 12, 31)
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)?", re.ASCII)
_UNITS = {"ms": 0.001, None: 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_NUMBER_SPEC = re.compile(r"(0?[1-9][0-9]?)?d?", re.ASCII)
_PLACEHOLDER = re.compile(
    r"(change|replace|fill).?(me|this|with|in)|password|1234567890|(your|my).?(api.?)?(key|token|secret)|example|placeholder|x{4,}",
    re.IGNORECASE,
)
# ISO 4217, without funds, metals and test codes.
CURRENCIES = frozenset(
    """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN
    BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS
    GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW
    KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD
    NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD
    SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED
    VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ANG CUC HRK SLL ZWL""".split()
)


def duration(value: Any) -> timedelta:
    """Seconds, or a number with ms, s, m, h or d."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a duration: 500ms, 5s, 10m, 1h, 30d, or a number of seconds")
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > LONGEST.total_seconds():
        raise ValueError("must be a duration of 36500d or less")
    return timedelta(seconds=seconds)


def duration_or_off(value: Any) -> timedelta | None:
    """None for off; what an environment variable holds is text."""
    if value is False or value in ("off", "false"):
        return None
    try:
        return duration(value)
    except ValueError as error:
        raise ValueError(f"{error}; off switches it off") from None


def written(length: timedelta) -> str:
    """The duration as one would write it in the file."""
    seconds = length.total_seconds()
    units = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
    unit, size = next((u for u in units if seconds % u[1] == 0 and seconds), ("ms", 0.001))
    return f"{seconds / size:g}{unit}"


def at_least(shortest: timedelta) -> Callable[[timedelta | None], timedelta | None]:
    def check(value: timedelta | None) -> timedelta | None:
        if value is not None and value < shortest:
            raise ValueError(f"must be {written(shortest)} or more")
        return value

    return check


def whole(value: Any) -> Any:
    if isinstance(value, bool):  # pydantic would take true for 1
        raise ValueError("must be a whole number")
    return value


def zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone such as Europe/Ljubljana") from None
    return value


def currency(value: str) -> str:
    if value not in CURRENCIES:
        raise ValueError("must be an ISO 4217 currency code in capitals, such as EUR")
    return value


def country(value: str) -> str:
    if not re.fullmatch("[A-Z]{2}", value):
        raise ValueError("must be an ISO 3166 country code of two capitals, such as SI")
    return value


def day(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("must be a day such as 2026-01-31") from None
    return value


def in_reach(value: date) -> date:
    if not EARLIEST <= value <= LATEST:  # beyond them its midnight is no time in every zone
        raise ValueError(f"must be a day from {EARLIEST} to {LATEST}")
    return value


def number_format(value: str) -> str:
    """``{number}`` in it, ``{year}`` allowed, nothing else: two documents never get one number."""
    try:
        fields = [part[1:] for part in Formatter().parse(value) if part[1] is not None]
    except ValueError:
        raise ValueError("has a brace without its partner; write INV-{year}-{number:05d}") from None
    if any(name not in ("year", "number") for name, _, _ in fields):
        raise ValueError("may hold {year} and {number} alone; write INV-{year}-{number:05d}")
    if "number" not in [name for name, _, _ in fields]:
        raise ValueError("must hold {number}, or two documents get one number")
    if any(turn or not _NUMBER_SPEC.fullmatch(spec or "") for _, spec, turn in fields):
        raise ValueError("has a width that is none; write {number:05d}")
    if len(value) > 64:
        raise ValueError("must have 64 characters or less")
    return value


def not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def no_actor(value: str) -> str:
    if value.strip() in ACTORS:
        raise ValueError("is what the audit trail calls others; choose another name")
    return value


def real_key(value: str) -> str:
    """Long enough, of visible characters, and not a sample's."""
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("holds spaces or characters that a header cannot carry")
    if _PLACEHOLDER.search(value) or len(set(value)) < 6:
        raise ValueError("is a placeholder; make one with: openssl rand -hex 32")
    return value


def database_url(value: str) -> str:
    """Only its form: sqlite:///FILE or postgresql://…; the text may hold a password."""
    file = value.removeprefix("sqlite:///")
    if file not in (value, ":memory:") and file.strip("/") and "?" not in file:
        return value
    if value.startswith(("postgresql://", "postgresql+psycopg://", "postgres://")):
        try:
            parts = urlsplit(value)
            if parts.port != 0 and (parts.netloc or parts.path):
                return value
        except ValueError:
            pass  # a port or an IPv6 address that is none: refused below
    raise ValueError("must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST:5432/NAME")


def public_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        fit = parts.scheme in ("http", "https") and parts.hostname and not parts.query
    except ValueError:
        fit = False
    if not fit or "@" in value or "#" in value:
        raise ValueError("must be an address such as https://orders.example.com")
    return value


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server bound there."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


Duration = Annotated[timedelta, BeforeValidator(duration, json_schema_input_type=str | float)]
Switchable = Annotated[
    timedelta | None,
    BeforeValidator(duration_or_off, json_schema_input_type=str | float | Literal[False]),
]
Whole = Annotated[int, BeforeValidator(whole, json_schema_input_type=int)]
Port = Annotated[Whole, Field(ge=0, le=65_535)]
Handle = Annotated[str, Field(pattern=HANDLE)]
Text = Annotated[str, AfterValidator(not_blank)]
KeyName = Annotated[Text, AfterValidator(no_actor)]
Zone = Annotated[str, AfterValidator(zone)]
Currency = Annotated[
    str, Field(json_schema_extra={"pattern": "^[A-Z]{3}$"}), AfterValidator(currency)
]
Country = Annotated[
    str, Field(json_schema_extra={"pattern": "^[A-Z]{2}$"}), AfterValidator(country)
]
Day = Annotated[date, BeforeValidator(day, json_schema_input_type=str), AfterValidator(in_reach)]
NumberFormat = Annotated[
    str, Field(json_schema_extra={"pattern": r"\{number"}), AfterValidator(number_format)
]
DatabaseUrl = Annotated[str, AfterValidator(database_url)]
PublicUrl = Annotated[str, AfterValidator(public_url)]
ApiSecret = Annotated[str, Field(min_length=32), AfterValidator(real_key)]
AdminToken = Annotated[str, Field(min_length=16), AfterValidator(real_key)]
