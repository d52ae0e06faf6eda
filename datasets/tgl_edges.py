"""edges.csv of a TGL folder, of any size."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.columns import ROW_NUMBER, Columns, column_chunks
from benchmark.datasets.mapped import joined
from benchmark.datasets.validate import (
    FileRows,
    FractionalTimes,
    check_ids,
    check_sorted,
    check_times,
)

ROLLS = (0, 1, 2)  # train, validation, test


def read_edges(path: Path, fractional_times: FractionalTimes, folder: Path) -> dict[str, Tensor]:
    """``src``, ``dst`` and ``t`` int64 [num_events] and ``rolls`` [3], the events of each part.

    Nothing is held in memory as a whole; ``folder`` is where the columns gather.
    """
    rolls = np.zeros(len(ROLLS), np.int64)
    chunks = _checked_chunks(path, fractional_times, rolls)
    return {**joined(chunks, folder), "rolls": torch.from_numpy(rolls)}


def _checked_chunks(
    path: Path, fractional_times: FractionalTimes, rolls: NDArray[np.int64]
) -> Iterator[dict[str, NDArray[np.int64]]]:
    """The columns; counts the events of each part in ``rolls``."""
    last_time, last_roll = np.int64(0), 0.0
    for columns, rows in column_chunks(path, ("src", "dst", "time", "ext_roll")):
        _check_row_numbers(columns, rows, int(rolls.sum()))
        t = check_times(columns["time"], "time", rows, fractional_times).whole
        # The last row of the chunk before stands in front, so that order is checked across chunks.
        before = replace(rows, first=rows.first - 1)
        check_sorted(np.insert(t, 0, last_time), before)
        _check_rolls(np.insert(columns["ext_roll"], 0, last_roll), before)
        yield {
            "src": check_ids(columns["src"], "src", rows),
            "dst": check_ids(columns["dst"], "dst", rows),
            "t": t,
        }
        rolls += [np.count_nonzero(columns["ext_roll"] == roll) for roll in ROLLS]
        last_time, last_roll = t[-1], columns["ext_roll"][-1]


def _check_row_numbers(columns: Columns, rows: FileRows, start: int) -> None:
    index = columns.get(ROW_NUMBER)
    if index is None:
        return
    wrong = np.flatnonzero(index != np.arange(start, start + len(index)))
    if wrong.size:
        raise ValueError(
            f"{rows.place(wrong[0])}: the index is {index[wrong[0]]:g} on row {start + wrong[0]}: "
            "the feature files refer to events by row, so number the rows 0, 1, 2, ..."
        )


def _check_rolls(ext_roll: NDArray[np.float64], rows: FileRows) -> None:
    """Refuse what is not 0, then 1, then 2."""
    wrong = np.flatnonzero(~np.isin(ext_roll, ROLLS))
    if wrong.size:
        raise ValueError(
            f"{rows.place(wrong[0])}: ext_roll is {ext_roll[wrong[0]]:g}: it must be 0 (train), "
            "1 (validation) or 2 (test)"
        )
    back = np.flatnonzero(ext_roll[1:] < ext_roll[:-1])
    if back.size:
        raise ValueError(
            f"{rows.place(back[0] + 1)}: ext_roll goes back from {ext_roll[back[0]]:g} to "
            f"{ext_roll[back[0] + 1]:g}: the split must be chronological"
        )
