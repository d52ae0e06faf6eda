"""Text files of rows: unpacked and decoded whatever their name, and explained by their lines."""

import csv
import io
import lzma
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

from benchmark.datasets.validate import FileRows, check_columns, check_not_empty
from benchmark.storage.files import open_unpacked

SEPARATORS = (",", "\t", ";", None)  # None is any white space
COMMENTS = ("#", "%")
LONGEST_FIELD = 1 << 20

# What other files than text begin with.
FOREIGN = {
    b"PK": "a zip archive: unpack it and name the file inside",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive: unpack it and name the file inside",
    b"Rar!": "a RAR archive: unpack it and name the file inside",
    b"\x28\xb5\x2f\xfd": "packed with zstd: unpack it, or pack it with gzip, bzip2 or xz",
    b"\x1f\x9d": "packed with compress: unpack it, or pack it with gzip, bzip2 or xz",
    b"Salted__": "encrypted by openssl: decrypt it first",
    b"-----BEGIN PGP": "encrypted by PGP: decrypt it first",
    b"\xff\xfe": "UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
    b"PAR1": "a parquet file: load it with dataset=table",
    b"<!DOCTYPE": "a page of HTML: a download went wrong, so fetch it again",
    b"<html": "a page of HTML: a download went wrong, so fetch it again",
}
TAR_MAGIC = slice(257, 262), b"ustar"


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
        with open_text(self.path) as text:
            return next(islice(self.records(text), self.offset + row, None))

    def records(self, text: Text) -> Iterator[tuple[int, list[str]]]:
        """The line on which each row begins, and its fields; slow, and only for explaining."""
        yield from _records(text, self.path, self.separator, self.skipped)

    def check_not_empty(self) -> None:
        """Refuse a file without rows, or with blank lines before them."""
        if not self.first_row:
            check_not_empty(self.count(), self.path)

    def count(self) -> int:
        """The rows without blank lines at the end; refuses the first one of a wrong length."""
        blank, count = None, 0
        with open_text(self.path) as text:
            for line, fields in self.records(text):
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
    with open_unpacked(path) as file:
        try:
            start = file.read(512)
            file.seek(0)
            _refuse_foreign(path, start)
            yield Text(cast(io.BufferedReader, file), encoding="utf-8-sig", newline="")
        except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
            if getattr(error, "errno", None) is not None:  # of the disk, not of the packing
                raise
            raise ValueError(
                f"{path} is not a whole packed file ({error}): fetch it again"
            ) from error
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
    found: dict[str | None, list[str]] = {}
    for separator in separators:
        with open_text(path) as text:
            _, found[separator] = next(_records(text, path, separator, skipped), (0, []))
    fitting = [
        separator
        for separator, fields in found.items()
        if (set(needed) <= {*map(str.strip, fields)} if needed else len(fields) == width)
    ]
    separator = fitting[0] if fitting else max(found, key=lambda each: len(found[each]))
    names = tuple(field.strip() for field in found[separator]) if header else ()
    if header:
        skipped += 1 + "".join(found[separator]).count("\n")
    with open_text(path) as text:
        _, first_row = next(_records(text, path, separator, skipped), (0, []))
    rows = TextRows(
        path,
        separator=separator,
        names=names,
        first_row=tuple(first_row),
        skipped=skipped,
        comment=comment,
    )
    if needed:
        rows.check_not_empty()
        check_columns(path, names, needed)
    return rows


def _records(
    text: Text, path: Path, separator: str | None, skipped: int
) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST_FIELD)
    for _ in range(skipped):
        text.readline()
    lines = iter(text.readline, "")
    if separator is None:
        lines = (re.sub(r"[ \t]+", " ", line).strip(" ") for line in lines)
        lines = (re.sub(r" (\r?\n?)$", r"\1", line) for line in lines)
    reader = csv.reader(lines, delimiter=separator or " ", skipinitialspace=True)
    line = skipped + 1
    try:
        for fields in reader:
            yield line, fields
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {line} cannot be read as csv ({error}): check its quotes"
        ) from error


def _refuse_foreign(path: Path, start: bytes) -> None:
    for magic, what in FOREIGN.items():
        if start.startswith(magic):
            encrypted = magic == b"PK" and len(start) > 6 and start[6] & 1
            raise ValueError(f"{path} is {what.replace('a zip', 'an encrypted zip', encrypted)}")
    where, magic = TAR_MAGIC
    if start[where] == magic:
        raise ValueError(f"{path} is a tar archive: unpack it and name the file inside")


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
