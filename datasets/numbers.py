"""Numbers and dates out of their text, exactly: nothing passes through float64."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Exact = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]  # whole, fraction, wrong

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,5})?", re.ASCII | re.IGNORECASE)
DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d(?::?\d\d(?::?\d\d)?)?)(?:[.,](\d{1,18}))?)?"
    r"(Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
LARGEST_EXPONENT = 19
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PRECISE = Context(prec=10_000)


def texts(values: Any) -> NDArray[np.object_]:
    """Each value as text without spaces around it, whole numbers without a point, gaps as ""."""
    series = pd.Series(values)
    result = np.array([_text(value) for value in series.astype(object)], dtype=object)
    if series.dtype != np.float64:  # where NaN is a number, not a gap
        result[series.isna().to_numpy()] = ""
    return result


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else repr(value)
    return str(value).strip(" \t\r\n")


def is_number(text: str) -> bool:
    """Whether it is a finite one."""
    return NUMBER.fullmatch(text) is not None


def exact_numbers(found: NDArray[np.object_]) -> Exact:
    """Of every text the whole part (rounded down) and the fraction in parts of 10^-18.

    It is wrong where it is no number or none of 64 bits.
    """
    return _by_distinct(found, _number)


def exact_dates(found: NDArray[np.object_]) -> Exact:
    """Of every ISO 8601 text the seconds since 1970 and the fraction in parts of 10^-18."""
    return _by_distinct(found, _date)


def _by_distinct(
    found: NDArray[np.object_], parse: Callable[[str], tuple[int, int] | None]
) -> Exact:
    codes, distinct = pd.factorize(found)
    parsed = [parse(text) for text in distinct]
    wrong = np.array([each is None for each in parsed], np.bool_)
    whole, fraction = np.array([each or (0, 0) for each in parsed], np.int64).reshape(-1, 2).T
    return whole[codes], fraction[codes], wrong[codes]


def _number(text: str) -> tuple[int, int] | None:
    if text.isdigit() and text.isascii() and len(text) < LARGEST_EXPONENT:
        return int(text), 0
    if NUMBER.fullmatch(text) is None:
        return None
    value = Decimal(text)
    if value.adjusted() >= LARGEST_EXPONENT:
        return None
    floor = value.to_integral_value(ROUND_FLOOR)
    if not -(2**63) <= floor < 2**63:
        return None
    if floor == value:
        return int(floor), 0
    fraction = PRECISE.subtract(value, floor)
    # A finer fraction is still one.
    return int(floor), max(int(PRECISE.scaleb(fraction, 18)), 1)


def _date(text: str) -> tuple[int, int] | None:
    match = DATE.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, zone = match.groups(default="")
    try:
        at = datetime.fromisoformat(f"{day}T{clock or '00'}{zone or 'Z'}")
    except ValueError:
        return None
    since = at - EPOCH
    return since.days * 86_400 + since.seconds, int(fraction.ljust(18, "0"))
