"""edges.csv of a TGL folder, of any size."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.columns import ROW_NUMBER, Columns, column_chunks
from benchmark.datasets.prepared import Piece
from benchmark.datasets.validate import (
    FileRows,
    FractionalTimes,
    check_ids,
    check_sorted,
    check_times,
)

ROLLS = (0, 1, 2)  # train, validation, test


def edge_pieces(path: Path, fractional_times: FractionalTimes) -> Iterator[Piece]:
    """``src``, ``dst`` and ``t`` int64, some rows at a time, and at last ``rolls`` [3].

    ``rolls`` counts the events of each part of the split.
    """
    rolls = np.zeros(len(ROLLS), np.int64)
    last_time, last_roll = 0.0, 0.0
    for columns, rows in column_chunks(path, ("src", "dst", "time", "ext_roll")):
        _check_row_numbers(columns, rows, int(rolls.sum()))
        t = check_times(columns["time"], "time", rows, fractional_times)
        # The last row of the chunk before stands in front, so that order is checked across chunks;
        # flooring may hide that rows are out of order.
        before = replace(rows, first=rows.first - 1)
        exact = columns["time"] if fractional_times == "floor" else t
        check_sorted(np.insert(exact, 0, last_time), before)
        _check_rolls(np.insert(columns["ext_roll"], 0, last_roll), before)
        yield {
            "src": check_ids(columns["src"], "src", rows),
            "dst": check_ids(columns["dst"], "dst", rows),
            "t": t,
        }
        rolls += [np.count_nonzero(columns["ext_roll"] == roll) for roll in ROLLS]
        last_time, last_roll = exact[-1], columns["ext_roll"][-1]
    yield {"rolls": rolls}


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
