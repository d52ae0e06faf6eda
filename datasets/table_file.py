"""Named columns out of a csv or parquet file."""

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.datasets.text import open_text, whole_file
from benchmark.datasets.validate import FileRows, check_columns, check_not_empty


def read_table(path: Path, needed: list[str], prefix: str | None) -> tuple[pd.DataFrame, FileRows]:
    """The columns ``needed`` and every one whose name starts with ``prefix``.

    Raises ValueError naming the line when rows of a csv differ in length or one is blank.
    """
    is_parquet = path.suffix == ".parquet"
    names = _parquet_names(path) if is_parquet else _csv_names(path)
    check_columns(path, names, needed)
    columns = [name for name in names if name in needed or (prefix and name.startswith(prefix))]
    if prefix and not any(name.startswith(prefix) for name in names):
        raise ValueError(f"{path} has no column that starts with feature_prefix {prefix!r}")
    if is_parquet:
        return pd.read_parquet(path, columns=columns), FileRows(path, unit="row")
    rows = FileRows(path, first=2)
    table = _read_csv(path)
    blank = np.flatnonzero(table.isna().all(axis=1))
    if blank.size:
        num_rows = int(blank[0])
        if num_rows + len(blank) != len(table):
            raise ValueError(f"{rows.place(num_rows)} is blank: remove it")
        # Read again without them, for a gap turns whole numbers into inexact floats.
        table = _read_csv(path, num_rows)
    return table[columns], rows


def numbers(table: pd.DataFrame, column: str, rows: FileRows) -> NDArray[Any]:
    """A column as numbers; refuses words and gaps."""
    values = table[column]
    if not pd.api.types.is_numeric_dtype(values):
        values = pd.to_numeric(values.astype(str), errors="coerce")
    wrong = np.flatnonzero(values.isna())
    if wrong.size:
        found = table[column].iloc[wrong[0]]
        problem = "has no value" if pd.isna(found) else f"is {str(found)!r}, which is not a number"
        raise ValueError(
            f"{rows.place(wrong[0])}: {column} {problem}: write a number, or remove the row"
        )
    return values.to_numpy()


def words(table: pd.DataFrame, column: str, rows: FileRows) -> NDArray[np.object_]:
    """A column as text; refuses gaps."""
    wrong = np.flatnonzero(table[column].isna())
    if wrong.size:
        raise ValueError(f"{rows.place(wrong[0])}: {column} has no value: fill it in")
    return table[column].astype(str).to_numpy(dtype=object)


def _read_csv(path: Path, num_rows: int | None = None) -> pd.DataFrame:
    """Every column, for pandas does not notice a row that is too long when it skips some."""
    try:
        with whole_file(path):
            return pd.read_csv(
                path,
                index_col=False,
                nrows=num_rows,
                low_memory=False,
                skip_blank_lines=False,  # so that row i is line i + 2
                keep_default_na=False,  # "NA" and "null" can be names of nodes
                na_values=[""],
                skipinitialspace=True,
            )
    except pd.errors.ParserError as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if found is None:
            raise ValueError(f"{path} cannot be read as csv: {error}") from error
        expected, line, saw = found.groups()
        raise ValueError(
            f"{path}, line {line} has {saw} fields where {expected} are expected: every row needs "
            "the same number of columns"
        ) from error


def _csv_names(path: Path) -> list[str]:
    with whole_file(path), open_text(path) as file:
        reader = csv.reader(file, skipinitialspace=True)
        names = next(reader, [])
        first = next(reader, [])
    check_not_empty(len(first), path)
    if len(first) > len(names):
        raise ValueError(
            f"{path}, line 2 has {len(first)} fields where the header names {len(names)}: name "
            "every column"
        )
    return names


def _parquet_names(path: Path) -> list[str]:
    try:
        import pyarrow as pa  # noqa: PLC0415  (an optional dependency)
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise ValueError(
            f"{path} needs pyarrow: pip install 'disttgl-benchmark[parquet]', or convert it to csv"
        ) from error
    try:
        return parquet.read_schema(path).names
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is not a whole parquet file ({error}): write it again") from error
