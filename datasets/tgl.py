"""The folder layout of TGL: edges.csv, and where present features, node labels, edge classes."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.assemble import assemble
from benchmark.datasets.chronology import Times
from benchmark.datasets.columns import read_columns
from benchmark.datasets.dataset import UNLABELLED, Dataset, LabelKind, Source, Split
from benchmark.datasets.locations import Locations
from benchmark.datasets.mapped import ROWS_PER_CHUNK
from benchmark.datasets.storage import prepared_tensors
from benchmark.datasets.tgl_edges import read_edges
from benchmark.datasets.tgl_files import TGLFolder
from benchmark.datasets.validate import (
    FractionalTimes,
    check_ids,
    check_labels,
    check_statistics,
    check_times,
)

CACHE_VERSION = 1  # raise it when what is kept in the cache changes its meaning
Ids = NDArray[np.int64]


def load_tgl(
    locations: Locations,
    name: str,
    url: str | None = None,
    edge_features: str | None = "edge_features.pt",
    node_features: str | None = "node_features.pt",
    node_labels: str | None = "labels.csv",
    edge_classes: str | None = None,
    num_nodes: int | None = None,
    num_events: int | None = None,
    fractional_times: FractionalTimes = "refuse",
) -> Dataset:
    """The stream in folder ``name``, as github.com/amazon-science/tgl describes its layout.

    The row number in edges.csv is the event id, so rows must be sorted by time; ``ext_roll`` (0
    train, 1 validation, 2 test) is the split. ``edge_classes`` (DistTGL's class file of GDELT)
    holds 0 and 1 of shape [num_events, num_classes] and becomes ``y``; without it ``y`` is the
    label of the source at the time of the event where ``node_labels`` has one, -1 elsewhere.

    A feature or label file is left out where its name is None or, without ``url``, where it is not
    there. Columns and matrices are memory-mapped. ``num_nodes`` and ``num_events`` are the
    published counts.
    """
    folder = TGLFolder(locations, name, url)
    edges = folder.require("edges.csv")
    columns = prepared_tensors(
        folder.cached(edges, f"-{fractional_times}-v{CACHE_VERSION}.pt"),
        lambda: read_edges(edges, fractional_times, folder.cache),
    )
    src, dst, t = (columns[key].numpy() for key in ("src", "dst", "t"))
    largest_id = int(max(src.max(), dst.max()))
    static = _node_rows(folder, node_features, largest_id, edges)
    found = {
        "num_nodes": largest_id + 1 if static is None else len(static),
        "num_events": len(t),
    }
    check_statistics(name, found, {"num_nodes": num_nodes, "num_events": num_events})
    labels: NDArray[Any] | None
    if edge_classes is not None:
        labels, remark = _edge_classes(folder, edge_classes, len(t), edges), ""
        kind = LabelKind.MULTI_EDGE
    else:
        labels, remark = _node_labels(folder.find(node_labels), src, t, fractional_times)
        kind = LabelKind.NONE if labels is None else LabelKind.NODE
    train, validation, _ = columns["rolls"].tolist()
    return assemble(
        name,
        src,
        dst,
        Times(t),
        split=Split(train, train + validation, len(t)),
        source=Source(f"TGL folder {edges.parent}{remark}", folder.checksums),
        num_nodes=found["num_nodes"],
        features=_edge_features(folder, edge_features, len(t), edges),
        labels=labels,
        label_kind=kind,
        node_features=static,
    )


def _node_rows(folder: TGLFolder, file: str | None, largest_id: int, edges: Path) -> Tensor | None:
    path = folder.find(file)
    if path is None:
        return None
    rows = folder.matrix(path)
    if len(rows) <= largest_id:
        raise ValueError(
            f"{path} has {len(rows)} rows but {edges} has node id {largest_id}: write one row of "
            "features per node"
        )
    return rows


def _edge_features(
    folder: TGLFolder, file: str | None, num_events: int, edges: Path
) -> Tensor | None:
    path = folder.find(file)
    return None if path is None else _event_rows(folder.matrix(path), path, num_events, edges)


def _event_rows(matrix: Tensor, path: Path, num_events: int, edges: Path) -> Tensor:
    """One row per event; DistTGL's files end with a row of zeros that stands for no event."""
    if len(matrix) == num_events + 1 and not matrix[-1].any():
        return matrix[:-1]
    if len(matrix) != num_events:
        raise ValueError(
            f"{path} has {len(matrix)} rows but {edges} has {num_events} events: write one row "
            "per event, in the same order"
        )
    return matrix


def _edge_classes(
    folder: TGLFolder, file: str, num_events: int, edges: Path
) -> NDArray[np.float32]:
    """The 0/1 vectors [num_events, num_classes] of a file of any type."""
    path = folder.require(file)
    stored = folder.stored_matrix(path)
    for start in range(0, 0 if stored.dtype == torch.bool else len(stored), ROWS_PER_CHUNK):
        rows = stored[start : start + ROWS_PER_CHUNK]
        wrong = ((rows != 0) & (rows != 1)).nonzero()
        if len(wrong):
            row, column = wrong[0].tolist()
            raise ValueError(
                f"{path}, row {start + row}: class {column} is {rows[row, column].item():g}: it "
                "must be 1 where the event has the class and 0 elsewhere"
            )
    return _event_rows(folder.matrix(path), path, num_events, edges).numpy()


def _node_labels(
    path: Path | None, src: Ids, t: Ids, fractional_times: FractionalTimes
) -> tuple[Ids | None, str]:
    """One label per event, and a remark on labels that belong to no event.

    The k-th label of a (node, time) goes to the k-th event with this source and time.
    """
    if path is None:
        return None, ""
    columns, rows = read_columns(path, ("node", "time", "label"))
    node = check_ids(columns["node"], "node", rows)
    time = check_times(columns["time"], "time", rows, fractional_times).whole
    given = pd.DataFrame({"node": node, "time": time})
    # Few nodes of a large graph have labels: only their events are looked at.
    candidates = np.flatnonzero(np.isin(src, node))
    events = pd.DataFrame({"node": src[candidates], "time": t[candidates]})
    for frame in (given, events):
        frame["turn"] = frame.groupby(["node", "time"]).cumcount()
    given["label"] = check_labels(columns["label"], "label", rows)
    label = events.merge(given, how="left")["label"]
    unused = len(given) - int(label.notna().sum())
    if unused == len(given):
        raise ValueError(
            f"{path}: no (node, time) is the source and time of an event in edges.csv: check that "
            "both files count nodes and time alike"
        )
    labels = np.full(len(src), UNLABELLED)
    labels[candidates] = label.fillna(UNLABELLED)
    return labels, f", {unused} of {len(given)} labels belong to no event" if unused else ""
