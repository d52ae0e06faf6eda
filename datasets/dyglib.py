"""DyGLib's processed files: ml_NAME.csv, ml_NAME.npy and ml_NAME_node.npy."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.archive import fetch_member
from benchmark.datasets.assemble import assemble
from benchmark.datasets.chronology import count_out_of_order, split_by_time, stable_order
from benchmark.datasets.columns import read_columns
from benchmark.datasets.dataset import Dataset, LabelKind, Source
from benchmark.datasets.locations import Locations
from benchmark.datasets.prepared import prepared_tensors
from benchmark.datasets.sides import is_bipartite
from benchmark.datasets.storage import sha256_of
from benchmark.datasets.validate import (
    FileRows,
    FractionalTimes,
    check_features,
    check_ids,
    check_labels,
    check_statistics,
    check_times,
)

CACHE_VERSION = 1  # raise it when what is kept in the cache changes its meaning


def load_dyglib(
    locations: Locations,
    name: str,
    url: str | None,
    sha256: str | None = None,
    num_nodes: int | None = None,
    num_events: int | None = None,
    num_labels: int | None = None,
    use_features: bool = True,
    fractional_times: FractionalTimes = "refuse",
    validation_fraction: float = 0.15,
    test_fraction: float = 0.15,
) -> Dataset:
    """The stream of ml_NAME.csv with the columns u, i, ts, label and idx, and its features.

    The files count nodes and events from 1, for row 0 of the features is padding; here both start
    at 0. Features that are zero throughout stand for none (DG_data/DATASETS_README.md of
    github.com/yule-BUAA/DyGLib) and are left out. ``y`` is the label of the source where any label
    is not 0. ``sha256`` is that of the zip archive at ``url`` ({name} is the name), which is
    fetched where the files are missing; ``num_nodes``, ``num_events`` and ``num_labels`` (events
    with another label than 0) are the published counts.
    """
    archive = url.format(name=name) if url else None
    events, edge_file, node_file = (
        fetch_member(locations, name, f"ml_{name}{ending}", archive, sha256)
        for ending in (".csv", ".npy", "_node.npy")
    )
    digests = {path.name: sha256_of(path) for path in (events, edge_file, node_file)}
    key = "-".join(digest[:12] for digest in digests.values())
    columns = prepared_tensors(
        locations.cache / name / f"ml_{name}-{key}-{fractional_times}-v{CACHE_VERSION}.pt",
        lambda: _parse(events, edge_file, node_file, fractional_times),
    )
    src, dst, t, y = (columns[key].numpy() for key in ("src", "dst", "t", "y"))
    found = {
        "num_nodes": len(columns["node_features"]),
        "num_events": len(t),
        "num_labels": int(np.count_nonzero(y)),
    }
    published = {"num_nodes": num_nodes, "num_events": num_events, "num_labels": num_labels}
    check_statistics(name, found, published)
    labelled = found["num_labels"] > 0
    static = columns["node_features"]
    return assemble(
        name,
        src,
        dst,
        t,
        split=lambda t: split_by_time(t, validation_fraction, test_fraction),
        source=Source(f"DyGLib files {events.parent}", digests, int(columns["moved_rows"])),
        num_nodes=found["num_nodes"],
        bipartite=is_bipartite(src, dst, found["num_nodes"]),
        features=columns["msg"] if use_features else None,
        labels=y if labelled else None,
        label_kind=LabelKind.NODE if labelled else LabelKind.NONE,
        num_classes=int(y.max()) + 1 if labelled else 0,
        node_features=static if use_features and static.shape[1] else None,
    )


def _parse(
    events: Path, edge_file: Path, node_file: Path, fractional_times: FractionalTimes
) -> dict[str, Tensor]:
    """The checked columns, sorted by time; features without their padding row."""
    table, rows = read_columns(events, ("u", "i", "ts", "label", "idx"))
    edge_rows, node_rows = _matrix(edge_file), _matrix(node_file)
    src = _from_one(table["u"], "u", rows, node_file, len(node_rows))
    dst = _from_one(table["i"], "i", rows, node_file, len(node_rows))
    event = _from_one(table["idx"], "idx", rows, edge_file, len(edge_rows))
    t = check_times(table["ts"], "ts", rows, fractional_times)
    y = check_labels(table["label"], "label", rows)
    order = stable_order(t)
    columns = {
        "src": src[order],
        "dst": dst[order],
        "t": t[order],
        "y": y[order],
        "msg": _features(edge_rows, edge_file)[event[order]],
        "node_features": _features(node_rows, node_file),
    }
    return {
        **{key: torch.from_numpy(values) for key, values in columns.items()},
        "moved_rows": torch.tensor(count_out_of_order(t)),
    }


def _from_one(
    values: NDArray[np.float64], column: str, rows: FileRows, file: Path, num_rows: int
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
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(
            f"{path} cannot be read as an array ({error}): write it with numpy.save"
        ) from error
    if matrix.ndim != 2:
        raise ValueError(
            f"{path} holds {list(matrix.shape)} where a matrix of shape [rows, dim] is expected"
        )
    return matrix


def _features(matrix: NDArray[Any], path: Path) -> NDArray[np.float32]:
    """The rows from 1 on as float32, of width 0 where they are zero throughout."""
    features = matrix[1:].astype(np.float32)
    check_features(features, FileRows(path, first=1, unit="row"))
    return features if features.any() else features[:, :0].copy()
