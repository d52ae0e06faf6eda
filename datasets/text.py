"""Large text files of numbers, read fast; a file that cannot be read is explained by its line."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.datasets.validate import FileRows, check_not_empty

ROWS_PER_CHUNK = 100_000


@dataclass(frozen=True)
class NumberRows:
    """The rows of a file: ``leading`` float64 [num_rows, num_leading], ``features`` float32."""

    leading: NDArray[np.float64]
    features: NDArray[np.float32]
    rows: FileRows


def open_text(path: Path) -> TextIO:
    """Open a plain or gzipped text file; bytes that are no text become a replacement sign."""
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8-sig", errors="replace"))
    return path.open(encoding="utf-8-sig", errors="replace")


@contextmanager
def whole_file(path: Path) -> Iterator[None]:
    """Turn the errors of a truncated or damaged gzip file into one sentence."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is not a whole gzip file ({error}): fetch it again") from error


def read_number_rows(
    path: Path, separator: str | None, num_leading: int, skipped_lines: int
) -> NumberRows:
    """Read every line after ``skipped_lines``; ``separator=None`` means any white space.

    Columns from ``num_leading`` on become features. Blank lines at the end are ignored. Raises
    ValueError naming the line when rows differ in length or a field is not a number.
    """
    chunks = list(number_chunks(path, separator, num_leading, skipped_lines))
    leading = np.concatenate([chunk.leading for chunk in chunks])
    features = np.concatenate([chunk.features for chunk in chunks])
    return NumberRows(leading, features, chunks[0].rows)


def number_chunks(
    path: Path, separator: str | None, num_leading: int, skipped_lines: int
) -> Iterator[NumberRows]:
    """What ``read_number_rows`` reads, some rows at a time, for a file larger than memory."""
    file = FileRows(path, first=skipped_lines + 1)
    start, end = 0, None
    for chunk in _chunks(file, separator, num_leading, skipped_lines):
        leading = chunk.iloc[:, :num_leading].to_numpy(np.float64)
        features = chunk.iloc[:, num_leading:].to_numpy(np.float32)
        num_rows = _without_blank_end(leading)
        leading, features = leading[:num_rows], features[:num_rows]
        if np.isnan(leading).any() or np.isnan(features).any():
            # A short row reads as missing values; a field that says nan is left to the caller.
            _explain(file, separator, num_leading)
        if num_rows and end is not None:
            _explain(file, separator, num_leading)
            raise ValueError(f"{file.place(end)} holds no number: correct or remove the row")
        if num_rows:
            yield NumberRows(leading, features, FileRows(path, file.first + start))
        if num_rows < len(chunk) and end is None:
            end = start + num_rows
        start += len(chunk)
    check_not_empty(start if end is None else end, path)


def _chunks(
    file: FileRows, separator: str | None, num_leading: int, skipped_lines: int
) -> Iterator[pd.DataFrame]:
    """Rows as numbers; a line that the fast reader refuses is explained."""
    with whole_file(file.path):
        try:
            num_fields = _count_fields(file.path, separator, skipped_lines)
            if num_fields < num_leading:
                raise ValueError(f"a row has {num_fields} fields where {num_leading} are needed")
            kinds = {i: np.float64 if i < num_leading else np.float32 for i in range(num_fields)}
            yield from pd.read_csv(
                file.path,
                sep=separator or r"\s+",
                header=None,
                skiprows=skipped_lines,
                dtype=kinds,
                skip_blank_lines=False,  # so that row i is line first + i
                quoting=csv.QUOTE_NONE,
                chunksize=ROWS_PER_CHUNK,
                encoding_errors="replace",
            )
        except pd.errors.EmptyDataError:
            check_not_empty(0, file.path)
        except ValueError as error:  # pandas' ParserError is one
            _explain(file, separator, num_leading)
            raise ValueError(f"{file.path} cannot be read as rows of numbers: {error}") from error


def _count_fields(path: Path, separator: str | None, skipped_lines: int) -> int:
    with open_text(path) as file:
        for _ in range(skipped_lines):
            file.readline()
        return len(file.readline().split(separator))


def _without_blank_end(values: NDArray[np.float64]) -> int:
    """The number of rows before the blank lines that end a file."""
    num_rows = len(values)
    while num_rows and np.isnan(values[num_rows - 1]).all():
        num_rows -= 1
    return num_rows


def _explain(rows: FileRows, separator: str | None, num_leading: int) -> None:
    """Go through the file line by line and raise ValueError at the first that is wrong.

    Slow, and only called once the fast reader has found that something is.
    """
    num_fields, blank = 0, None
    with open_text(rows.path) as file:
        lines = islice(file, rows.first - 1, None)
        for row, line in enumerate(lines):
            if not line.strip():
                blank = row if blank is None else blank
                continue
            if blank is not None:
                raise ValueError(f"{rows.place(blank)} is blank: remove it")
            fields = line.split(separator)
            num_fields = num_fields or max(len(fields), num_leading)
            if len(fields) != num_fields:
                raise ValueError(
                    f"{rows.place(row)} has {len(fields)} fields where {num_fields} are expected: "
                    "every row needs the same number of columns"
                )
            for column, field in enumerate(fields, start=1):
                if not _is_number(field):
                    raise ValueError(
                        f"{rows.place(row)}: column {column} is {field.strip()!r}, which is not a "
                        "number: correct or remove the row"
                    )
    check_not_empty(num_fields, rows.path)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
