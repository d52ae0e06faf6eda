"""SNAP text: lines of ``SRC DST UNIXTIME``, in one file or in one file per edge class."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmark.datasets.dataset import Dataset, LabelKind, Source
from benchmark.datasets.exact import Times
from benchmark.datasets.loader import ByQuantile, Published, assemble
from benchmark.datasets.reading import read_text
from benchmark.datasets.text_rows import TextRows, text_rows
from benchmark.datasets.validate import check_columns, check_ids, check_times
from benchmark.storage.locations import Locations

NEEDED = ("source", "destination", "time")
KONECT = ("source", "destination", "weight", "time")  # where a file begins with %
SEPARATORS = (",", ";", None)


@dataclass(frozen=True)
class SNAP(ByQuantile, Published):
    """The events of all ``files`` (each plain or packed) in one stream.

    Nodes are numbered in the order of their original ids. With several files the position of an
    event's file is its edge class; events of equal time keep the order of files and lines.
    ``FILE.gz`` is fetched from the folder ``url`` where a file is missing. ``columns`` says what
    the columns are, ``source``, ``destination`` and ``time`` among them; others are ignored.
    """

    locating: ClassVar[tuple[str, ...]] = ("folder", "url", "num_nodes", "num_events")

    folder: str
    files: Sequence[str]
    url: str | None = None
    columns: Sequence[str] | None = None

    @property
    def known_labels(self) -> LabelKind:
        return LabelKind.EDGE if len(self.files) > 1 else LabelKind.NONE

    def paths(self, locations: Locations) -> dict[str, Path]:
        return {
            file: locations.fetch(self.folder, file, self.url and f"{self.url}/{file}.gz")
            for file in self.files
        }

    def load(self, locations: Locations) -> Dataset:
        paths = [*self.paths(locations).values()]
        src, dst, times = zip(*map(self._read, paths), strict=True)
        dataset = assemble(
            self.name,
            np.concatenate(src),
            np.concatenate(dst),
            Times.joined(times),
            split=self.fractions,
            source=Source(
                f"SNAP text {', '.join(map(str, paths))}",
                self.checksums(locations),
                sum(part.moved_rows for part in times),
            ),
            labels=np.repeat(np.arange(len(paths)), [len(part.whole) for part in times]),
            label_kind=LabelKind.EDGE,
        )
        self.check_counts(dataset)
        return dataset

    def _read(self, path: Path) -> tuple[np.ndarray, np.ndarray, Times]:
        rows = self._layout(path)
        frame = read_text(rows, NEEDED)
        source, destination, time = (frame[column] for column in NEEDED)
        return (
            check_ids(source, "source", rows),
            check_ids(destination, "destination", rows),
            check_times(time, "time", rows, self.fractional_times),
        )

    def _layout(self, path: Path) -> TextRows:
        columns = tuple(self.columns or NEEDED)
        check_columns(path, columns, NEEDED)
        rows = text_rows(path, header=False, separators=SEPARATORS, width=len(columns))
        if self.columns is None and rows.comment == "%" and len(rows.first_row) == len(KONECT):
            return replace(rows, names=KONECT)
        if len(rows.first_row) > len(columns):
            raise ValueError(
                f"{rows.place(0)} has {len(rows.first_row)} fields where {', '.join(columns)} are "
                "expected: name all of them, as in "
                "dataset.columns=[source,destination,weight,time]"
            )
        return replace(rows, names=columns)
