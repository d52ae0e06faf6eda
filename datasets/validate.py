"""The checks that every source goes through; each refusal is one sentence with its remedy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.dataset import Split

FractionalTimes = Literal["refuse", "floor"]

LARGEST_EXACT_FLOAT = 2**53  # above it a float64 no longer tells neighbouring integers apart


@dataclass(frozen=True)
class FileRows:
    """Names the place of row i of a file, so that an error can point at it."""

    path: Path
    first: int = 1  # what the file's own counting calls row 0
    unit: Literal["line", "row"] = "line"

    def place(self, row: int) -> str:
        return f"{self.path}, {self.unit} {self.first + row}"


def check_not_empty(num_events: int, path: Path) -> None:
    if num_events == 0:
        raise ValueError(f"{path} holds no events: a stream needs at least one row of data")


def check_columns(path: Path, found: Iterable[str], needed: Iterable[str]) -> None:
    """Refuse a file that lacks a column."""
    found = list(found)
    missing = [name for name in needed if name not in found]
    if missing:
        raise ValueError(
            f"{path} has no column {', '.join(map(repr, missing))} (it has "
            f"{', '.join(map(repr, found))}): add it to the file or name the right one"
        )


def check_ids(values: NDArray[Any], column: str, rows: FileRows) -> NDArray[np.int64]:
    """``values`` as int64; refuses what is not a whole number from 0 on."""
    remedy = "ids must be whole numbers from 0 on, so renumber the nodes"
    return _whole_numbers(values, column, rows, remedy)


def check_labels(values: NDArray[Any], column: str, rows: FileRows) -> NDArray[np.int64]:
    """``values`` as int64; refuses what is not a whole number from 0 on."""
    remedy = "labels must be whole numbers from 0 on, so renumber the classes"
    return _whole_numbers(values, column, rows, remedy)


def check_times(
    values: NDArray[Any], column: str, rows: FileRows, fractional: FractionalTimes = "refuse"
) -> NDArray[np.int64]:
    """``values`` as int64; ``fractional="floor"`` cuts fractions off, which keeps the order."""
    if fractional not in ("refuse", "floor"):
        raise ValueError(f"fractional_times is {fractional!r}: it can be 'refuse' or 'floor'")
    if fractional == "floor" and values.dtype.kind == "f":
        values = np.floor(values)
    remedy = (
        "times must be whole numbers from 0 on, so shift or rescale the column, or set "
        "dataset.fractional_times=floor to cut fractions off"
    )
    return _whole_numbers(values, column, rows, remedy)


def check_sorted(times: NDArray[np.int64], rows: FileRows) -> None:
    """Refuse times out of order where the row number is an event id that other files use."""
    row = _first(times[1:] < times[:-1])
    if row is not None:
        raise ValueError(
            f"{rows.place(row + 1)}: time {times[row + 1]} is earlier than {times[row]} on the row "
            "before, and other files refer to events by row: sort all of them by time together"
        )


def check_features(
    values: NDArray[np.floating[Any]], rows: FileRows, columns: list[str] | None = None
) -> None:
    """Refuse features that are NaN or infinite."""
    row = _first(~np.isfinite(values).all(axis=1))
    if row is not None:
        column = int(np.flatnonzero(~np.isfinite(values[row]))[0])
        name = f"feature column {columns[column]!r}" if columns else f"feature {column + 1}"
        raise ValueError(
            f"{rows.place(row)}: {name} is {values[row, column]}: replace it by a finite number"
        )


def check_statistics(
    name: str, found: Mapping[str, int], expected: Mapping[str, int | None]
) -> None:
    """Refuse a data set whose counts differ from the published ones; None is not checked."""
    for key, count in expected.items():
        if count is not None and found[key] != count:
            raise ValueError(
                f"data set {name}: {key} is {found[key]:,} but {count:,} is published: get the "
                f"published file, or set dataset.{key}=null to take this one as it is"
            )


def check_split(name: str, split: Split) -> None:
    """Refuse a split that leaves a part without events."""
    for part in ("train", "validation", "test"):
        if len(split.range(part)) == 0:
            kind = "training" if part == "train" else part
            raise ValueError(
                f"data set {name}: the split leaves no {kind} event of {split.num_events:,}: "
                "change the split fractions, or ext_roll in a TGL folder"
            )


def _whole_numbers(
    values: NDArray[Any], column: str, rows: FileRows, remedy: str
) -> NDArray[np.int64]:
    # What is good is asked, not what is bad, because every comparison with NaN is false.
    if values.dtype.kind == "f":
        good = (values >= 0) & (values < LARGEST_EXACT_FLOAT) & (values == np.floor(values))
    else:
        good = (values >= 0) & (values <= np.iinfo(np.int64).max)
    row = _first(~good)
    if row is not None:
        raise ValueError(f"{rows.place(row)}: {column} is {values[row]}: {remedy}")
    return values.astype(np.int64)


def _first(mask: NDArray[np.bool_]) -> int | None:
    row = int(mask.argmax()) if mask.size else 0
    return row if mask.size and mask[row] else None
