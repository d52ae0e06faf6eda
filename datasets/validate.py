"""The checks that every source goes through; each refusal is one sentence with its remedy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.datasets.dataset import UNLABELLED, Split
from benchmark.datasets.exact import (
    Times,
    exact_dates,
    exact_numbers,
    in_coarsest_unit,
    is_number,
    texts,
)

Column = NDArray[Any] | pd.Series
FractionalTimes = Literal["refuse", "floor"]

LARGEST_FEATURE = 1e19  # the square of a larger one is beyond float32
PER_NANO = 10**9  # of the parts in which ``exact`` counts fractions
LONGEST_SHOWN = 60  # characters of a value in a message
LARGEST_INT64 = 2**63 - 1


@dataclass(frozen=True)
class FileRows:
    """Names the place of row i of a file, so that an error can point at it."""

    path: Path
    first: int = 1  # what the file's own counting calls row 0
    unit: Literal["line", "row"] = "line"

    def place(self, row: int) -> str:
        return f"{self.path}, {self.unit} {self.first + row}"

    def shown(self, row: int, column: str, value: object) -> str:
        """What the file has there, of which ``value`` was made."""
        return str(value)


def check_not_empty(num_events: int, path: Path) -> None:
    if num_events == 0:
        raise ValueError(f"{path} holds no events: a stream needs at least one row of data")


def check_columns(path: Path, found: Iterable[str], needed: Iterable[str]) -> None:
    """Refuse a file that lacks a column or has one twice."""
    found = list(found)
    missing = [name for name in needed if name not in found]
    if missing:
        raise ValueError(
            f"{path} has no column {', '.join(map(repr, missing))} (it has "
            f"{', '.join(map(repr, found))}): add it to the file or name the right one"
        )
    doubled = [name for name in dict.fromkeys(found) if found.count(name) > 1]
    if doubled:
        raise ValueError(
            f"{path} has {found.count(doubled[0])} columns of the name {doubled[0]!r}: rename or "
            "remove all but one"
        )


def check_ids(values: Column, column: str, rows: FileRows) -> NDArray[np.int64]:
    """``values`` as int64; refuses what is not a whole number from 0 on."""
    remedy = "ids must be whole numbers from 0 on, so renumber the nodes"
    return _whole(values, column, rows, remedy)


def check_labels(values: Column, column: str, rows: FileRows) -> NDArray[np.int64]:
    """``values`` as int64, ``UNLABELLED`` where one is -1 or empty; else whole numbers from 0."""
    remedy = (
        "labels must be whole numbers from 0 on, or -1 or empty where there is none, so renumber "
        "the classes"
    )
    if values.dtype == object:
        values = texts(values)
        values[values == ""] = str(UNLABELLED)
    return _whole(values, column, rows, remedy, smallest=UNLABELLED)


def check_times(
    values: Column, column: str, rows: FileRows, fractional: FractionalTimes = "refuse"
) -> Times:
    """Whole numbers from 0 on; ``fractional="floor"`` cuts fractions off and keeps their order."""
    _check_fractional(fractional)
    remedy = "times must be whole numbers from 0 on, so shift or rescale the column"
    if fractional == "refuse":
        remedy += ", or set dataset.fractional_times=floor to cut fractions off"
        return Times(_whole(values, column, rows, remedy))
    found = texts(values)
    whole, fraction, bad = exact_numbers(found)
    _refuse(bad | (whole < 0), found, column, rows, remedy)
    return Times(whole, fraction if fraction.any() else None)


def check_times_or_dates(
    values: Column, column: str, rows: FileRows, fractional: FractionalTimes
) -> Times:
    """``check_times``, or dates (ISO 8601, UTC where they say no zone) in the largest unit that
    holds all of them; ``fractional="floor"`` then cuts off fractions of a second.
    """
    _check_fractional(fractional)
    found = texts(values)
    if found[0] == "" or is_number(found[0]):
        return check_times(values, column, rows, fractional)
    seconds, fraction, bad = exact_dates(found)
    remedy = (
        "times must be whole numbers from 0 on or dates as 2024-01-31 and 2024-01-31T12:00:00.5Z, "
        "alike in every row"
    )
    _refuse(bad, found, column, rows, remedy)
    if fractional == "floor":
        return Times(seconds, fraction if fraction.any() else None, unit="s")
    _refuse(fraction % PER_NANO != 0, found, column, rows, "round it to nanoseconds")
    # Python's integers, for a date far from 1970 has no nanosecond in 64 bits.
    nanoseconds = seconds.astype(object) * 10**9 + fraction // PER_NANO
    whole, unit = in_coarsest_unit(nanoseconds, "ns")
    remedy = f"in {unit} it is beyond 64 bits: set dataset.fractional_times=floor to count seconds"
    _refuse(np.abs(whole) > LARGEST_INT64, found, column, rows, remedy)
    return Times(whole.astype(np.int64), unit=unit)


def _check_fractional(fractional: str) -> None:
    if fractional not in ("refuse", "floor"):
        raise ValueError(f"fractional_times is {fractional!r}: it can be 'refuse' or 'floor'")


def check_sorted(times: Times, column: str, rows: FileRows) -> None:
    """Refuse times out of order where the row number is an event id that other files use."""
    row = _first(times.exact[1:] < times.exact[:-1])
    if row is not None:
        earlier, later = (rows.shown(each, column, times.whole[each]) for each in (row + 1, row))
        raise ValueError(
            f"{rows.place(row + 1)}: {column} {earlier} is earlier than {later} on the row before, "
            "and other files refer to events by row: sort all of them by time together"
        )


def check_features(
    values: NDArray[np.floating[Any]], rows: FileRows, columns: Sequence[str] = ()
) -> None:
    """Refuse features that are NaN, infinite or too large to be computed with."""
    good = np.abs(values) <= LARGEST_FEATURE  # false for NaN
    row = _first(~good.all(axis=1))
    if row is None:
        return
    column = int(np.flatnonzero(~good[row])[0])
    name = columns[column] if columns else f"feature {column + 1}"
    shown = rows.shown(row, name, values[row, column])
    place = f"{rows.place(row)}: {f'feature column {name!r}' if columns else name}"
    if shown == "":
        raise ValueError(f"{place} has no value: write a number, or remove the row")
    if is_number(shown):
        raise ValueError(
            f"{place} is {_brief(shown)}, beyond the range of float32 arithmetic (-1e19 to 1e19): "
            "rescale the column, or take its logarithm"
        )
    raise ValueError(f"{place} is {_brief(shown)}: replace it by a finite number")


def feature_matrix(
    frame: pd.DataFrame, columns: Sequence[str], rows: FileRows
) -> NDArray[np.float32]:
    """Columns of numbers, checked, as float32 [num_rows, num_columns]."""
    with np.errstate(over="ignore"):
        try:
            values = frame[[*columns]].to_numpy(np.float32)
        except ValueError:  # as text, of which something is no number
            numbers = frame[[*columns]].apply(pd.to_numeric, errors="coerce")
            values = numbers.to_numpy(np.float32)
    check_features(values, rows)
    return values


def check_split(name: str, split: Split) -> None:
    """Refuse a split that leaves a part without events."""
    for part in ("train", "validation", "test"):
        if len(split.range(part)) == 0:
            kind = "training" if part == "train" else part
            raise ValueError(
                f"data set {name}: the split leaves no {kind} event of {split.num_events:,}, for "
                "events of one time are never parted: change the split fractions (ext_roll in a "
                "TGL folder), or give times in a finer unit, such as 1,000 times the column"
            )


def _whole(
    values: Column, column: str, rows: FileRows, remedy: str, smallest: int = 0
) -> NDArray[np.int64]:
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu":  # without gaps
        values = np.asarray(values)
        bad = (values < smallest) | (values > LARGEST_INT64)
        _refuse(bad, values, column, rows, remedy)
        return values.astype(np.int64)
    found = texts(values)
    whole, fraction, bad = exact_numbers(found)
    _refuse(bad | (fraction != 0) | (whole < smallest), found, column, rows, remedy)
    return whole


def _refuse(
    bad: NDArray[np.bool_], values: NDArray[Any], column: str, rows: FileRows, remedy: str
) -> None:
    row = _first(bad)
    if row is not None:
        what = "has no value" if values[row] == "" else f"is {_brief(values[row])}"
        raise ValueError(f"{rows.place(row)}: {column} {what}: {remedy}")


def _brief(value: object) -> str:
    """On one line, and cut where it is long."""
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _first(mask: NDArray[np.bool_]) -> int | None:
    row = int(mask.argmax()) if mask.size else 0
    return row if mask.size and mask[row] else None
