"""Temporal knowledge graphs: lines of ``SUBJECT RELATION OBJECT TIME``, in one file per split."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.dataset import Dataset, LabelKind, Source, Split
from benchmark.datasets.exact import Times
from benchmark.datasets.loader import Published, assemble
from benchmark.datasets.reading import read_text
from benchmark.datasets.text_rows import text_rows
from benchmark.datasets.validate import check_ids, check_labels, check_times
from benchmark.storage.locations import Locations

FILES = ("train.txt", "valid.txt", "test.txt")
COLUMNS = ("subject", "relation", "object", "time")


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
            for file in FILES
        }

    def load(self, locations: Locations) -> Dataset:
        """The stream; raises ValueError when a file begins before the end of the one before it."""
        paths = [*self.paths(locations).values()]
        parts: list[NDArray[np.int64]] = []
        for path in paths:
            parts.append(_read(path, end=parts[-1][3].max() if parts else 0))
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


def _read(path: Path, end: int) -> NDArray[np.int64]:
    """Subject, relation, object and time, [4, num_events]; refuses a time before ``end``."""
    rows = text_rows(path, header=False, separators=(None,))
    others = range(len(COLUMNS), len(rows.first_row))
    rows = replace(rows, names=(*COLUMNS, *(f"column {i + 1}" for i in others)))
    frame = read_text(rows, COLUMNS)
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
