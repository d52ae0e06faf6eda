"""JODIE csv (wikipedia, reddit, mooc, lastfm), and the files that DyGLib makes of such: ml_NAME."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.dataset import Dataset, LabelKind, NodeNames, Source
from benchmark.datasets.exact import Times, stable_order
from benchmark.datasets.loader import ByQuantile, Published, assemble
from benchmark.datasets.reading import chunks, read_text
from benchmark.datasets.text_rows import TextRows, text_rows
from benchmark.datasets.validate import (
    FileRows,
    check_features,
    check_ids,
    check_labels,
    check_times,
    feature_matrix,
)
from benchmark.storage.locations import Locations, fetch_member
from benchmark.storage.prepared import prepared_tensors

COLUMNS = ("user_id", "item_id", "timestamp", "state_label")
PROCESSED = ("u", "i", "ts", "label", "idx")  # by DyGLib
CACHE_VERSION = 3  # raise it when what is kept in the cache changes its meaning


@dataclass(frozen=True)
class JODIE(ByQuantile, Published):
    """The stream in ``NAME.csv``: a header, then user, item, timestamp, state_label[, features].

    Users are numbered in the order of their ids, and items after them; ``y`` is the state label of
    the user (class 1: banned or dropped out after this event). ``num_nodes``, ``num_events`` and
    ``num_labels`` (events of another class than 0) are the published counts that the file must
    have. Source: JODIE (KDD 2019).
    """

    locating: ClassVar[tuple[str, ...]] = ("url", "sha256", "num_nodes", "num_events", "num_labels")

    url: str | None = None
    sha256: str | None = None
    num_labels: int | None = None
    use_features: bool = True

    @property
    def known_labels(self) -> LabelKind:
        return LabelKind.NODE

    def paths(self, locations: Locations) -> dict[str, Path]:
        file = f"{self.name}.csv"
        return {file: locations.fetch(self.name, file, self.url, self.sha256)}

    def load(self, locations: Locations) -> Dataset:
        paths = self.paths(locations)
        checksums = self.checksums(locations)
        key = "-".join(digest[:12] for digest in checksums.values())
        columns = prepared_tensors(
            locations.cache / self.name / f"{key}-{self.fractional_times}-v{CACHE_VERSION}",
            lambda: self._parse(*paths.values()),
        )
        src, dst, t, y = (columns[key].numpy() for key in ("src", "dst", "t", "y"))
        static = columns.get("node_features") if self.use_features else None
        if static is not None and not static.any():
            static = None
        dataset = assemble(
            self.name,
            src,
            dst,
            Times(t),
            split=self.fractions,
            source=Source(
                f"{type(self).__name__} {', '.join(map(str, paths.values()))}",
                checksums,
                int(columns["moved_rows"]),
            ),
            features=columns["msg"] if self.use_features else None,
            labels=y,
            label_kind=LabelKind.NODE,
            num_nodes=None if static is None else len(static),
            node_features=static,
            names=_names(columns),
        )
        self.check_counts(dataset, num_labels=int((y > 0).sum()))
        return dataset

    def _parse(self, *paths: Path) -> dict[str, Tensor]:
        """The checked columns of the files, sorted by time."""
        layout = _layout(*paths)
        names = layout.names[len(COLUMNS) :]
        parts: dict[str, list[NDArray[Any]]] = {key: [] for key in ("user", "item", "y", "msg")}
        times = []
        for frame, rows in chunks(layout, whole=COLUMNS, features=names):
            parts["user"].append(check_ids(frame["user_id"], "user_id", rows))
            parts["item"].append(check_ids(frame["item_id"], "item_id", rows))
            times.append(check_times(frame["timestamp"], "timestamp", rows, self.fractional_times))
            parts["y"].append(check_labels(frame["state_label"], "state_label", rows))
            parts["msg"].append(feature_matrix(frame, names, rows))
        columns = {key: np.concatenate(arrays) for key, arrays in parts.items()}
        users, src = np.unique(columns.pop("user"), return_inverse=True)
        items, item = np.unique(columns.pop("item"), return_inverse=True)
        return {
            **in_order(Times.joined(times), src=src, dst=len(users) + item, **columns),
            "names": torch.from_numpy(np.concatenate([users, items])),
            "num_users": torch.tensor(len(users)),
        }


def _names(columns: Mapping[str, Tensor]) -> NodeNames:
    num_users = columns.get("num_users")
    return NodeNames(columns["names"].numpy(), None if num_users is None else int(num_users))


def in_order(times: Times, **columns: NDArray[Any]) -> dict[str, Tensor]:
    """Columns sorted by the exact times, those as ``t``, and ``moved_rows``."""
    order = stable_order(times.exact)
    columns = {"t": times.whole, **columns}
    kept = {name: torch.from_numpy(values[order]) for name, values in columns.items()}
    return {**kept, "moved_rows": torch.tensor(times.moved_rows)}


def _layout(path: Path) -> TextRows:
    # The public files name four columns and then one "comma_separated_list_of_features" for all.
    layout = text_rows(path, separators=(",",))
    if tuple(map(str.lower, layout.names[: len(COLUMNS)])) != COLUMNS:
        header = ",".join(layout.names)[:60]
        raise ValueError(
            f"{path}, line 1: the header starts with {header!r} where {','.join(COLUMNS)} is "
            "expected: add it, or load the file with dataset=table"
        )
    num_features = max(len(layout.first_row) - len(COLUMNS), 0)
    return replace(layout, names=(*COLUMNS, *(f"feature {i + 1}" for i in range(num_features))))


@dataclass(frozen=True)
class DyGLib(JODIE):
    """The stream of ml_NAME.csv with the columns u, i, ts, label and idx, and its features.

    The files count nodes and events from 1, for row 0 of the features is padding; here both start
    at 0. Features that are zero throughout stand for none (DG_data/DATASETS_README.md of
    github.com/yule-BUAA/DyGLib) and are left out; without node features nodes are those that occur,
    in the order of their ids. ``y`` is the label of the source where any label is not 0. ``sha256``
    is that of the zip archive at ``url`` ({name} is the name), which is fetched where the files are
    missing; ``num_nodes``, ``num_events`` and ``num_labels`` (events with a class other than 0) are
    the published counts, of nodes with events.
    """

    def paths(self, locations: Locations) -> dict[str, Path]:
        archive = self.url.format(name=self.name) if self.url else None
        names = (f"ml_{self.name}{ending}" for ending in (".csv", ".npy", "_node.npy"))
        return {
            name: fetch_member(locations, self.name, name, archive, self.sha256) for name in names
        }

    def _parse(self, *paths: Path) -> dict[str, Tensor]:
        """The checked columns, sorted by time; features without their padding row."""
        events, edge_file, node_file = paths
        rows = text_rows(events, PROCESSED, separators=(",",))
        table = read_text(rows, PROCESSED)
        edge_rows, node_rows = _matrix(edge_file), _matrix(node_file)
        event = _from_one(table["idx"], "idx", rows, edge_file, len(edge_rows))
        columns = in_order(
            check_times(table["ts"], "ts", rows, self.fractional_times),
            src=_from_one(table["u"], "u", rows, node_file, len(node_rows)),
            dst=_from_one(table["i"], "i", rows, node_file, len(node_rows)),
            y=check_labels(table["label"], "label", rows),
            msg=_features(edge_rows, edge_file)[event],
        )
        return columns | {
            "node_features": torch.from_numpy(_features(node_rows, node_file)),
            "names": torch.arange(1, len(node_rows)),
        }


def _from_one(
    values: Any, column: str, rows: FileRows, file: Path, num_rows: int
) -> NDArray[np.int64]:
    """Ids from 0 on, out of ids from 1 on that are rows of ``file``."""
    ids = check_ids(values, column, rows)
    wrong = np.flatnonzero((ids == 0) | (ids >= num_rows))
    if wrong.size:
        raise ValueError(
            f"{rows.place(wrong[0])}: {column} is {ids[wrong[0]]} but {file.name} has rows 1 to "
            f"{num_rows - 1} (row 0 is padding): write the three files again together"
        )
    return ids - 1


def _matrix(path: Path) -> NDArray[Any]:
    """A mapped matrix of numbers."""
    try:
        matrix = np.load(path, mmap_mode="r")
    except Exception as error:  # what numpy raises depends on where the file is wrong
        raise ValueError(f"{path} cannot be read as an array: write it with numpy.save") from error
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or matrix.dtype.kind not in "biuf":
        found = getattr(matrix, "dtype", type(matrix).__name__)
        raise ValueError(
            f"{path} holds {[*getattr(matrix, 'shape', ())]} of {found} where a matrix of numbers "
            "of shape [rows, dim] is expected"
        )
    return matrix


def _features(matrix: NDArray[Any], path: Path) -> NDArray[np.float32]:
    """The rows from 1 on as float32."""
    features = np.asarray(matrix[1:])
    if features.dtype != np.float32:  # float16 does not hold what a feature is compared with
        features = features.astype(np.float64)
    check_features(features, FileRows(path, first=1, unit="row"))
    return features.astype(np.float32)
