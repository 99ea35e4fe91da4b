"""Column types with one meaning on SQLite and PostgreSQL: exact money, milliseconds, text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect, Numeric, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
MICRO = Decimal(1_000_000)


def to_millionths(value: Decimal) -> int:
    """An amount as SQLite keeps it; half up beyond the sixth digit."""
    return int((value * MICRO).to_integral_value(ROUND_HALF_UP))


def from_millionths(value: int) -> Decimal:
    """The amount again, with the fewest digits that say it, at least two."""
    amount = Decimal(value) / MICRO
    return amount.quantize(Decimal("0.01")) if value % 10_000 == 0 else amount.normalize()


def to_milliseconds(at: datetime) -> int:
    """Since 1970 in UTC; fractions of a millisecond are cut off."""
    return (at - EPOCH) // MILLISECOND


def from_milliseconds(value: int) -> datetime:
    return EPOCH + value * MILLISECOND


class Money(TypeDecorator[Decimal]):
    """NUMERIC(18,6) on PostgreSQL, INTEGER millionths on SQLite, whose numbers are floats."""

    impl = Numeric(18, 6)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        wanted = BigInteger() if dialect.name == "sqlite" else Numeric(18, 6)
        return dialect.type_descriptor(wanted)

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return to_millionths(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        return from_millionths(value if dialect.name == "sqlite" else to_millionths(value))


class Moment(TypeDecorator[datetime]):
    """timestamptz on PostgreSQL, INTEGER milliseconds on SQLite; always aware UTC in Python, and
    whole milliseconds whatever was given, so that what was written is found by its time."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        milliseconds = to_milliseconds(value)
        return milliseconds if dialect.name == "sqlite" else from_milliseconds(milliseconds)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return from_milliseconds(value) if dialect.name == "sqlite" else value.astimezone(UTC)


def words() -> TypeEngine[str]:
    """Text that compares by code point on both."""
    return Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
