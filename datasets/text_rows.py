"""Text files of rows: unpacked and decoded whatever their name, and explained by their lines."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import cast

from benchmark.datasets.validate import FileRows, check_columns, check_not_empty
from benchmark.storage.formats import HEAD_BYTES, foreign, open_unpacked

SEPARATORS = (",", "\t", ";", None)  # None is any white space
COMMENTS = ("#", "%")
LONGEST_FIELD = 1 << 20


class Text(io.TextIOWrapper):
    """Refuses a byte 0, which stands in no text but in UTF-16 and in binary files."""

    counted = ","  # a separator
    count = 0  # how often it was in what was read by ``read``

    def read(self, size: int | None = -1) -> str:
        text = _without_nul(super().read(size))
        self.count += text.count(self.counted)
        return text

    def readline(self, size: int = -1) -> str:  # type: ignore[override]
        return _without_nul(super().readline(size))


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise UnicodeError
    return text


@dataclass(frozen=True)
class TextRows(FileRows):
    """The rows of a text file from row ``offset`` on; a row in quotes may span several lines."""

    separator: str | None = ","
    names: tuple[str, ...] = ()  # of the columns
    first_row: tuple[str, ...] = ()
    skipped: int = 0  # lines before the first row
    comment: str = ""  # what the comment lines at the top begin with
    offset: int = 0

    def place(self, row: int) -> str:
        line, _ = self._record(row)
        return f"{self.path}, line {line}"

    def shown(self, row: int, column: str, value: object) -> str:
        """The field as the file has it."""
        _, fields = self._record(row)
        return fields[self.names.index(column)].strip() if column in self.names else str(value)

    def _record(self, row: int) -> tuple[int, list[str]]:
        return next(islice(self.records(), self.offset + row, None))

    def head(self) -> list[str]:
        """The fields of the first row; none where there is no row."""
        return next(self.records(), (0, []))[1]

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """The line on which each row begins, and its fields; slow, and only for explaining."""
        with open_text(self.path) as text:
            csv.field_size_limit(LONGEST_FIELD)
            for _ in range(self.skipped):
                text.readline()
            lines = iter(text.readline, "")
            if self.separator is None:
                lines = (re.sub(r"[ \t]+", " ", line).strip(" ") for line in lines)
                lines = (re.sub(r" (\r?\n?)$", r"\1", line) for line in lines)
            reader = csv.reader(lines, delimiter=self.separator or " ", skipinitialspace=True)
            line = self.skipped + 1
            try:
                for fields in reader:
                    yield line, fields
                    line = self.skipped + reader.line_num + 1
            except csv.Error as error:
                raise ValueError(
                    f"{self.path}, line {line} cannot be read as csv ({error}): check its quotes"
                ) from error

    def check_not_empty(self) -> None:
        """Refuse a file without rows, or with blank lines before them."""
        if not self.first_row:
            check_not_empty(self.count(), self.path)

    def count(self) -> int:
        """The rows without blank lines at the end; refuses the first one of a wrong length."""
        blank, count = None, 0
        for line, fields in self.records():
            place = f"{self.path}, line {line}"
            if len(fields) <= 1 and not "".join(fields).strip():
                blank = blank or place
                continue
            if blank is not None:
                raise ValueError(f"{blank} is blank: remove it")
            if len(fields) != len(self.names):
                raise ValueError(
                    f"{place} has {len(fields)} fields where {len(self.names)} are expected: "
                    "every row needs the same number of columns"
                )
            count += 1
        return count


@contextmanager
def open_text(path: Path) -> Iterator[Text]:
    """The text of a file, UTF-8, plain or packed by gzip, bzip2 or xz.

    Raises ValueError naming the file, and the line where bytes are no text, also for what goes
    wrong while the text is read.
    """
    try:
        with open_unpacked(path) as file:
            found = foreign(file.read(HEAD_BYTES))
            if found is not None:
                raise ValueError(f"{path} is {': '.join(found)}")
            file.seek(0)
            yield Text(cast(io.BufferedReader, file), encoding="utf-8-sig", newline="")
    except UnicodeError as error:
        raise ValueError(_undecodable(path)) from error


def text_rows(
    path: Path,
    needed: Sequence[str] = (),
    header: bool = True,
    separators: Sequence[str | None] = SEPARATORS,
    width: int | None = None,
) -> TextRows:
    """How the rows of a file lie: after comment lines (``#``, ``%``), and after a header.

    The separator is the first that gives the columns ``needed`` or ``width`` fields, else the one
    that gives most fields. Raises ValueError when a column is missing or named twice.
    """
    with open_text(path) as text:
        skipped, comment, line = 0, "", text.readline()
        while line.startswith(COMMENTS):
            skipped, comment, line = skipped + 1, line[0], text.readline()
    rows = TextRows(path, skipped=skipped, comment=comment)
    found = {separator: replace(rows, separator=separator).head() for separator in separators}
    fitting = [
        separator
        for separator, fields in found.items()
        if (set(needed) <= {*map(str.strip, fields)} if needed else len(fields) == width)
    ]
    separator = fitting[0] if fitting else max(found, key=lambda each: len(found[each]))
    rows = replace(rows, separator=separator)
    if header:
        names = tuple(field.strip() for field in found[separator])
        skipped += 1 + "".join(found[separator]).count("\n")
        rows = replace(rows, names=names, skipped=skipped)
    rows = replace(rows, first_row=tuple(rows.head()))
    if needed:
        rows.check_not_empty()
        check_columns(path, rows.names, needed)
    return rows


def _undecodable(path: Path) -> str:
    """The first line that is no text, and what to do."""
    with open_unpacked(path) as file:
        # Latin-1 has a character for every byte.
        lines = io.TextIOWrapper(cast(io.BufferedReader, file), encoding="latin-1", newline="")
        for number, line in enumerate(iter(lines.readline, ""), start=1):
            place = f"{path}, line {number}"
            if "\0" in line:
                return f"{place} has a byte 0, as in UTF-16 or a binary file: save it as UTF-8 text"
            try:
                line.encode("latin-1").decode("utf-8")
            except UnicodeDecodeError as error:
                byte = error.object[error.start]
                return (
                    f"{place} has a byte {byte:#04x}, which is no UTF-8: save the file as UTF-8, "
                    "from latin-1 with: iconv -f latin1 -t utf-8"
                )
    return f"{path} is no UTF-8 text: save it as UTF-8"
