"""Numbers and times as they are written, exactly: out of their text, in order, split by time."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.datasets.dataset import Split

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


COARSER = {"ns": "us", "us": "ms", "ms": "s"}


@dataclass(frozen=True)
class Times:
    """The times of events: what a stream keeps, int64 [num_events], and what was cut off."""

    whole: NDArray[np.int64]
    fraction: NDArray[np.int64] | None = None  # in parts of 10^-18; None where all are 0
    unit: str | None = None  # of dates

    @cached_property
    def exact(self) -> NDArray[np.int64]:
        """Numbers [num_events] in the order of the exact times, equal where those are equal."""
        if self.fraction is None:
            return self.whole
        order = np.lexsort((self.fraction, self.whole))
        whole, fraction = self.whole[order], self.fraction[order]
        later = (whole[1:] != whole[:-1]) | (fraction[1:] != fraction[:-1])
        ranks = np.empty_like(self.whole)
        ranks[order] = np.concatenate([[0], later.cumsum()])
        return ranks

    @property
    def moved_rows(self) -> int:
        """How many rows must move to sort the file."""
        return count_out_of_order(self.exact)

    def part(self, rows: slice) -> "Times":
        """The times of some of the events."""
        fraction = None if self.fraction is None else self.fraction[rows]
        return Times(self.whole[rows], fraction, self.unit)

    @staticmethod
    def joined(parts: Sequence["Times"]) -> "Times":
        """The times of several files or chunks, one after the other."""
        whole = np.concatenate([part.whole for part in parts])
        if all(part.fraction is None for part in parts):
            return Times(whole)
        fractions = [
            np.zeros_like(part.whole) if part.fraction is None else part.fraction for part in parts
        ]
        return Times(whole, np.concatenate(fractions))


def in_coarsest_unit(
    whole: NDArray[np.int64], unit: str | None
) -> tuple[NDArray[np.int64], str | None]:
    """Times of dates in the largest unit that holds all of them, and that unit."""
    while unit in COARSER and not (whole % 1000).any():
        whole, unit = whole // 1000, COARSER[unit]
    return whole, unit


def count_out_of_order(times: NDArray[np.int64]) -> int:
    """How many rows are earlier than some row before them, and so must move to sort the file."""
    return int((times < np.maximum.accumulate(times)).sum())


def stable_order(times: NDArray[np.int64]) -> NDArray[Any] | slice:
    """What to index with to sort by time; rows with equal times keep their order."""
    if (times[1:] >= times[:-1]).all():
        return slice(None)
    return np.argsort(times, kind="stable")


def split_by_time(
    times: NDArray[np.int64], validation_fraction: float, test_fraction: float
) -> Split:
    """The rule of PyG's ``TemporalData.train_val_test_split`` on sorted ``times``.

    Events up to the time quantile 1 - validation - test train, those up to 1 - test validate:
    events of one time are never parted. PyG compares in float32, which moves the boundary by up to
    a minute in unix seconds; here everything is exact. Raises ValueError for fractions that leave a
    part empty.
    """
    if not (validation_fraction > 0 and test_fraction > 0):
        raise ValueError(
            f"validation_fraction {validation_fraction} and test_fraction {test_fraction}: both "
            "must be above 0"
        )
    if validation_fraction + test_fraction >= 1:
        raise ValueError(
            f"validation_fraction {validation_fraction} and test_fraction {test_fraction} leave "
            "no training event: their sum must be below 1"
        )
    # The shortest decimal that a float stands for: 0.15 is meant, not the double beside it.
    test = Fraction(str(test_fraction))
    train_end, validation_end = (
        int(np.searchsorted(times, _quantile(times, 1 - above), side="right"))
        for above in (test + Fraction(str(validation_fraction)), test)
    )
    return Split(train_end, validation_end, num_events=len(times))


def _quantile(times: NDArray[np.int64], share: Fraction) -> int:
    """The quantile of sorted ``times``, interpolated as numpy does, rounded down."""
    place = share * (len(times) - 1)
    below = int(times[place.__floor__()])
    above = int(times[place.__ceil__()])
    return (below + (above - below) * (place % 1)).__floor__()
