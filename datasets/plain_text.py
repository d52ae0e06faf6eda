"""Text without a header, a line for each event: SNAP's edges, and quadruples of knowledge graphs.

SNAP's lines are ``SRC DST UNIXTIME``, in one file or in one per edge class; those of a temporal
knowledge graph ``SUBJECT RELATION OBJECT TIME``, in one file per split.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.dataset import Dataset, LabelKind, Source, Split
from benchmark.datasets.exact import Times
from benchmark.datasets.loader import ByQuantile, Published, assemble
from benchmark.datasets.reading import read_text
from benchmark.datasets.text_rows import TextRows, text_rows
from benchmark.datasets.validate import check_columns, check_ids, check_labels, check_times
from benchmark.storage.locations import Locations

ENDS_AND_TIME = ("source", "destination", "time")
KONECT = ("source", "destination", "weight", "time")  # where a file begins with %
SEPARATORS = (",", ";", None)
SPLIT_FILES = ("train.txt", "valid.txt", "test.txt")
QUADRUPLE = ("subject", "relation", "object", "time")


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
        frame = read_text(rows, ENDS_AND_TIME)
        source, destination, time = (frame[column] for column in ENDS_AND_TIME)
        return (
            check_ids(source, "source", rows),
            check_ids(destination, "destination", rows),
            check_times(time, "time", rows, self.fractional_times),
        )

    def _layout(self, path: Path) -> TextRows:
        columns = tuple(self.columns or ENDS_AND_TIME)
        check_columns(path, columns, ENDS_AND_TIME)
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


@dataclass(frozen=True)
class Quadruples(Published):
    """The events of train.txt, valid.txt and test.txt, plain or packed; the files are the split.

    ``y`` is the relation, one edge class per event. Further columns are ignored. ``FILE`` is
    fetched from the folder ``url`` where it is missing. ``num_nodes``, ``num_events`` and
    ``num_relations`` are the published counts. Source of the layout: RE-Net (EMNLP 2020).
    """

    locating: ClassVar[tuple[str, ...]] = ("url", "num_nodes", "num_events", "num_relations")

    url: str | None = None
    num_relations: int | None = None

    @property
    def known_labels(self) -> LabelKind:
        return LabelKind.EDGE

    def paths(self, locations: Locations) -> dict[str, Path]:
        return {
            file: locations.fetch(self.name, file, self.url and f"{self.url}/{file}")
            for file in SPLIT_FILES
        }

    def load(self, locations: Locations) -> Dataset:
        """The stream; raises ValueError when a file begins before the end of the one before it."""
        paths = [*self.paths(locations).values()]
        parts: list[NDArray[np.int64]] = []
        for path in paths:
            parts.append(_read_after(path, end=parts[-1][3].max() if parts else 0))
        src, relation, dst, t = np.concatenate(parts, axis=1)
        train_end, validation_end, num_events = np.cumsum([p.shape[1] for p in parts]).tolist()
        times = Times(t)
        dataset = assemble(
            self.name,
            src,
            dst,
            times,
            split=Split(train_end, validation_end, num_events),
            source=Source(
                f"quadruples {', '.join(map(str, paths))}",
                self.checksums(locations),
                times.moved_rows,
            ),
            labels=relation,
            label_kind=LabelKind.EDGE,
        )
        self.check_counts(dataset, num_relations=dataset.num_classes)
        return dataset


def _read_after(path: Path, end: int) -> NDArray[np.int64]:
    """Subject, relation, object and time, [4, num_events]; refuses a time before ``end``."""
    rows = text_rows(path, header=False, separators=(None,))
    others = range(len(QUADRUPLE), len(rows.first_row))
    rows = replace(rows, names=(*QUADRUPLE, *(f"column {i + 1}" for i in others)))
    frame = read_text(rows, QUADRUPLE)
    t = check_times(frame["time"], "time", rows).whole
    if t.min() < end:
        raise ValueError(
            f"{rows.place(int(t.argmin()))}: time {t.min()} is earlier than {end}, the end of the "
            "file before: train.txt, valid.txt and test.txt must follow each other in time"
        )
    return np.stack(
        [
            check_ids(frame["subject"], "subject", rows),
            check_labels(frame["relation"], "relation", rows),
            check_ids(frame["object"], "object", rows),
            t,
        ]
    )
