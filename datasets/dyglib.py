"""DyGLib's processed files: ml_NAME.csv, ml_NAME.npy and ml_NAME_node.npy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.jodie import JODIE, in_order
from benchmark.datasets.reading import read_text
from benchmark.datasets.text_rows import text_rows
from benchmark.datasets.validate import (
    FileRows,
    check_features,
    check_ids,
    check_labels,
    check_times,
)
from benchmark.storage.locations import Locations, fetch_member

COLUMNS = ("u", "i", "ts", "label", "idx")


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
        rows = text_rows(events, COLUMNS, separators=(",",))
        table = read_text(rows, COLUMNS)
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
