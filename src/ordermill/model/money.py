"""Decimals and currencies: reading amounts exactly, rounding in one place.

Amounts are exact `Decimal` values from the text the shop sent, never through a float.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

# ISO 4217 minor units that are not two. Source: ISO 4217 list one.
_MINOR_UNITS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]+)?", re.ASCII)
_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
_MICRO = Decimal("0.000001")


def minor_units(currency_code: str) -> int:
    """Digits after the point of the currency by ISO 4217; two for codes the list does not know."""
    return _MINOR_UNITS.get(currency_code, 2)


def currency(code: object) -> str:
    """The three-letter code in capitals; raise ValueError if it is none. Unknown codes pass."""
    text = code.strip().upper() if isinstance(code, str) else ""
    if not _CODE.fullmatch(text):
        raise ValueError("currency is not a three-letter code")
    return text


def amount(text: object) -> Decimal:
    """Read an amount written plainly: at most 12 digits before the point, no exponent.

    Digits after the sixth are rounded half up (the platform's float noise, e.g.
    13.327333333333334). Raise ValueError for everything else; the text is not repeated in it.
    """
    written = format(text, "f") if isinstance(text, Decimal) and text.is_finite() else text
    if isinstance(written, int) and not isinstance(written, bool):
        written = str(written)
    if not isinstance(written, str) or len(written) > 64 or not _AMOUNT.fullmatch(written):
        raise ValueError("not a plain decimal number with at most 12 digits before the point")
    value = Decimal(written)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -6:
        value = value.quantize(_MICRO, ROUND_HALF_UP)
    return value


def money(value: Decimal, currency_code: str) -> Decimal:
    """Round to the currency's minor unit, half up on the magnitude: money(-x) == -money(x)."""
    return value.quantize(unit_of(currency_code), ROUND_HALF_UP)


@lru_cache(maxsize=256)
def unit_of(currency_code: str) -> Decimal:
    """The currency's minor unit: 0.01, 1, 0.001."""
    return Decimal(1).scaleb(-minor_units(currency_code))
