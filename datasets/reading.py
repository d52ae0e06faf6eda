"""The one reader of tables: csv and other text in chunks, or parquet, as a frame of columns."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.datasets.exact import is_number
from benchmark.datasets.text_rows import TextRows, open_text, text_rows
from benchmark.datasets.validate import FileRows, check_columns, check_not_empty

FIELDS_PER_CHUNK = 1_000_000
LARGEST_EXACT_FLOAT = 2**53

NO_POINT = "\x01"  # a decimal point that is none: 1700000000.0000000019 is no whole number


def chunks(
    rows: TextRows, whole: Collection[str] = (), features: Collection[str] = ()
) -> Iterator[tuple[pd.DataFrame, TextRows]]:
    """Some rows at a time, and where they stand.

    A column is text, exactly as it is written; but those of ``features``, or where there are none
    those of ``whole`` numbers, are float32 or int64 up to the chunk where one cannot be read so.
    Raises ValueError naming the line when rows differ in length, a line is blank or the file is no
    text.
    """
    done = 0
    for fast in (True, False):
        try:
            for number, chunk in enumerate(_read(rows, whole, features, fast)):
                if number == done:
                    done += 1
                    yield chunk
        except (ValueError, OverflowError, TypeError) as error:
            if not fast:
                raise _explained(rows, error) from error
        else:
            return


def read_text(
    rows: TextRows,
    columns: Collection[str],
    whole: Collection[str] | None = None,
    features: Collection[str] = (),
) -> pd.DataFrame:
    """All rows of some columns, which are ``whole`` numbers where that does not name others."""
    kept = [name for name in rows.names if name in columns]
    parts = chunks(rows, columns if whole is None else whole, features)
    return pd.concat([frame[kept] for frame, _ in parts], ignore_index=True)


def read_table(
    path: Path,
    exact: Sequence[str],
    time: str,
    features: Sequence[str],
    prefix: str | None,
    columns: Sequence[str] | None,
) -> tuple[pd.DataFrame, FileRows]:
    """The columns that are named and every one whose name starts with ``prefix``.

    Those of ``exact`` are text in a text file. ``columns`` names those of one without a header.
    Raises ValueError where a column is missing or the file cannot be read.
    """
    needed = [*dict.fromkeys([*exact, time, *features])]
    parquet = _is_parquet(path)
    if parquet:
        names = _parquet_names(path)
    else:
        rows = text_rows(
            path,
            needed=() if columns else needed,
            header=columns is None,
            width=len(columns) if columns else None,
        )
        rows = replace(rows, names=tuple(columns)) if columns else rows
        names = [*rows.names]
    check_columns(path, names, needed)
    prefixed = {name for name in names if prefix and name.startswith(prefix)}
    if prefix and not prefixed:
        raise ValueError(f"{path} has no column that starts with feature_prefix {prefix!r}")
    kept = [name for name in names if name in needed or name in prefixed]
    if parquet:
        frame = _read_parquet(path, kept)
        check_not_empty(len(frame), path)
        return frame, FileRows(path, unit="row")
    numbers = {*features, *prefixed} - {*exact, time}
    return read_text(rows, kept, whole=(time,), features=numbers), rows


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix == ".parquet" or file.read(4) == b"PAR1"


def _parquet_names(path: Path) -> list[str]:
    """The columns, and those that pandas saved as the index."""
    try:
        import pyarrow as pa  # noqa: PLC0415  (an optional dependency)
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise ValueError(
            f"{path} needs pyarrow: pip install 'disttgl-benchmark[parquet]', or convert it to csv"
        ) from error
    try:
        schema = parquet.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path} is not a whole parquet file ({error}): write it again") from error
    described = (schema.pandas_metadata or {}).get("index_columns", [])
    # A range is only described, with its name if it has one.
    ranges = [each["name"] for each in described if isinstance(each, dict) and each["name"]]
    return [*schema.names, *(name for name in ranges if name not in schema.names)]


def _read_parquet(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path, dtype_backend="numpy_nullable")
    except (ValueError, OSError) as error:  # those of pyarrow are one of both
        raise ValueError(f"{path} is not a whole parquet file ({error}): write it again") from error
    index = [name for name in frame.index.names if name in columns and name not in frame]
    return frame.reset_index(level=index)[columns] if index else frame[columns]


def _read(
    rows: TextRows, whole: Collection[str], features: Collection[str], fast: bool
) -> Iterator[tuple[pd.DataFrame, TextRows]]:
    rows.check_not_empty()
    width = len(rows.names)
    if len(rows.first_row) > width:
        raise ValueError(
            f"{rows.place(0)} has {len(rows.first_row)} fields where the header names {width}: "
            "name every column"
        )
    labels = [*map(str, range(width + 1))]  # the last column stays empty, unless a row is too long
    types: dict[str, Any] = dict.fromkeys(labels, object)
    for label, name, field in zip(labels, rows.names, rows.first_row, strict=False):
        if fast and name in (features or whole) and is_number(field.strip()):
            types[label] = np.float32 if features else np.int64
    integers = [label for label, kind in types.items() if kind is np.int64]
    verified, start = None, 0
    with open_text(rows.path) as text:
        text.counted = rows.separator or "\n"
        for _ in range(rows.skipped):
            text.readline()
        reader = pd.read_csv(
            text,
            sep=rows.separator or r"\s+",
            header=None,
            names=labels,
            index_col=False,
            dtype=types,
            decimal="." if features else NO_POINT,
            skip_blank_lines=False,
            skipinitialspace=True,
            keep_default_na=False,
            na_values={label: [""] for label, kind in types.items() if kind is np.float32},
            chunksize=max(1, FIELDS_PER_CHUNK // width),
        )
        while (frame := _next(reader)) is not None:
            last = frame[labels[-2]]
            if verified is None and ((last.isna() | (last == "")).any() or frame[labels[-1]].any()):
                verified = rows.count()
            if (frame[integers].abs() >= LARGEST_EXACT_FLOAT).any(axis=None):
                raise ValueError("a float64 may have stood in between")
            num_rows = len(frame) if verified is None else min(len(frame), verified - start)
            if num_rows > 0:
                part = frame.iloc[:num_rows, :width].set_axis(list(rows.names), axis=1)
                yield part, replace(rows, offset=start)
            start += len(frame)
        if verified is None and rows.separator and text.count != start * (width - 1):
            rows.count()  # pandas does not see a row that is too long by an empty field


def _next(reader: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
    with np.errstate(over="ignore", invalid="ignore"):  # refused where values are checked
        return next(reader, None)


def _explained(rows: TextRows, error: Exception) -> ValueError:
    """What is wrong with a file that pandas refuses."""
    if str(rows.path) in str(error):
        return ValueError(str(error))
    if "EOF inside string" in str(error):
        *_, (line, _) = rows.records()
        return ValueError(
            f"{rows.path}, line {line} opens a quote that is never closed: close or remove it"
        )
    try:
        rows.count()
    except ValueError as found:
        return found
    return ValueError(f"{rows.path} cannot be read as a table: {error}")
