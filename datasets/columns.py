"""The columns of a csv of numbers, by the names in its header."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.text import (
    NumberRows,
    number_chunks,
    open_text,
    read_number_rows,
    whole_file,
)
from benchmark.datasets.validate import FileRows, check_columns

Columns = dict[str, NDArray[np.float64]]
ROW_NUMBER = ""


def read_columns(path: Path, needed: tuple[str, ...]) -> tuple[Columns, FileRows]:
    """Every column, ``needed`` ones among them; the one that pandas leaves unnamed is ""."""
    names = _names(path, needed)
    return _named(read_number_rows(path, ",", num_leading=len(names), skipped_lines=1), names)


def column_chunks(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[Columns, FileRows]]:
    """What ``read_columns`` reads, some rows at a time, for a file larger than memory."""
    names = _names(path, needed)
    for chunk in number_chunks(path, ",", num_leading=len(names), skipped_lines=1):
        yield _named(chunk, names)


def _names(path: Path, needed: tuple[str, ...]) -> list[str]:
    with whole_file(path), open_text(path) as file:
        names = [name.strip() for name in file.readline().split(",")]
    check_columns(path, names, needed)
    # The column of row numbers, once read and written again by pandas.
    return [ROW_NUMBER if name == "Unnamed: 0" else name for name in names]


def _named(table: NumberRows, names: list[str]) -> tuple[Columns, FileRows]:
    if table.features.shape[1]:
        raise ValueError(
            f"{table.rows.place(0)} has {len(names) + table.features.shape[1]} fields where the "
            f"header names {len(names)}: name every column"
        )
    return {name: table.leading[:, i] for i, name in enumerate(names)}, table.rows
