"""The kinds of values that a body is made of; each refusal says what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_LARGEST = Decimal(10) ** 12
_DIGITS = 6
MOST_KEYS = 50  # of metadata
FIRST_YEAR, LAST_YEAR = 1900, 2999
AMOUNT_SCHEMA = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": -1e12, "exclusiveMaximum": 1e12},
        {"type": "string", "pattern": rf"^{_AMOUNT.pattern}$"},
    ]
}


def amount(value: Any) -> Decimal:
    """A number, or a string of one written plainly; exact to six decimals, 12 digits before the
    point. No minus zero comes out."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if isinstance(value, str) and _AMOUNT.fullmatch(value):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not _plain(value):
        raise _refusal(
            "must be a number of at most 12 digits before the point and 6 after it, "
            "or a string of one"
        )
    return Decimal(f"{value or abs(value):f}")  # 1E+2 is 100


def _plain(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_DIGITS and abs(value) < _LARGEST


def moment(value: Any) -> datetime:
    """A time of RFC 3339 with its offset, as UTC."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            at = datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        else:
            if FIRST_YEAR <= at.year <= LAST_YEAR:
                return at
    raise _refusal("must be a time such as 2026-01-31T12:00:00.000Z")


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refusal("must be true or false")
    return value


def metadata(value: dict[str, Any]) -> dict[str, Any]:
    """A text in it has at most 250 characters."""
    if len(value) > MOST_KEYS:
        raise _refusal(f"must have at most {MOST_KEYS} keys")
    for key, inner in value.items():
        if not 1 <= len(key) <= 100 or (isinstance(inner, str) and len(inner) > 250):
            raise _refusal("must have keys of 1 to 100 and texts of at most 250 characters")
    return value


def text(most: int, least: int = 0) -> Any:
    """A string of so many characters; never one with blanks alone where it must not be empty."""
    return Annotated[
        str, Field(min_length=least, max_length=most), AfterValidator(_not_blank(least))
    ]


def _not_blank(least: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        if least and not value.strip():
            raise _refusal("must not be blank")
        return value

    return check


def _refusal(message: str) -> PydanticCustomError:
    return PydanticCustomError("invalid", message)


Amount = Annotated[Decimal, BeforeValidator(amount), WithJsonSchema(AMOUNT_SCHEMA)]
Moment = Annotated[
    datetime, BeforeValidator(moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
Flag = Annotated[bool, BeforeValidator(flag), WithJsonSchema({"type": "boolean"})]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Line = text(1000)
Long = text(10_000)
Name = text(1000, 1)
SourceId = text(255, 1)
Metadata = Annotated[dict[str, Any], AfterValidator(metadata)]
