"""The user's own csv or parquet file, by the names of its columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.datasets.dataset import Dataset, LabelKind, NodeNames, Source
from benchmark.datasets.loader import ByQuantile, assemble
from benchmark.datasets.reading import read_table
from benchmark.datasets.table_columns import (
    classes,
    features,
    filled,
    positions,
    positive_last,
    zeros_and_ones,
)
from benchmark.datasets.validate import FileRows, check_times_or_dates
from benchmark.storage.locations import Locations


@dataclass(frozen=True)
class Table(ByQuantile):
    """One event per row of the file at ``path`` (as given, or inside the data set folders).

    Ids are text, and nodes are numbered in the order of their ids, whole numbers before words. With
    ``bipartite`` the destinations are other nodes than the sources, whatever their ids, and follow
    them in the numbering. ``features`` names columns of numbers, of true and false, or of words;
    ``feature_prefix`` adds every column whose name starts with it. ``label_kind`` is none, node
    (class of the source), edge (class of the event) or multi_edge (several columns of 0 and 1);
    ``positive_class`` is the one of two node classes that is to be found. ``columns`` names the
    columns of a text file that has no header.
    """

    locating: ClassVar[tuple[str, ...]] = ("path",)

    path: str
    source: str = "source"
    destination: str = "destination"
    time: str = "time"
    columns: Sequence[str] | None = None
    bipartite: bool = False
    features: Sequence[str] = ()
    feature_prefix: str | None = None
    labels: Sequence[str] = ()
    label_kind: str = "none"
    positive_class: str | None = None

    def paths(self, locations: Locations) -> dict[str, Path]:
        """The one file, under a name that does not change when it is called otherwise."""
        path = Path(self.path).expanduser()
        return {"table": path if path.is_file() else locations.fetch(self.name, self.path)}

    def load(self, locations: Locations) -> Dataset:
        kind = self._label_kind()
        (path,) = self.paths(locations).values()
        exact = [self.source, self.destination, *self.labels]
        frame, rows = read_table(
            path, exact, self.time, self.features, self.feature_prefix, self.columns
        )
        times = check_times_or_dates(frame[self.time], self.time, rows, self.fractional_times)
        src, dst, node_names = self._nodes(frame, rows)
        labels, class_names = self._labels(frame, kind, rows)
        prefix = self.feature_prefix
        prefixed = [name for name in map(str, frame) if prefix and name.startswith(prefix)]
        names = [*dict.fromkeys([*self.features, *prefixed])]
        matrix, indicators = features(frame, names, rows)
        return assemble(
            self.name,
            src,
            dst,
            times,
            split=self.fractions,
            source=Source(
                f"table {path}",
                self.checksums(locations),
                times.moved_rows,
                time_unit=times.unit,
            ),
            features=matrix,
            labels=labels,
            label_kind=kind,
            class_names=class_names,
            indicators=indicators,
            names=node_names,
        )

    def _nodes(
        self, frame: pd.DataFrame, rows: FileRows
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NodeNames]:
        src, dst = (filled(frame, column, rows) for column in (self.source, self.destination))
        if self.bipartite:
            (sources, names), (destinations, others) = positions(src), positions(dst)
            both_names = NodeNames(np.concatenate([names, others]), len(names))
            return sources, len(names) + destinations, both_names
        both, names = positions(np.concatenate([src, dst]))
        return both[: len(src)], both[len(src) :], NodeNames(names)

    def _label_kind(self) -> LabelKind:
        if self.label_kind not in list(LabelKind):
            kinds = ", ".join(kind.value for kind in LabelKind)
            raise ValueError(f"label_kind is {self.label_kind!r}: it can be {kinds}")
        kind = LabelKind(self.label_kind)
        count = len(self.labels)
        allowed = {LabelKind.NONE: count == 0, LabelKind.MULTI_EDGE: count > 1}
        if not allowed.get(kind, count == 1):
            raise ValueError(
                f"label_kind {kind} does not fit {count} label columns: none needs no column, node "
                "and edge need one, multi_edge needs several"
            )
        if self.positive_class is not None and kind is not LabelKind.NODE:
            raise ValueError(
                f"positive_class is {self.positive_class!r} but label_kind is {kind}: it is for "
                "label_kind=node, leave it null"
            )
        return kind

    def _labels(
        self, frame: pd.DataFrame, kind: LabelKind, rows: FileRows
    ) -> tuple[NDArray[Any] | None, Sequence[str]]:
        """What ``stream.y`` holds, and the names of the classes."""
        if kind is LabelKind.NONE:
            return None, ()
        if kind is LabelKind.MULTI_EDGE:
            return zeros_and_ones(frame, self.labels, rows), self.labels
        (column,) = self.labels
        labels, names = classes(frame, column, rows)
        if kind is LabelKind.NODE:
            return positive_last(labels, names, self.positive_class, column)
        return labels, names
